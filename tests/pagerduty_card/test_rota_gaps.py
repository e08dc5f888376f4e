"""Gaps of a rota: many shapes, and each against a check minute by minute."""

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest

from pagerduty_card.presenters.rota_gaps import Gap, Shift, gaps, held_until, holders

BERLIN = ZoneInfo("Europe/Berlin")
NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
END = NOON + dt.timedelta(hours=10)


def at(hour):
    return NOON + dt.timedelta(hours=hour)


def shift(start, end, who="Ana"):
    """A turn from and to so many hours after noon; None is open."""
    return Shift(
        who=who, start=None if start is None else at(start), end=None if end is None else at(end)
    )


@pytest.mark.parametrize(
    ("shifts", "found"),
    [
        ([], [(0, 10)]),
        ([shift(None, None)], []),
        ([shift(-5, 20)], []),
        ([shift(0, 10)], []),
        ([shift(-5, 0)], [(0, 10)]),
        ([shift(10, 12)], [(0, 10)]),
        ([shift(0, 4), shift(4, 10)], []),
        ([shift(4, 10), shift(0, 4)], []),
        ([shift(0, 5), shift(4, 10, "Bo")], []),
        ([shift(0, 9), shift(1, 2), shift(8, 10)], []),
        ([shift(0, 4), shift(6, 10)], [(4, 6)]),
        ([shift(0, 4), shift(6, 8)], [(4, 6), (8, 10)]),
        ([shift(2, None)], [(0, 2)]),
        ([shift(None, 7)], [(7, 10)]),
        ([shift(3, 3)], [(0, 10)]),
        ([shift(20, 30), shift(-9, -3)], [(0, 10)]),
    ],
)
def test_a_gap_is_where_nobody_has_the_turn(shifts, found):
    expected = tuple(Gap(start=at(start), end=at(end)) for start, end in found)
    assert gaps(shifts, since=NOON, until=END) == expected


def test_a_handover_in_the_hour_that_a_clock_repeats_is_no_gap():
    early = dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=0)
    late = dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1)
    day = [early.astimezone(dt.UTC) - dt.timedelta(hours=9), late.astimezone(dt.UTC)]
    before = Shift(who="Ana", start=day[0], end=early.astimezone(dt.UTC))
    after = Shift(who="Bo", start=early.astimezone(dt.UTC), end=day[1])
    assert gaps([before, after], since=day[0], until=day[1]) == ()
    skipped = Shift(who="Bo", start=day[1], end=None)
    found = gaps([before, skipped], since=day[0], until=day[1] + dt.timedelta(hours=1))
    assert [one.end - one.start for one in found] == [dt.timedelta(hours=1)]


@pytest.mark.parametrize("seed", range(40))
def test_agrees_with_looking_at_every_minute(seed):
    dice = random.Random(seed)
    length = 600
    shifts = []
    for _ in range(dice.randrange(12)):
        start, end = sorted(dice.randrange(-100, length + 100) for _ in range(2))
        shifts.append(
            Shift(
                who=dice.choice("abc"),
                start=None if dice.random() < 0.05 else NOON + dt.timedelta(minutes=start),
                end=None if dice.random() < 0.05 else NOON + dt.timedelta(minutes=end),
            )
        )
    until = NOON + dt.timedelta(minutes=length)
    found = gaps(shifts, since=NOON, until=until)
    for minute in range(length):
        instant = NOON + dt.timedelta(minutes=minute)
        is_gap = any(gap.start <= instant < gap.end for gap in found)
        assert is_gap == (not holders(shifts, instant)), minute
    assert all(gap.start < gap.end for gap in found)
    for who in holders(shifts, NOON):
        end = held_until(shifts, who, NOON)
        last = until if end is None else min(end, until)
        minutes = int((last - NOON).total_seconds() // 60)
        assert all(
            who in holders(shifts, NOON + dt.timedelta(minutes=one)) for one in range(minutes)
        )
        assert end is None or who not in holders(shifts, end)


def test_turns_of_one_person_that_touch_end_with_the_last_and_others_do_not_count():
    turns = [shift(-1, 2), shift(2, 5), shift(5, 9, "Bo"), shift(6, 8)]
    assert held_until(turns, "Ana", NOON) == at(5)
    assert held_until([*turns, shift(4, None)], "Ana", NOON) is None


def test_a_person_on_two_schedules_holds_the_turn_once():
    assert holders([shift(0, 1), shift(-1, 1), shift(0, 2, "Bo")], NOON) == ("Ana", "Bo")
