"""What of a ladder is worth a warning: gaps to come, one phone to miss, no relief. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pagerduty_card.characters import isolated
from pagerduty_card.models import OnCall
from pagerduty_card.presenters.freshness import Answer
from pagerduty_card.presenters.rota_gaps import Gap, Shift, gaps, held_until, holders


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Somebody who has turns, told apart by ``pk``: two people may share a name."""

    pk: int
    name: str
    url: str


Rota = Mapping[int, Sequence[Shift[Holder]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingGap:
    """The first gap of a level, the present one if nobody holds it now.

    Attributes:
        is_now: Whether it has begun.
        end: When it ends (UTC); None: not before the shifts that are known end.
        more: How many further gaps the level has in that time.
        instead: Who is paged in the meantime; empty for one that has begun, whose level tells it.
        tone: ``critical`` where nobody at all is.
    """

    level: int
    is_now: bool
    start: datetime
    end: datetime | None
    more: int
    instead: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingShifts:
    """What is known of the coming shifts.

    Attributes:
        answer: How far they may be believed; gaps are claimed only where it is not unknown.
        until: How far ahead they were asked for (UTC).
        gaps: At most one for each level.
        is_held: Whether somebody holds every level from now on, all that time.
    """

    answer: Answer
    until: datetime
    gaps: tuple[UpcomingGap, ...]
    is_held: bool


def rota_of(rows: Sequence[OnCall], numbers: Sequence[int]) -> Rota:
    """Sort the rows of a policy, their responders loaded, into turns by level."""
    found: dict[int, list[Shift[Holder]]] = {number: [] for number in numbers}
    for row in rows:
        who = row.responder
        holder = Holder(pk=row.responder_id, name=who.name, url=who.url)
        found[row.level].append(Shift(who=holder, start=row.start, end=row.end))
    return found


def present_upcoming_shifts(
    rota: Rota, answer: Answer, *, now: datetime, until: datetime, unsure: Collection[int] = ()
) -> UpcomingShifts:
    """Find the first gap of each level, from now on.

    Args:
        rota: Turns by level.
        answer: How far the coming shifts may be believed.
        now: The instant of reading (UTC).
        until: How far ahead shifts were asked for (UTC).
        unsure: Levels of which it is not known whether somebody holds them now.
    """
    found: list[UpcomingGap] = []
    if not answer.is_unknown:
        for number, shifts in rota.items():
            coming = gaps(shifts, since=now, until=until)
            if number in unsure:
                coming = tuple(gap for gap in coming if gap.start > now)
            if coming:
                found.append(_coming(number, coming, rota, now=now, until=until))
    is_told = not answer.is_unknown and not unsure and bool(rota) and until > now
    return UpcomingShifts(
        answer=answer, until=until, gaps=tuple(found), is_held=is_told and not found
    )


def _coming(
    number: int, coming: Sequence[Gap], rota: Rota, *, now: datetime, until: datetime
) -> UpcomingGap:
    first = coming[0]
    is_now = first.start <= now
    everybody = [shift for shifts in rota.values() for shift in shifts]
    is_nobody = bool(gaps(everybody, since=first.start, until=first.end))
    return UpcomingGap(
        level=number,
        is_now=is_now,
        start=first.start,
        end=first.end if first.end < until else None,
        more=len(coming) - 1,
        instead="" if is_now else _instead(number, first, rota, is_nobody=is_nobody),
        tone="critical" if is_nobody else "warning",
    )


def _instead(number: int, gap: Gap, rota: Rota, *, is_nobody: bool) -> str:
    for later in (level for level in rota if level > number):
        shifts = rota[later]
        if not gaps(shifts, since=gap.start, until=gap.end):
            within = [one for one in shifts if one.begins < gap.end and one.ends > gap.start]
            names = dict.fromkeys(isolated(shift.who.name) for shift in within)
            return f"PagerDuty pages level {later} instead: {' and '.join(names)}."
    if is_nobody:
        return "There is time in it in which no level has anybody: an incident would page nobody."
    if any(level > number for level in rota):
        return "No later level has somebody all that time."
    return "An incident that nobody took on an earlier level pages nobody more."


def one_phone(rota: Rota, now: datetime, *, is_all_known: bool) -> str:
    """Say so if everything rests on one person: on every level, or for ever; empty otherwise.

    Args:
        rota: Turns by level.
        now: The instant of reading (UTC).
        is_all_known: Whether the turns to come are among them: who holds nothing now may relieve.
    """
    held = [found for shifts in rota.values() if (found := holders(shifts, now))]
    people = {holder for found in held for holder in found}
    if len(people) != 1:
        return ""
    who = people.pop()
    everybody = [shift for shifts in rota.values() for shift in shifts]
    is_alone = all(shift.who == who for shift in everybody)
    is_complete = is_all_known or len(held) == len(rota)
    if is_complete and is_alone and held_until(everybody, who, now) is None:
        return f"{isolated(who.name)} is always on call, alone: nobody ever relieves them."
    if len(held) > 1:
        return f"{isolated(who.name)} holds every level: there is one phone to miss."
    return ""
