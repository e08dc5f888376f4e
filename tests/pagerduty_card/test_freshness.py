"""How far a section may be believed: known, known but old, or unknown."""

import datetime as dt

import pytest

from pagerduty_card.freshness import (
    BEGINNING,
    NEVER,
    NOT_FOUND,
    Certainty,
    Freshness,
    SectionKind,
    counts_since,
    judge,
    of_feeds,
)
from pagerduty_card.models import Feed
from pagerduty_card.presenters.freshness import Moment, present_answer

NOW = dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.UTC)
KNOWN_FOR = {
    SectionKind.INCIDENTS: dt.timedelta(minutes=5),
    SectionKind.CHANGES: dt.timedelta(minutes=5),
    SectionKind.ON_CALL: dt.timedelta(minutes=5),
    SectionKind.SERVICES: dt.timedelta(minutes=25),
    SectionKind.SHIFTS: dt.timedelta(hours=3),
    SectionKind.MAINTENANCE: dt.timedelta(minutes=10),
    SectionKind.HISTORY: dt.timedelta(minutes=30),
    SectionKind.ACKNOWLEDGEMENTS: dt.timedelta(minutes=30),
    SectionKind.ANALYTICS: dt.timedelta(days=2),
    SectionKind.STANDARDS: dt.timedelta(days=2),
}


def ago(**kwargs):
    return NOW - dt.timedelta(**kwargs)


def answered(**age):
    return Freshness(succeeded_at=ago(**age))


@pytest.mark.parametrize(
    ("age", "failed", "certainty", "is_due"),
    [
        (dt.timedelta(seconds=20), False, Certainty.KNOWN, False),
        (dt.timedelta(seconds=46), False, Certainty.KNOWN, True),
        (dt.timedelta(minutes=5), False, Certainty.KNOWN, True),
        (dt.timedelta(minutes=5, seconds=1), False, Certainty.OLD, True),
        (dt.timedelta(seconds=20), True, Certainty.OLD, False),
        (None, True, Certainty.UNKNOWN, True),
        (None, False, Certainty.UNKNOWN, True),
    ],
)
def test_there_are_three_answers_and_no_fourth(age, failed, certainty, is_due):
    stored = Freshness(
        succeeded_at=NOW - age if age else None,
        failed_at=NOW if failed else None,
        reason="unreachable" if failed else "",
    )
    answer = present_answer(SectionKind.INCIDENTS, stored, Moment(now=NOW))
    assert (answer.certainty, answer.is_due) == (certainty, is_due)
    assert (answer.at is None) == answer.is_unknown
    assert (answer.explanation is None) == answer.is_known == (answer.reason == "")
    assert answer.is_known or answer.why


def test_the_row_of_a_service_may_be_older_than_its_incidents():
    assert judge(SectionKind.SERVICES, answered(minutes=11), now=NOW).is_known
    assert judge(SectionKind.INCIDENTS, answered(minutes=11), now=NOW).is_old


@pytest.mark.parametrize("kind", SectionKind)
def test_no_section_is_known_for_longer_although_nothing_failed(kind):
    longest = Freshness(succeeded_at=NOW - KNOWN_FOR[kind])
    older = Freshness(succeeded_at=NOW - KNOWN_FOR[kind] - dt.timedelta(seconds=1))
    assert judge(kind, longest, now=NOW).is_known
    assert judge(kind, older, now=NOW).is_old


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [
        (SectionKind.INCIDENTS, 45),
        (SectionKind.CHANGES, 120),
        (SectionKind.ON_CALL, 120),
        (SectionKind.SERVICES, 1500),
    ],
)
def test_a_page_asks_for_what_the_worker_should_have_brought(kind, seconds):
    assert not judge(kind, answered(seconds=seconds), now=NOW).is_due
    assert judge(kind, answered(seconds=seconds + 1), now=NOW).is_due


def test_what_only_the_worker_asks_for_does_not_come_by_refresh():
    answers = {
        kind: present_answer(kind, answered(hours=5), Moment(now=NOW)) for kind in SectionKind
    }
    old = {kind: answer.advice for kind, answer in answers.items() if answer.is_old}
    assert all(answers[kind].is_due for kind in old)
    assert {kind for kind, advice in old.items() if "Refresh" in advice} == set(Feed.OF_PAGE)
    assert "Only the portal's worker" in old[SectionKind.HISTORY]


@pytest.mark.parametrize(
    ("answered_at", "reason"), [(ago(minutes=1), ""), (ago(minutes=9), "unreachable")]
)
def test_of_two_feeds_the_one_that_spoke_last_counts(answered_at, reason):
    whole = Feed(kind=SectionKind.INCIDENTS, failed_at=ago(minutes=5), reason="unreachable")
    own = Feed(kind=SectionKind.INCIDENTS, service_pd_id="PCHKOUT", asked_at=answered_at)
    own.succeeded_at = answered_at
    since = counts_since(
        SectionKind.INCIDENTS,
        mirrored_at=ago(days=1),
        is_mapped=True,
        policy_mirrored_at=ago(days=1),
    )
    assert of_feeds([whole, own], since).reason == reason


def test_a_failure_before_the_last_answer_is_no_reason():
    assert (
        judge(SectionKind.SERVICES, Freshness(succeeded_at=NOW, reason=NOT_FOUND), now=NOW).reason
        == ""
    )


@pytest.mark.parametrize("kind", SectionKind)
def test_of_an_unmapped_service_only_the_list_of_services_counts(kind):
    since = counts_since(kind, mirrored_at=ago(days=1), is_mapped=False, policy_mirrored_at=NOW)
    assert set(since) == {BEGINNING if kind == SectionKind.SERVICES else NEVER}


@pytest.mark.parametrize("kind", SectionKind)
def test_an_answer_counts_once_it_has_the_service_and_its_policy(kind):
    mirrored_at, changed_at = ago(days=2), ago(days=1)
    since = counts_since(
        kind, mirrored_at=mirrored_at, is_mapped=True, policy_mirrored_at=changed_at
    )
    expected = {
        SectionKind.SERVICES: (BEGINNING, BEGINNING),
        SectionKind.ON_CALL: (changed_at, changed_at),
        SectionKind.SHIFTS: (changed_at, changed_at),
    }
    assert since == expected.get(kind, (mirrored_at, BEGINNING))
