"""What becomes of entities whose document is gone, and of their history."""

import os
import shutil

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Entity, ImportRun, Overlay, Revision
from tests.catalog.overlays import set_overlay
from tests.catalog.sources import component, imported, location, run, run_json, write

pytestmark = pytest.mark.django_db


def orphans():
    rows = Entity.objects.filter(orphaned_at__isnull=False)
    return set(rows.values_list("name", flat=True))


def actions(name):
    rows = Revision.objects.filter(entity_id=f"component:default/{name}").order_by("pk")
    return list(rows.values_list("action", flat=True))


@pytest.fixture
def two(tmp_path):
    """A folder with a file of one document and a file of two, imported."""
    write(tmp_path / "1.yaml", component("a"))
    write(tmp_path / "2.yaml", component("b"), component("c"))
    imported(tmp_path)
    return tmp_path


def test_an_entity_whose_document_is_gone_is_kept_and_marked(two):
    write(two / "2.yaml", component("b"))
    (two / "1.yaml").unlink()
    report, _parsed = imported(two)
    assert (report.orphaned, report.removed, report.gone) == (2, 0, 2)
    assert {(o.ref, o.action) for o in report.outcomes} == {
        ("component:default/a", "orphaned"),
        ("component:default/c", "orphaned"),
    }
    assert orphans() == {"a", "c"}
    row = ImportRun.objects.first()
    assert row.orphaned == 2
    revision = Revision.objects.get(entity_id="component:default/a")
    assert (revision.action, revision.run) == ("orphaned", row)
    report, _parsed = imported(two)
    assert (report.orphaned, report.unchanged) == (0, 1)
    assert actions("a") == ["orphaned"]


def test_an_orphan_is_restored_when_it_is_found_again(two):
    write(two / "2.yaml", component("b"))
    imported(two)
    write(two / "2.yaml", component("b"), component("c"))
    report, _parsed = imported(two)
    assert (report.restored, report.unchanged, report.changed) == (1, 3, 0)
    assert orphans() == set()
    assert actions("c") == ["orphaned", "restored"]
    assert imported(two)[1] == 0


def test_an_orphan_may_come_back_changed(two):
    write(two / "2.yaml", component("b"))
    imported(two)
    write(two / "2.yaml", component("b"), component("c", owner="others"))
    report, _parsed = imported(two)
    assert (report.restored, report.changed) == (1, 1)
    assert orphans() == set()
    assert sorted(actions("c")) == ["changed", "orphaned", "restored"]


def test_an_orphans_reference_is_free(two, tmp_path_factory):
    (two / "1.yaml").unlink()
    imported(two)
    other = write(tmp_path_factory.mktemp("other") / "x.yaml", component("a", owner="others"))
    report, _parsed = imported(other)
    assert (report.is_ok, report.restored) == (True, 1)
    assert Entity.objects.get(name="a").source == str(other)


def test_orphans_are_removed_where_the_setting_says_so(two, settings):
    settings.CATALOG_ORPHANS = "delete"
    (two / "1.yaml").unlink()
    report, _parsed = imported(two)
    assert (report.orphaned, report.removed) == (0, 1)
    assert not Entity.objects.filter(name="a").exists()
    assert actions("a") == ["removed"]
    assert ImportRun.objects.first().removed == 1


def test_removing_takes_the_orphans_of_earlier_runs_too(two):
    (two / "1.yaml").unlink()
    imported(two)
    write(two / "2.yaml", component("b"))
    report, _parsed = imported(two, orphans="delete")
    assert report.removed == 2
    assert set(Entity.objects.values_list("name", flat=True)) == {"b"}


def test_removing_leaves_the_orphans_of_other_locations(tmp_path):
    file = write(tmp_path / "own.yaml", component("a"), component("b"))
    write(tmp_path / "rest.yaml", component("c"), component("d"))
    imported(file)
    imported(tmp_path)
    write(file, component("a"))
    imported(file)
    write(tmp_path / "rest.yaml", component("c"))
    assert imported(tmp_path, orphans="delete")[0].removed == 1
    assert orphans() == {"b"}
    assert set(Entity.objects.values_list("name", flat=True)) == {"a", "b", "c"}
    assert imported(file, orphans="delete")[0].removed == 1
    assert orphans() == set()


