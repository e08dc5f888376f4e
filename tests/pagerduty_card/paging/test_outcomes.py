"""The truths about a page, against PagerDuty's answers: the table of docs/operate.md."""

import datetime as dt
import json
from email.utils import format_datetime

import pytest
import requests
import responses
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pagerduty_card import tasks
from pagerduty_card.accounts import get_account
from pagerduty_card.models import EscalationPolicy, Feed, OnCall, TriggeredIncident
from pagerduty_card.paging import triggering
from pagerduty_card.presenters.outcomes import OutcomeKind, present_outcome
from pagerduty_card.reconciling import reconcile
from pagerduty_card.syncing.accounts import forget_future, sync_account
from pagerduty_card.syncing.pages import refresh_for_page
from pagerduty_card.wire.client import PagerDutyClient
from portal.tasks import run_once
from tests.factories import make_user
from tests.pagerduty_card import deliveries
from tests.pagerduty_card.factories import (
    API,
    EVENTS,
    alert_json,
    incident_json,
    page_of,
    reference_json,
)
from tests.pagerduty_card.mirror import (
    make_attempt,
    make_feeds,
    make_mapped_entity,
    make_on_call,
    make_policy,
    make_service,
)
from tests.pagerduty_card.pages import url_of
from tests.pages import soup_of, words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("token")]

ENQUEUE = f"{EVENTS}/enqueue"
NOW = dt.datetime(2026, 11, 28, 9, 30, tzinfo=dt.UTC)
TAKEN = {"status": 202, "json": {"status": "success", "message": "ok", "dedup_key": "x"}}
LOST = {"body": requests.ReadTimeout("slow")}
State = TriggeredIncident.State
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(triggering, "_PAUSES_S", ())


@pytest.fixture
def entity():
    policy = make_policy()
    make_service(policy=policy)
    make_feeds()
    make_on_call(policy, "Cy Diaz", level=1)
    return make_mapped_entity()


@pytest.fixture
def client(client):
    client.force_login(make_user("bob", is_staff=True, is_superuser=True, email="bob@example.com"))
    return client


def found(minutes_ago=0.0, **fields):
    """An answer that lists one incident, created so many minutes before the page."""
    at = (NOW - dt.timedelta(minutes=minutes_ago)).isoformat()
    cy = {"at": at, "assignee": reference_json("PCY", "user", "Cy Diaz")}
    given = {"created_at": at, "updated_at": at, "assignments": [cy]} | fields
    return {"json": page_of("incidents", incident_json(7, **given))}


NONE = {"json": page_of("incidents")}
ACKNOWLEDGED = {
    "status": "acknowledged",
    "acknowledgements": [
        {"at": NOW.isoformat(), "acknowledger": reference_json("PBO", "user", "Bo Chen")}
    ],
}
RESOLVED = {"status": "resolved", "assignments": []}
MERGED = RESOLVED | {
    "resolve_reason": {
        "type": "merge_resolve_reason",
        "incident": reference_json("PINC5", "incident", "[#5] Database down"),
    }
}
ELSEWHERE = {"service": reference_json("PLEDGER", "service", "ledger")}

