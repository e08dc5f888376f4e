"""The import: entities a second, peak memory, and what a second import of the same costs."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.generate_catalog import write
from tests.bench.stage import ROOT

ENTITIES = int(os.environ.get("BENCH_ENTITIES", "10000"))

# The child reports its own peak, so that one import's memory is not counted as another's.
_CHILD = """
import json, resource, sys, time
import django; django.setup()
from django.core.management import call_command
begun = time.perf_counter()
call_command(*sys.argv[1:], stdout=open("/dev/null", "w"))
took = time.perf_counter() - begun
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": round(took, 2), "peak_mb": round(peak, 1)}))
"""


def measure() -> Iterator[tuple[str, object]]:
    """Import a generated catalog three times: new, unchanged, one file changed."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        catalog = Path(folder) / "catalog"
        files = write(catalog, ENTITIES)
        environment = {
            **os.environ,
            "SECRET_KEY": "only-for-a-benchmark-" + "x" * 40,
            "PORTAL_VAR_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "LOG_LEVEL": "WARNING",
            "CATALOG_LOCATIONS": "",
        }

        def run(*command: str) -> dict[str, float]:
            printed = subprocess.run(
                [sys.executable, "-c", _CHILD, *command],
                cwd=ROOT,
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            return json.loads(printed)

        run("migrate")
        first = run("import_catalog", str(catalog))
        yield (
            f"import of {ENTITIES:,} new entities",
            f"{first} {ENTITIES / first['seconds']:.0f}/s",
        )
        second = run("import_catalog", str(catalog))
        yield "the same again, unchanged", f"{second} 1/{first['seconds'] / second['seconds']:.1f}"
        changed = files[0]
        changed.write_text(
            changed.read_text().replace("lifecycle: production", "lifecycle: old", 1)
        )
        yield "the same again, one file changed", run("import_catalog", str(catalog))
