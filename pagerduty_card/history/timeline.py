"""Changes and incidents of one service in one list, newest first, day by day. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from itertools import groupby

from pagerduty_card.history.strip import length
from pagerduty_card.models import ChangeEvent, Incident, PastIncident


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that happened.

    Attributes:
        at: When (UTC).
        word: What: ``Change``, ``Opened`` or ``Resolved``.
        tone: ``neutral``, ``critical`` or ``good``.
        icon: Name of the shape beside the word.
        text: Of a change its summary, of an incident its number and title.
        url: Its page in PagerDuty; may be empty.
        notes: What else is known, in a few words each.
    """

    at: datetime
    word: str
    tone: str
    icon: str
    text: str
    url: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The entries of one day in the reader's zone."""

    day: date
    entries: tuple[Entry, ...]


def entries_of(
    changes: Iterable[ChangeEvent],
    ended: Iterable[PastIncident],
    still_open: Sequence[Incident],
    *,
    since: datetime,
) -> list[Entry]:
    """Everything since an instant (UTC), newest first; an incident that reopened has no end."""
    opened_again = {one.pd_id for one in still_open}
    found = [_of_change(change) for change in changes]
    found += [_opened(incident, incident.created_at) for incident in still_open]
    for past in ended:
        if past.created_at is None or past.resolved_at is None or past.pd_id in opened_again:
            continue
        found.append(_opened(past, past.created_at))
        found.append(_ended(past, past.created_at, past.resolved_at))
    return sorted((one for one in found if one.at >= since), key=lambda one: one.at, reverse=True)


def by_day(entries: Iterable[Entry], zone: tzinfo) -> tuple[Day, ...]:
    """The entries under the days they belong to in the reader's zone."""
    grouped = groupby(entries, key=lambda one: one.at.astimezone(zone).date())
    return tuple(Day(day=day, entries=tuple(some)) for day, some in grouped)


def _of_change(change: ChangeEvent) -> Entry:
    return Entry(
        at=change.at,
        word="Change",
        tone="neutral",
        icon="history",
        text=change.summary,
        url=change.url,
        notes=(change.source,) if change.source else (),
    )


def _opened(incident: Incident | PastIncident, at: datetime) -> Entry:
    notes = [incident.priority, f"{incident.urgency} urgency" if incident.urgency else ""]
    if isinstance(incident, Incident):
        notes.append("still open")
    return Entry(
        at=at,
        word="Opened",
        tone="critical" if isinstance(incident, Incident) else "neutral",
        icon="state-alarm",
        text=f"#{incident.number} {incident.title}",
        url=incident.url,
        notes=tuple(note for note in notes if note),
    )


def _ended(incident: PastIncident, opened_at: datetime, at: datetime) -> Entry:
    notes = [f"after {length(at - opened_at)}"]
    if incident.acknowledged_at:
        notes.append(f"acknowledged after {length(incident.acknowledged_at - opened_at)}")
    return Entry(
        at=at,
        word="Resolved",
        tone="good",
        icon="state-ok",
        text=f"#{incident.number} {incident.title}",
        url=incident.url,
        notes=tuple(notes),
    )
