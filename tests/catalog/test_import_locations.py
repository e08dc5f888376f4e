"""Locations that lead to further files, on disk and by address, and what is not followed."""

import datetime as dt
import re

import pytest
import time_machine
from responses import matchers

from catalog.models import Entity, ImportIssue, Location
from tests.catalog.sources import api, component, group, imported, location, run, run_json, write

pytestmark = pytest.mark.django_db

ROOT = "https://git.example.com/main/all.yaml"


def names():
    return sorted(Entity.objects.exclude(kind="Location").values_list("name", flat=True))


def messages(report):
    return [error["message"] for issue in report["issues"] for error in issue["errors"]]


def test_follows_a_location_relative_to_its_file(tmp_path):
    root = write(tmp_path / "all.yaml", location("./teams/*.yaml", "shop/checkout.yaml"))
    write(tmp_path / "teams" / "a.yaml", group("a"))
    write(tmp_path / "teams" / "b.yaml", group("b"))
    file = write(tmp_path / "shop" / "checkout.yaml", component("checkout"))
    status, _report = run_json(root)
    assert status == 0
    assert names() == ["a", "b", "checkout"]
    entity = Entity.objects.get(name="checkout")
    assert entity.source == str(tmp_path / "shop/checkout.yaml") == str(file)
    assert entity.location.target == str(root)


def test_a_missing_target_is_an_issue_of_the_location_and_others_go_in(tmp_path):
    root = write(tmp_path / "all.yaml", group(), location("./gone.yaml", "./here.yaml"))
    write(tmp_path / "here.yaml", component("here"))
    status, report = run_json(root)
    assert status == 1
    assert names() == ["here", "team"]
    assert "gone.yaml: there is no such file" in messages(report)[0]
    issue = ImportIssue.objects.get()
    assert (issue.file, issue.document, issue.ref) == (str(root), 1, "location:default/all")
    assert issue.line == 15


def test_each_missing_target_stands_at_its_own_line(tmp_path):
    text = "\n".join(
        [
            "apiVersion: backstage.io/v1alpha1",
            "kind: Location",
            "metadata: {name: all}",
            "spec:",
            "  targets:",
            "    - ./one.yaml",
            "    - ./two.yaml",
            "    - https://git.example.com/a/*.yaml",
        ]
    )
    root = write(tmp_path / "all.yaml", text)
    for _time in range(2):
        _status, report = run_json(root)
        errors = [issue["errors"][0] for issue in report["issues"]]
        assert sorted((e["line"], e["column"], e["path"]) for e in errors) == [
            (6, 7, "spec.targets[0]"),
            (7, 7, "spec.targets[1]"),
            (8, 7, "spec.targets[2]"),
        ]
    assert list(ImportIssue.objects.order_by("line").values_list("line", flat=True)) == [6, 7, 8]


def test_of_many_targets_that_cannot_be_read_the_first_are_listed(http, tmp_path):
    gone = [f"./gone-{number}.yaml" for number in range(25)]
    dead = [f"https://git.example.com/{number}.yaml" for number in range(11)]
    http.get(re.compile("https://git.example.com/"), status=500)
    documents = [location(*gone, *dead, name=f"all-{number}") for number in range(6)]
    root = write(tmp_path / "all.yaml", *documents)
    status, out = run("import_catalog", root, "--dry-run")
    assert status == 1
    assert len(out.splitlines()) < 150  # a line for each, a hint below it
    assert out.count("gone-9.yaml: ") == 2
    assert "gone-10.yaml" not in out
    assert "15 more targets don't exist" in out
    assert "... and 138 more that could not be read" in out
    assert re.search(r"refused +216$", out, re.MULTILINE)  # 36 targets in each of six documents
    _status, report = run_json(root, dry_run=True)
    assert (len(report["issues"]), report["refused"]) == (132, 216)
    imported(root)
    assert ImportIssue.objects.count() == 132
    (first,) = ImportIssue.objects.filter(document=0, messages__0__message__startswith="15 more")
    assert first.line == 17
    with time_machine.travel(dt.datetime(2027, 1, 1, tzinfo=dt.UTC)):
        imported(root)
        write(root, *(location(*gone[1:], *dead, name=f"all-{number}") for number in range(6)))
        imported(root)
    fewer = ImportIssue.objects.filter(messages__0__message="14 more targets don't exist")
    assert fewer.count() == 6
    again = ImportIssue.objects.filter(first_seen_at__year=2027)
    assert {issue.messages[0]["path"] for issue in again} == {"spec.targets[9]"}


