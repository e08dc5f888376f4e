"""A PagerDuty account in memory, and what happens to its incidents."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.pagerduty.incidents import assign_level, change_status, escalate, resolve
from sandbox.pagerduty.resources import (
    Acknowledgement,
    Alert,
    Change,
    Incident,
    Integration,
    LogEntry,
    MaintenanceWindow,
    Person,
    Policy,
    Priority,
    Schedule,
    Service,
    Team,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSeed:
    """An incident the sandbox starts with; times are minutes before the start."""

    service_id: str
    title: str
    opened_min: int
    priority: str = ""
    urgency: str = "high"
    acked_min: int | None = None
    resolved_min: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSeed:
    """A change event the sandbox starts with."""

    service_id: str
    summary: str
    minutes: int
    source: str
    links: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True, kw_only=True)
class Account:
    """A PagerDuty account.

    Attributes:
        incidents: Oldest first, numbered in that order.
        changes: In the order they arrived.
    """

    teams: tuple[Team, ...]
    people: tuple[Person, ...]
    schedules: tuple[Schedule, ...]
    policies: tuple[Policy, ...]
    services: tuple[Service, ...]
    priorities: tuple[Priority, ...]
    abilities: tuple[str, ...]
    windows: list[MaintenanceWindow] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    alert_count: int = 0
    override_count: int = 0

    def add_history(
        self, incidents: Iterable[IncidentSeed], changes: Iterable[ChangeSeed], now: datetime
    ) -> None:
        """Add what happened before ``now`` (UTC), oldest first; ``escalate`` does the rest."""
        services = {service.id: service for service in self.services}
        for incident in sorted(incidents, key=lambda seed: -seed.opened_min):
            self._add_past_incident(services[incident.service_id], incident, now)
        for change in sorted(changes, key=lambda seed: -seed.minutes):
            self._add_past_change(services[change.service_id], change, now)

    def _add_past_incident(self, service: Service, seed: IncidentSeed, now: datetime) -> None:
        created_at = now - timedelta(minutes=seed.opened_min)
        incident = self.new_incident(
            service=service, title=seed.title, at=created_at, urgency=seed.urgency
        )
        incident.alerts = [
            self.new_alert(
                key=f"{service.id.lower()}-{len(self.incidents)}",
                summary=seed.title,
                severity="error" if seed.urgency == "high" else "warning",
                created_at=created_at,
                integration=service.events_integration,
            )
        ]
        incident.priority = next((p for p in self.priorities if p.name == seed.priority), None)
        if seed.acked_min is not None:
            acked_at = now - timedelta(minutes=seed.acked_min)
            escalate(incident, acked_at)
            by = incident.assignees[0] if incident.assignees else service
            incident.acknowledgements = [Acknowledgement(by=by, at=acked_at)]
            change_status(incident, "acknowledged", by, acked_at)
        if seed.resolved_min is not None:
            resolved_at = now - timedelta(minutes=seed.resolved_min)
            by = incident.assignees[0] if incident.assignees else service
            resolve(incident, by, resolved_at)

    def _add_past_change(self, service: Service, seed: ChangeSeed, now: datetime) -> None:
        self.changes.append(
            Change(
                id=f"01SANDBOX{len(self.changes) + 1:017d}",
                summary=seed.summary,
                at=now - timedelta(minutes=seed.minutes),
                source=seed.source,
                service=service,
                integration=service.events_integration,
                links=[{"href": href, "text": text} for href, text in seed.links],
            )
        )

    def new_alert(
        self,
        *,
        key: str,
        summary: str,
        severity: str,
        created_at: datetime,
        integration: Integration | None,
        payload: dict[str, object] | None = None,
    ) -> Alert:
        """An alert that belongs to no incident yet."""
        self.alert_count += 1
        return Alert(
            id=f"QA{self.alert_count:012d}",
            key=key,
            summary=summary,
            severity=severity,
            created_at=created_at,
            integration=integration,
            payload=payload or {},
        )

    def new_incident(
        self, *, service: Service, title: str, at: datetime, urgency: str, incident_key: str = ""
    ) -> Incident:
        """Open an incident and assign it to the first level of the policy that has somebody."""
        number = 4600 + len(self.incidents)
        incident = Incident(
            id=f"Q{number:013d}",
            number=number,
            title=title,
            service=service,
            policy=service.policy,
            created_at=at,
            urgency=urgency,
            incident_key=incident_key,
            status_changed_at=at,
            updated_at=at,
            log_entries=[LogEntry(kind="trigger", at=at, by=service)],
        )
        assign_level(incident, 1, at)
        self.incidents.append(incident)
        return incident

    def open_by_service(self) -> dict[str, list[Incident]]:
        """The open incidents by service id."""
        found: dict[str, list[Incident]] = {}
        for incident in self.incidents:
            if incident.is_open:
                found.setdefault(incident.service.id, []).append(incident)
        return found

    def person_by_email(self, email: str) -> Person | None:
        """The user with that e-mail address."""
        return next((person for person in self.people if person.email == email), None)

    def open_incident(self, service: Service, key: str) -> Incident | None:
        """The open incident of a service with that deduplication key."""
        for incident in self.incidents:
            if incident.is_open and incident.service is service and key in incident.keys:
                return incident
        return None

    def in_maintenance(self, service: Service, at: datetime) -> bool:
        """Whether a maintenance window covers the service at that instant."""
        return any(
            service in window.services and window.start_at <= at < window.end_at
            for window in self.windows
        )
