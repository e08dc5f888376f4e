"""The mirror: what PagerDuty says gets into the rows, and a failure takes nothing out of them."""

import datetime as dt
import json
import logging
from io import StringIO

import pytest
import requests
import time_machine
from django.core.management import CommandError, call_command
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from responses import matchers

from pagerduty_card import tasks
from pagerduty_card.mirror import rota
from pagerduty_card.models import (
    ChangeEvent,
    Delivery,
    EscalationPolicy,
    Feed,
    Incident,
    OnCall,
    Service,
    TriggeredIncident,
)
from pagerduty_card.syncing import accounts, pages, services
from pagerduty_card.wire.client import PagerDutyClient
from portal.leases import lease
from tests.factories import make_entity
from tests.pagerduty_card.conftest import undone
from tests.pagerduty_card.factories import (
    API,
    KEY,
    TOKEN,
    announce,
    announce_account,
    announce_service,
    change_json,
    incident_json,
    integration_json,
    maintenance_json,
    make_account,
    on_call_json,
    opened_now,
    page_of,
    paths_asked,
    policy_json,
    query_of,
    reference_json,
    service_json,
    user_json,
)
from tests.pagerduty_card.mirror import name_services

pytestmark = pytest.mark.django_db

START = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)
KINDS = Feed.Kind
ASKED = [section.kind for section in accounts.SECTIONS]
FIGURES = [KINDS.ANALYTICS, KINDS.STANDARDS]
PAST = [KINDS.HISTORY, KINDS.ACKNOWLEDGEMENTS, *FIGURES]


@pytest.fixture(autouse=True)
def _named():
    """The catalog names the services of these tests."""
    name_services("PCHKOUT", "PB", "PNEW")


def whole(kinds=None):
    with PagerDutyClient(make_account()) as client:
        return accounts.sync_account(make_account(), client, kinds=kinds)


def one_service(pd_id="PCHKOUT"):
    with PagerDutyClient(make_account()) as client:
        return services.sync_service(make_account(), client, pd_id)


def freshness(kind):
    service = Service.objects.select_related("policy").get(pd_id="PCHKOUT")
    return Feed.objects.freshness([service])[service.pk][kind]


def after(**delta):
    return time_machine.travel(START + dt.timedelta(**delta), tick=False)


@pytest.fixture
def full(http):
    """A mirror filled at 09:00, and no announced requests left."""
    announce_account(
        http,
        services=(service_json(),),
        incidents=(incident_json(),),
        on_calls=(on_call_json(),),
        changes=(change_json(),),
    )
    with after():
        whole()
    http.reset()


def test_mirrors_a_whole_account(http):
    announce_account(
        http,
        services=(service_json(status="critical"), service_json("PB", "fraud-check")),
        incidents=(incident_json(), incident_json(4702, status="acknowledged")),
        on_calls=(
            on_call_json(),
            on_call_json(start="2026-11-01T16:00:00Z", end=None, user=user_json("PBO", "Bo Chen")),
            on_call_json(2, schedule=None, start=None, end=None),
        ),
        changes=(change_json(),),
        windows=(maintenance_json(),),
    )
    with after():
        report = whole()
    assert sorted(report.done) == sorted(ASKED)
    assert report.requests == 10
    service = Service.objects.get(pd_id="PCHKOUT")
    assert (service.status, service.maintenance_until.hour) == ("critical", 12)
    assert [one.integration_key for one in service.integrations.all()] == [KEY]
    assert len(service.policy.levels) == 2
    assert list(service.incidents.values_list("number", "status")) == [
        (4711, "triggered"),
        (4702, "acknowledged"),
    ]
    assert service.incidents.first().assignees[0]["name"] == "Ana Lima"
    now = OnCall.objects.of_services([service]).current(START)
    assert [(row.level, row.responder.name) for row in now] == [(1, "Ana Lima"), (2, "Ana Lima")]
    (following,) = OnCall.objects.of_services([service]).filter(start__gt=START)
    assert (following.responder.name, following.start.hour) == ("Bo Chen", 16)
    assert service.changes.get().links == [
        {"href": "https://ci.meridian.example/8f3c1", "text": "Build"}
    ]
    for kind in ASKED:
        assert freshness(kind).is_known
        assert freshness(kind).failed_at is None


