"""Incidents, their alerts and notes as PagerDuty's JSON.

Source: https://developer.pagerduty.com/api-reference/ (Incidents)
"""

from sandbox.pagerduty import grouping
from sandbox.pagerduty.references import API, APP, Json, head, reference, stamp
from sandbox.pagerduty.resources import Alert, Incident, Note, Person
from sandbox.pagerduty.serializer import Serializer


def incident_json(write: Serializer, incident: Incident) -> Json:
    """An incident with what happens to it next."""
    service, team = incident.service, incident.policy.team
    changed_by = incident.changed_by or service
    return {
        **head(incident),
        "incident_number": incident.number,
        "title": incident.title,
        "created_at": stamp(incident.created_at),
        "updated_at": stamp(incident.updated_at),
        "status": incident.status,
        "incident_key": incident.incident_key or None,
        "service": write.sub(service, "services"),
        "assignments": [
            {
                "at": stamp(incident.level_since),
                "assignee": write.sub(person, "assignees", "users"),
            }
            for person in incident.assignees
        ],
        "assigned_via": "direct_assignment" if incident.is_direct else "escalation_policy",
        "last_status_change_at": stamp(incident.status_changed_at),
        "last_status_change_by": write.sub(changed_by, "agents", "users")
        if isinstance(changed_by, Person)
        else write.sub(changed_by, "agents"),
        "resolved_at": stamp(incident.resolved_at),
        "first_trigger_log_entry": _first_log_entry(write, incident),
        "alert_counts": _alert_counts(incident),
        "is_mergeable": incident.is_open and bool(incident.alerts),
        "incident_type": {"name": "incident_default"},
        "escalation_policy": write.sub(incident.policy, "escalation_policies"),
        "teams": [write.sub(team, "teams")] if team else [],
        "pending_actions": _pending_actions(incident),
        "acknowledgements": [
            {
                "at": stamp(acknowledgement.at),
                "acknowledger": write.sub(acknowledgement.by, "acknowledgers", "users"),
            }
            for acknowledgement in incident.acknowledgements
        ],
        "alert_grouping": grouping.state_of(incident, write.now),
        "priority": _priority(write, incident),
        "resolve_reason": {
            "type": "merge_resolve_reason",
            "incident": reference(incident.merged_into),
        }
        if incident.merged_into
        else None,
        "conference_bridge": None,
        "incidents_responders": [],
        "responder_requests": [],
        "urgency": incident.urgency,
    }


def note_json(note: Note) -> Json:
    """A note on an incident."""
    return {
        "id": note.id,
        "user": reference(note.by),
        "channel": {"summary": "The PagerDuty website or APIs"},
        "content": note.content,
        "created_at": stamp(note.at),
        "updated_at": stamp(note.at),
    }


def _priority(write: Serializer, incident: Incident) -> Json | None:
    return write.sub(incident.priority, "priorities") if incident.priority else None


def alert_json(write: Serializer, found: Alert, incident: Incident) -> Json:
    """An alert of an incident."""
    service = incident.service
    return {
        "id": found.id,
        "type": "alert",
        "summary": found.summary,
        "self": f"{API}/alerts/{found.id}",
        "html_url": f"{APP}/alerts/{found.id}",
        "created_at": stamp(found.created_at),
        "resolved_at": stamp(found.resolved_at),
        "status": "triggered" if found.is_open else "resolved",
        "alert_key": found.key,
        "service": write.sub(service, "services"),
        "first_trigger_log_entry": _first_log_entry(write, incident),
        "incident": incident_json(write, incident)
        if "incidents" in write.include
        else reference(incident),
        "suppressed": False,
        "severity": found.severity,
        "integration": write.integration(found.integration, service, full=False)
        if found.integration
        else None,
        "body": {
            "type": "alert_body",
            "contexts": [],
            "details": found.payload.get("custom_details") or {},
            "cef_details": found.payload,
        },
    }


def _first_log_entry(write: Serializer, incident: Incident) -> Json:
    id_ = f"R{incident.number:011d}00"
    found: Json = {
        "id": id_,
        "type": "trigger_log_entry_reference",
        "summary": "Triggered through the API.",
        "self": f"{API}/log_entries/{id_}?incident_id={incident.id}",
        "html_url": f"{APP}/incidents/{incident.id}/log_entries/{id_}",
    }
    if "first_trigger_log_entries" in write.include:
        found |= {
            "type": "trigger_log_entry",
            "created_at": stamp(incident.created_at),
            "service": reference(incident.service),
            "incident": reference(incident),
            "agent": reference(incident.service),
            "teams": [],
            "contexts": [],
            "channel": {
                "type": "api",
                "summary": incident.title,
                "details": incident.alerts[0].payload if incident.alerts else {},
            },
        }
    return found


def _alert_counts(incident: Incident) -> Json:
    count, opened = len(incident.alerts), sum(alert.is_open for alert in incident.alerts)
    return {"all": count, "triggered": opened, "resolved": count - opened}


def _pending_actions(incident: Incident) -> list[Json]:
    steps = (("escalate", incident.escalates_at()), ("unacknowledge", incident.reopens_at()))
    return [{"type": kind, "at": stamp(at)} for kind, at in steps if at]
