"""Overlays in the admin: the file's descriptor to read, and the form over it."""

import html

import pytest

from catalog.models import Entity, Overlay, Revision
from tests.catalog.overlays import set_overlay
from tests.catalog.pages import select, texts
from tests.catalog.sources import component, run, write
from tests.factories import make_entity, make_user

pytestmark = pytest.mark.django_db
KEY = "0123456789abcdef0123456789abcdef"
SECRET = "pagerduty.com/integration-key"


@pytest.fixture
def admin(client):
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def file(tmp_path):
    annotations = {SECRET: KEY, "a.b/c": "file"}
    return write(tmp_path / "a.yaml", component("shop", metadata={"annotations": annotations}))


@pytest.fixture
def shop(file):
    run("import_catalog", file)
    return Entity.objects.get()


def address(entity):
    return f"/admin/catalog/entity/{entity.pk}/change/"


def filled(page):
    """What a browser would send back: every field of the form as it stands."""
    data = {}
    for field in select(page, "#entity_form input, #entity_form textarea"):
        kind, name = field.get("type"), field.get("name")
        if name and kind not in ("submit", "checkbox") and "__prefix__" not in name:
            data[name] = field.get("value", "") if field.name == "input" else field.get_text()
    return data


def first_empty(data, prefix):
    return f"{prefix}-{data[f'{prefix}-INITIAL_FORMS']}"


def save(admin, entity, *, owner=None, annotations=(), links=(), follow=False, **more):
    data = filled(admin.get(address(entity)))
    if owner is not None:
        data["overlay_owner"] = owner
    for prefix, pairs in (("overlays", annotations), ("overlays-2", links)):
        for number, (key, value) in enumerate(pairs, int(data[f"{prefix}-INITIAL_FORMS"])):
            data |= {f"{prefix}-{number}-key": key, f"{prefix}-{number}-value": value}
        total = max(int(data[f"{prefix}-TOTAL_FORMS"]), number + 1 if pairs else 0)
        data[f"{prefix}-TOTAL_FORMS"] = str(total)
    return admin.post(address(entity), data | more, follow=follow)


def errors(page):
    return texts(page, ".errorlist li")


def test_the_descriptor_of_a_file_is_read_only_with_the_reason_and_the_place(admin, shop, file):
    page = admin.get(address(shop))
    assert "A file rules this entity" in page.text
    assert f"{file}:1" in page.text
    assert not select(page, "textarea[name=descriptor_text]")
    assert "lifecycle: production" in page.text
    assert KEY not in html.unescape(page.text)


def test_a_descriptor_posted_over_a_file_is_not_taken(admin, shop):
    text = component("shop", owner="thief")
    data = filled(admin.get(address(shop))) | {"descriptor_text": text}
    admin.post(address(shop), data)
    assert Entity.objects.get().spec["owner"] == "team"


def test_owner_annotations_and_links_are_one_change_of_the_history(admin, shop):
    answer = save(
        admin,
        shop,
        owner="ops",
        annotations=[("pagerduty.com/service-id", "PSHOP")],
        links=[("https://runbook.example", "Runbook")],
    )
    assert answer.status_code == 302
    entity = Entity.objects.get()
    assert entity.owner_ref == "group:default/ops"
    assert entity.annotations["pagerduty.com/service-id"] == "PSHOP"
    assert entity.metadata["links"] == [{"url": "https://runbook.example", "title": "Runbook"}]
    assert {row.author.username for row in Overlay.objects.all()} == {"root"}
    (row,) = Revision.objects.all()
    assert row.user.username == "root"
    assert len(row.changes) == 4  # the link's URL and title


def test_they_hold_over_a_changed_file_and_when_the_entity_comes_back(admin, shop, file):
    save(admin, shop, owner="ops", annotations=[("a.b/c", "mine")])
    write(file, component("shop", lifecycle="deprecated"))
    run("import_catalog", file)
    entity = Entity.objects.get()
    assert (entity.lifecycle, entity.spec["owner"]) == ("deprecated", "ops")
    assert entity.annotations == {"a.b/c": "mine"}
    write(file, component("other"))
    run("import_catalog", file, prune=True)
    assert not Entity.objects.filter(name="shop").exists()
    write(file, component("shop"))
    run("import_catalog", file)
    assert Entity.objects.get(name="shop").spec["owner"] == "ops"