FAILURES = [
    {"status": 400, "json": {"error": {"message": "Bad"}}},
    {"status": 401},
    {"status": 402},
    {"status": 403},
    {"status": 404},
    {"status": 408},
    {"status": 429},
    {"status": 429, "headers": {"ratelimit-reset": "5"}},
    {"status": 500},
    {"status": 503},
    {"status": 200, "json": {}},
    {"status": 200, "json": {"error": "x"}},
    {"status": 200, "body": "<html>"},
    {"status": 200, "body": '{"incidents": ['},
    {"body": requests.ConnectionError("no route")},
    {"body": requests.ReadTimeout("slow")},
]


@pytest.mark.parametrize(
    ("kind", "path", "model"),
    [
        (KINDS.SERVICES, "/services", Service),
        (KINDS.INCIDENTS, "/incidents", Incident),
        (KINDS.ON_CALL, "/oncalls", OnCall),
        (KINDS.SHIFTS, "/oncalls", OnCall),
        (KINDS.CHANGES, "/change_events", ChangeEvent),
    ],
)
def test_keeps_the_last_good_rows_when_pagerduty_fails(http, full, subtests, kind, path, model):
    before = list(model.objects.values())
    assert before
    for failure in FAILURES:
        http.reset()
        http.get(f"{API}{path}", **failure)
        with subtests.test(failure=failure), undone(), after(minutes=20):
            report = whole([kind])
            failed = freshness(kind)
            assert list(model.objects.values()) == before
            assert failed.succeeded_at == START
            assert failed.failed_at == START + dt.timedelta(minutes=20)
            assert failed.reason == report.failed[kind].reason != ""


def test_nothing_is_known_when_the_first_answer_fails(http, subtests):
    for failure in FAILURES:
        http.reset()
        announce(http, "/services", page_of("services", service_json()))
        http.get(f"{API}/incidents", **failure)
        with subtests.test(failure=failure), undone():
            whole([KINDS.SERVICES, KINDS.INCIDENTS])
            assert not freshness(KINDS.INCIDENTS).is_known
            assert freshness(KINDS.INCIDENTS).reason


def test_a_section_that_fails_stops_no_other(http):
    announce(http, "/services", page_of("services", service_json()))
    announce(http, "/maintenance_windows", status=403)
    announce(http, "/incidents", status=500)
    announce(http, "/oncalls", {"error": {"message": "Access Denied"}}, status=403)
    announce(http, "/change_events", page_of("change_events", change_json()))
    report = whole()
    assert report.done == [KINDS.SERVICES, KINDS.CHANGES]
    assert freshness(KINDS.MAINTENANCE).reason == "permission"
    assert freshness(KINDS.ON_CALL).detail == "Access Denied. It needs the permission oncalls.read."
    assert freshness(KINDS.CHANGES).is_known


def test_a_section_with_a_defect_of_ours_stops_no_other_and_is_not_fine(
    http, full, caplog, monkeypatch
):
    def broken(*arguments, **named):
        raise DataError("integer out of range")

    monkeypatch.setattr(rota, "store_on_calls", broken)
    announce(http, "/oncalls", page_of("oncalls", on_call_json()))
    announce(http, "/change_events", page_of("change_events"))
    with after(minutes=20):
        report = whole([KINDS.ON_CALL, KINDS.CHANGES])
        assert report.done == [KINDS.CHANGES]
        assert freshness(KINDS.ON_CALL).reason == "unreadable"
    assert OnCall.objects.exists()
    assert "integer out of range" in caplog.text


def test_a_refused_token_is_asked_about_once_and_said_of_every_section(http, full):
    announce(http, "/services", status=401)
    with after(minutes=20):
        whole()
        assert {freshness(kind).reason for kind in ASKED} == {"token"}
    assert len(http.calls) == 1


