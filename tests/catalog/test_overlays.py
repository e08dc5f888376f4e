"""What people put over a file: set, kept, taken away, told apart."""

import pytest

from catalog.descriptor.writing import dump
from catalog.editing.local import adopt
from catalog.editing.overlays import (
    InvalidOverlay,
    Value,
    apply_overlays,
    origins,
    overlays_of,
    remove_overlay,
    replace_overlays,
)
from catalog.models import Entity, Overlay, Relation, Revision
from catalog.versions import current
from tests.catalog.overlays import set_overlay
from tests.factories import make_entity, make_user

pytestmark = pytest.mark.django_db
KEY = "0123456789abcdef0123456789abcdef"
SECRET = "pagerduty.com/integration-key"
LINK = {"url": "https://a.example", "title": "A"}


@pytest.fixture
def shop():
    return make_entity(
        "shop",
        owner="web",
        annotations={"a.b/c": "file", SECRET: KEY},
        links=[LINK],
        source="/srv/shop.yaml",
        source_line=3,
    )


def stored(entity):
    return Entity.objects.get(pk=entity.pk)


@pytest.mark.parametrize(
    ("field", "key", "value", "path", "found"),
    [
        ("annotation", "a.b/c", "mine", ("metadata", "annotations", "a.b/c"), "mine"),
        ("annotation", "a.b/d", "", ("metadata", "annotations", "a.b/d"), ""),
        ("link", "https://a.example", "B", ("metadata", "links", 0, "title"), "B"),
        ("link", "https://a.example", "", ("metadata", "links", 0, "title"), "A"),
        ("link", "https://b.example", "B", ("metadata", "links", 1, "url"), "https://b.example"),
        ("owner", "", "user:ana", ("spec", "owner"), "user:ana"),
    ],
)
def test_an_overlay_sets_a_value_and_the_file_is_kept(shop, field, key, value, path, found):
    before = shop.descriptor
    set_overlay(shop, field, key, value, user=None)
    entity = stored(shop)
    place = entity.descriptor
    for part in path:
        place = place[part]
    assert place == found
    assert entity.written == before
    assert entity.digest == shop.digest


def test_nothing_of_what_was_written_is_changed_in_place(shop):
    before = dump(shop.descriptor)
    apply_overlays(
        shop.descriptor,
        [
            Value(field="annotation", key="x", value="1"),
            Value(field="link", key=LINK["url"], value="other"),
            Value(field="owner", key="", value="ops"),
        ],
    )
    assert dump(shop.descriptor) == before


def test_columns_tags_and_relations_follow(shop):
    user = make_user("ana")
    version = current()
    set_overlay(shop, "owner", "", "user:default/ana", user=user)
    entity = stored(shop)
    assert entity.owner_ref == "user:default/ana"
    assert [r.target_ref for r in Relation.objects.filter(source=entity)] == ["user:default/ana"]
    assert current() > version
    assert Overlay.objects.get().author == user
    set_overlay(shop, "annotation", "x.y/z", "found by this", user=user)
    entity = stored(shop)
    assert entity.annotation_rows.get(key="x.y/z").value == "found by this"
    assert "found by this" in entity.search_text.text
    assert entity.owner_ref == "user:default/ana"


def test_taking_an_overlay_away_brings_the_files_value_back(shop):
    before = shop.descriptor
    set_overlay(shop, "owner", "", "ops", user=None)
    set_overlay(shop, "annotation", "a.b/c", "mine", user=None)
    for overlay in Overlay.objects.all():
        remove_overlay(overlay, user=None)
    entity = stored(shop)
    assert entity.descriptor == before
    assert entity.written is None
    assert entity.owner_ref == "group:default/web"
    assert not Overlay.objects.exists()


def test_the_overlay_of_an_entity_that_is_gone_can_be_taken_away():
    overlay = Overlay.objects.create(entity_id="component:default/gone", field="owner", value="web")
    remove_overlay(overlay, user=None)
    assert not Overlay.objects.exists()


