"""Open incidents and recent changes as lines of the card, and the state they add up to. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pagerduty_card.models import ChangeEvent, Incident, Service
from pagerduty_card.presenters.freshness import Answer
from pagerduty_card.presenters.on_call import Link

SHOWN_INCIDENTS = 10
SHOWN_CHANGES = 3
_JUST_BEFORE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A state in word, shape and colour together.

    Attributes:
        tone: A tone of the badge component.
        icon: A name of the icon sprite.
    """

    word: str
    tone: str
    icon: str


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
    """One open incident."""

    number: int
    title: str
    url: str
    mark: Mark
    priority: str
    priority_tone: str
    urgency: Mark
    created_at: datetime
    assignees: tuple[Link, ...]
    acknowledgements: tuple[Acknowledgement, ...]
    next_step: NextStep | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentsView:
    """The section; ``lines`` says something only if the answer is not unknown."""

    answer: Answer
    lines: tuple[IncidentLine, ...]

    @property
    def is_calm(self) -> bool:
        """Whether PagerDuty said lately that nothing is open."""
        return self.answer.is_known and not self.lines

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
    links: tuple[Link, ...]
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

    @property
    def first(self) -> tuple[ChangeLine, ...]:
        """The lines shown at once."""
        return self.lines[:SHOWN_CHANGES]

    @property
    def rest(self) -> tuple[ChangeLine, ...]:
        """The lines behind "all of them"."""
        return self.lines[SHOWN_CHANGES:]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """What a service's header says.

    Attributes:
        rank: 0 is worst; orders several services.
        marks: The state, and behind it what else is true, such as maintenance during an alarm.
        until: End of a maintenance window (UTC); None if there is none or it is not known.
        counts: "1 triggered, 2 acknowledged"; empty when nothing is open or it is not known.
        is_old: The state is the last known one, not a confirmed one.
        as_of: When the open incidents were last known (UTC); None if they never were.
    """

    rank: int
    marks: tuple[Mark, ...]
    until: datetime | None
    counts: str
    is_old: bool
    as_of: datetime | None

    @property
    def mark(self) -> Mark:
        """The state itself."""
        return self.marks[0]

    @property
    def held_back(self) -> str:
        """What keeps PagerDuty from making a new incident; empty if nothing is known to."""
        said = {"DISABLED": "disabled", "MAINTENANCE": "in maintenance"}
        return next((said[mark.word] for mark in self.marks if mark.word in said), "")


_ALARM = Mark(word="ALARM", tone="critical", icon="state-alarm")
_WARNING = Mark(word="WARNING", tone="warning", icon="state-warning")
_OK = Mark(word="OK", tone="good", icon="state-ok")
_OLD_OK = Mark(word="OK", tone="faint", icon="state-ok")
_MAINTENANCE = Mark(word="MAINTENANCE", tone="info", icon="state-maintenance")
_DISABLED = Mark(word="DISABLED", tone="faint", icon="state-disabled")
UNKNOWN = Mark(word="UNKNOWN", tone="unknown", icon="state-unknown")
_RANKS = {
    "ALARM": 0,
    "UNKNOWN": 1,
    "WARNING": 2,
    "MAINTENANCE": 3,
    "DISABLED": 4,
    "OK": 5,
}


def present_incidents(rows: Sequence[Incident], answer: Answer) -> IncidentsView:
    """Order and word the open incidents of one service.

    By status, then priority, urgency, and the newest first. A status or urgency this portal has
    never heard of is shown as it is, and marked as unknown.
    """
    if answer.is_unknown:
        return IncidentsView(answer=answer, lines=())
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
        return ChangesView(answer=answer, lines=(), since=None)
    lines = tuple(
        ChangeLine(
            summary=row.summary,
            source=row.source,
            at=row.at,
            url=row.url,
            links=tuple(
                Link(text=str(link.get("text") or link["href"]), url=str(link["href"]))
                for link in row.links
                if link.get("href")
            ),
            before=_before(row.at, incidents.lines),
        )
        for row in sorted(rows, key=lambda row: row.at, reverse=True)
    )
    return ChangesView(answer=answer, lines=lines, since=covers_since)


