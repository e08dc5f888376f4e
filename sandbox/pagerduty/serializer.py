"""Resources as PagerDuty's JSON: references, and full objects where ``include[]`` asks for them.

Source: https://developer.pagerduty.com/api-reference/ (REST API v2)
"""

from collections.abc import Collection, Mapping
from copy import copy
from datetime import datetime
from typing import Any

from sandbox.pagerduty import grouping, shifts
from sandbox.pagerduty.account import Account
from sandbox.pagerduty.references import API, APP, Json, Resource, head, reference, stamp
from sandbox.pagerduty.resources import (
    Change,
    Integration,
    MaintenanceWindow,
    Override,
    Person,
    Policy,
    Priority,
    Schedule,
    Service,
    Team,
    Vendor,
)


class Serializer:
    """Writes resources as JSON at one instant, with the sub-objects one request asked for.

    Attributes:
        include: The values of ``include[]``.
    """

    def __init__(self, account: Account, now: datetime, include: Collection[str] = ()) -> None:
        self.account = account
        self.now = now
        self.include = include
        self._open = account.open_by_service()
        self._last = {incident.service.id: incident.created_at for incident in account.incidents}

    def sub(self, resource: Resource, *names: str) -> Json:
        """A reference, or the full object when one of ``names`` is included."""
        if not any(name in self.include for name in names):
            return reference(resource)
        # Inside an included object there are references again.
        plain = copy(self)
        plain.include = ()
        return plain.full(resource)

    def full(self, resource: Resource) -> Json:
        """The whole object, by its kind."""
        write: Mapping[type, Any] = {
            Service: self.service,
            Team: self.team,
            Person: self.user,
            Policy: self.escalation_policy,
            Schedule: self.schedule,
            MaintenanceWindow: self.maintenance_window,
            Priority: self.priority,
            Vendor: self.vendor,
        }
        found: Json = write[type(resource)](resource)
        return found

    def team(self, team: Team) -> Json:
        """A team."""
        return {**head(team), "name": team.name, "description": "", "default_role": "manager"}

    def priority(self, priority: Priority) -> Json:
        """A priority."""
        return {**head(priority), "name": priority.name, "description": priority.description}

    def user(self, person: Person) -> Json:
        """A user; the account has no avatars, so ``avatar_url`` is null."""
        return {
            **head(person),
            "name": person.name,
            "email": person.email,
            "time_zone": person.time_zone,
            "color": "green",
            "avatar_url": None,
            "role": "user",
            "description": None,
            "invitation_sent": False,
            "job_title": person.job_title,
            "created_via_sso": False,
            "teams": [self.sub(team, "teams") for team in person.teams],
            "contact_methods": [],
            "notification_rules": [],
        }

    def integration(self, integration: Integration, service: Service, *, full: bool) -> Json:
        """An integration; only the full form has the key or the address, where there is one."""
        short: Json = {
            "id": integration.id,
            "type": integration.type if full else f"{integration.type}_reference",
            "summary": integration.name,
            "self": f"{API}/services/{service.id}/integrations/{integration.id}",
            "html_url": f"{APP}/services/{service.id}/integrations/{integration.id}",
        }
        if not full:
            return short
        secret = {"integration_key": integration.key} if integration.key else {}
        address = {"integration_email": integration.email} if integration.email else {}
        vendor = integration.vendor
        return {
            **short,
            "name": integration.name,
            "service": self.sub(service, "services"),
            "created_at": stamp(service.created_at),
            "vendor": self.sub(vendor, "vendors") if vendor else None,
            **secret,
            **address,
        }

    def vendor(self, vendor: Vendor) -> Json:
        """The maker of a tool."""
        return {**head(vendor), "name": vendor.name}

    def service(self, service: Service) -> Json:
        """A service with its status at this instant."""
        policy = service.policy
        found: Json = {
            **head(service),
            "name": service.name,
            "description": service.description,
            "auto_resolve_timeout": None,
            "acknowledgement_timeout": service.acknowledgement_timeout_s,
            "created_at": stamp(service.created_at),
            "status": self.status_of(service),
            "last_incident_timestamp": stamp(self._last.get(service.id)),
            "escalation_policy": self.sub(policy, "escalation_policies"),
            "teams": [self.sub(policy.team, "teams")] if policy.team else [],
            "integrations": [
                self.integration(found, service, full="integrations" in self.include)
                for found in service.integrations
            ],
            "incident_urgency_rule": {"type": "constant", "urgency": service.urgency},
            "support_hours": None,
            "scheduled_actions": [],
            "alert_creation": "create_alerts_and_incidents",
            "alert_grouping_parameters": grouping.as_json(service.grouping),
        }
        if "auto_pause_notifications_parameters" in self.include:
            found["auto_pause_notifications_parameters"] = {"enabled": False, "timeout": 0}
        return found

    def status_of(self, service: Service) -> str:
        """The status word PagerDuty derives from switches, windows and open incidents."""
        if service.is_disabled:
            return "disabled"
        if self.account.in_maintenance(service, self.now):
            return "maintenance"
        statuses = {incident.status for incident in self._open.get(service.id, ())}
        return (
            "critical"
            if "triggered" in statuses
            else "warning"
            if "acknowledged" in statuses
            else "active"
        )

    def escalation_policy(self, policy: Policy) -> Json:
        """An escalation policy with its levels."""
        return {
            **head(policy),
            "name": policy.name,
            "description": policy.description,
            "num_loops": policy.loops,
            "on_call_handoff_notifications": "if_has_services",
            "escalation_rules": [
                {
                    "id": level.id,
                    "escalation_delay_in_minutes": level.delay_minutes,
                    "targets": [self.sub(target, "targets") for target in level.targets],
                }
                for level in policy.levels
            ],
            "services": [
                self.sub(service, "services")
                for service in self.account.services
                if service.policy is policy
            ],
            "teams": [self.sub(policy.team, "teams")] if policy.team else [],
        }

    def schedule(self, schedule: Schedule) -> Json:
        """A schedule; its shifts only where the layers are included."""
        found: Json = {
            **head(schedule),
            "name": schedule.name,
            "time_zone": "UTC",
            "description": "Turns of eight hours.",
            "escalation_policies": [
                reference(policy)
                for policy in self.account.policies
                if any(schedule in level.targets for level in policy.levels)
            ],
            "users": [reference(person) for person in schedule.people],
            "teams": [reference(schedule.team)] if schedule.team else [],
        }
        return found

    def override(self, override: Override) -> Json:
        """An override of a schedule."""
        return {"id": override.id, **_rendered(override)}

    def layers(self, schedule: Schedule, since: datetime, until: datetime) -> Json:
        """The fields of a schedule that ``/schedules/{id}`` and its includes add."""
        turns = [_rendered(shift) for shift in shifts.turns_of(schedule, since, until)]
        final = [_rendered(shift) for shift in shifts.shifts_of(schedule, since, until)]
        overrides = [
            _rendered(one)
            for one in schedule.overrides
            if shifts.is_within(one.start_at, one.end_at, since, until)
        ]
        covered = 100.0 if schedule.people else 0.0
        return {
            "schedule_layers": [
                {
                    "id": f"{schedule.id}L1",
                    "name": "Layer 1",
                    "start": stamp(shifts.EPOCH),
                    "end": None,
                    "rotation_virtual_start": stamp(shifts.EPOCH + schedule.offset * shifts.LENGTH),
                    "rotation_turn_length_seconds": int(shifts.LENGTH.total_seconds()),
                    "users": [{"user": reference(person)} for person in schedule.people],
                    "restrictions": [],
                    "rendered_schedule_entries": turns,
                    "rendered_coverage_percentage": covered,
                }
            ],
            "overrides_subschedule": {
                "name": "Overrides",
                "rendered_schedule_entries": overrides,
                "rendered_coverage_percentage": 0.0,
            },
            "final_schedule": {
                "name": "Final Schedule",
                "rendered_schedule_entries": final,
                "rendered_coverage_percentage": covered,
            },
        }

    def on_call(self, on_call: shifts.OnCall) -> Json:
        """One person on one level; ``schedule``, ``start`` and ``end`` are null when permanent."""
        return {
            "escalation_policy": self.sub(on_call.policy, "escalation_policies"),
            "escalation_level": on_call.level,
            "schedule": self.sub(on_call.schedule, "schedules") if on_call.schedule else None,
            "user": self.sub(on_call.person, "users"),
            "start": stamp(on_call.start_at),
            "end": stamp(on_call.end_at),
        }

    def maintenance_window(self, window: MaintenanceWindow) -> Json:
        """A maintenance window."""
        teams = {s.policy.team.id: s.policy.team for s in window.services if s.policy.team}
        return {
            **head(window),
            "sequence_number": window.number,
            "start_time": stamp(window.start_at),
            "end_time": stamp(window.end_at),
            "description": window.description,
            "services": [self.sub(service, "services") for service in window.services],
            "teams": [self.sub(team, "teams") for team in teams.values()],
            "created_by": self.sub(window.created_by, "users"),
        }

    def change_event(self, change: Change) -> Json:
        """A change event."""
        integration = change.integration
        return {
            "id": change.id,
            "type": "change_event",
            "summary": change.summary,
            "self": f"{API}/change_events/{change.id}",
            "html_url": f"{APP}/change_events/{change.id}",
            "timestamp": stamp(change.at),
            "source": change.source,
            "services": [reference(change.service)],
            "integration": (
                self.integration(integration, change.service, full=False) if integration else None
            ),
            "links": change.links,
            "images": change.images,
            "custom_details": change.custom_details,
        }


def _rendered(shift: shifts.Shift | Override) -> Json:
    return {
        "user": reference(shift.person),
        "start": stamp(shift.start_at),
        "end": stamp(shift.end_at),
    }
