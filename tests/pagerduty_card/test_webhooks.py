"""The door of webhooks and what comes of an event: over HTTP; the worker works at once."""

import datetime as dt
import json
import logging
import threading
import time

import pytest
import time_machine
from django.core.cache import caches
from django.db import DatabaseError, connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pagerduty_card import tasks
from pagerduty_card.accounts import all_accounts, get_account
from pagerduty_card.doctor.findings import Verdict
from pagerduty_card.doctor.webhooks import examine_webhooks
from pagerduty_card.mirror import incidents
from pagerduty_card.models import Delivery, Feed, Inbox, Incident, Service, TriggeredIncident
from pagerduty_card.syncing.accounts import sync_account
from pagerduty_card.syncing.services import sync_service
from pagerduty_card.webhooks import receiving
from pagerduty_card.webhooks.signatures import HEADER, sign
from pagerduty_card.wire.client import PagerDutyClient
from pagerduty_card.wire.quota import Quota, QuotaReading
from tests.factories import make_user
from tests.pagerduty_card.deliveries import SECRET, event_json, incident_data, post
from tests.pagerduty_card.factories import (
    API,
    TOKEN,
    incident_json,
    make_account,
    page_of,
    reference_json,
    service_json,
)
from tests.pagerduty_card.mirror import (
    make_attempt,
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_service,
)
from tests.pages import parse

pytestmark = pytest.mark.django_db
S = Delivery.State


@pytest.fixture(autouse=True)
def _configured(settings):
    settings.PAGERDUTY_TOKEN = TOKEN
    settings.PAGERDUTY_WEBHOOK_SECRETS = [SECRET]


@pytest.fixture
def queue_is_down(monkeypatch):
    """Deliveries are stored and nobody is woken."""

    class Broken:
        def enqueue(self, *arguments):
            raise OSError("no queue")

    monkeypatch.setattr(receiving, "run_task", Broken())


def states():
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def open_incidents():
    return {row.pd_id: row.status for row in Incident.objects.all()}


