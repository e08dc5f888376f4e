"""The page of a service's past: what it counts, what it does not know, and what it costs."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from pagerduty_card.freshness import Certainty
from pagerduty_card.history.strip import (
    Knowledge,
    Occurrence,
    length,
    merged,
    present_history,
)
from pagerduty_card.models import Feed, Insight
from pagerduty_card.presenters.freshness import Answer, Moment, explain
from pagerduty_card.presenters.freshness import Reader as PortalReader
from tests.factories import make_user
from tests.pagerduty_card.mirror import (
    make_change,
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_past_incident,
    make_service,
)
from tests.pages import parse

UTC = dt.UTC
NOW = dt.datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday
BERLIN = ZoneInfo("Europe/Berlin")
GOOD = Answer(certainty=Certainty.KNOWN, at=NOW, asked_at=NOW, explanation=None, is_due=False)
LONG_AGO = NOW - dt.timedelta(days=92)


def select(html, selector):
    return parse(html).select(selector)


def texts(html, selector):
    return [" ".join(one.get_text(" ").split()) for one in select(html, selector)]


def happened(pd_id, at, *, ack_min=None, took_min=30):
    return Occurrence(
        pd_id=pd_id,
        created_at=at,
        acknowledged_at=None if ack_min is None else at + dt.timedelta(minutes=ack_min),
        resolved_at=None if took_min is None else at + dt.timedelta(minutes=took_min),
    )


def shown(incidents, *, days=30, zone=UTC, now=NOW, **known):
    knowledge = {
        "ended": GOOD,
        "opened": GOOD,
        "taken": GOOD,
        "ended_since": LONG_AGO,
        "taken_since": LONG_AGO,
        **known,
    }
    return present_history(
        incidents, Knowledge(**knowledge), days=days, moment=Moment(now=now, zone=zone)
    )


def figures(view):
    return {one.label: (one.value, one.basis) for one in view.figures}


def counts(view):
    return {bar.day: bar.count if bar.is_known else None for bar in view.bars}


# Presenter ------------------------------------------------------------------------------------
def test_counts_by_the_day_of_the_reader_in_each_zone():
    late = happened("Q1", dt.datetime(2026, 11, 16, 23, 30, tzinfo=UTC))
    assert counts(shown([late]))[dt.date(2026, 11, 16)] == 1
    assert counts(shown([late], zone=BERLIN))[dt.date(2026, 11, 17)] == 1


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-10-24T22:00:00+00:00", "2026-10-25T22:59:00+00:00"),  # a day of 25 hours
        ("2026-03-28T23:00:00+00:00", "2026-03-29T21:59:00+00:00"),  # a day of 23 hours
    ],
)
def test_a_day_on_which_the_clocks_change_is_one_day(first, last):
    begins, ends = dt.datetime.fromisoformat(first), dt.datetime.fromisoformat(last)
    minute = dt.timedelta(minutes=1)
    found = [happened(str(at), at) for at in (begins - minute, begins, ends, ends + minute)]
    now = ends + dt.timedelta(days=3)
    view = shown(
        found, zone=BERLIN, now=now, ended_since=now - dt.timedelta(days=40), taken_since=None
    )
    assert counts(view)[begins.astimezone(BERLIN).date()] == 2


def test_ninety_days_are_known_whole_right_after_the_first_reading():
    view = shown([], days=90, zone=ZoneInfo("Pacific/Kiritimati"))
    assert len(view.bars) == 90
    assert not view.has_unknown_days
    assert view.since is None


def test_days_before_history_begins_are_unknown_and_rest_in_no_figure():
    since = dt.datetime(2026, 11, 12, 15, tzinfo=UTC)
    old = happened("Q1", dt.datetime(2026, 11, 10, tzinfo=UTC), ack_min=5)
    partly = happened("Q2", dt.datetime(2026, 11, 12, 16, tzinfo=UTC), ack_min=5)
    new = happened("Q3", dt.datetime(2026, 11, 14, tzinfo=UTC), ack_min=5)
    view = shown([old, partly, new], ended_since=since)
    by_day = counts(view)
    assert by_day[dt.date(2026, 11, 10)] is None
    assert by_day[dt.date(2026, 11, 12)] is None  # it began in the middle of that day
    assert by_day[dt.date(2026, 11, 13)] == 0
    assert view.since == dt.datetime(2026, 11, 13, tzinfo=UTC)
    assert figures(view)["Incidents"][0] == "1"
    told = {bar.day: bar.text for bar in view.bars}
    assert told[dt.date(2026, 11, 11)] == "11 Nov: not known"
    assert told[dt.date(2026, 11, 12)] == "12 Nov: not known whole, 1 incident at least"
    assert told[dt.date(2026, 11, 13)] == "13 Nov: no incident"


def test_days_since_an_old_answer_are_unknown():
    asked = dt.datetime(2026, 11, 15, 8, tzinfo=UTC)
    words = explain("unreachable", reader=PortalReader())
    old = Answer(certainty=Certainty.OLD, at=asked, asked_at=asked, explanation=words, is_due=True)
    by_day = counts(shown([], ended=old))
    assert by_day[dt.date(2026, 11, 14)] == 0
    assert [by_day[dt.date(2026, 11, day)] for day in (15, 16, 17, 18)] == [None] * 4


def test_days_since_open_incidents_were_told_last_are_not_called_quiet():
    words = explain("unreachable", reader=PortalReader())
    told_at = dt.datetime(2026, 11, 17, 23, tzinfo=UTC)
    old = Answer(
        certainty=Certainty.OLD, at=told_at, asked_at=told_at, explanation=words, is_due=True
    )
    view = shown([], opened=old)
    assert [counts(view)[dt.date(2026, 11, day)] for day in (16, 17, 18)] == [0, None, None]
    assert "Incidents may be missing" in " ".join(view.cautions)


def test_without_history_nothing_is_drawn_and_nothing_is_zero():
    view = shown([happened("Q1", NOW)], ended_since=None)
    assert (view.bars, view.figures) == ((), ())
    assert view.answer.is_unknown
    assert "not been read yet" in view.answer.why


def test_medians_tell_how_many_they_rest_on():
    at = dt.datetime(2026, 11, 16, 10, tzinfo=UTC)
    found = [
        happened("Q1", at, ack_min=2, took_min=20),
        happened("Q2", at, ack_min=4, took_min=80),
        happened("Q3", at, ack_min=90, took_min=4 * 60),
        happened("Q4", at, took_min=None),
        happened("Q5", at, ack_min=-9, took_min=None),  # nobody takes what has not begun
    ]
    told = figures(shown(found))
    assert told["Incidents"] == ("5", "2 still open")
    assert told["Time to acknowledge"] == ("4 min", "median of 3")
    assert told["Time to resolve"] == ("1 h 20 min", "median of 3")


def test_where_nothing_happened_no_figure_is_called_unknown():
    assert figures(shown([]))["Incidents"] == ("0", "")
    assert figures(shown([]))["Time to acknowledge"] == ("", "no incident")


def test_time_to_acknowledge_rests_only_on_incidents_since_acknowledgements_are_known():
    known = dt.datetime(2026, 11, 10, tzinfo=UTC)
    found = [
        happened("Q1", known - dt.timedelta(days=3), ack_min=50),
        happened("Q2", known + dt.timedelta(days=3), ack_min=6),
    ]
    view = shown(found, taken_since=known)
    assert figures(view)["Time to acknowledge"] == ("6 min", "median of 1, since 10 Nov")
    behind = shown(found, taken_since=known, zone=ZoneInfo("America/New_York"))
    assert "since 9 Nov" in figures(behind)["Time to acknowledge"][1]
    assert figures(shown(found, taken_since=None))["Time to acknowledge"] == ("", "not known yet")


@pytest.mark.parametrize(
    ("at", "is_off"),
    [
        ("2026-11-16T08:00:00+00:00", 0),  # Monday, 9:00 in Berlin
        ("2026-11-16T07:59:00+00:00", 1),
        ("2026-11-16T15:59:00+00:00", 0),
        ("2026-11-16T16:00:00+00:00", 1),
        ("2026-11-14T11:00:00+00:00", 1),  # Saturday
    ],
)
def test_off_hours_are_those_of_the_reader(at, is_off):
    view = shown([happened("Q1", dt.datetime.fromisoformat(at))], zone=BERLIN)
    assert figures(view)["Off hours"] == (f"{100 * is_off} %", f"{is_off} of 1")


def test_an_incident_that_was_opened_again_counts_once_and_is_open():
    at = dt.datetime(2026, 11, 16, 10, tzinfo=UTC)
    both = merged([happened("Q1", at, ack_min=3)], [Occurrence(pd_id="Q1", created_at=at)])
    told = figures(shown(both))
    assert told["Incidents"] == ("1", "1 still open")
    assert told["Time to resolve"] == ("", "none resolved")
    assert told["Time to acknowledge"] == ("3 min", "median of 1")


def test_open_incidents_that_are_not_known_are_said_to_be_missing():
    unknown = Answer.unknown(explain("unreachable", reader=PortalReader()))
    view = shown([happened("Q1", NOW - dt.timedelta(days=2))], opened=unknown)
    (said,) = view.cautions
    assert "still open are not known" in said
    assert figures(view)["Incidents"] == ("1", "")


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "under 1 min"), (59, "59 min"), (60, "1 h"), (1500, "1 d 1 h"), (-5, "under 1 min")],
)
def test_spans_are_told_in_two_units(minutes, words):
    assert length(dt.timedelta(minutes=minutes)) == words


# Page -----------------------------------------------------------------------------------------
@pytest.fixture
def reader(client, db, settings):
    settings.PAGERDUTY_TOKEN = "test-token-0123456789"
    settings.TIME_ZONE = "UTC"
    client.force_login(make_user("reader"))
    with time_machine.travel(NOW, tick=False):
        yield client


def known_service(pd_id="PCHKOUT", **fields):
    return make_service(pd_id, history_since=LONG_AGO, mirrored_at=LONG_AGO, **fields)


def page(client, entity, query=""):
    response = client.get(reverse("pagerduty_card:history", kwargs=entity.url_kwargs) + query)
    assert response.status_code == 200
    return response.text


def test_shows_strip_figures_and_time_line(reader):
    service = known_service()
    make_feeds(covers_since=LONG_AGO)
    make_past_incident(service, title="Disk full", hours_ago=50, ack_min=4, took_min=42)
    make_incident(service, title="Payments time out")
    make_change(service, summary="Deploy 77d0e")
    html = page(reader, make_mapped_entity())
    (strip,) = select(html, "svg.strip")
    assert "2 in all" in strip["aria-label"]
    assert len(select(html, ".strip__day")) == 30
    assert len(select(html, "#strip table tbody tr")) == 30
    words = " ".join(texts(html, "#timeline"))
    for wanted in ("Deploy 77d0e", "Payments time out", "Disk full", "acknowledged after 4 min"):
        assert wanted in words
    assert "4 in all" in words


def test_ninety_days_reach_further_than_thirty(reader):
    service = known_service()
    make_feeds(covers_since=LONG_AGO)
    make_past_incident(service, title="Long ago", hours_ago=24 * 60)
    entity = make_mapped_entity()
    assert "Long ago" not in page(reader, entity)
    html = page(reader, entity, "?days=90")
    assert "Long ago" in html
    assert len(select(html, ".strip__day")) == 90


@pytest.mark.parametrize("query", ["?days=abc", "?days=5000", "?page=zzz", "?page=99999"])
def test_odd_addresses_show_the_usual_page(reader, query):
    known_service()
    make_feeds()
    assert "svg" in page(reader, make_mapped_entity(), query)


def test_the_time_line_says_how_long_ago_changes_were_told(reader):
    known_service()
    make_feeds(covers_since=LONG_AGO)
    entity = make_mapped_entity()
    assert "up to" not in " ".join(texts(page(reader, entity), "#timeline"))
    make_feeds(Feed.Kind.CHANGES, age_s=7200, failed_s=60, reason="unreachable")
    told = " ".join(texts(page(reader, entity), "#timeline"))
    assert "up to 10:00 UTC : PagerDuty did not answer." in told
    make_feeds(Feed.Kind.CHANGES, is_good=False, failed_s=60, reason="unreachable")
    told = " ".join(texts(page(reader, entity), "#timeline"))
    assert "Changes are not known. PagerDuty did not answer." in told


def test_the_time_line_has_pages_and_says_how_many_there_are(reader):
    service = known_service()
    make_feeds(covers_since=LONG_AGO)
    for number in range(40):
        make_past_incident(service, title=f"Case {number}", hours_ago=3 + number, took_min=30)
    entity = make_mapped_entity()
    first, second = page(reader, entity), page(reader, entity, "?page=2")
    assert [len(select(html, ".timeline .row")) for html in (first, second)] == [50, 30]
    for html in (first, second):
        assert "of 80" in " ".join(texts(html, "#timeline .pagination__count"))


def test_a_service_whose_past_was_not_read_shows_no_zero(reader):
    make_service()
    make_feeds(covers_since=LONG_AGO)
    html = page(reader, make_mapped_entity())
    assert not select(html, "svg.strip")
    assert "not been read yet" in html
    assert "Resolved incidents are not known." in html


def test_unknown_days_are_drawn_otherwise_and_the_page_says_since_when(reader):
    make_service(history_since=dt.datetime(2026, 11, 11, 18, tzinfo=UTC), mirrored_at=LONG_AGO)
    make_feeds(covers_since=LONG_AGO)
    html = page(reader, make_mapped_entity())
    assert len(select(html, ".strip__day--unknown")) == 23
    assert len(select(html, ".strip__day--quiet")) == 7
    assert "Known since 12 Nov 2026" in html


def test_one_of_several_services_is_chosen(reader):
    known_service("PCHKOUT", name="checkout-eu")
    other = known_service("PB", name="checkout-us", key="")
    make_feeds(covers_since=LONG_AGO)
    make_past_incident(other, title="Only over there", hours_ago=3)
    entity = make_mapped_entity(service_id="PCHKOUT,PB")
    assert "Only over there" not in page(reader, entity)
    assert "Only over there" in page(reader, entity, "?service=default/PB")
    missing = reverse("pagerduty_card:history", kwargs=entity.url_kwargs) + "?service=default/PX"
    assert reader.get(missing).status_code == 404


def test_a_service_that_is_not_mirrored_leads_back_to_the_card(reader):
    make_feeds()
    entity = make_mapped_entity()
    html = page(reader, entity)
    assert entity.get_absolute_url() in html
    assert not select(html, "svg.strip")


def test_pagerdutys_own_figures_are_shown_where_it_has_them(reader):
    service = known_service()
    make_feeds(covers_since=LONG_AGO)
    Insight.objects.create(
        service=service,
        kind=Feed.Kind.ANALYTICS,
        figures={"mean_ack_s": 63, "mean_resolve_s": 3600, "incidents": 12, "days": 30},
    )
    Insight.objects.create(
        service=service,
        kind=Feed.Kind.STANDARDS,
        figures={
            "passing": 1,
            "total": 2,
            "standards": [
                {"name": "Has a description", "description": "So", "is_passing": True},
                {"name": "Has two levels", "description": "Or else", "is_passing": False},
            ],
        },
    )
    words = " ".join(texts(page(reader, make_mapped_entity()), "#insights"))
    assert "Mean time to acknowledge 1 min" in words
    assert "Standards: 1 of 2 kept" in words
    assert words.index("Has two levels") < words.index("Has a description")


@pytest.mark.parametrize("reason", ["ability", "permission"])
def test_figures_the_plan_or_token_lacks_leave_no_trace(reader, reason):
    service = known_service()
    make_feeds(covers_since=LONG_AGO)
    kinds = (Feed.Kind.ANALYTICS, Feed.Kind.STANDARDS)
    make_feeds(*kinds, failed_s=60, reason=reason, is_good=False)
    Insight.objects.create(service=service, kind=Feed.Kind.ANALYTICS, figures={"incidents": 12})
    html = page(reader, make_mapped_entity())
    assert not select(html, "#insights")
    assert select(html, "svg.strip")
    assert reason not in html


@pytest.mark.parametrize("reason", ["ability", "permission", "token"])
def test_figures_told_before_the_plan_or_token_lost_them_are_not_shown_on(reader, reason):
    service = known_service()
    make_feeds(covers_since=LONG_AGO)
    make_feeds(Feed.Kind.ANALYTICS, age_s=600, failed_s=60, reason=reason)
    Insight.objects.create(service=service, kind=Feed.Kind.ANALYTICS, figures={"incidents": 12})
    assert not select(page(reader, make_mapped_entity()), "#insights")


def test_figures_of_before_an_outage_are_shown_on(reader):
    service = known_service()
    make_feeds(covers_since=LONG_AGO)
    make_feeds(Feed.Kind.ANALYTICS, age_s=600, failed_s=60, reason="unreachable")
    Insight.objects.create(service=service, kind=Feed.Kind.ANALYTICS, figures={"incidents": 12})
    assert "Incidents 12" in " ".join(texts(page(reader, make_mapped_entity()), "#insights"))


def test_a_service_mapped_late_rests_on_its_own_acknowledgements(reader):
    service = known_service(acknowledged_since=NOW - dt.timedelta(days=2))
    make_feeds(covers_since=LONG_AGO)
    make_past_incident(service, hours_ago=24 * 10, ack_min=20)
    make_past_incident(service, hours_ago=24, ack_min=8)
    words = " ".join(texts(page(reader, make_mapped_entity()), "dl"))
    assert "Time to acknowledge 8 min median of 1, since" in words


def test_the_page_costs_the_same_few_queries_with_one_incident_or_two_hundred(reader):
    service = known_service()
    entity = make_mapped_entity()

    def queries():
        make_feeds(covers_since=LONG_AGO)
        with CaptureQueriesContext(connection) as found:
            page(reader, entity, "?days=90")
        return len(found)

    make_past_incident(service, hours_ago=5)
    one = queries()
    for number in range(200):
        make_past_incident(service, hours_ago=5 + number)
        make_change(service)
    assert queries() == one
    assert one <= 12


def test_visitors_need_a_mapped_entity(reader):
    entity = make_mapped_entity(runbook="x")
    address = reverse("pagerduty_card:history", kwargs=entity.url_kwargs)
    assert reader.get(address).status_code == 404


# On the card ----------------------------------------------------------------------------------
def card(client, entity):
    return client.get(reverse("pagerduty_card:card", kwargs=entity.url_kwargs)).text


def test_the_card_shows_the_last_thirty_days_and_leads_to_all_of_it(reader):
    service = known_service()
    make_feeds(covers_since=LONG_AGO)
    make_past_incident(service, hours_ago=50, ack_min=4, took_min=42)
    entity = make_mapped_entity()
    html = card(reader, entity)
    assert "1 in all" in select(html, "svg.strip")[0]["aria-label"]
    words = " ".join(texts(html, ".figures"))
    assert "4 min median of 1" in words
    assert "42 min median of 1" in words
    (link,) = [one["href"] for one in select(html, "a") if one.get_text() == "Incident history"]
    assert reader.get(link).status_code == 200
    assert "service=default" in link


def test_the_strip_of_the_card_says_that_open_incidents_are_missing(reader):
    known_service()
    make_feeds(covers_since=LONG_AGO)
    make_feeds(Feed.Kind.INCIDENTS, is_good=False, failed_s=60, reason="unreachable")
    entity = make_mapped_entity()
    assert "Incidents that are still open are not known and not counted." in card(reader, entity)
    make_feeds(age_s=7200, covers_since=LONG_AGO)
    html = card(reader, entity)
    assert html.count("PagerDuty has not been asked since.") == 1  # of all sections at once
    assert "Incidents may be missing" not in html


def test_a_card_without_a_past_says_so_and_draws_nothing(reader):
    make_service()
    make_feeds(covers_since=LONG_AGO)
    html = card(reader, make_mapped_entity())
    assert not select(html, "svg.strip")
    assert "Not known: The past of this service has not been read yet." in html


def test_new_ends_are_on_the_card_with_the_next_answer(reader):
    service = known_service()
    make_feeds(covers_since=LONG_AGO)
    entity = make_mapped_entity()
    assert "0 in all" in select(card(reader, entity), "svg.strip")[0]["aria-label"]
    make_past_incident(service, hours_ago=50)
    make_feeds(covers_since=LONG_AGO, age_s=2)
    assert "1 in all" in select(card(reader, entity), "svg.strip")[0]["aria-label"]
