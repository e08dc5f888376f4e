"""The write routes of REST v2 that the sandbox knows: making, taking and closing incidents.

Source: https://developer.pagerduty.com/api-reference/ (Create an Incident, Update an Incident)
"""

import re
from typing import Any

from sandbox.pagerduty.errors import InvalidInput, RestError
from sandbox.pagerduty.references import Json
from sandbox.pagerduty.resources import Incident, Person
from sandbox.pagerduty.routing import Reply, find
from sandbox.pagerduty.serializer import Serializer
from sandbox.pagerduty.state import State

MAX_AT_ONCE = 250
_ONE = re.compile("/incidents/([A-Za-z0-9]+)")


def is_write(method: str, path: str) -> bool:
    """Whether the sandbox has such a write route."""
    return (method in {"POST", "PUT"} and path == "/incidents") or (
        method == "PUT" and bool(_ONE.fullmatch(path))
    )


def answer(state: State, method: str, path: str, sender: str, body: dict[str, Any] | None) -> Reply:
    """Answer a write.

    Args:
        state: The sandbox.
        method: ``POST`` or ``PUT``.
        path: One for which ``is_write`` is true.
        sender: The ``From`` header: the e-mail of the user who acts.
        body: The JSON object that was sent; None when there was none.

    Raises:
        RestError: It is refused; nothing has changed then.
    """
    person = next((p for p in state.account.people if p.email == sender.strip()), None)
    if person is None:
        raise RestError(400, 1008, "Requester User Not Found")
    if body is None:
        raise InvalidInput("The body must be a JSON object")
    if method == "POST":
        return Reply(201, {"incident": _create(state, body.get("incident"))})
    if match := _ONE.fullmatch(path):
        change = body.get("incident")
        if not isinstance(change, dict):
            raise InvalidInput("The body must hold an incident")
        [updated] = _update(state, person, [{**change, "id": match.group(1)}])
        return Reply(200, {"incident": updated})
    changes = body.get("incidents")
    if not isinstance(changes, list) or not all(isinstance(change, dict) for change in changes):
        raise InvalidInput("The body must hold a list of incidents")
    if len(changes) > MAX_AT_ONCE:
        raise RestError(413, 2001, "Request Entity Too Large")
    return Reply(200, {"incidents": _update(state, person, changes)})


def _create(state: State, given: object) -> Json:
    incident = given if isinstance(given, dict) else {}
    title, key = incident.get("title"), incident.get("incident_key")
    if not isinstance(title, str) or not title.strip():
        raise InvalidInput("Title cannot be empty")
    reference = incident.get("service")
    wanted = reference.get("id") if isinstance(reference, dict) else None
    service = next((s for s in state.account.services if s.id == wanted), None)
    if service is None:
        raise InvalidInput("Service cannot be empty")
    if key and state.open_incident(service, str(key)):
        raise InvalidInput("Open incident with matching dedup key already exists on this service")
    number = len(state.account.incidents)
    made = state.account.new_incident(
        service=service,
        title=title,
        at=state.now(),
        urgency="low" if incident.get("urgency") == "low" else "high",
        dedup_key=str(key or f"made{number:028d}"),
    )
    return _serializer(state).incident(made)


def _update(state: State, person: Person, changes: list[dict[str, Any]]) -> list[Json]:
    found: list[tuple[Incident, str]] = []
    for change in changes:
        incident = find(state.account.incidents, str(change.get("id")))
        status = str(change.get("status", ""))
        if status not in {"", "acknowledged", "resolved"}:
            raise InvalidInput("Status must be acknowledged or resolved")
        if status and not incident.is_open:
            raise RestError(400, 1001, "Incident Already Resolved")
        found.append((incident, status))
    for incident, status in found:
        if status == "acknowledged":
            state.acknowledge(incident, person)
        elif status == "resolved":
            state.resolve(incident, person)
    serializer = _serializer(state)
    return [serializer.incident(incident) for incident, _ in found]


def _serializer(state: State) -> Serializer:
    return Serializer(state.account, state.advance())