@pytest.mark.parametrize(
    ("field", "key", "value", "said"),
    [
        ("annotation", "A b", "x", 'metadata.annotations["A b"]: "A b" is not a valid key'),
        ("annotation", "a.b/C", "x", "differ only in case"),
        ("annotation", "a", "x\0", "holds the character NUL"),
        ("link", "nowhere", "x", '"nowhere" is not a complete address'),
        ("link", "https://b.example", " ", "metadata.links[1].title"),
        ("owner", "", "group:", "spec.owner"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_nothing_is_changed(shop, field, key, value, said):
    before = stored(shop)
    with pytest.raises(InvalidOverlay) as caught:
        set_overlay(shop, field, key, value, user=None)
    assert said in str(caught.value)
    assert stored(shop).descriptor == before.descriptor
    assert not Overlay.objects.exists()
    assert not Revision.objects.exists()


def test_what_is_wrong_in_the_file_anyway_does_not_stand_in_the_way(shop):
    shop.descriptor["spec"]["definition"] = {"$text": "./gone.yaml"}
    shop.descriptor["metadata"]["tags"] = ["UPPER"]
    shop.save()
    set_overlay(shop, "annotation", "x", "y", user=None)
    assert stored(shop).annotations["x"] == "y"


def test_a_kind_without_an_owner_takes_none():
    person = make_entity("ana", kind="User", source="/srv/a.yaml", spec={"memberOf": []})
    with pytest.raises(InvalidOverlay, match="a User has no owner"):
        set_overlay(person, "owner", "", "web", user=None)


def test_the_same_value_again_writes_nothing(shop):
    set_overlay(shop, "annotation", "x", "y", user=None)
    version = current()
    assert not replace_overlays(shop, [Value(field="annotation", key="x", value="y")], user=None)
    assert (current(), Revision.objects.count()) == (version, 1)


def test_a_change_is_in_the_history_with_the_person_and_secrets_masked(shop):
    user = make_user("ana")
    set_overlay(shop, "annotation", SECRET, KEY[::-1], user=user)
    row = Revision.objects.get()
    assert (row.action, row.user, row.entity_id) == ("overlaid", user, shop.ref)
    path = f'metadata.annotations["{SECRET}"]'
    assert row.changes == [{"path": path, "old": "****cdef", "new": "****3210"}]


def test_a_row_of_the_history_holds_no_secret_that_an_overlay_hides(shop):
    set_overlay(shop, "annotation", SECRET, KEY[::-1], user=None)
    set_overlay(shop, "annotation", "note", f"was {KEY}, is {KEY[::-1]}", user=None)
    newest = Revision.objects.first()
    assert newest.changes[0]["new"] == "was ****cdef, is ****3210"


def test_origins_say_what_comes_from_where_and_mask_secrets(shop):
    user = make_user("ana")
    set_overlay(shop, "annotation", SECRET, KEY[::-1], user=user)
    set_overlay(shop, "owner", "", "ops", user=user)
    found = {origin.path: origin for origin in origins(stored(shop))}
    secret = found[f'metadata.annotations["{SECRET}"]']
    assert (secret.value, secret.replaced, secret.overlay.author) == ("****3210", "****cdef", user)
    assert found['metadata.annotations["a.b/c"]'].overlay is None
    assert (found["spec.owner"].value, found["spec.owner"].replaced) == ("ops", "web")
    assert found['metadata.links["https://a.example"]'].value == "A"


def test_overlays_of_many_references_cost_a_query_per_five_hundred(shop, django_assert_num_queries):
    set_overlay(shop, "annotation", "x", "y", user=None)
    refs = [shop.ref, *(f"component:default/e-{n}" for n in range(999))]
    with django_assert_num_queries(2):
        found = overlays_of(iter(refs))
    assert [row.key for row in found[shop.ref]] == ["x"]
    assert len(found) == 1


def test_an_orphan_that_is_made_local_keeps_what_is_in_force(shop):
    set_overlay(shop, "owner", "", "ops", user=None)
    entity = stored(shop)  # no location: it was unregistered
    assert entity.is_orphan
    adopt(entity, user=None)
    entity = stored(shop)
    assert entity.is_local
    assert entity.spec["owner"] == "ops"
    assert (entity.written, entity.source, entity.orphaned_at) == (None, "", None)
    assert not Overlay.objects.exists()
    newest = Revision.objects.first()
    assert newest.changes == [{"path": "source", "old": "/srv/shop.yaml:3", "new": "the admin"}]
