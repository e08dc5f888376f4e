"""What webhooks say about an incident: which events lead from one state to another, and its data.

Source: https://developer.pagerduty.com/docs/webhooks-overview
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC

from sandbox.pagerduty.references import APP, Json, head, reference
from sandbox.pagerduty.resources import Incident, Note, Person, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What of an incident is worth an event when it changes."""

    status: str
    step: tuple[int, int]
    policy: str
    assignees: tuple[str, ...]
    priority: str
    notes: int


def snapshot(incident: Incident) -> Snapshot:
    """An incident as it is now."""
    return Snapshot(
        status=incident.status,
        step=(incident.loop, incident.level),
        policy=incident.policy.id,
        assignees=tuple(person.id for person in incident.assignees),
        priority=incident.priority.id if incident.priority else "",
        notes=len(incident.notes),
    )


def event_types(before: Snapshot | None, after: Snapshot) -> Iterator[str]:
    """The types of the events about the incident that lead from one to the other."""
    if before is None:
        yield "incident.triggered"
        if after.status != "triggered":
            yield f"incident.{after.status}"
        return
    if after.status in {"acknowledged", "resolved"} and before.status != after.status:
        yield f"incident.{after.status}"
    elif before.status == "resolved" and after.status == "triggered":
        yield "incident.reopened"
    elif before.policy != after.policy:
        yield "incident.delegated"
    elif before.step != after.step:
        yield "incident.escalated"
    elif before.assignees != after.assignees:
        yield "incident.reassigned"
    elif before.status != after.status:
        yield "incident.unacknowledged"
    if before.priority != after.priority:
        yield "incident.priority_updated"


def new_notes(before: Snapshot | None, incident: Incident) -> list[Note]:
    """The notes that were added since."""
    return incident.notes[before.notes if before else 0 :]


def agent(incident: Incident) -> Json:
    """Who changed an incident last."""
    by: Person | Service = incident.changed_by or incident.service
    return reference(by)


def incident_data(incident: Incident) -> Json:
    """An incident in the form of webhooks, which is not that of REST."""
    created_at = incident.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    team, merged_into = incident.policy.team, incident.merged_into
    return {
        **head(incident),
        "html_url": f"{APP}/incidents/{incident.id}",
        "number": incident.number,
        "status": incident.status,
        "incident_key": incident.incident_key or None,
        "created_at": created_at,
        "title": incident.title,
        "service": reference(incident.service),
        "assignees": [reference(person) for person in incident.assignees],
        "escalation_policy": reference(incident.policy),
        "teams": [reference(team)] if team else [],
        "priority": reference(incident.priority) if incident.priority else None,
        "urgency": incident.urgency,
        "conference_bridge": None,
        "resolve_reason": {"type": "merge_resolve_reason", "incident": reference(merged_into)}
        if merged_into
        else None,
    }


def note_data(incident: Incident, note: Note) -> Json:
    """A note in the form of webhooks."""
    return {
        "id": note.id,
        "type": "incident_note",
        "incident": reference(incident),
        "user": reference(note.by),
        "content": note.content,
        "trimmed": False,
    }
