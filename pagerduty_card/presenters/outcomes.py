"""What an attempt to page came to, in the one wording that every page prints. Pure.

The card, the form, the banner and the admin take their words from here, so no two of them differ.
``docs/operate.md`` has the table of PagerDuty's answers and what follows from each.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from pagerduty_card.characters import isolated
from pagerduty_card.domain import IncidentStatus
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.presenters.on_call import ExternalLink
from portal.zones import zone_name

# How long pages show an attempt. More than an hour, so that a clock that is put forward by one
# hides none.
SHOWN_FOR = timedelta(hours=3)
# The worker looks every 20 s: where nobody has looked for so long, no worker runs.
_LOOKED_WITHIN = timedelta(seconds=90)
_State = TriggeredIncident.State


class OutcomeKind(Enum):
    """What is known of an attempt, each with the tone of its notices."""

    SENDING = "sending", "info"
    LOOKING = "looking", "info"
    CREATED = "created", "good"
    ADDED = "added", "warning"
    NOT_FOUND = "not_found", "warning"
    NOT_SEARCHABLE = "not_searchable", "warning"
    RETRYING = "retrying", "critical"
    FAILED = "failed", "critical"
    UNSURE = "unsure", "warning"
    UNKNOWN = "unknown", "unknown"

    @property
    def tone(self) -> str:
        """A tone of the notice component."""
        return self.value[1]

    @property
    def is_open(self) -> bool:
        """Whether the answer or the incident may still come within seconds."""
        return self in {OutcomeKind.SENDING, OutcomeKind.LOOKING}


@dataclass(frozen=True, slots=True, kw_only=True)
class PagingOutcome:
    """What an attempt to page came to.

    Attributes:
        tone: A tone of the notice component.
        title: What happened, without a full stop.
        text: What it means and what to do, in sentences; may be empty.
        going_on: What the portal still does by itself, and until when, in the reader's zone; empty
            if nothing.
        until: The same instant (UTC); None if nothing.
        incident: Its number and address; both empty until one is found.
        people: Those the incident was assigned to when it was found.
    """

    kind: OutcomeKind
    tone: str
    title: str
    text: str
    going_on: str
    until: datetime | None
    incident: ExternalLink
    people: tuple[ExternalLink, ...]


def present_outcome(row: TriggeredIncident, now: datetime) -> PagingOutcome:
    """Word what an attempt came to.

    Args:
        row: The attempt.
        now: The instant of reading, in the reader's zone.
    """
    kind = _kind(row, now)
    until = row.retried_until(now) if kind in {OutcomeKind.RETRYING, OutcomeKind.UNSURE} else None
    title, text = _words(row, kind, now, is_retried=until is not None)
    return PagingOutcome(
        kind=kind,
        # Created, but there is something to say of it: then it is not as the person believes.
        tone="warning" if kind is OutcomeKind.CREATED and text else kind.tone,
        title=title,
        text=text,
        until=until,
        going_on=_going_on(row, kind, until, now),
        incident=ExternalLink(
            text=f"#{row.incident_number}" if row.incident_number is not None else "",
            url=row.incident_url,
        ),
        people=tuple(
            ExternalLink(text=str(who.get("name") or "somebody"), url=str(who.get("url") or ""))
            for who in row.assignees
        ),
    )


def _kind(row: TriggeredIncident, now: datetime) -> OutcomeKind:
    state = row.state_at(now)
    if state == _State.ACCEPTED:
        # That none appeared is for PagerDuty to say, not for the clock.
        is_looked_for = row.is_looked_for(now, _LOOKED_WITHIN) and not row.search_problem
        return (
            OutcomeKind.LOOKING
            if is_looked_for or not row.overdue(now)
            else OutcomeKind.NOT_SEARCHABLE
        )
    return _KINDS.get(state, OutcomeKind.UNKNOWN)


_KINDS: dict[str, OutcomeKind] = {
    _State.SENDING: OutcomeKind.SENDING,
    _State.CREATED: OutcomeKind.CREATED,
    _State.ADDED: OutcomeKind.ADDED,
    _State.NOT_SEEN: OutcomeKind.NOT_FOUND,
    _State.RETRYING: OutcomeKind.RETRYING,
    _State.FAILED: OutcomeKind.FAILED,
    _State.UNSURE: OutcomeKind.UNSURE,
}
_CALL = "Call the on-call person directly."


def _words(
    row: TriggeredIncident, kind: OutcomeKind, now: datetime, *, is_retried: bool
) -> tuple[str, str]:
    """Title and text."""
    number = f"incident #{row.incident_number}"
    match kind:
        case OutcomeKind.SENDING:
            return "Being sent to PagerDuty", ""
        case OutcomeKind.LOOKING:
            return "Accepted by PagerDuty, looking for the incident", ""
        case OutcomeKind.CREATED:
            return f"Created {number}{_notified(row)}", _on_created(row)
        case OutcomeKind.ADDED:
            return (
                f"Added to {number}: nobody may have been notified anew",
                _on_added(row, now),
            )
        case OutcomeKind.NOT_FOUND:
            looked = f" when asked at {_clock(row.looked_at, now)}" if row.looked_at else ""
            text = (
                f"PagerDuty had none{looked}. It is not known that anybody was notified: the alert "
                f"may be suppressed or paused. Look at the service in PagerDuty. {_CALL}"
            )
            return "Accepted by PagerDuty, but no incident has appeared", text
        case OutcomeKind.NOT_SEARCHABLE:
            text = (
                f"{_problem(row)} It is not known that anybody was notified. Look at the service "
                f"in PagerDuty. {_CALL} The page Doctor shows an administrator what to correct."
            )
            return "Accepted by PagerDuty, but its incident cannot be looked for", text
        case OutcomeKind.RETRYING:
            return (
                "Nobody has been paged yet",
                f"{_sentence(row.answer)} Do not wait for it. {_CALL}".strip(),
            )
        case OutcomeKind.FAILED:
            return "Nobody has been paged", f"{_sentence(row.answer)} Page again. {_CALL}".strip()
        case OutcomeKind.UNSURE:
            return (
                "No clear answer from PagerDuty: it is not known whether anybody was paged",
                f"{_on_unsure(row, is_retried=is_retried)} {_CALL}",
            )
    return f"The page is in an unknown state ({row.state})", _CALL


def _notified(row: TriggeredIncident) -> str:
    names = _names(row.assignees)
    return f", notified {names}" if names else ""


def _on_created(row: TriggeredIncident) -> str:
    found = [_elsewhere(row), _on_alert(row)]
    if row.merged_into:
        found.append(f"It was merged into {row.merged_into}: follow that one.")
    elif row.incident_status == IncidentStatus.RESOLVED:
        found.append("It has been resolved since. Page again if the problem is still there.")
    elif not row.assignees:
        found.append(f"PagerDuty assigned it to nobody. {_CALL}")
    return " ".join(filter(None, found))


def _on_added(row: TriggeredIncident, now: datetime) -> str:
    since = _clock(row.incident_created_at, now) if row.incident_created_at else "earlier"
    acknowledged, assigned = _names(row.acknowledged_by), _names(row.assignees)
    status = row.incident_status
    what_next = f"{_CALL} Or reassign or escalate the incident in PagerDuty."
    if status == IncidentStatus.RESOLVED:
        what = f"It was opened at {since} and has been resolved since."
        what_next = "Page again if the problem is still there."
    elif status == IncidentStatus.ACKNOWLEDGED:
        by = f" by {acknowledged}" if acknowledged else ""
        what = f"It has been open since {since} and is acknowledged{by}."
    elif status == IncidentStatus.TRIGGERED:
        to = f" It is assigned to {assigned}." if assigned else ""
        what = f"It has been open since {since} and nobody has acknowledged it.{to}"
    else:
        what = f"It was opened at {since}, and its state is {status or 'not known'}."
    return " ".join(filter(None, [_elsewhere(row), _on_alert(row), what, what_next]))


def _on_alert(row: TriggeredIncident) -> str:
    """What PagerDuty reported of the alert itself, where the incident does not tell the same."""
    if row.alert_status == "suppressed":
        return f"PagerDuty reports the alert as suppressed. {_CALL}"
    if row.alert_status == "missing":
        return "The incident has other alerts, but not this one: it may have been moved."
    is_over = row.alert_status == "resolved" and row.incident_status != IncidentStatus.RESOLVED
    return "The alert itself has been resolved." if is_over else ""


def _elsewhere(row: TriggeredIncident) -> str:
    if not row.incident_service:
        return ""
    found, meant = isolated(row.incident_service), isolated(row.service_name)
    return f"The incident is on the service {found}, not on {meant}."


def _on_unsure(row: TriggeredIncident, *, is_retried: bool) -> str:
    # Why it is not sent again, or what the last try was answered.
    ended = f"{_sentence(row.answer)} " if row.answer else ""
    if row.search_problem:
        held = " Until it can, it sends nothing again: that could page twice." if is_retried else ""
        return f"{ended}The portal cannot look for the incident: {_problem(row)}{held}"
    if is_retried:
        return (
            f"{ended}The portal looks for the incident, and sends again only if PagerDuty has none."
        )
    return f"{ended}Look for the incident in PagerDuty."


def _problem(row: TriggeredIncident) -> str:
    if row.search_problem:
        return _sentence(row.search_problem)
    return "The portal has not asked PagerDuty lately: its worker may not be running."


def _sentence(text: str) -> str:
    """PagerDuty's words as a sentence of their own."""
    return text if not text or text.endswith((".", "!", "?", "\u2026")) else f"{text}."


def _going_on(
    row: TriggeredIncident, kind: OutcomeKind, until: datetime | None, now: datetime
) -> str:
    if until is None:
        return ""
    is_held = kind is OutcomeKind.UNSURE and row.search_problem
    doing = "asking PagerDuty" if is_held else "trying"
    return f"The portal keeps {doing} until {_clock(until, now)}."


def _names(people: Iterable[dict[str, str]]) -> str:
    *others, last = [isolated(str(who.get("name") or "somebody")) for who in people] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def _clock(at: datetime, now: datetime) -> str:
    """The time of day in the zone of ``now``, with the day where that is another one."""
    local = at.astimezone(now.tzinfo)
    day = "" if local.date() == now.date() else f"{local:%a} {local.day} {local:%b} "
    return f"{day}{local:%H:%M} {zone_name(local)}"