def test_a_429_stops_the_rest_of_the_run(http, full):
    announce(http, "/services", status=429)
    with after(minutes=20):
        report = whole()
        assert {freshness(kind).reason for kind in ASKED} == {"throttled"}
    assert report.requests == 1


def test_a_failure_is_forgotten_with_the_next_good_answer(http, full):
    announce(http, "/incidents", status=500)
    with after(minutes=1):
        whole([KINDS.INCIDENTS])
    http.reset()
    announce(http, "/incidents", page_of("incidents"))
    with after(minutes=2):
        whole([KINDS.INCIDENTS])
        now = freshness(KINDS.INCIDENTS)
    assert (now.succeeded_at, now.failed_at, now.reason) == (
        START + dt.timedelta(minutes=2),
        None,
        "",
    )


def test_an_incident_that_pagerduty_no_longer_lists_is_gone(http, full):
    announce(http, "/incidents", page_of("incidents"))
    whole([KINDS.INCIDENTS])
    assert not Incident.objects.exists()


def test_a_second_identical_answer_writes_no_mirror_row(http, full):
    announce_account(
        http,
        services=(service_json(),),
        incidents=(incident_json(),),
        on_calls=(on_call_json(),),
        changes=(change_json(),),
    )
    with (
        after(minutes=1),
        CaptureQueriesContext(connection) as captured,
    ):
        whole()
    written = [
        query["sql"]
        for query in captured.captured_queries
        if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
    ]
    assert written
    assert {sql for sql in written if '"pagerduty_card_feed"' not in sql} == set()


def test_a_new_service_is_unknown_until_its_rows_were_asked_for(http, full):
    announce(http, "/services", page_of("services", service_json("PNEW", "new"), service_json()))
    with after(minutes=10):
        whole([KINDS.SERVICES])
        new = Service.objects.select_related("policy").get(pd_id="PNEW")
        fresh = Feed.objects.freshness([new])[new.pk]
        assert fresh[KINDS.SERVICES].is_known
        assert not fresh[KINDS.INCIDENTS].is_known
        assert not fresh[KINDS.CHANGES].is_known
    announce(http, "/incidents", page_of("incidents"))
    with after(minutes=11):
        whole([KINDS.INCIDENTS])
        assert Feed.objects.freshness([new])[new.pk][KINDS.INCIDENTS].is_known


def test_a_policy_that_gains_a_level_is_unknown_until_asked_again(http, full):
    taller = service_json(escalation_policy=policy_json(levels=3))
    announce(http, "/services", page_of("services", taller))
    with after(minutes=10):
        whole([KINDS.SERVICES])
        assert not freshness(KINDS.ON_CALL).is_known
        assert KINDS.ON_CALL in accounts.due_kinds(make_account(), timezone.now())
        assert freshness(KINDS.INCIDENTS).is_known


def test_a_service_that_pagerduty_has_no_more_is_forgotten_only_when_it_says_so(http, full):
    announce(http, "/services", page_of("services"))
    single = announce(http, "/services/PCHKOUT", {"service": service_json()})
    whole([KINDS.SERVICES])
    assert Service.objects.filter(pd_id="PCHKOUT").exists()
    assert single.call_count == 1
    http.remove(single)
    announce(http, "/services/PCHKOUT", {"error": {"message": "Not Found"}}, status=404)
    whole([KINDS.SERVICES])
    assert not Service.objects.exists()


@pytest.mark.parametrize("failure", [{"status": 500}, {"status": 403}, {"status": 429}])
def test_a_missing_service_that_cannot_be_confirmed_stays(http, full, failure):
    announce(http, "/services", page_of("services"))
    announce(http, "/services/PCHKOUT", **failure)
    with after(minutes=10):
        report = whole([KINDS.SERVICES])
    assert list(report.failed) == [KINDS.SERVICES]
    assert Service.objects.get().incidents.exists()