@pytest.mark.parametrize("target", ["./gone.yaml", "./gone*.yaml"])
def test_an_optional_target_may_be_missing(tmp_path, target):
    root = write(tmp_path / "all.yaml", location(target, presence="optional"))
    status, report = run_json(root)
    assert (status, report["refused"]) == (0, 0)


def test_locations_that_lead_in_a_circle_are_read_once(tmp_path):
    write(tmp_path / "a.yaml", location("./b.yaml", name="a"), component("one"))
    write(tmp_path / "b.yaml", location("./a.yaml", "./b.yaml", name="b"), component("two"))
    status, report = run_json(tmp_path / "a.yaml")
    assert (status, report["created"]) == (0, 4)


def test_locations_do_not_lead_on_without_end(tmp_path):
    for n in range(15):
        write(tmp_path / f"{n}.yaml", location(f"./{n + 1}.yaml", name=f"l{n}"))
    status, report = run_json(tmp_path / "0.yaml")
    assert status == 1
    assert report["created"] == 11
    assert "10 times over" in messages(report)[0]


@pytest.mark.parametrize("kind", ["s3-discovery", "github-org"])
def test_says_that_other_types_of_location_are_not_read(tmp_path, kind):
    status, report = run_json(write(tmp_path / "a.yaml", location("x", type=kind)))
    assert status == 1
    assert f"type {kind} are not read" in messages(report)[0]
    assert Entity.objects.get().kind == "Location"


@pytest.mark.parametrize("answer", [403, 404, 410, 429, 500])
@pytest.mark.parametrize("prune", [True, False])
def test_only_an_address_with_nothing_there_is_gone(http, tmp_path, answer, prune):
    far = "https://git.example.com/far.yaml"
    http.get(ROOT, body=location("./near.yaml", far))
    http.get("https://git.example.com/main/near.yaml", body=component("near"))
    http.get(far, body=component("far"))
    run_json(ROOT)
    http.replace("GET", far, status=answer)
    status, report = run_json(ROOT, prune=prune)
    is_gone = answer in (404, 410)
    assert (status, report["removed"] + report["orphaned"]) == (1, is_gone)
    assert names() == (["near"] if prune and is_gone else ["far", "near"])


@pytest.mark.parametrize("answer", [404, 503])
def test_what_lies_behind_an_address_goes_only_with_it(http, answer):
    http.get(ROOT, body=location("./near.yaml"))
    near = http.get("https://git.example.com/main/near.yaml", body=component("near"))
    run_json(ROOT)
    http.replace("GET", ROOT, status=answer)
    _status, report = run_json(ROOT)
    assert report["orphaned"] == (2 if answer == 404 else 0)
    assert near.call_count == (1 if answer == 404 else 2)


@pytest.mark.parametrize("source", ["gone.yaml", "gone/*.yaml", "."])
def test_a_source_without_files_is_an_issue(tmp_path, source):
    status, report = run_json(tmp_path / source)
    assert status == 1
    assert len(report["issues"]) == 1


def test_reads_folders_and_globs(tmp_path):
    write(tmp_path / "b.yml", component("b"))
    write(tmp_path / "deep" / "er" / "a.yaml", component("a"))
    write(tmp_path / "notes.txt", "not: read")
    write(tmp_path / ".git" / "x.yaml", component("hidden"))
    run_json(tmp_path)
    assert names() == ["a", "b"]
    Entity.objects.all().delete()
    run_json(tmp_path / "**" / "*.yaml")
    assert "a" in names()
    assert "b" not in names()


