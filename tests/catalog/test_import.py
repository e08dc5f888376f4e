from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.descriptor import Limits
from catalog.ingestion.importer import run_import
from catalog.models import Annotation, Entity, ImportIssue, ImportRun, Location, Relation, Tag
from portal.leases import is_held, lease
from tests.catalog.sources import component, group, run, run_json, write
from tests.factories import make_user

pytestmark = pytest.mark.django_db

BROKEN = "kind: Component\nmetadata: [\n"
UNOWNED = component("unowned", owner="")


def refs():
    return set(Entity.objects.values_list("ref", flat=True))


def test_imports_a_file_and_lifts_what_lists_filter_by(tmp_path):
    metadata = {
        "title": "Checkout",
        "description": "Takes the money.",
        "tags": ["java", "payments", "java"],
        "annotations": {"pagerduty.com/service-id": "PABC123", "long": "x" * 600},
    }
    text = component(
        "Checkout", namespace="shop", metadata=metadata, system="store", dependsOn=["resource:db"]
    )
    file = write(tmp_path / "a.yaml", "# head\n" + text)
    status, report = run_json(file)
    assert status == 0
    assert (report["created"], report["refused"]) == (1, 0)
    entity = Entity.objects.get()
    assert entity.ref == "component:shop/checkout"
    assert (entity.kind, entity.namespace, entity.name) == ("Component", "shop", "Checkout")
    assert (entity.title, entity.type, entity.lifecycle) == ("Checkout", "service", "production")
    assert (entity.owner_ref, entity.system_ref) == ("group:shop/team", "system:shop/store")
    assert (entity.source, entity.source_line) == (str(file), 2)
    assert entity.location.target == str(file)
    assert entity.run.state == ImportRun.State.SUCCEEDED
    assert entity.descriptor["metadata"]["annotations"]["long"] == "x" * 600
    assert list(entity.tag_rows.values_list("name", flat=True)) == ["java", "payments"]
    values = dict(entity.annotation_rows.values_list("key", "value"))
    assert values == {"pagerduty.com/service-id": "PABC123", "long": "x" * 500}
    assert set(entity.declared.values_list("type", "target_ref")) == {
        ("ownedBy", "group:shop/team"),
        ("partOf", "system:shop/store"),
        ("dependsOn", "resource:shop/db"),
    }


def test_importing_the_same_files_again_writes_no_entity_and_says_so(tmp_path):
    write(tmp_path / "a.yaml", component("a"), group())
    run("import_catalog", tmp_path)
    with CaptureQueriesContext(connection) as queries:
        status, out = run("import_catalog", tmp_path)
    assert status == 0
    assert "Nothing changed" in out
    assert "unchanged        2" in out
    written = [
        q["sql"]
        for q in queries
        if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
        and any(
            f'"catalog_{t}"' in q["sql"].split("WHERE")[0]
            for t in ("entity", "tag", "relation", "annotation")
        )
    ]
    assert written == []


def test_a_changed_document_replaces_its_rows_and_only_its_rows(tmp_path):
    file = write(
        tmp_path / "a.yaml",
        component("a", metadata={"tags": ["old"], "annotations": {"k": "1"}}, dependsOn=["api:x"]),
        component("b", metadata={"tags": ["kept"]}),
    )
    run("import_catalog", file)
    before = {e.name: e for e in Entity.objects.all()}
    write(
        file,
        component("a", metadata={"tags": ["new"]}, owner="others"),
        component("b", metadata={"tags": ["kept"]}),
    )
    _status, report = run_json(file)
    assert (report["created"], report["changed"], report["unchanged"]) == (0, 1, 1)
    a, b = Entity.objects.get(name="a"), Entity.objects.get(name="b")
    assert a.pk == before["a"].pk
    assert a.created_at == before["a"].created_at
    assert a.changed_at > before["a"].changed_at
    assert b.changed_at == before["b"].changed_at
    assert a.owner_ref == "group:default/others"
    assert list(Tag.objects.order_by("name").values_list("name", flat=True)) == ["kept", "new"]
    assert not Annotation.objects.exists()
    assert list(a.declared.values_list("type", "target_ref")) == [
        ("ownedBy", "group:default/others")
    ]