def test_policies_that_come_as_references_are_asked_for(http):
    bare = service_json(
        escalation_policy=reference_json("PPOLCHK", "escalation_policy", "Checkout escalation")
    )
    announce(http, "/services", page_of("services", bare))
    announce(http, "/escalation_policies", page_of("escalation_policies", policy_json(levels=3)))
    whole([KINDS.SERVICES])
    assert len(EscalationPolicy.objects.get().levels) == 3


def test_an_older_answer_that_arrives_late_takes_back_nothing(http, full):
    announce_service(http, incidents=(incident_json(), incident_json(5000)))
    with after(minutes=2):
        one_service()
    http.reset()
    announce(http, "/incidents", page_of("incidents", incident_json()))
    with after(minutes=1):  # asked before, stored after
        whole([KINDS.INCIDENTS])
    assert Incident.objects.count() == 2


def test_one_service_takes_four_small_requests(http):
    announce_service(http, incidents=(incident_json(),), on_calls=(on_call_json(),))
    with after():
        report = one_service()
    assert paths_asked(http) == [
        "/services/PCHKOUT",
        "/incidents",
        "/oncalls",
        "/services/PCHKOUT/change_events",
    ]
    assert report.requests == 4
    assert "service_ids[]=PCHKOUT" in query_of(http.calls[1])
    assert "escalation_policy_ids[]=PPOLCHK" in query_of(http.calls[2])
    for kind in Feed.OF_PAGE:
        assert freshness(kind).succeeded_at == START


def test_a_service_in_maintenance_is_asked_until_when(http):
    announce_service(http, service=service_json(status="maintenance"))
    announce(http, "/maintenance_windows", page_of("maintenance_windows", maintenance_json()))
    one_service()
    assert Service.objects.get().maintenance_until.hour == 12


def test_the_better_of_the_accounts_and_the_services_own_answer_counts(http, full):
    announce_service(http, incidents=(incident_json(),))
    with after(minutes=3):
        one_service()
    http.reset()
    announce(http, "/incidents", status=500)
    with after(minutes=4):
        whole([KINDS.INCIDENTS])
        both = freshness(KINDS.INCIDENTS)
    assert both.succeeded_at == START + dt.timedelta(minutes=3)
    assert (both.failed_at, both.reason) == (START + dt.timedelta(minutes=4), "unreachable")


def test_a_failure_of_the_account_is_over_with_the_services_own_good_answer(http, full):
    announce(http, "/incidents", status=500)
    with after(minutes=3):
        whole([KINDS.INCIDENTS])
        assert freshness(KINDS.INCIDENTS).reason == "unreachable"
    http.reset()
    announce_service(http, incidents=(incident_json(),))
    with after(minutes=4):
        one_service()
        known = freshness(KINDS.INCIDENTS)
    assert (known.failed_at, known.reason) == (None, "")
    assert known.succeeded_at == START + dt.timedelta(minutes=4)


def test_of_a_known_service_that_pagerduty_denies_nothing_more_is_asked(http, full):
    announce(http, "/services/PCHKOUT", {"error": {"message": "Not Found"}}, status=404)
    with after(minutes=1):
        report = one_service()
        assert freshness(KINDS.INCIDENTS).succeeded_at == START
    assert list(report.failed) == [KINDS.SERVICES]
    assert len(http.calls) == 1


@pytest.mark.parametrize("is_accounts_last", [True, False])
def test_of_two_failures_the_later_one_is_told(http, full, is_accounts_last):
    def account_fails():
        http.reset()
        announce(http, "/incidents", status=500)
        whole([KINDS.INCIDENTS])

    def service_fails():
        http.reset()
        announce_service(http)
        http.replace("GET", f"{API}/incidents", status=403)
        one_service()

    in_order = [service_fails, account_fails]
    for minutes, fail in enumerate(in_order if is_accounts_last else in_order[::-1], start=1):
        with after(minutes=minutes):
            fail()
            known = freshness(KINDS.INCIDENTS)
    assert known.reason == ("unreachable" if is_accounts_last else "permission")
    assert known.succeeded_at == START


