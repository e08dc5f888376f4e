"""Paging a person: once, on the record, and honest about the outcome."""

import datetime as dt
import json
import logging
import threading
from functools import partial

import pytest
import requests
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.utils import timezone

from pagerduty_card.domain import Severity
from pagerduty_card.errors import Rejected
from pagerduty_card.mapping.resolving import resolve, targets_of
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.paging import triggering
from tests.factories import make_entity, make_user
from tests.pagerduty_card.factories import API, EVENTS, KEY, TOKEN, page_of
from tests.pagerduty_card.mirror import make_service

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("token")]

ENQUEUE = f"{EVENTS}/enqueue"
ACCEPTED = {
    "status": 202,
    "json": {"status": "success", "message": "Event processed", "dedup_key": "x"},
}
State = TriggeredIncident.State


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(triggering, "_PAUSES_S", (0, 0))


@pytest.fixture
def bob():
    return make_user(
        "bob",
        first_name="Bob",
        last_name="Chen",
        email="bob@meridian.example",
        permissions=("pagerduty_card.trigger_incident",),
    )


@pytest.fixture
def entity():
    make_service("PCHKOUT", key=KEY)
    return make_entity(
        "checkout-api",
        owner="checkout-team",
        annotations={"pagerduty.com/service-id": "PCHKOUT"},
        links=[
            {"url": "https://wiki.example/rb", "title": "Runbook: checkout"},
            {"url": "https://wiki.example/x", "title": "Dashboard"},
            {"url": "javascript:alert(1)", "title": "Runbook of an attacker"},
        ],
    )


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


def sent(http, number=0):
    return json.loads(http.calls[number].request.body)


def test_sends_what_the_form_promised_and_writes_it_down(http, pager, settings):
    settings.PORTAL_URL = "https://portal.example.com"
    http.post(ENQUEUE, **ACCEPTED)
    attempt = pager(description="  Payments time out \n")
    address = "https://portal.example.com/catalog/default/component/checkout-api/"
    assert sent(http) == {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "switchboard-1",
        "client": "Switchboard",
        "client_url": address,
        "links": [
            {"href": address, "text": "checkout-api"},
            {"href": "https://wiki.example/rb", "text": "Runbook: checkout"},
        ],
        "payload": {
            "summary": "Payments time out",
            "source": "component:default/checkout-api",
            "severity": "error",
            "class": "manual trigger",
            "custom_details": {
                "triggered by": "Bob Chen",
                "e-mail": "bob@meridian.example",
                "entity": "component:default/checkout-api",
                "owner": "group:default/checkout-team",
                "details": "since 09:00",
            },
        },
    }
    assert attempt.state == State.ACCEPTED
    assert attempt.attempts == 1
    assert (attempt.triggered_by_name, attempt.service_name, attempt.answer) == (
        "Bob Chen",
        "checkout-api",
        "Event processed",
    )
    assert (attempt.entity_ref, attempt.service_pd_id) == (
        "component:default/checkout-api",
        "PCHKOUT",
    )


def test_the_attempt_is_on_record_before_pagerduty_is_called(http, pager):
    seen = []

    def answer(request):
        seen.append(TriggeredIncident.objects.get().state)
        return 202, {}, json.dumps(ACCEPTED["json"])

    http.add_callback("POST", ENQUEUE, answer)
    pager()
    assert seen == [State.SENDING]


def test_the_same_form_twice_pages_once(http, pager):
    http.post(ENQUEUE, **ACCEPTED)
    first = pager()
    second = pager(description="Something else")
    assert first == second
    assert second.description == "Payments time out"
    assert len(http.calls) == 1


def test_a_second_form_pages_again(http, pager):
    http.post(ENQUEUE, **ACCEPTED)
    pager()
    pager(dedup_key="switchboard-2", description="Refunds time out")
    assert len(http.calls) == 2
    assert TriggeredIncident.objects.count() == 2


