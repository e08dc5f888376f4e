"""Unresolved references after an import: where they are written, and what was meant."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.descriptor import parse
from catalog.ingestion.unresolved import find_unresolved
from catalog.models import Entity, Location
from tests.catalog.overlays import set_overlay
from tests.catalog.sources import component, group, run, write
from tests.factories import make_user
from tests.pages import soup_of, words

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
    assert {notice.ref for notice in notices} == {"component:default/a"}


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


HEAD = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: a}\n"
SPEC = "spec:\n  type: service\n  lifecycle: production\n  owner: team\n"
ANSWER = """{"items": [{"apiVersion": "backstage.io/v1alpha1", "kind": "Component",
  "metadata": {"name": "a", "uid": "1"}, "relations": [],
  "spec": {"type": "service", "lifecycle": "production", "owner": "team",
    "dependsOn": [
      "api:no"]}}]}
"""


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"{HEAD}{SPEC}", [7]),
        (f"# one\n---\n{HEAD}{SPEC}  dependsOn:\n\n  - api:a # x\n  - api:b\n", [9, 12, 13]),
        (f"{HEAD}{SPEC.replace('owner:', 'owner:' + chr(10) + '   ')}", [8]),
        (f"{HEAD}{SPEC}  dependsOn: [api:a,\n    api:b]\n", [7, 8, 9]),
        (f"{HEAD}{SPEC}  dependsOn: &d\n  - api:a\n  dependencyOf: *d\n", [7, 9, 10]),
        (f"{HEAD}{SPEC}  dependencyOf:\n  - kind: API\n    name: a\n", [7, 9]),
        (f"{HEAD}{SPEC}\tsystem: x\n".replace("\tsystem", "  system"), [7, 8]),
        (f"{HEAD}{SPEC}  title: a\u2028b\n  dependsOn: [api:a]\n", [7, 9]),
        (ANSWER, [3, 5]),
    ],
    ids=["key", "list", "below", "flow", "alias", "parts", "two", "separator", "answer"],
)
def test_each_relation_has_the_line_where_its_field_is_found_too(text, lines):
    (document,) = [one for one in parse(text) if not one.is_empty]
    assert document.problems == ()
    places = document.places([relation.path for relation in document.relations])
    assert list(document.reference_lines.values()) == [place.line for place in places]
    assert sorted(document.reference_lines.values()) == lines


class TestEveryDoor:
    """The command, the entity's page and the page of issues name the line of the reference."""

    def lines_of(self, client, file):
        client.force_login(make_user(is_superuser=True))
        issues = client.get("/catalog/issues/?kind=unresolved")
        page = client.get("/catalog/default/component/a/")
        return {
            "validate_catalog": re.findall(r"a\.yaml:(\d+):", run("validate_catalog", file)[1]),
            "import_catalog": re.findall(r"a\.yaml:(\d+) ", run("import_catalog", file)[1]),
            "issues": re.findall(r"a\.yaml:(\d+)", words(soup_of(issues).main)),
            "entity": re.findall(r"\(line (\d+)\)", words(soup_of(page).main)),
        }

    def test_names_it_also_where_the_document_only_moved(self, client, tmp_path):
        text = component("a", owner="gone")
        line = text.splitlines().index("  owner: gone") + 1
        for above in ("", "# one\n# two\n"):
            file = write(tmp_path / "a.yaml", above + text)
            run("import_catalog", file)
            found = self.lines_of(client, file)
            expected = str(line + above.count("\n"))
            assert found == {door: [expected] for door in found}

    def test_blames_the_file_for_no_reference_of_an_overlay(self, client, tmp_path):
        run("import_catalog", write(tmp_path / "a.yaml", component("a"), group("team")))
        set_overlay(Entity.objects.get(name="a"), "owner", "", "gone", user=None)
        client.force_login(make_user(is_superuser=True))
        notice = words(soup_of(client.get("/catalog/default/component/a/")).main)
        assert "gone in spec.owner" in notice
        assert "(line" not in notice
        set_overlay(Entity.objects.get(name="a"), "owner", "", "team", user=None)
        Entity.objects.filter(name="team").delete()
        page = client.get("/catalog/default/component/a/")
        assert "(line" in words(soup_of(page).main)