def test_an_unknown_service_says_so_and_asks_nothing_more(http):
    announce(http, "/services/PWRONG1", {"error": {"message": "Not Found"}}, status=404)
    report = one_service("PWRONG1")
    assert report.failed[KINDS.SERVICES].reason == "not_found"
    assert len(http.calls) == 1
    absent = Feed.objects.freshness_of_absent({("default", "PWRONG1")})
    assert absent[("default", "PWRONG1")].reason == "not_found"


@pytest.mark.parametrize("failure", [{"status": 500}, {"status": 403}])
def test_the_other_sections_of_a_service_go_on_when_one_fails(http, full, failure):
    announce(http, "/services/PCHKOUT", **failure)
    announce(http, "/incidents", page_of("incidents"))
    announce(http, "/oncalls", **failure)
    announce(http, "/services/PCHKOUT/change_events", page_of("change_events"))
    with after(minutes=1):
        report = one_service()
    assert report.done == [KINDS.INCIDENTS, KINDS.CHANGES]
    assert not Incident.objects.exists()
    assert OnCall.objects.exists()


def test_later_shifts_stay_known_while_only_the_present_is_asked(http):
    following = on_call_json(
        start="2026-11-01T16:00:00Z", end="2026-11-02T00:00:00Z", user=user_json("PBO", "Bo Chen")
    )
    announce_account(http, services=(service_json(),), on_calls=(on_call_json(), following))
    with after():
        whole()
    http.reset()
    announce(http, "/oncalls", page_of("oncalls", on_call_json()))
    with after(minutes=1):
        whole([KINDS.ON_CALL])
    assert not [one for one in query_of(http.calls[0]) if one.startswith("since")]
    assert OnCall.objects.get(start__gt=START).responder.name == "Bo Chen"
    with after(hours=7, minutes=30):
        assert OnCall.objects.current(timezone.now()).get().responder.name == "Bo Chen"


def test_on_call_is_due_again_as_soon_as_a_shift_ends(http):
    ending = on_call_json(end="2026-11-01T09:00:15Z")
    announce_account(http, services=(service_json(),), on_calls=(ending,))
    with after():
        whole()
    with after(seconds=10):
        assert accounts.due_kinds(make_account(), timezone.now()) == []
    with after(seconds=13):
        assert accounts.due_kinds(make_account(), timezone.now(), [accounts.Lane.REST]) == []
    with after(seconds=16):
        assert KINDS.ON_CALL in accounts.due_kinds(make_account(), timezone.now())


def test_each_section_has_its_own_cadence(http, full):
    def due(**delta):
        return set(accounts.due_kinds(make_account(), START + dt.timedelta(**delta)))

    by_the_minute = {KINDS.ON_CALL, KINDS.CHANGES, KINDS.MAINTENANCE}
    assert due(seconds=10) == set()
    assert due(seconds=20) == {KINDS.INCIDENTS}
    assert due(seconds=60) == {KINDS.INCIDENTS} | by_the_minute
    assert due(minutes=10) == set(ASKED) - set(FIGURES)
    assert due(hours=6) == set(ASKED)


def test_a_clock_that_was_put_back_makes_nothing_fresh(http, settings):
    settings.PAGERDUTY_TOKEN = TOKEN
    http.assert_all_requests_are_fired = False
    announce_account(http, services=(service_json(),), incidents=(incident_json(),))
    announce_service(http, incidents=(incident_json(),))
    with after(hours=1):  # where the clock is wrong
        whole()
        one_service()
        Delivery.objects.create(
            account="default",
            event_id="1",
            resource_type="incident",
            pd_id=Incident.objects.get().pd_id,
            occurred_at=START,
            received_at=timezone.now(),
            state=Delivery.State.APPLIED,
        )
    http.replace("GET", f"{API}/incidents", json=page_of("incidents"))
    with after():
        assert freshness(KINDS.INCIDENTS).succeeded_at == START + dt.timedelta(hours=1)
        tasks.sync_accounts()
        tasks.sync_incidents()
        assert not Incident.objects.exists()
        for kind in (KINDS.INCIDENTS, KINDS.ON_CALL, KINDS.CHANGES):
            assert freshness(kind).succeeded_at == START