class TestTheDoor:
    def test_a_signed_event_is_answered_202_without_a_session_or_a_sign_in(self, client):
        response = post(client, event_json("pagey.ping", data={"message": "hello"}))
        assert (response.status_code, response.content) == (202, b"")
        assert not response.cookies
        assert states() == [S.APPLIED]

    def test_no_token_of_a_form_is_asked_for(self):
        client = Client(enforce_csrf_checks=True)
        assert post(client, event_json()).status_code == 202

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "v1=",
            "nonsense",
            "v1=" + "0" * 64,
            "v0=" + "0" * 64,
            "v1=é",
            sign("another-secret-value", b"{}"),
        ],
    )
    def test_without_the_right_signature_nothing_is_stored(self, client, header):
        response = post(client, event_json(), header=header)
        assert response.status_code == 403
        assert states() == []
        assert Inbox.objects.get().refused_count == 1

    def test_the_bytes_are_signed_not_what_they_say(self, client):
        raw = json.dumps(event_json()).encode()
        assert post(client, raw + b" ", header=sign(SECRET, raw)).status_code == 403

    @pytest.mark.parametrize("version", ["v0=", "v2=", "", "sha256="])
    def test_a_signature_of_another_version_counts_for_nothing(self, client, version):
        raw = json.dumps(event_json()).encode()
        digest = sign(SECRET, raw).removeprefix("v1=")
        assert post(client, raw, header=f"{version}{digest}").status_code == 403
        assert not Delivery.objects.exists()

    def test_one_right_signature_among_several_is_enough(self, client):
        raw = json.dumps(event_json()).encode()
        header = f"{sign('old-secret', raw)}, {sign(SECRET, raw)}"
        assert post(client, raw, header=header).status_code == 202

    def test_while_a_secret_is_replaced_both_are_taken(self, client, settings):
        settings.PAGERDUTY_WEBHOOK_SECRETS = ["old-secret", "new-secret"]
        assert post(client, event_json(), secret="old-secret").status_code == 202
        assert post(client, event_json(), secret="new-secret").status_code == 202
        assert post(client, event_json()).status_code == 403

    def test_an_account_nobody_configured_is_answered_like_a_wrong_signature(self, client):
        wrong = post(client, event_json(), secret="another-secret-value")
        for account in ("nobody", "a\x00b"):
            answer = post(client, event_json(), account=account)
            assert (answer.status_code, answer.content) == (403, wrong.content)
        assert Inbox.objects.get().account == "default"

    def test_what_strangers_send_is_written_once_a_minute(self, client, time_machine):
        now = timezone.now()
        time_machine.move_to(now, tick=False)
        for _ in range(30):
            post(client, event_json(), secret="another-secret-value")
        assert Inbox.objects.get().refused_count == 1
        time_machine.move_to(now + dt.timedelta(seconds=61), tick=False)
        post(client, event_json(), secret="another-secret-value")
        assert Inbox.objects.get().refused_count == 31

    @pytest.mark.parametrize("days", [-3.1, -2000, 0.1])
    def test_an_event_out_of_its_time_is_refused_though_it_is_signed(self, client, days):
        at = timezone.now() + dt.timedelta(days=days)
        assert post(client, event_json(at=at)).status_code == 400
        assert states() == []

    def test_only_the_operator_learns_that_an_account_has_no_secret(self, client, settings, caplog):
        wrong = post(client, event_json(), secret="another-secret-value")
        Inbox.objects.all().delete()
        caches["default"].clear()
        settings.PAGERDUTY_WEBHOOK_SECRETS = []
        for account, why in (("default", "no secret is configured"), ("nobody", "no such account")):
            caplog.clear()
            answer = post(client, event_json(), account=account)
            assert (answer.status_code, answer.content) == (403, wrong.content)
            assert why in caplog.text
        found = examine_webhooks(list(all_accounts().values()), timezone.now())
        (step,) = found["default"]
        assert (step.verdict, "no secret is configured" in step.text) == (Verdict.WRONG, True)
        assert "PAGERDUTY_WEBHOOK_SECRETS" in step.advice
        assert states() == []

    def test_another_account_has_secrets_of_its_own(self, client, settings, tmp_path):
        (tmp_path / "secrets").write_text("eu-secret-new\neu-secret-old\n")
        settings.PAGERDUTY_ACCOUNTS = (
            f"[{{name: eu, region: eu, token: u+eutoken0123456789, "
            f"webhook_secrets_file: {tmp_path}/secrets}}]"
        )
        assert post(client, event_json(), account="eu", secret="eu-secret-old").status_code == 202
        assert post(client, event_json(), account="eu").status_code == 403
        assert post(client, event_json(), secret="eu-secret-old").status_code == 403
        assert Delivery.objects.get().account == "eu"

    @pytest.mark.parametrize("method", ["get", "put", "delete", "head", "patch"])
    def test_another_method_is_answered_405(self, client, method):
        assert getattr(client, method)("/pagerduty/webhooks/default/").status_code == 405

    def test_a_body_over_256_kb_is_answered_413(self, client):
        assert post(client, b" " * (256 * 1024 + 1)).status_code == 413
        assert post(client, b" " * (256 * 1024)).status_code == 202

    def test_a_body_in_chunks_is_answered_411_and_counts_as_no_wrong_signature(self, client):
        raw = json.dumps(event_json()).encode()
        response = client.post(
            "/pagerduty/webhooks/default/",
            raw,
            content_type="application/json",
            headers={HEADER: sign(SECRET, raw), "Transfer-Encoding": "chunked"},
            CONTENT_LENGTH="",
        )
        assert response.status_code == 411
        assert not Inbox.objects.exists()

    def test_the_request_writes_one_row_and_nothing_else(self, client, queue_is_down):
        make_service()
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert post(client, event_json()).status_code == 202
        told = [q["sql"] for q in asked if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]
        assert len(told) == 1
        assert told[0].startswith("INSERT")

    def test_a_queue_that_is_down_loses_nothing(self, client, queue_is_down):
        make_service()
        assert post(client, event_json()).status_code == 202
        assert (states(), open_incidents()) == ([S.WAITING], {})
        tasks.apply_deliveries()
        assert (states(), open_incidents()) == ([S.APPLIED], {"PINC4711": "triggered"})

    def test_a_secret_is_in_no_answer_log_or_row(self, client, caplog):
        caplog.set_level(logging.DEBUG)
        refused = post(client, event_json(), secret="another-secret-value")
        taken = post(client, event_json())
        everything = caplog.text + refused.content.decode() + taken.content.decode()
        everything += str(list(Delivery.objects.values())) + str(list(Inbox.objects.values()))
        assert SECRET not in everything
        assert SECRET not in repr(make_account(webhook_secrets=(SECRET,)))


