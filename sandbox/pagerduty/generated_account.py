"""Generated accounts of any size, for measurements."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from sandbox.pagerduty import example_organisation, resolved_incidents
from sandbox.pagerduty.account import Account, ChangeSeed, IncidentSeed
from sandbox.pagerduty.example_integrations import add_others
from sandbox.pagerduty.resources import (
    Integration,
    Level,
    Person,
    Policy,
    Schedule,
    Service,
    Team,
)


def generated_account(
    *, services: int, now: datetime, incidents: int | None = None, seed: int = 1
) -> Account:
    """Make an account, the same for the same arguments.

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
    account = Account(
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
        priorities=example_organisation.PRIORITIES,
        abilities=example_organisation.ABILITIES,
    )
    ids = [service.id for service in account.services]
    count = services // 5 if incidents is None else incidents
    opened = [_open_incident(rng, ids, minutes) for minutes in _descending(rng, 3, 20, count)]
    changes = [_change(rng, ids, minutes) for minutes in _descending(rng, 1, 14, services)]
    account.add_history([*resolved_incidents.of_generated(ids, seed), *opened], changes, now)
    return add_others(account)


def _descending(rng: random.Random, first: int, days: int, count: int) -> list[int]:
    """Random minutes before the start, the earliest instant first."""
    return sorted((rng.randrange(first, 60 * 24 * days) for _ in range(count)), reverse=True)


def _open_incident(rng: random.Random, service_ids: Sequence[str], opened_min: int) -> IncidentSeed:
    acked_min = rng.randrange(1, opened_min) if rng.random() < 0.5 else None
    return IncidentSeed(
        service_id=rng.choice(service_ids),
        title=f"Something is slow, case {rng.randrange(10_000)}",
        opened_min=opened_min,
        priority=rng.choice(("", "P1", "P2", "P3")),
        urgency=rng.choice(("high", "high", "low")),
        acked_min=acked_min,
    )


def _change(rng: random.Random, service_ids: Sequence[str], minutes: int) -> ChangeSeed:
    return ChangeSeed(
        service_id=rng.choice(service_ids),
        summary=f"Deploy {rng.randrange(16**6):06x}",
        minutes=minutes,
        source="ci.example",
        links=(("https://ci.example/build", "Build"),),
    )


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
