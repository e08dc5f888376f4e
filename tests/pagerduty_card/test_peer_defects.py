"""What other PagerDuty cards got wrong, each proved absent here through the portal's own doors."""

import datetime as dt
import json

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog.models import Entity, Relation
from pagerduty_card.accounts import get_account
from pagerduty_card.models import Feed, TriggeredIncident
from pagerduty_card.syncing.accounts import sync_account
from pagerduty_card.wire import tokens
from pagerduty_card.wire.client import PagerDutyClient
from pagerduty_card.wire.quota import Quota
from portal.secret_shapes import mask
from sandbox.pagerduty.example_organisation import KEYS
from sandbox.pagerduty.generated_account import generated_account
from sandbox.pagerduty.server import serve
from tests.factories import make_entity, make_user
from tests.pagerduty_card.mirror import make_mapped_entity
from tests.pagerduty_card.pages import url_of
from tests.pages import soup_of, words

pytestmark = [pytest.mark.django_db, pytest.mark.real_http]
TRIGGER = "pagerduty_card.trigger_incident"
TOKEN = "sandbox-token"  # the one the sandbox accepts


@pytest.fixture
def reader(client):
    client.force_login(make_user("reader", permissions=(TRIGGER,)))
    return client


@pytest.fixture
def entity():
    return make_mapped_entity("checkout-api", service_id="PCHKOUT")


def account_of(server, name, **fields):
    """An entry of PAGERDUTY_ACCOUNTS that leads to a sandbox."""
    return {
        "name": name,
        "token": TOKEN,
        "api_base_url": server.url,
        "events_base_url": server.events_url,
        **fields,
    }


def mirror(name="default", kinds=None, *, background=True):
    account = get_account(name)
    with PagerDutyClient(account, background=background) as client:
        return sync_account(account, client, kinds=kinds)


def refresh(reader, entity):
    url = reverse("pagerduty_card:refresh", kwargs=entity.url_kwargs)
    answer = reader.post(url, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return words(soup_of(answer))


def card_of(reader, entity):
    answer = reader.get(url_of(entity), headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return words(soup_of(answer).select_one("#pagerduty-card"))


def send_form(reader, entity, service="default/PCHKOUT"):
    url = reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)
    form = soup_of(reader.get(url))
    return reader.post(
        url,
        {
            "service": service,
            "severity": "error",
            "description": "Ledger is stuck",
            "key": form.select_one("[name=key]")["value"],
        },
        headers={"HX-Request": "true"},
    )


# D1: 404 and 408 on incidents became 200 {} and the card said "Nice! No incidents".
@pytest.mark.parametrize("status", [404, 408])
def test_d01_a_refused_question_about_incidents_never_reads_as_all_clear(
    status, sandbox, reader, entity
):
    sandbox.state.faults.add("/incidents", status)
    said = refresh(reader, entity)
    assert "Nothing is open" not in said
    assert "Open incidents Not known" in said
    assert "UNKNOWN" in said or "ALARM" in said


# D2: 429 and 408 on changes became 200 {} and the card said that there were none.
@pytest.mark.parametrize("status", [429, 408])
def test_d02_a_refused_question_about_changes_never_reads_as_none(status, sandbox, reader, entity):
    sandbox.state.faults.add("/services/PCHKOUT/change_events", status)
    said = refresh(reader, entity)
    assert "No change was reported" not in said
    assert "Recent changes Not known" in said


# D3: 429 and 408 on the service read as "not found" or "Unauthorized".
@pytest.mark.parametrize(
    ("status", "why"),
    [
        (429, "PagerDuty limits how often it may be asked"),
        (408, "PagerDuty could not answer (408)"),
    ],
)
@pytest.mark.parametrize("named_by", ["service_id", "integration_key"])
def test_d03_a_busy_pagerduty_is_not_a_missing_service(status, why, named_by, sandbox, reader):
    key = KEYS[sandbox.state.account.services[0].id]
    entity = make_mapped_entity(**{named_by: "PCHKOUT" if named_by == "service_id" else key})
    sandbox.state.faults.add(r"/services(/PCHKOUT)?\?", status)
    said = refresh(reader, entity)
    assert why in said
    assert "PagerDuty has no" not in said
    assert "No PagerDuty service" not in said
    assert "token" not in said


# D4: with exactly one account configured no request was ever answered.
def test_d04_one_configured_account_serves_its_entities(sandbox, reader, settings):
    settings.PAGERDUTY_SANDBOX = False
    settings.PAGERDUTY_ACCOUNTS = json.dumps([account_of(sandbox, "eu")])
    entity = make_mapped_entity(service_id="PCHKOUT", account="eu")
    assert "1 triggered, 2 acknowledged" in refresh(reader, entity)
    report = mirror("eu")
    assert not report.failed


# D5: with a mistyped account the page loaded for ever.
def test_d05_a_mistyped_account_is_named_beside_those_there_are(sandbox, reader, settings):
    settings.PAGERDUTY_ACCOUNTS = json.dumps([account_of(sandbox, "eu")])
    entity = make_mapped_entity(service_id="PCHKOUT", account="ue")
    said = refresh(reader, entity)
    assert "'ue'" in said
    assert "configured: default, eu" in said
    assert "examples/catalog/checkout.yaml:12" in said
    assert sandbox.state.requests.count() == 0


# D6: the state came from a cache of 20 minutes, also right after one's own page.
def test_d06_ones_own_page_shows_in_the_state_at_once(sandbox, reader):
    entity = make_mapped_entity("fraud-check", service_id="PFRAUDC")
    assert "OK" in refresh(reader, entity)
    assert send_form(reader, entity, "default/PFRAUDC").status_code == 204
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=3), tick=True):
        said = refresh(reader, entity)
    assert "ALARM" in said
    assert "1 triggered" in said
    assert TriggeredIncident.objects.get().state == TriggeredIncident.State.CREATED