def test_the_same_text_by_a_second_form_is_held_until_the_first_attempt_was_seen(http, pager):
    http.post(ENQUEUE, **ACCEPTED)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        pager()
        with pytest.raises(triggering.SentBefore) as caught:
            pager(dedup_key="switchboard-2")
        assert caught.value.attempt.dedup_key == "switchboard-1"
        pager(dedup_key="switchboard-2", seen="switchboard-1")
        # A third device has not seen the second attempt.
        with pytest.raises(triggering.SentBefore):
            pager(dedup_key="switchboard-3", seen="switchboard-1")
        pager(
            dedup_key="switchboard-3",
            user=make_user("eve", permissions=("pagerduty_card.trigger_incident",)),
        )
        clock.shift(triggering.REPEAT_PERIOD)
        pager(dedup_key="switchboard-4")
    assert [sent(http, number)["dedup_key"][-1] for number in range(4)] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("pd_id", "is_held"), [("PCHKOUT", True), ("POTHER", False)], ids=["same", "other"]
)
def test_the_same_text_is_held_for_the_same_service_alone(http, pager, pd_id, is_held):
    http.post(ENQUEUE, **ACCEPTED)
    pager()
    if pd_id != "PCHKOUT":
        make_service(pd_id, key="b" * 32)
    other = make_entity("ledger", annotations={"pagerduty.com/service-id": pd_id})
    page = partial(
        pager,
        entity=other,
        service_target=resolve(targets_of(other))[0],
        dedup_key="switchboard-2",
    )
    if is_held:
        with pytest.raises(triggering.SentBefore):
            page()
    else:
        page()
    assert len(http.calls) == (1 if is_held else 2)


def test_a_form_submitted_while_the_first_is_being_sent_sends_nothing(http, pager):
    inner = []

    def answer(request):
        inner.append(pager().state)
        return 202, {}, json.dumps(ACCEPTED["json"])

    http.add_callback("POST", ENQUEUE, answer)
    pager()
    assert inner == [State.SENDING]
    assert len(http.calls) == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_forms_at_the_same_instant_one_pages(http, pager):
    http.post(ENQUEUE, **ACCEPTED)
    barrier = threading.Barrier(2, timeout=10)
    states, errors = [], []

    def submit():
        barrier.wait()
        try:
            states.append(pager().state)
        except Exception as exc:  # noqa: BLE001 -- the thread's failure is the test's
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=submit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert errors == []
    assert len(states) == 2
    assert len(http.calls) == 1
    assert TriggeredIncident.objects.get().state == State.ACCEPTED


@pytest.mark.django_db(transaction=True)
def test_a_form_clicked_six_times_at_once_counts_once_against_the_limit(http, pager):
    http.post(ENQUEUE, **ACCEPTED)
    barrier = threading.Barrier(6, timeout=10)
    errors = []

    def submit():
        barrier.wait()
        try:
            pager()
        except Exception as exc:  # noqa: BLE001 -- the thread's failure is the test's
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=submit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert errors == []
    for number in range(2, 6):
        pager(dedup_key=f"switchboard-{number}", description=f"Problem {number}")
    assert len(http.calls) == 5
    with pytest.raises(triggering.PagedTooOften):
        pager(dedup_key="switchboard-6", description="Problem 6")