def service_state(
    service: Service, incidents: IncidentsView, services: Answer, *, now: datetime
) -> ServiceState:
    """Sum up: the open incidents decide where they are known, PagerDuty's own status elsewhere.

    Nothing unknown becomes OK, and an OK that is not confirmed is never green.

    Args:
        service: The mirrored service.
        incidents: Its open incidents.
        services: Answer of the service's own row.
        now: The instant of reading (UTC).
    """
    known = incidents.answer
    mark = _mark_of(service.status, incidents, services)
    marks = [mark]
    until = None
    ends = service.maintenance_until
    # A window is known by itself: the status may have been told before it began.
    is_window = bool(ends and ends > now)
    is_told = not services.is_unknown
    if is_window or (
        is_told
        and service.status == "maintenance"
        and not _maintenance_over(service, services, now)
    ):
        marks = [_MAINTENANCE] if mark in {_OK, _OLD_OK} else [mark, _MAINTENANCE]
        until = ends if is_window else None
    elif is_told and service.status == "maintenance" and mark is _OLD_OK:
        marks = [UNKNOWN]  # it was in maintenance then, and nobody has asked since
    if is_told and service.status == "disabled":
        marks = [*([] if marks[0] in {_OK, _OLD_OK} else marks), _DISABLED]
    if known.is_unknown and len(marks) > 1:
        marks.reverse()  # maintenance is what PagerDuty said; the incidents are what it did not
    return ServiceState(
        rank=min(_RANKS[each.word] for each in marks),
        marks=tuple(marks),
        until=until,
        counts=_counts(incidents),
        is_old=known.is_old or mark is _OLD_OK,
        as_of=min(known.at, services.at)
        if mark is _OLD_OK and known.at and services.at
        else known.at,
    )


def _mark_of(status: str, incidents: IncidentsView, services: Answer) -> Mark:
    words = {line.mark.word for line in incidents.lines}
    if _INCIDENT_MARKS["triggered"].word in words:
        return _ALARM
    if words - {mark.word for mark in _INCIDENT_MARKS.values()}:
        return UNKNOWN
    if words:
        return _WARNING
    if services.explanation and services.explanation.reason == "not_found":
        return UNKNOWN  # a list without its incidents says nothing of a service that is gone
    known = incidents.answer
    newer = known.is_unknown or (services.at and known.at and services.at > known.at)
    if not services.is_unknown and newer and status in {"critical", "warning"}:
        return _ALARM if status == "critical" else _WARNING
    if known.is_unknown or services.is_unknown:
        return UNKNOWN
    if status not in {"active", "warning", "critical", "maintenance", "disabled"}:
        return UNKNOWN
    # OK also says that the service is on and not in maintenance, which its own row tells.
    return _OLD_OK if known.is_old or services.is_old else _OK


def _maintenance_over(service: Service, services: Answer, now: datetime) -> bool:
    """Whether the window ended after PagerDuty last told the status."""
    until = service.maintenance_until
    return bool(until and until <= now and services.at and services.at < until)


def _counts(incidents: IncidentsView) -> str:
    counted: dict[str, int] = {}
    for line in incidents.lines:
        counted[line.mark.word] = counted.get(line.mark.word, 0) + 1
    return ", ".join(f"{number} {word.lower()}" for word, number in counted.items())


def incident_order(row: Incident) -> tuple[int, int, list[tuple[int, str]], int, float]:
    """What open incidents are sorted by: status, priority, urgency, the newest first."""
    status = {"triggered": 0, "acknowledged": 2}.get(row.status, 1)
    return (
        status,
        0 if row.priority else 1,
        # P2 before P10
        [(int(part), "") if part.isdigit() else (-1, part) for part in _parts(row.priority)],
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


def _link(who: dict[str, Any]) -> Link:
    return Link(text=str(who.get("name") or "somebody"), url=str(who.get("url") or ""))


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
