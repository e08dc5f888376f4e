"""The write routes of incidents: making, changing, snoozing, annotating and merging them.

Source: https://developer.pagerduty.com/api-reference/ (Incidents)
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sandbox.pagerduty import incident_updates, incidents
from sandbox.pagerduty.errors import InvalidInput, RestError
from sandbox.pagerduty.incident_json import incident_json, note_json
from sandbox.pagerduty.references import Json, reference
from sandbox.pagerduty.resources import Incident, Note
from sandbox.pagerduty.routing import Reply, find
from sandbox.pagerduty.write_request import Write

MAX_AT_ONCE = 250
MAX_ALERTS = 1_000
MAX_NOTES = 2_000
MAX_SNOOZE_S = 604_800


def create(write: Write) -> Reply:
    """Make an incident without alerts; it keeps its ``incident_key``."""
    account, person = write.state.account, write.person
    given = (write.body or {}).get("incident")
    incident = given if isinstance(given, dict) else {}
    title, key = incident.get("title"), incident.get("incident_key")
    if not isinstance(title, str) or not title.strip():
        raise InvalidInput("Title cannot be empty")
    wanted = incident.get("service")
    id_ = wanted.get("id") if isinstance(wanted, dict) else None
    service = next((one for one in account.services if one.id == id_), None)
    if service is None:
        raise InvalidInput("Service cannot be empty")
    if key and account.open_incident(service, str(key)):
        raise InvalidInput("Open incident with matching dedup key already exists on this service")
    fields = replace(incident_updates.parse(account, incident), status="")
    now = write.state.now()
    made = account.new_incident(
        service=service,
        title=title,
        at=now,
        urgency=fields.urgency or "high",
        incident_key=str(key or f"made{len(account.incidents):028d}"),
    )
    incident_updates.apply(made, fields, person, now)
    if person in fields.assignees:
        incident_updates.acknowledge(made, person, now)
    return Reply(201, {"incident": incident_json(write.serializer(), made)})


def update(write: Write, id_: str) -> Reply:
    """Change one incident."""
    [updated] = _update(write, [{**write.part("incident"), "id": id_}])
    return Reply(200, {"incident": updated})


def update_several(write: Write) -> Reply:
    """Change several incidents."""
    changes = write.parts("incidents")
    if len(changes) > MAX_AT_ONCE:
        raise RestError(413, 2001, "Request Entity Too Large")
    return Reply(200, {"incidents": _update(write, changes)})


def _update(write: Write, given: list[dict[str, Any]]) -> list[Json]:
    account, person, now = write.state.account, write.person, write.state.now()
    found: list[Incident] = [find(account.incidents, str(one.get("id"))) for one in given]
    updates = [incident_updates.parse(account, one) for one in given]
    for incident, one in zip(found, updates, strict=True):
        incident_updates.check(incident, one, now)
    for incident, one in zip(found, updates, strict=True):
        incident_updates.apply(incident, one, person, now)
    serializer = write.serializer()
    return [incident_json(serializer, incident) for incident in found]


def snooze(write: Write, id_: str) -> Reply:
    """Acknowledge an incident until a time, and then trigger it again."""
    incident, person, now = _open_one(write, id_), write.person, write.state.now()
    seconds = (write.body or {}).get("duration")
    if not isinstance(seconds, int) or not 1 <= seconds <= MAX_SNOOZE_S:
        raise InvalidInput(f"Duration must be 1 to {MAX_SNOOZE_S}")
    if incident.status == "triggered":
        incident_updates.acknowledge(incident, person, now)
    incident.snoozed_until = now + timedelta(seconds=seconds)
    incidents.log(incident, "snooze", person, now)
    return Reply(201, {"incident": incident_json(write.serializer(), incident)})


def annotate(write: Write, id_: str) -> Reply:
    """Add a note to an incident, open or not."""
    incident: Incident = find(write.state.account.incidents, id_)
    person, now = write.person, write.state.now()
    content = write.part("note").get("content")
    if not isinstance(content, str) or not content.strip():
        raise InvalidInput("Content cannot be empty")
    if len(incident.notes) >= MAX_NOTES:
        raise InvalidInput(f"An incident has at most {MAX_NOTES} notes")
    number = len(incident.notes) + 1
    note = Note(id=f"N{incident.number:09d}{number:04d}", content=content, by=person, at=now)
    incident.notes.append(note)
    incidents.log(incident, "annotate", person, now, content)
    return Reply(200, {"note": note_json(note)})


def merge(write: Write, id_: str) -> Reply:
    """Move the alerts of other incidents into one that is open, and resolve the others."""
    target, person, now = _open_one(write, id_), write.person, write.state.now()
    ids = [str(one.get("id")) for one in write.parts("source_incidents")]
    sources: list[Incident] = [find(write.state.account.incidents, one) for one in ids]
    if not sources or target in sources or not all(source.alerts for source in sources):
        raise InvalidInput("Only other incidents that have alerts can be merged")
    alerts = [alert for source in sources for alert in source.alerts]
    if len(target.alerts) + len(alerts) > MAX_ALERTS:
        raise InvalidInput(f"An incident has at most {MAX_ALERTS} alerts")
    target.alerts += alerts
    for source in sources:
        source.alerts, source.merged_into = [], target
        if source.is_open:
            incidents.resolve(source, person, now)
    target.updated_at = now
    return Reply(200, {"incident": reference(target)})


def _open_one(write: Write, id_: str) -> Incident:
    found: Incident = find(write.state.account.incidents, id_)
    if not found.is_open:
        raise RestError(400, 1001, "Incident Already Resolved")
    return found
