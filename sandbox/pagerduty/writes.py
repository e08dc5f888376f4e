"""The write routes of REST v2 that the sandbox knows: making, taking and closing incidents.

Source: https://developer.pagerduty.com/api-reference/ (Create an Incident, Update an Incident)
"""

import re
from typing import Any

from sandbox.pagerduty.answers import Writer
from sandbox.pagerduty.rest import Reply, error
from sandbox.pagerduty.state import State
from sandbox.pagerduty.things import Incident, Person

MOST_AT_ONCE = 250
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
    """
    person = next((p for p in state.world.people if p.email == sender.strip()), None)
    if person is None:
        return error(400, 1008, "Requester User Not Found")
    if body is None:
        return _invalid("The body must be a JSON object")
    if method == "POST":
        return _create(state, body.get("incident"))
    if match := _ONE.fullmatch(path):
        change = body.get("incident")
        if not isinstance(change, dict):
            return _invalid("The body must hold an incident")
        reply = _update(state, person, [{**change, "id": match.group(1)}])
        if reply.status != 200:
            return reply
        return Reply(200, {"incident": reply.body["incidents"][0]})
    changes = body.get("incidents")
    if not isinstance(changes, list) or not all(isinstance(change, dict) for change in changes):
        return _invalid("The body must hold a list of incidents")
    if len(changes) > MOST_AT_ONCE:
        return error(413, 2001, "Request Entity Too Large")
    return _update(state, person, changes)


def _create(state: State, given: object) -> Reply:
    incident = given if isinstance(given, dict) else {}
    title, key = incident.get("title"), incident.get("incident_key")
    if not isinstance(title, str) or not title.strip():
        return _invalid("Title cannot be empty")
    reference = incident.get("service")
    wanted = reference.get("id") if isinstance(reference, dict) else None
    service = next((s for s in state.world.services if s.id == wanted), None)
    if service is None:
        return _invalid("Service cannot be empty")
    if key and state.open_incident(service, str(key)):
        return _invalid("Open incident with matching dedup key already exists on this service")
    number = len(state.world.incidents)
    made = state.world.new_incident(
        service=service,
        title=title,
        at=state.now(),
        urgency="low" if incident.get("urgency") == "low" else "high",
        dedup_key=str(key or f"made{number:028d}"),
    )
    return Reply(201, {"incident": _writer(state).incident(made)})


def _update(state: State, person: Person, changes: list[dict[str, Any]]) -> Reply:
    found: list[tuple[Incident, str]] = []
    for change in changes:
        incident = next((i for i in state.world.incidents if i.id == change.get("id")), None)
        if incident is None:
            return error(404, 2100, "Not Found")
        status = str(change.get("status", ""))
        if status not in {"", "acknowledged", "resolved"}:
            return _invalid("Status must be acknowledged or resolved")
        if status and not incident.is_open:
            return error(400, 1001, "Incident Already Resolved")
        found.append((incident, status))
    for incident, status in found:
        if status == "acknowledged":
            state.acknowledge(incident, person)
        elif status == "resolved":
            state.resolve(incident, person)
    writer = _writer(state)
    return Reply(200, {"incidents": [writer.incident(incident) for incident, _ in found]})


def _writer(state: State) -> Writer:
    return Writer(state.world, state.advance())


def _invalid(*errors: str) -> Reply:
    return error(400, 2001, "Invalid Input Provided", *errors)