# D7: two accounts paged with one offset between them, and 50 of 180 policies were lost.
def test_d07_two_accounts_that_page_lose_no_record(settings):
    sizes = {"one": 130, "two": 250}
    big, bigger = (
        serve(
            make_account=lambda now, size=size: generated_account(
                services=size, now=now, incidents=0
            )
        )
        for size in sizes.values()
    )
    with big as one, bigger as two:
        settings.PAGERDUTY_ACCOUNTS = json.dumps([account_of(one, "one"), account_of(two, "two")])
        clients = {name: PagerDutyClient(get_account(name)) for name in sizes}
        try:
            found = {name: client.services() for name, client in clients.items()}
            policies = {name: client.escalation_policies() for name, client in clients.items()}
        finally:
            for client in clients.values():
                client.__exit__()
    assert {name: len({one.id for one in rows}) for name, rows in found.items()} == sizes
    assert {name: len({one.id for one in rows}) for name, rows in policies.items()} == {
        name: size // 2 for name, size in sizes.items()
    }


# D8: of two components on one service the second lost its annotations, and so its card.
def test_d08_two_entities_on_one_service_both_keep_their_card(sandbox, reader, entity):
    other = make_mapped_entity("checkout-worker", service_id="PCHKOUT")
    refresh(reader, entity)
    mirror()
    for one in (entity, other):
        one.refresh_from_db()
        assert one.annotations["pagerduty.com/service-id"] == "PCHKOUT"
        assert "1 triggered, 2 acknowledged" in card_of(reader, one)


# D9: a strategy of dependencies emptied dependsOn of every component.
def test_d09_no_synchronisation_touches_what_an_entity_depends_on(sandbox, reader, entity):
    plain = make_entity("plain", spec={"dependsOn": ["component:checkout-api"]})
    Relation.objects.create(source=plain, type="dependsOn", target_ref=entity.ref)
    before = (
        dict(Entity.objects.values_list("name", "descriptor")),
        list(Relation.objects.order_by("pk").values()),
    )
    assert before[1]
    mirror()
    refresh(reader, entity)
    assert before == (
        dict(Entity.objects.values_list("name", "descriptor")),
        list(Relation.objects.order_by("pk").values()),
    )


# D10: a 429 and the ratelimit-* headers were never read.
def test_d10_a_429_cools_the_account_down_and_the_headers_are_read(sandbox, reader, entity):
    mirror(kinds=[Feed.Kind.SERVICES])
    quota = Quota(get_account())
    reading = quota.last_reading()
    assert reading.limit == 960
    assert reading.remaining is not None
    sandbox.state.faults.add("/incidents", 429)
    mirror(kinds=[Feed.Kind.INCIDENTS])
    asked = sandbox.state.requests.count()
    assert 0 < quota.wait_s(background=False) <= 30  # what the 429 said
    mirror()
    refresh(reader, entity)
    assert sandbox.state.requests.count() == asked