@pytest.fixture
def broken(tmp_path):
    """A folder of which one file leads to what never was, imported."""
    write(tmp_path / "all.yaml", location("./never-was.yaml"))
    write(tmp_path / "a.yaml", component("a"))
    write(tmp_path / "b.yaml", component("b"))
    imported(tmp_path)
    return tmp_path


@pytest.mark.parametrize("prune", [True, False])
def test_one_broken_target_leaves_no_other_file_as_it_was(broken, prune):
    (broken / "b.yaml").unlink()
    (broken / "a.yaml").rename(broken / "z.yaml")
    status, report = run_json(broken, prune=prune)
    assert status == 1
    assert [issue["kind"] for issue in report["issues"]] == ["unreadable"]
    assert (report["orphaned"], report["removed"]) == ((0, 1) if prune else (1, 0))
    assert Entity.objects.get(name="a").source == str(broken / "z.yaml")
    assert orphans() == (set() if prune else {"b"})
    assert Entity.objects.filter(name="b").exists() is not prune


def test_a_file_with_errors_leaves_a_renamed_one_alone(broken):
    write(broken / "all.yaml", "kind: [")
    (broken / "b.yaml").rename(broken / "z.yaml")
    report, _parsed = imported(broken)
    assert not report.conflicts
    assert Entity.objects.get(name="b").source == str(broken / "z.yaml")


def test_what_a_location_names_no_more_is_gone(tmp_path):
    root = write(tmp_path / "all.yaml", location("./1.yaml", "./2.yaml"))
    write(tmp_path / "1.yaml", component("a"))
    write(tmp_path / "2.yaml", component("b"))
    imported(root)
    write(root, location("./never-was.yaml", "./1.yaml"))
    assert imported(root)[0].orphaned == 1
    assert orphans() == {"b"}


def test_a_target_that_is_not_there_any_more_is_gone(tmp_path):
    root = write(tmp_path / "all.yaml", location("./in/deep/1.yaml", "./2.yaml"))
    file = write(tmp_path / "in" / "deep" / "1.yaml", component("a"))
    write(tmp_path / "2.yaml", component("b"))
    imported(root)
    shutil.rmtree(file.parent.parent)
    assert imported(root)[0].orphaned == 1
    assert orphans() == {"a"}


@pytest.mark.parametrize("text", ["kind: [", location("./1.yaml", type=7), ""])
def test_where_a_broken_location_leads_is_as_it_was(tmp_path, text):
    root = write(tmp_path / "all.yaml", location("./1.yaml"))
    file = write(tmp_path / "1.yaml", component("a"))
    imported(root)
    write(root, text)
    write(file, component("a", owner="others"))
    for _time in range(2):
        imported(root)
        assert orphans() == ({"a", "all"} if not text else set())
    assert Entity.objects.get(name="a").owner_ref == f"group:default/{'others' if text else 'team'}"