def test_reads_only_allowed_folders(tmp_path, settings):
    inside = write(tmp_path / "in" / "all.yaml", location("../out/x.yaml", "./y.yaml"))
    write(tmp_path / "in" / "y.yaml", component("y"))
    outside = write(tmp_path / "out" / "x.yaml", component("x"))
    settings.CATALOG_READING_ALLOW = [str(tmp_path / "in")]
    status, report = run_json(inside)
    assert status == 1
    assert names() == ["y"]
    assert "outside the folders" in messages(report)[0]
    status, report = run_json(outside)
    assert status == 1
    assert names() == ["y"]


@pytest.mark.parametrize("target", ["../out/x.yaml", "../out/*", "../out", "../gone.yaml", "{}"])
def test_a_location_leads_out_of_its_folder_only_where_allowed(tmp_path, settings, target):
    target = target.format(tmp_path / "out" / "x.yaml")
    root = write(tmp_path / "in" / "all.yaml", location(target), component("a"))
    write(tmp_path / "out" / "x.yaml", component("x"), "root:$6$salt$HASH:19000:0:99999:7::")
    status, report = run_json(root)
    assert (status, names()) == (1, ["a"])
    assert "leads out of the folder" in messages(report)[0]
    assert "HASH" not in str(report)
    settings.CATALOG_READING_ALLOW = [str(tmp_path / "in"), str(tmp_path / "out")]
    run_json(root)
    assert names() == (["a"] if "gone" in target else ["a", "x"])


def test_a_link_out_of_the_folder_is_not_followed(tmp_path, settings):
    secret = write(tmp_path / "secret" / "x.yaml", component("secret"))
    write(tmp_path / "in" / "a.yaml", component("a"))
    (tmp_path / "in" / "link.yaml").symlink_to(secret)
    status, report = run_json(tmp_path / "in")
    assert status == 1
    assert names() == ["a"]
    assert "leads out of the folder" in messages(report)[0]
    settings.CATALOG_READING_ALLOW = [str(tmp_path)]
    status, report = run_json(tmp_path / "in")
    assert status == 0
    assert names() == ["a", "secret"]


def test_puts_in_the_text_a_placeholder_stands_for(tmp_path):
    write(tmp_path / "openapi.json", '{"openapi": "3.1.0"}')
    run_json(write(tmp_path / "a.yaml", api({"$text": "./openapi.json"})))
    assert Entity.objects.get().spec["definition"] == '{"openapi": "3.1.0"}'


@pytest.mark.parametrize(
    "target", ["./gone.yaml", "../secret.txt", "https://example.com/x", "/etc/hosts"]
)
def test_keeps_an_entity_whose_placeholder_cannot_be_read_and_warns(tmp_path, target):
    write(tmp_path / "secret.txt", "secret")
    status, report = run_json(write(tmp_path / "in" / "a.yaml", api({"$text": target})))
    assert status == 0
    assert Entity.objects.get().spec["definition"] == {"$text": target}
    assert any(target in warning["message"] for warning in report["warnings"])


@pytest.mark.parametrize(
    ("key", "text", "status"),
    [("$yaml", "- a\n", 1), ("$json", '"text"', 0), ("$json", "{", 0), ("$yaml", "a: [", 0)],
)
def test_checks_what_a_placeholder_brings_in(tmp_path, key, text, status):
    write(tmp_path / "part", text)
    data = api({key: "./part"})
    found, report = run_json(write(tmp_path / "a.yaml", data))
    if status == 0 and text == '"text"':
        assert Entity.objects.get().spec["definition"] == "text"
    else:
        assert found == 1
        assert "text is required" in messages(report)[0]
        assert f"{key} ./part" in messages(report)[0]


def test_reads_an_address_and_follows_its_relative_targets(http):
    http.get(ROOT, body=location("./teams/a.yaml", "../other.yaml"))
    http.get("https://git.example.com/main/teams/a.yaml", body=group("a"))
    http.get("https://git.example.com/other.yaml", body=component("other"))
    status, _report = run_json(ROOT)
    assert status == 0
    assert names() == ["a", "other"]
    entity = Entity.objects.get(name="a")
    assert entity.source == "https://git.example.com/main/teams/a.yaml"
    assert (entity.location.type, entity.location.target) == ("url", ROOT)


