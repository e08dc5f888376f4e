"""Addresses of pages about files, which mean the file wherever one is named."""

import pytest
from django.core.checks import run_checks
from django.urls import reverse
from django.utils.html import escape

from catalog.ingestion.repositories import raw_address, web_addresses
from catalog.models import Entity, Location
from tests.catalog.sources import api, component, location, run, run_json, write
from tests.factories import make_user

pytestmark = pytest.mark.django_db

RAW = "https://raw.githubusercontent.com"
AZURE = "https://dev.azure.com/acme/pay/_apis/git/repositories/svc/items?api-version=6.0"

AT_MAIN = "versionDescriptor.versionType=branch&versionDescriptor.version=main"


def text(http, address, body):
    return http.get(address, body=body, content_type="text/plain")


@pytest.mark.parametrize(
    ("address", "raw"),
    [
        ("https://github.com/a/b", f"{RAW}/a/b/HEAD/catalog-info.yaml"),
        ("https://github.com/a/b.git", f"{RAW}/a/b/HEAD/catalog-info.yaml"),
        ("https://github.com/a/b/blob/x/y/z.yaml#L7", f"{RAW}/a/b/x/y/z.yaml"),
        ("https://github.com/a/b/blob/x/spec?plain=1", f"{RAW}/a/b/x/spec"),
        ("https://github.com/a/b/raw/x/y/z.yaml", f"{RAW}/a/b/x/y/z.yaml"),
        ("https://github.com/a/b/tree/x/y/z.yaml", f"{RAW}/a/b/x/y/z.yaml"),
        ("https://github.com/a/b/tree/x/y", f"{RAW}/a/b/x/y/catalog-info.yaml"),
        ("https://github.com/a/b/tree/x", f"{RAW}/a/b/x/catalog-info.yaml"),
        ("https://ghe.x.io/a/b/blob/x/y.yaml", "https://ghe.x.io/raw/a/b/x/y.yaml"),
        ("https://ghe.x.io:8443/a/b/tree/x/y.yml", "https://ghe.x.io:8443/raw/a/b/x/y.yml"),
        ("https://gh.named/a/b", "https://gh.named/raw/a/b/HEAD/catalog-info.yaml"),
        ("https://gh.named:8443/a/b", "https://gh.named:8443/raw/a/b/HEAD/catalog-info.yaml"),
        ("https://gl.named/a/b/c", "https://gl.named/a/b/c/-/raw/HEAD/catalog-info.yaml"),
        ("https://gl.named/a/b/raw/main/x.yaml", "https://gl.named/a/b/raw/main/x.yaml"),
        (
            "https://git.x.io/g/p/-/blob/main/a.yaml?plain=1",
            "https://git.x.io/g/p/-/raw/main/a.yaml",
        ),
        (
            "https://git.x.io/g/s/p/-/tree/main/d",
            "https://git.x.io/g/s/p/-/raw/main/d/catalog-info.yaml",
        ),
        ("https://gitlab.com/g/p", "https://gitlab.com/g/p/-/raw/HEAD/catalog-info.yaml"),
        (
            "https://git.x.io/g/p/-/tree/main",
            "https://git.x.io/g/p/-/raw/main/catalog-info.yaml",
        ),
        (
            "https://git.x.io/g/p/-/blob/main",
            "https://git.x.io/g/p/-/raw/main/catalog-info.yaml",
        ),
        (
            "https://gitlab.com/g/s/p/blob/main/d/a.yaml",
            "https://gitlab.com/g/s/p/-/raw/main/d/a.yaml",
        ),
        (
            "https://gl.named/g/p/tree/main",
            "https://gl.named/g/p/-/raw/main/catalog-info.yaml",
        ),
        ("https://www.github.com/a/b/blob/x/y.yaml", f"{RAW}/a/b/x/y.yaml"),
        (
            "https://bb.x.io/users/jane/repos/r/browse/c.yaml?at=main",
            "https://bb.x.io/users/jane/repos/r/raw/c.yaml?at=main",
        ),
        ("https://bitbucket.org/a/b/src/main/c.yaml", "https://bitbucket.org/a/b/raw/main/c.yaml"),
        (
            "https://bb.x.io/projects/P/repos/r/browse/d/c.yaml?at=refs/heads/main",
            "https://bb.x.io/projects/P/repos/r/raw/d/c.yaml?at=refs/heads/main",
        ),
        (
            "https://gitea.x.io/a/b/src/branch/main/c.yaml",
            "https://gitea.x.io/a/b/raw/branch/main/c.yaml",
        ),
        (
            "https://dev.azure.com/acme/pay/_git/svc?path=/d/c.yaml&version=GBmain&_a=contents",
            f"{AZURE}&path=/d/c.yaml&{AT_MAIN}",
        ),
        ("https://dev.azure.com/acme/pay/_git/svc", f"{AZURE}&path=/catalog-info.yaml"),
        (
            "https://dev.azure.com/acme/_git/pay",
            AZURE.replace("/svc/", "/pay/") + "&path=/catalog-info.yaml",
        ),
        *(
            (same, same)
            for same in (
                "https://github.com/a",
                "https://example.com/a/b",
                "https://git.example.com/shop/catalog-info.yaml?x=1",
                f"{RAW}/a/b/main/c.yaml",
                "https://git.x.io/g/p/-/raw/main/a.yaml",
                "https://git.x.io/g/p/-/blob",
                "https://git.x.io/g/p/-/issues/7",
                "https://bitbucket.org/a/b/src",
                "https://gitea.x.io/a/b/src/branch",
                "https://me:pw@github.com/a/b",
                "/srv/a/b/blob/main/c.yaml",
                "https://[::1",
            )
        ),
    ],
)
def test_knows_the_file_behind_a_page(address, raw):
    assert raw_address(address, {"gh.named": "github", "gl.named": "gitlab"}) == raw
    assert raw_address(raw) == raw


