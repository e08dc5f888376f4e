"""Where a rota has gaps, and who holds it at an instant. Pure: no rows, no words."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

_Who = TypeVar("_Who", bound=Hashable)
_EVER = datetime.max.replace(tzinfo=UTC)
_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift(Generic[_Who]):
    """Somebody's turn, from ``start`` up to but without ``end``.

    Attributes:
        who: Tells people apart.
        start, end: Aware; None where the turn is open on that side.
    """

    who: _Who
    start: datetime | None = None
    end: datetime | None = None

    @property
    def begins(self) -> datetime:
        """The start; before everything if there is none."""
        return self.start or _BEGINNING

    @property
    def ends(self) -> datetime:
        """The end; after everything if there is none."""
        return self.end or _EVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch of time in which nobody has the turn; ``end`` is the first instant after it."""

    start: datetime
    end: datetime


def gaps(shifts: Iterable[Shift[_Who]], *, since: datetime, until: datetime) -> tuple[Gap, ...]:
    """Find every gap between two instants, earliest first.

    Turns that touch leave no gap, and turns may overlap. A gap is cut off at both instants.
    """
    found = []
    covered = since
    lasting = (shift for shift in shifts if shift.ends > shift.begins)
    for shift in sorted(lasting, key=lambda shift: shift.begins):
        if shift.begins >= until:
            break
        if shift.begins > covered:
            found.append(Gap(start=covered, end=shift.begins))
        covered = max(covered, shift.ends)
    if covered < until:
        found.append(Gap(start=covered, end=until))
    return tuple(found)


def holders(shifts: Iterable[Shift[_Who]], at: datetime) -> tuple[_Who, ...]:
    """Who has the turn at an instant, each once, in the order of the shifts."""
    return tuple(dict.fromkeys(shift.who for shift in shifts if shift.begins <= at < shift.ends))


def held_until(shifts: Sequence[Shift[_Who]], who: _Who, at: datetime) -> datetime | None:
    """When somebody's turn at an instant ends, counting turns of theirs that touch it as one.

    Returns:
        The end; None if it never does.
    """
    until = at
    for shift in sorted(shifts, key=lambda shift: shift.begins):
        if shift.who == who and shift.begins <= until:
            until = max(until, shift.ends)
    return None if until == _EVER else until