def test_a_bad_document_never_blocks_a_good_one(tmp_path):
    file = write(tmp_path / "a.yaml", component("a"), BROKEN, UNOWNED, component("z"))
    status, report = run_json(file)
    assert status == 1
    assert refs() == {"component:default/a", "component:default/z"}
    assert report["refused"] == 2
    run_row = ImportRun.objects.get()
    assert (run_row.state, run_row.refused, run_row.created) == (ImportRun.State.REFUSED, 2, 2)
    broken, unowned = ImportIssue.objects.order_by("document")
    assert (broken.file, broken.document, broken.ref) == (str(file), 1, "")
    assert broken.line == broken.messages[0]["line"]
    assert (unowned.document, unowned.ref) == (2, "component:default/unowned")
    assert unowned.messages[0]["path"] == "spec.owner"


def test_the_last_good_version_of_a_refused_document_stays(tmp_path):
    file = write(tmp_path / "a.yaml", component("a", metadata={"title": "Good"}))
    run("import_catalog", file)
    write(file, component("a", metadata={"title": ""}))
    status, _out = run("import_catalog", file, prune=True)
    assert status == 1
    assert Entity.objects.get().title == "Good"


def test_text_output_counts_documents_from_one(tmp_path):
    file = write(tmp_path / "a.yaml", "kind: Component\n", component("b"))
    _status, out = run("import_catalog", file)
    assert " document 1 " in out


def test_text_output_says_file_line_entity_reason_and_hint(tmp_path):
    file = write(tmp_path / "a.yaml", component("a", dependsOn=["bare"]))
    status, out = run("import_catalog", file)
    assert status == 1
    line = next(line for line in out.splitlines() if "bare" in line)
    assert line.startswith(f"{file}:")
    assert "component:default/a spec.dependsOn[0]: 'bare' has no kind" in line
    assert "    write component:bare or resource:bare" in out
    assert "refused          1" in out
    assert "conflict" not in out


def test_text_output_tells_conflicts_apart(tmp_path):
    file = write(tmp_path / "a.yaml", component("a"), component("a"), UNOWNED)
    _status, out = run("import_catalog", file)
    assert "refused          2, 1 of them in conflict" in out
    _status, report = run_json(file)
    assert (report["refused"], report["conflicts"]) == (2, 1)
    assert {issue["kind"] for issue in report["issues"]} == {"refused", "conflict"}
    conflict = next(issue for issue in report["issues"] if issue["kind"] == "conflict")
    assert conflict["holder"] == f"{file}:1"
    file = write(tmp_path / "b.yaml", component("b"))
    run("import_catalog", file)
    assert Location.objects.get(target=str(file)).origin == Location.Origin.COMMAND


def test_a_dry_run_reports_and_leaves_no_trace(tmp_path):
    file = write(tmp_path / "a.yaml", component("a"), UNOWNED)
    status, report = run_json(file, dry_run=True)
    assert status == 1
    assert (report["created"], report["refused"], report["run"]) == (1, 1, None)
    for model in (Entity, ImportRun, ImportIssue, Location, Relation):
        assert not model.objects.exists()


def test_prune_removes_what_the_sources_no_longer_have(tmp_path):
    write(tmp_path / "a" / "1.yaml", component("a"), component("b"))
    write(tmp_path / "a" / "2.yaml", component("c"))
    write(tmp_path / "other.yaml", component("other"))
    run("import_catalog", tmp_path / "a", tmp_path / "other.yaml")
    write(tmp_path / "a" / "1.yaml", component("a"))
    (tmp_path / "a" / "2.yaml").unlink()
    _status, report = run_json(tmp_path / "a")
    assert report["removed"] == 0
    assert len(refs()) == 4
    _status, report = run_json(tmp_path / "a", prune=True)
    assert report["removed"] == 2
    assert refs() == {"component:default/a", "component:default/other"}


