"""What is remembered of files: an unchanged one is not parsed, and nothing is missed by that."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import versions
from catalog.models import Entity, ImportIssue, Location, SourceFile
from tests.catalog.sources import api, component, group, imported, location, write

pytestmark = pytest.mark.django_db

UNOWNED = component("unowned", owner="")


def refs():
    return {ref.partition("/")[2] for ref in Entity.objects.values_list("ref", flat=True)}


def definition():
    return Entity.objects.get(kind="API").spec["definition"]


def test_only_a_changed_file_is_parsed(tmp_path):
    write(tmp_path / "a.yaml", component("a"), component("b"))
    write(tmp_path / "c.yaml", component("c"))
    report, parsed = imported(tmp_path)
    assert (report.created, parsed) == (3, 3)
    report, parsed = imported(tmp_path)
    assert (report.unchanged, parsed) == (3, 0)
    assert not report.has_changes
    write(tmp_path / "c.yaml", component("c", owner="others"))
    report, parsed = imported(tmp_path)
    assert (report.changed, report.unchanged, parsed) == (1, 2, 1)
    assert imported(tmp_path)[1] == 0


def test_a_run_that_finds_nothing_new_leaves_the_catalogs_version_alone(tmp_path):
    file = write(tmp_path / "a.yaml", component("a"), UNOWNED)
    imported(file)
    before = versions.current()
    imported(file)
    assert versions.current() == before
    write(file, component("a"))
    imported(file)
    assert versions.current() > before


def test_an_unchanged_catalog_costs_the_same_few_queries_whatever_its_size(tmp_path):
    write(tmp_path / "0.yaml", component("c0"), group("team"), UNOWNED)
    imported(tmp_path)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert imported(tmp_path)[1] == 0
        return len(captured)

    few = queries()
    for number in range(1, 60):
        write(tmp_path / f"{number}.yaml", component(f"c{number}"), UNOWNED)
    imported(tmp_path)
    assert queries() <= few


def test_a_deleted_row_comes_back_though_its_file_is_as_it_was(tmp_path):
    write(tmp_path / "a.yaml", component("a"), component("b"))
    write(tmp_path / "c.yaml", component("c"))
    imported(tmp_path)
    Entity.objects.get(name="a").delete()
    report, parsed = imported(tmp_path)
    assert (report.created, report.unchanged, parsed) == (1, 2, 2)
    assert imported(tmp_path)[1] == 0


def test_other_rules_have_a_file_judged_again(tmp_path):
    write(tmp_path / "a.yaml", component("a"), group("g"))
    imported(tmp_path)
    Location.objects.update(allowed_kinds=["Component"])
    report, parsed = imported(tmp_path)
    assert (report.refused, parsed) == (1, 1)
    report, parsed = imported(tmp_path)
    assert (report.refused, parsed) == (1, 0)


def test_what_a_placeholder_stands_for_is_looked_at_too(tmp_path):
    write(tmp_path / "a.yaml", api({"$text": "./api.txt"}))
    part = tmp_path / "api.txt"
    part.write_text("one")
    imported(tmp_path)
    assert imported(tmp_path)[1] == 0
    part.write_text("two")
    report, parsed = imported(tmp_path)
    assert (report.changed, parsed, definition()) == (1, 1, "two")
    part.unlink()
    report, _parsed = imported(tmp_path)
    assert "no such file" in report.notices[0].message
    assert imported(tmp_path)[1] == 0
    part.write_text("three")
    imported(tmp_path)
    assert definition() == "three"
    assert not ImportIssue.objects.exists()


def test_a_placeholder_stays_in_the_folder_of_a_root_that_is_one_file(tmp_path):
    root = write(tmp_path / "repo" / "all.yaml", location("./deep/a.yaml"))
    write(tmp_path / "repo" / "deep" / "a.yaml", api({"$text": "../shared.txt"}))
    (tmp_path / "repo" / "shared.txt").write_text("shared")
    (tmp_path / "secret.txt").write_text("secret")
    imported(root)
    assert definition() == "shared"
    write(tmp_path / "repo" / "deep" / "a.yaml", api({"$text": "../../secret.txt"}))
    report, _parsed = imported(root)
    assert "leads out of the folder" in report.notices[0].message
    assert definition() == {"$text": "../../secret.txt"}


def test_the_targets_of_an_unparsed_location_are_followed(tmp_path):
    root = write(tmp_path / "all.yaml", group("g"), location("./a.yaml", "./more/*.yaml"))
    target = write(tmp_path / "a.yaml", component("a"))
    write(tmp_path / "more" / "b.yaml", component("b"))
    imported(root)
    write(target, component("a", owner="others"))
    write(tmp_path / "more" / "c.yaml", component("c"))
    report, parsed = imported(root)
    assert (report.created, report.changed, parsed) == (1, 1, 2)
    target.unlink()
    report, parsed = imported(root)
    (issue,) = report.issues
    assert parsed == 0
    assert (issue.file, issue.document, issue.line) == (str(root), 1, 15)
    assert (issue.kind, issue.ref) == ("unreadable", "location:default/all")
    assert issue.problems[0].path == "spec.targets[0]"
    assert "a" in refs()


def test_an_unparsed_location_that_need_not_be_there_may_go(tmp_path):
    root = write(tmp_path / "all.yaml", location("./a.yaml", presence="optional"))
    target = write(tmp_path / "a.yaml", component("a"))
    imported(root)
    target.unlink()
    report, _parsed = imported(root)
    assert report.is_ok
    assert report.orphaned == 1
    write(target, component("a"))
    assert imported(root)[0].restored == 1


def test_what_stands_of_an_unparsed_file_is_reported_again(tmp_path):
    file = write(
        tmp_path / "a.yaml", component("a", dependOn=[]), UNOWNED, component("a"), component("b")
    )
    first, _parsed = imported(file)
    again, parsed = imported(file)
    assert parsed == 0
    assert [(i.kind, i.document, i.line) for i in again.issues] == [
        (i.kind, i.document, i.line) for i in first.issues
    ]
    assert again.refused == 2
    assert len(again.conflicts) == 1
    assert [notice.message for notice in again.notices] == [n.message for n in first.notices]


def test_a_last_good_version_is_not_counted_as_unchanged(tmp_path):
    file = write(tmp_path / "a.yaml", component("a"), component("b"))
    imported(file)
    write(file, component("a", owner=""), component("b"))
    first, _parsed = imported(file)
    again, parsed = imported(file)
    assert parsed == 0
    assert first.unchanged == again.unchanged == 1


@pytest.mark.parametrize(
    "after",
    [
        (component("a"), "kind: Component\n"),  # b may be the one that has no name
        (component("a"), component("a", owner=""), component("b", owner="")),
    ],
)
def test_only_what_a_document_vouches_for_is_counted_as_unchanged(tmp_path, after):
    file = write(tmp_path / "a.yaml", component("a"), component("b"))
    imported(file)
    write(file, *after)
    first, _parsed = imported(file)
    again, _parsed = imported(file)
    assert first.unchanged == again.unchanged == 1
    assert refs() == {"a", "b"}


def test_a_file_has_one_name_whoever_leads_to_it(tmp_path):
    write(tmp_path / "teams" / "a.yaml", component("a"))
    root = write(tmp_path / "all" / "all.yaml", location("../teams/a.yaml", "../teams/*.yaml"))
    imported(tmp_path / "teams")
    report, _parsed = imported(root)
    assert (report.conflicts, report.created) == ([], 1)
    assert Entity.objects.get(name="a").source == str(tmp_path / "teams" / "a.yaml")


def test_a_name_above_a_link_is_left_as_it_is(tmp_path):
    write(tmp_path / "real" / "a.yaml", component("a"))
    (tmp_path / "real" / "inner").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "inner")
    report, _parsed = imported(write(tmp_path / "all.yaml", location("./link/../a.yaml")))
    assert (report.is_ok, report.created) == (True, 2)


def test_a_file_below_two_roots_is_read_once_and_stays_with_the_first(tmp_path):
    file = write(tmp_path / "a.yaml", component("a"))
    root = write(tmp_path / "all.yaml", location("./a.yaml"))
    imported(root)
    report, parsed = imported(file, root)
    assert (report.is_ok, parsed) == (True, 0)
    report, parsed = imported(file)
    assert report.is_ok
    entity = Entity.objects.get(name="a")
    assert entity.location.target == str(root)
    assert SourceFile.objects.get(address=str(file)).location.target == str(root)


def test_a_file_is_handed_over_to_the_root_that_still_leads_to_it(tmp_path):
    file = write(tmp_path / "a.yaml", component("a"), UNOWNED)
    root = write(tmp_path / "all.yaml", location("./a.yaml"))
    imported(root, file)
    write(root, location("./b.yaml", presence="optional"))
    report, _parsed = imported(root, file)
    assert report.gone == 0
    assert Entity.objects.get(name="a").location.target == str(file)
    assert SourceFile.objects.get(address=str(file)).location.target == str(file)
    assert ImportIssue.objects.get().location.target == str(file)


def test_many_files_are_handed_over_by_as_few_queries_as_one(tmp_path):
    def queries(name, count):
        folder, root = tmp_path / name, tmp_path / f"{name}.yaml"
        for number in range(count):
            write(folder / f"{number}.yaml", component(f"{name}-{number}"))
        write(root, location(f"./{name}/*.yaml", name=name))
        imported(root, folder)
        assert {entity.location.target for entity in rows(name)} == {str(root)}
        write(root, location("./nothing.yaml", name=name, presence="optional"))
        with CaptureQueriesContext(connection) as captured:
            imported(root, folder)
        assert {entity.location.target for entity in rows(name)} == {str(folder)}
        return len(captured)

    def rows(name):
        return Entity.objects.filter(name__startswith=f"{name}-").select_related("location")

    assert queries("many", 40) <= queries("one", 1)


def test_what_is_remembered_of_a_file_goes_with_it(tmp_path):
    write(tmp_path / "a.yaml", component("a"))
    gone = write(tmp_path / "b.yaml", component("b"))
    imported(tmp_path)
    gone.unlink()
    imported(tmp_path)
    assert list(SourceFile.objects.values_list("address", flat=True)) == [str(tmp_path / "a.yaml")]


def test_a_dry_run_remembers_nothing_and_counts_the_same(tmp_path):
    write(tmp_path / "a.yaml", component("a"))
    report, _parsed = imported(tmp_path, dry_run=True)
    assert [(o.ref, o.action) for o in report.outcomes] == [("component:default/a", "created")]
    assert not SourceFile.objects.exists()
    imported(tmp_path)
    report, parsed = imported(tmp_path, dry_run=True)
    assert (report.unchanged, parsed) == (1, 0)


def test_a_file_that_another_location_has_brings_nothing_else_of_that_one_along(tmp_path):
    write(tmp_path / "big" / "a.yaml", component("a"))
    for number in range(3):
        write(tmp_path / "big" / f"{number}.yaml", component(f"c{number}"), UNOWNED)
    imported(tmp_path / "big")
    before = dict(ImportIssue.objects.values_list("pk", "last_seen_at"))
    root = write(tmp_path / "all.yaml", location("./big/a.yaml"))
    imported(root)
    (tmp_path / "big" / "0.yaml").unlink()
    report, parsed = imported(root)
    assert (report.unchanged, report.gone, report.refused, parsed) == (2, 0, 0, 0)
    assert dict(ImportIssue.objects.values_list("pk", "last_seen_at")) == before
    assert imported(tmp_path / "big")[0].orphaned == 1