@pytest.mark.parametrize(
    "failure",
    [
        {"status": 429},
        {"status": 500},
        {"status": 408},
        {"body": requests.ReadTimeout("slow")},
        {"body": requests.ConnectionError("NewConnectionError")},
    ],
)
def test_repeats_with_the_same_key_what_may_pass(http, pager, failure):
    http.post(ENQUEUE, **failure)
    http.post(ENQUEUE, **ACCEPTED)
    assert pager().state == State.ACCEPTED
    assert [sent(http, number)["dedup_key"] for number in range(2)] == ["switchboard-1"] * 2


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        ({"status": 429}, State.RETRYING),
        ({"body": requests.ConnectionError("NewConnectionError: refused")}, State.RETRYING),
        ({"body": requests.ConnectTimeout("no route")}, State.RETRYING),
        ({"status": 403}, State.FAILED),
        ({"status": 500}, State.UNSURE),
        ({"body": requests.ReadTimeout("slow")}, State.UNSURE),
        ({"status": 200, "body": "<html>proxy</html>"}, State.UNSURE),
    ],
)
def test_says_whether_surely_nobody_was_paged(http, pager, failure, state):
    http.post(ENQUEUE, **failure)
    attempt = pager()
    assert attempt.state == state
    assert attempt.answer
    assert attempt.may_resend
    assert len(http.calls) <= 3


def test_the_same_form_again_after_a_lost_answer_sends_the_same_alert(http, pager):
    lost = http.post(ENQUEUE, body=requests.ReadTimeout("slow"))
    assert pager().state == State.UNSURE
    http.remove(lost)
    http.post(ENQUEUE, **ACCEPTED)
    attempt = pager(description="Changed in between")
    assert attempt.state == State.ACCEPTED
    assert sent(http, -1)["dedup_key"] == "switchboard-1"
    assert sent(http, -1)["payload"]["summary"] == "Payments time out"
    assert TriggeredIncident.objects.count() == 1


def test_an_attempt_whose_process_died_can_be_sent_again(http, pager):
    http.post(ENQUEUE, **ACCEPTED)
    attempt = pager()
    TriggeredIncident.objects.update(state=State.SENDING)
    assert pager().state == State.SENDING
    http.get(f"{API}/incidents", json=page_of("incidents"))
    with time_machine.travel(attempt.answered_at + dt.timedelta(minutes=2), tick=False):
        assert pager().state == State.ACCEPTED
    assert [call.request.method for call in http.calls] == ["POST", "GET", "POST"]


def test_a_failure_inside_the_portal_leaves_no_attempt_being_sent(http, pager):
    http.post(ENQUEUE, body=MemoryError())
    with pytest.raises(MemoryError):
        pager()
    assert TriggeredIncident.objects.get().state == State.UNSURE


def test_what_pagerduty_refuses_is_raised_in_its_words_and_not_repeated(http, pager):
    http.post(
        ENQUEUE,
        json={"status": "invalid event", "message": "Event object is invalid",
              "errors": ["Length of 'summary' is too long"]},
        status=400,
    )  # fmt: skip
    with pytest.raises(Rejected) as caught:
        pager()
    assert "Length of 'summary' is too long" in caught.value.detail
    attempt = TriggeredIncident.objects.get()
    assert (attempt.state, attempt.may_resend) == (State.FAILED, False)
    assert "too long" in attempt.answer
    assert pager().state == State.FAILED
    assert len(http.calls) == 1


def test_what_goes_along_from_the_catalog_is_bounded(http, pager, entity):
    http.post(ENQUEUE, **ACCEPTED)
    long = {"url": f"https://wiki.example/{'x' * 1000}", "title": "Runbook too long"}
    entity.descriptor["metadata"]["links"] = [
        long,
        *({"url": f"https://wiki.example/{n // 2}", "title": f"Runbook {n} " + "\u00e9" * 500}
          for n in range(120)),
    ]  # fmt: skip
    pager(entity=entity, details="\U0001f525" * 10_000, description="\U0001f525" * 1024)
    _page, *links = sent(http)["links"]
    assert [link["href"] for link in links] == [f"https://wiki.example/{n}" for n in range(19)]
    assert {len(link["text"]) for link in links} == {256}
    assert all(link["text"].endswith("\u00e9\u2026") for link in links)
    assert len(http.calls[0].request.body) < 512 * 1024
    assert len(sent(http)["payload"]["custom_details"]["details"]) == 10_000


