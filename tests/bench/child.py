"""One import in a process of its own, so that its memory is not counted as another's.

``python -m tests.bench.child SOURCE [REF DESCRIPTION]`` prints one JSON object. With a reference
the clock runs until the database gives that description of the entity.
"""

import io
import json
import re
import sys
import time
from pathlib import Path


def peak_mb() -> float:
    """The most memory that was resident at once, in MB; of this program, not of who started it."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.M)
    return int(found.group(1)) / 1024 if found else 0.0


def resident_mb() -> float:
    """The memory of this program that is resident now, in MB."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    return int(found.group(1)) / 1024 if found else 0.0


def main(source: str, ref: str = "", description: str = "") -> dict[str, object]:
    """Import, and look for the change if one is named."""
    import django

    django.setup()
    from django.core.management import call_command

    from catalog.models import Entity

    printed = io.StringIO()
    begun, begun_cpu = time.perf_counter(), time.process_time()
    call_command("import_catalog", source, "--format", "json", stdout=printed)
    found = Entity.objects.filter(ref=ref).values_list("description", flat=True).first()
    took, took_cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
    report = json.loads(printed.getvalue())
    return {
        "seconds": took,
        "cpu_seconds": took_cpu,
        "peak_mb": peak_mb(),
        "is_visible": found == description if ref else None,
        **{name: report.get(name) for name in ("created", "changed", "unchanged", "refused")},
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