# PagerDuty's answer to the alert, its answer a minute later about the incident, and the truth.
ANSWERS = {
    "created": (TAKEN, found(), "created", "Created incident #7, notified Cy Diaz"),
    "created, by a clock a little behind": (TAKEN, found(0.9), "created", "notified Cy Diaz"),
    "created and resolved": (TAKEN, found(**RESOLVED), "created", "has been resolved since"),
    "created and merged": (TAKEN, found(**MERGED), "created", "merged into [#5] Database down"),
    "created, nobody on call": (TAKEN, found(assignments=[]), "created", "assigned it to nobody"),
    "created on another service": (TAKEN, found(**ELSEWHERE), "created", "service ledger, not on"),
    "grouped, acknowledged": (
        TAKEN,
        found(62, **ACKNOWLEDGED),
        "added",
        "open since 08:28 UTC and is acknowledged by Bo Chen",
    ),
    "grouped, triggered": (TAKEN, found(62), "added", "nobody has acknowledged it. It is assigned"),
    "grouped, resolved": (TAKEN, found(62, **RESOLVED), "added", "has been resolved since. Page"),
    "grouped on another service": (TAKEN, found(62, **ELSEWHERE), "added", "service ledger, not"),
    "grouped, in a new state": (TAKEN, found(62, status="paused"), "added", "its state is paused"),
    "suppressed": (TAKEN, NONE, "not_found", "PagerDuty had none when asked at 09:31 UTC"),
    "may not be read": (TAKEN, {"status": 403}, "not_searchable", "needs the permission"),
    "token refused": (TAKEN, {"status": 401}, "not_searchable", "does not accept the token"),
    "REST is down": (TAKEN, {"status": 502}, "not_searchable", "could not answer (502)"),
    "answer lost, created": (LOST, found(), "created", "Created incident #7, notified Cy Diaz"),
    "answer lost, grouped": (LOST, found(62), "added", "nobody may have been notified anew"),
    "answer lost, none": (LOST, NONE, "unsure", "sends again only if PagerDuty has none"),
    "answer lost, REST refuses": (LOST, {"status": 403}, "unsure", "that could page twice"),
    "gateway failed": ({"status": 502}, {"status": 502}, "unsure", "that could page twice"),
    "busy": ({"status": 503}, None, "retrying", "Nobody has been paged yet"),
    "limit": ({"status": 429}, None, "retrying", "Nobody has been paged yet"),
    "no connection": (
        {"body": requests.ConnectTimeout("NewConnectionError")},
        None,
        "retrying",
        "Nobody has been paged yet",
    ),
    "refused": ({"status": 403}, None, "failed", "Nobody has been paged"),
    "rejected": ({"status": 400, "json": {"message": "Bad"}}, None, "failed", "Bad. Page again"),
    "refused at length": (
        {"status": 403, "json": {"message": "x" * 999, "errors": ["y" * 999, "z" * 999, "v"]}},
        None,
        "failed",
        "refused the event (403): xxx",
    ),
    "accepted with an error": (
        {"status": 202, "json": {"error": {"message": "Key is not valid"}}},
        NONE,
        "unsure",
        "but not that it accepted the alert: Key is not valid. The portal looks",
    ),
    "failed in its own words": (
        {"status": 500, "json": ["queue is full"]},
        NONE,
        "unsure",
        "PagerDuty could not answer (500): queue is full. The portal looks",
    ),
    "REST answers well with an error": (
        TAKEN,
        {"json": {"error": {"message": "Try later"}}},
        "not_searchable",
        "/incidents answered 200 with an error: Try later. It is not known",
    ),
    "REST is cut off": (
        TAKEN,
        {"body": '{"incidents": [{"title": "Cut'},
        "not_searchable",
        "/incidents did not answer with a JSON object. It is not known",
    ),
    "REST answers with a web page": (
        TAKEN,
        {"body": "<html><title>Sign in</title>"},
        "not_searchable",
        "/incidents did not answer with a JSON object: Sign in. It is not known",
    ),
}


def page(client, entity):
    address = reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)
    form = soup_of(client.get(address)).select_one("main form.form")
    fields = {"key": form.select_one("input[name=key]")["value"], "severity": "error"}
    fields |= {"description": "Ledger is stuck", "service": "default/PCHKOUT"}
    return client.post(address, fields)


def look():
    with PagerDutyClient(get_account()) as pagerduty:
        reconcile(pagerduty, TriggeredIncident.objects.all())
    return TriggeredIncident.objects.get()


def work():
    assert run_once(f"{tasks.__name__}.retry_waiting")
    return TriggeredIncident.objects.get()