def test_prune_never_removes_what_may_only_be_unreadable(tmp_path):
    write(tmp_path / "1.yaml", component("a"), component("b"))
    write(tmp_path / "2.yaml", component("c"))
    run("import_catalog", tmp_path)
    write(tmp_path / "1.yaml", component("a", owner=""), "a: [\n")
    write(tmp_path / "2.yaml", "# moved away\n")
    _status, report = run_json(tmp_path, prune=True)
    assert report["removed"] == 1
    assert refs() == {"component:default/a", "component:default/b"}
    (tmp_path / "2.yaml").unlink()
    (tmp_path / "1.yaml").write_bytes(b"\xff")
    _status, report = run_json(tmp_path, prune=True)
    assert report["removed"] == 0
    assert len(refs()) == 2


def test_the_first_of_two_documents_with_one_reference_is_kept(tmp_path):
    first = write(tmp_path / "1.yaml", component("a", metadata={"title": "first"}))
    second = write(tmp_path / "2.yaml", component("A", metadata={"title": "second"}))
    status, report = run_json(tmp_path)
    assert status == 1
    assert Entity.objects.get().title == "first"
    (issue,) = report["issues"]
    assert issue["file"] == str(second)
    assert f"already defined at {first}:1" in issue["errors"][0]["message"]


def test_a_reference_stays_with_the_location_that_has_it(tmp_path):
    first = write(tmp_path / "x" / "1.yaml", component("a", metadata={"title": "first"}))
    second = write(tmp_path / "y" / "2.yaml", component("a", metadata={"title": "second"}))
    run("import_catalog", first)
    status, report = run_json(second)
    assert status == 1
    assert Entity.objects.get().title == "first"
    assert str(first) in report["issues"][0]["errors"][0]["message"]
    status, report = run_json(second, first)
    assert status == 1
    assert Entity.objects.get().title == "first"


def test_a_document_may_move_between_the_files_of_a_run(tmp_path):
    old = write(tmp_path / "x" / "1.yaml", component("a"), component("stays"))
    new = write(tmp_path / "y" / "2.yaml", group())
    run("import_catalog", old, new)
    write(old, component("stays"))
    write(new, "# more above\n\n" + component("a"), group())
    status, report = run_json(old, new, prune=True)
    assert status == 0
    assert (report["unchanged"], report["removed"]) == (3, 0)
    moved = Entity.objects.get(name="a")
    assert (moved.source, moved.source_line, moved.location.target) == (str(new), 3, str(new))


def test_the_same_file_through_another_root_is_no_conflict(tmp_path):
    file = write(tmp_path / "a.yaml", component("a"))
    run("import_catalog", tmp_path)
    status, report = run_json(file)
    assert (status, report["unchanged"]) == (0, 1)
    status, report = run_json(file, tmp_path)
    assert (status, report["unchanged"]) == (0, 1)
    assert Entity.objects.get().location.target == str(tmp_path)


def test_a_file_takes_over_an_entity_that_has_no_file(tmp_path):
    file = write(tmp_path / "a.yaml", component("a", metadata={"title": "file"}))
    run("import_catalog", file)
    Location.objects.all().delete()
    assert Entity.objects.get().location is None
    write(file, component("a", metadata={"title": "new"}))
    status, report = run_json(file)
    assert (status, report["changed"]) == (0, 1)
    assert Entity.objects.get().location.target == str(file)


def test_warns_of_unresolved_references_and_suggests_the_nearest(tmp_path):
    file = write(tmp_path / "a.yaml", component("a", owner="team-aplha"), group("team-alpha"))
    status, out = run("import_catalog", file)
    assert status == 0
    assert "ownedBy group:default/team-aplha points to nothing" in out
    assert "did you mean group:default/team-alpha?" in out


def test_says_how_many_more_references_are_unresolved(tmp_path):
    file = write(tmp_path / "a.yaml", component("a", dependsOn=[f"api:x{n}" for n in range(30)]))
    _status, out = run("import_catalog", file)
    assert out.count("points to nothing") == 20
    assert "and 11 more unresolved references" in out


def test_without_a_source_imports_the_configured_locations(tmp_path, settings):
    settings.CATALOG_LOCATIONS = [str(write(tmp_path / "a.yaml", component("a")))]
    status, _out = run("import_catalog")
    assert status == 0
    assert refs() == {"component:default/a"}
    assert Location.objects.get().origin == Location.Origin.STATIC
    settings.CATALOG_LOCATIONS = []
    with pytest.raises(CommandError, match="CATALOG_LOCATIONS"):
        call_command("import_catalog")


