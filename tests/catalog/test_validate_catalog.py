"""The check of files without a catalog, as a repository's CI runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.descriptor.writing import dump
from tests.catalog.sources import component, group, location, run, write

REPO = Path(__file__).parents[2]


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


def found(*args, **options):
    return lines(run("validate_catalog", *args, format="json", **options)[1])


def test_exits_1_and_says_what_is_wrong_where_and_what_to_write(tmp_path):
    file = write(tmp_path / "a.yaml", component("a", dependsOn=["bare"]), component("b"), group())
    status, out = run("validate_catalog", file)
    assert status == 1
    assert f"{file}:10:5 component:default/a spec.dependsOn[0]: 'bare' has no kind" in out
    assert "    write component:bare or resource:bare" in out
    assert out.endswith("3 documents in 1 file: 1 invalid, 0 warnings.\n")


def test_needs_no_database_and_ends_in_silence_when_its_reader_stops_early(tmp_path):
    # More than a pipe holds: the command is still writing when its reader goes.
    write(tmp_path / "a.yaml", *(component(f"c{number}") for number in range(500)))
    with subprocess.Popen(
        [sys.executable, "manage.py", "validate_catalog", str(tmp_path), "--format", "json"],
        cwd=REPO,
        env={
            **os.environ,
            "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
            "SECRET_KEY": "x" * 60,
            "PORTAL_VAR_DIR": str(tmp_path / "var"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        (first,) = lines(command.stdout.readline())
        command.stdout.close()
        complaints = command.stderr.read()
    assert (first["ref"], first["valid"]) == ("component:default/c0", True)
    assert (command.returncode, complaints) == (0, "")


def test_is_quiet_about_good_files(tmp_path):
    write(tmp_path / "a.yaml", component("a"))
    write(tmp_path / "b.yaml", component("b"), group())
    assert run("validate_catalog", tmp_path) == (
        0,
        "3 documents in 2 files: 0 invalid, 0 warnings.\n",
    )


def test_prints_one_json_object_a_document(tmp_path):
    file = write(
        tmp_path / "a.yaml", component("A"), component("b", owner=1, dependOn=[]), "", "x: [\n"
    )
    write(tmp_path / "b.yaml", "# nothing\n")
    (tmp_path / "c.yaml").write_bytes("a: b\n".encode("utf-16"))
    write(tmp_path / "d.yaml", group())
    status, out = run("validate_catalog", tmp_path, format="json")
    assert status == 1
    good, bad, empty, broken, nothing, undecoded, _group = lines(out)
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
    assert (undecoded["index"], undecoded["valid"]) == (0, False)
    assert "UTF-16" in undecoded["errors"][0]["message"]


def test_a_file_that_is_missing_or_no_file_is_an_error_of_its_own(tmp_path):
    status, out = run("validate_catalog", tmp_path / "gone.yaml", tmp_path, format="json")
    assert status == 1
    gone, folder = lines(out)
    assert (gone["file"], gone["index"], gone["valid"]) == (
        str(tmp_path / "gone.yaml"),
        None,
        False,
    )
    assert "there is no such file" in gone["errors"][0]["message"]
    assert (folder["file"], folder["valid"]) == (str(tmp_path), False)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a b.yaml", "a b.yaml"),
        ("./a b.yaml", "./a b.yaml"),
        ("../here/a b.yaml", "../here/a b.yaml"),
        ("sub", "sub/c.yaml"),
        ("./sub", "./sub/c.yaml"),
        ("sub/*.yaml", "sub/c.yaml"),
        ("[x].yaml", "[x].yaml"),
    ],
)
def test_names_files_as_they_were_given(tmp_path, monkeypatch, given, shown):
    here = tmp_path / "here"
    for name in ("a b.yaml", "sub/c.yaml", "[x].yaml"):
        write(here / name, group())
    monkeypatch.chdir(here)
    assert [line["file"] for line in found(given)] == [shown]


def test_prints_workflow_annotations(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a,b:c%.yaml", component("a b"), component("c", owner="100%\nsure"))
    status, out = run("validate_catalog", "a,b:c%.yaml", format="github")
    assert status == 1
    first, *others = out.splitlines()
    assert first.startswith(
        "::error file=a%2Cb%3Ac%25.yaml,line=4,col=9,title=component%3Adefault/a b::metadata.name: "
    )
    assert first.endswith("(write a-b and put the other form into title)")
    assert "::warning file=a%2Cb%3Ac%25.yaml,line=17,col=10," in others[-1]
    assert "group:default/100%25%0Asure is in none of the files checked" in others[-1]


def test_warns_of_references_to_nothing_and_says_what_was_meant(tmp_path):
    write(tmp_path / "a.yaml", component("checkout", owner="team-aplha", dependsOn=["component:x"]))
    write(tmp_path / "b.yaml", group("team-alpha"))
    (status, _out), (checkout, _team) = run("validate_catalog", tmp_path), found(tmp_path)
    assert status == 0
    assert checkout["valid"] is True
    owner, depends = checkout["warnings"]
    assert owner == {
        "line": 8,
        "column": 10,
        "path": "spec.owner",
        "message": "group:default/team-aplha is in none of the files checked",
        "hint": "did you mean group:default/team-alpha?",
    }
    assert (depends["path"], depends["hint"]) == ("spec.dependsOn[0]", "")
    assert found(tmp_path, references="off")[0]["warnings"] == []


def test_says_when_the_kind_of_a_reference_is_wrong(tmp_path):
    file = write(tmp_path / "a.yaml", component("a", dependsOn=["resource:b"]), component("b"))
    warnings = found(file)[0]["warnings"]
    assert "did you mean component:default/b?" in [warning["hint"] for warning in warnings]


def test_a_reference_to_a_refused_document_is_no_second_mistake(tmp_path):
    file = write(tmp_path / "a.yaml", component("a"), group().replace("children: []", "x: []"))
    good, refused = found(file)
    assert refused["valid"] is False
    assert good["warnings"] == []


def test_warns_of_a_name_that_is_given_twice(tmp_path):
    file = write(tmp_path / "a.yaml", component("a"), group(), component("A"))
    first, _group, second = found(file)
    assert (first["valid"], first["warnings"], second["valid"]) == (True, [], True)
    (warning,) = second["warnings"]
    assert warning["message"] == f"component:default/a is declared at {file}:1 already"
    assert warning["path"] == "metadata.name"


@pytest.mark.django_db
def test_looks_references_up_in_the_catalog_when_asked(tmp_path):
    run("import_catalog", write(tmp_path / "org.yaml", group("team")))
    file = write(tmp_path / "a.yaml", component("a", system="gone"))
    assert len(found(file)[0]["warnings"]) == 2
    (warning,) = found(file, references="catalog")[0]["warnings"]
    assert warning["message"] == (
        "system:default/gone is in none of the files checked nor in the catalog"
    )


def test_reports_each_target_that_is_not_there(http, tmp_path):
    far, slow = "https://git.example.com/gone.yaml", "https://slow.example.com/x.yaml"
    http.get(far, status=404)
    http.get(slow, status=500)
    file = write(tmp_path / "a.yaml", location("./gone.yaml", "../x.yaml", far, slow, "./b.yaml"))
    write(tmp_path / "b.yaml", "kind: [")
    status, out = run("validate_catalog", file, format="json")
    (found,) = lines(out)
    assert status == 1
    assert [(error["path"], error["line"]) for error in found["errors"]] == [
        *((f"spec.targets[{number}]", 7 + number) for number in range(3))
    ]
    assert [warning["path"] for warning in found["warnings"]] == ["spec.targets[3]"]


def test_what_of_a_location_may_be_missing_is_no_error(tmp_path):
    file = write(tmp_path / "a.yaml", location("./gone.yaml", presence="optional"))
    assert run("validate_catalog", file)[0] == 0


def api(definition):
    spec = {"type": "openapi", "lifecycle": "production", "owner": "team", "definition": definition}
    return dump(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "API",
            "metadata": {"name": "a"},
            "spec": spec,
        }
    )


def test_reads_the_placeholders_of_a_file_as_the_import_does(tmp_path):
    write(tmp_path / "repo" / "openapi.yaml", "openapi: 3.1.0\n")
    write(tmp_path / "outside.yaml", "openapi: 3.1.0\n")
    file = write(
        tmp_path / "repo" / "catalog-info.yaml",
        api({"$text": "./openapi.yaml"}),
        api({"$text": "../outside.yaml"}),
        api({"$text": "https://example.com/openapi.yaml"}),
        api({"$yaml": "./openapi.yaml"}),
    )
    good, outside, elsewhere, block = found(file, references="off")
    assert (good["valid"], good["warnings"]) == (True, [])
    for line in (outside, elsewhere):
        assert line["valid"] is True
        (warning,) = line["warnings"]
        assert warning["path"] == "spec.definition"
        assert warning["message"].startswith("$text ")
    assert block["valid"] is False


def test_a_secret_that_is_no_text_is_not_repeated_in_its_error(tmp_path):
    file = write(
        tmp_path / "a.yaml",
        component(metadata={"annotations": {"pagerduty.com/integration-key": 123456789012}}),
    )
    status, out = run("validate_catalog", file)
    assert status == 1
    assert "pagerduty.com/integration-key" in out
    assert "123456789012" not in out