def test_saving_the_form_as_it_stands_changes_nothing(admin, shop):
    set_overlay(shop, "annotation", SECRET, KEY[::-1], user=None)
    before = Revision.objects.count()
    assert save(admin, shop).status_code == 302
    assert Revision.objects.count() == before
    assert Entity.objects.get().annotations[SECRET] == KEY[::-1]


def test_a_secret_is_masked_and_its_mask_keeps_it(admin, shop):
    set_overlay(shop, "annotation", SECRET, KEY[::-1], user=None)
    page = admin.get(address(shop))
    assert KEY[::-1] not in html.unescape(page.text)
    assert filled(page)["overlays-0-value"] == "****3210"
    save(admin, shop, owner="ops")
    assert Overlay.objects.get(field="annotation").value == KEY[::-1]


@pytest.mark.parametrize("mask", ["****", "****ffff", "****cdef"])
def test_a_mask_of_something_else_is_refused(admin, shop, mask):
    page = save(admin, shop, annotations=[(SECRET, mask)])
    assert page.status_code == 200
    assert f"The value of {SECRET} is masked" in errors(page)[0]
    assert not Overlay.objects.exists()


def test_the_mask_of_another_value_does_not_keep_the_stored_one(admin, shop):
    set_overlay(shop, "annotation", SECRET, KEY[::-1], user=None)
    page = save(admin, shop, **{"overlays-0-value": "****cdef"})
    assert "is masked and is not the stored one" in errors(page)[0]
    page = save(admin, shop, **{"overlays-0-key": "other/token"})
    assert "The value of other/token is masked" in errors(page)[0]
    assert Overlay.objects.get().key == SECRET


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"owner": "group:"}, "spec.owner: 'group:' has no name"),
        ({"annotations": [("A b", "x")]}, '"A b" is not a valid key; allowed is'),
        ({"annotations": [("a.b/C", "x")]}, "differ only in case"),
        ({"annotations": [("x", "1"), ("X", "2")]}, "x is in another row"),
        ({"links": [("runbook", "x")]}, '"runbook" is not a complete address'),
        ({"links": [("", "x")]}, "This field is required"),
    ],
)
def test_errors_name_the_field_and_what_was_typed_is_kept(admin, shop, sent, said):
    page = save(admin, shop, **sent)
    assert page.status_code == 200
    assert said in " ".join(errors(page))
    for pairs in (sent.get("annotations", ()), sent.get("links", ())):
        for pair in pairs:
            assert set(pair) <= {*filled(page).values(), ""}
    assert not Overlay.objects.exists()
    assert Entity.objects.get().written is None


def test_taking_a_row_away_brings_the_files_value_back(admin, shop):
    set_overlay(shop, "annotation", "a.b/c", "mine", user=None)
    set_overlay(shop, "owner", "", "ops", user=None)
    save(admin, shop, owner="", **{"overlays-0-DELETE": "on"})
    entity = Entity.objects.get()
    assert entity.annotations["a.b/c"] == "file"
    assert entity.owner_ref == "group:default/team"
    assert not Overlay.objects.exists()


def test_a_row_may_get_another_key(admin, shop):
    set_overlay(shop, "annotation", "a", "1", user=None)
    save(admin, shop, **{"overlays-0-key": "b"})
    assert [(row.key, row.value) for row in Overlay.objects.all()] == [("b", "1")]


def test_what_somebody_else_added_meanwhile_stays(admin, shop):
    data = filled(admin.get(address(shop)))
    set_overlay(shop, "annotation", "theirs", "1", user=None)
    data |= {"overlays-0-key": "mine", "overlays-0-value": "2"}
    admin.post(address(shop), data)
    assert {row.key for row in Overlay.objects.all()} == {"theirs", "mine"}


def test_who_may_only_look_sees_overlays_masked_and_no_form(client, shop):
    set_overlay(shop, "annotation", SECRET, KEY[::-1], user=None)
    client.force_login(make_user(is_staff=True, permissions=("catalog.view_entity",)))
    page = client.get(address(shop))
    assert page.status_code == 200
    assert "****3210" in page.text
    assert KEY[::-1] not in html.unescape(page.text)
    assert not select(page, "#entity_form input[type=submit]")
    assert client.post(address(shop), {"overlay_owner": "ops"}).status_code == 403


