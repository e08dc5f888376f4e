"""What happens to one incident: levels, escalations, status, resolution, and the log of it."""

from datetime import datetime

from sandbox.pagerduty import shifts
from sandbox.pagerduty.resources import Incident, LogEntry, Person, Service


def assign_level(incident: Incident, number: int, at: datetime) -> None:
    """Assign the level ``number`` (1 is first), or the next one that has somebody on call."""
    levels = incident.policy.levels
    for level in range(number, len(levels) + 1):
        people = shifts.people_on_level(levels[level - 1], at)
        if people:
            incident.assignees, incident.level, incident.level_since = people, level, at
            return
    incident.assignees, incident.level, incident.level_since = [], len(levels), at


def escalate(incident: Incident, now: datetime) -> None:
    """Apply every automatic step of one incident that was due until ``now``."""
    while (due := incident.reopens_at() or incident.escalates_at()) and due <= now:
        if incident.status == "acknowledged":
            unacknowledge(incident, incident.service, due)
            continue
        is_last = incident.level >= len(incident.policy.levels)
        incident.loop += is_last
        assign_level(incident, 1 if is_last else incident.level + 1, due)
        log(incident, "escalate", incident.service, due)


def log(incident: Incident, kind: str, by: Person | Service, at: datetime, note: str = "") -> None:
    """Add a log entry, with those who are assigned where it is about them."""
    assignees = tuple(incident.assignees) if kind in {"assign", "escalate"} else ()
    incident.log_entries.append(LogEntry(kind=kind, at=at, by=by, note=note, assignees=assignees))
    incident.updated_at = at


def change_status(
    incident: Incident, status: str, by: Person | Service | None, at: datetime, note: str = ""
) -> None:
    """Set the status and who changed it when."""
    log(incident, _ENTRY_KINDS[status], by or incident.service, at, note)
    incident.status = status
    incident.changed_by = by
    incident.status_changed_at = incident.updated_at = at


_ENTRY_KINDS = {
    "triggered": "unacknowledge",
    "acknowledged": "acknowledge",
    "resolved": "resolve",
}


def unacknowledge(incident: Incident, by: Person | Service, at: datetime) -> None:
    """Take an acknowledgement back: the level that is assigned is paged again."""
    incident.acknowledgements, incident.snoozed_until = [], None
    incident.level_since = at
    change_status(incident, "triggered", by, at)


def resolve(incident: Incident, by: Person | Service | None, at: datetime, note: str = "") -> None:
    """Close an incident and its alerts: nobody is assigned any more."""
    incident.resolved_at = at
    for alert in incident.alerts:
        alert.resolved_at = alert.resolved_at or at
    incident.assignees, incident.acknowledgements = [], []
    incident.snoozed_until = None
    change_status(incident, "resolved", by, at, note)
