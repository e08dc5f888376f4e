"""What changed between two descriptors, what is kept of it, and the page that tells it."""

import datetime as dt

import pytest
from django.utils import timezone

from catalog.editing import history
from catalog.editing.history import differences, revision
from catalog.editing.local import save_descriptor
from catalog.models import Entity, ImportRun, Revision
from tests.catalog.pages import select, texts
from tests.catalog.sources import component, imported, write
from tests.factories import descriptor_of, make_entity, make_user

KEY = "0123456789abcdef0123456789abcdef"


def thing(spec=None, **metadata):
    return descriptor_of(metadata=metadata, spec=spec or {})


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (thing(), thing(), []),
        (thing(title="A"), thing(title="B"), [("metadata.title", "A", "B")]),
        (thing({"owner": "a"}), thing(), [("spec.owner", "a", None)]),
        (
            thing(),
            thing(annotations={"a.b/c": "x"}),
            [('metadata.annotations["a.b/c"]', None, "x")],
        ),
        (
            thing(tags=["a", "b"]),
            thing(tags=["b", "c"]),
            [("metadata.tags", "a", None), ("metadata.tags", None, "c")],
        ),
        (
            thing(tags=["a", "b"]),
            thing(tags=["b", "a"]),
            [("metadata.tags", '["a", "b"]', '["b", "a"]')],
        ),
        (
            thing(links=[{"url": "https://a", "title": "A"}, {"url": "https://b"}]),
            thing(links=[{"url": "https://b"}, {"url": "https://a", "title": "Z"}]),
            [('metadata.links["https://a"].title', "A", "Z")],
        ),
        (
            thing({"steps": [{"id": "a"}]}),
            thing({"steps": [{"id": "b"}, {"id": "c"}]}),
            [("spec.steps[0].id", "a", "b"), ("spec.steps[1].id", None, "c")],
        ),
        (thing({"n": 1}), thing({"n": True}), [("spec.n", "1", "true")]),
        (thing({"n": None}), thing(), [("spec.n", "null", None)]),
        (thing({"n": {}}), thing(), [("spec.n", "{}", None)]),
        (thing({"n": "a"}), thing({"n": {"b": "c"}}), [("spec.n", "a", '{"b": "c"}')]),
    ],
)
def test_differences_name_the_field(old, new, changes):
    found = [(change["path"], change["old"], change["new"]) for change in differences(old, new)]
    assert found == changes


def test_secrets_of_both_sides_are_masked_wherever_they_stand():
    other = KEY[::-1]
    old = thing(annotations={"x/token": KEY}, title=f"was {other}")
    new = thing(annotations={"x/token": other}, title=f"is {KEY}", labels={KEY: "a"})
    found = differences(old, new)
    assert KEY not in str(found)
    assert other not in str(found)
    assert found[0] == {
        "path": 'metadata.annotations["x/token"]',
        "old": "****cdef",
        "new": "****3210",
    }


def test_long_texts_are_cut_and_many_changes_too():
    (change,) = differences(thing(), thing(description="x" * 2000))
    assert change["new"].startswith("x" * 500 + "…")
    assert change["new"].endswith("(2,000 characters)")
    many = differences(thing(), thing(tags=[f"t{n}" for n in range(300)]))
    assert len(many) == 100


def test_a_secret_is_masked_before_the_text_is_cut():
    text = "x" * 480 + KEY + "x" * 500
    (change, _key) = differences(thing(), thing(description=text, annotations={"a-key": KEY}))
    assert KEY[:8] not in change["new"]


@pytest.mark.django_db
def test_the_newest_two_hundred_are_kept():
    entity = make_entity("shop")
    now = timezone.now()
    Revision.objects.bulk_create(
        revision(entity.ref, Revision.Action.CHANGED, at=now - dt.timedelta(days=n))
        for n in range(205)
    )
    other = revision("component:default/other", Revision.Action.CHANGED, at=now)
    history.record(other)
    history.record(revision(entity.ref, Revision.Action.CHANGED, at=now))
    rows = Revision.objects.filter(entity_id=entity.ref)
    assert rows.count() == 200
    assert rows.last().at == now - dt.timedelta(days=198)
    assert Revision.objects.filter(pk=other.pk).exists()


def entries(page):
    return texts(page, ".history__entry")


def address(entity):
    return f"{entity.get_absolute_url()}history/"


@pytest.fixture
def reader(client):
    client.force_login(make_user())
    return client