def test_a_person_has_no_owner_to_set(admin):
    entity = make_entity("ana", kind="User", source="/srv/a.yaml", spec={"memberOf": []})
    page = admin.get(address(entity))
    assert select(page, "input[name=overlay_owner]")[0].has_attr("disabled")
    assert save(admin, entity, annotations=[("x", "y")]).status_code == 302
    assert Overlay.objects.get().key == "x"


def test_an_orphan_is_made_local_with_a_button(admin):
    entity = make_entity("shop", source="/srv/a.yaml", owner="web")
    page = admin.get(address(entity))
    assert "No location has this entity any more" in page.text
    assert select(page, "button[name=_adopt]")
    page = save(admin, entity, owner="ops", _adopt="1", follow=True)
    assert "Made local: component:default/shop." in page.text
    entity = Entity.objects.get()
    assert entity.is_local
    assert entity.spec["owner"] == "ops"
    assert select(admin.get(address(entity)), "textarea[name=descriptor_text]")


def test_an_entity_with_a_file_cannot_be_made_local(admin, shop):
    page = admin.get(address(shop))
    assert not select(page, "button[name=_adopt]")
    page = save(admin, shop, _adopt="1", follow=True)
    assert "still has its file" in page.text
    assert not Entity.objects.get().is_local


def test_a_local_entity_has_no_overlays_to_edit(admin):
    entity = make_entity("shop")
    assert not select(admin.get(address(entity)), "input[name=overlays-TOTAL_FORMS]")


ALL = "/admin/catalog/overlay/"


def test_all_overlays_are_listed_masked_those_of_entities_that_are_gone_too(admin, shop):
    set_overlay(shop, "annotation", SECRET, KEY[::-1], user=make_user("ana"))
    Overlay.objects.create(entity_id="component:default/gone", field="owner", value="ops")
    page = admin.get(ALL)
    assert texts(page, "#result_list tbody th") == [
        "component:default/gone",
        "component:default/shop",
    ]
    assert "****3210" in page.text
    assert len(texts(admin.get(f"{ALL}?q=gone"), "#result_list tbody th")) == 1
    assert len(texts(admin.get(f"{ALL}?q=integration"), "#result_list tbody th")) == 1
    for overlay in Overlay.objects.all():
        for url in (f"{ALL}{overlay.pk}/change/", f"{ALL}{overlay.pk}/delete/"):
            page = admin.get(url)
            assert page.status_code == 200
            assert KEY[::-1] not in html.unescape(page.text)
            assert not select(page, "form select")
    assert admin.get(f"{ALL}add/").status_code == 403


def test_overlays_taken_away_from_their_list_bring_the_files_values_back(admin, shop):
    set_overlay(shop, "annotation", "a.b/c", "mine", user=None)
    set_overlay(shop, "owner", "", "ops", user=None)
    Overlay.objects.create(entity_id="component:default/gone", field="owner", value="ops")
    first, *rest = Overlay.objects.order_by("pk")
    admin.post(f"{ALL}{first.pk}/delete/", {"post": "yes"})
    assert Entity.objects.get().annotations["a.b/c"] == "file"
    data = {"_selected_action": [row.pk for row in rest], "post": "yes"}
    admin.post(ALL, data | {"action": "delete_selected"})
    assert not Overlay.objects.exists()
    assert Entity.objects.get().owner_ref == "group:default/team"


def test_the_list_of_overlays_asks_as_often_for_one_row_as_for_fifty(
    admin, shop, django_assert_max_num_queries
):
    set_overlay(shop, "annotation", "k", "v", user=make_user())
    with django_assert_max_num_queries(20) as one:
        admin.get(ALL)
    for number in range(49):
        Overlay.objects.create(
            entity_id=shop.ref, field="annotation", key=f"k-{number}", author=make_user()
        )
    with django_assert_max_num_queries(len(one)):
        assert len(texts(admin.get(ALL), "#result_list tbody th")) == 50


def test_who_may_only_look_at_entities_takes_no_overlay_away(client, shop):
    set_overlay(shop, "owner", "", "ops", user=None)
    client.force_login(make_user(is_staff=True, permissions=("catalog.view_entity",)))
    assert client.get(ALL).status_code == 200
    overlay = Overlay.objects.get()
    assert client.post(f"{ALL}{overlay.pk}/delete/", {"post": "yes"}).status_code == 403
