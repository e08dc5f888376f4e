"""The catalog's pages at three sizes: SQL queries, and time against the smallest catalog."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tests.bench.databases import POSTGRESQL, SIZES, Workshop
from tests.bench.imports import fill, verdict
from tests.bench.stage import ROOT

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
# Times the smallest catalog's; pages without a bound are told for comparison.
BOUNDS = {"index": 4.0, "component": 2.0, "API": 2.0, "system": 2.0, "group without groups": 2.0}
BOUNDS |= {"user": 2.0}


def measure(workshop: Workshop) -> Iterator[tuple[str, object]]:
    """Draw the pages as a signed-in person who owns things and has stars."""
    for engine in workshop.engines:
        urls = [f"{size}={fill(workshop, engine, size)}" for size in SIZES]
        yield f"{engine}: at so many entities", " ".join(f"{size:,}" for size in SIZES)
        printed = subprocess.run(
            [sys.executable, "-m", "tests.bench.rendering", str(ROUNDS), *urls],
            cwd=ROOT,
            env=workshop.environment(urls[0].partition("=")[2])
            | {"DJANGO_SETTINGS_MODULE": "tests.bench.settings_rendering"},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        pages: dict[str, list[dict[str, Any]]] = {}
        for line in map(json.loads, printed.splitlines()):
            pages.setdefault(line["page"], []).append(line)
        for name, lines in pages.items():
            yield f"{engine}: {name}", _told(lines, BOUNDS.get(name))
    if POSTGRESQL not in workshop.engines:
        yield "PostgreSQL: it does not answer", "left out"


def _told(lines: list[dict[str, Any]], bound: float | None) -> str:
    if any(line["status"] != 200 for line in lines):
        return f"left out: answers {sorted({line['status'] for line in lines})}"
    return " | ".join(f"{state} {_cost(lines, state, bound)}" for state in ("cold", "warm"))


def _cost(lines: list[dict[str, Any]], state: str, bound: float | None) -> str:
    queries = [line[state][0] for line in lines]
    seconds = [line[state][1] for line in lines]
    processor = [line[state][2] for line in lines]
    constant = str(queries[0]) if len(set(queries)) == 1 else f"{queries} NOT CONSTANT"
    times = " ".join(f"{one * 1000:.0f}" for one in seconds)
    share = verdict(seconds[-1] / seconds[0], bound, "{:.1f}")
    of_processor = f"of processor {processor[-1] / processor[0]:.1f}"
    return f"x {share}, {of_processor}; queries {constant}; {times} ms"
