"""Who is on call when: shifts of eight hours that follow from the clock, and overrides."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
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

    An empty schedule has those of its overrides alone; a person is always on call.
    """
    if isinstance(target, Person):
        yield Shift(person=target)
        return
    shifts = list(turns_of(target, since, until))
    for override in target.overrides:
        start, end = override.start_at, override.end_at
        shifts = [part for shift in shifts for part in _without(shift, start, end)]
        shifts.append(Shift(person=override.person, start_at=start, end_at=end))
    shifts.sort(key=lambda shift: shift.start_at or EPOCH)
    for shift in shifts:
        if is_within(shift.start_at or EPOCH, shift.end_at or until, since, until):
            yield shift


def turns_of(schedule: Schedule, since: datetime, until: datetime) -> Iterator[Shift]:
    """The shifts of a schedule without its overrides."""
    if not schedule.people:
        return
    number = (since - EPOCH) // LENGTH
    while True:
        start = EPOCH + number * LENGTH
        person = schedule.people[(number + schedule.offset) % len(schedule.people)]
        yield Shift(person=person, start_at=start, end_at=start + LENGTH)
        number += 1
        if start + LENGTH >= until:
            return


def is_within(start: datetime, end: datetime, since: datetime, until: datetime) -> bool:
    """Whether ``start`` to ``end`` overlaps ``since`` to ``until``, or covers ``since``."""
    return end > since and (start <= since or start < until)


def _without(shift: Shift, start: datetime, end: datetime) -> Iterator[Shift]:
    """What is left of a shift around an override."""
    if shift.start_at and shift.start_at < start:
        yield replace(shift, end_at=min(shift.end_at or start, start))
    if shift.end_at and shift.end_at > end:
        yield replace(shift, start_at=max(shift.start_at or end, end))


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
