"""One token's requests: few, counted, shared by all processes, and never a list cut off."""

import datetime as dt
import json

import pytest
import time_machine
from django.core.cache import caches
from django.utils import timezone

from pagerduty_card.errors import Throttled, TooMany
from pagerduty_card.freshness import OLD_AFTER
from pagerduty_card.models import EscalationPolicy, Feed, Incident, OnCall, Responder, Service
from pagerduty_card.syncing import accounts, on_call
from pagerduty_card.syncing.accounts import SECTIONS
from pagerduty_card.wire import quota
from pagerduty_card.wire.client import PagerDutyClient
from pagerduty_card.wire.quota import Quota, QuotaReading
from portal import settings as product
from tests.pagerduty_card.factories import (
    API,
    announce,
    incident_json,
    maintenance_json,
    make_account,
    on_call_json,
    page_of,
    query_of,
    reference_json,
    service_json,
    user_json,
)
from tests.pagerduty_card.mirror import make_feeds, make_on_call, make_policy, make_service

START = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)
KINDS = Feed.Kind
# What a company of 5,000 services and 2,500 policies costs, by section.
DEAR = {
    KINDS.SERVICES: 50,
    KINDS.INCIDENTS: 10,
    KINDS.ON_CALL: 75,
    KINDS.CHANGES: 5,
    KINDS.SHIFTS: 2_100,
    KINDS.HISTORY: 20,
    KINDS.ACKNOWLEDGEMENTS: 20,
    KINDS.ANALYTICS: 50,
    KINDS.STANDARDS: 50,
}


def sync(*kinds, background=True):
    with PagerDutyClient(make_account(), background=background) as client:
        return accounts.sync_account(make_account(), client, kinds=kinds)


def section_of(kind):
    return next(one for one in SECTIONS if one.kind == kind)


def after(**delta):
    return time_machine.travel(START + dt.timedelta(**delta), tick=False)