class TestOneEvent:
    def test_the_card_shows_an_incident_a_moment_after_its_webhook(self, client):
        entity = make_mapped_entity()
        make_service(status="active")
        make_feeds(age_s=60)
        client.force_login(make_user("ana"))
        page = entity.get_absolute_url()
        with time_machine.travel(timezone.now(), tick=False):
            before = client.get(page).content.decode()
            post(client, event_json())
            after = client.get(page).content.decode()
        assert "Payments time out" not in before
        card = parse(after).select_one("#pagerduty-card").get_text(" ")
        assert "Payments time out" in card
        assert "#4711" in card
        assert "Ana Lima" in card
        assert "P1" in card

    def test_a_status_nobody_has_heard_of_is_shown_as_it_is(self, client):
        entity = make_mapped_entity()
        make_service(status="active")
        make_feeds(age_s=60)
        client.force_login(make_user("ana"))
        post(client, event_json(data=incident_data(status="weird")))
        page = parse(client.get(entity.get_absolute_url()).text)
        assert page.select_one("#pagerduty-card .row__state").text == "weird"

    def test_a_section_nobody_ever_answered_stays_unknown(self, client):
        service = make_service()
        post(client, event_json())
        found = Feed.objects.freshness([service])[service.pk][Feed.Kind.INCIDENTS]
        assert not found.is_known

    def test_each_step_of_an_incident_is_followed(self, client):
        make_service()
        begun = timezone.now() - dt.timedelta(seconds=20)

        def tell(type_, seconds, **fields):
            at = begun + dt.timedelta(seconds=seconds)
            post(client, event_json(type_, at=at, data=incident_data(**fields)))
            tasks.apply_deliveries()  # a burst wakes the worker a moment later
            return Incident.objects.filter(pd_id="PINC4711").first()

        bo = reference_json("PBO", "user", "Bo Chen")
        assert tell("incident.triggered", 0).acknowledgements == []
        row = tell("incident.acknowledged", 1, status="acknowledged")
        assert [one["name"] for one in row.acknowledgements] == ["Ana Lima"]
        assert tell("incident.unacknowledged", 2).acknowledgements == []
        assert tell("incident.escalated", 3, assignees=[bo]).assignees[0]["name"] == "Bo Chen"
        assert tell("incident.reassigned", 4).assignees[0]["name"] == "Ana Lima"
        assert tell("incident.delegated", 5, assignees=[bo]).assignees[0]["name"] == "Bo Chen"
        assert tell("incident.priority_updated", 6, priority={"summary": "P2"}).priority == "P2"
        assert tell("incident.resolved", 7, status="resolved") is None
        assert tell("incident.reopened", 8).status == "triggered"
        assert set(states()) == {S.APPLIED}

    def test_an_automatic_step_that_no_longer_holds_is_not_told(self, client):
        service = make_service()
        steps = [{"type": "escalate", "at": "2026-11-01T09:30:00+00:00"}]
        make_incident(service, pd_id="PINC4711", pending_actions=steps)
        post(client, event_json("incident.priority_updated"))
        assert Incident.objects.get().pending_actions == steps
        post(client, event_json("incident.acknowledged"))
        assert Incident.objects.get().pending_actions == []

    def test_an_incident_that_moves_to_another_service_is_on_that_one_alone(self, client):
        make_incident(make_service(), pd_id="PINC4711")
        other = make_service("PSEARCH", key="")
        data = incident_data(service=reference_json("PSEARCH", "service", "search"))
        post(client, event_json("incident.service_updated", data=data))
        assert Incident.objects.get().service == other
        assert set(Feed.objects.values_list("service_pd_id", flat=True)) == {"PCHKOUT", "PSEARCH"}

    @pytest.mark.parametrize("pd_id", ["PSEARCH", "PCHKOUT"])
    def test_an_incident_of_a_service_that_is_not_mirrored_is_not_stored(self, client, pd_id):
        make_service(pd_id, key="", is_mapped=pd_id == "PSEARCH")
        post(client, event_json())
        assert (open_incidents(), states()) == ({}, [S.IGNORED])

    def test_the_same_service_id_in_another_account_is_another_service(self, client):
        make_service(account="eu")
        post(client, event_json())
        assert open_incidents() == {}

    def test_what_is_known_of_the_same_id_in_another_account_makes_no_event_old(self, client):
        make_service()
        later = timezone.now() + dt.timedelta(hours=1)
        elsewhere = make_service(account="eu", key="")
        make_incident(elsewhere, pd_id="PINC4711", status="acknowledged", changed_at=later)
        post(client, event_json())
        here = Incident.objects.get(service__account="default")
        assert (states(), here.status) == ([S.APPLIED], "triggered")
        post(client, event_json("incident.resolved"))
        assert open_incidents() == {"PINC4711": "acknowledged"}

    def test_a_note_changes_nothing_on_the_card(self, client):
        make_incident(make_service(), pd_id="PINC4711", title="Before")
        note = {
            "type": "incident_note",
            "id": "PNOTE",
            "content": "looking",
            "incident": reference_json("PINC4711", "incident", "x"),
        }
        post(client, event_json("incident.annotated", data=note))
        assert (Incident.objects.get().title, states()) == ("Before", [S.IGNORED])

    @pytest.mark.parametrize(
        ("type_", "resource_type"),
        [("incident.levitated", "incident"), ("robot.started", "robot"), ("service.created", "s")],
    )
    def test_an_unknown_type_is_stored_and_left_out(self, client, type_, resource_type):
        make_service()
        assert post(client, event_json(type_, resource_type=resource_type)).status_code == 202
        assert (states(), open_incidents()) == ([S.IGNORED], {})

    def test_a_status_that_is_new_to_the_portal_is_kept_as_it_is(self, client):
        make_service()
        post(client, event_json("incident.escalated", data=incident_data(status="snoozed")))
        assert open_incidents() == {"PINC4711": "snoozed"}

    def test_a_renamed_service_has_its_new_name(self, client):
        make_service()
        data = {"id": "PCHKOUT", "type": "service", "summary": "pay", "html_url": None}
        post(client, event_json("service.updated", data=data))
        assert Service.objects.get().name == "pay"

    def test_the_incident_of_a_page_from_here_is_found_at_once(self, client, http):
        entity = make_mapped_entity()
        make_service()
        attempt = make_attempt(entity, dedup_key="switchboard-1")
        data = incident_data(incident_key="switchboard-1", created_at=None, status="acknowledged")
        post(client, event_json("incident.acknowledged", data=data))
        attempt.refresh_from_db()
        # Of an event that doesn't date the incident it isn't known whether it is the page's.
        assert attempt.state == TriggeredIncident.State.ACCEPTED
        http.get(f"{API}/incidents/PINC4711/alerts", json=page_of("alerts"))
        post(client, event_json(data=incident_data(incident_key="switchboard-1", created_at=None)))
        attempt.refresh_from_db()
        assert attempt.state == TriggeredIncident.State.CREATED
        assert attempt.incident_number == 4711
        assert attempt.assignees[0]["name"] == "Ana Lima"

    def test_an_event_is_applied_though_the_alerts_of_its_incident_cannot_be_read(
        self, client, http, caplog
    ):
        make_service()
        make_attempt(make_mapped_entity(), dedup_key="switchboard-1")
        http.get(f"{API}/incidents/PINC4711/alerts", body=RuntimeError("nobody foresaw it"))
        post(client, event_json(data=incident_data(incident_key="switchboard-1")))
        row = Delivery.objects.get()
        assert (row.state, row.attempts, row.detail) == (S.APPLIED, 0, "")
        assert "nobody foresaw it" in caplog.text

    def test_what_was_applied_is_not_kept_word_for_word(self, client):
        make_service()
        post(client, event_json())
        assert Delivery.objects.get().body == ""


