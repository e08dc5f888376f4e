"""The lists of the admin: what they are narrowed by, what is done to many at once."""

import html

import pytest
import yaml
from django.utils import timezone

from catalog.kinds import Kind
from catalog.models import Entity, ImportIssue, ImportRun, Location, Overlay, Revision, SourceFile
from catalog.versions import current
from tests.catalog.overlays import set_overlay
from tests.catalog.pages import select, texts
from tests.catalog.sources import component, run, write
from tests.factories import make_entity, make_issue, make_user

pytestmark = pytest.mark.django_db
KEY = "0123456789abcdef0123456789abcdef"
LIST = "/admin/catalog/entity/"
ISSUES = "/admin/catalog/importissue/"
LOCATIONS = "/admin/catalog/location/"


@pytest.fixture
def admin(client):
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def location():
    return Location.objects.create(type="file", target="/srv")


def names(page):
    return sorted(ref.partition("/")[2] for ref in texts(page, "#result_list tbody th a"))


def act(admin, action, *rows, query="", **more):
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return admin.post(f"{LIST}{query}", data, follow=True)


@pytest.fixture
def five(location):
    good = make_entity("good", source="/srv/a.yaml", location=location)
    bad = make_entity("bad", source="/srv/a.yaml", location=location)
    make_issue(bad.ref, "wrong")
    warned = make_entity("warned", source="/srv/a.yaml", location=location)
    make_issue(warned.ref, "odd", kind="warning")
    set_overlay(warned, "annotation", "x", "y", user=None)
    make_entity("lost", source="/srv/a.yaml", location=location, orphaned_at=timezone.now())
    make_entity("adrift", source="/srv/a.yaml")
    make_entity("own")
    return good


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("ok", ["good", "own", "warned"]),
        ("error", ["bad"]),
        ("orphan", ["adrift", "lost"]),
        ("local", ["own"]),
        ("overlaid", ["warned"]),
    ],
)
def test_entities_are_narrowed_by_state(admin, five, state, found):
    assert names(admin.get(f"{LIST}?state={state}")) == found


def test_the_state_stands_in_the_list(admin, five):
    page = admin.get(LIST)
    states = dict(
        zip(
            [ref.partition("/")[2] for ref in texts(page, "#result_list tbody th a")],
            texts(page, "#result_list .field-state"),
            strict=True,
        )
    )
    assert states == {
        "good": "OK",
        "bad": "has issues",
        "warned": "has issues",
        "lost": "orphan",
        "adrift": "orphan",
        "own": "local",
    }


@pytest.mark.parametrize("url", [LIST, ISSUES])
def test_a_thousand_locations_are_no_list_of_a_thousand(admin, url):
    Location.objects.bulk_create(
        Location(type="file", target=f"/srv/{number:04}") for number in range(1000)
    )
    last = Location.objects.get(target="/srv/0999")
    make_entity("far", location=last, source="/srv/0999/a.yaml")
    make_issue("component:default/far", "wrong", location=last)
    page = admin.get(f"{url}?location__id__exact={last.pk}")
    targets = [link.get_text() for link in select(page, "#changelist-filter a")]
    assert len([target for target in targets if target.startswith("/srv/")]) == 31
    assert "/srv/0999" in targets
    assert "the first 30" in page.text
    assert len(select(page, "#result_list tbody tr")) == 1
    assert admin.get(f"{url}?location__id__exact=x").status_code == 200


def test_a_hundred_lifecycles_are_no_list_of_a_hundred(admin):
    for number in range(100):
        make_entity(lifecycle=f"stage-{number:02}")
    page = admin.get(f"{LIST}?lifecycle__exact=stage-99")
    shown = [a.get_text() for a in select(page, "#changelist-filter a")]
    assert len([one for one in shown if one.startswith("stage-")]) == 31
    assert len(select(page, "#result_list tbody tr")) == 1


@pytest.mark.parametrize("model", ["entity", "location", "importrun", "importissue"])
def test_a_list_asks_as_often_for_one_row_as_for_twelve(
    admin, model, django_assert_max_num_queries
):
    def make(number):
        location = Location.objects.create(type="file", target=f"/srv/{number}")
        run = ImportRun.objects.create(started_by=make_user())
        run.locations.add(location)
        location.last_run = run
        location.created_by = run.started_by
        location.save()
        entity = make_entity(source=f"/srv/{number}", location=location, run=run)
        make_issue(entity.ref, "wrong", location=location, run=run)
        set_overlay(entity, "owner", "", "ops", user=run.started_by)

    make(0)
    url = f"/admin/catalog/{model}/"
    with django_assert_max_num_queries(20) as one:
        admin.get(url)
    for number in range(1, 12):
        make(number)
    with django_assert_max_num_queries(len(one)):
        page = admin.get(url)
    assert len(select(page, "#result_list tbody tr")) == 12


