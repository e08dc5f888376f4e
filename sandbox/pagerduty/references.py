"""The short form of PagerDuty's things, which every other object carries inside.

Source: https://developer.pagerduty.com/docs/resource-references
"""

from datetime import UTC, datetime
from typing import Any, TypeAlias

from sandbox.pagerduty.things import (
    Incident,
    MaintenanceWindow,
    Person,
    Policy,
    Priority,
    Schedule,
    Service,
    Team,
)

_TYPES: dict[type, str] = {
    Service: "service",
    Team: "team",
    Person: "user",
    Policy: "escalation_policy",
    Schedule: "schedule",
    Incident: "incident",
    MaintenanceWindow: "maintenance_window",
    Priority: "priority",
}
# Hosts that resolve nowhere (RFC 2606): a link of the sandbox can be seen, never followed.
API = "https://api.pagerduty.example"
APP = "https://meridian.pagerduty.example"
_PLACES = {
    "service": ("services", "service-directory"),
    "team": ("teams", "teams"),
    "user": ("users", "users"),
    "escalation_policy": ("escalation_policies", "escalation_policies"),
    "schedule": ("schedules", "schedules"),
    "incident": ("incidents", "incidents"),
    "maintenance_window": ("maintenance_windows", "service-directory/maintenance-windows"),
    "priority": ("priorities", ""),
}

Thing: TypeAlias = (
    Service | Team | Person | Policy | Schedule | Incident | MaintenanceWindow | Priority
)
Json: TypeAlias = dict[str, Any]


def stamp(at: datetime | None) -> str | None:
    """An instant as PagerDuty writes it: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def head(thing: Thing) -> Json:
    """The five fields that every object of PagerDuty's starts with."""
    kind = _TYPES[type(thing)]
    collection, page = _PLACES[kind]
    if isinstance(thing, Incident):
        summary = f"[#{thing.number}] {thing.title}"
    elif isinstance(thing, MaintenanceWindow):
        summary = thing.description
    else:
        summary = thing.name
    return {
        "id": thing.id,
        "type": kind,
        "summary": summary,
        "self": f"{API}/{collection}/{thing.id}",
        "html_url": f"{APP}/{page}/{thing.id}" if page else None,
    }


def reference(thing: Thing) -> Json:
    """The short form of a thing inside another one."""
    found = head(thing)
    return {**found, "type": f"{found['type']}_reference"}
