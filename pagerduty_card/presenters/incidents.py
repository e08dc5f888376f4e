"""Open incidents and recent changes as lines of the card. Pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.links import EntityLink
from pagerduty_card.models import ChangeEvent, Incident
from pagerduty_card.presenters.freshness import Answer
from pagerduty_card.presenters.on_call import ExternalLink
from pagerduty_card.presenters.states import Mark

SHOWN_INCIDENTS = 10
SHOWN_CHANGES = 3
_JUST_BEFORE = timedelta(hours=1)


_INCIDENT_MARKS = {
    "triggered": Mark(word="Triggered", tone="critical", icon="state-alarm"),
    "acknowledged": Mark(word="Acknowledged", tone="warning", icon="state-warning"),
}
_URGENCY_RANK = {"high": 0, "low": 2}
_STEPS = {
    "escalate": "escalates",
    "unacknowledge": "back to triggered",
    "resolve": "resolves itself",
    "urgency_change": "changes urgency",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Who took an incident, and when (UTC; None if PagerDuty did not say)."""

    name: str
    url: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What PagerDuty does by itself next, and when (UTC; None if it did not say)."""

    text: str
    at: datetime | None
    is_escalation: bool = False
    is_timeout: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentLine:
    """One open incident.

    Attributes:
        service: Its service, where the page shows several; else None.
        entities: Those that name the service, where the page is not the entity's own.
        owners: Owners of these, each once.
    """

    number: int
    title: str
    url: str
    mark: Mark
    priority: str
    priority_tone: str
    urgency: Mark
    created_at: datetime
    assignees: tuple[ExternalLink, ...]
    acknowledgements: tuple[Acknowledgement, ...]
    next_step: NextStep | None
    service: ExternalLink | None = None
    entities: tuple[EntityLink, ...] = ()
    owners: tuple[EntityLink, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentsView:
    """The section; ``lines`` says something only if the answer is not unknown."""

    answer: Answer
    lines: tuple[IncidentLine, ...]

    @classmethod
    def unknown(cls, answer: Answer) -> "IncidentsView":
        """Nothing may be said of what is open."""
        return cls(answer=answer, lines=())

    @property
    def is_calm(self) -> bool:
        """Whether PagerDuty said lately that nothing is open."""
        return self.answer.is_known and not self.lines

    @property
    def by_status(self) -> Mapping[str, int]:
        """How many there are of each status, the worst first."""
        return Counter(line.mark.word.lower() for line in self.lines)

    @property
    def first(self) -> tuple[IncidentLine, ...]:
        """The lines shown at once."""
        return self.lines[:SHOWN_INCIDENTS]

    @property
    def rest(self) -> tuple[IncidentLine, ...]:
        """The lines behind "all of them"."""
        return self.lines[SHOWN_INCIDENTS:]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """One change.

    Attributes:
        before: "24 min before #4711" if an open incident followed within the hour; else empty.
    """

    summary: str
    source: str
    at: datetime
    url: str
    links: tuple[ExternalLink, ...]
    before: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesView:
    """The section; ``lines`` says something only if the answer is not unknown.

    Attributes:
        since: How far back the lines reach (UTC); None if that is not known.
    """

    answer: Answer
    lines: tuple[ChangeLine, ...]
    since: datetime | None

    @classmethod
    def unknown(cls, answer: Answer) -> "ChangesView":
        """Nothing may be said of changes."""
        return cls(answer=answer, lines=(), since=None)

    @property
    def first(self) -> tuple[ChangeLine, ...]:
        """The lines shown at once."""
        return self.lines[:SHOWN_CHANGES]

    @property
    def rest(self) -> tuple[ChangeLine, ...]:
        """The lines behind "all of them"."""
        return self.lines[SHOWN_CHANGES:]


def present_incidents(rows: Sequence[Incident], answer: Answer) -> IncidentsView:
    """Order and word the open incidents of one service.

    By status, then priority, urgency, and the newest first. A status or urgency this portal has
    never heard of is shown as it is, and marked as unknown.
    """
    if answer.is_unknown:
        return IncidentsView.unknown(answer)
    ordered = sorted(rows, key=incident_order)
    return IncidentsView(answer=answer, lines=tuple(incident_line(row) for row in ordered))


def present_changes(
    rows: Sequence[ChangeEvent],
    incidents: IncidentsView,
    answer: Answer,
    *,
    covers_since: datetime | None,
) -> ChangesView:
    """Word the changes, newest first, and mark those in the hour before an open incident.

    Args:
        rows: The service's changes.
        incidents: Its open incidents.
        answer: How far the rows may be believed.
        covers_since: How far back the rows reach (UTC).
    """
    if answer.is_unknown:
        return ChangesView.unknown(answer)
    lines = tuple(
        ChangeLine(
            summary=row.summary,
            source=row.source,
            at=row.at,
            url=row.url,
            links=tuple(
                ExternalLink(text=str(link.get("text") or link["href"]), url=str(link["href"]))
                for link in row.links
                if link.get("href")
            ),
            before=_before(row.at, incidents.lines),
        )
        for row in sorted(rows, key=lambda row: row.at, reverse=True)
    )
    return ChangesView(answer=answer, lines=lines, since=covers_since)


def incident_order(row: Incident) -> tuple[int, int, list[tuple[int, str]], int, float]:
    """What open incidents are sorted by: status, priority, urgency, the newest first."""
    status = {"triggered": 0, "acknowledged": 2}.get(row.status, 1)
    return (
        status,
        0 if row.priority else 1,
        # P2 before P10
        [
            (int(part), "") if part.isascii() and part.isdigit() else (-1, part)
            for part in _parts(row.priority)
        ],
        _URGENCY_RANK.get(row.urgency, 1),
        -row.created_at.timestamp(),
    )


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"([0-9]+)", text) if part]


def incident_line(row: Incident) -> IncidentLine:
    """Word one open incident."""
    return IncidentLine(
        number=row.number,
        title=row.title,
        url=row.url,
        mark=_INCIDENT_MARKS.get(
            row.status, Mark(word=row.status or "no status", tone="unknown", icon="state-unknown")
        ),
        priority=row.priority,
        priority_tone="critical" if row.priority == "P1" else "neutral",
        urgency=_urgency(row.urgency),
        created_at=row.created_at,
        assignees=tuple(_link(who) for who in row.assignees),
        acknowledgements=tuple(
            Acknowledgement(name=link.text, url=link.url, at=_instant(ack.get("at")))
            for ack in row.acknowledgements
            for link in [_link(ack)]
        ),
        next_step=next((_step(step) for step in row.pending_actions), None),
    )


def _urgency(urgency: str) -> Mark:
    if urgency in _URGENCY_RANK:
        return Mark(word=urgency, tone="neutral" if urgency == "high" else "faint", icon="")
    return Mark(word=urgency or "no urgency", tone="unknown", icon="question")


def _link(who: dict[str, Any]) -> ExternalLink:
    return ExternalLink(text=str(who.get("name") or "somebody"), url=str(who.get("url") or ""))


def _step(step: dict[str, Any]) -> NextStep:
    kind = str(step.get("type") or "")
    return NextStep(
        text=_STEPS.get(kind, kind or "next step"),
        at=_instant(step.get("at")),
        is_escalation=kind == "escalate",
        is_timeout=kind == "unacknowledge",
    )


def _instant(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _before(at: datetime, incidents: Sequence[IncidentLine]) -> str:
    followed = sorted(
        (line.created_at - at, line.number)
        for line in incidents
        if timedelta(0) <= line.created_at - at <= _JUST_BEFORE
    )
    if not followed:
        return ""
    gap, number = followed[0]
    minutes = round(gap.total_seconds() / 60)
    return f"{minutes} min before #{number}" if minutes else f"just before #{number}"