def test_the_list_reads_no_descriptor(admin, django_assert_max_num_queries):
    make_entity("shop")
    with django_assert_max_num_queries(20) as asked:
        admin.get(LIST)
    read = [query["sql"] for query in asked if 'FROM "catalog_entity"' in query["sql"]]
    assert read
    assert not any('"descriptor"' in sql or '"description"' in sql for sql in read)


def test_no_page_of_an_entity_has_a_dropdown_of_rows(admin, location):
    entity = make_entity("shop", location=location, source="/srv/a.yaml")
    for url in (f"{LIST}{entity.pk}/change/", f"{LOCATIONS}{location.pk}/change/"):
        assert not select(admin.get(url), "form select")


def test_deleting_asks_first_and_says_what_comes_back(admin, location):
    ruled = make_entity("ruled", location=location, source="/srv/a.yaml")
    own = make_entity("own")
    page = act(admin, "delete_selected", ruled, own)
    assert "Delete 2 entities?" in page.text
    assert "1 of them is ruled by a file: the next refresh brings it back" in page.text
    assert Entity.objects.count() == 2
    version = current()
    act(admin, "delete_selected", ruled, own, post="yes")
    assert not Entity.objects.exists()
    assert current() > version
    assert {(r.entity_id, r.action) for r in Revision.objects.all()} == {
        ("component:default/ruled", "removed"),
        ("component:default/own", "removed"),
    }
    assert Revision.objects.first().user.username == "root"


def test_deleting_one_says_that_it_comes_back(admin, location):
    entity = make_entity("shop", location=location, source="/srv/a.yaml", tags=("a",))
    page = admin.get(f"{LIST}{entity.pk}/delete/")
    assert "/srv/a.yaml has this entity: the next refresh brings it back" in page.text
    orphan = make_entity("orphan", source="/srv/a.yaml")
    assert "refresh brings" not in admin.get(f"{LIST}{orphan.pk}/delete/").text
    admin.post(f"{LIST}{entity.pk}/delete/", {"post": "yes"})
    assert names(admin.get(LIST)) == ["orphan"]


def test_what_was_deleted_by_hand_does_come_back_though_its_file_is_unchanged(admin, tmp_path):
    file = write(tmp_path / "a.yaml", component("shop"))
    run("import_catalog", file)
    set_overlay(Entity.objects.get(), "owner", "", "ops", user=None)
    act(admin, "delete_selected", Entity.objects.get(), post="yes")
    assert not Entity.objects.exists()
    assert all(not row.fingerprint for row in SourceFile.objects.all())
    run("import_catalog", file)
    assert Entity.objects.get().spec["owner"] == "ops"
    assert Overlay.objects.count() == 1


def test_only_the_orphans_among_them_are_deleted(admin, five):
    rows = list(Entity.objects.all())
    page = act(admin, "delete_orphans", *rows)
    assert "Delete 2 entities?" in page.text
    act(admin, "delete_orphans", *rows, post="yes")
    assert names(admin.get(LIST)) == ["bad", "good", "own", "warned"]
    assert "None of them is an orphan" in act(admin, "delete_orphans", five).text


def test_more_than_a_form_can_hold_are_deleted_across_pages(admin):
    Entity.objects.bulk_create(
        Entity(
            ref=f"component:default/e-{n}",
            kind="Component",
            name=f"e-{n}",
            source="/gone.yaml",
            changed_at=timezone.now(),
            digest="",
        )
        for n in range(1200)
    )
    one = Entity.objects.first()
    page = act(admin, "delete_orphans", one, query="?state=orphan", select_across="1")
    assert "Delete 1,200 entities?" in page.text
    assert "and 1,150 more" in page.text
    assert len(select(page, "input[type=hidden]")) < 10
    page = act(admin, "delete_orphans", one, query="?state=orphan", select_across="1", post="yes")
    assert "1,200 deleted" in page.text
    assert not Entity.objects.exists()


