"""PagerDuty's things as values, parsed once at the edge. No Django, no HTTP.

Every ``from_api`` takes one object of PagerDuty's JSON and raises ``Unreadable`` when a field that
the portal cannot do without is missing or of another type; any other field may be null, missing or
odd and then is empty. Times are aware UTC. Of PagerDuty's addresses only http and https are kept.

Source: https://developer.pagerduty.com/api-reference/ (REST API v2)
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pagerduty_card.fields import (
    Tolerant,
    as_list,
    as_object,
    asked_id_of,
    count,
    id_of,
    instant,
    name_if_any,
    name_of,
    objects_of,
    required_instant,
    required_number,
    required_text,
    text,
    url_of,
    web_url,
)
from pagerduty_card.integrations import ApiIntegration


class ServiceStatus(Tolerant):
    """State of a service."""

    ACTIVE = "active"
    WARNING = "warning"
    CRITICAL = "critical"
    MAINTENANCE = "maintenance"
    DISABLED = "disabled"
    UNKNOWN = "unknown"


class IncidentStatus(Tolerant):
    """State of an incident."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """Severity of an alert, worst first.

    Source: https://developer.pagerduty.com/docs/events-api-v2-overview
    """

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Another object of PagerDuty's, as far as a reference tells.

    Attributes:
        type: For example ``user_reference``; empty when not told.
        name: The ``name`` or else the ``summary``; the id when there is neither.
    """

    id: str
    type: str
    name: str
    url: str

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse a reference or a whole object."""
        raw = as_object(raw, "reference")
        return cls(id=id_of(raw), type=text(raw, "type"), name=name_of(raw), url=url_of(raw))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLevel:
    """One level of an escalation policy.

    Attributes:
        delay_s: Seconds until the next level is paged.
        targets: Persons and schedules; empty when the level has nobody.
    """

    delay_s: int
    targets: tuple[Reference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiEscalationPolicy:
    """Who is paged in which order.

    Attributes:
        levels: Level 1 first; None when PagerDuty sent a mere reference.
    """

    id: str
    name: str
    url: str
    num_loops: int
    levels: tuple[ApiLevel, ...] | None

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse a policy or a reference to one."""
        raw = as_object(raw, "escalation policy")
        rules = raw.get("escalation_rules")
        return cls(
            id=asked_id_of(raw),
            name=name_of(raw),
            url=url_of(raw),
            num_loops=count(raw, "num_loops"),
            levels=None if rules is None else tuple(_level(rule) for rule in as_list(rules)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiService:
    """A service with its policy and integrations.

    Attributes:
        status: As PagerDuty wrote it; read it with ``ServiceStatus(...)``.
        policy: None when PagerDuty named none.
        teams: Those of the policy.
    """

    id: str
    name: str
    url: str
    status: str
    policy: ApiEscalationPolicy | None
    integrations: tuple[ApiIntegration, ...]
    teams: tuple[Reference, ...] = ()

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse a service, best with escalation policies and integrations included."""
        raw = as_object(raw, "service")
        policy = raw.get("escalation_policy")
        return cls(
            id=asked_id_of(raw),
            name=name_of(raw),
            url=url_of(raw),
            status=required_text(raw, "status"),
            policy=ApiEscalationPolicy.from_api(policy) if policy else None,
            integrations=tuple(map(ApiIntegration.from_api, as_list(raw.get("integrations")))),
            teams=tuple(map(Reference.from_api, as_list(raw.get("teams")))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAcknowledgement:
    """Who acknowledged an incident and when (UTC)."""

    name: str
    url: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAction:
    """What PagerDuty will do by itself and when (UTC), for example ``escalate``."""

    type: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiIncident:
    """An incident.

    Attributes:
        status, urgency: As PagerDuty wrote them; ``IncidentStatus(...)`` reads the former.
        priority: Name, for example ``P1``; empty without one.
        incident_key: The ``dedup_key`` it was opened with, where PagerDuty tells.
        assignees, pending_actions: In PagerDuty's order; soonest first.
        changed_at: When it last changed; None where PagerDuty does not tell.
        resolved_at: Its last end; None while it is open.
        service_name: Empty where PagerDuty sends only the service's id.
        merged_into: The incident that took its alerts, as PagerDuty names it; empty if none did.
    """

    id: str
    number: int
    title: str
    status: str
    urgency: str
    priority: str
    url: str
    service_id: str
    incident_key: str
    created_at: datetime
    assignees: tuple[Reference, ...]
    acknowledgements: tuple[ApiAcknowledgement, ...]
    pending_actions: tuple[PendingAction, ...]
    changed_at: datetime | None = None
    resolved_at: datetime | None = None
    service_name: str = ""
    merged_into: str = ""

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse an incident."""
        raw = as_object(raw, "incident")
        actions = [
            PendingAction(type=text(one, "type"), at=at)
            for one in objects_of(raw.get("pending_actions"))
            if (at := instant(one, "at"))
        ]
        service = as_object(raw.get("service"), "service of an incident")
        reason = raw.get("resolve_reason")
        return cls(
            id=id_of(raw),
            number=required_number(raw, "incident_number", at_least=0),
            title=text(raw, "title") or text(raw, "summary"),
            status=required_text(raw, "status"),
            urgency=text(raw, "urgency"),
            priority=name_if_any(raw.get("priority")),
            url=url_of(raw),
            service_id=id_of(service),
            incident_key=text(raw, "incident_key"),
            created_at=required_instant(raw, "created_at"),
            assignees=tuple(
                Reference.from_api(one["assignee"])
                for one in objects_of(raw.get("assignments"))
                if one.get("assignee")
            ),
            acknowledgements=tuple(
                ApiAcknowledgement(name=who.name, url=who.url, at=at)
                for one in objects_of(raw.get("acknowledgements"))
                if one.get("acknowledger") and (at := instant(one, "at"))
                for who in [Reference.from_api(one["acknowledger"])]
            ),
            pending_actions=tuple(sorted(actions, key=lambda action: action.at)),
            changed_at=instant(raw, "updated_at") or instant(raw, "last_status_change_at"),
            resolved_at=instant(raw, "resolved_at"),
            service_name=name_if_any(service),
            merged_into=name_if_any(reason.get("incident")) if isinstance(reason, dict) else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who can be on call."""

    id: str
    name: str
    email: str
    url: str
    avatar_url: str
    time_zone: str

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse a user or a reference to one, which carries no e-mail."""
        raw = as_object(raw, "user")
        return cls(
            id=id_of(raw),
            name=name_of(raw),
            email=text(raw, "email"),
            url=url_of(raw),
            avatar_url=web_url(raw.get("avatar_url")),
            time_zone=text(raw, "time_zone"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOnCall:
    """One person on call for one level of one policy.

    Attributes:
        level: 1 is paged first.
        schedule: None for a person named directly in the policy.
        start, end: The shift (UTC); both None for somebody who is always on call.
    """

    policy_id: str
    level: int
    user: User
    schedule: Reference | None
    start: datetime | None
    end: datetime | None

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse an on-call entry."""
        raw = as_object(raw, "on-call entry")
        schedule = raw.get("schedule")
        return cls(
            policy_id=id_of(as_object(raw.get("escalation_policy"), "policy of an on-call entry")),
            level=required_number(raw, "escalation_level", at_least=1),
            user=User.from_api(raw.get("user")),
            schedule=Reference.from_api(schedule) if schedule else None,
            start=instant(raw, "start"),
            end=instant(raw, "end"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLink:
    """A link somebody gave along; ``text`` is the address when there was none."""

    href: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiChangeEvent:
    """A change somebody told PagerDuty about.

    Attributes:
        service_ids: Services it names.
        at: When it happened (UTC).
    """

    id: str
    summary: str
    source: str
    at: datetime
    url: str
    service_ids: tuple[str, ...]
    links: tuple[ApiLink, ...]

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse a change event."""
        raw = as_object(raw, "change event")
        return cls(
            id=id_of(raw),
            summary=text(raw, "summary"),
            source=text(raw, "source"),
            at=required_instant(raw, "timestamp"),
            url=url_of(raw),
            service_ids=tuple(id_of(one) for one in objects_of(raw.get("services"))),
            links=tuple(
                ApiLink(href=href, text=text(one, "text") or href)
                for one in objects_of(raw.get("links"))
                if (href := web_url(one.get("href")))
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """A time in which the services page nobody; ``ends_at`` UTC."""

    id: str
    ends_at: datetime
    service_ids: tuple[str, ...]

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse a maintenance window."""
        raw = as_object(raw, "maintenance window")
        return cls(
            id=id_of(raw),
            ends_at=required_instant(raw, "end_time"),
            service_ids=tuple(id_of(one) for one in objects_of(raw.get("services"))),
        )


def _level(raw: Any) -> ApiLevel:
    raw = as_object(raw, "escalation rule")
    return ApiLevel(
        delay_s=count(raw, "escalation_delay_in_minutes") * 60,
        targets=tuple(Reference.from_api(one) for one in as_list(raw.get("targets"))),
    )
