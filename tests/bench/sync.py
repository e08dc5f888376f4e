"""The mirror: requests to PagerDuty for a whole account, first and in the steady state."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from pagerduty_card.sandbox.server import serve
from pagerduty_card.sandbox.world import World
from tests.bench.stage import ROOT

SERVICES = 500


def measure() -> Iterator[tuple[str, object]]:
    """Mirror a made-up account twice and count what PagerDuty was asked."""
    with (
        tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder,
        serve(make_world=lambda now: World.generate(services=SERVICES, now=now)) as sandbox,
    ):
        environment = {
            **{key: value for key, value in os.environ.items() if "PAGERDUTY" not in key},
            "SECRET_KEY": "only-for-a-benchmark-" + "x" * 40,
            "PORTAL_VAR_DIR": folder,
            "PAGERDUTY_SANDBOX": "true",
            "PAGERDUTY_SANDBOX_URL": sandbox.url,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "LOG_LEVEL": "WARNING",
            "CATALOG_LOCATIONS": "",
        }
        environment.pop("DATABASE_URL", None)

        def manage(*arguments: str) -> float:
            begun = time.perf_counter()
            subprocess.run(
                [sys.executable, "manage.py", *arguments],
                cwd=ROOT,
                env=environment,
                check=True,
                capture_output=True,
            )
            return time.perf_counter() - begun

        manage("migrate")
        for label in ("first", "second"):
            before = len(sandbox.state.requests.all())
            took = manage("sync_pagerduty", "--once")
            asked = len(sandbox.state.requests.all()) - before
            yield f"{label} sync of {SERVICES} services: requests (bound 40)", asked
            yield f"{label} sync of {SERVICES} services: seconds", round(took, 1)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        yield "sync: peak resident MB", round(peak, 1)
