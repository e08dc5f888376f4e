"""The mirror and the pager over real sockets, with a PagerDuty that misbehaves."""

import time

import pytest

from pagerduty_card.accounts import get_account
from pagerduty_card.domain import Severity
from pagerduty_card.errors import PagerDutyError
from pagerduty_card.mapping.resolving import resolve, targets_of
from pagerduty_card.models import Feed, Incident, Service, TriggeredIncident
from pagerduty_card.paging import triggering
from pagerduty_card.syncing import accounts as syncing
from pagerduty_card.syncing import pages
from pagerduty_card.wire.client import PagerDutyClient
from sandbox.pagerduty.generated_account import generated_account
from sandbox.pagerduty.server import serve
from tests.factories import make_entity, make_user
from tests.pagerduty_card.conftest import undone
from tests.pagerduty_card.mirror import name_services

pytestmark = [pytest.mark.django_db, pytest.mark.real_http]

State = TriggeredIncident.State


@pytest.fixture
def pager():
    entity = make_entity("checkout-api", annotations={"pagerduty.com/service-id": "PCHKOUT"})
    bob = make_user("bob", permissions=("pagerduty_card.trigger_incident",))

    def send(dedup_key="switchboard-1"):
        pages.refresh_for_page(entity)
        return triggering.trigger(
            entity=entity,
            service_target=resolve(targets_of(entity))[0],
            description="Payments time out",
            severity=Severity.CRITICAL,
            details="",
            dedup_key=dedup_key,
            user=bob,
        )

    send.entity = entity
    return send


def mirror(kinds=None, **options):
    with PagerDutyClient(get_account(), **options) as client:
        return syncing.sync_account(get_account(), client, kinds=kinds)


def incidents_of(server, dedup_key):
    with PagerDutyClient(get_account()) as client:
        return client.incidents_by_key(dedup_key)


def test_mirrors_the_whole_example_company(sandbox):
    name_services(*[service.id for service in sandbox.state.account.services])
    report = mirror()
    assert not report.failed
    assert Service.objects.count() == 12
    assert Incident.objects.filter(service__pd_id="PORDERS").count() == 12


def test_five_hundred_services_and_their_policies_take_at_most_forty_requests(settings):
    settings.PAGERDUTY_SANDBOX = True
    with serve(make_account=lambda now: generated_account(services=500, now=now)) as server:
        settings.PAGERDUTY_SANDBOX_URL = server.url
        report = mirror()
        assert not report.failed
        assert report.requests <= 40
        assert Service.objects.count() == 500
        assert server.state.requests.count() == report.requests


def test_pages_the_on_call_and_finds_the_incident(sandbox, pager):
    attempt = pager()
    assert attempt.state == State.ACCEPTED
    pages.refresh_for_page(pager.entity)
    time.sleep(2.1)  # the interval between refreshes while an incident is awaited
    pages.refresh_for_page(pager.entity)
    attempt.refresh_from_db()
    assert attempt.state == State.CREATED
    assert attempt.assignees
    assert Incident.objects.filter(number=attempt.incident_number).exists()


def test_a_lost_answer_never_pages_twice(sandbox, pager):
    sandbox.state.faults.add("/v2/enqueue", "lost-answer", times=1)
    attempt = pager()
    assert attempt.state == State.ACCEPTED
    assert attempt == pager()
    assert len(incidents_of(sandbox, attempt.dedup_key)) == 1


def test_an_answer_that_is_lost_again_and_again_is_unsure_and_the_form_may_be_sent_again(
    sandbox, pager
):
    sandbox.state.faults.add("/v2/enqueue", "lost-answer")
    assert pager().state == State.UNSURE
    sandbox.state.faults.clear()
    attempt = pager()
    assert attempt.state == State.CREATED  # found, and not sent again
    assert len(incidents_of(sandbox, attempt.dedup_key)) == 1


def test_a_server_that_is_not_there_surely_paged_nobody(sandbox, pager, settings):
    pages.refresh_for_page(pager.entity)
    settings.PAGERDUTY_SANDBOX_URL = "http://127.0.0.1:9"
    assert pager().state == State.RETRYING  # and not unsure


def test_the_log_says_why_there_was_no_connection(sandbox, settings, caplog):
    caplog.set_level("INFO")
    settings.PAGERDUTY_SANDBOX_URL = sandbox.url.replace("http:", "https:")
    mirror(kinds=[Feed.Kind.INCIDENTS])
    (cause,) = {row.cause for row in caplog.records if row.message == "pagerduty not reached"}
    assert "WRONG_VERSION_NUMBER" in cause or "RECORD_LAYER_FAILURE" in cause


MISBEHAVIOUR = (
    *("401", "402", "403", "404", "408", "429", "500", "503", "cut-json", "html"),
    *("empty-object", "wrong-types", "nulls", "reset", "endless-more", "huge-body"),
)


def test_no_misbehaviour_empties_the_mirror(sandbox, subtests):
    name_services(*[service.id for service in sandbox.state.account.services])
    mirror()
    before = sorted(Incident.objects.values_list("number", flat=True))
    assert before
    for kind in MISBEHAVIOUR:
        sandbox.state.faults.clear()
        sandbox.state.faults.add("/incidents", kind)
        with subtests.test(kind=kind), undone():
            report = mirror([Feed.Kind.INCIDENTS])
            assert list(report.failed) == [Feed.Kind.INCIDENTS]
            assert sorted(Incident.objects.values_list("number", flat=True)) == before


@pytest.mark.parametrize("kind", ["hang", "hang-in-body", "drip"])
def test_a_page_waits_no_longer_than_its_budget(sandbox, kind):
    sandbox.state.faults.add("/services", kind, delay_s=0.2 if kind == "drip" else 30)
    started = time.monotonic()
    client = PagerDutyClient(get_account(), total_budget_s=1.0)
    with client, pytest.raises(PagerDutyError) as caught:
        client.service("PCHKOUT")
    assert caught.value.reason == "unreachable"
    assert time.monotonic() - started < 2.0


def test_values_pagerduty_adds_tomorrow_are_kept_as_they_are(sandbox):
    name_services(*[service.id for service in sandbox.state.account.services])
    sandbox.state.faults.add("/", "unknown-values")
    report = mirror()
    assert not report.failed
    assert Incident.objects.exists()
    assert not Incident.objects.filter(status__in=["triggered", "acknowledged"]).exists()
