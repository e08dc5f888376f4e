"""The account of ``examples/catalog``: its organisation, and a history relative to its start."""

from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.pagerduty import example_organisation, resolved_incidents
from sandbox.pagerduty.account import Account, ChangeSeed, IncidentSeed
from sandbox.pagerduty.example_integrations import add_others
from sandbox.pagerduty.example_organisation import ANA, GUS, KAI
from sandbox.pagerduty.resources import MaintenanceWindow, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSeed:
    """A maintenance window; hours after the start, negative is before."""

    service_id: str
    description: str
    from_h: float
    to_h: float
    created_by: Person


_DAY = 24 * 60


def _order_router_incidents() -> tuple[IncidentSeed, ...]:
    """Twelve open at once: more than a card shows."""
    regions = ("Porto", "Lyon", "Turin", "Graz", "Brno", "Gdansk")
    stuck = [
        IncidentSeed(
            service_id="PORDERS",
            title=f"Orders for {region} wait longer than 20 minutes",
            opened_min=18 + 47 * number,
            priority="P2" if number == 0 else "P3",
            acked_min=11 + 45 * number if number % 2 else None,
        )
        for number, region in enumerate(regions)
    ]
    slots = [
        IncidentSeed(
            service_id="PORDERS",
            title=f"No delivery slot left in {region}",
            opened_min=3 * 60 + 5 * 60 * number,
            urgency="low" if number % 3 == 2 else "high",
            acked_min=2 * 60 + 5 * 60 * number if number % 2 == 0 else None,
        )
        for number, region in enumerate(regions)
    ]
    return (*stuck, *slots)


INCIDENTS = (
    IncidentSeed(
        service_id="PCHKOUT",
        title="Payments time out: 34 % of card payments fail",
        opened_min=12,
        priority="P1",
    ),
    IncidentSeed(
        service_id="PCHKOUT",
        title="p99 of POST /orders above 4 s",
        opened_min=58,
        priority="P2",
        acked_min=51,
    ),
    IncidentSeed(
        service_id="PCHKOUT",
        title="Disk of orders-db replica 2 is 91 % full",
        opened_min=9 * 60,
        priority="P3",
        acked_min=8 * 60 + 20,
    ),
    IncidentSeed(
        service_id="PPAYGTW",
        title="Acquirer answers slowly (Mastercard, EU)",
        opened_min=40,
        priority="P2",
        acked_min=33,
    ),
    IncidentSeed(
        service_id="PCARTSV",
        title="Certificate of cart-staging expires in 14 days",
        opened_min=90 * _DAY,
        urgency="low",
    ),
    *_order_router_incidents(),
    IncidentSeed(
        service_id="PWAREHS",
        title="Stock feed from Rotterdam stopped",
        opened_min=26,
        priority="P2",
    ),
    # Resolved: nothing of them may show as open.
    IncidentSeed(
        service_id="PFRAUDC",
        title="Model server out of memory",
        opened_min=6 * _DAY,
        priority="P2",
        acked_min=6 * _DAY - 4,
        resolved_min=6 * _DAY - 95,
    ),
    IncidentSeed(
        service_id="PWEBSHP",
        title="Error rate of /basket above 2 %",
        opened_min=3 * _DAY,
        acked_min=3 * _DAY - 7,
        resolved_min=3 * _DAY - 31,
    ),
    IncidentSeed(
        service_id="PAUTHSV",
        title="Sign-in latency above 1 s",
        opened_min=2 * _DAY,
        priority="P3",
        acked_min=2 * _DAY - 18,
        resolved_min=2 * _DAY - 44,
    ),
    IncidentSeed(
        service_id="PMOBBFF",
        title="Push notifications are queued",
        opened_min=45 * _DAY,
        urgency="low",
        resolved_min=45 * _DAY - 300,
    ),
)

_CI = "https://ci.meridian.example/checkout-api"

CHANGES = (
    ChangeSeed(
        service_id="PCHKOUT",
        summary="Deploy checkout-api 8f3c1 to production",
        minutes=17,
        source="ci.meridian.example",
        links=(
            (f"{_CI}/builds/4182", "Build 4182"),
            ("https://git.meridian.example/checkout-api/compare/77d0e..8f3c1", "Compare"),
        ),
    ),
    ChangeSeed(
        service_id="PCHKOUT",
        summary="Flag checkout_v2 on for 50 % of customers",
        minutes=95,
        source="flags.meridian.example",
        links=(("https://flags.meridian.example/checkout_v2", "Flag"),),
    ),
    ChangeSeed(
        service_id="PCHKOUT",
        summary="Deploy checkout-api 77d0e to production",
        minutes=22 * 60,
        source="ci.meridian.example",
        links=((f"{_CI}/builds/4175", "Build 4175"),),
    ),
    ChangeSeed(
        service_id="PCHKOUT",
        summary="orders-db: connection pool 40 -> 60",
        minutes=3 * _DAY,
        source="config.meridian.example",
    ),
    ChangeSeed(
        service_id="PCHKOUT",
        summary="Rotate the certificate of checkout.meridian.example",
        minutes=11 * _DAY,
        source="vault.meridian.example",
    ),
    ChangeSeed(
        service_id="PWEBSHP",
        summary="Deploy web-shop 2026.47.2",
        minutes=4 * 60,
        source="ci.meridian.example",
        links=(("https://ci.meridian.example/web-shop/builds/991", "Build 991"),),
    ),
    ChangeSeed(
        service_id="PWEBSHP",
        summary="CDN: cache product pages for 60 s",
        minutes=_DAY,
        source="edge.meridian.example",
    ),
    ChangeSeed(
        service_id="PWEBSHP",
        summary="Flag winter_banner on",
        minutes=5 * _DAY,
        source="flags.meridian.example",
        links=(("https://flags.meridian.example/winter_banner", "Flag"),),
    ),
)

WINDOWS = (
    WindowSeed(
        service_id="PSEARCH",
        description="Rebuild of the search index",
        from_h=-1,
        to_h=3,
        created_by=GUS,
    ),
    WindowSeed(
        service_id="PFRAUDC",
        description="New model, staged roll-out",
        from_h=40,
        to_h=42,
        created_by=ANA,
    ),
    WindowSeed(
        service_id="PAUTHSV",
        description="Upgrade of the session store",
        from_h=-30,
        to_h=-28,
        created_by=KAI,
    ),
)


def example_account(now: datetime) -> Account:
    """Make the account as it is at ``now`` (UTC)."""
    # A copy: people change schedules and services, and other accounts must not see it.
    teams, people, schedules, policies, services = deepcopy(
        (
            tuple(example_organisation.TEAMS.values()),
            example_organisation.PEOPLE,
            example_organisation.SCHEDULES,
            example_organisation.POLICIES,
            example_organisation.services(),
        )
    )
    account = Account(
        teams=teams,
        people=people,
        schedules=schedules,
        policies=policies,
        services=services,
        priorities=example_organisation.PRIORITIES,
        abilities=example_organisation.ABILITIES,
    )
    account.add_history([*INCIDENTS, *resolved_incidents.of_example()], CHANGES, now)
    by_id = {service.id: service for service in services}
    account.windows += [
        MaintenanceWindow(
            id=f"PMW000{number}",
            number=number,
            description=window.description,
            start_at=now + timedelta(hours=window.from_h),
            end_at=now + timedelta(hours=window.to_h),
            services=(by_id[window.service_id],),
            created_by=window.created_by,
        )
        for number, window in enumerate(WINDOWS, start=1)
    ]
    return add_others(account)
