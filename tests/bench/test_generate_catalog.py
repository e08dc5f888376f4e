"""What is measured is a catalog: every document of it is valid, and it is the same every time."""

from catalog.descriptor import parse
from tests.bench.generate_catalog import documents, path_of, ref_of, write

COUNT = 300


def test_every_document_is_valid_and_called_as_foretold():
    parsed = list(parse("---\n" + "---\n".join(documents(COUNT))))
    assert [document.problems for document in parsed if document.problems] == []
    assert [str(document.ref) for document in parsed] == [ref_of(n) for n in range(COUNT)]


def test_references_lead_somewhere_but_for_the_few_meant_not_to():
    parsed = list(parse("---\n" + "---\n".join(documents(COUNT))))
    refs = {str(document.ref) for document in parsed}
    missing = [
        relation.target
        for document in parsed
        for relation in document.relations
        if relation.target not in refs
    ]
    assert missing
    assert all("gone" in target for target in missing)


def test_holds_the_same_in_one_file_and_in_a_file_for_each(tmp_path):
    write(tmp_path / "big", COUNT)
    write(tmp_path / "small", COUNT, per_file=1)
    small = [path_of(tmp_path / "small", n, per_file=1).read_text() for n in range(COUNT)]
    assert path_of(tmp_path / "big", 0).read_text() == "".join(small)
    assert len(list((tmp_path / "small").rglob("*.yaml"))) == COUNT