def test_knows_what_the_files_of_a_repository_begin_with():
    assert f"{RAW}/acme/shop/" in web_addresses("https://github.com/Acme/Shop.git")
    assert "https://ghe.x.io/raw/acme/shop/" in web_addresses("https://ghe.x.io/acme/shop")
    assert web_addresses("nonsense") == web_addresses("https://[") == []


def test_targets_of_a_location_may_be_pages(http, tmp_path, settings):
    settings.CATALOG_GIT_HOSTS = ["ghe.acme.example=github"]
    pages = {
        "https://github.com/acme/shop/blob/main/catalog-info.yaml": (
            f"{RAW}/acme/shop/main/catalog-info.yaml"
        ),
        "https://github.com/acme/pay/tree/master/catalog/catalog-info.yaml": (
            f"{RAW}/acme/pay/master/catalog/catalog-info.yaml"
        ),
        "https://gitlab.acme.example/team/svc/-/blob/main/catalog-info.yaml": (
            "https://gitlab.acme.example/team/svc/-/raw/main/catalog-info.yaml"
        ),
        "https://ghe.acme.example/org/svc": (
            "https://ghe.acme.example/raw/org/svc/HEAD/catalog-info.yaml"
        ),
    }
    for number, raw in enumerate(pages.values()):
        text(http, raw, component(f"c{number}"))
    status, report = run_json(write(tmp_path / "all.yaml", location(*pages)))
    assert (status, report["created"]) == (0, 5)
    sources = Entity.objects.filter(kind="Component").values_list("source", flat=True)
    assert set(sources) == set(pages.values())


@pytest.mark.parametrize("is_setting", [True, False])
def test_a_source_may_be_a_page(http, settings, is_setting):
    page = "https://github.com/acme/shop/blob/main/catalog/all.yaml"
    text(http, f"{RAW}/acme/shop/main/catalog/all.yaml", location("./a.yaml"))
    text(http, f"{RAW}/acme/shop/main/catalog/a.yaml", component("a"))
    settings.CATALOG_LOCATIONS = [page] if is_setting else []
    status, _report = run_json(*([] if is_setting else [page]))
    assert status == 0
    assert Entity.objects.get(name="a").source == f"{RAW}/acme/shop/main/catalog/a.yaml"
    assert Location.objects.get().target == page
    assert run("validate_catalog", page)[0] == 0


