"""The import: entities a second, peak memory, and what reading the same again costs."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.databases import ENTITIES, POSTGRESQL, Workshop
from tests.bench.generate_catalog import PER_FILE, path_of, ref_of, write
from tests.bench.stage import ROOT

AGAIN = 2
CHANGES = 3
MAX_PEAK_MB = 400
MAX_SHARE = 1 / 10
MAX_VISIBLE_S = 1.0
# A tenth in big files, the same one document to a file, and all of it.
LAYOUTS = ((ENTITIES // 10, PER_FILE), (ENTITIES // 10, 1), (ENTITIES, PER_FILE))


def database_of(count: int) -> str:
    """Name of the database that holds a generated catalog of that many entities."""
    return f"catalog_{count}"


def fill(workshop: Workshop, engine: str, count: int) -> str:
    """A database that holds a generated catalog; one that was filled before is taken as it is.

    Returns:
        Its address.
    """
    name = database_of(count)
    if workshop.is_filled(engine, name):
        return workshop.url(engine, name)
    url = workshop.create(engine, name)
    folder = workshop.folder / f"files_{count}"
    write(folder, count)
    run(workshop, url, folder)
    shutil.rmtree(folder)
    workshop.mark_filled(engine, name)
    return url


def run(workshop: Workshop, url: str, folder: Path, *see: str) -> dict[str, float]:
    """Import a folder in a process of its own; ``process_s`` is what all of it took, in seconds."""
    begun = time.perf_counter()
    printed = subprocess.run(
        [sys.executable, "-m", "tests.bench.child", str(folder), *see],
        cwd=ROOT,
        env=workshop.environment(url),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    measured: dict[str, float] = json.loads(printed)
    return measured | {"process_s": time.perf_counter() - begun}


def measure(workshop: Workshop) -> Iterator[tuple[str, object]]:
    """Import generated catalogs: new, unchanged, one file changed."""
    for engine in workshop.engines:
        for count, per_file in LAYOUTS:
            yield from _layout(workshop, engine, count, per_file)
    if POSTGRESQL not in workshop.engines:
        yield "PostgreSQL: it does not answer", "left out"


def _layout(
    workshop: Workshop, engine: str, count: int, per_file: int
) -> Iterator[tuple[str, object]]:
    folder = workshop.folder / f"files_{count}_by_{per_file}"
    shutil.rmtree(folder, ignore_errors=True)
    write(folder, count, per_file=per_file)
    name = database_of(count) if per_file == PER_FILE else "by_file"
    url = workshop.create(engine, name)
    try:
        first = run(workshop, url, folder)
        _expect(first, created=count)
        files = -(-count // per_file)
        speed = f"{count / first['seconds']:.0f} a second"
        yield (
            f"{engine}: {count:,} new entities in {files:,} files",
            f"{speed}; peak {_peak(first, count)}; {_took(first)}",
        )
        for _ in range(AGAIN):
            again = run(workshop, url, folder)
            _expect(again, unchanged=count)
            bound = MAX_SHARE if count == ENTITIES else None
            share = verdict(again["seconds"] / first["seconds"], bound, "{:.3f}")
            yield (
                "  the same again, share of the first",
                f"{share}; peak {_peak(again, count)}; {_took(again)}",
            )
        if per_file == 1:
            yield from _changes(workshop, url, folder, first["seconds"])
            workshop.drop(engine, name)
        else:
            workshop.mark_filled(engine, name)
    finally:
        shutil.rmtree(folder)


def _changes(
    workshop: Workshop, url: str, folder: Path, first_s: float
) -> Iterator[tuple[str, object]]:
    for change in range(1, CHANGES + 1):
        number = change * 100 + 1  # a component with a description of one line
        file = path_of(folder, number, per_file=1)
        text = file.read_text("utf-8")
        name = ref_of(number).rpartition("/")[2]
        file.write_text(text.replace("for everybody who asks", f"since change {change}"), "utf-8")
        wanted = f"Does the work of {name} since change {change}."
        changed = run(workshop, url, folder, ref_of(number), wanted)
        _expect(changed, changed=1)
        if not changed["is_visible"]:
            raise RuntimeError(f"the database does not give the change of {name}")
        seconds = verdict(changed["seconds"], MAX_VISIBLE_S, "{:.2f}")
        yield (
            "  one file changed, seconds until the database gives it",
            (
                f"{seconds}; {changed['seconds'] / first_s:.3f} of the first; {_took(changed)}, "
                f"with the start of Python {changed['process_s']:.2f} s"
            ),
        )


def verdict(value: float, bound: float | None, shape: str) -> str:
    """A figure, its bound if it has one, and whether it holds."""
    if bound is None:
        return shape.format(value)
    held = "held" if value <= bound else "NOT HELD"
    return f"{shape.format(value)} (bound {shape.format(bound)} {held})"


def _peak(measured: dict[str, float], count: int) -> str:
    return verdict(measured["peak_mb"], MAX_PEAK_MB if count == ENTITIES else None, "{:.0f} MB")


def _took(measured: dict[str, float]) -> str:
    return f"{measured['seconds']:.2f} s, processor {measured['cpu_seconds']:.2f} s"


def _expect(measured: dict[str, float], **counts: int) -> None:
    """A figure for an import that did something else would be no figure."""
    for name, count in counts.items():
        if measured[name] != count:
            raise RuntimeError(f"{name}: {measured[name]} instead of {count}")