class TestRepeatedAndOutOfOrder:
    def test_a_repeated_delivery_is_answered_202_and_applied_once(self, client):
        make_service()
        event = event_json()
        assert post(client, event).status_code == 202
        Incident.objects.all().delete()
        assert post(client, event).status_code == 202
        assert (Delivery.objects.count(), open_incidents()) == (1, {})

    def test_a_repeated_delivery_without_an_id_is_stored_once_too(self, client):
        event = event_json(id=None)
        for _ in range(2):
            assert post(client, event).status_code == 202
        post(client, event_json(id=None))
        assert Delivery.objects.count() == 2

    def test_one_event_id_may_come_from_two_accounts(self, client, settings):
        settings.PAGERDUTY_ACCOUNTS = (
            f"[{{name: eu, token: u+eutoken0123456789, webhook_secrets: {SECRET}}}]"
        )
        event = event_json()
        post(client, event)
        post(client, event, account="eu")
        assert Delivery.objects.count() == 2

    def test_an_older_event_takes_nothing_back(self, client):
        make_service()
        now = timezone.now()
        post(client, event_json("incident.acknowledged", at=now))
        post(client, event_json("incident.triggered", at=now - dt.timedelta(seconds=5)))
        assert (states(), open_incidents()) == ([S.APPLIED, S.OLDER], {"PINC4711": "acknowledged"})

    def test_a_late_trigger_does_not_open_what_is_resolved(self, client):
        make_service()
        now = timezone.now()
        post(client, event_json("incident.resolved", at=now))
        post(client, event_json("incident.triggered", at=now - dt.timedelta(seconds=5)))
        assert open_incidents() == {}

    def test_an_event_older_than_what_an_answer_told_is_left_out(self, client):
        now = timezone.now()
        make_incident(make_service(), pd_id="PINC4711", status="acknowledged", changed_at=now)
        post(client, event_json(at=now - dt.timedelta(seconds=5)))
        assert (states(), open_incidents()) == ([S.OLDER], {"PINC4711": "acknowledged"})

    def test_an_event_that_comes_an_hour_late_gives_way_to_a_later_answer(self, client):
        make_service()
        make_feeds(age_s=10)
        post(client, event_json(at=timezone.now() - dt.timedelta(hours=1)))
        assert (states(), open_incidents()) == ([S.OLDER], {})

    def test_a_clock_of_ours_that_is_ahead_makes_no_event_old(self, client):
        make_service()
        make_feeds(age_s=10)
        ahead = QuotaReading(at=time.time(), limit=None, remaining=None, reset_s=None, skew_s=-3600)
        Quota(get_account()).note(ahead)
        post(client, event_json(at=timezone.now() - dt.timedelta(hours=1)))
        assert open_incidents() == {"PINC4711": "triggered"}

    def test_an_answer_from_before_the_service_was_known_says_nothing_of_it(self, client):
        make_service(mirrored_at=timezone.now() - dt.timedelta(seconds=5))
        make_feeds(age_s=10)
        post(client, event_json(at=timezone.now() - dt.timedelta(hours=1)))
        assert open_incidents() == {"PINC4711": "triggered"}

    def test_an_event_that_waited_gives_way_to_an_answer_asked_for_since(
        self, client, queue_is_down
    ):
        make_service()
        post(client, event_json())
        make_feeds(age_s=0)
        tasks.apply_deliveries()
        assert (states(), open_incidents()) == ([S.OLDER], {})


