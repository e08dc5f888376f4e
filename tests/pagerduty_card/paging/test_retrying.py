"""What PagerDuty has not taken: sent again by the worker, ended in time, told truthfully."""

import datetime as dt
import json
import logging
import threading

import pytest
import requests
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog.models import Entity
from pagerduty_card import domain, tasks
from pagerduty_card.accounts import get_account
from pagerduty_card.domain import Severity
from pagerduty_card.integrations import BACKSTAGE_VENDOR
from pagerduty_card.mapping.resolving import resolve, targets_of
from pagerduty_card.models import Integration, Service, TriggeredIncident
from pagerduty_card.paging import retrying, sending, triggering
from pagerduty_card.presenters.outcomes import present_outcome
from pagerduty_card.reconciling import note_incident, reconcile
from pagerduty_card.wire.client import PagerDutyClient
from portal.tasks import run_once
from tests.factories import make_user
from tests.pagerduty_card.factories import API, EVENTS, KEY, TOKEN, opened_now, page_of
from tests.pagerduty_card.mirror import (
    make_attempt,
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_on_call,
    make_policy,
    make_service,
)
from tests.pages import soup_of, words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("token")]

ENQUEUE = f"{EVENTS}/enqueue"
ACCEPTED = {
    "status": 202,
    "json": {"status": "success", "message": "Event processed", "dedup_key": "x"},
}
REFUSED = {"body": requests.ConnectionError("NewConnectionError: refused")}
LOST = {"body": requests.ReadTimeout("slow")}
TRIGGER = "pagerduty_card.trigger_incident"
State = TriggeredIncident.State


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(triggering, "_PAUSES_S", ())


@pytest.fixture
def bob():
    return make_user("bob", first_name="Bob", email="bob@example.com", permissions=(TRIGGER,))


@pytest.fixture
def entity():
    policy = make_policy()
    make_service(policy=policy)
    make_feeds()
    make_on_call(policy, "Ana Lima", level=1)
    return make_mapped_entity()


@pytest.fixture
def pager(entity, bob):
    def send(**fields):
        given = {
            "entity": entity,
            "service_target": resolve(targets_of(entity))[0],
            "description": "Payments time out",
            "severity": Severity.ERROR,
            "details": "since 09:00",
            "dedup_key": "switchboard-1",
            "user": bob,
        } | fields
        return triggering.trigger(**given)

    return send


@pytest.fixture
def waiting(http, pager):
    """An attempt that PagerDuty refused to connect for."""
    refused = http.post(ENQUEUE, **REFUSED)
    attempt = pager()
    http.remove(refused)
    return attempt


@pytest.fixture
def unsure(http, pager):
    """An attempt whose answer was lost."""
    lost = http.post(ENQUEUE, **LOST)
    attempt = pager()
    http.remove(lost)
    return attempt


def work():
    assert run_once(f"{tasks.__name__}.retry_waiting")
    return TriggeredIncident.objects.get()


def after(**delta):
    return time_machine.travel(timezone.now() + dt.timedelta(**delta), tick=False)


def none_found(http):
    http.get(f"{API}/incidents", json=page_of("incidents"))


def sent(http):
    return [json.loads(c.request.body) for c in http.calls if c.request.url == ENQUEUE]


def test_what_was_surely_not_taken_waits_for_a_quarter_of_an_hour(waiting):
    assert waiting.state == State.RETRYING
    assert waiting.retry_until == waiting.triggered_at + dt.timedelta(minutes=15)
    assert waiting.may_resend