# D11: a wrong setting was answered with 400 and then again with 200.
def test_d11_a_wrong_form_is_answered_once_and_changes_nothing(sandbox, reader, entity):
    refresh(reader, entity)
    asked = sandbox.state.requests.count()
    url = reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)
    answer = reader.post(
        url, {"severity": "apocalyptic", "description": "x"}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 422
    assert answer.text.count("<form") == 1
    assert not TriggeredIncident.objects.exists()
    assert sandbox.state.requests.count() == asked


# D12: a key was searched for among names, and the first hit taken.
def test_d12_a_key_is_matched_exactly_and_never_searched_for_by_name(sandbox, reader):
    key = KEYS["PCHKOUT"]
    sandbox.state.account.services[0].name = f"trap {key}"
    other = next(one for one in sandbox.state.account.services if one.id == "PFRAUDC")
    other.name = f"{key} in its name"
    entity = make_mapped_entity(integration_key=key)
    assert "1 triggered, 2 acknowledged" in refresh(reader, entity)
    nearly = make_mapped_entity("nearly", integration_key=f"{key[:-1]}x")
    said = refresh(reader, nearly)
    assert "No PagerDuty service has this integration key" in said
    assert key[:-1] not in said
    assert not [one for one in sandbox.state.requests.all() if "query=" in one.query]


# D13: the mask failed for a secret of one character, and every request with it.
@pytest.mark.parametrize("short", ["x", "ab"])
def test_d13_a_name_and_a_token_of_one_character_work_and_mask(short, sandbox, reader, settings):
    settings.PAGERDUTY_SANDBOX = False
    settings.PAGERDUTY_ACCOUNTS = json.dumps([account_of(sandbox, "e", token=short)])
    sandbox.state.token = short
    entity = make_mapped_entity(service_id="PCHKOUT", account="e")
    assert "1 triggered, 2 acknowledged" in refresh(reader, entity)
    assert mask(short) == "****"


# D14: standards or metrics that failed left the whole card blank.
@pytest.mark.parametrize("status", [402, 403, 429, 500])
@pytest.mark.parametrize("path", ["/analytics/", "/standards/"])
def test_d14_figures_that_fail_blank_nothing(path, status, sandbox, reader, entity):
    sandbox.state.faults.add(path, status)
    report = mirror()
    assert report.failed
    assert set(report.failed) <= {Feed.Kind.ANALYTICS, Feed.Kind.STANDARDS}
    said = card_of(reader, entity)
    assert "1 triggered, 2 acknowledged" in said
    assert "Not known" not in said
    history = reader.get(reverse("pagerduty_card:history", kwargs=entity.url_kwargs))
    assert history.status_code == 200


# D15: the same values were written again in every round.
def test_d15_what_has_not_changed_is_not_written_again(sandbox):
    mirror()
    with CaptureQueriesContext(connection) as queries:
        mirror()
    written = [
        query["sql"]
        for query in queries
        if query["sql"].startswith(("INSERT", "UPDATE", "DELETE")) and "django_" not in query["sql"]
    ]
    assert written
    assert [sql for sql in written if '"pagerduty_card_feed"' not in sql] == []


# The token is refused: every section says so at once, also those that were not asked for.
def test_a_refused_token_is_the_reason_in_every_section(sandbox, reader, entity):
    refresh(reader, entity)
    sandbox.state.token = "another-token"
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=2), tick=True):
        said = refresh(reader, entity)
    assert said.count("PagerDuty does not accept the token.") == 1
    assert "As of 2 minutes ago . PagerDuty does not accept the token." in said


# D16: a renewal that failed sent an empty Authorization header.
@pytest.mark.parametrize("status", [400, 401, 500])
def test_d16_a_renewal_that_fails_sends_no_request_without_a_token(
    status, sandbox, reader, settings
):
    settings.PAGERDUTY_SANDBOX = False
    settings.PAGERDUTY_ACCOUNTS = json.dumps(
        [
            {
                "name": "apps",
                "client_id": "sandbox-client",
                "client_secret": "sandbox-secret",
                "subdomain": "meridian",
                "api_base_url": sandbox.url,
                "events_base_url": sandbox.events_url,
                "identity_base_url": sandbox.url,
            }
        ]
    )
    entity = make_mapped_entity(service_id="PCHKOUT", account="apps")
    assert "1 triggered, 2 acknowledged" in refresh(reader, entity)
    tokens.forget_all()
    cache.clear()
    sandbox.state.faults.add("/oauth/token", status)
    sandbox.state.requests.clear()
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=2), tick=True):
        said = refresh(reader, entity)
    assert "1 triggered, 2 acknowledged" in said
    why = "'s identity host answered 500." if status == 500 else " does not accept the token."
    assert f"As of 2 minutes ago . PagerDuty{why}" in said
    assert {one.path for one in sandbox.state.requests.all()} == {"/oauth/token"}


# D17: an alert of a second account went to the first one's events host.
def test_d17_a_page_goes_to_the_events_host_of_its_own_account(sandbox, reader, settings):
    with serve(incident_delay_s=0) as europe:
        settings.PAGERDUTY_ACCOUNTS = json.dumps([account_of(europe, "eu")])
        entity = make_mapped_entity(service_id="PCHKOUT", account="eu")
        refresh(reader, entity)
        assert send_form(reader, entity, "eu/PCHKOUT").status_code == 204
        assert europe.state.requests.count("/v2/enqueue") == 1
    assert sandbox.state.requests.count() == 0