def posted(http):
    return sum(call.request.url == ENQUEUE for call in http.calls)


def card_of(client, entity):
    answer = client.get(url_of(entity), headers={"HX-Request": "true"})
    card = soup_of(answer).select_one("#pagerduty-card")
    return next(
        words(one) for one in card.select(".card__notice") if "Ledger is stuck" in words(one)
    )


def banners(client):
    """Those of pages, which any page has: an administrator is shown others too, of the worker."""
    shown = [words(one) for one in soup_of(client.get(reverse("password"))).select(".banner")]
    return [one for one in shown if one.startswith("checkout-api: ")]


@pytest.mark.parametrize("case", ANSWERS)
def test_every_page_prints_the_one_truth_that_follows_from_the_answers(client, entity, http, case):
    taken, asked, kind, said = ANSWERS[case]
    with time_machine.travel(NOW, tick=False) as clock:
        make_feeds()
        http.post(ENQUEUE, **taken)
        page(client, entity)
        clock.shift(61)
        if asked:
            http.get(f"{API}/incidents", **asked)
        attempt = look()
        assert len(attempt.answer) <= 500
        outcome = present_outcome(attempt, timezone.now())
        assert outcome.kind.value[0] == kind
        # A form that is rejected is shown again, with why. That it went well is news after trouble.
        is_told = (outcome.tone != "good" or taken is LOST) and case != "rejected"
        assert [one.split(". ")[0] for one in banners(client)] == (
            [f"checkout-api: {outcome.title}"] if is_told else []
        )
        card = card_of(client, entity)
        assert said in card
        assert outcome.title in card
        listed = client.get(reverse("admin:pagerduty_card_triggeredincident_changelist"))
        assert outcome.title in words(soup_of(listed))


def alert(key, seconds_before=0, **fields):
    at = (NOW - dt.timedelta(seconds=seconds_before)).isoformat()
    return alert_json(key, created_at=at, **fields)


# The alerts of an incident that is as old as the page, OWN the page's, and the truth.
OWN = "OWN"
ALERTS = {
    "alone": ([alert(OWN)], "created", "notified Cy Diaz"),
    "opened by another": ([alert("disk", 3), alert(OWN)], "added", "nobody may have been"),
    "joined by another": ([alert(OWN), alert("disk", -3)], "created", "notified Cy Diaz"),
    "an older incident merged into it": ([alert("disk", 3600), alert(OWN)], "created", "notified"),
    "resolved": ([alert(OWN, status="resolved")], "created", "alert itself has been resolved"),
    "suppressed": ([alert(OWN, suppressed=True)], "created", "reports the alert as suppressed"),
    "moved": ([alert("disk")], "created", "other alerts, but not this one"),
    "without keys": ([alert("")], "created", "notified Cy Diaz"),
    "in a new shape": ([alert(OWN), "what?"], "created", "notified Cy Diaz"),
    "may not be read": (None, "created", "notified Cy Diaz"),
}


@pytest.mark.parametrize("by_webhook", [False, True])
@pytest.mark.parametrize("case", ALERTS)
def test_the_alerts_of_the_incident_tell_whether_the_page_opened_it(
    entity, http, settings, case, by_webhook
):
    settings.PAGERDUTY_WEBHOOK_SECRETS = [deliveries.SECRET]
    alerts, kind, said = ALERTS[case]
    with time_machine.travel(NOW, tick=False):
        attempt = make_attempt(
            entity, state=State.ACCEPTED, sent_at=NOW, triggered_at=NOW, service_pd_id="PCHKOUT"
        )
        key = attempt.dedup_key
        shown = [
            one | {"alert_key": key} if isinstance(one, dict) and one["alert_key"] == OWN else one
            for one in alerts or ()
        ]
        answer = {"status": 403} if alerts is None else {"json": page_of("alerts", *shown)}
        asked = http.get(f"{API}/incidents/PINC7/alerts", **answer)
        if by_webhook:
            at = (NOW - dt.timedelta(seconds=3)).isoformat()
            people = {"assignees": [reference_json("PCY", "user", "Cy Diaz")]}
            data = deliveries.incident_data(7, incident_key=key, created_at=at, **people)
            deliveries.post(Client(), deliveries.event_json(data=data))
        else:
            http.get(f"{API}/incidents", **found(0.05))
        outcome = present_outcome(look(), NOW)
        look()
    assert outcome.kind.value[0] == kind
    assert said in f"{outcome.title} {outcome.text}"
    assert asked.call_count == 1


