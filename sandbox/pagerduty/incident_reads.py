"""The read routes of incidents, their alerts and their notes.

Source: https://developer.pagerduty.com/api-reference/ (Incidents)
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sandbox.pagerduty.errors import InvalidInput
from sandbox.pagerduty.incident_json import alert_json, incident_json, note_json
from sandbox.pagerduty.references import Json
from sandbox.pagerduty.resources import Incident
from sandbox.pagerduty.routing import Request, find

MONTH = timedelta(days=30)
SIX_MONTHS = timedelta(days=184)

INCIDENT_INCLUDES = {
    "acknowledgers",
    "agents",
    "assignees",
    "conference_bridge",
    "custom_fields",
    "escalation_policies",
    "first_trigger_log_entries",
    "priorities",
    "services",
    "teams",
    "users",
}
ALERT_INCLUDES = {"services", "first_trigger_log_entries", "incidents"}
STATUSES = {"triggered", "acknowledged", "resolved"}


def incidents(request: Request) -> Json:
    """Answer a page of the incidents."""
    query = request.query
    serializer = request.serializer(INCIDENT_INCLUDES - {"custom_fields"})
    since, until = _period(request)
    statuses = query.many("statuses[]", STATUSES)
    urgencies = query.many("urgencies[]", {"high", "low"})
    services, teams = query.many("service_ids[]"), query.many("team_ids[]")
    people, key = query.many("user_ids[]"), query.one("incident_key")

    def is_wanted(incident: Incident) -> bool:
        team = incident.service.policy.team
        return (
            (not statuses or incident.status in statuses)
            and (not urgencies or incident.urgency in urgencies)
            and (not services or incident.service.id in services)
            and (not teams or (team is not None and team.id in teams))
            and (not people or any(person.id in people for person in incident.assignees))
            and (not key or key in incident.keys)
            and (since is None or incident.created_at >= since)
            and (until is None or incident.created_at <= until)
        )

    found = [incident for incident in request.account.incidents if is_wanted(incident)]
    _sort(
        found,
        request,
        incident_number=lambda incident: incident.number,
        created_at=lambda incident: incident.created_at,
        resolved_at=lambda incident: incident.resolved_at or request.now,
        urgency=lambda incident: incident.urgency,
    )
    return request.listing("incidents", found, lambda one: incident_json(serializer, one))


def _period(request: Request) -> tuple[datetime | None, datetime | None]:
    """The time an incident must have been created in; the last month by default."""
    query = request.query
    if query.many("date_range", {"all"}):
        return None, None
    until = query.instant("until")
    since = query.instant("since") or (until or request.now) - MONTH
    if (until or request.now) - since > SIX_MONTHS:
        raise InvalidInput("The time range may not be longer than 6 months")
    return since, until


def incident(request: Request, id_: str) -> Json:
    """Answer one incident."""
    serializer = request.serializer(INCIDENT_INCLUDES)
    return {"incident": incident_json(serializer, find(request.account.incidents, id_))}


def alerts(request: Request, id_: str) -> Json:
    """Answer a page of an incident's alerts, the oldest first."""
    query, serializer = request.query, request.serializer(ALERT_INCLUDES)
    incident = find(request.account.incidents, id_)
    statuses = query.many("statuses[]", {"triggered", "resolved"})
    key = query.one("alert_key")
    found = [
        alert
        for alert in incident.alerts
        if (not key or alert.key == key)
        and (not statuses or ("triggered" if alert.is_open else "resolved") in statuses)
    ]
    _sort(
        found,
        request,
        created_at=lambda alert: alert.created_at,
        resolved_at=lambda alert: alert.resolved_at or request.now,
    )
    return request.listing("alerts", found, lambda one: alert_json(serializer, one, incident))


def alert(request: Request, id_: str, alert_id: str) -> Json:
    """Answer one alert of an incident."""
    incident = find(request.account.incidents, id_)
    return {"alert": alert_json(request.serializer(), find(incident.alerts, alert_id), incident)}


def notes(request: Request, id_: str) -> Json:
    """Answer the notes of an incident, the latest first."""
    found = find(request.account.incidents, id_).notes
    return {"notes": [note_json(note) for note in reversed(found)]}


def _sort(found: list[Any], request: Request, **keys: Callable[[Any], Any]) -> None:
    """Sort as ``sort_by`` says; by the first of ``keys`` when it says nothing."""
    for field, is_descending in reversed(request.query.sort_order(keys, next(iter(keys)))):
        found.sort(key=keys[field], reverse=is_descending)
