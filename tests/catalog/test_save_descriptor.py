"""One descriptor from the admin's form: the rules of the import, one document."""

import pytest

from catalog.editing.local import InvalidDescriptor, save_descriptor
from catalog.models import Entity
from tests.catalog.sources import component, group, run, write

pytestmark = pytest.mark.django_db


def refusal(text, entity=None):
    with pytest.raises(InvalidDescriptor) as caught:
        save_descriptor(text, entity=entity, user=None)
    return caught.value.problems


def test_makes_an_entity_with_all_its_rows():
    text = component("a", metadata={"tags": ["x"], "annotations": {"k": "v"}}, system="s")
    entity = save_descriptor(text, entity=None, user=None)
    entity.refresh_from_db()
    assert entity.ref == "component:default/a"
    assert (entity.location, entity.source, entity.system_ref) == (None, "", "system:default/s")
    assert entity.tag_rows.get().name == "x"
    assert entity.annotation_rows.get().value == "v"
    assert entity.declared.count() == 2


def test_replaces_the_rows_of_an_edited_entity():
    entity = save_descriptor(component("a", metadata={"tags": ["x"]}), entity=None, user=None)
    first = entity.changed_at
    saved = save_descriptor("---\n" + component("a", owner="other"), entity=entity, user=None)
    saved.refresh_from_db()
    assert saved.pk == entity.pk
    assert saved.owner_ref == "group:default/other"
    assert not saved.tag_rows.exists()
    assert saved.declared.get().target_ref == "group:default/other"
    assert saved.changed_at > first


def test_says_all_problems_and_saves_nothing():
    problems = refusal(component("a b", owner=""))
    assert [problem.path for problem in problems] == ["metadata.name", "spec.owner"]
    assert not Entity.objects.exists()


@pytest.mark.parametrize("text", ["", "---\n", component("a") + "---\n" + component("b")])
def test_refuses_anything_but_one_document(text):
    (problem,) = refusal(text)
    assert "write exactly one" in problem.message


def test_an_entity_cannot_become_another():
    entity = save_descriptor(component("a"), entity=None, user=None)
    (problem,) = refusal(component("b"), entity)
    assert "this is component:default/b" in problem.message
    assert Entity.objects.get().ref == "component:default/a"


def test_letter_case_of_the_name_may_change():
    entity = save_descriptor(component("a"), entity=None, user=None)
    assert save_descriptor(component("A"), entity=entity, user=None).name == "A"


def test_a_reference_cannot_be_taken_twice():
    save_descriptor(group("a"), entity=None, user=None)
    (problem,) = refusal(group("A"))
    assert "exists already" in problem.message


def test_what_a_file_rules_is_edited_there(tmp_path):
    file = write(tmp_path / "a.yaml", component("a", metadata={"title": "File"}))
    run("import_catalog", file)
    edited = component("a", metadata={"title": "Edited"})
    (problem,) = refusal(edited, Entity.objects.get())
    assert problem.message == f"component:default/a comes from {file}:1"
    assert Entity.objects.get().title == "File"
