"""Unresolved references after an import: where they are written, and what was meant."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.ingestion.unresolved import find_unresolved
from catalog.models import Location
from tests.catalog.sources import component, group, run, write
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def find_after_import(tmp_path, *documents):
    run("import_catalog", write(tmp_path / "a.yaml", *documents))
    return find_unresolved(list(Location.objects.values_list("pk", flat=True)))


def test_an_orphan_has_no_unresolved_reference_to_correct(tmp_path, client):
    file = write(tmp_path / "a.yaml", component("kept"), component("leaver", owner="gone"))
    run("import_catalog", file)
    write(file, component("kept", owner="lost"))
    said = run("import_catalog", file)[1]
    assert "group:default/lost points to nothing" in said
    assert "group:default/gone" not in said
    client.force_login(make_user(is_superuser=True))
    page = client.get("/catalog/issues/?kind=unresolved")
    assert "default/lost" in page.text
    assert "default/gone" not in page.text


def test_names_the_field_and_what_was_meant(tmp_path):
    notices, total = find_after_import(
        tmp_path,
        component(
            "a",
            owner="team-aplha",
            dependsOn=["component:b", "api:gone"],
            subcomponentOf="bb",
            system="gone",
        ),
        component("b", owner="team-alpha"),
        group("team-alpha"),
    )
    assert total == 4
    assert {notice.message: notice.hint for notice in notices} == {
        "spec.owner: ownedBy group:default/team-aplha points to nothing in the catalog": (
            "did you mean group:default/team-alpha?"
        ),
        "spec.system: partOf system:default/gone points to nothing in the catalog": "",
        "spec.subcomponentOf: partOf component:default/bb points to nothing in the catalog": (
            "did you mean component:default/b?"
        ),
        "spec.dependsOn[1]: dependsOn api:default/gone points to nothing in the catalog": "",
    }
    assert {(notice.ref, notice.line) for notice in notices} == {("component:default/a", 1)}


def test_asks_as_often_for_many_as_for_one(tmp_path):
    counts = []
    for number in (1, 60):
        found = [component(f"c{n}", owner=f"nobody-{n}") for n in range(number)]
        find_after_import(tmp_path, *found)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            notices, total = find_unresolved(list(Location.objects.values_list("pk", flat=True)))
        assert (len(notices), total) == (min(number, 20), number)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 5


def test_the_command_names_the_line_of_the_field(tmp_path):
    others = component("a", owner="gone", dependsOn=["component:b", "api:no"])
    file = write(tmp_path / "a.yaml", component("b", owner="nobody"), others)
    _status, out = run("import_catalog", file)
    lines = file.read_text().splitlines()
    found = re.findall(r"a\.yaml:(\d+) \S+ warning: .* \w+:default/(\w+) points", out)
    assert sorted(name for _, name in found) == ["gone", "no", "nobody"]
    assert all(lines[int(line) - 1].endswith((f" {name}", f":{name}")) for line, name in found)
