"""The mirror of a company: requests, the age of open incidents, and what an unchanged turn writes.

``BENCH_SYNC_MIN`` (4) is for how many minutes the steady state is watched. An hour of it is
reckoned from what each section's last answer took and how often it comes round.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

from sandbox.pagerduty.account import Account
from sandbox.pagerduty.generated_account import generated_account
from sandbox.pagerduty.request_log import RequestLog
from sandbox.pagerduty.server import SandboxServer, serve
from tests.bench.stage import ROOT, resident_mb

SIZES = (500, 5_000)
ENTITIES_EACH = 2
LATENCY_S = 0.15
MOST_A_MINUTE, MOST_AGE_S = 480, 45
MINUTES = float(os.environ.get("BENCH_SYNC_MIN", "4"))


def measure() -> Iterator[tuple[str, object]]:
    """Mirror made-up accounts whole, then watch them for some minutes."""
    for size in SIZES:
        with (
            tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder,
            serve(make_account=partial(_account, size)) as box,
        ):
            yield from _measure(size, Path(folder), box)


def _account(size: int, now: datetime) -> Account:
    return generated_account(services=size, now=now)


def _measure(size: int, folder: Path, box: SandboxServer) -> Iterator[tuple[str, object]]:
    catalog = folder / "catalog.yaml"
    catalog.write_text("---\n".join(_documents(size)))
    environment = {
        **{key: value for key, value in os.environ.items() if "PAGERDUTY" not in key},
        "SECRET_KEY": "only-for-a-benchmark-" + "x" * 40,
        "PORTAL_VAR_DIR": str(folder),
        "PAGERDUTY_SANDBOX": "true",
        "PAGERDUTY_SANDBOX_URL": box.url,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "LOG_LEVEL": "WARNING",
        "CATALOG_LOCATIONS": "",
    }
    for name in ("DATABASE_URL", "REDIS_URL"):
        environment.pop(name, None)
    requests = box.state.requests

    def python(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    python("manage.py", "migrate")
    python("manage.py", "import_catalog", str(catalog))
    what = f"{size} services, {size * ENTITIES_EACH} entities"
    begun = time.perf_counter()
    python("manage.py", "sync_pagerduty", "--once")
    yield f"{what}: requests of the first sync", requests.count()
    for path, count in _by_path(requests).items():
        yield f"{what}:   {path}", count
    yield f"{what}: seconds, waiting for the limit included", round(time.perf_counter() - begun)

    box.state.faults.add("/", "latency", delay_s=LATENCY_S)
    syncing = subprocess.Popen(
        [sys.executable, "manage.py", "sync_pagerduty"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        ages, minutes = _watch(folder, requests)
        peak = resident_mb(syncing.pid)
    finally:
        syncing.terminate()
        syncing.wait(timeout=10)
    each = f"{what}, {LATENCY_S * 1000:.0f} ms a request"
    yield f"{each}: requests in the dearest minute (bound {MOST_A_MINUTE})", max(minutes)
    yield f"{each}: age of open incidents, median s", round(median(ages), 1)
    yield f"{each}: age of open incidents, most s (bound {MOST_AGE_S})", round(max(ages), 1)
    yield f"{each}: resident MB", peak
    box.state.faults.clear()
    turn = json.loads(python("-m", "tests.bench.steady"))
    yield f"{what}: requests of a steady hour, reckoned", round(sum(turn["hour"].values()))
    for kind, count in turn["hour"].items():
        yield f"{what}:   {kind}", round(count)
    yield f"{what}: processor seconds of one turn of all but shifts", round(turn["cpu_s"], 2)
    yield f"{what}: queries of an unchanged turn", turn["queries"]
    yield f"{what}: statements that write in it, feeds aside", len(turn["writes"])
    for statement in sorted({" ".join(sql.split()[:3]) for sql in turn["writes"]}):
        yield f"{what}:   {statement}", ""
    yield f"{what}: peak resident MB of a turn", round(turn["peak_mb"])


def _documents(size: int) -> Iterator[str]:
    """Two components for each service, one by its id and one by its key."""
    for number in range(size * ENTITIES_EACH):
        service, by_key = divmod(number, ENTITIES_EACH)
        written = (
            f"pagerduty.com/integration-key: generated0key{service:019d}"
            if by_key
            else f"pagerduty.com/service-id: PG{service:05d}"
        )
        yield (
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n"
            f"  name: component-{number:05d}\n  annotations:\n    {written}\n"
            "spec:\n  type: service\n  lifecycle: production\n  owner: nobody\n"
        )


def _by_path(requests: RequestLog) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, count in requests.counts().items():
        found[name] = found.get(name, 0) + count
    return dict(list(found.items())[:8])


def _watch(folder: Path, requests: RequestLog) -> tuple[list[float], list[int]]:
    """Look every second how old the incidents are, and every minute how much was asked."""
    ages: list[float] = []
    minutes: list[int] = []
    before, begun = requests.count(), time.monotonic()
    with closing(sqlite3.connect(folder / "switchboard.sqlite3", timeout=20)) as database:
        while time.monotonic() - begun < MINUTES * 60:
            time.sleep(1)
            if time.monotonic() - begun > 30:  # the process has come up and had its first turn
                ages.append(_age_s(database))
            if time.monotonic() - begun >= (len(minutes) + 1) * 60:
                minutes.append(requests.count() - before)
                before = requests.count()
    return ages, minutes


def _age_s(database: sqlite3.Connection) -> float:
    """Seconds since the incidents that are stored were asked for."""
    (asked_at,) = database.execute(
        "SELECT asked_at FROM pagerduty_card_feed WHERE kind = 'incidents' AND service_pd_id = ''"
    ).fetchone()
    at = datetime.fromisoformat(asked_at).replace(tzinfo=UTC)
    return (datetime.now(UTC) - at).total_seconds()
