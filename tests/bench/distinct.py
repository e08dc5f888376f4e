"""Entity pages that nobody else reads: 250 of them in rotation, beside a bare signed-in view.

``python -m tests.bench.distinct ROUNDS`` prints one JSON object; the section runs it in a process
of its own for each database, of 10,000 entities with 500 services of PagerDuty.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.databases import SQLITE, Workshop
from tests.bench.imports import fill
from tests.bench.stage import ROOT

ENTITIES, SERVICES, PAGES = 10_000, 500, 250
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
_SERVICE = "pagerduty.com/service-id"


def measure(workshop: Workshop) -> Iterator[tuple[str, object]]:
    """Processor time of a page by database, first and again, and its share of a bare view."""
    for engine in workshop.engines:
        url = fill(workshop, engine, ENTITIES)
        printed = subprocess.run(
            [sys.executable, "-m", "tests.bench.distinct", str(ROUNDS)],
            cwd=ROOT,
            env=workshop.environment(url)
            | {"DJANGO_SETTINGS_MODULE": "tests.bench.settings_rendering"},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        found = json.loads(printed)
        for name in ("first", "again", "bare"):
            yield f"{engine}: {name}: ms of processor", _spread(found[name])
        shares = [page / bare for page, bare in zip(found["again"], found["bare"], strict=True)]
        yield f"{engine}: a page seen again, times a bare view", _spread(shares)
        yield f"{engine}: queries, first and again", found["queries"]
        yield f"{engine}: resident MB after all of them", found["resident_mb"]
    if workshop.engines == (SQLITE,):
        yield "PostgreSQL: it does not answer", "left out"


def _spread(figures: list[float]) -> str:
    return f"{median(figures):.2f} ({min(figures):.2f} to {max(figures):.2f})"


def main(rounds: int) -> dict[str, Any]:
    """View the pages in turns with the bare view; milliseconds of processor a view, by round."""
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.cache import cache
    from django.db import connection
    from django.test import Client
    from django.utils import timezone

    from catalog.models import Annotation, Entity
    from pagerduty_card.mapping.remapping import remap_all
    from pagerduty_card.models import Feed, Service
    from tests.bench.boards import fill_mirror
    from tests.bench.child import resident_mb

    named = Annotation.objects.filter(key=_SERVICE, entity__kind="Component").order_by("pk")
    if not Service.objects.filter(policy__isnull=False).exists():
        Service.objects.all().delete()
        Feed.objects.all().delete()
        fill_mirror(named.values_list("value", flat=True)[:SERVICES])
        remap_all()
    pages = [
        entity.get_absolute_url()
        for entity in Entity.objects.filter(pk__in=named.values("entity")[:SERVICES])[:PAGES]
    ]
    user, _ = get_user_model().objects.get_or_create(username="distinct")
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    connection.settings_dict["CONN_MAX_AGE"] = None
    queries = 0

    def counted(execute: Any, *call: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*call)

    def view(paths: list[str]) -> float:
        begun = _processor_s(connection)
        for path in paths:
            if client.get(path).status_code != 200:
                raise RuntimeError(path)
        return (_processor_s(connection) - begun) / len(paths) * 1_000

    bare = ["/bare/"] * PAGES
    view(pages[:20] + bare[:20])
    found: dict[str, Any] = {"first": [], "again": [], "bare": [], "queries": []}
    for _ in range(rounds):
        cache.clear()
        # As a worker would: what grows old meanwhile is drawn anew.
        Feed.objects.update(asked_at=timezone.now(), succeeded_at=timezone.now())
        found["first"].append(view(pages))
        found["again"].append(view(pages))
        found["bare"].append(view(bare))
    cache.clear()
    for _ in range(2):
        queries = 0
        with connection.execute_wrapper(counted):
            view(pages[-1:])
        found["queries"].append(queries)
    return found | {"resident_mb": resident_mb()}


def _processor_s(connection: Any) -> float:
    """Processor time so far, of this process and of the database's that works for it."""
    spent = time.process_time()
    if connection.vendor == "postgresql":
        server = Path(f"/proc/{connection.connection.info.backend_pid}")
        with suppress(OSError, ValueError):
            spent += int((server / "schedstat").read_text().split()[0]) / 1e9
    return spent


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]))))
