"""Boards: queries of each page at ten and at a thousand services, seconds of the overview at 5,000.

``python -m tests.bench.boards SERVICES`` fills an empty database and prints one JSON object; the
section runs it in a process of its own for each size.
"""

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

from tests.bench.stage import ROOT

SIZES = (10, 1_000, 5_000)
PAGES = {
    "card": "/catalog/default/component/entity-1/",
    "incidents": "/incidents/",
    "on call": "/on-call/",
    "index": "/catalog/",
}
BATCH = 500


def measure() -> Iterator[tuple[str, object]]:
    """Queries by page and size, then the overview's seconds."""
    found = {}
    for services in SIZES:
        with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
            environment = {
                **{key: value for key, value in os.environ.items() if "PAGERDUTY" not in key},
                "DJANGO_SETTINGS_MODULE": "portal.settings_test",
                "DATABASE_URL": f"sqlite:///{folder}/boards.sqlite3",
                "PORTAL_VAR_DIR": folder,
                "LOG_LEVEL": "ERROR",
            }
            printed = subprocess.run(
                [sys.executable, "-m", "tests.bench.boards", str(services)],
                cwd=ROOT,
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            found[services] = json.loads(printed)
    for name in PAGES:
        counts = ", ".join(f"{found[size]['queries'][name]} at {size:,}" for size in SIZES)
        yield f"{name}: SQL queries by number of services", counts
    for name in ("loaded", "from the cache"):
        seconds = ", ".join(f"{found[size][name]:.3f} at {size:,}" for size in SIZES)
        yield f"overview {name}: seconds, two entities on each service", seconds


def main(services: int) -> dict[str, object]:
    """Fill the database and look at it."""
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.core.cache import cache
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext, override_settings
    from django.utils import timezone

    from pagerduty_card.overview.snapshot import refresh

    call_command("migrate", verbosity=0)
    _fill(services)
    client = Client()
    client.force_login(get_user_model().objects.create(username="demo"))
    queries = {}
    token = {"PAGERDUTY_TOKEN": "bench-token-0123456789"}
    with override_settings(ALLOWED_HOSTS=[*settings.ALLOWED_HOSTS, "testserver"], **token):
        for name, path in PAGES.items():
            cache.clear()
            with CaptureQueriesContext(connection) as captured:
                response = client.get(path)
            if response.status_code != 200:
                raise RuntimeError(f"{path} answered {response.status_code}")
            queries[name] = len(captured)
        cache.clear()
        begun = time.perf_counter()
        refresh(timezone.now())
        loaded = time.perf_counter()
        refresh(timezone.now())
        return {
            "queries": queries,
            "loaded": loaded - begun,
            "from the cache": time.perf_counter() - loaded,
        }


def _fill(services: int) -> None:
    """The mirror of so many services, and two entities on each."""
    from django.utils import timezone

    from catalog.models import Annotation, Entity
    from catalog.versions import bump
    from pagerduty_card.mapping.remapping import remap_all

    fill_mirror([f"PS{n}" for n in range(services)])
    now = timezone.now()
    entities = Entity.objects.bulk_create(
        (
            Entity(
                ref=f"component:default/entity-{n}",
                kind="Component",
                name=f"entity-{n}",
                sort_name=f"entity-{n}",
                owner_ref=f"group:default/team-{n % 100}",
                descriptor={
                    "kind": "Component",
                    "metadata": {
                        "name": f"entity-{n}",
                        "annotations": {"pagerduty.com/service-id": f"PS{n // 2}"},
                    },
                },
                changed_at=now,
            )
            for n in range(2 * services)
        ),
        batch_size=BATCH,
    )
    Annotation.objects.bulk_create(
        (
            Annotation(entity=one, key="pagerduty.com/service-id", value=f"PS{n // 2}")
            for n, one in enumerate(entities)
        ),
        batch_size=BATCH,
    )
    remap_all()
    bump()


def fill_mirror(pd_ids: Sequence[str]) -> None:
    """Services with these ids: a policy and fourteen days of shifts each, an incident each 25th."""
    from django.utils import timezone

    from pagerduty_card.mirror.incidents import count_open_incidents
    from pagerduty_card.models import EscalationPolicy, Feed, Incident, OnCall, Responder, Service

    now = timezone.now()
    long_ago, day = now - dt.timedelta(days=30), dt.timedelta(days=1)
    of_account = {"account": "default", "mirrored_at": long_ago}
    levels = [{"delay_s": 900, "targets": []}] * 2
    policies = EscalationPolicy.objects.bulk_create(
        (
            EscalationPolicy(pd_id=f"PP{n}", name=f"policy {n}", levels=levels, **of_account)
            for n in range(len(pd_ids))
        ),
        batch_size=BATCH,
    )
    rows = Service.objects.bulk_create(
        (
            Service(pd_id=pd_id, name=f"service {n}", status="active", policy=one, **of_account)
            for n, (pd_id, one) in enumerate(zip(pd_ids, policies, strict=True))
        ),
        batch_size=BATCH,
    )
    people = Responder.objects.bulk_create(
        Responder(account="default", pd_id=f"PU{n}", name=f"Person {n}") for n in range(200)
    )
    OnCall.objects.bulk_create(
        (
            OnCall(
                policy=one,
                level=level,
                responder=people[(n + turn) % len(people)],
                start=now + turn * day - day / 2,
                end=now + turn * day + day / 2,
            )
            for n, one in enumerate(policies)
            for level in (1, 2)
            for turn in range(14)
        ),
        batch_size=BATCH,
    )
    Incident.objects.bulk_create(
        Incident(
            service=one,
            pd_id=f"Q{n}",
            number=n,
            title=f"Trouble {n}",
            status="triggered",
            urgency="high",
            created_at=now,
        )
        for n, one in enumerate(rows)
        if n % 25 == 0
    )
    count_open_incidents(Service.objects.all())
    Feed.objects.bulk_create(
        Feed(account="default", kind=kind, asked_at=now, succeeded_at=now)
        for kind in Feed.Kind.values
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]))))
