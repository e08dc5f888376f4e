"""Issues stand while a thing is wrong: refused documents, conflicts, unreadable files, warnings."""

import datetime as dt
import os

import pytest
import time_machine

from catalog.models import Entity, ImportIssue, ImportRun, Location
from tests.catalog.sources import component, group, imported, location, write
from tests.factories import make_entity

pytestmark = pytest.mark.django_db

START = dt.datetime(2026, 11, 1, 9, 0, tzinfo=dt.UTC)


def at(minutes):
    return time_machine.travel(START + dt.timedelta(minutes=minutes), tick=False)


def minutes(moment):
    return (moment - START).total_seconds() / 60


def titles():
    return dict(Entity.objects.values_list("name", "title"))


def titled(name, title):
    return component(name, metadata={"title": title})


class TestStanding:
    """Since when something is wrong, and until when."""

    def test_a_refusal_stands_until_the_document_is_right(self, tmp_path):
        file = write(tmp_path / "a.yaml", component("a", owner=""))
        with at(0):
            imported(file)
        with at(1):
            imported(file)
        write(file, group(), component("a", lifecycle=""))
        with at(2):
            imported(file)
        issue = ImportIssue.objects.get()
        assert (issue.kind, issue.document, issue.line) == ("refused", 1, 15)
        assert issue.messages[0]["path"] == "spec.lifecycle"
        assert (minutes(issue.first_seen_at), minutes(issue.last_seen_at)) == (0, 2)
        assert issue.run == ImportRun.objects.first()
        assert issue.location.target == str(file)
        write(file, group(), component("a"))
        imported(file)
        assert not ImportIssue.objects.exists()

    def test_an_unparsed_file_moves_the_time_on(self, tmp_path):
        file = write(tmp_path / "a.yaml", component("a", owner=""), component("b", dependOn=[]))
        with at(0):
            imported(file)
        with at(5):
            assert imported(file)[1] == 0
        for issue in ImportIssue.objects.all():
            assert (minutes(issue.first_seen_at), minutes(issue.last_seen_at)) == (0, 5)
            assert issue.run == ImportRun.objects.first()

    def test_the_issues_of_a_file_go_with_it(self, tmp_path):
        file = write(tmp_path / "a.yaml", component("a", owner=""))
        write(tmp_path / "b.yaml", component("b"))
        imported(tmp_path)
        file.unlink()
        imported(tmp_path)
        assert not ImportIssue.objects.exists()

    @pytest.mark.parametrize("lead", [True, False])
    def test_a_file_that_is_missing_has_no_other_issue(self, tmp_path, lead):
        documents = [titled("a", "one"), component("b"), component("own", dependsOn=["x y"])]
        file = write(tmp_path / "in" / "a.yaml", *documents)
        root = write(tmp_path / "all.yaml", location("./in/a.yaml")) if lead else file
        imported(write(tmp_path / "other.yaml", component("b", type="website")))
        imported(root)
        assert {issue.kind for issue in ImportIssue.objects.all()} == {"refused", "conflict"}
        write(tmp_path / "in" / "README", "away")
        file.rename(tmp_path / "away")
        imported(root)
        assert [issue.kind for issue in ImportIssue.objects.all()] == ["unreadable"]
        assert Entity.objects.get(name="a").orphaned_at is not None
        (tmp_path / "away").rename(file)
        imported(root)
        assert {issue.kind for issue in ImportIssue.objects.all()} == {"refused", "conflict"}

    def test_what_lies_behind_something_unreadable_is_still_read(self, tmp_path):
        root = write(tmp_path / "all.yaml", location("./a.yaml"))
        write(tmp_path / "a.yaml", component("a", owner=""))
        with at(0):
            imported(root)
        root.unlink()
        os.mkfifo(root)
        with at(1):
            imported(root)
        refused = ImportIssue.objects.get(kind="refused")
        assert minutes(refused.last_seen_at) == 1
        unreadable = ImportIssue.objects.get(kind="unreadable")
        assert (unreadable.file, unreadable.document) == (str(root), None)
        root.unlink()
        write(root, location("./a.yaml"))
        with at(2):
            imported(root)
        assert minutes(ImportIssue.objects.get().last_seen_at) == 2

    def test_a_missing_target_stands_until_it_is_there(self, tmp_path):
        root = write(tmp_path / "all.yaml", location("./a.yaml", "./b.yaml"))
        with at(0):
            imported(root)
        write(tmp_path / "a.yaml", component("a"))
        with at(1):
            imported(root)
        issue = ImportIssue.objects.get()
        assert (issue.kind, issue.ref) == ("unreadable", "location:default/all")
        assert "b.yaml: there is no such file" in issue.messages[0]["message"]
        assert minutes(issue.first_seen_at) == 0

    def test_a_warning_stands_and_refuses_nothing(self, tmp_path):
        file = write(tmp_path / "a.yaml", component("a", dependOn=[]))
        report, _parsed = imported(file)
        assert report.is_ok
        issue = ImportIssue.objects.get()
        assert (issue.kind, issue.ref) == ("warning", "component:default/a")
        assert issue.messages[0]["hint"] == "did you mean dependsOn?"
        write(file, component("a"))
        imported(file)
        assert not ImportIssue.objects.exists()

    def test_a_dry_run_leaves_issues_alone(self, tmp_path):
        file = write(tmp_path / "a.yaml", component("a", owner=""))
        imported(file)
        write(file, component("a"))
        imported(file, dry_run=True)
        assert ImportIssue.objects.count() == 1


