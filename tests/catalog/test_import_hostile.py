"""Documents, targets and folders that break whoever trusts them: the others go in all the same."""

import os

import pytest

from catalog.models import Entity, ImportIssue
from tests.catalog.sources import component, imported, location, run_json, write
from tests.factories import make_user

pytestmark = pytest.mark.django_db


class TestOneBadDocument:
    """Whatever a document asks for, the others go in."""

    @pytest.mark.parametrize(
        "target",
        [
            f"./{'a' * 300}.yaml",
            f"./{'a' * 300}/*.yaml",
            f"./{'a/' * 3000}x.yaml",
            "http://[::1/x.yaml",
            "../" * 50 + "x.yaml",
        ],
        ids=["long", "glob", "deep", "address", "above"],
    )
    def test_a_target_that_cannot_even_be_looked_for(self, tmp_path, target):
        write(tmp_path / "good.yaml", component("good"))
        root = write(tmp_path / "all.yaml", location(target, "./good.yaml"))
        report, _parsed = imported(root)
        assert [issue.ref for issue in report.issues] == ["location:default/all"]
        assert Entity.objects.filter(name="good").exists()
        assert imported(root)[0].refused == 1

    @pytest.mark.parametrize("target", [f"/srv/{'a' * 300}.yaml", "http://[::1/x.yaml"])
    def test_a_source_that_cannot_even_be_looked_for(self, tmp_path, target):
        good = write(tmp_path / "good.yaml", component("good"))
        report, _parsed = imported(target, good)
        assert (report.refused, report.created, len(report.incomplete)) == (1, 1, 1)

    @pytest.mark.parametrize(
        "metadata",
        [
            {"title": {"$text": "./missing"}},
            {"description": {"$text": "./missing"}},
            {"description": {"$text": f"./{'a' * 300}"}},
            {"annotations": {"a.example.com/b": {"$text": "./missing"}}},
            {"tags": [{"$text": "./missing"}]},
        ],
        ids=["title", "description", "long", "annotation", "tag"],
    )
    def test_a_placeholder_that_cannot_be_read(self, tmp_path, client, metadata):
        client.force_login(make_user())
        write(tmp_path / "a.yaml", component("good"), component("odd", metadata=metadata))
        report, _parsed = imported(tmp_path)
        assert not report.failure
        for entity in Entity.objects.all():
            assert client.get(entity.get_absolute_url()).status_code == 200
        assert Entity.objects.filter(name="good").exists()

    def test_a_placeholder_of_an_address_that_is_none(self, http):
        url = "https://git.example.com/a.yaml"
        odd = component("odd", metadata={"description": {"$text": "http://[::1/x"}})
        http.get(url, body="---\n".join([component("good"), odd]))
        report, _parsed = imported(url)
        assert not report.failure
        assert Entity.objects.filter(name="good").exists()


@pytest.mark.parametrize("key", ["annotations", "labels"])
def test_what_no_database_keeps_is_not_in_the_reasons(tmp_path, key):
    odd = component("odd").replace("metadata:", f'metadata:\n  {key}:\n    "a\\0": b', 1)
    write(tmp_path / "a.yaml", component("good"), odd)
    report, _parsed = imported(tmp_path)
    assert (report.created, report.refused) == (1, 1)
    assert "\0" not in str(ImportIssue.objects.get().messages)


@pytest.mark.parametrize("pattern", ["", "**/*.yaml", "*/*.yaml", "*/[ab].yaml"])
def test_nothing_vanishes_with_a_folder_that_cannot_be_listed(
    tmp_path, settings, monkeypatch, pattern
):
    settings.CATALOG_ORPHANS = "delete"
    write(tmp_path / "open" / "a.yaml", component("a"))
    write(tmp_path / "closed" / "b.yaml", component("b"))
    root = tmp_path / pattern
    report, _parsed = imported(root)
    assert report.created == 2
    scandir = os.scandir

    def closed(folder):
        if str(folder).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", closed)
    write(tmp_path / "open" / "a.yaml", component("a", type="website"))
    report, _parsed = imported(root)
    assert (report.gone, report.changed, report.refused) == (0, 1, 1)
    assert report.issues[0].file == str(tmp_path / "closed")
    assert set(Entity.objects.values_list("name", flat=True)) == {"a", "b"}


@pytest.mark.parametrize(("field", "most"), [("annotations", 500), ("tags", 10_000)])
def test_a_document_with_far_too_many_entries_is_refused(tmp_path, field, most):
    entries = {f"a/k{n}": "v" for n in range(most + 1)}
    value = entries if field == "annotations" else [f"t{n}" for n in range(most + 1)]
    file = write(tmp_path / "a.yaml", component("a", metadata={field: value}))
    _status, report = run_json(file)
    (error,) = report["issues"][0]["errors"]
    assert (error["path"], error["message"]) == (
        f"metadata.{field}",
        f"holds {most + 1:,} entries; at most {most:,} are read",
    )


def test_the_first_fifty_of_many_problems_are_told(tmp_path):
    file = write(tmp_path / "a.yaml", component("a", metadata={"tags": ["A b"] * 900}))
    _status, report = run_json(file)
    assert len(report["issues"][0]["errors"]) == 50