def test_a_folder_that_cannot_be_listed_keeps_what_is_in_it(two, monkeypatch):
    write(two / "in" / "3.yaml", component("d"))
    imported(two)
    (two / "1.yaml").unlink()
    listed = os.scandir

    def scandir(path="."):
        if str(path) == str(two / "in"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    report, _parsed = imported(two)
    assert "cannot be listed" in report.issues[0].problems[0].message
    assert orphans() == {"a"}


@pytest.mark.parametrize("is_there", [True, False])
def test_an_empty_folder_may_be_one_that_is_not_mounted(two, is_there):
    for file in two.iterdir():
        file.unlink()
    if not is_there:
        two.rmdir()
    report, _parsed = imported(two)
    assert report.incomplete == [str(two)]
    assert report.gone == 0


def test_a_folder_with_other_files_holds_no_descriptor_any_more(two):
    for file in two.iterdir():
        file.unlink()
    write(two / "README", "moved")
    assert imported(two)[0].orphaned == 3


def test_a_refused_document_in_an_unparsed_file_still_protects_its_entity(two):
    write(two / "3.yaml", component("a", owner=""))
    imported(two)
    (two / "1.yaml").unlink()
    assert imported(two)[0].gone == 0
    assert orphans() == set()


@pytest.mark.parametrize("name", ["0.yaml", "9.yaml"])
def test_a_renamed_file_is_a_move(two, name):
    before = Entity.objects.get(name="b")
    (two / "2.yaml").rename(two / name)
    report, _parsed = imported(two)
    assert report.is_ok
    assert (report.unchanged, report.gone) == (3, 0)
    after = Entity.objects.get(name="b")
    assert (after.pk, after.source) == (before.pk, str(two / name))
    assert not Revision.objects.exists()


def test_a_renamed_file_keeps_what_another_claims_too(two):
    write(two / "0.yaml", component("b", owner="others"))
    assert len(imported(two)[0].conflicts) == 1
    (two / "2.yaml").rename(two / "3.yaml")
    report, _parsed = imported(two)
    assert report.conflicts[0].holder == f"{two / '3.yaml'}:1"
    assert Entity.objects.get(name="b").owner_ref == "group:default/team"


def test_a_change_is_written_down_field_by_field(two):
    file = write(two / "1.yaml", component("a", owner="others"))
    report, _parsed = imported(file)
    entity = Entity.objects.get(name="a")
    assert entity.run_id == report.run_id
    assert entity.first_run == ImportRun.objects.earliest("pk")
    revision = Revision.objects.get()
    assert (revision.action, revision.run_id, revision.at) == (
        "changed",
        report.run_id,
        entity.changed_at,
    )
    assert revision.changes == [{"path": "spec.owner", "old": "team", "new": "others"}]


def test_an_overlay_stays_over_a_changed_document(two):
    entity = Entity.objects.get(name="a")
    set_overlay(entity, Overlay.Field.OWNER, "", "deciders", user=None)
    digest = Entity.objects.get(name="a").digest
    assert imported(two)[1] == 0
    write(two / "1.yaml", component("a", owner="others", metadata={"title": "New"}))
    report, _parsed = imported(two)
    assert report.changed == 1
    entity = Entity.objects.get(name="a")
    assert (entity.title, entity.owner_ref) == ("New", "group:default/deciders")
    assert entity.written["spec"]["owner"] == "others"
    assert entity.digest != digest
    assert list(entity.declared.values_list("type", "target_ref")) == [
        ("ownedBy", "group:default/deciders")
    ]
    revision = Revision.objects.filter(action="changed").get()
    assert {change["path"] for change in revision.changes} == {"metadata.title", "spec.owner"}


def test_the_command_says_what_is_gone_and_what_came_back(two):
    (two / "1.yaml").unlink()
    _status, out = run("import_catalog", two)
    assert "orphaned         1" in out
    write(two / "1.yaml", component("a"))
    _status, out = run("import_catalog", two)
    assert "restored         1" in out
    (two / "1.yaml").unlink()
    _status, report = run_json(two, prune=True)
    assert (report["removed"], report["orphaned"], report["restored"]) == (1, 0, 0)
    assert report["outcomes"][0]["action"] == "removed"


def test_only_what_lies_below_the_sources_becomes_an_orphan(two, tmp_path_factory):
    other = write(tmp_path_factory.mktemp("other") / "x.yaml", component("x"))
    imported(other)
    Entity.objects.filter(name="x").update(changed_at=timezone.now())
    (two / "1.yaml").unlink()
    imported(two)
    assert orphans() == {"a"}


def test_what_moves_is_written_by_one_small_statement_however_much_it_is(tmp_path):
    file = write(tmp_path / "all.yaml", *(component(f"c{n}") for n in range(60)))
    imported(tmp_path)
    write(file, component("c0"))
    imported(tmp_path)
    assert len(orphans()) == 59
    write(file, "# a line more\n" + component("c0"), *(component(f"c{n}") for n in range(1, 60)))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        report, _parsed = imported(tmp_path)
    assert (report.restored, report.unchanged, report.changed) == (59, 60, 0)
    assert orphans() == set()
    lines = dict(Entity.objects.values_list("name", "source_line"))
    assert 1 < lines["c0"] < lines["c1"] < lines["c59"]
    assert not [query["sql"] for query in queries if "CASE WHEN" in query["sql"]]
