"""Whom an incident's next automatic step reaches, where that follows from what is known. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pagerduty_card.characters import isolated
from pagerduty_card.presenters.incidents import IncidentLine, IncidentsView
from pagerduty_card.presenters.on_call import ExternalLink, OnCallView
from pagerduty_card.presenters.rota_gaps import Shift, holders
from pagerduty_card.presenters.upcoming_shifts import Holder


def name_the_next_level(incidents: IncidentsView, on_call: OnCallView) -> IncidentsView:
    """Say whom the next automatic step pages, where that follows from what is known.

    PagerDuty tells when an incident escalates, not to whom. It follows where everybody it is
    assigned to has held one and the same level of the policy since it was opened, and no other, and
    where it is known who holds the level after it at that instant; after the last level comes level
    1 again. Somebody whose turn began later may have been given it on another level. Where an
    acknowledgement times out, those it is assigned to are paged again. Anything else stays unsaid;
    an incident that was assigned to a person directly has no such step.
    """
    if not (incidents.answer.is_known and on_call.answer.is_known):
        return incidents
    return replace(incidents, lines=tuple(_with_whom(line, on_call) for line in incidents.lines))


def _with_whom(line: IncidentLine, on_call: OnCallView) -> IncidentLine:
    step = line.next_step
    if step is None or step.at is None:
        return line
    names: Sequence[str] = ()
    if step.is_escalation:
        names = _next_level(line, on_call, step.at)
        joint = " to "
    elif step.is_timeout:
        names = [who.text for who in line.assignees]
        joint = ", pages "
    if not names:
        return line
    people = " and ".join(map(isolated, names))
    text = f"{step.text}{joint}{people}{' again' if step.is_timeout else ''}"
    return replace(line, next_step=replace(step, text=text))


def _next_level(line: IncidentLine, on_call: OnCallView, at: datetime) -> Sequence[str]:
    levels = on_call.levels
    held = {_places_of(who, on_call, since=line.created_at) for who in line.assignees}
    places = held.pop() if len(held) == 1 else ()
    if len(places) != 1:
        return ()
    for step in range(1, len(levels) + 1):
        level = levels[(places[0] + step) % len(levels)]
        shifts = on_call.rota.get(level.number, ())
        if level.unknown or not _reaches(shifts, on_call, at):
            return ()
        if found := holders(shifts, at):
            return [who.name for who in found]
        # PagerDuty does not wait on a level that has nobody.
    return ()


def _reaches(shifts: Sequence[Shift[Holder]], on_call: OnCallView, at: datetime) -> bool:
    """Whether it is known who holds a level at an instant."""
    upcoming = on_call.upcoming
    if upcoming and upcoming.answer.is_known and at < upcoming.until:
        return True
    # Without the coming shifts only those who hold it now, and still do then, are known.
    asked = on_call.answer.asked_at
    present = [shift for shift in shifts if asked and shift.begins <= asked < shift.ends]
    return bool(present) and all(shift.ends > at for shift in present)


def _places_of(who: ExternalLink, on_call: OnCallView, *, since: datetime) -> tuple[int, ...]:
    """Where in the ladder somebody is on call now; by profile, for two people may share a name.

    Nowhere where any of it began later than ``since`` (UTC).
    """
    found = []
    for place, level in enumerate(on_call.levels):
        if who.url and who.url in {person.url for person in level.people}:
            then = holders(on_call.rota.get(level.number, ()), since)
            if who.url not in {holder.url for holder in then}:
                return ()
            found.append(place)
    return tuple(found)
