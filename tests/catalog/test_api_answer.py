"""An answer of a catalog's API is imported: its entities, without what that catalog computed."""

import json

import pytest

from catalog.descriptor import parse
from catalog.ingestion.importer import run_import
from catalog.models import Entity, Location
from tests.catalog.sources import write

ENTITY = {
    "metadata": {
        "namespace": "default",
        "name": "platform",
        "uid": "11111111-1111-4111-8111-111111111111",
        "etag": "aa",
        "generation": 1,
        "annotations": {
            "backstage.io/managed-by-location": "url:https://git.example.com/o",
            "backstage.io/managed-by-origin-location": "url:https://git.example.com/o",
            "backstage.io/orphan": "true",
            "backstage.io/source-location": "url:https://git.example.com/o/",
        },
    },
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Group",
    "spec": {"type": "team", "children": []},
    "relations": [{"type": "hasMember", "targetRef": "user:default/jane"}],
    "status": {"items": []},
}
LOCATION = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Location",
    "metadata": {"name": "generated-1", "uid": "1"},
    "spec": {"type": "url", "target": "https://git.example.com/o/all.yaml"},
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answer",
    [
        [ENTITY, LOCATION],
        {"items": [ENTITY, LOCATION], "totalItems": 2, "pageInfo": {}},
        {"items": [ENTITY, None, LOCATION]},
        {"entities": [ENTITY, LOCATION]},
    ],
)
def test_entities_go_in_and_what_was_computed_is_left_out_with_one_note(tmp_path, answer):
    file = write(tmp_path / "entities.json", json.dumps(answer))
    report = run_import([str(file)])
    assert (report.created, report.issues) == (2, [])
    (note,) = [notice.message for notice in report.notices]
    assert "2 entities: left out were uid, etag, generation, relations, status" in note
    written = Entity.objects.get(ref="group:default/platform").descriptor
    assert written["metadata"] == {
        "namespace": "default",
        "name": "platform",
        "annotations": {"backstage.io/source-location": "url:https://git.example.com/o/"},
    }
    assert {"relations", "status"}.isdisjoint(written)
    assert "target" not in Entity.objects.get(kind="Location").descriptor["spec"]
    assert Location.objects.get().issues.count() == 0
    assert run_import([str(file)]).unchanged == 2


def test_a_refused_entity_of_an_answer_stands_at_its_own_line():
    broken = {**ENTITY, "spec": {"type": "team"}}
    text = json.dumps({"items": [ENTITY, broken]}, indent=1)
    good, bad = parse(text)
    assert good.is_valid
    (problem,) = bad.problems
    lines = text.splitlines()
    assert bad.index == 1
    assert bad.line > good.line
    assert lines[problem.line - 1].strip() == '"spec": {'


@pytest.mark.parametrize("text", ["[]", "[1]", '{"items": []}', '{"items": [{"kind": "Group"}]}'])
def test_any_other_list_is_refused_as_before(text):
    (document,) = parse(text)
    assert document.problems


def test_the_answer_about_one_entity_is_that_entity_at_its_own_lines():
    (good,) = parse(json.dumps(ENTITY, indent=1))
    assert (str(good.ref), good.problems) == ("group:default/platform", ())
    assert "1 entity: left out were uid" in good.note
    text = json.dumps({**ENTITY, "spec": {"type": "team"}}, indent=1)
    (problem,) = parse(text)[0].problems
    assert text.splitlines()[problem.line - 1].strip() == '"spec": {'
    by_hand = {**ENTITY, "metadata": {"name": "platform"}}
    assert {one.path for one in parse(json.dumps(by_hand))[0].problems} == {"relations", "status"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"items": [], "totalItems": 0, "pageInfo": {}}, "has no entity"),
        ({"items": [{"kind": "Group", "metadata": {"name": "a"}}]}, "lack apiVersion"),
        (
            {"error": {"name": "NoKey"}, "request": {}, "response": {"statusCode": 401}},
            "is an error that a catalog's API answered (HTTP 401)",
        ),
    ],
)
def test_an_answer_without_whole_entities_is_called_what_it_is(answer, words):
    (document,) = parse(json.dumps(answer))
    assert words in document.problems[0].message
    assert document.problems[0].hint


def test_one_page_of_an_answer_says_that_there_are_more():
    (document,) = parse(json.dumps({"items": [ENTITY], "totalItems": 40}))
    assert "one page of 40" in document.note