def test_a_location_read_from_an_address_never_reads_the_disk(http, tmp_path):
    file = write(tmp_path / "secret.yaml", component("secret"))
    http.get(ROOT, body=location(str(file), type="file"))
    status, report = run_json(ROOT)
    assert status == 1
    assert names() == []
    assert "cannot point to files on disk" in messages(report)[0]


def test_a_path_of_a_location_read_from_an_address_stays_on_its_host(http, tmp_path):
    http.get(ROOT, body=location("/etc/passwd", f"file://{tmp_path}"))
    http.get("https://git.example.com/etc/passwd", status=404)
    status, report = run_json(ROOT)
    assert status == 1
    assert sorted(message.split(": ", 1)[1] for message in messages(report)) == [
        "a Location read from an address cannot point to files on disk",
        "there is nothing here (HTTP 404)",
    ]


def test_a_location_on_disk_may_lead_to_an_address(http, tmp_path):
    http.get(ROOT, body=component("far"), match=[matchers.header_matcher({})])
    status, _report = run_json(write(tmp_path / "a.yaml", location(ROOT)))
    assert status == 0
    assert names() == ["far"]


def test_an_optional_address_may_be_missing_but_not_broken(http, tmp_path):
    http.get(ROOT, status=404)
    http.get("https://git.example.com/b.yaml", status=500)
    root = location(ROOT, "https://git.example.com/b.yaml", presence="optional")
    status, report = run_json(write(tmp_path / "a.yaml", root))
    assert status == 1
    assert len(report["issues"]) == 1
    assert "HTTP 500" in messages(report)[0]


def test_a_placeholder_of_an_address_is_read_on_the_same_host_only(http):
    http.get(ROOT, body=api({"$text": "./api.txt"}))
    http.get("https://git.example.com/main/api.txt", body="the text")
    run_json(ROOT)
    assert Entity.objects.get().spec["definition"] == "the text"
    http.replace("GET", ROOT, body=api({"$text": "https://elsewhere.example.com/x"}))
    http.remove("GET", "https://git.example.com/main/api.txt")
    status, report = run_json(ROOT)
    assert status == 0
    assert "same host" in report["warnings"][0]["message"]


def test_a_password_in_an_address_is_neither_used_nor_kept(tmp_path):
    file = write(tmp_path / "a.yaml", location("https://me:hunter2@git.example.com/b.yaml"))
    for source in ("https://me:hunter2@git.example.com/a.yaml", file):
        status, report = run_json(source)
        assert status == 1
        assert "has a user name in it" in messages(report)[0]
        assert "hunter2" not in str(report)
    targets = Location.objects.values_list("target", flat=True)
    assert list(targets) == [str(file)]


def test_reads_a_mounted_config_map_once_under_its_own_names(tmp_path):
    write(tmp_path / "..2026_11_23" / "a.yaml", component("a"))
    (tmp_path / "..data").symlink_to("..2026_11_23")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    status, report = run_json(tmp_path)
    assert (status, report["created"]) == (0, 1)
    assert Entity.objects.get().source == str(tmp_path / "a.yaml")


@pytest.mark.parametrize("source", ["nope.yaml", "gone/x.yaml", "*.yml", "empty"])
def test_a_mistyped_source_leaves_no_location_and_is_not_called_unchanged(tmp_path, source):
    write(tmp_path / "a.yaml", component("a"))
    (tmp_path / "empty").mkdir()
    status, out = run("import_catalog", tmp_path / source)
    assert status == 1
    assert "Nothing was imported" in out
    assert "the file there" not in out
    assert not Location.objects.exists()
    assert run("import_catalog", tmp_path / "a.yaml", tmp_path / source)[0] == 1
    assert [location.target for location in Location.objects.all()] == [str(tmp_path / "a.yaml")]
    status, _ = run("import_catalog", tmp_path / "a.yaml")
    assert status == 0


def test_a_location_that_was_read_once_stays_when_it_cannot_be_read(tmp_path):
    file = write(tmp_path / "a.yaml", component("a"))
    run("import_catalog", file)
    file.unlink()
    run("import_catalog", file)
    assert Location.objects.count() == 1
