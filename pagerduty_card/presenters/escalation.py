"""Whom an incident is escalated to, where that follows from what is known. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from pagerduty_card.presenters.incidents import IncidentLine, IncidentsView
from pagerduty_card.presenters.on_call import Level, Link, OnCallView


def name_the_next_level(incidents: IncidentsView, on_call: OnCallView) -> IncidentsView:
    """Say whom an escalation pages, where that follows from what is known.

    PagerDuty tells when an incident escalates, not to whom. It follows where everybody it is
    assigned to holds one and the same level of the policy, and no other, and where everybody on
    the level after it is known and still on call at that instant. Anything else stays unsaid.
    """
    if not (incidents.answer.is_known and on_call.answer.is_known):
        return incidents
    return replace(
        incidents, lines=tuple(_with_next_level(line, on_call.levels) for line in incidents.lines)
    )


def _with_next_level(line: IncidentLine, levels: Sequence[Level]) -> IncidentLine:
    step = line.next_step
    if step is None or not step.is_escalation or step.at is None:
        return line
    held = {_places_of(who, levels) for who in line.assignees}
    places = held.pop() if len(held) == 1 else ()
    if len(places) != 1 or places[0] + 1 == len(levels):
        return line
    people = levels[places[0] + 1].people
    if not people or any(person.until and person.until <= step.at for person in people):
        return line
    names = " and ".join(person.name for person in people)
    return replace(line, next_step=replace(step, text=f"{step.text} to {names}"))


def _places_of(who: Link, levels: Sequence[Level]) -> tuple[int, ...]:
    """Where in the ladder somebody is on call now; by profile, for two people may share a name."""
    return tuple(
        place
        for place, level in enumerate(levels)
        if who.url and who.url in {person.url for person in level.people}
    )