def test_relative_targets_count_within_the_path_of_an_address(http):
    text(http, f"{AZURE}&path=/d/all.yaml", location("./a.yaml", "../b.yaml"))
    text(http, f"{AZURE}&path=/d/a.yaml", component("a"))
    text(http, f"{AZURE}&path=/b.yaml", component("b"))
    status, report = run_json("https://dev.azure.com/acme/pay/_git/svc?path=/d/all.yaml")
    assert (status, report["created"]) == (0, 3)


@pytest.mark.parametrize("target", ["./catalog/all.yaml", "catalog/all.yaml"])
def test_a_relative_target_of_type_url_counts_from_the_file(tmp_path, target):
    write(tmp_path / "catalog" / "all.yaml", component("a"))
    status, report = run_json(write(tmp_path / "root.yaml", location(target, type="url")))
    assert (status, report["created"]) == (0, 2)


SPELT = [
    ("git@github.com:acme/shop.git", "write https://github.com/acme/shop"),
    ("ssh://git@git.x.io:7999/acme/shop.git", "write https://git.x.io/acme/shop"),
    ("https:/me:h4nter2@git.x.io/a.yaml", "write https://git.x.io/a.yaml"),
    ("git+https://github.com/acme/shop.git", "write https://github.com/acme/shop"),
    ("github:acme/shop", "write https://github.com/acme/shop"),
    ("https:/git.x.io/a.yaml", "write https://git.x.io/a.yaml"),
    ("s3://bucket/a.yaml", "write one that begins with https://"),
    ("C:\\catalog\\a.yaml", "write the path of the portal's machine"),
    (".\\svc\\a.yaml", "write ./svc/a.yaml"),
]


@pytest.mark.parametrize(("target", "hint"), SPELT)
def test_a_target_that_cannot_be_read_says_at_every_door_what_to_write(
    client, settings, tmp_path, target, hint
):
    root = write(tmp_path / "all.yaml", location(target), api({"$text": target}))
    settings.CATALOG_LOCATIONS = [target]
    _status, report = run_json(target, root)
    assert len(report["issues"]) == 2
    assert all(hint in issue["errors"][0]["hint"] for issue in report["issues"])
    assert hint in report["warnings"][0]["message"]
    (check,) = [one for one in run_checks() if one.id == "catalog.E001"]
    assert hint[6:] in check.hint
    client.force_login(make_user(permissions=("catalog.add_location",)))
    assert escape(hint) in client.post(reverse("catalog:register"), {"target": target}).text
    validated = run("validate_catalog", target, root)
    assert validated[0] == 1
    assert "h4nter2" not in repr((report, check.msg, check.hint, validated))


@pytest.mark.parametrize(
    "spelling", ["file:{}", "file://{}", "file://localhost{}", "url:{}", " {} ", "<{}>", '"{}"']
)
def test_a_path_is_understood_at_every_door_however_it_is_spelt(
    client, settings, tmp_path, spelling
):
    settings.CATALOG_READING_ALLOW = [str(tmp_path)]
    write(tmp_path / "text", "the text")
    is_relative = "//" not in spelling
    definition = {"$text": spelling.format("./text")} if is_relative else "the text"
    file = write(tmp_path / "a.yaml", api(definition, "a"))
    target = spelling.format(file)
    settings.CATALOG_LOCATIONS = [target]
    status, report = run_json(target, write(tmp_path / "all.yaml", location(target)))
    assert (status, report["created"], report["warnings"][:-1]) == (0, 2, [])
    assert set(Location.objects.values_list("target", flat=True)) >= {str(file)}
    assert not [one for one in run_checks() if one.id in ("catalog.E001", "catalog.W001")]
    client.force_login(make_user(permissions=("catalog.add_location",)))
    page = client.post(reverse("catalog:register"), {"target": target})
    assert page.status_code == 409


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("svc\\a.yaml", "write / between folders"),
        ("github.com/acme/shop", "write https://github.com/acme/shop if it is an address"),
        ("./a.yaml#L7", "a path has no # or ?: write a.yaml"),
        ("./my%20service.yaml", "paths are not escaped: write my service.yaml"),
        ("~/a.yaml", "write the path from / or from ./"),
    ],
)
def test_a_path_at_which_nothing_is_says_what_may_be_meant(tmp_path, target, hint):
    _status, report = run_json(write(tmp_path / "root.yaml", location(target)))
    assert report["issues"][0]["errors"][0]["hint"] == hint


