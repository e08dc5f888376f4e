"""The read routes of log entries.

Source: https://developer.pagerduty.com/api-reference/ (Log Entries)
"""

from collections.abc import Iterable, Iterator

from sandbox.pagerduty.incident_json import incident_json
from sandbox.pagerduty.references import API, APP, Json, reference, stamp
from sandbox.pagerduty.resources import Incident, LogEntry, Service
from sandbox.pagerduty.routing import Request, find
from sandbox.pagerduty.serializer import Serializer

INCLUDES = {"incidents", "services", "channels", "teams"}


def of_account(request: Request) -> Json:
    """Answer a page of the account's log entries, the latest first."""
    teams = request.query.many("team_ids[]")
    return _page(
        request,
        (
            incident
            for incident in request.account.incidents
            if not teams or ((team := incident.policy.team) and team.id in teams)
        ),
    )


def of_incident(request: Request, id_: str) -> Json:
    """Answer a page of an incident's log entries, the latest first."""
    return _page(request, [find(request.account.incidents, id_)])


def _page(request: Request, incidents: Iterable[Incident]) -> Json:
    query, serializer = request.query, request.serializer(INCLUDES)
    since, until = query.instant("since"), query.instant("until")
    found = [
        one
        for one in _numbered(incidents)
        if (not since or one[2].at >= since) and (not until or one[2].at < until)
    ]
    found.sort(key=lambda one: (one[2].at, one[1]), reverse=True)
    return request.listing("log_entries", found, lambda one: _log_entry(serializer, *one))


def _numbered(incidents: Iterable[Incident]) -> Iterator[tuple[Incident, int, LogEntry]]:
    for incident in incidents:
        for number, entry in enumerate(incident.log_entries):
            yield incident, number, entry


def _log_entry(write: Serializer, incident: Incident, number: int, entry: LogEntry) -> Json:
    id_ = f"R{incident.number:011d}{number:02d}"
    team = incident.policy.team
    is_by_service = isinstance(entry.by, Service)
    found: Json = {
        "id": id_,
        "type": f"{entry.kind}_log_entry",
        "summary": f"{_WORDS.get(entry.kind, entry.kind.capitalize() + 'd')} by {entry.by.name}",
        "self": f"{API}/log_entries/{id_}?incident_id={incident.id}",
        "html_url": f"{APP}/incidents/{incident.id}/log_entries/{id_}",
        "created_at": stamp(entry.at),
        "agent": reference(entry.by),
        "channel": {"type": "note", "summary": entry.note}
        if entry.kind == "annotate"
        else {"type": "api" if is_by_service else "website"},
        "service": write.sub(incident.service, "services"),
        "incident": incident_json(write, incident)
        if "incidents" in write.include
        else reference(incident),
        "teams": [write.sub(team, "teams")] if team else [],
        "contexts": [],
    }
    if entry.note:
        found["note"] = entry.note
    if entry.assignees:
        found["assignees"] = [reference(person) for person in entry.assignees]
    return found


_WORDS = {
    "trigger": "Triggered",
    "assign": "Assigned",
    "urgency_change": "Urgency changed",
}
