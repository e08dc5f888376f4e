"""Agreement with the format's own reader: documents compared, documents that differ, and why."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tests.bench.stage import ROOT

_ROW = re.compile(r"^\| `([^`]+)` (\d+) \|(.+)\|$", re.MULTILINE)


def measure() -> Iterator[tuple[str, object]]:
    """Compare every document of ``CATALOG_CORPUS_DIR`` as the test of the format does."""
    if not os.environ.get("CATALOG_CORPUS_DIR"):
        yield "CATALOG_CORPUS_DIR names no folder of real files", "left out"
        return
    from tests.catalog import test_corpus as rules

    compared = 0
    differing: list[tuple[str, str]] = []
    for file, lines in rules.expected().items():
        text = rules.decode((Path(rules.FOLDER) / file).read_bytes())
        found = {document.index: rules.verdict(document) for document in rules.parse(text)}
        for index, line in lines.items():
            compared += 1
            relations = sorted((one["type"], one["target"]) for one in line["relations"])
            if found.pop(index, (None, None, [])) != (line["valid"], line["ref"], relations):
                differing.append((file, str(index)))
        differing += [(file, str(index)) for index in found]
    yield "documents compared", compared
    yield "documents that differ", len(differing)
    reasons = _reasons()
    for file, index in differing:
        why = reasons.get((file, index), "NOT LISTED in docs/conformance.md")
        yield f"  {file} {index}", why


def _reasons() -> dict[tuple[str, str], str]:
    """What docs/conformance.md says of each document that differs: there, here, and why."""
    page = (ROOT / "docs/conformance.md").read_text("utf-8")
    return {
        (file, index): "; ".join(cell.strip() for cell in cells.split(" | "))
        for file, index, cells in _ROW.findall(page)
    }
