"""Agreement with the format's own reader: documents compared, documents that differ, and why."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.bench.stage import ROOT


def measure() -> Iterator[tuple[str, object]]:
    """Compare every document of ``CATALOG_CORPUS_DIR`` as the test of the format does."""
    if not os.environ.get("CATALOG_CORPUS_DIR"):
        yield "CATALOG_CORPUS_DIR names no folder of real files", "left out"
        return
    from tests.catalog import test_corpus as rules

    compared = 0
    differing: Counter[str] = Counter()
    unlisted: list[str] = []
    for file, lines in rules.expected().items():
        text = rules.decode((Path(rules.FOLDER) / file).read_bytes())
        found = {document.index: rules.verdict(document) for document in rules.parse(text)}
        for index, line in lines.items():
            compared += 1
            relations = sorted((one["type"], one["target"]) for one in line["relations"])
            if found.pop(index, (None, None, [])) == (line["valid"], line["ref"], relations):
                continue
            differing[str(line["stage"])] += 1
            if not _why(str(line["stage"])):
                unlisted.append(f"{file} document {index}: {line['reason']}")
        unlisted += [f"{file} document {index}: there is none" for index in found]
    yield "documents compared", compared
    yield "documents that differ", differing.total() + sum("none" in one for one in unlisted)
    for stage, count in differing.most_common():
        yield f"  at the stage {stage}", f"{count}: {_why(stage) or 'not in docs/conformance.md'}"
    for one in unlisted:
        yield "  not in docs/conformance.md", one


def _why(stage: str) -> str:
    """The reason that docs/conformance.md gives for differences at a stage."""
    for line in (ROOT / "docs/conformance.md").read_text("utf-8").splitlines():
        if f"stage `{stage}`" in line and line.startswith("|"):
            _what, there, here, why = (cell.strip() for cell in line.strip("|").split(" | "))
            return f"there {there}; here {here}; {why}"
    return ""