def test_notes_who_started_a_run_and_what_it_read(tmp_path):
    file = write(tmp_path / "a.yaml", component("a"))
    user = make_user("ana")
    report = run_import([str(file)], user=user, trigger=ImportRun.Trigger.PERSON)
    row = ImportRun.objects.get(pk=report.run_id)
    assert row.started_by == user
    assert row.trigger == ImportRun.Trigger.PERSON
    assert [location.target for location in row.locations.all()] == [str(file)]
    assert row.locations.get().read_at is not None
    assert row.locations.get().last_run == row
    assert row.duration_s > 0


def test_a_failing_database_changes_nothing_and_is_said(tmp_path):
    write(tmp_path / "a.yaml", component("a"))
    run("import_catalog", tmp_path)
    write(tmp_path / "a.yaml", component("a", owner="x"), component("b"))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON catalog_relation"
            " BEGIN SELECT RAISE(ABORT, 'disk on fire'); END"
            if connection.vendor == "sqlite"
            else "SET CONSTRAINTS ALL IMMEDIATE;"
            " ALTER TABLE catalog_relation ADD CONSTRAINT broken CHECK (id < 0) NOT VALID"
        )
    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("import_catalog", str(tmp_path))
    row = ImportRun.objects.first()
    assert row.state == ImportRun.State.FAILED
    assert (row.created, row.changed) == (0, 0)
    assert "the database refused" in row.failure
    assert not ImportIssue.objects.exists()
    assert refs() == {"component:default/a"}
    assert Entity.objects.get().owner_ref == "group:default/team"


def test_a_run_whose_process_was_killed_is_not_running_for_ever(tmp_path):
    killed, under_way = ImportRun.objects.create(), ImportRun.objects.create()
    ImportRun.objects.update(started_at=timezone.now() - timedelta(seconds=61))
    begun = ImportRun.objects.create()
    with lease(f"import:{under_way.pk}"):
        run("import_catalog", write(tmp_path / "a.yaml", component("one")))
    for one in (killed, under_way, begun):
        one.refresh_from_db()
    assert killed.state == ImportRun.State.FAILED
    assert killed.failure == "interrupted: its process was stopped"
    assert under_way.state == begun.state == ImportRun.State.RUNNING


def test_a_run_holds_its_lease_as_long_as_it_lasts(tmp_path):
    held = []
    write(tmp_path / "a.yaml", component("a"))
    report = run_import(
        [str(tmp_path)],
        progress=lambda *_: held.append(is_held(f"import:{ImportRun.objects.get().pk}")),
    )
    assert held
    assert all(held)
    assert not is_held(f"import:{report.run_id}")


def test_an_interrupted_run_is_marked_failed(tmp_path):
    write(tmp_path / "a.yaml", component("a"))

    def interrupt(_phase, _count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_import([str(tmp_path)], progress=interrupt)
    assert ImportRun.objects.get().state == ImportRun.State.FAILED
    assert not Entity.objects.exists()


def test_a_file_over_a_limit_is_an_issue_and_others_go_in(tmp_path):
    write(tmp_path / "big.yaml", component("big", metadata={"description": "x" * 2000}))
    write(tmp_path / "small.yaml", component("small"))
    report = run_import([str(tmp_path)], limits=Limits(max_bytes=1000))
    assert [issue.file for issue in report.issues] == [str(tmp_path / "big.yaml")]
    assert "larger than 1,000 bytes" in report.issues[0].problems[0].message
    assert refs() == {"component:default/small"}


def test_hostile_files_do_no_harm(tmp_path):
    write(tmp_path / "deep.yaml", "[" * 100_000)
    write(
        tmp_path / "bomb.yaml",
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(
            f"b{n}: &b{n} [{','.join([f'*b{n - 1}' if n else '*a'] * 10)}]\n" for n in range(9)
        ),
    )
    write(tmp_path / "unicode.yaml", component("u", metadata={"title": "😀 \u202e 日本語 \u0092"}))
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    write(tmp_path / "empty.yaml", "")
    status, report = run_json(*sorted(tmp_path.iterdir()))
    assert (status, report["refused"]) == (1, 3)
    assert Entity.objects.get().title == "😀 \u202e 日本語 \u0092"
