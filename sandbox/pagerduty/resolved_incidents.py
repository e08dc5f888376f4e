"""Ninety days of resolved incidents, made up and the same each time: minutes before the start."""

import random
from collections.abc import Iterator, Sequence

from sandbox.pagerduty.account import IncidentSeed

_DAY = 24 * 60
SPAN_MIN = 90 * _DAY
# None was opened or resolved within the last ten hours: those of today are in example_account.
_RECENT_MIN = 10 * 60

# By service: how many in ninety days, and their titles.
_EXAMPLE: dict[str, tuple[int, tuple[str, ...]]] = {
    "PCHKOUT": (
        31,
        (
            "p99 of POST /orders above 4 s",
            "Card payments fail for one issuer",
            "orders-db runs out of connections",
            "Deploy of checkout-api rolled back by itself",
        ),
    ),
    "PPAYGTW": (17, ("Acquirer answers slowly (Visa, EU)", "3-D Secure challenge times out")),
    "PFRAUDC": (9, ("Model server out of memory", "Scores are older than ten minutes")),
    "PWEBSHP": (19, ("Error rate of /basket above 2 %", "Largest paint above 4 s in Lyon")),
    "PMOBBFF": (12, ("Push notifications are queued", "iOS sign-in fails for old versions")),
    "PCARTSV": (11, ("Baskets are lost between devices", "Redis replica lags")),
    "PSEARCH": (14, ("Index is older than an hour", "Queries above 800 ms")),
    "PORDERS": (42, ("Orders wait longer than 20 minutes", "No delivery slot left")),
    "PWAREHS": (16, ("Stock feed from Rotterdam stopped", "Stock differs by more than 3 %")),
    "PWAREUS": (4, ("Stock feed from Newark stopped",)),
    "PAUTHSV": (8, ("Sign-in latency above 1 s", "Tokens are refused by one region")),
}


def of_example() -> Iterator[IncidentSeed]:
    """The resolved incidents of the example account."""
    for service_id, (count, titles) in _EXAMPLE.items():
        rng = random.Random(service_id)  # noqa: S311 - repeatable, nothing to guess
        for _ in range(count):
            yield _resolved(rng, service_id, rng.choice(titles))


def of_generated(service_ids: Sequence[str], seed: int) -> Iterator[IncidentSeed]:
    """Two resolved incidents for each service on average; some have many, most have none."""
    rng = random.Random(f"past {seed}")  # noqa: S311 - repeatable, nothing to guess
    for _ in range(2 * len(service_ids)):
        service_id = service_ids[int(len(service_ids) * rng.random() ** 2)]
        yield _resolved(rng, service_id, f"Something was slow, case {rng.randrange(10_000)}")


def _resolved(rng: random.Random, service_id: str, title: str) -> IncidentSeed:
    """One that lasted minutes, seldom hours; every sixth was resolved before an acknowledgement."""
    opened_min = rng.randrange(_RECENT_MIN, SPAN_MIN)
    ack_after_min = min(1 + round(rng.expovariate(1 / 7)), 90)
    took_min = min(ack_after_min + 3 + round(rng.expovariate(1 / 50)), _RECENT_MIN - 1)
    return IncidentSeed(
        service_id=service_id,
        title=title,
        opened_min=opened_min,
        priority=rng.choice(("", "P2", "P3", "P3", "P4")),
        urgency=rng.choice(("high", "high", "high", "low")),
        acked_min=None if rng.random() < 1 / 6 else opened_min - ack_after_min,
        resolved_min=opened_min - took_min,
    )