def test_changes_are_asked_for_since_the_last_time_only(http, full):
    announce(http, "/change_events", page_of("change_events"))
    with after(minutes=10):
        whole([KINDS.CHANGES])
        reaches = freshness(KINDS.CHANGES).covers_since
    assert "since=2026-11-01T08:00:00Z" in query_of(http.calls[0])
    assert reaches < START - dt.timedelta(days=29)
    assert ChangeEvent.objects.count() == 1


def test_changes_that_were_cut_off_say_how_far_back_they_reach(http):
    announce_account(http, services=(service_json(),))
    http.remove("GET", f"{API}/change_events")
    for page in range(5):
        announce(
            http,
            "/change_events",
            page_of(
                "change_events",
                change_json(f"C{page}", timestamp=f"2026-11-01T0{8 - page}:00:00Z"),
                more=True,
            ),
            match=[matchers.query_param_matcher({"offset": str(page * 100)}, strict_match=False)],
        )
    with after():
        whole()
    assert freshness(KINDS.CHANGES).covers_since.hour == 4
    assert ChangeEvent.objects.count() == 5


def test_five_hundred_services_take_less_than_fifty_requests(http):
    def answer(key, rows):
        def page(request):
            offset = int(request.params["offset"])
            policies = request.params.get("escalation_policy_ids[]")
            found = [
                row for row in rows if not policies or row["escalation_policy"]["id"] in policies
            ]
            more = offset + 100 < len(found)
            return 200, {}, json.dumps(page_of(key, *found[offset : offset + 100], more=more))

        return page

    policies = [policy_json(f"PPOL{number}") for number in range(200)]
    services = [
        service_json(
            f"P{number}",
            f"service-{number}",
            escalation_policy=policies[number % 200],
            integrations=[integration_json(f"{number:032}", f"PI{number}")],
        )
        for number in range(500)
    ]
    incidents = [
        incident_json(number, service=reference_json(f"P{number}", "service", "s"))
        for number in range(150)
    ]
    on_calls = [
        on_call_json(
            level,
            escalation_policy=reference_json(f"PPOL{number}", "escalation_policy", "x"),
            user=user_json(f"PU{number}{shift}{level}"),
            start=f"2026-11-01T{8 * shift:02}:00:00Z",
        )
        for number in range(200)
        for level in (1, 2)
        for shift in range(3)
    ]
    changes = [
        change_json(f"C{number}", services=[reference_json(f"P{number}", "service", "s")])
        for number in range(200)
    ]
    for path, key, rows in (
        ("/services", "services", services),
        ("/incidents", "incidents", incidents),
        ("/oncalls", "oncalls", on_calls),
        ("/change_events", "change_events", changes),
        ("/maintenance_windows", "maintenance_windows", [maintenance_json()]),
    ):
        http.add_callback("GET", f"{API}{path}", answer(key, rows))
    name_services(*[f"P{number}" for number in range(500)])
    with after():
        report = whole([kind for kind in ASKED if kind not in PAST])
    assert not report.failed
    # Services, incidents, changes, maintenance; who is on call, by 100 policies and by 20.
    assert report.requests == 5 + 2 + 2 + 1 + 2 * 6 + 10 * 2 == 42
    assert Service.objects.count() == 500
    assert Incident.objects.count() == 150
    assert OnCall.objects.count() == 1200