def test_deleting_needs_its_right(client):
    client.force_login(make_user(is_staff=True, permissions=("catalog.change_entity",)))
    entity = make_entity("shop")
    act(client, "delete_selected", entity, post="yes")
    assert client.post(f"{LIST}{entity.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Entity.objects.exists()


def test_orphans_are_made_local_at_once(admin, five):
    page = act(admin, "adopt", *Entity.objects.all())
    assert "Made local: component:default/lost." in page.text
    assert names(admin.get(f"{LIST}?state=local")) == ["adrift", "lost", "own"]


def test_the_chosen_entities_are_exported_with_secrets_masked(admin):
    secret = {"pagerduty.com/integration-key": KEY}
    rows = [make_entity("b", annotations=secret), make_entity("a", description="x" * 30_000)]
    make_entity("other")
    answer = act(admin, "export_yaml", *rows)
    assert "attachment" in answer["Content-Disposition"]
    text = b"".join(answer.streaming_content).decode()
    assert KEY not in text
    first, second = yaml.safe_load_all(text)
    assert first == rows[1].descriptor
    assert second["metadata"]["annotations"] == {"pagerduty.com/integration-key": "****cdef"}


def test_the_locations_of_the_chosen_entities_are_refreshed(admin, tmp_path):
    file = write(tmp_path / "a.yaml", component("shop"))
    run("import_catalog", file)
    write(file, component("shop", owner="ops"))
    page = act(admin, "refresh_locations", Entity.objects.get())
    assert "0 created, 1 changed" in " ".join(texts(page, ".messagelist li"))
    assert Entity.objects.get().spec["owner"] == "ops"
    page = act(admin, "refresh_locations", make_entity("own"))
    assert "None of them has a location" in page.text


def test_a_location_is_registered_with_the_kinds_it_may_define(admin, settings):
    settings.CATALOG_READING_ALLOW = ["/srv"]
    page = admin.get(f"{LOCATIONS}add/")
    assert len(select(page, "input[name=allowed_kinds]")) == len(Kind)
    given = {"type": "file", "target": "/srv/x.yaml", "allowed_kinds": ["Component", "API"]}
    version = current()
    assert admin.post(f"{LOCATIONS}add/", given).status_code == 302
    row = Location.objects.get()
    assert row.allowed_kinds == ["Component", "API"]
    assert (row.origin, row.created_by.username) == ("registered", "root")
    assert row.next_refresh_at <= timezone.now()
    assert current() > version
    page = admin.get(f"{LOCATIONS}{row.pk}/change/")
    assert len(select(page, "input[name=allowed_kinds][checked]")) == 2
    assert not select(page, "input[name=target]")
    admin.post(f"{LOCATIONS}{row.pk}/change/", {"allowed_kinds": ["API"], "target": "/etc"})
    row.refresh_from_db()
    assert (row.allowed_kinds, row.target) == (["API"], "/srv/x.yaml")


def test_deleting_a_location_leads_to_the_page_that_shows_what_goes_with_it(admin, location):
    answer = admin.post(f"{LOCATIONS}{location.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    assert answer["Location"] == f"/catalog/locations/{location.pk}/unregister/"
    assert Location.objects.exists()
    data = {"action": "delete_selected", "_selected_action": [location.pk], "post": "yes"}
    admin.post(LOCATIONS, data)
    assert Location.objects.exists()


def test_a_run_says_who_asked_what_changed_and_what_stands(admin, location):
    entity = make_entity("shop", location=location)
    row = ImportRun.objects.create(trigger="webhook", failure="", state="refused", changed=1)
    row.locations.add(location)
    Revision.objects.create(entity=entity, action="changed", at=timezone.now(), run=row)
    make_issue(entity.ref, "owner is missing", run=row, location=location)
    page = admin.get(f"/admin/catalog/importrun/{row.pk}/change/")
    links = {link.get_text(): link["href"] for link in select(page, "#importrun_form a")}
    assert links["component:default/shop"] == f"{entity.get_absolute_url()}history/"
    assert links["/srv"] == f"{LOCATIONS}{location.pk}/change/"
    assert "owner is missing" in page.text
    assert "a webhook" in page.text
    assert "a webhook" in admin.get("/admin/catalog/importrun/?trigger__exact=webhook").text


def test_issues_are_narrowed_by_kind_and_location_and_searched(admin, location):
    make_issue("component:default/a", "one", file="/srv/a.yaml", location=location)
    make_issue("component:default/b", "two", file="/srv/b.yaml", kind="conflict", holder="x:1")
    for query, found in (
        ("kind__exact=conflict", "/srv/b.yaml:1"),
        (f"location__id__exact={location.pk}", "/srv/a.yaml:1"),
        ("q=default/b", "/srv/b.yaml:1"),
    ):
        assert texts(admin.get(f"{ISSUES}?{query}"), "#result_list tbody th a") == [found]
    issue = ImportIssue.objects.get(kind="conflict")
    page = admin.get(f"{ISSUES}{issue.pk}/change/")
    assert "x:1" in page.text
    assert "two" in page.text


def test_no_list_prints_a_key_that_a_title_repeats(admin):
    make_entity("shop", title=f"uses {KEY}", annotations={"a/token": KEY})
    assert KEY not in html.unescape(admin.get(LIST).text)
