"""Resource references: the short form of a resource inside another one.

Source: https://developer.pagerduty.com/docs/resource-references
"""

from datetime import UTC, datetime
from typing import Any, TypeAlias

from sandbox.pagerduty.resources import (
    Incident,
    MaintenanceWindow,
    Person,
    Policy,
    Priority,
    Schedule,
    Service,
    Team,
    Vendor,
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
    Vendor: "vendor",
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
    "vendor": ("vendors", ""),
}

Resource: TypeAlias = (
    Service | Team | Person | Policy | Schedule | Incident | MaintenanceWindow | Priority | Vendor
)
Json: TypeAlias = dict[str, Any]


def stamp(at: datetime | None) -> str | None:
    """An instant as PagerDuty writes it: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def head(resource: Resource) -> Json:
    """The five fields that every object of PagerDuty's starts with."""
    kind = _TYPES[type(resource)]
    collection, page = _PLACES[kind]
    if isinstance(resource, Incident):
        summary = f"[#{resource.number}] {resource.title}"
    elif isinstance(resource, MaintenanceWindow):
        summary = resource.description
    else:
        summary = resource.name
    return {
        "id": resource.id,
        "type": kind,
        "summary": summary,
        "self": f"{API}/{collection}/{resource.id}",
        "html_url": f"{APP}/{page}/{resource.id}" if page else None,
    }


def reference(resource: Resource) -> Json:
    """The reference to a resource."""
    found = head(resource)
    return {**found, "type": f"{found['type']}_reference"}