@pytest.mark.parametrize("who", [lambda: make_user("charlie"), AnonymousUser])
def test_only_who_may_can_page(http, pager, who):
    with pytest.raises(triggering.NotAllowed):
        pager(user=who())
    assert not TriggeredIncident.objects.exists()
    assert len(http.calls) == 0


def test_a_person_may_page_five_times_in_ten_minutes_then_learns_when_again(http, pager):
    http.post(ENQUEUE, **ACCEPTED)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(5):
            for _ in range(2):
                pager(dedup_key=f"switchboard-{number}", description=f"Problem {number}")
        clock.shift(60)
        with pytest.raises(triggering.PagedTooOften) as caught:
            pager(dedup_key="switchboard-6", description="Problem 6")
        assert caught.value.retry_in_s == pytest.approx(540, abs=1)
        assert TriggeredIncident.objects.count() == 5
        clock.shift(541)
        assert pager(dedup_key="switchboard-6").state == State.ACCEPTED


def test_without_an_integration_nobody_is_paged(http, bob):
    make_service("PNONE", key="")
    bare = make_entity(annotations={"pagerduty.com/service-id": "PNONE"})
    with pytest.raises(triggering.CannotPage, match="no Events API v2 integration"):
        triggering.trigger(
            entity=bare,
            service_target=resolve(targets_of(bare))[0],
            description="x",
            severity=Severity.INFO,
            details="",
            dedup_key="switchboard-1",
            user=bob,
        )
    assert not TriggeredIncident.objects.exists()


def test_the_key_of_another_persons_or_pages_attempt_is_refused(http, pager):
    http.post(ENQUEUE, **ACCEPTED)
    pager()
    dee = make_user("dee", permissions=("pagerduty_card.trigger_incident",))
    with pytest.raises(triggering.CannotPage, match="another page"):
        pager(user=dee)
    with pytest.raises(triggering.CannotPage, match="another page"):
        pager(entity=make_entity())
    assert len(http.calls) == 1


@pytest.mark.parametrize("description", ["", "  \n", "x" * 1025])
def test_a_description_has_1_to_1024_characters(http, pager, description):
    with pytest.raises(ValueError, match="characters"):
        pager(description=description)
    assert len(http.calls) == 0


def test_a_key_alone_pages_without_any_token(http, pager, bob, settings):
    settings.PAGERDUTY_TOKEN = ""
    http.post(ENQUEUE, **ACCEPTED)
    by_key = make_entity("web-shop", annotations={"pagerduty.com/integration-key": "f" * 32})
    attempt = pager(entity=by_key, service_target=resolve(targets_of(by_key))[0])
    assert attempt.service_name == "web-shop"
    assert sent(http)["routing_key"] == "f" * 32


def test_pages_through_the_accounts_own_events_host(http, pager, settings):
    settings.PAGERDUTY_REGION = "eu"
    http.post("https://events.eu.pagerduty.com/v2/enqueue", **ACCEPTED)
    assert pager().state == State.ACCEPTED


def test_every_key_of_a_form_is_new_and_short_enough(entity):
    keys = {triggering.new_dedup_key(entity) for _ in range(50)}
    assert len(keys) == 50
    long = make_entity("x" * 63)
    assert len(triggering.new_dedup_key(long)) <= 255


def test_the_routing_key_is_in_no_row_and_no_log(http, pager, caplog):
    caplog.set_level(logging.DEBUG)
    http.post(ENQUEUE, json={"message": f"bad {KEY}", "errors": [KEY]}, status=400)
    with pytest.raises(Rejected) as caught:
        pager()
    row = str(TriggeredIncident.objects.values().get())
    logged = [vars(record) for record in caplog.records]
    assert [one["outcome"] for one in logged if "trigger attempt" in one["msg"]] == ["failed"]
    for text in (row, str(logged), repr(caught.value), caught.value.detail):
        assert KEY not in text
        assert TOKEN not in text