class TestForAPage:
    @pytest.fixture(autouse=True)
    def _token(self, token):
        pass

    def entity(self, **annotations):
        given = annotations or {"service-id": "PCHKOUT"}
        return make_entity(
            annotations={f"pagerduty.com/{key}": value for key, value in given.items()}
        )

    def test_fills_an_empty_mirror(self, http):
        announce_service(http, incidents=(incident_json(),))
        pages.refresh_for_page(self.entity())
        assert Incident.objects.get().number == 4711

    def test_many_viewers_cause_one_refresh(self, http):
        announce_service(http)
        entity = self.entity()
        for _ in range(5):
            pages.refresh_for_page(entity)
        assert len(http.calls) == 4

    def test_a_refresh_under_way_is_not_joined(self, http):
        with lease("pagerduty:refreshing:default:PCHKOUT"):
            pages.refresh_for_page(self.entity())
        assert len(http.calls) == 0

    def test_asks_again_after_ten_seconds(self, http):
        announce_service(http)
        entity = self.entity()
        with time_machine.travel(START, tick=False) as clock:
            pages.refresh_for_page(entity)
            clock.shift(9)
            pages.refresh_for_page(entity)
            assert len(http.calls) == 4
            clock.shift(2)
            pages.refresh_for_page(entity)
            assert len(http.calls) == 8

    def test_a_failure_is_not_asked_about_again_at_once_either(self, http):
        announce(http, "/services/PCHKOUT", status=500)
        entity = self.entity()
        pages.refresh_for_page(entity)
        pages.refresh_for_page(entity)
        assert len(http.calls) == 1

    def test_finds_a_service_by_its_key_among_all(self, http):
        announce(http, "/services", page_of("services", service_json()))
        announce_service(http, incidents=(incident_json(),))
        pages.refresh_for_page(self.entity(**{"integration-key": KEY}))
        assert Incident.objects.get().number == 4711

    def test_a_key_that_is_nobodys_is_looked_for_among_all_only_after_two_minutes(self, http):
        announce(http, "/services", page_of("services", service_json()))
        entity = self.entity(**{"integration-key": "f" * 32})
        with time_machine.travel(START, tick=False) as clock:
            for shift_s, asked in ((0, 1), (60, 1), (45, 1), (16, 2)):
                clock.shift(shift_s)
                pages.refresh_for_page(entity)
                assert len(http.calls) == asked

    def test_refreshes_every_service_of_the_entity(self, http):
        announce_service(http)
        announce_service(http, service=service_json("PB", "b"))
        pages.refresh_for_page(self.entity(**{"service-id": "PCHKOUT,PB"}))
        assert Service.objects.count() == 2

    def test_asks_nothing_without_a_token_or_for_an_unknown_account(self, http, settings):
        pages.refresh_for_page(self.entity(**{"service-id": "PCHKOUT", "account": "eu"}))
        settings.PAGERDUTY_TOKEN = ""
        pages.refresh_for_page(self.entity())
        assert len(http.calls) == 0

    @pytest.mark.parametrize("failure", FAILURES)
    def test_never_raises_and_never_says_none(self, http, failure):
        http.get(f"{API}/services/PCHKOUT", **failure)
        pages.refresh_for_page(self.entity())
        absent = Feed.objects.freshness_of_absent({("default", "PCHKOUT")})[("default", "PCHKOUT")]
        assert not absent.is_known
        assert absent.reason