def test_no_answer_leads_to_a_second_incident_while_none_can_be_looked_for(client, entity, http):
    http.post(ENQUEUE, **LOST)
    http.get(f"{API}/incidents", status=403)
    page(client, entity)
    for _ in range(3):
        work()
    assert posted(http) == 1
    card = card_of(client, entity)
    assert "cannot page twice" not in card
    assert "It needs the permission incidents.read" in card
    assert "Until it can, it sends nothing again" in card


def test_the_person_who_sends_again_pages_nobody_twice_where_the_incident_is_there(
    client, entity, http
):
    http.post(ENQUEUE, **LOST)
    form = soup_of(page(client, entity)).select_one("main form.form")
    with time_machine.travel(NOW, tick=False):
        http.get(f"{API}/incidents", **found(-60))
    key = form.select_one("input[name=key]")["value"]
    fields = {"key": key, "severity": "error", "description": "Ledger is stuck"}
    address = reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)
    answer = client.post(address, fields | {"service": "default/PCHKOUT"}, follow=True)
    assert "incident #7" in words(soup_of(answer).main)
    assert posted(http) == 1


def test_what_is_accepted_and_never_appears_follows_the_person_until_it_was_seen(
    client, entity, http
):
    with time_machine.travel(NOW, tick=False) as clock:
        make_feeds()
        http.post(ENQUEUE, **TAKEN)
        page(client, entity)
        assert banners(client) == []
        http.get(f"{API}/incidents", **NONE)
        clock.shift(70)
        look()
        told = banners(client)
        assert told[0].startswith("checkout-api: Accepted by PagerDuty, but no incident")
        elsewhere = Client()  # another session of the same person
        elsewhere.force_login(User.objects.get(pk=client.session["_auth_user_id"]))
        assert banners(elsewhere) == told
        stranger = Client()
        stranger.force_login(make_user("somebody-else"))
        assert banners(stranger) == []
        client.get(entity.get_absolute_url())
        assert banners(client) == []