class TestConflicts:
    """Two documents, one reference: the first keeps it, for as long as it is there."""

    @pytest.fixture
    def pair(self, tmp_path):
        """The holder's file and the loser's, each a location of its own."""
        first = write(tmp_path / "x" / "1.yaml", titled("a", "first"), component("b"))
        second = write(tmp_path / "y" / "2.yaml", titled("a", "second"))
        imported(first)
        imported(second)
        return first, second

    def test_a_conflict_stands_with_its_holder(self, pair):
        first, second = pair
        report, _parsed = imported(second)
        (issue,) = report.conflicts
        assert (issue.file, issue.holder) == (str(second), f"{first}:1")
        row = ImportIssue.objects.get()
        assert (row.kind, row.ref, row.holder) == (
            "conflict",
            "component:default/a",
            f"{first}:1",
        )
        assert "rename one of the two" in row.messages[0]["hint"]
        assert row.location.target == str(second)

    def test_it_says_where_the_holder_stands_now(self, pair):
        first, second = pair
        write(first, component("b"), titled("a", "first"))
        imported(first)
        imported(second)
        assert ImportIssue.objects.get().holder == f"{first}:10"

    def test_it_says_at_once_where_the_holder_stands_though_both_changed(self, tmp_path):
        first = write(tmp_path / "1.yaml", titled("a", "first"), component("b"))
        second = write(tmp_path / "2.yaml", titled("a", "second"))
        imported(first, second)
        write(first, component("b"), titled("a", "first"))
        write(second, titled("a", "other"))
        imported(second, first)
        assert ImportIssue.objects.get().holder == f"{first}:10"

    def test_it_stays_while_the_holder_changes_and_keeps_it(self, pair):
        first, second = pair
        write(first, titled("a", "third"))
        report, _parsed = imported(second, first)
        assert len(report.conflicts) == 1
        assert titles()["a"] == "third"

    @pytest.mark.parametrize("together", [True, False])
    @pytest.mark.parametrize("how", ["renamed", "emptied"])
    def test_it_resolves_itself_when_the_holder_has_it_no_more(self, pair, together, how):
        first, second = pair
        write(first, component("b"), *([titled("c", "first")] if how == "renamed" else []))
        reports = [imported(second, first)] if together else [imported(first), imported(second)]
        assert reports[-1][0].is_ok
        assert titles()["a"] == "second"
        assert not ImportIssue.objects.exists()
        assert Entity.objects.get(name="a").orphaned_at is None

    def test_it_resolves_itself_when_the_holders_file_is_deleted(self, tmp_path):
        first = write(tmp_path / "1.yaml", titled("a", "first"))
        write(tmp_path / "2.yaml", titled("a", "second"))
        imported(tmp_path)
        assert titles() == {"a": "first"}
        first.unlink()
        report, _parsed = imported(tmp_path)
        assert report.is_ok
        assert report.gone == 0
        assert titles() == {"a": "second"}

    def test_it_resolves_itself_after_the_holders_location_was_unregistered(self, pair):
        first, second = pair
        Location.objects.get(target=str(first)).delete()
        report, parsed = imported(second)
        assert (report.is_ok, report.changed, parsed) == (True, 1, 1)
        assert titles()["a"] == "second"

    def test_it_resolves_itself_after_the_holders_row_was_deleted(self, pair):
        _first, second = pair
        Entity.objects.get(name="a").delete()
        assert imported(second)[0].created == 1
        assert not ImportIssue.objects.exists()

    def test_it_stays_while_the_holder_is_only_unreadable(self, pair):
        first, second = pair
        first.unlink()
        os.mkfifo(first)
        report, _parsed = imported(second, first)
        assert len(report.conflicts) == 1
        assert titles()["a"] == "first"

    def test_of_three_the_next_in_line_takes_it(self, tmp_path):
        for number in range(3):
            write(tmp_path / f"{number}.yaml", titled("a", f"number {number}"))
        imported(tmp_path)
        (tmp_path / "0.yaml").unlink()
        report, _parsed = imported(tmp_path)
        assert titles() == {"a": "number 1"}
        (issue,) = report.conflicts
        assert (issue.file, issue.holder) == (
            str(tmp_path / "2.yaml"),
            f"{tmp_path / '1.yaml'}:1",
        )

    def test_a_local_entity_keeps_its_reference_until_it_is_deleted(self, tmp_path):
        local = make_entity("a", title="local")
        file = write(tmp_path / "a.yaml", titled("a", "file"))
        report, _parsed = imported(file)
        (issue,) = report.conflicts
        assert issue.holder == ""
        assert "already defined locally" in issue.problems[0].message
        assert "delete the local entity" in issue.problems[0].hint
        assert imported(file)[1] == 0
        local.delete()
        assert imported(file)[0].created == 1
        assert not ImportIssue.objects.exists()

    def test_twins_in_one_file_conflict(self, tmp_path):
        file = write(tmp_path / "a.yaml", titled("a", "one"), titled("A", "two"))
        report, _parsed = imported(file)
        assert report.conflicts[0].holder == f"{file}:1"
        write(file, titled("A", "two"))
        assert imported(file)[0].is_ok
        assert titles() == {"A": "two"}


