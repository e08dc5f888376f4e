"""Agreement with the format's own reader on real files: same verdict, reference, relations."""

import json
import os
import re
from collections import defaultdict
from pathlib import Path

import pytest

from catalog.descriptor import decode, parse

FOLDER = os.environ.get("CATALOG_CORPUS_DIR", "")
PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER, reason="CATALOG_CORPUS_DIR names no folder of real files"),
]


def expected():
    files = defaultdict(dict)
    lines = Path(FOLDER).with_name("catalog-expected.jsonl").read_text("utf-8").splitlines()
    for line in map(json.loads, lines):
        files[line["file"]][line["index"]] = line
    return files


def verdict(document):
    valid = None if document.is_empty else document.is_valid
    relations = sorted((relation.type, relation.target) for relation in document.relations)
    return valid, str(document.ref) if document.ref else None, relations


def listed():
    """The documents that the page on conformance lists one by one, each with its reason."""
    return set(re.findall(r"^\| `([^`]+)` (\d+) \|", PAGE.read_text("utf-8"), re.MULTILINE))


def test_agrees_on_every_document_but_those_listed():
    differences = {}
    count = 0
    for file, documents in expected().items():
        found = {d.index: verdict(d) for d in parse(decode((Path(FOLDER) / file).read_bytes()))}
        for index, line in documents.items():
            count += 1
            relations = sorted((r["type"], r["target"]) for r in line["relations"])
            wanted = (line["valid"], line["ref"], relations)
            got = found.pop(index, (None, None, []))
            if got != wanted:
                differences[file, str(index)] = (line["reason"], got, wanted)
        differences |= {(file, str(i)): ("not a document", got, None) for i, got in found.items()}
    assert count > 100
    assert {place: differences[place] for place in differences.keys() - listed()} == {}


def test_every_refusal_says_where_and_why():
    for file in expected():
        text = decode((Path(FOLDER) / file).read_bytes())
        length = text.count("\n") + 1
        for document in parse(text):
            for problem in document.problems:
                assert 1 <= problem.line <= length, (file, problem)
                assert problem.column >= 1
                assert problem.message