def whole():
    with PagerDutyClient(make_account()) as client:
        return sync_account(make_account(), client, kinds=[Feed.Kind.INCIDENTS])


def answering(client, rows, *events):
    """An answer about incidents, while which events come in."""

    def answer(request):
        for event in events:
            post(client, event)
        return 200, {}, json.dumps(page_of("incidents", *rows))

    return answer


class TestWithPolling:
    def test_a_resolve_that_was_missed_is_put_right_by_the_next_answer(self, client, http):
        make_service()
        post(client, event_json())
        http.get(f"{API}/incidents", json=page_of("incidents"))
        whole()
        assert open_incidents() == {}

    def test_a_trigger_that_comes_while_pagerduty_answers_stays(self, client, http):
        make_service()
        http.add_callback("GET", f"{API}/incidents", answering(client, [], event_json()))
        whole()
        assert open_incidents() == {"PINC4711": "triggered"}

    def test_a_resolve_that_comes_while_pagerduty_answers_stays(self, client, http):
        make_service()
        make_incident(Service.objects.get(), pd_id="PINC4711")
        http.add_callback(
            "GET",
            f"{API}/incidents",
            answering(client, [incident_json()], event_json("incident.resolved")),
        )
        whole()
        assert open_incidents() == {}

    def test_the_same_holds_for_an_answer_about_one_service(self, client, http):
        make_service(policy=None)
        http.get(f"{API}/services/PCHKOUT", json={"service": service_json()})
        http.add_callback(
            "GET",
            f"{API}/incidents",
            answering(client, [incident_json()], event_json("incident.resolved")),
        )
        http.get(f"{API}/oncalls", json=page_of("oncalls"))
        http.get(f"{API}/services/PCHKOUT/change_events", json=page_of("change_events"))
        with PagerDutyClient(make_account()) as pagerduty:
            sync_service(make_account(), pagerduty, "PCHKOUT")
        assert open_incidents() == {}

    def test_an_answer_that_knows_a_later_change_wins(self, client, http):
        make_service()
        later = (timezone.now() + dt.timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
        row = incident_json(status="acknowledged", updated_at=later)
        http.add_callback("GET", f"{API}/incidents", answering(client, [row], event_json()))
        whole()
        assert open_incidents() == {"PINC4711": "acknowledged"}

    def test_other_incidents_of_the_answer_are_taken_all_the_same(self, client, http):
        make_incident(make_service(), pd_id="PGONE")
        http.add_callback(
            "GET", f"{API}/incidents", answering(client, [incident_json(4712)], event_json())
        )
        whole()
        assert set(open_incidents()) == {"PINC4711", "PINC4712"}

    def test_the_next_answer_takes_over_again(self, client, http):
        make_service()
        http.add_callback("GET", f"{API}/incidents", answering(client, [], event_json()))
        whole()
        http.replace("GET", f"{API}/incidents", json=page_of("incidents"))
        whole()
        assert open_incidents() == {}

    def test_a_deleted_service_does_not_come_back_with_an_older_answer(self, client, http):
        make_service()
        gone = event_json("service.deleted", data={"id": "PCHKOUT", "type": "service"})

        def answer(request):
            post(client, gone)
            return 200, {}, json.dumps(page_of("services", service_json()))

        http.add_callback("GET", f"{API}/services", answer)
        with PagerDutyClient(make_account()) as pagerduty:
            sync_account(make_account(), pagerduty, kinds=[Feed.Kind.SERVICES])
        assert not Service.objects.exists()


HOSTILE = {
    "no JSON": b"\xff\xfe{{{",
    "nothing": b"",
    "nested without end": b"[" * 200_000,
    "a number": b"42",
    "no event": b'{"event": null}',
    "a number without end": b'{"event": {"id": ' + b"9" * 5_000 + b"}}",
    "no type": json.dumps(event_json(event_type=None)).encode(),
    "no time": json.dumps(event_json(occurred_at="yesterday")).encode(),
    "no zone": json.dumps(event_json(occurred_at="2026-11-01T09:00:00")).encode(),
    "an id that is none": json.dumps(event_json(data=incident_data(id={"a": 1}))).encode(),
    "no service": json.dumps(event_json(data=incident_data(service=None))).encode(),
    "assignees of another type": json.dumps(event_json(data=incident_data(assignees=4))).encode(),
    "a number no database holds": json.dumps(
        event_json(data=incident_data(number=10**30))
    ).encode(),
}


class TestHostileBodies:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_it_ends_as_a_marked_row_and_holds_up_nobody(self, client, name):
        make_service()
        assert post(client, HOSTILE[name]).status_code == 202
        for _ in range(6):
            tasks.apply_deliveries()
        row = Delivery.objects.get()
        assert row.state == S.FAILED
        assert 1 <= row.attempts <= 5
        assert row.detail
        post(client, event_json())
        assert open_incidents() == {"PINC4711": "triggered"}

    def test_nul_characters_half_ones_and_markup_are_told_as_text(self, client):
        make_service()
        # Half a character is one that no database holds.
        data = incident_data(title="a\x00\ud800<script>", html_url="javascript:alert(1)")
        post(client, event_json(data=data, id="a\x00b"))
        row = Incident.objects.get()
        assert (row.title, row.url) == ("a<script>", "")

    def test_what_fails_for_another_reason_is_tried_again(self, client, monkeypatch):
        make_service()

        def broken(*arguments):
            raise DatabaseError("for a moment")

        with monkeypatch.context() as patch:
            patch.setattr(incidents, "store_incident", broken)
            post(client, event_json())
        assert states() == [S.WAITING]
        tasks.apply_deliveries()
        assert (states(), set(open_incidents())) == ([S.APPLIED], {"PINC4711"})

    def test_what_fails_each_time_is_given_up_after_five_times(self, client, monkeypatch):
        make_service()

        def broken(*arguments):
            raise DatabaseError("for ever")

        monkeypatch.setattr(incidents, "store_incident", broken)
        post(client, event_json())
        for _ in range(6):
            tasks.apply_deliveries()
        row = Delivery.objects.get()
        assert (row.state, row.attempts) == (S.FAILED, 5)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_apply_each_delivery_once(client, queue_is_down, monkeypatch):
    make_service()
    now = timezone.now()
    for number in range(20):
        at = now + dt.timedelta(milliseconds=number)
        post(client, event_json(at=at, data=incident_data(title=f"Step {number}")))
    stored = []
    store = incidents.store_incident

    def store_and_count(service, incident):
        stored.append(incident.title)
        return store(service, incident)

    monkeypatch.setattr(incidents, "store_incident", store_and_count)

    def work():
        tasks.apply_deliveries()
        connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(stored) == len(set(stored))
    assert Incident.objects.get().title == "Step 19"
    assert set(states()) == {S.APPLIED}


class TestRetention:
    def test_what_is_a_week_old_is_forgotten_unless_it_waits(self):
        old, new = timezone.now() - dt.timedelta(days=8), timezone.now()
        for number, (at, state) in enumerate(
            [(old, S.APPLIED), (old, S.FAILED), (old, S.WAITING), (new, S.APPLIED)]
        ):
            Delivery.objects.create(
                account="default", event_id=str(number), received_at=at, state=state
            )
        tasks.forget_old_rows()
        assert set(Delivery.objects.values_list("event_id", flat=True)) == {"2", "3"}