class TestAllowedKinds:
    """A location may be held to some kinds."""

    def test_a_document_of_another_kind_is_refused(self, tmp_path):
        file = write(tmp_path / "a.yaml", component("a"), group("admins"))
        report, _parsed = imported(file, allowed_kinds=["Component"])
        (issue,) = report.issues
        assert (issue.kind, issue.ref, issue.line) == ("refused", "group:default/admins", 10)
        (problem,) = issue.problems
        assert problem.message == "kind Group may not be defined here, only Component"
        assert "may change locations" in problem.hint
        assert set(titles()) == {"a"}
        assert Location.objects.get().allowed_kinds == ["Component"]

    def test_all_that_is_wrong_is_said_at_once(self, tmp_path):
        file = write(tmp_path / "a.yaml", component("a", owner=""))
        report, _parsed = imported(file, allowed_kinds=["API"])
        assert [problem.path for problem in report.issues[0].problems] == ["kind", "spec.owner"]

    def test_a_location_document_follows_the_rule_too(self, tmp_path):
        root = write(tmp_path / "all.yaml", location("./a.yaml"))
        write(tmp_path / "a.yaml", component("a"))
        report, _parsed = imported(root, allowed_kinds=["Component"])
        assert "kind Location may not be defined here" in report.issues[0].problems[0].message
        assert titles() == {}
        Location.objects.update(allowed_kinds=["Component", "Location"])
        assert imported(root)[0].is_ok
        assert set(titles()) == {"all", "a"}

    def test_another_location_cannot_lend_its_right(self, tmp_path):
        file = write(tmp_path / "a.yaml", group("admins"))
        root = write(tmp_path / "all.yaml", location("./a.yaml"))
        imported(file, allowed_kinds=["Component"])
        report, _parsed = imported(root)
        assert report.refused == 1
        assert set(titles()) == {"all"}
        for source in (root, file, root):
            report, parsed = imported(source)
            assert (report.refused, parsed) == (1, 0)
