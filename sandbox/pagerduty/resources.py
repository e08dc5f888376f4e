"""The resources of a PagerDuty account. No HTTP, no JSON, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


@dataclass(slots=True, kw_only=True)
class Team:
    """A team that owns policies and, through them, services."""

    id: str
    name: str


@dataclass(slots=True, kw_only=True)
class Person:
    """Somebody who can be on call."""

    id: str
    name: str
    email: str
    job_title: str
    time_zone: str
    teams: tuple[Team, ...] = ()


@dataclass(slots=True, kw_only=True)
class Override:
    """Somebody who is on call for a while in the place of whoever a schedule names."""

    id: str
    person: Person
    start_at: datetime
    end_at: datetime


@dataclass(slots=True, kw_only=True)
class Schedule:
    """People whose shifts follow each other; it may have nobody, as at PagerDuty.

    Attributes:
        overrides: In the order they were made; a later one goes before an earlier one.
        people: In the order of their shifts.
        offset: By how many shifts the order is moved, so that two schedules of the same people do
            not name the same person at the same time.
    """

    id: str
    name: str
    people: tuple[Person, ...]
    team: Team | None = None
    offset: int = 0
    overrides: list[Override] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Level:
    """One level of an escalation policy."""

    id: str
    delay_minutes: int
    targets: tuple[Schedule | Person, ...]


@dataclass(slots=True, kw_only=True)
class Policy:
    """An escalation policy; its levels are in order, the first is paged first.

    Attributes:
        loops: How often the levels are gone through again once the last one did not answer.
    """

    id: str
    name: str
    levels: tuple[Level, ...]
    team: Team | None = None
    description: str = ""
    loops: int = 0


EVENTS_V2 = "events_api_v2_inbound_integration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """The maker of a tool that PagerDuty has an integration for."""

    id: str
    name: str


@dataclass(slots=True, kw_only=True)
class Integration:
    """An integration of a service.

    Attributes:
        key: Its secret key; empty where it has none, as e-mail.
        email: The address that it reads; empty where it has none.
    """

    id: str
    name: str
    key: str = ""
    type: str = EVENTS_V2
    vendor: Vendor | None = None
    email: str = ""

    @property
    def takes_events(self) -> bool:
        """Whether Events API v2 takes its key."""
        return bool(self.key) and self.type == EVENTS_V2


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """How a service groups alerts into open incidents; ``grouping.py`` knows the rules.

    Attributes:
        kind: ``time``, ``intelligent`` or ``content_based``.
        config: As it was set.
    """

    kind: str
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Service:
    """A PagerDuty service.

    Attributes:
        urgency: ``high``, ``low``, or ``severity_based`` (critical and error are high).
        grouping: How alerts are grouped into open incidents; None means never.
        acknowledgement_timeout_s: Seconds after which an acknowledged incident is triggered again;
            None means never.
    """

    id: str
    name: str
    description: str
    policy: Policy
    created_at: datetime
    integrations: tuple[Integration, ...] = ()
    is_disabled: bool = False
    urgency: str = "severity_based"
    grouping: Grouping | None = None
    acknowledgement_timeout_s: int | None = None

    @property
    def events_integration(self) -> Integration | None:
        """The first integration whose key Events API v2 takes."""
        return next((one for one in self.integrations if one.takes_events), None)


@dataclass(slots=True, kw_only=True)
class Priority:
    """A priority of the account."""

    id: str
    name: str
    description: str


@dataclass(slots=True, kw_only=True)
class MaintenanceWindow:
    """A time in which a service makes no incidents."""

    id: str
    number: int
    description: str
    start_at: datetime
    end_at: datetime
    services: tuple[Service, ...]
    created_by: Person


@dataclass(slots=True, kw_only=True)
class Change:
    """A change event; it pages nobody."""

    id: str
    summary: str
    at: datetime
    source: str
    service: Service
    integration: Integration | None = None
    links: list[dict[str, str]] = field(default_factory=list)
    images: list[dict[str, str]] = field(default_factory=list)
    custom_details: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Acknowledgement:
    """Who acknowledged an incident, and when; a service where it was done by an event."""

    by: Person | Service
    at: datetime


@dataclass(slots=True, kw_only=True)
class Alert:
    """An alert: what the trigger events of one deduplication key made, until it is resolved.

    Attributes:
        key: The deduplication key.
        payload: Of the event that made it.
        event_count: How many trigger events it has received.
    """

    id: str
    key: str
    summary: str
    severity: str
    created_at: datetime
    integration: Integration | None = None
    payload: dict[str, object] = field(default_factory=dict)
    resolved_at: datetime | None = None
    event_count: int = 1

    @property
    def is_open(self) -> bool:
        """Whether it is not resolved."""
        return self.resolved_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A log entry of an incident.

    Attributes:
        kind: The start of its type.
        note: What was written with it.
        assignees: To whom the incident went, where it went to anybody.
    """

    kind: str
    at: datetime
    by: Person | Service
    note: str = ""
    assignees: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note on an incident."""

    id: str
    content: str
    by: Person
    at: datetime


@dataclass(slots=True, kw_only=True)
class Incident:
    """An incident, open or resolved.

    Attributes:
        alerts: In the order they arrived; empty when it was made through REST.
        incident_key: Of one that was made through REST; one with alerts has none.
        level: Number of the escalation level that is assigned now, 1 is first; 0 when nobody is.
        level_since: When that level was assigned.
        loop: How often the policy has been gone through already.
        policy: Whom it pages; at first that of its service.
        is_direct: Whether it was assigned to people by name, so that it never escalates.
        snoozed_until: When a snooze ends; None when it is not snoozed.
        changed_by: Who made the last change of status; None is the service itself.
        merged_into: The incident that took its alerts.
        log_entries: In order; the first says how it was triggered.
    """

    id: str
    number: int
    title: str
    service: Service
    policy: Policy
    created_at: datetime
    urgency: str
    alerts: list[Alert] = field(default_factory=list)
    incident_key: str = ""
    status: str = "triggered"
    priority: Priority | None = None
    assignees: list[Person] = field(default_factory=list)
    level: int = 1
    level_since: datetime | None = None
    loop: int = 0
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    status_changed_at: datetime | None = None
    changed_by: Person | Service | None = None
    resolved_at: datetime | None = None
    updated_at: datetime | None = None
    is_direct: bool = False
    snoozed_until: datetime | None = None
    merged_into: "Incident | None" = None
    notes: list[Note] = field(default_factory=list)
    log_entries: list[LogEntry] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether it is not resolved."""
        return self.status != "resolved"

    @property
    def keys(self) -> list[str]:
        """The deduplication keys by which it is found."""
        return [self.incident_key] if self.incident_key else [alert.key for alert in self.alerts]

    def escalates_at(self) -> datetime | None:
        """When the next level is paged, unless somebody acknowledges; None when never.

        Incidents of low urgency stay where they are, and so do those that went through the whole
        policy as often as it says.
        """
        policy = self.policy
        if self.status != "triggered" or self.urgency != "high" or not self.level_since:
            return None
        if self.is_direct:
            return None
        if self.level >= len(policy.levels) and self.loop >= policy.loops:
            return None
        delay = policy.levels[self.level - 1].delay_minutes if self.level else 1
        return self.level_since + timedelta(minutes=delay)

    def reopens_at(self) -> datetime | None:
        """When an acknowledged incident is triggered again; None when never."""
        if self.status == "acknowledged" and self.snoozed_until:
            return self.snoozed_until
        timeout_s = self.service.acknowledgement_timeout_s
        if self.status != "acknowledged" or timeout_s is None or not self.acknowledgements:
            return None
        return self.acknowledgements[-1].at + timedelta(seconds=timeout_s)