@pytest.mark.django_db
def test_without_a_change_the_page_says_when_and_by_which_run_it_was_made(reader):
    run = ImportRun.objects.create()
    page = reader.get(address(make_entity("shop", source="/srv/a.yaml", first_run=run)))
    (entry,) = entries(page)
    assert entry.startswith("Made")
    assert f"import {run.pk}" in entry
    assert "/srv/a.yaml" in entry
    assert not select(page, ".history a")


@pytest.mark.django_db
def test_who_may_see_runs_is_led_to_them(client):
    client.force_login(make_user(is_staff=True, permissions=("catalog.view_importrun",)))
    run = ImportRun.objects.create()
    page = client.get(address(make_entity("shop", source="/srv/a.yaml", first_run=run)))
    (link,) = select(page, ".history a")
    assert link["href"] == f"/admin/catalog/importrun/{run.pk}/change/"
    assert client.get(link["href"]).status_code == 200


@pytest.mark.django_db
def test_changes_are_listed_newest_first_with_who_and_what(reader):
    user = make_user("ana", first_name="Ana", last_name="Lima")
    entity = save_descriptor(component("shop"), entity=None, user=user)
    save_descriptor(component("shop", owner="ops"), entity=entity, user=user)
    newest, first = entries(reader.get(address(entity)))
    assert newest.startswith("Changed")
    assert "by Ana Lima" in newest
    assert "spec.owner team" in newest
    assert newest.endswith("ops")
    assert first.startswith("Made")
    assert "by Ana Lima" in first


@pytest.mark.django_db
def test_what_became_a_secret_later_is_masked_in_older_rows_too(reader):
    entity = make_entity("shop", annotations={"a/token": KEY})
    row = revision(entity.ref, Revision.Action.CHANGED, at=timezone.now())
    row.changes = [{"path": "metadata.title", "old": None, "new": f"uses {KEY}"}]
    row.save()
    page = reader.get(address(entity))
    assert KEY not in page.text
    assert "uses ****cdef" in page.text


@pytest.mark.django_db
def test_saving_it_unchanged_is_no_change(reader):
    entity = save_descriptor(component("shop"), entity=None, user=None)
    save_descriptor(component("shop"), entity=entity, user=None)
    assert len(entries(reader.get(address(entity)))) == 1


@pytest.mark.django_db
def test_an_earlier_life_of_the_reference_comes_after_the_making(reader):
    entity = make_entity("shop", source="/srv/a.yaml")
    before = entity.created_at - dt.timedelta(days=1)
    revision(entity.ref, Revision.Action.REMOVED, at=before).save()
    revision(entity.ref, Revision.Action.ORPHANED, at=timezone.now()).save()
    assert [entry.split()[0] for entry in entries(reader.get(address(entity)))] == [
        "Orphaned",
        "Made",
        "Removed",
    ]


@pytest.mark.django_db
def test_a_long_history_is_paged_at_a_constant_cost(reader, django_assert_max_num_queries):
    entity = make_entity("shop")
    with django_assert_max_num_queries(20) as short:
        reader.get(address(entity))
    now, user = timezone.now(), make_user()
    Revision.objects.bulk_create(
        revision(entity.ref, Revision.Action.CHANGED, at=now, user=user) for _ in range(60)
    )
    with django_assert_max_num_queries(len(short) + 1):
        page = reader.get(address(entity))
    assert len(entries(page)) == 25
    assert "61" in texts(page, ".pagination__count")[0]
    last = entries(reader.get(f"{address(entity)}?page=3"))
    assert len(last) == 11
    assert last[-1].startswith("Made")


@pytest.mark.django_db
def test_what_is_not_in_the_catalog_has_no_history(reader):
    assert reader.get("/catalog/default/component/nothing/history/").status_code == 404
    assert not Entity.objects.exists()


@pytest.mark.django_db
def test_what_is_kept_of_an_entity_that_is_gone_is_on_the_page_that_says_so(client, tmp_path):
    client.force_login(make_user())
    file = write(tmp_path / "all.yaml", component("shop"), component("other"))
    imported(file)
    write(file, component("shop", owner="ops"), component("other"))
    imported(file)
    write(file, component("other"))
    imported(file, orphans="delete")

    for tab in ("", "history/"):
        page = client.get(f"/catalog/default/component/shop/{tab}")
        assert page.status_code == 404
        said = " ".join(texts(page, "#history"))
        assert said.index("Removed") < said.index("spec.owner")
    assert not texts(client.get("/catalog/default/component/never/"), "#history")
