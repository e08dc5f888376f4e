"""The export of what the index shows: the same selection in the same order, no secrets."""

import csv
import io
import json

import pytest

from catalog.descriptor.yaml import read
from catalog.models import Entity
from catalog.search import exporting
from tests.catalog.pages import select
from tests.factories import make_entity, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_cards")]
EXPORT = "/catalog/export/"
KEY = "R0UT1NGKEY00R0UT1NGKEY00"


@pytest.fixture
def reader(client):
    client.force_login(make_user("ana"))
    return client


def text_of(answer):
    assert answer.streaming
    return b"".join(answer.streaming_content).decode()


def rows_of(answer):
    return list(csv.DictReader(io.StringIO(text_of(answer))))


def test_exports_what_the_index_shows_in_its_order(reader):
    make_entity("b", tags=("java", "web"), owner="x", title="Bee")
    make_entity("a", tags=("java",))
    make_entity("c")
    answer = reader.get(f"{EXPORT}?tag=java&sort=-name&format=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="catalog-')
    rows = rows_of(answer)
    assert [row["name"] for row in rows] == ["b", "a"]
    assert rows[0]["ref"] == "component:default/b"
    assert (rows[0]["tags"], rows[0]["owner"]) == ("java web", "group:default/x")


@pytest.mark.parametrize(
    "bad",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "\n=1",
        "\u3000=1",
        "\uff1d1",
        " \uff20A1",
    ],
)
def test_no_cell_is_a_formula(reader, bad):
    make_entity("a", title=bad, description=bad, type=bad.strip())
    (row,) = rows_of(reader.get(EXPORT))
    for value in row.values():
        assert not value.strip().startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20"))
    assert row["title"] == f"'{bad}"


@pytest.mark.parametrize("format_", ["csv", "json", "yaml"])
def test_no_secret_leaves(reader, format_):
    make_entity(
        "a",
        title=f"Key {KEY}",
        description=f"It is {KEY}",
        annotations={"pagerduty.com/integration-key": KEY},
    )
    text = text_of(reader.get(EXPORT, {"format": format_}))
    assert KEY not in text
    assert "****EY00" in text


def test_json_is_one_array_of_descriptors(reader):
    assert json.loads(text_of(reader.get(f"{EXPORT}?format=json"))) == []
    make_entity("b", description="Grüße")
    make_entity("a")
    found = json.loads(text_of(reader.get(f"{EXPORT}?format=json")))
    assert [one["metadata"]["name"] for one in found] == ["a", "b"]
    assert found[1]["metadata"]["description"] == "Grüße"


def test_yaml_is_read_again_as_the_same_descriptors(reader):
    for name in ("a", "b"):
        make_entity(name, owner="x", tags=("java",), description="yes\nno\n")
    text = text_of(reader.get(f"{EXPORT}?format=yaml"))
    found = [document.value for document in read(text)]
    assert found == [Entity.objects.get(name=name).descriptor for name in ("a", "b")]


def test_any_size_takes_the_same_queries_for_each_piece(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(exporting, "_AT_ONCE", 10)
    for number in range(25):
        make_entity(f"e-{number:02}", tags=("a",))
    with django_assert_num_queries(1 + 3 * 2):
        found = list(
            exporting.entities_in_order(Entity.objects.order_by("sort_name", "id"), has_tags=True)
        )
        assert [entity.name for entity in found] == [f"e-{number:02}" for number in range(25)]
        assert "".join(exporting.write_csv(found)).count("\n") == 26


def test_a_format_nobody_knows_is_refused_with_those_there_are(reader):
    answer = reader.get(f"{EXPORT}?format=xml")
    assert answer.status_code == 400
    assert "csv, json, yaml" in answer.text


def test_asking_for_the_head_alone_reads_nothing(reader):
    make_entity("a")
    answer = reader.head(EXPORT)
    assert answer.status_code == 200
    assert answer.content == b""


def test_the_index_leads_to_the_export_of_its_selection(reader):
    make_entity("a", tags=("java",))
    links = {
        a.get_text(): a["href"] for a in select(reader.get("/catalog/?tag=java"), "a[download]")
    }
    assert links == {
        "CSV": "/catalog/export/?tag=java&format=csv",
        "JSON": "/catalog/export/?tag=java&format=json",
        "YAML": "/catalog/export/?tag=java&format=yaml",
    }


def test_nobody_without_an_account_exports(client):
    assert client.get(EXPORT).status_code == 302