class TestAnAcceptedAlert:
    def attempt(self, **fields):
        return TriggeredIncident.objects.create(
            **{
                "dedup_key": "switchboard-1",
                "entity_ref": "component:default/checkout-api",
                "account": "default",
                "service_pd_id": "PCHKOUT",
                "service_name": "checkout-api",
                "triggered_by_name": "Bo",
                "triggered_at": START,
                "answered_at": START,
                "description": "Payments time out",
                "severity": "error",
                "state": TriggeredIncident.State.ACCEPTED,
                **fields,
            }
        )

    def test_becomes_the_incident_it_led_to(self, http):
        attempt = self.attempt()
        with after(seconds=5):
            announce(http, "/incidents", page_of("incidents", opened_now()))
            whole([])
        attempt.refresh_from_db()
        assert attempt.state == TriggeredIncident.State.CREATED
        assert (attempt.incident_number, attempt.assignees[0]["name"]) == (4711, "Ana Lima")
        assert attempt.incident_url == "https://meridian.pagerduty.com/incidents/PINC4711"
        assert "incident_key=switchboard-1" in query_of(http.calls[0])

    def test_is_found_in_the_mirror_without_asking_again(self, http):
        attempt = self.attempt()
        announce(http, "/services", page_of("services", service_json()))
        opened = incident_json(incident_key="switchboard-1")
        announce(http, "/incidents", page_of("incidents", opened))
        with after(seconds=5):
            whole([KINDS.SERVICES, KINDS.INCIDENTS])
        attempt.refresh_from_db()
        assert attempt.incident_number == 4711
        assert [call.request.path_url.partition("?")[0] for call in http.calls].count(
            "/incidents"
        ) == 1

    def test_that_no_incident_follows_within_a_minute_is_said_and_still_found_later(self, http):
        attempt = self.attempt()
        none = announce(http, "/incidents", page_of("incidents"))
        with after(seconds=59):
            whole([])
        attempt.refresh_from_db()
        assert attempt.state == TriggeredIncident.State.ACCEPTED
        with after(seconds=61):
            whole([])
        attempt.refresh_from_db()
        assert attempt.state == TriggeredIncident.State.NOT_SEEN
        http.remove(none)
        announce(http, "/incidents", page_of("incidents", opened_now()))
        with after(minutes=2, seconds=5):
            whole([])
        attempt.refresh_from_db()
        assert attempt.state == TriggeredIncident.State.CREATED

    def test_nothing_is_concluded_while_pagerduty_does_not_answer(self, http):
        attempt = self.attempt()
        announce(http, "/incidents", status=500)
        with after(minutes=5):
            whole([])
        attempt.refresh_from_db()
        assert attempt.state == TriggeredIncident.State.ACCEPTED


class TestTheCommand:
    def run(self, *args):
        out, err = StringIO(), StringIO()
        call_command("sync_pagerduty", *args, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    def test_mirrors_once_and_says_what_it_did(self, http, token):
        announce_account(http, services=(service_json(),))
        out, err = self.run("--once")
        assert out == (
            "default: service, open incidents, on call, maintenance windows, recent changes, "
            "coming shifts, resolved incidents, first acknowledgements, PagerDuty's analytics, "
            "PagerDuty's standards (10 requests)\n"
        )
        assert err == ""

    def test_says_what_to_do_before_there_are_tables(self, token):
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE pagerduty_card_feed RENAME TO elsewhere")
        with pytest.raises(CommandError, match=r"manage\.py prepare"), transaction.atomic():
            call_command("sync_pagerduty", "--once")

    def test_fails_clearly_without_a_token(self):
        with pytest.raises(CommandError, match="set PAGERDUTY_TOKEN"):
            self.run("--once")

    def test_fails_clearly_for_an_unknown_account(self, token):
        with pytest.raises(CommandError, match=r"called 'eu'; configured: default"):
            self.run("--once", "--account", "eu")

    def test_fails_when_pagerduty_refuses_and_names_what(self, http, token):
        announce(http, "/services", status=401)
        err = StringIO()
        with pytest.raises(CommandError, match="not mirrored completely"):
            call_command("sync_pagerduty", "--once", stdout=StringIO(), stderr=err)
        assert "default: open incidents: token: PagerDuty does not accept the token." in (
            err.getvalue()
        )


def test_logs_what_failed_with_the_request_id_and_without_secrets(http, full, caplog):
    caplog.set_level(logging.DEBUG)
    announce(
        http,
        "/incidents",
        {"error": {"message": f"bad {TOKEN}"}},
        status=400,
        headers={"X-Request-Id": "req-9"},
    )
    whole([KINDS.INCIDENTS])
    logged = [record for record in caplog.records if "section not refreshed" in record.getMessage()]
    assert [(one.section, one.reason, one.pagerduty_request_id) for one in logged] == [
        ("incidents", "rejected", "req-9")
    ]
    everything = " ".join(str(vars(record)) for record in caplog.records)
    assert TOKEN not in everything
    assert KEY not in everything
    assert TOKEN not in Feed.objects.get(kind=KINDS.INCIDENTS).detail
