"""What alert events do to an account: alerts, the incidents they open, and grouping."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.pagerduty import events, grouping, incidents
from sandbox.pagerduty.account import Account
from sandbox.pagerduty.resources import (
    Acknowledgement,
    Alert,
    Incident,
    Integration,
    Service,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedEvent:
    """An alert event that was accepted and is not processed yet."""

    due_at: datetime
    service: Service
    integration: Integration
    action: str
    dedup_key: str
    payload: dict[str, Any]


def process(account: Account, event: AcceptedEvent) -> None:
    """Process an accepted event at the instant it was due."""
    service, at = event.service, event.due_at
    found = _open_alert(account, service, event.dedup_key)
    if event.action == "trigger":
        if found:
            found[1].event_count += 1
        elif not service.is_disabled and not account.in_maintenance(service, at):
            _open(account, event)
    elif found and event.action == "resolve":
        resolve(*found, service, at)
    elif found and found[0].status == "triggered":
        found[0].acknowledgements = [Acknowledgement(by=service, at=at)]
        incidents.change_status(found[0], "acknowledged", service, at)


def resolve(incident: Incident, alert: Alert, by: Service, at: datetime) -> None:
    """Resolve an alert, and its incident with the last of its alerts."""
    alert.resolved_at = incident.updated_at = at
    if not any(one.is_open for one in incident.alerts):
        incidents.resolve(incident, by, at)


def _open_alert(account: Account, service: Service, key: str) -> tuple[Incident, Alert] | None:
    for incident in account.open_by_service().get(service.id, ()):
        for alert in incident.alerts:
            if alert.is_open and alert.key == key:
                return incident, alert
    return None


def _open(account: Account, event: AcceptedEvent) -> None:
    """Add an alert: to an open incident where the service groups, else to a new one."""
    service, at, payload = event.service, event.due_at, event.payload
    alert = account.new_alert(
        key=event.dedup_key,
        summary=payload["summary"],
        severity=payload["severity"],
        created_at=at,
        integration=event.integration,
        payload=payload,
    )
    opened = account.open_by_service().get(service.id, ())
    incident = grouping.incident_to_join(opened, alert)
    if incident is None:
        urgency = events.urgency_of(alert.severity, service.urgency)
        incident = account.new_incident(
            service=service, title=alert.summary, at=at, urgency=urgency
        )
    else:
        incidents.log(incident, "trigger", service, at)
    incident.alerts.append(alert)
