"""Who is on call when: shifts of eight hours that follow from the clock alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sandbox.pagerduty.resources import Level, Person, Policy, Schedule

LENGTH = timedelta(hours=8)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCall:
    """One person on one level of a policy.

    Attributes:
        level: 1 is paged first.
        schedule: None when the policy names the person directly.
        start_at, end_at: The shift (UTC, end exclusive); both None when always on call.
    """

    policy: Policy
    level: int
    person: Person
    schedule: Schedule | None
    start_at: datetime | None
    end_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One shift of one person, UTC, end exclusive; start and end are None when always on call."""

    person: Person
    start_at: datetime | None = None
    end_at: datetime | None = None


def shifts_of(target: Schedule | Person, since: datetime, until: datetime) -> Iterator[Shift]:
    """The shifts of a target that overlap ``since`` to ``until``, always the one at ``since``.

    An empty schedule has none; a person is always on call.
    """
    if isinstance(target, Person):
        yield Shift(person=target)
        return
    if not target.people:
        return
    number = (since - EPOCH) // LENGTH
    while True:
        start = EPOCH + number * LENGTH
        person = target.people[(number + target.offset) % len(target.people)]
        yield Shift(person=person, start_at=start, end_at=start + LENGTH)
        number += 1
        if start + LENGTH >= until:
            return


def people_on_level(level: Level, at: datetime) -> list[Person]:
    """Everybody whom the level pages at that instant, each once; nobody for an empty schedule."""
    people: list[Person] = []
    for target in level.targets:
        people += [
            shift.person for shift in shifts_of(target, at, at) if shift.person not in people
        ]
    return people


def on_calls(policy: Policy, since: datetime, until: datetime) -> Iterator[OnCall]:
    """Every on-call of a policy that overlaps ``since`` to ``until``, by level, then start."""
    for number, level in enumerate(policy.levels, start=1):
        for target in level.targets:
            for shift in shifts_of(target, since, until):
                yield OnCall(
                    policy=policy,
                    level=number,
                    person=shift.person,
                    schedule=target if isinstance(target, Schedule) else None,
                    start_at=shift.start_at,
                    end_at=shift.end_at,
                )
