"""What is decided by a watched clock is decided alike until the instant that it names."""

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest

from portal import clock
from portal.clock import watched

NOW = dt.datetime(2026, 11, 1, 12, 0, 0, 7, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
HOUR = dt.timedelta(hours=1)
ROME = ZoneInfo("Europe/Rome")

DECISIONS = {
    "before": (lambda now: now < NOW + HOUR, NOW + HOUR),
    "before, from the other side": (lambda now: now <= NOW + HOUR, NOW + HOUR),
    "the same": (lambda now: now == NOW, NOW),
    "after what is past": (lambda now: now > NOW - SECOND, None),
    "an age": (lambda now: now - NOW > HOUR, NOW + HOUR),
    "an age either way": (lambda now: abs(now - (NOW - SECOND)) <= HOUR, NOW - SECOND + HOUR),
    "an age ahead": (lambda now: abs(now - (NOW + SECOND)) <= HOUR, NOW),
    "what is left": (lambda now: NOW + HOUR - now < SECOND, NOW),
    "later than now": (lambda now: now + HOUR < NOW + 3 * HOUR, NOW + 2 * HOUR),
    "the earlier": (lambda now: min(now, NOW + HOUR), NOW + HOUR),
    "of two ages": (lambda now: (now - NOW) < (now - (NOW - HOUR)), None),
    "of two instants that move": (lambda now: now < now + SECOND, None),
    "the day of a zone": (
        lambda now: now.astimezone(ROME).date(),
        dt.datetime(2026, 11, 1, 23, tzinfo=dt.UTC),
    ),
    "in order": (lambda now: sorted([NOW + HOUR, now, NOW - HOUR]), NOW + HOUR),
    "never": (lambda now: now < dt.datetime.max.replace(tzinfo=dt.UTC), None),
    "always": (lambda now: now > dt.datetime.min.replace(tzinfo=dt.UTC), None),
    "in words": (lambda now: f"{now:%H:%M}", NOW),
    "as text": (lambda now: str(now), NOW),
    "in seconds": (lambda now: now.timestamp(), NOW),
    "the hour": (lambda now: now.hour, NOW),
    "an age in seconds": (lambda now: (now - NOW).total_seconds(), NOW),
    "an age in figures": (lambda now: (now - NOW) * 2, NOW),
    "expired": (lambda _: clock.expire(), NOW),
}


def until_of(decide):
    with watched(NOW) as watch:
        decide(clock.now())
    return watch.until


@pytest.mark.parametrize("name", DECISIONS)
def test_notes_the_first_instant_at_which_it_decides_otherwise(name):
    decide, until = DECISIONS[name]
    assert until_of(decide) == (until or dt.datetime.max.replace(tzinfo=dt.UTC))


def test_decides_as_a_plain_clock_does_and_alike_until_then():
    dice = random.Random(4)

    def decide(now, shift, limit, at):
        age = now - at
        return (
            now < at,
            now - shift >= at,
            age > limit,
            abs(age) <= limit,
            now.astimezone(ROME).date(),
            max(at, now) == at,
        )

    for _ in range(300):
        one = [dt.timedelta(seconds=dice.randint(-90_000, 90_000)) for _ in range(3)]
        given = (one[0], one[1], NOW + one[2])
        with watched(NOW) as watch:
            decided = decide(clock.now(), *given)
        assert decided == decide(NOW, *given)
        left = min(watch.until - NOW, dt.timedelta(days=2))
        if left > dt.timedelta(0):
            for share in (0, dice.random(), 1):
                later = NOW + share * (left - dt.timedelta(microseconds=1))
                assert decide(later, *given) == decided


def test_only_what_is_rendered_under_a_watch_is_watched():
    assert type(clock.now()) is dt.datetime
    clock.expire()