def test_an_address_leads_to_no_file_on_disk(http):
    source = "https://git.x.io/all.yaml"
    text(http, source, location("file:///etc/hosts") + "---\n" + api({"$text": "file:/etc/hosts"}))
    _status, report = run_json(source)
    assert "cannot point to files on disk" in report["issues"][0]["errors"][0]["message"]
    assert "cannot point to files on disk" in report["warnings"][0]["message"]


@pytest.mark.parametrize(
    ("source", "target", "read"),
    [
        (
            f"{RAW}/o/r/main/api/c.yaml",
            "https://github.com/o/r/blob/main/s.yaml",
            f"{RAW}/o/r/main/s.yaml",
        ),
        (
            "https://raw.ghe.x.io/o/r/main/c.yaml",
            "https://ghe.x.io/o/r/blob/main/s.yaml",
            "https://ghe.x.io/raw/o/r/main/s.yaml",
        ),
        (
            "https://git.x.io/g/p/-/raw/main/c.yaml",
            "https://git.x.io/g/p/-/blob/main/s.yaml",
            "https://git.x.io/g/p/-/raw/main/s.yaml",
        ),
        ("https://git.x.io/c.yaml", "https://named.x.io/s.yaml", "https://named.x.io/s.yaml"),
    ],
)
def test_a_placeholder_reads_its_repository_and_named_hosts(http, settings, source, target, read):
    settings.CATALOG_READING_ALLOW = [
        *("raw.githubusercontent.com", "*.ghe.x.io", "git.x.io", "ghe.x.io", "named.x.io")
    ]
    text(http, source, api({"$text": target}))
    text(http, read, "the text")
    status, report = run_json(source)
    assert (status, report["warnings"][:-1]) == (0, [])
    assert Entity.objects.get().spec["definition"] == "the text"


def test_a_placeholder_on_disk_reads_named_hosts(http, settings, tmp_path):
    settings.CATALOG_READING_ALLOW = ["named.x.io", str(tmp_path)]
    text(http, "https://named.x.io/s.yaml", "the text")
    run_json(write(tmp_path / "a.yaml", api({"$text": "https://named.x.io/s.yaml"})))
    assert Entity.objects.get().spec["definition"] == "the text"


def test_a_placeholder_reads_no_other_repository_of_another_host(http):
    source = "https://raw.ghe.x.io/o/r/main/c.yaml"
    text(http, source, api({"$text": "https://ghe.x.io/o/other/blob/main/s.yaml"}))
    _status, report = run_json(source)
    assert "of the same repository" in report["warnings"][0]["message"]


@pytest.mark.parametrize("key", ["$text", "$openapi", "$asyncapi"])
def test_every_placeholder_of_a_definition_is_read(tmp_path, key):
    write(tmp_path / "spec.txt", "openapi: 3.0.0\n")
    status, _report = run_json(write(tmp_path / "a.yaml", api({key: "./spec.txt"})))
    assert status == 0
    assert Entity.objects.get().spec["definition"] == "openapi: 3.0.0\n"


@pytest.mark.parametrize(
    ("name", "entry", "check"),
    [
        ("CATALOG_GIT_HOSTS", "ghe.x.io", "catalog.E008"),
        ("CATALOG_GIT_HOSTS", "https://ghe.x.io=github", "catalog.E008"),
        ("CATALOG_GIT_HOSTS", "ghe.x.io=svn", "catalog.E009"),
        ("CATALOG_HOST_TOKENS", "hunter2hunter2", "catalog.E008"),
    ],
)
def test_a_host_that_cannot_be_understood_is_named_by_check(settings, name, entry, check):
    setattr(settings, name, [entry])
    found = [message for message in run_checks() if message.id == check]
    assert len(found) == 1
    assert "hunter2" not in str(found[0])
