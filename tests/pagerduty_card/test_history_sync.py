"""What the mirror keeps of the past: ends, first acknowledgements, PagerDuty's own figures."""

import datetime as dt

import pytest
import time_machine

from pagerduty_card.errors import PagerDutyError, Refused
from pagerduty_card.models import Feed, Insight, PastIncident, Service
from pagerduty_card.syncing import insights, past
from pagerduty_card.wire.client import PagerDutyClient
from tests.pagerduty_card.factories import (
    API,
    announce,
    incident_json,
    log_entry_json,
    make_account,
    metrics_json,
    page_of,
    paths_asked,
    query_of,
    reference_json,
    score_json,
)
from tests.pagerduty_card.mirror import make_past_incident, make_service

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 18, 12, tzinfo=dt.UTC)
WINDOW = NOW - past.HISTORY_KEPT_FOR
MINUTES = dt.timedelta(minutes=1)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def run(section, **fields):
    with PagerDutyClient(make_account(), **fields) as client:
        section(make_account(), client)
        return client.requests_sent


def stamp(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def ended_json(number, *, minutes_ago=60, took_min=30, service="PCHKOUT", **fields):
    end = NOW - minutes_ago * MINUTES
    return incident_json(
        number,
        status="resolved",
        created_at=stamp(end - took_min * MINUTES),
        resolved_at=stamp(end),
        service=reference_json(service, "service", service),
        **fields,
    )


def taken_json(incident, *, minutes_ago=60, service="PCHKOUT", kind="acknowledge"):
    return log_entry_json(
        kind,
        incident,
        created_at=stamp(NOW - minutes_ago * MINUTES),
        service=reference_json(service, "service", service),
    )


def ended(http, *rows, more=False):
    return announce(http, "/incidents", page_of("incidents", *rows, more=more))


def asked_before(kind, minutes=5, **fields):
    Feed.objects.mark_good("default", kind, asked_at=NOW - minutes * MINUTES, **fields)


def known(**fields):
    return make_service(history_since=WINDOW, mirrored_at=WINDOW, **fields)


def feed_of(kind):
    return Feed.objects.get(account="default", kind=kind)


# Ends -----------------------------------------------------------------------------------------
def test_reads_the_past_of_every_mapped_service_once_and_says_how_far_back(http):
    service = make_service()
    make_service("PNOBODY", key="", is_mapped=False)
    ended(http, ended_json(1), ended_json(2, minutes_ago=600))
    run(past.sync_history)
    assert "service_ids[]=PCHKOUT" in query_of(http.calls[0])
    assert not any("PNOBODY" in one for one in query_of(http.calls[0]))
    for wanted in ("statuses[]=resolved", "date_range=all", "sort_by=resolved_at:desc"):
        assert wanted in query_of(http.calls[0])
    service.refresh_from_db()
    assert service.history_since == WINDOW
    assert PastIncident.objects.count() == 2
    assert feed_of(Feed.Kind.HISTORY).asked_at == NOW


def test_then_reads_only_what_has_ended_since(http):
    service = known()
    asked_before(Feed.Kind.HISTORY)
    # The second page would hold only what is known: it is not asked for.
    ended(http, ended_json(7, minutes_ago=2), ended_json(6, minutes_ago=90), more=True)
    assert run(past.sync_history) == 1
    assert not any(one.startswith("service_ids") for one in query_of(http.calls[0]))
    row = PastIncident.objects.get()
    assert (row.service, row.number) == (service, 7)
    assert row.resolved_at - row.created_at == 30 * MINUTES


def test_an_end_listed_late_is_still_found(http):
    known()
    asked_before(Feed.Kind.HISTORY)
    ended(http, ended_json(7, minutes_ago=20))
    run(past.sync_history)
    assert PastIncident.objects.count() == 1


def test_a_newly_mapped_service_gets_its_past_without_reading_the_others_again(http):
    known()
    new = make_service("PNEW", key="")
    asked_before(Feed.Kind.HISTORY)
    ended(http, ended_json(1, minutes_ago=2))
    ended(http, ended_json(2, minutes_ago=60 * 24 * 40, service="PNEW"))
    assert past.wants_history(make_account(), NOW)
    run(past.sync_history)
    assert [one for one in query_of(http.calls[1]) if one.startswith("service_ids")] == [
        "service_ids[]=PNEW"
    ]
    new.refresh_from_db()
    assert new.history_since == WINDOW
    assert PastIncident.objects.get(service=new).number == 2
    assert not past.wants_history(make_account(), NOW)


def test_many_services_are_filled_in_over_several_turns(http, monkeypatch):
    monkeypatch.setattr(past, "_SERVICES_AT_ONCE", 2)
    monkeypatch.setattr(past, "_REQUESTS_A_TURN", 2)
    for number in range(5):
        make_service(f"P{number}", key="")
    ended(http)
    assert run(past.sync_history) == 2
    assert Service.objects.filter(history_since=None).count() == 1
    assert run(past.sync_history) == 2  # what has ended since, and the last service
    assert not Service.objects.filter(history_since=None).exists()


def test_a_past_that_was_cut_off_says_how_far_it_reaches(http, monkeypatch):
    monkeypatch.setattr(past, "_MAX_PAGES_AT_FIRST", 1)
    service = make_service()
    ended(http, ended_json(1), ended_json(2, minutes_ago=600), more=True)
    run(past.sync_history)
    service.refresh_from_db()
    assert service.history_since == NOW - 600 * MINUTES


def test_a_cut_off_list_in_another_order_claims_nothing_it_cannot_know(http, monkeypatch):
    monkeypatch.setattr(past, "_MAX_PAGES_AT_FIRST", 1)
    service = make_service()
    ended(http, ended_json(2, minutes_ago=600), ended_json(1), more=True)
    run(past.sync_history)
    service.refresh_from_db()
    assert service.history_since == NOW - 60 * MINUTES


def test_a_hole_since_the_last_answer_is_read_anew_and_known_to_be_one(http, monkeypatch):
    monkeypatch.setattr(past, "_MAX_PAGES", 1)
    monkeypatch.setattr(past, "_MAX_PAGES_AT_FIRST", 1)
    service = known()
    asked_before(Feed.Kind.HISTORY, minutes=60 * 24 * 3)
    ended(http, ended_json(1, minutes_ago=5), ended_json(2, minutes_ago=30), more=True)
    run(past.sync_history)
    service.refresh_from_db()
    assert service.history_since == NOW - 30 * MINUTES


def test_an_incident_opened_again_counts_once_with_its_last_end(http):
    service = known()
    asked_before(Feed.Kind.HISTORY)
    make_past_incident(service, pd_id="PINC7", hours_ago=30)
    ended(http, ended_json(7, minutes_ago=1, took_min=30 * 60))
    run(past.sync_history)
    row = PastIncident.objects.get()
    assert row.resolved_at == NOW - MINUTES


def test_what_nobody_maps_to_and_what_is_too_old_is_not_kept(http):
    service = known()
    make_service("PNOBODY", key="", is_mapped=False)
    asked_before(Feed.Kind.HISTORY)
    make_past_incident(service, hours_ago=24 * 93, ack_min=2)
    make_past_incident(service, hours_ago=24 * 93, ack_min=2, took_min=None)
    kept = make_past_incident(service, hours_ago=24 * 89)
    ended(http, ended_json(1, minutes_ago=1, service="PNOBODY"))
    run(past.sync_history)
    assert list(PastIncident.objects.all()) == [kept]


def test_an_incident_that_moved_to_another_service_is_there_alone(http):
    service, other = known(), make_service("PB", key="", history_since=WINDOW)
    asked_before(Feed.Kind.HISTORY)
    make_past_incident(service, pd_id="PINC7")
    ended(http, ended_json(7, minutes_ago=1, service="PB"))
    run(past.sync_history)
    assert PastIncident.objects.get().service == other


def test_a_failure_keeps_what_is_known(http):
    service = known()
    asked_before(Feed.Kind.HISTORY)
    make_past_incident(service)
    announce(http, "/incidents", status=500)
    with pytest.raises(PagerDutyError):
        run(past.sync_history)
    service.refresh_from_db()
    assert service.history_since == WINDOW
    assert PastIncident.objects.count() == 1
    assert feed_of(Feed.Kind.HISTORY).asked_at == NOW - 5 * MINUTES


def test_nothing_is_written_where_nothing_changed(http, django_assert_num_queries):
    known()
    asked_before(Feed.Kind.HISTORY)
    ended(http, ended_json(7, minutes_ago=2))
    run(past.sync_history)
    with PagerDutyClient(make_account()) as client:
        found, _ = client.resolved_incidents(since=WINDOW)
    with django_assert_num_queries(4):  # savepoint, services, rows, release
        past.store_ended("default", found)


def test_a_loud_service_costs_those_asked_about_with_it_no_day(http, monkeypatch):
    monkeypatch.setattr(past, "_MAX_PAGES_AT_FIRST", 1)
    quiet, loud = make_service("PQUIET", key=""), make_service("PLOUD", key="")
    rows = [ended_json(n, minutes_ago=10 * n, service="PLOUD") for n in (1, 2)]
    ended(http, *rows, more=True)
    ended(http, *rows, more=True)
    ended(http, ended_json(3, minutes_ago=60 * 24 * 80, service="PQUIET"))
    run(past.sync_history)
    for service, since in ((quiet, WINDOW), (loud, NOW - 20 * MINUTES)):
        service.refresh_from_db()
        assert service.history_since == since
    assert PastIncident.objects.filter(service=quiet).count() == 1


# Acknowledgements -----------------------------------------------------------------------------
def entries(http, *rows, more=False):
    return announce(http, "/log_entries", page_of("log_entries", *rows, more=more))


def test_the_first_acknowledgement_of_an_incident_stays(http):
    service = known()
    entries(
        http,
        taken_json("Q1", minutes_ago=50),
        taken_json("Q1", minutes_ago=55, kind="resolve"),
        taken_json("Q1", minutes_ago=58),
    )
    run(past.sync_acknowledgements)
    row = PastIncident.objects.get()
    assert (row.service, row.pd_id) == (service, "Q1")
    assert row.acknowledged_at == NOW - 58 * MINUTES
    assert row.resolved_at is None
    asked_before(Feed.Kind.ACKNOWLEDGEMENTS, covers_since=WINDOW)
    http.reset()
    entries(http, taken_json("Q1", minutes_ago=1))
    run(past.sync_acknowledgements)
    row.refresh_from_db()
    assert row.acknowledged_at == NOW - 58 * MINUTES


def test_an_acknowledgement_waits_for_the_end_of_its_incident(http):
    known()
    entries(http, taken_json("PINC7", minutes_ago=20))
    run(past.sync_acknowledgements)
    asked_before(Feed.Kind.HISTORY)
    ended(http, ended_json(7, minutes_ago=2, took_min=28))
    run(past.sync_history)
    row = PastIncident.objects.get()
    assert row.acknowledged_at - row.created_at == 10 * MINUTES


def test_an_acknowledgement_of_a_service_nobody_maps_to_is_not_kept(http):
    known()
    make_service("PNOBODY", key="", is_mapped=False)
    entries(http, taken_json("Q1", service="PNOBODY"), taken_json("Q2", service="PELSE"))
    run(past.sync_acknowledgements)
    assert not PastIncident.objects.exists()


def test_the_whole_window_is_covered_after_an_answer_that_was_not_cut_off(http):
    known()
    entries(http, taken_json("Q1"))
    run(past.sync_acknowledgements)
    assert feed_of(Feed.Kind.ACKNOWLEDGEMENTS).covers_since == WINDOW
    assert f"since={stamp(WINDOW)}" in query_of(http.calls[0])
    assert "is_overview=true" in query_of(http.calls[0])


def test_what_was_cut_off_is_gone_on_with_the_next_time(http, monkeypatch):
    monkeypatch.setattr(past, "_MAX_PAGES", 1)
    known()
    entries(http, taken_json("Q1", minutes_ago=10), taken_json("Q2", minutes_ago=90), more=True)
    run(past.sync_acknowledgements)
    assert feed_of(Feed.Kind.ACKNOWLEDGEMENTS).covers_since == NOW - 90 * MINUTES
    http.reset()
    entries(http)
    assert run(past.sync_acknowledgements) == 2
    assert f"until={stamp(NOW - 90 * MINUTES)}" in query_of(http.calls[1])
    assert feed_of(Feed.Kind.ACKNOWLEDGEMENTS).covers_since == WINDOW


def test_acknowledgements_after_a_long_pause_claim_no_further_back_than_was_answered(
    http, monkeypatch
):
    monkeypatch.setattr(past, "_MAX_PAGES", 1)
    known()
    asked_before(Feed.Kind.ACKNOWLEDGEMENTS, minutes=60 * 24 * 3, covers_since=WINDOW)
    entries(http, taken_json("Q1", minutes_ago=10), taken_json("Q2", minutes_ago=30), more=True)
    run(past.sync_acknowledgements)
    assert feed_of(Feed.Kind.ACKNOWLEDGEMENTS).covers_since == NOW - 30 * MINUTES


def test_then_only_what_is_new_is_asked_for(http):
    known()
    asked_before(Feed.Kind.ACKNOWLEDGEMENTS, covers_since=WINDOW)
    entries(http, taken_json("Q1", minutes_ago=1))
    assert run(past.sync_acknowledgements) == 1
    assert f"since={stamp(NOW - 35 * MINUTES)}" in query_of(http.calls[0])
    assert feed_of(Feed.Kind.ACKNOWLEDGEMENTS).covers_since == WINDOW


def test_acknowledgements_of_a_newly_mapped_service_are_read_from_the_start(http):
    known()
    asked_before(Feed.Kind.ACKNOWLEDGEMENTS, covers_since=WINDOW)
    new = make_service("PNEW", key="", mirrored_at=NOW - MINUTES)
    entries(http, taken_json("Q1", minutes_ago=60 * 24 * 40, service="PNEW"))
    assert run(past.sync_acknowledgements) == 2
    assert {f"since={stamp(WINDOW)}", f"until={stamp(NOW)}"} <= set(query_of(http.calls[1]))
    assert PastIncident.objects.get().service.pd_id == "PNEW"
    new.refresh_from_db()
    assert new.acknowledged_since is None  # as far back as any other


def test_meanwhile_the_others_lose_nothing(http, clock, monkeypatch):
    monkeypatch.setattr(past, "_MAX_PAGES", 1)
    old = known()
    asked_before(Feed.Kind.ACKNOWLEDGEMENTS, covers_since=WINDOW)
    new = make_service("PNEW", key="", mirrored_at=NOW - MINUTES)
    entries(http, taken_json("Q1", minutes_ago=4))
    entries(http, taken_json("Q2", minutes_ago=8), taken_json("Q3", minutes_ago=90), more=True)
    assert run(past.sync_acknowledgements) == 2
    assert feed_of(Feed.Kind.ACKNOWLEDGEMENTS).covers_since == WINDOW
    for service, since in ((old, None), (new, NOW - 90 * MINUTES)):
        service.refresh_from_db()
        assert service.acknowledged_since == since
    clock.shift(5 * MINUTES)
    http.reset()
    entries(http)
    entries(http, taken_json("Q4", minutes_ago=60 * 24 * 40, service="PNEW"))
    assert run(past.sync_acknowledgements) == 2
    assert f"until={stamp(NOW - 90 * MINUTES)}" in query_of(http.calls[1])
    new.refresh_from_db()
    assert new.acknowledged_since is None


# PagerDuty's own figures ----------------------------------------------------------------------
ANALYTICS = f"{API}/analytics/metrics/incidents/services"
SCORES = "/standards/scores/technical_services"


def test_figures_and_standards_of_mapped_services_are_stored(http):
    service = known()
    make_service("PNOBODY", key="", is_mapped=False)
    http.post(ANALYTICS, json={"data": [metrics_json(), metrics_json("PELSE")]})
    announce(http, SCORES, {"resources": [score_json()]})
    run(insights.sync_analytics)
    run(insights.sync_standards)
    by_kind = {row.kind: row.figures for row in Insight.objects.filter(service=service)}
    assert by_kind["analytics"]["mean_ack_s"] == 63
    assert by_kind["analytics"]["days"] == 30
    assert (by_kind["standards"]["passing"], by_kind["standards"]["total"]) == (1, 2)
    assert Insight.objects.count() == 2
    assert b"PNOBODY" not in http.calls[0].request.body
    assert feed_of(Feed.Kind.STANDARDS).succeeded_at == NOW


def test_services_are_asked_about_a_hundred_at_once(http):
    for number in range(101):
        make_service(f"P{number:03}", key="")
    announce(http, SCORES, {"resources": []})
    assert run(insights.sync_standards) == 2
    assert [sum(one.startswith("ids=") for one in query_of(call)) for call in http.calls] == [
        100,
        1,
    ]


def test_a_service_pagerduty_tells_nothing_of_any_more_has_no_figures(http):
    service = known()
    Insight.objects.create(service=service, kind="analytics", figures={"incidents": 3})
    http.post(ANALYTICS, json={"data": []})
    run(insights.sync_analytics)
    assert not Insight.objects.exists()


@pytest.mark.parametrize(("status", "reason"), [(402, "ability"), (403, "permission")])
def test_without_plan_or_permission_the_worker_asks_again_only_after_hours(
    http, clock, status, reason
):
    known()
    http.post(ANALYTICS, json={"error": {"message": "No", "code": 2014}}, status=status)
    with pytest.raises(Refused) as refused:
        run(insights.sync_analytics, background=True)
    assert refused.value.reason == reason
    Feed.objects.mark_failed("default", Feed.Kind.ANALYTICS, refused.value)
    clock.move_to(NOW + dt.timedelta(hours=5))
    assert run(insights.sync_analytics, background=True) == 0
    with pytest.raises(Refused):
        run(insights.sync_analytics)  # a person asked
    clock.move_to(NOW + dt.timedelta(hours=7))
    with pytest.raises(Refused):
        run(insights.sync_analytics, background=True)
    assert len(paths_asked(http)) == 3


@pytest.mark.parametrize(
    "body", [{}, {"data": None}, {"data": [{"service_id": None}]}, {"data": ["x"]}]
)
def test_an_odd_answer_leaves_the_figures_as_they_were(http, body):
    service = known()
    Insight.objects.create(service=service, kind="analytics", figures={"incidents": 3})
    http.post(ANALYTICS, json=body)
    with pytest.raises(PagerDutyError) as broken:
        run(insights.sync_analytics)
    assert broken.value.reason == "unreadable"
    assert Insight.objects.get().figures == {"incidents": 3}