class TestAClockThatIsPut:
    """By an hour, forward or back, while PagerDuty's goes on."""

    @pytest.fixture
    def clock(self):
        with time_machine.travel(NOW, tick=False) as clock:
            make_feeds()
            yield clock

    @staticmethod
    def answer(http, method, url, real, **given):
        """Answer with the time of PagerDuty's clock."""
        body = given.pop("json")
        headers = {"Date": format_datetime(real, usegmt=True)}
        http.add(method, url, json=body, headers=headers, **given)

    @pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
    @pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
    @pytest.mark.parametrize(("minutes_ago", "state"), [(0, State.CREATED), (30, State.ADDED)])
    def test_makes_no_incident_older_or_newer_than_it_is(
        self, client, entity, http, clock, step, is_before, minutes_ago, state
    ):
        if is_before:  # the portal's clock is wrong already when the page is sent
            clock.shift(step)
        self.answer(http, "POST", ENQUEUE, NOW, **TAKEN)
        page(client, entity)
        if not is_before:
            clock.shift(step)
        clock.shift(20)
        later = NOW + dt.timedelta(seconds=20)
        self.answer(http, "GET", f"{API}/incidents", later, **found(minutes_ago))
        assert look().state == state

    @pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
    def test_hides_no_attempt_and_dates_none_in_the_future(self, client, entity, http, clock, step):
        http.post(ENQUEUE, status=503)
        page(client, entity)
        clock.shift(step)
        make_feeds()
        assert len(banners(client)) == 1
        card = card_of(client, entity)
        assert "Nobody has been paged" in card
        assert " in " not in card

    @pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
    def test_names_nobody_as_paged_who_is_on_call_an_hour_apart(
        self, client, entity, http, clock, step
    ):
        OnCall.objects.all().delete()
        policy = EscalationPolicy.objects.get()
        make_on_call(policy, "Bo Chen", from_h=-4, to_h=-0.5)
        make_on_call(policy, "Cy Diaz", from_h=-0.5, to_h=0.5)
        make_on_call(policy, "Dee Okafor", from_h=0.5, to_h=4)
        address = reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)
        assert "Pages Cy Diaz now" in words(soup_of(client.get(address)).main)
        clock.shift(step)
        if step < dt.timedelta():
            assert "It is not known who would be paged." in words(soup_of(client.get(address)).main)
        forget_future(get_account())  # as each turn of the worker does first
        make_feeds(*(kind for kind in Feed.Kind.values if kind != Feed.Kind.ON_CALL))
        url = f"{API}/oncalls"
        self.answer(http, "GET", url, NOW, json=page_of("oncalls"))
        with PagerDutyClient(get_account()) as pagerduty:
            sync_account(get_account(), pagerduty, kinds=[Feed.Kind.ON_CALL], reconciles=False)
        form = words(soup_of(client.get(address)).main)
        assert "It is not known who would be paged." in form
        assert f"60 minutes {'ahead of' if step > dt.timedelta() else 'behind'} PagerDuty's" in form
        assert not any(name in form for name in ("Bo Chen", "Cy Diaz", "Dee Okafor"))

    def test_back_does_not_keep_a_page_that_is_viewed_from_asking(
        self, client, entity, http, clock
    ):
        clock.shift(-HOUR)
        http.get(f"{API}/services/PCHKOUT", status=404)
        refresh_for_page(entity)
        feeds = Feed.objects.filter(kind=Feed.Kind.SERVICES)
        assert [feed.reason for feed in feeds] == ["not_found"]

    def test_back_freezes_no_retry_and_no_limit(self, client, entity, http, clock):
        for _ in range(5):
            make_attempt(entity, triggered_by_id=client.session["_auth_user_id"])
        TriggeredIncident.objects.update(state=State.CREATED)
        clock.shift(-HOUR)
        http.post(ENQUEUE, status=503)
        assert "Nobody has been paged yet" in page(client, entity).text
        TriggeredIncident.objects.filter(state=State.CREATED).delete()
        clock.shift(-HOUR)
        http.replace(responses.POST, ENQUEUE, status=503)
        attempt = work()
        assert attempt.attempts == 2
        assert attempt.retry_until == timezone.now() + TriggeredIncident.RETRIED_FOR
        TriggeredIncident.objects.update(state=State.SENDING)
        clock.shift(-HOUR)
        assert TriggeredIncident.objects.get().is_lost(timezone.now())

    def test_forward_says_of_none_that_it_did_not_appear_before_its_time(
        self, client, entity, http, clock
    ):
        self.answer(http, "POST", ENQUEUE, NOW, **TAKEN)
        page(client, entity)
        clock.shift(HOUR)
        self.answer(http, "GET", f"{API}/incidents", NOW + dt.timedelta(seconds=9), **NONE)
        assert look().state == State.ACCEPTED
        assert "no incident has appeared" not in card_of(client, entity)


def test_every_state_of_a_row_has_its_words(entity):
    for state in State.values:
        outcome = present_outcome(make_attempt(entity, state=state), timezone.now())
        assert outcome.kind is not OutcomeKind.UNKNOWN
    body = json.dumps({"title": outcome.title, "text": outcome.text})
    assert "None" not in body