def test_a_turn_whose_time_is_up_leaves_what_waits_to_the_next_one(http, waiting, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(retrying, "_TURN_S", 0)
        assert work().state == State.RETRYING
    http.post(ENQUEUE, **ACCEPTED)
    assert work().state == State.ACCEPTED


def test_the_worker_sends_the_same_alert_under_the_same_key_until_it_is_accepted(http, waiting):
    http.post(ENQUEUE, **REFUSED)
    assert work().state == State.RETRYING
    http.replace("POST", ENQUEUE, **ACCEPTED)
    attempt = work()
    assert (attempt.state, attempt.retry_until, attempt.attempts) == (State.ACCEPTED, None, 3)
    first, *others = sent(http)
    assert others
    assert all(other == first for other in others)
    assert first["routing_key"] == KEY
    calls = len(http.calls)
    work()
    assert len(http.calls) == calls


def test_it_is_sent_again_with_its_first_key_whichever_comes_first_meanwhile(http, waiting):
    service = Service.objects.get()
    events = {"type": "events_api_v2_inbound_integration", "service": service}
    Integration.objects.create(pd_id="PA", name="A", integration_key="a" * 32, **events)
    Integration.objects.create(
        pd_id="PB", name="B", integration_key="b" * 32, vendor_pd_id=BACKSTAGE_VENDOR, **events
    )
    http.post(ENQUEUE, **ACCEPTED)
    assert work().state == State.ACCEPTED
    assert {one["routing_key"] for one in sent(http)} == {KEY}


@pytest.mark.parametrize("by_person", [False, True])
@pytest.mark.parametrize(("given", "state"), [("waiting", State.FAILED), ("unsure", State.UNSURE)])
def test_nothing_is_sent_with_another_key_where_the_first_is_gone(
    http, pager, request, given, state, by_person
):
    request.getfixturevalue(given)
    if given == "unsure":
        none_found(http)
    Integration.objects.update(integration_key="n" * 32)
    attempt = pager() if by_person else work()
    assert (attempt.state, attempt.retry_until, attempt.may_resend) == (state, None, False)
    assert len(sent(http)) == 1
    told = present_outcome(attempt, timezone.now()).text
    assert f"The integration key ****{KEY[-4:]} that this page was sent with" in told
    http.post(ENQUEUE, **ACCEPTED)
    again = pager(dedup_key="switchboard-2", seen="switchboard-1")
    assert again.state == State.ACCEPTED


def test_it_comes_to_an_incident_that_is_found(http, waiting):
    http.post(ENQUEUE, **ACCEPTED)
    work()
    http.get(
        f"{API}/incidents",
        json=page_of("incidents", opened_now(7, incident_key=waiting.dedup_key)),
    )
    with PagerDutyClient(get_account()) as client:
        assert reconcile(client, TriggeredIncident.objects.all())
    attempt = TriggeredIncident.objects.get()
    assert (attempt.state, attempt.incident_number) == (State.CREATED, 7)


def test_a_rejection_ends_it_in_pagerdutys_words(http, waiting):
    refusal = {"status": "invalid event", "message": "Invalid", "errors": ["Key is disabled"]}
    http.post(ENQUEUE, status=400, json=refusal)
    attempt = work()
    assert (attempt.state, attempt.retry_until) == (State.FAILED, None)
    assert "Key is disabled" in attempt.answer
    assert not attempt.may_resend


def test_when_the_time_is_up_it_has_failed(http, waiting):
    with after(minutes=15, seconds=1):
        attempt = work()
    assert (attempt.state, attempt.retry_until, attempt.may_resend) == (State.FAILED, None, True)
    assert not sent(http)[1:]


def test_a_try_that_fails_in_the_last_moment_is_the_last(http, waiting):
    with time_machine.travel(waiting.retry_until - dt.timedelta(seconds=1), tick=False) as clock:

        def answer(request):
            clock.shift(5)
            raise requests.ConnectionError("NewConnectionError: refused")

        http.add_callback("POST", ENQUEUE, answer)
        attempt = work()
    assert (attempt.state, attempt.retry_until) == (State.FAILED, None)


def test_an_entity_that_names_the_service_no_more_ends_it_and_says_so(http, waiting):
    Entity.objects.all().delete()
    attempt = work()
    assert attempt.state == State.FAILED
    assert "has no component:default/checkout-api any more" in attempt.answer


def test_a_service_that_lost_its_key_ends_it_and_says_so(http, waiting):
    Integration.objects.all().delete()
    attempt = work()
    assert attempt.state == State.FAILED
    assert "no Events API v2 integration" in attempt.answer


class TestWhatWasCalledNotTaken:
    @pytest.fixture
    def failed(self, waiting):
        with after(minutes=15, seconds=1):
            attempt = work()
        assert attempt.state == State.FAILED
        return attempt

    def test_is_created_where_a_webhook_tells_of_its_incident(self, failed):
        raw = opened_now(9, incident_key=failed.dedup_key)
        note_incident("default", domain.ApiIncident.from_api(raw))
        failed.refresh_from_db()
        assert (failed.state, failed.incident_number) == (State.CREATED, 9)

    def test_is_created_where_its_incident_is_mirrored_and_costs_no_request(self, http, failed):
        calls = len(http.calls)
        with PagerDutyClient(get_account()) as client:
            assert not reconcile(client, TriggeredIncident.objects.all())
            make_incident(
                Service.objects.get(),
                number=9,
                incident_key=failed.dedup_key,
                created_at=failed.triggered_at,
            )
            assert reconcile(client, TriggeredIncident.objects.all())
        failed.refresh_from_db()
        assert (failed.state, failed.incident_number) == (State.CREATED, 9)
        assert len(http.calls) == calls


class TestWhatMayHaveBeenTaken:
    def test_is_looked_for_and_then_sent_again(self, http, unsure):
        assert unsure.state == State.UNSURE
        none_found(http)
        http.post(ENQUEUE, **ACCEPTED)
        assert work().state == State.ACCEPTED

    def test_is_not_sent_again_where_its_incident_is_there(self, http, unsure):
        http.get(
            f"{API}/incidents",
            json=page_of("incidents", opened_now(7, incident_key=unsure.dedup_key)),
        )
        attempt = work()
        assert (attempt.state, attempt.incident_number) == (State.CREATED, 7)
        assert (attempt.retry_until, attempt.may_resend) == (None, False)
        assert len(sent(http)) == 1

    def test_stays_unsure_however_surely_later_tries_are_not_taken(self, http, unsure):
        none_found(http)
        http.post(ENQUEUE, **REFUSED)
        attempt = work()
        assert attempt.state == State.UNSURE
        with after(minutes=15, seconds=1):
            attempt = work()
        assert (attempt.state, attempt.retry_until) == (State.UNSURE, None)

    @pytest.mark.parametrize("status", [401, 403, 500])
    def test_is_not_sent_again_while_it_cannot_be_looked_for(self, http, unsure, status):
        refused = http.get(f"{API}/incidents", status=status)
        attempt = work()
        assert (attempt.state, len(sent(http))) == (State.UNSURE, 1)
        assert attempt.search_problem
        http.remove(refused)
        none_found(http)
        http.post(ENQUEUE, **ACCEPTED)
        attempt = work()
        assert (attempt.state, attempt.search_problem, len(sent(http))) == (State.ACCEPTED, "", 2)

    def test_stays_unsure_where_it_could_never_be_looked_for(self, http, unsure):
        http.get(f"{API}/incidents", status=403)
        work()
        with after(minutes=15, seconds=1):
            attempt = work()
        assert (attempt.state, attempt.retry_until) == (State.UNSURE, None)
        assert len(sent(http)) == 1

    def test_is_created_as_soon_as_a_webhook_tells_of_its_incident(self, unsure):
        raw = opened_now(9, incident_key=unsure.dedup_key)
        note_incident("default", domain.ApiIncident.from_api(raw))
        attempt = TriggeredIncident.objects.get()
        assert (attempt.state, attempt.incident_number) == (State.CREATED, 9)
        assert not TriggeredIncident.objects.waiting_to_be_sent()

    def test_is_what_becomes_of_one_whose_process_died(self, http, pager, monkeypatch):
        monkeypatch.setattr(sending, "send", lambda *args, **kwargs: None)
        attempt = pager()
        assert attempt.state == State.SENDING
        monkeypatch.undo()
        assert work().state == State.SENDING
        none_found(http)
        http.post(ENQUEUE, **ACCEPTED)
        with after(seconds=31):
            assert work().state == State.ACCEPTED


class TestSeveralAtOnce:
    @pytest.mark.django_db(transaction=True)
    def test_of_a_worker_another_and_the_person_one_sends(self, http, pager):
        refused = http.post(ENQUEUE, **REFUSED)
        pager()
        http.remove(refused)
        http.post(ENQUEUE, **ACCEPTED)
        calls = len(http.calls)
        barrier = threading.Barrier(3, timeout=10)
        errors = []

        def run(what):
            barrier.wait()
            try:
                what()
            except Exception as exc:  # noqa: BLE001 -- the thread's failure is the test's
                errors.append(exc)
            finally:
                connection.close()

        threads = [
            threading.Thread(target=run, args=(what,))
            for what in (retrying.retry_waiting, retrying.retry_waiting, pager)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert errors == []
        assert len(http.calls) == calls + 1
        assert TriggeredIncident.objects.get().state == State.ACCEPTED

    def test_the_person_sending_again_meanwhile_sends_nothing(self, http, waiting, pager):
        inner = []

        def answer(request):
            inner.append(pager().state)
            return 202, {}, json.dumps(ACCEPTED["json"])

        http.add_callback("POST", ENQUEUE, answer)
        assert work().state == State.ACCEPTED
        assert inner == [State.SENDING]

    @pytest.mark.parametrize("status", [202, 503])
    def test_a_late_answer_takes_nothing_back(self, http, waiting, status):
        def answer(request):
            # Another process, which took this one for dead, was quicker.
            TriggeredIncident.objects.update(state=State.CREATED, incident_number=7)
            return status, {}, json.dumps(ACCEPTED["json"])

        http.add_callback("POST", ENQUEUE, answer)
        attempt = work()
        assert (attempt.state, attempt.incident_number) == (State.CREATED, 7)

    def test_a_late_acceptance_counts_though_the_time_is_up(self, http, waiting):
        def answer(request):
            TriggeredIncident.objects.update(state=State.FAILED, retry_until=None)
            return 202, {}, json.dumps(ACCEPTED["json"])

        http.add_callback("POST", ENQUEUE, answer)
        assert work().state == State.ACCEPTED

    def test_one_that_cannot_be_sent_leaves_the_others(self, http, waiting, pager, monkeypatch):
        refused = http.post(ENQUEUE, **REFUSED)
        pager(dedup_key="switchboard-2", description="Refunds time out")
        http.remove(refused)
        http.post(ENQUEUE, **ACCEPTED)
        whole = sending.service_of

        def broken(attempt, entity):
            if attempt.dedup_key == "switchboard-1":
                raise RuntimeError("a defect")
            return whole(attempt, entity)

        monkeypatch.setattr(sending, "service_of", broken)
        retrying.retry_waiting()
        assert TriggeredIncident.objects.get(dedup_key="switchboard-2").state == State.ACCEPTED


def test_sending_again_pages_the_service_that_was_chosen_first(http, bob):
    entity = make_mapped_entity("warehouse", service_id="PEU,PUS")
    make_service("PEU", name="eu", key="e" * 32)
    make_service("PUS", name="us", key="u" * 32)
    first, second = resolve(targets_of(entity))
    given = {
        "entity": entity,
        "description": "x",
        "severity": Severity.INFO,
        "details": "",
        "dedup_key": "switchboard-1",
        "user": bob,
    }
    http.post(ENQUEUE, **REFUSED)
    triggering.trigger(**given, service_target=first)
    http.replace("POST", ENQUEUE, **ACCEPTED)
    triggering.trigger(**given, service_target=second)
    assert {one["routing_key"] for one in sent(http)} == {"e" * 32}


def test_a_page_by_key_alone_goes_on_once_its_service_is_known(http, pager):
    entity = make_mapped_entity("warehouse", integration_key="e" * 32)
    http.post(ENQUEUE, **REFUSED)
    pager(entity=entity, service_target=resolve(targets_of(entity))[0])
    make_service("PEU", name="eu", key="e" * 32)
    http.replace("POST", ENQUEUE, **ACCEPTED)
    assert work().state == State.ACCEPTED
    assert {one["routing_key"] for one in sent(http)} == {"e" * 32}


def test_retries_go_through_the_accounts_own_events_host(http, bob, settings):
    settings.PAGERDUTY_ACCOUNTS = "[{name: eu, region: eu, token: token-of-the-eu-account-4712}]"
    make_service("PEU", account="eu", key="e" * 32)
    entity = make_mapped_entity("warehouse", service_id="PEU", account="eu")
    eu = "https://events.eu.pagerduty.com/v2/enqueue"
    http.post(eu, **REFUSED)
    triggering.trigger(
        entity=entity,
        service_target=resolve(targets_of(entity))[0],
        description="x",
        severity=Severity.INFO,
        details="",
        dedup_key="switchboard-1",
        user=bob,
    )
    http.replace("POST", eu, **ACCEPTED)
    assert work().state == State.ACCEPTED
    assert {call.request.url for call in http.calls} == {eu}


def test_no_key_is_in_any_row_or_log_of_a_retry(http, waiting, caplog):
    caplog.set_level(logging.DEBUG)
    http.post(ENQUEUE, status=400, json={"message": f"bad {KEY}", "errors": [KEY]})
    work()
    told = str(TriggeredIncident.objects.values().get()) + str([vars(r) for r in caplog.records])
    assert KEY not in told
    assert TOKEN not in told


class TestTheLimit:
    def test_holds_without_the_cache(self, http, pager):
        http.post(ENQUEUE, **ACCEPTED)
        for number in range(5):
            pager(dedup_key=f"switchboard-{number}", description=f"Problem {number}")
            cache.clear()
        with pytest.raises(triggering.PagedTooOften):
            pager(dedup_key="switchboard-6", description="Problem 6")

    def test_counts_nothing_that_surely_paged_nobody(self, http, pager):
        for number in range(5):
            attempt = page_refused(http, pager, number)
            assert attempt.state == State.FAILED
        http.post(ENQUEUE, **ACCEPTED)
        assert pager(dedup_key="switchboard-6").state == State.ACCEPTED


def page_refused(http, pager, number):
    refused = http.post(ENQUEUE, status=403)
    attempt = pager(dedup_key=f"switchboard-{number}")
    http.remove(refused)
    return attempt


def banners(client, path="/catalog/"):
    return [words(one) for one in soup_of(client.get(path)).select(".banner")]


class TestWhatIsTold:
    @pytest.fixture
    def client(self, client, bob):
        client.force_login(bob)
        return client

    def submit(self, client, entity, text="Ledger is stuck"):
        address = reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)
        form = soup_of(client.get(address)).select_one("main form.form")
        key = form.select_one("input[name=key]")["value"]
        fields = {"key": key, "description": text, "severity": "error"}
        return client.post(address, {**fields, "service": "default/PCHKOUT"})

    def test_the_form_says_that_nobody_was_paged_yet_until_when_and_whom_to_reach(
        self, client, entity, http
    ):
        http.post(ENQUEUE, **REFUSED)
        answer = self.submit(client, entity)
        assert answer.status_code == 422
        text = words(soup_of(answer).main)
        assert "Nobody has been paged yet" in text
        until = TriggeredIncident.objects.get().retry_until
        assert f"keeps trying until {until:%H:%M} UTC" in text
        assert soup_of(answer).select_one('main a[href^="mailto:ana.lima@example.com"]')
        assert "Ledger is stuck" in answer.text

    def test_a_lost_answer_is_told_as_such_and_is_tried_again_too(self, client, entity, http):
        http.post(ENQUEUE, **LOST)
        text = words(soup_of(self.submit(client, entity)).main)
        assert "it is not known whether anybody was paged" in text
        assert "keeps trying until" in text
        assert "Nobody has been paged" not in text

    def test_a_page_in_trouble_is_not_hidden_by_a_newer_one(self, client, entity, http):
        http.post(ENQUEUE, **REFUSED)
        self.submit(client, entity)
        http.replace("POST", ENQUEUE, **LOST)
        self.submit(client, entity, "Refunds fail too")
        (told,) = banners(client)
        assert "it is not known whether anybody was paged" in told
        assert "1 more of your pages has a problem too." in told
        TriggeredIncident.objects.filter(state=TriggeredIncident.State.UNSURE).update(
            state=TriggeredIncident.State.CREATED,
            incident_number=7,
            incident_status="triggered",
            assignees=[{"name": "Ana Lima"}],
        )
        (told,) = banners(client)
        assert "Nobody has been paged yet." in told
        assert "more of your pages" not in told
        # Seen on the entity's page, the newer one is over; the older one goes on.
        assert banners(client, entity.get_absolute_url()) == []
        assert banners(client) == [told]

    def test_every_page_says_so_to_the_person_and_leads_to_the_entity(self, client, entity, http):
        http.post(ENQUEUE, **REFUSED)
        self.submit(client, entity)
        (told,) = banners(client)
        assert told.startswith("checkout-api: Nobody has been paged yet.")
        assert "The portal keeps trying until" in told
        link = soup_of(client.get("/catalog/")).select_one(".banner a")
        assert link["href"] == entity.get_absolute_url()

    def test_a_failure_is_told_everywhere_until_the_entitys_page_was_seen(
        self, client, entity, http
    ):
        http.post(ENQUEUE, **REFUSED)
        self.submit(client, entity)
        with after(minutes=16):
            # No worker ran: the clock tells.
            assert "checkout-api: Nobody has been paged." in banners(client)[0]
            work()
            assert "checkout-api: Nobody has been paged." in banners(client)[0]
            page = soup_of(client.get(entity.get_absolute_url()))
            assert page.select(".banner") == []
            assert "Nobody has been paged" in words(page.select_one("#pagerduty-card"))
            assert banners(client) == []

    def test_seeing_the_entitys_page_while_it_is_tried_does_not_hide_what_comes(
        self, client, entity, http
    ):
        http.post(ENQUEUE, **REFUSED)
        self.submit(client, entity)
        assert banners(client, entity.get_absolute_url()) == []
        assert len(banners(client)) == 1

    def test_success_after_all_is_told_too(self, client, entity, http):
        http.post(ENQUEUE, **REFUSED)
        self.submit(client, entity)
        TriggeredIncident.objects.update(state=State.CREATED, incident_number=7, retry_until=None)
        assert banners(client) == ["checkout-api: Created incident #7. Details"]

    def test_nothing_is_told_after_three_hours(self, client, entity, http):
        http.post(ENQUEUE, **REFUSED)
        self.submit(client, entity)
        with after(hours=3, minutes=1):
            assert banners(client) == []

    def test_others_are_told_nothing_and_pay_no_query(self, client, entity, http):
        other = Client()
        other.force_login(make_user("eve"))
        http.post(ENQUEUE, **REFUSED)
        self.submit(client, entity)

        def asked(who):
            with CaptureQueriesContext(connection) as captured:
                told = banners(who)
                return told, sum("triggeredincident" in one["sql"] for one in captured)

        assert asked(other) == ([], 0)
        assert asked(client)[1] == 1

    def test_what_is_accepted_at_once_needs_no_banner(self, client, entity, http):
        http.post(ENQUEUE, **ACCEPTED)
        self.submit(client, entity)
        assert banners(client) == []


class TestTheCard:
    def told(self, client, entity):
        client.force_login(make_user())
        page = soup_of(client.get(entity.get_absolute_url()))
        notices = [words(one) for one in page.select("#pagerduty-card .card__notice")]
        (told,) = (notice for notice in notices if "by Dee Okafor" in notice)
        return told

    def test_says_until_when_it_is_tried_and_when_it_last_was(self, client, entity):
        until = timezone.now() + dt.timedelta(minutes=10)
        make_attempt(entity, state=State.RETRYING, retry_until=until, answer="No connection.")
        told = self.told(client, entity)
        assert "Nobody has been paged yet" in told
        assert f"keeps trying until {until:%H:%M} UTC" in told
        assert "No connection." in told
        assert "Call the on-call person directly" in told

    def test_does_not_promise_what_no_worker_does(self, client, entity):
        until = timezone.now() + dt.timedelta(minutes=10)
        make_attempt(entity, state=State.RETRYING, retry_until=until, age_s=300)
        told = self.told(client, entity)
        assert "do not count on it" in told
        assert "keeps trying" not in told

    @pytest.mark.parametrize(
        ("state", "said"),
        [
            (State.RETRYING, "Nobody has been paged"),
            (State.UNSURE, "it is not known whether anybody was paged"),
            (State.SENDING, "it is not known whether anybody was paged"),
        ],
    )
    def test_says_by_the_clock_what_nobody_wrote_down(self, client, entity, state, said):
        past = timezone.now() - dt.timedelta(seconds=5)
        make_attempt(entity, state=state, retry_until=past, age_s=905)
        told = self.told(client, entity)
        assert said in told
        assert "yet" not in told
        assert "trying" not in told