def many(http, path, key, rows, matches=lambda row, params: True, *, each=1):
    """Answer a list as PagerDuty does: in pages, 10,000 records at most.

    A row stands for as many records as ``each`` says: there are as many pages, and shorter.
    """

    def answer(request):
        params = request.params
        offset, limit = int(params["offset"]), int(params["limit"])
        assert offset + limit <= 10_000
        found = [row for row in rows if matches(row, params)]
        if str(params.get("sort_by", "")).endswith("name:desc"):
            found = found[::-1]
        end = offset + limit
        page = found[offset // each : -(-end // each)]
        return 200, {}, json.dumps(page_of(key, *page, more=end < len(found) * each))

    http.add_callback("GET", f"{API}{path}", answer)


def ids_in(params, name):
    found = params.get(name, [])
    return [found] if isinstance(found, str) else found


class TestPacing:
    def test_a_company_of_five_thousand_services_stays_below_half_of_the_limit(self):
        a_minute = sum(
            cost * (dt.timedelta(minutes=1) / section_of(kind).interval(cost))
            for kind, cost in DEAR.items()
            if kind in {one.kind for one in SECTIONS}
        )
        assert a_minute < 480

    @pytest.mark.parametrize("section", SECTIONS, ids=lambda one: str(one.kind))
    def test_what_is_put_off_for_its_cost_is_not_old_when_it_comes(self, section):
        dearest = section.interval(1_000_000)
        assert dearest + dt.timedelta(seconds=30) < OLD_AFTER[section.kind]

    @pytest.mark.parametrize("section", SECTIONS, ids=lambda one: str(one.kind))
    def test_what_is_cheap_comes_as_often_as_it_should(self, section):
        assert section.interval(1) == section.every

    @pytest.mark.django_db
    def test_a_dear_section_comes_less_often(self):
        make_feeds(age_s=61)
        now = timezone.now()
        Feed.objects.filter(kind=KINDS.ON_CALL).update(requests=10)
        assert KINDS.ON_CALL in accounts.due_kinds(make_account(), now)
        Feed.objects.filter(kind=KINDS.ON_CALL).update(requests=240)
        assert KINDS.ON_CALL not in accounts.due_kinds(make_account(), now)

    @pytest.mark.django_db
    def test_each_feed_tells_what_its_last_answer_took(self, http):
        many(http, "/services", "services", [service_json(f"P{n}") for n in range(250)])
        sync(KINDS.SERVICES)
        assert Feed.objects.get(kind=KINDS.SERVICES).requests == 3


@pytest.mark.django_db
class TestNothingIsCutOff:
    def test_more_than_ten_thousand_services_are_listed_from_both_ends(self, http):
        rows = [service_json(f"P{number:05}", integrations=[]) for number in range(10_050)]
        many(http, "/services", "services", rows)
        with PagerDutyClient(make_account()) as client:
            assert [one.id for one in client.services()] == [row["id"] for row in rows]

    def test_more_services_than_both_ends_reach_are_refused_not_cut(self, http):
        rows = [
            service_json(f"P{number:05}", integrations=[], escalation_policy=None)
            for number in range(20_001)
        ]
        many(http, "/services", "services", rows)
        with PagerDutyClient(make_account()) as client, pytest.raises(TooMany, match="20000"):
            client.services()

    def test_more_than_ten_thousand_incidents_are_asked_for_by_service(self, http):
        for number in range(150):
            make_service(f"P{number}", key="", policy=None)
        rows = [
            incident_json(number, service=reference_json(f"P{number % 150}", "service", "s"))
            for number in range(201)
        ]

        def matches(row, params):
            ids = ids_in(params, "service_ids[]")
            return not ids or row["service"]["id"] in ids

        many(http, "/incidents", "incidents", rows, matches, each=50)
        assert not sync(KINDS.INCIDENTS).failed
        assert Incident.objects.count() == 201

    def test_shifts_of_fewer_policies_are_asked_for_where_there_are_too_many(self, http):
        policies = [make_policy(pd_id=f"PP{number}") for number in range(4)]
        for policy in policies:
            make_service(f"P{policy.pk}", key="", policy=policy)
        rows = [
            on_call_json(
                escalation_policy=reference_json(policy.pd_id, "escalation_policy", "x"),
                user=user_json(f"PU{number % 7}"),
                start=f"2026-11-{1 + number % 14:02}T{number // 14:02}:00:00Z",
                end=None,
            )
            for policy in policies
            for number in range(52)
        ]

        def matches(row, params):
            return row["escalation_policy"]["id"] in ids_in(params, "escalation_policy_ids[]")

        many(http, "/oncalls", "oncalls", rows, matches, each=50)
        with after():
            while not Feed.objects.filter(kind=KINDS.SHIFTS, succeeded_at__isnull=False).exists():
                assert not sync(KINDS.SHIFTS).failed
        assert OnCall.objects.count() == 4 * 52


@pytest.mark.django_db
class TestShifts:
    @pytest.fixture
    def company(self):
        """Fifty policies, each of a service."""
        for number in range(50):
            policy = make_policy(pd_id=f"PP{number:02}", mirrored_at=START - dt.timedelta(days=1))
            make_service(f"P{number}", key="", policy=policy, mirrored_at=policy.mirrored_at)

    def answer(self, http):
        rows = [
            on_call_json(
                escalation_policy=reference_json(f"PP{number:02}", "escalation_policy", "x"),
                start=f"2026-11-{1 + day:02}T08:00:00Z",
                end=f"2026-11-{1 + day:02}T16:00:00Z",
            )
            for number in range(50)
            for day in range(14)
        ]
        many(
            http,
            "/oncalls",
            "oncalls",
            rows,
            lambda row, params: (
                row["escalation_policy"]["id"] in ids_in(params, "escalation_policy_ids[]")
            ),
        )

    def asked(self, http):
        return [
            policy
            for call in http.calls
            for policy in ids_in(call.request.params, "escalation_policy_ids[]")
        ]

    def test_all_shifts_of_fourteen_days_are_stored(self, http, company):
        self.answer(http)
        with after():
            sync(KINDS.SHIFTS)
            assert OnCall.objects.current(timezone.now()).count() == 50
            assert OnCall.objects.filter(start__gt=timezone.now()).count() == 50 * 13
        assert "until=2026-11-15T09:00:00Z" in query_of(http.calls[0])
        assert not [one for one in query_of(http.calls[0]) if one.startswith("earliest")]

    def test_a_sweep_takes_as_many_turns_as_it_must_and_is_known_when_it_is_over(
        self, http, company, monkeypatch
    ):
        monkeypatch.setattr(on_call, "REQUESTS_AT_FIRST", 3)
        self.answer(http)
        with after():
            sync(KINDS.SHIFTS)
            assert not Feed.objects.filter(kind=KINDS.SHIFTS, succeeded_at__isnull=False).exists()
            assert KINDS.SHIFTS in accounts.due_kinds(make_account(), timezone.now())
        with after(seconds=30):
            while not Feed.objects.filter(kind=KINDS.SHIFTS, succeeded_at__isnull=False).exists():
                sync(KINDS.SHIFTS)
        feed = Feed.objects.get(kind=KINDS.SHIFTS, service_pd_id="")
        # It speaks of when it began, and no policy was asked about twice.
        assert feed.asked_at == START
        assert feed.requests == len(http.calls)
        assert len({call.request.params["offset"] for call in http.calls}) > 1
        assert set(self.asked(http)) == {f"PP{number:02}" for number in range(50)}

    def test_a_sweep_that_fails_goes_on_where_it_was(self, http, company, monkeypatch):
        monkeypatch.setattr(on_call, "REQUESTS_AT_FIRST", 3)
        self.answer(http)
        with after():
            sync(KINDS.SHIFTS)
        first = set(self.asked(http))
        http.reset()
        announce(http, "/oncalls", status=500)
        with after(seconds=30):
            assert sync(KINDS.SHIFTS).failed
        http.reset()
        self.answer(http)
        with after(seconds=60):
            sync(KINDS.SHIFTS)
        assert not first & set(self.asked(http))

    def test_a_policy_that_changed_is_asked_about_at_once_and_alone(self, http, company):
        make_feeds()
        Feed.objects.update(asked_at=START, succeeded_at=START)
        EscalationPolicy.objects.filter(pd_id="PP07").update(
            mirrored_at=START + dt.timedelta(seconds=30)
        )
        service = Service.objects.select_related("policy").get(pd_id="P7")
        with after(seconds=60):
            assert KINDS.SHIFTS in accounts.due_kinds(make_account(), timezone.now())
            assert not Feed.objects.freshness([service])[service.pk][KINDS.SHIFTS].is_known
            self.answer(http)
            sync(KINDS.SHIFTS)
            assert set(self.asked(http)) == {"PP07"}
            assert Feed.objects.freshness([service])[service.pk][KINDS.SHIFTS].is_known
            # Said once, it is not asked about again.
            assert KINDS.SHIFTS not in accounts.due_kinds(make_account(), timezone.now())

    def test_many_that_changed_begin_a_new_sweep(self, http, company, monkeypatch):
        monkeypatch.setattr(on_call, "_MAX_CHANGED", 10)
        make_feeds()
        Feed.objects.update(asked_at=START, succeeded_at=START)
        EscalationPolicy.objects.update(mirrored_at=START + dt.timedelta(seconds=30))
        self.answer(http)
        with after(seconds=60):
            sync(KINDS.SHIFTS)
            assert len(set(self.asked(http))) == 50
            assert KINDS.SHIFTS not in accounts.due_kinds(make_account(), timezone.now())

    def test_shifts_that_are_over_do_not_pile_up(self, http, company):
        self.answer(http)
        with after():
            sync(KINDS.SHIFTS)
        http.reset()
        announce(http, "/oncalls", page_of("oncalls"))
        with after(days=3):
            sync(KINDS.ON_CALL)
            over = OnCall.objects.filter(end__lt=timezone.now())
            assert not over.exists()
            assert OnCall.objects.exists()


@pytest.mark.django_db
class TestMaintenance:
    def test_its_end_is_stored_and_taken_back_with_the_window(self, http):
        service = make_service(status="maintenance")
        announce(http, "/maintenance_windows", page_of("maintenance_windows", maintenance_json()))
        with after():
            sync(KINDS.MAINTENANCE)
        service.refresh_from_db()
        assert service.maintenance_until.hour == 12
        http.reset()
        announce(http, "/maintenance_windows", page_of("maintenance_windows"))
        announce(http, "/services/PCHKOUT", {"service": service_json(status="critical")})
        with after(minutes=1):
            sync(KINDS.MAINTENANCE)
        service.refresh_from_db()
        assert (service.maintenance_until, service.status) == (None, "critical")

    def test_it_takes_one_request_a_minute(self, http):
        make_service()
        announce(http, "/maintenance_windows", page_of("maintenance_windows"))
        sync(KINDS.MAINTENANCE)
        assert len(http.calls) == 1
        assert section_of(KINDS.MAINTENANCE).every == dt.timedelta(minutes=1)


@pytest.mark.django_db
class TestTheLimiter:
    @pytest.fixture(autouse=True)
    def _table(self, settings):
        """Where processes share."""
        settings.CACHES = {**settings.CACHES, "shared": product.CACHES["shared"]}

    def in_another_process(self):
        quota.forget_all()

    def test_a_cool_down_holds_for_every_process(self, http):
        announce(http, "/incidents", status=429, headers={"ratelimit-reset": "30"})
        sync(KINDS.INCIDENTS)
        self.in_another_process()
        assert 29 < Quota(make_account()).wait_s(background=False) <= 30
        with PagerDutyClient(make_account()) as client, pytest.raises(Throttled):
            client.open_incidents()
        assert len(http.calls) == 1

    def test_a_fifth_is_left_to_people_by_every_process(self):
        Quota(make_account()).note(
            QuotaReading(at=timezone.now().timestamp(), limit=960, remaining=190, reset_s=20)
        )
        self.in_another_process()
        assert Quota(make_account()).wait_s(background=True) > 0
        assert Quota(make_account()).wait_s(background=False) == 0

    def test_a_cool_down_holds_within_a_process_while_the_cache_is_away(self, settings):
        nothing = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
        settings.CACHES = {**settings.CACHES, "shared": nothing}
        Quota(make_account()).exhausted(30)
        assert Quota(make_account()).wait_s(background=False) > 29

    def test_a_clock_that_was_put_back_ends_a_cool_down(self):
        with time_machine.travel(START + dt.timedelta(hours=1), tick=False):
            Quota(make_account()).exhausted(30)
        with time_machine.travel(START, tick=False):
            assert Quota(make_account()).wait_s(background=False) == 0

    def test_answers_are_counted_by_the_minute_over_all_processes(self):
        def answer(at, count):
            for number in range(count):
                Quota(make_account()).note(QuotaReading(at=at.timestamp() + 2 * number))

        answer(START - dt.timedelta(hours=2), 3)
        answer(START - dt.timedelta(minutes=30), 4)
        answer(START, 5)
        self.in_another_process()
        answer(START, 6)
        now = START + dt.timedelta(minutes=1)
        assert Quota(make_account()).answered(now.timestamp()) == (11, 15)

    def test_what_many_answers_told_is_shared_once_a_second(self, django_assert_max_num_queries):
        at = timezone.now().timestamp()
        with django_assert_max_num_queries(20):
            for number in range(100):
                Quota(make_account()).note(QuotaReading(at=at + number / 200))
        Quota(make_account()).note(QuotaReading(at=at + 5))
        assert sum(Quota(make_account()).answered(at + 120)) >= 100

    def test_another_token_has_another_budget(self):
        Quota(make_account()).exhausted(30)
        assert Quota(make_account(token="another")).wait_s(background=False) == 0


@pytest.mark.django_db
def test_an_unchanged_turn_over_many_rows_writes_none_and_asks_no_query_a_row(http):
    """See the measure: the number of statements does not follow the number of rows."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def turn(count):
        for model in (Service, EscalationPolicy, Responder):
            model.objects.all().delete()
        for number in range(count):
            policy = make_policy(pd_id=f"PP{number}")
            make_on_call(policy)
            make_service(f"P{number}", key="", policy=policy)
        rows = [
            incident_json(number, service=reference_json(f"P{number}", "service", "s"))
            for number in range(count)
        ]
        http.reset()
        announce(http, "/incidents", page_of("incidents", *rows))
        announce(http, "/maintenance_windows", page_of("maintenance_windows"))
        sync(KINDS.INCIDENTS, KINDS.MAINTENANCE)
        caches["shared"].clear()
        with CaptureQueriesContext(connection) as captured:
            sync(KINDS.INCIDENTS, KINDS.MAINTENANCE)
        return [query["sql"] for query in captured.captured_queries]

    few, lots = turn(2), turn(80)
    assert len(few) == len(lots)
    written = [sql for sql in lots if sql.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert [sql for sql in written if "pagerduty_card_feed" not in sql] == []
