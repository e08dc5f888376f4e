"""The write routes of incidents: making, taking and closing them.

Source: https://developer.pagerduty.com/api-reference/ (Create an Incident, Update an Incident)
"""

from typing import Any

from sandbox.pagerduty.errors import InvalidInput, RestError
from sandbox.pagerduty.incident_json import incident_json
from sandbox.pagerduty.references import Json
from sandbox.pagerduty.resources import Incident
from sandbox.pagerduty.routing import Reply, find
from sandbox.pagerduty.state import State
from sandbox.pagerduty.write_request import Write

MAX_AT_ONCE = 250


def create(write: Write) -> Reply:
    """Make an incident without alerts; it keeps its ``incident_key``."""
    account, _ = write.state.account, write.person
    given = (write.body or {}).get("incident")
    incident = given if isinstance(given, dict) else {}
    title, key = incident.get("title"), incident.get("incident_key")
    if not isinstance(title, str) or not title.strip():
        raise InvalidInput("Title cannot be empty")
    reference = incident.get("service")
    wanted = reference.get("id") if isinstance(reference, dict) else None
    service = next((one for one in account.services if one.id == wanted), None)
    if service is None:
        raise InvalidInput("Service cannot be empty")
    if key and account.open_incident(service, str(key)):
        raise InvalidInput("Open incident with matching dedup key already exists on this service")
    made = account.new_incident(
        service=service,
        title=title,
        at=write.state.now(),
        urgency="low" if incident.get("urgency") == "low" else "high",
        incident_key=str(key or f"made{len(account.incidents):028d}"),
    )
    return Reply(201, {"incident": incident_json(write.serializer(), made)})


def update(write: Write, id_: str) -> Reply:
    """Change one incident."""
    _ = write.person
    [updated] = _update(write, [{**write.part("incident"), "id": id_}])
    return Reply(200, {"incident": updated})


def update_several(write: Write) -> Reply:
    """Change several incidents."""
    _ = write.person
    changes = write.parts("incidents")
    if len(changes) > MAX_AT_ONCE:
        raise RestError(413, 2001, "Request Entity Too Large")
    return Reply(200, {"incidents": _update(write, changes)})


def _update(write: Write, changes: list[dict[str, Any]]) -> list[Json]:
    state = write.state
    found = [_checked(state, change) for change in changes]
    for incident, status in found:
        if status == "acknowledged":
            state.acknowledge(incident, write.person)
        elif status == "resolved":
            state.resolve(incident, write.person)
    serializer = write.serializer()
    return [incident_json(serializer, incident) for incident, _ in found]


def _checked(state: State, change: dict[str, Any]) -> tuple[Incident, str]:
    """The incident and its new status."""
    incident: Incident = find(state.account.incidents, str(change.get("id")))
    status = str(change.get("status", ""))
    if status not in {"", "acknowledged", "resolved"}:
        raise InvalidInput("Status must be acknowledged or resolved")
    if status and not incident.is_open:
        raise RestError(400, 1001, "Incident Already Resolved")
    return incident, status
