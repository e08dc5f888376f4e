"""A PagerDuty account in memory: that of the examples, or a generated one of any size."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.pagerduty import example_history, example_organisation, resolved_incidents, shifts
from sandbox.pagerduty.resources import (
    Acknowledgement,
    Change,
    Incident,
    Integration,
    Level,
    LogEntry,
    MaintenanceWindow,
    Person,
    Policy,
    Priority,
    Schedule,
    Service,
    Team,
)


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
    priorities: tuple[Priority, ...] = example_organisation.PRIORITIES
    abilities: tuple[str, ...] = example_organisation.ABILITIES
    windows: list[MaintenanceWindow] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @classmethod
    def example(cls, now: datetime) -> "Account":
        """The account of ``examples/catalog``, with its history relative to ``now`` (UTC)."""
        account = cls(
            teams=tuple(example_organisation.TEAMS.values()),
            people=example_organisation.PEOPLE,
            schedules=example_organisation.SCHEDULES,
            policies=example_organisation.POLICIES,
            services=example_organisation.services(),
        )
        by_id = {service.id: service for service in account.services}
        seeds = [*example_history.INCIDENTS, *resolved_incidents.of_example()]
        for seed in sorted(seeds, key=lambda seed: -seed.opened_min):
            account.add_past_incident(by_id[seed.service_id], seed, now)
        for change in sorted(example_history.CHANGES, key=lambda change: -change.minutes):
            account.add_past_change(by_id[change.service_id], change, now)
        for number, window in enumerate(example_history.WINDOWS, start=1):
            account.windows.append(
                MaintenanceWindow(
                    id=f"PMW000{number}",
                    number=number,
                    description=window.description,
                    start_at=now + timedelta(hours=window.from_h),
                    end_at=now + timedelta(hours=window.to_h),
                    services=(by_id[window.service_id],),
                    created_by=window.created_by,
                )
            )
        return account

    @classmethod
    def generate(
        cls, *, services: int, now: datetime, incidents: int | None = None, seed: int = 1
    ) -> "Account":
        """A generated account of any size, the same for the same arguments.

        There is a policy for every two services, a team for every five policies, and three people
        for every two policies.

        Args:
            services: How many services, at least 1.
            now: The start, UTC.
            incidents: How many open incidents; by default a fifth of the services.
            seed: Of the random numbers.
        """
        rng = random.Random(seed)  # noqa: S311 - a repeatable account, nothing to guess
        teams, people, schedules, policies = _organisation(max(1, services // 2))
        account = cls(
            teams=teams,
            people=people,
            schedules=schedules,
            policies=policies,
            services=tuple(
                Service(
                    id=f"PG{number:05d}",
                    name=f"service-{number:05d}",
                    description=f"Made-up service number {number}.",
                    policy=policies[number % len(policies)],
                    created_at=now - timedelta(days=400),
                    integrations=(
                        Integration(
                            id=f"PI{number:05d}", name="portal", key=f"generated0key{number:019d}"
                        ),
                    ),
                )
                for number in range(services)
            ),
        )
        count = services // 5 if incidents is None else incidents
        seeds = [
            *resolved_incidents.of_generated([service.id for service in account.services], seed)
        ]
        for opened_min in sorted(rng.randrange(3, 60 * 24 * 20) for _ in range(count))[::-1]:
            acked_min = rng.randrange(1, opened_min) if rng.random() < 0.5 else None
            seeds.append(
                example_history.IncidentSeed(
                    service_id=rng.choice(account.services).id,
                    title=f"Something is slow, case {rng.randrange(10_000)}",
                    opened_min=opened_min,
                    priority=rng.choice(("", "P1", "P2", "P3")),
                    urgency=rng.choice(("high", "high", "low")),
                    acked_min=acked_min,
                )
            )
        by_id = {service.id: service for service in account.services}
        for one in sorted(seeds, key=lambda one: -one.opened_min):
            account.add_past_incident(by_id[one.service_id], one, now)
        for minutes in sorted(rng.randrange(1, 60 * 24 * 14) for _ in range(services))[::-1]:
            account.add_past_change(
                rng.choice(account.services),
                example_history.ChangeSeed(
                    service_id="",
                    summary=f"Deploy {rng.randrange(16**6):06x}",
                    minutes=minutes,
                    source="ci.example",
                    links=(("https://ci.example/build", "Build"),),
                ),
                now,
            )
        return account

    def add_past_incident(
        self, service: Service, seed: example_history.IncidentSeed, now: datetime
    ) -> Incident:
        """Add an incident that happened before ``now``; ``escalate`` does the rest."""
        created_at = now - timedelta(minutes=seed.opened_min)
        incident = self.new_incident(
            service=service,
            title=seed.title,
            at=created_at,
            urgency=seed.urgency,
            dedup_key=f"{service.id.lower()}-{len(self.incidents) + 1}",
        )
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
        return incident

    def new_incident(
        self, *, service: Service, title: str, at: datetime, urgency: str, dedup_key: str
    ) -> Incident:
        """Open an incident and assign it to the first level of the policy that has somebody."""
        number = 4600 + len(self.incidents)
        incident = Incident(
            id=f"Q{number:013d}",
            number=number,
            title=title,
            service=service,
            created_at=at,
            urgency=urgency,
            dedup_keys=[dedup_key],
            status_changed_at=at,
            updated_at=at,
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

    def in_maintenance(self, service: Service, at: datetime) -> bool:
        """Whether a maintenance window covers the service at that instant."""
        return any(
            service in window.services and window.start_at <= at < window.end_at
            for window in self.windows
        )

    def add_past_change(
        self, service: Service, seed: example_history.ChangeSeed, now: datetime
    ) -> Change:
        """Add a change event that happened before ``now``."""
        change = Change(
            id=f"01SANDBOX{len(self.changes) + 1:017d}",
            summary=seed.summary,
            at=now - timedelta(minutes=seed.minutes),
            source=seed.source,
            service=service,
            integration=service.integrations[0] if service.integrations else None,
            links=[{"href": href, "text": text} for href, text in seed.links],
        )
        self.changes.append(change)
        return change


def _organisation(
    policy_count: int,
) -> tuple[tuple[Team, ...], tuple[Person, ...], tuple[Schedule, ...], tuple[Policy, ...]]:
    teams = tuple(
        Team(id=f"PT{number:05d}", name=f"Team {number}")
        for number in range(max(1, policy_count // 5))
    )
    people: list[Person] = []
    schedules: list[Schedule] = []
    policies: list[Policy] = []
    for number in range(policy_count):
        team = teams[number % len(teams)]
        crew = tuple(
            Person(
                id=f"PU{number:05d}{letter}",
                name=f"Person {number}{letter}",
                email=f"person{number}{letter.lower()}@example.org",
                job_title="Engineer",
                time_zone="UTC",
                teams=(team,),
            )
            for letter in ("AB" if number % 2 else "A")
        )
        people += crew
        schedule = Schedule(id=f"PS{number:05d}", name=f"Rota {number}", people=crew, team=team)
        schedules.append(schedule)
        policies.append(
            Policy(
                id=f"PP{number:05d}",
                name=f"Policy {number}",
                team=team,
                levels=(
                    Level(id=f"PR{number:05d}1", delay_minutes=30, targets=(schedule,)),
                    Level(id=f"PR{number:05d}2", delay_minutes=30, targets=(people[0],)),
                ),
            )
        )
    return teams, tuple(people), tuple(schedules), tuple(policies)


def assign_level(incident: Incident, number: int, at: datetime) -> None:
    """Assign the level ``number`` (1 is first), or the next one that has somebody on call."""
    levels = incident.service.policy.levels
    for level in range(number, len(levels) + 1):
        people = shifts.people_on_level(levels[level - 1], at)
        if people:
            incident.assignees, incident.level, incident.level_since = people, level, at
            return
    incident.assignees, incident.level, incident.level_since = [], len(levels), at


def escalate(incident: Incident, now: datetime) -> None:
    """Apply every automatic step of one incident that was due until ``now``."""
    while (due := incident.reopens_at() or incident.escalates_at()) and due <= now:
        if incident.status == "acknowledged":
            incident.acknowledgements = []
            change_status(incident, "triggered", incident.service, due)
            incident.level_since = due
        elif incident.level >= len(incident.service.policy.levels):
            incident.loop += 1
            assign_level(incident, 1, due)
        else:
            assign_level(incident, incident.level + 1, due)
        incident.updated_at = due


def change_status(
    incident: Incident, status: str, by: Person | Service | None, at: datetime
) -> None:
    """Set the status and who changed it when."""
    incident.log_entries.append(
        LogEntry(kind=_ENTRY_KINDS[status], at=at, by=by or incident.service)
    )
    incident.status = status
    incident.changed_by = by
    incident.status_changed_at = incident.updated_at = at


_ENTRY_KINDS = {
    "triggered": "unacknowledge",
    "acknowledged": "acknowledge",
    "resolved": "resolve",
}


def resolve(incident: Incident, by: Person | Service | None, at: datetime) -> None:
    """Close an incident: nobody is assigned any more."""
    incident.resolved_at = at
    incident.assignees, incident.acknowledgements = [], []
    change_status(incident, "resolved", by, at)
