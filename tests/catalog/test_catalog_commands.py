"""Export, and the check of files without a catalog."""

import json

import pytest

from catalog.models import Entity
from tests.catalog.sources import component, group, location, run, run_json, write


@pytest.mark.django_db
def test_an_export_imports_unchanged(tmp_path):
    write(
        tmp_path / "in" / "a.yaml",
        component(
            "a",
            metadata={
                "description": "Two lines:\nno, 014 and = # all text\n",
                "annotations": {"x": "", "y": "2024-01-01", "z": "  lead\n\ttab"},
                "labels": {"n": "014", "b": "yes"},
                "own": {"numbers": [1, -2.5, 1e30], "nothing": None, "truth": True, "<<": "="},
            },
            dependsOn=["resource:db"],
        ),
        group("team"),
        location("./missing.yaml", presence="optional"),
    )
    run("import_catalog", tmp_path / "in")
    before = dict(Entity.objects.values_list("ref", "digest"))
    status, text = run("export_catalog")
    assert status == 0
    assert text.count("---\n") == 3
    Entity.objects.all().delete()
    status, report = run_json(write(tmp_path / "out.yaml", text))
    assert (status, report["created"]) == (0, 3)
    assert dict(Entity.objects.values_list("ref", "digest")) == before


@pytest.mark.django_db
def test_exports_only_the_kinds_asked_for(tmp_path):
    run("import_catalog", write(tmp_path / "a.yaml", component("a"), group("team")))
    _status, text = run("export_catalog", "--kind", "Group")
    assert "kind: Group" in text
    assert "kind: Component" not in text


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


def test_validates_without_a_database_and_exits_1(tmp_path):
    file = write(tmp_path / "a.yaml", component("a", dependsOn=["bare"]), component("b"))
    status, out = run("validate_catalog", file)
    assert status == 1
    assert f"{file}:" in out
    assert "component:default/a spec.dependsOn[0]" in out
    assert "    write component:bare or resource:bare" in out
    assert "2 documents, 1 invalid." in out


def test_validates_good_files_quietly(tmp_path):
    write(tmp_path / "a.yaml", component("a"))
    write(tmp_path / "b.yaml", component("b"), group())
    assert run("validate_catalog", tmp_path) == (0, "3 documents, 0 invalid.\n")


def test_validates_as_one_json_object_a_document(tmp_path):
    file = write(
        tmp_path / "a.yaml", component("A"), component("b", owner=1, dependOn=[]), "", "x: [\n"
    )
    write(tmp_path / "b.yaml", "# nothing\n")
    (tmp_path / "c.yaml").write_bytes(b"\xff")
    status, out = run("validate_catalog", tmp_path, format="json")
    assert status == 1
    good, bad, empty, broken, nothing, unread = lines(out)
    assert good == {
        "file": str(file),
        "index": 0,
        "valid": True,
        "ref": "component:default/a",
        "relations": [{"type": "ownedBy", "target": "group:default/team"}],
        "errors": [],
        "warnings": [],
    }
    assert (bad["index"], bad["valid"], bad["ref"]) == (1, False, "component:default/b")
    (error,) = bad["errors"]
    assert error == {
        "line": 17,
        "column": 10,
        "path": "spec.owner",
        "message": "is a number (1); text is required",
        "hint": 'write "1"',
    }
    assert bad["warnings"][0]["hint"] == "did you mean dependsOn?"
    assert (empty["index"], empty["valid"]) == (2, None)
    assert (broken["index"], broken["valid"], broken["ref"]) == (3, False, None)
    assert (nothing["index"], nothing["valid"]) == (None, None)
    assert (unread["index"], unread["valid"]) == (None, False)
    assert "UTF-8" in unread["errors"][0]["message"]


def test_validates_as_workflow_annotations(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a,b.yaml", component("a b"))
    status, out = run("validate_catalog", "a,b.yaml", format="github")
    assert status == 1
    first = out.splitlines()[0]
    assert first.startswith("::error file=a%2Cb.yaml,line=4,col=9,title=component%3Adefault/a b::")
    assert "metadata.name" in first


def test_validating_does_not_read_what_a_file_points_to(tmp_path):
    file = write(tmp_path / "a.yaml", location("./gone.yaml", "https://git.example.com/x"))
    assert run("validate_catalog", file)[0] == 0


def test_says_that_a_file_to_validate_is_missing(tmp_path):
    status, out = run("validate_catalog", tmp_path / "gone.yaml")
    assert status == 1
    assert "there is no such file" in out
