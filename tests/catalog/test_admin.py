import datetime as dt
import html

import pytest
import time_machine
import yaml
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from catalog import tasks
from catalog.editing.local import save_descriptor
from catalog.locations.registration import registered_kinds
from catalog.models import Entity, ImportRun, Location
from portal.templatetags.ui import short_time
from tests.catalog.pages import select, texts
from tests.factories import make_entity, make_issue, make_user, make_worker

pytestmark = pytest.mark.django_db
KEY = "0123456789abcdef0123456789abcdef"
ADD = "/admin/catalog/entity/add/"
LIST = "/admin/catalog/entity/"
COMPONENT = f"""apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: shop
  annotations:
    pagerduty.com/integration-key: {KEY}
    pagerduty.com/service-id: PSHOP
spec:
  type: service
  lifecycle: production
  owner: web
"""


@pytest.fixture
def admin(client):
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def shop():
    return save_descriptor(COMPONENT, entity=None, user=None)


def change_url(row):
    return f"/admin/catalog/{row._meta.model_name}/{row.pk}/change/"


def form_text(page):
    return select(page, "textarea[name=descriptor_text]")[0].get_text().removeprefix("\n")


def errors(page):
    return texts(page, ".errorlist li")


def test_a_new_entity_is_written_as_yaml_with_its_tags_and_relations(admin):
    text = COMPONENT.replace("  name: shop\n", "  name: shop\n  tags: [java]\n")
    answer = admin.post(ADD, {"descriptor_text": text.replace("\n", "\r\n")})
    assert answer.status_code == 302
    entity = Entity.objects.get(ref="component:default/shop")
    assert [tag.name for tag in entity.tag_rows.all()] == ["java"]
    assert [str(r) for r in entity.declared.all()] == ["ownedBy group:default/web"]
    assert entity.source == ""
    assert admin.get(entity.get_absolute_url()).status_code == 200


def test_every_error_is_shown_with_its_line_and_the_text_is_kept(admin):
    text = COMPONENT.replace("  owner: web\n", "  owner: 7\n").replace("name: shop", "name: -shop-")
    page = admin.post(ADD, {"descriptor_text": text})
    assert page.status_code == 200
    found = errors(page)
    assert len(found) == 2
    assert found[0].startswith("Line 4: metadata.name")
    assert found[1].startswith("Line 11: spec.owner")
    assert form_text(page) == text
    assert not Entity.objects.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "Line "),
        ("", "This field is required"),
        ("# nothing", "this text has 0"),
        (f"{COMPONENT}---\n{COMPONENT}", "this text has 2"),
        ("[" * 5000, "Line 1: Nested more than 100 levels deep"),
        ("a: &a [x]\nb: &b [*a,*a]\n" * 20, "Line "),
    ],
)
def test_what_is_no_descriptor_is_an_error_of_the_form(admin, text, message):
    page = admin.post(ADD, {"descriptor_text": text})
    assert page.status_code == 200
    assert message in " ".join(errors(page))


def test_a_second_entity_of_the_same_name_is_an_error_of_the_form(admin, shop):
    page = admin.post(ADD, {"descriptor_text": COMPONENT})
    assert page.status_code == 200
    assert "exists already" in " ".join(errors(page))


def test_another_name_is_an_error_of_the_form_and_changes_nothing(admin, shop):
    text = form_text(admin.get(change_url(shop))).replace("name: shop", "name: other")
    page = admin.post(change_url(shop), {"descriptor_text": text})
    assert "cannot change" in " ".join(errors(page))
    assert KEY not in page.text
    assert list(Entity.objects.values_list("name", flat=True)) == ["shop"]


def test_the_form_shows_keys_masked_and_saving_it_unchanged_keeps_them(admin, shop):
    page = admin.get(change_url(shop))
    assert KEY not in html.unescape(page.text)
    text = form_text(page)
    assert yaml.safe_load(text)["metadata"]["annotations"] == {
        "pagerduty.com/integration-key": "****cdef",
        "pagerduty.com/service-id": "PSHOP",
    }
    before = Entity.objects.get(pk=shop.pk)
    answer = admin.post(change_url(shop), {"descriptor_text": text})
    assert answer.status_code == 302
    after = Entity.objects.get(pk=shop.pk)
    assert after.descriptor == before.descriptor
    assert after.digest == before.digest


def test_a_change_elsewhere_keeps_the_masked_key_and_a_new_key_replaces_it(admin, shop):
    text = form_text(admin.get(change_url(shop))).replace("production", "deprecated")
    admin.post(change_url(shop), {"descriptor_text": text})
    shop.refresh_from_db()
    assert shop.lifecycle == "deprecated"
    assert shop.annotations["pagerduty.com/integration-key"] == KEY
    new = KEY[::-1]
    admin.post(change_url(shop), {"descriptor_text": text.replace("****cdef", new)})
    shop.refresh_from_db()
    assert shop.annotations["pagerduty.com/integration-key"] == new


@pytest.mark.parametrize(
    "written",
    [
        '"****cdef"',
        "'****cdef' # as it was",
        "!!str '****cdef'",
        "&k '****cdef'",
        ">-\n      ****cdef",
    ],
)
def test_a_mask_is_put_back_however_it_is_quoted(admin, shop, written):
    admin.post(change_url(shop), {"descriptor_text": COMPONENT.replace(KEY, written)})
    shop.refresh_from_db()
    assert shop.annotations["pagerduty.com/integration-key"] == KEY


@pytest.mark.parametrize("mask", ["****", "****ffff", "*****cdef", "****cdef0"])
def test_a_mask_of_something_else_is_an_error_and_never_stored(admin, shop, mask):
    page = admin.post(change_url(shop), {"descriptor_text": COMPONENT.replace(KEY, f"'{mask}'")})
    (error,) = errors(page)
    assert error.startswith("Line 6: The value of pagerduty.com/integration-key is masked")
    shop.refresh_from_db()
    assert shop.annotations["pagerduty.com/integration-key"] == KEY


def test_a_mask_in_a_new_entity_is_an_error(admin):
    page = admin.post(ADD, {"descriptor_text": COMPONENT.replace(KEY, "'****cdef'")})
    assert "write it in full" in " ".join(errors(page))


def test_a_key_named_like_anothers_mask_is_not_given_away(admin, shop):
    text = COMPONENT.replace(KEY, "'****cdef'").replace("integration-key", "other-key")
    page = admin.post(change_url(shop), {"descriptor_text": text})
    assert "pagerduty.com/other-key is masked" in " ".join(errors(page))


def test_the_error_of_a_masked_form_does_not_tell_the_key(admin, shop):
    text = COMPONENT.replace(KEY, "'****cdef'").replace("  owner: web\n", "")
    page = admin.post(change_url(shop), {"descriptor_text": text})
    assert "owner" in " ".join(errors(page))
    assert KEY not in html.unescape(page.text)


def test_no_page_of_the_admin_prints_a_key(admin, shop):
    admin.post(change_url(shop), {"descriptor_text": form_text(admin.get(change_url(shop)))})
    assert LogEntry.objects.count() == 1
    for url in (
        LIST,
        f"{LIST}?q=shop",
        change_url(shop),
        f"{LIST}{shop.pk}/history/",
        f"{LIST}{shop.pk}/delete/",
        "/admin/",
    ):
        page = admin.get(url)
        assert page.status_code == 200
        assert KEY not in html.unescape(page.text)


def test_who_may_only_look_sees_the_descriptor_masked_and_no_form(client, shop):
    client.force_login(make_user(is_staff=True, permissions=("catalog.view_entity",)))
    page = client.get(change_url(shop))
    assert page.status_code == 200
    assert "****cdef" in page.text
    assert KEY not in page.text
    assert not select(page, "textarea")
    assert client.post(change_url(shop), {"descriptor_text": COMPONENT}).status_code == 403


def test_the_list_shows_owner_source_and_change_and_filters(admin, django_assert_num_queries):
    location = Location.objects.create(type="file", target="/srv")
    make_entity("shop", owner="web", source="/srv/a.yaml", source_line=7, location=location)
    make_entity("rest", kind="API", lifecycle="deprecated")
    page = admin.get(LIST)
    assert "/srv/a.yaml:7" in page.text
    assert "group:default/web" in page.text
    assert len(select(page, "#result_list tbody tr")) == 2
    for query in ("kind__exact=API", "lifecycle__exact=deprecated", "q=rest"):
        assert texts(admin.get(f"{LIST}?{query}"), "#result_list tbody th a") == [
            "api:default/rest"
        ]
    assert texts(
        admin.get(f"{LIST}?location__id__exact={location.pk}"), "#result_list tbody th a"
    ) == ["component:default/shop"]


def test_the_list_asks_as_often_for_one_row_as_for_fifty(admin, django_assert_max_num_queries):
    make_entity("shop")
    with django_assert_max_num_queries(20) as one:
        admin.get(LIST)
    for number in range(49):
        make_entity(f"e-{number}")
    with django_assert_max_num_queries(len(one)):
        admin.get(LIST)


def test_several_entities_are_deleted_at_once(admin):
    rows = [
        make_entity(f"e-{n}", tags=("a",), relations=(("dependsOn", "api:a"),)) for n in range(3)
    ]
    data = {"action": "delete_selected", "_selected_action": [r.pk for r in rows], "post": "yes"}
    assert admin.post(LIST, data).status_code == 302
    assert not Entity.objects.exists()


@pytest.mark.parametrize(
    ("type_", "target", "ok"),
    [
        ("url", "https://example.com/a.yaml", True),
        ("file", "/srv/*.yaml", True),
        ("url", "/srv/a.yaml", False),
        ("url", "javascript:alert(1)", False),
        ("file", "a.yaml", False),
        ("file", "https://example.com/a.yaml", False),
    ],
)
def test_a_location_is_a_path_or_an_address_as_its_type_says(admin, settings, type_, target, ok):
    settings.CATALOG_READING_ALLOW = ["/srv"]
    answer = admin.post("/admin/catalog/location/add/", {"type": type_, "target": target})
    assert answer.status_code == (302 if ok else 200)
    assert Location.objects.exists() is ok


@pytest.mark.parametrize("folders", [[], ["/opt"]])
def test_a_location_of_the_admin_leads_to_no_folder_that_is_not_listed(admin, settings, folders):
    settings.CATALOG_READING_ALLOW = folders
    given = {"type": "file", "target": "/srv/a.yaml"}
    page = admin.post("/admin/catalog/location/add/", given)
    assert "CATALOG_READING_ALLOW" in " ".join(texts(page, ".errorlist"))
    assert not Location.objects.exists()


def test_who_may_only_add_locations_has_no_say_in_their_kinds(client):
    permissions = ("catalog.add_location", "catalog.view_location")
    client.force_login(make_user(is_staff=True, permissions=permissions))
    given = {
        "type": "url",
        "target": "https://example.com/a.yaml",
        "allowed_kinds": ["Group", "User"],
    }
    assert client.post("/admin/catalog/location/add/", given).status_code == 302
    assert Location.objects.get().allowed_kinds == registered_kinds()
    assert "User" not in registered_kinds()


def test_the_admin_has_the_portal_s_icon(admin):
    assert "favicon" in select(admin.get("/admin/"), "link[rel=icon]")[0]["href"]


def refresh_now(admin, *locations):
    data = {"action": "refresh_now", "_selected_action": [row.pk for row in locations]}
    return admin.post("/admin/catalog/location/", data, follow=True)


def test_refresh_now_reads_the_chosen_locations_and_tells_the_outcome(admin, tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(COMPONENT)
    bad.write_text("kind: Component\n")
    first = Location.objects.create(type="file", target=str(good))
    page = refresh_now(admin, first)
    run = ImportRun.objects.get()
    (said,) = texts(page, ".messagelist .success")
    counted = "1 created, 0 changed, 0 unchanged, 0 gone, 0 refused"
    assert said.endswith(f"{counted}. See import {run.pk}.")
    assert run.trigger == "person"
    assert Entity.objects.get().run.started_by.username == "root"
    second = Location.objects.create(type="file", target=str(bad))
    page = refresh_now(admin, first, second)
    assert "0 created, 0 changed, 1 unchanged" in texts(page, ".messagelist .warning")[0]
    assert "1 refused" in texts(page, ".messagelist .warning")[0]
    link = select(page, ".messagelist a")[0]["href"]
    assert "bad.yaml" in admin.get(link).text


def test_refresh_now_tells_what_is_being_read_from_what_waits(admin, tmp_path, queue, monkeypatch):
    monkeypatch.setattr(tasks, "WAIT_S", 0)
    with time_machine.travel(dt.datetime(2026, 11, 1, 9, 0, 30, tzinfo=dt.UTC), tick=False):
        run = ImportRun.objects.create()
    locations = [
        Location.objects.create(type="file", target=str(tmp_path / name), last_run=last_run)
        for name, last_run in (("a.yaml", None), ("b.yaml", run))
    ]
    with time_machine.travel(dt.datetime(2026, 11, 1, 9, 1, 15, tzinfo=dt.UTC), tick=False):
        make_worker()
        (said,) = texts(refresh_now(admin, *locations), ".messagelist .info")
        running, due = short_time(run.started_at), short_time(timezone.now())
    assert said.startswith(f"Importing since {running}. Waiting for import since {due}. Reload")


def test_refresh_now_needs_its_own_right(client, tmp_path):
    location = Location.objects.create(type="file", target=str(tmp_path))
    client.force_login(make_user(is_staff=True, permissions=("catalog.view_location",)))
    refresh_now(client, location)
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize("kind", ["run", "issue"])
def test_what_imports_did_is_read_only(admin, kind):
    run = ImportRun.objects.create(state="refused")
    issue = make_issue(
        "component:default/shop", "owner <b>is</b> missing", file="shop.yaml", run=run
    )
    row = issue if kind == "issue" else issue.run
    page = admin.get(change_url(row))
    assert page.status_code == 200
    assert "owner &lt;b&gt;is&lt;/b&gt; missing" in page.text
    assert not select(page, "#content-main input[type=submit]")
    base = f"/admin/catalog/{row._meta.model_name}/"
    assert admin.get(f"{base}add/").status_code == 403
    assert admin.post(change_url(row), {}).status_code == 403
    assert admin.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin.get(base).status_code == 200


def test_a_run_with_many_issues_shows_the_first_hundred_and_leads_to_all(admin):
    run = ImportRun.objects.create(state="refused")
    for number in range(151):
        make_issue(f"component:default/e-{number}", "bad", file=f"f-{number:03}.yaml", run=run)
    page = admin.get(change_url(run))
    assert len(select(page, "tr.has_original")) == 100
    link = next(a for a in select(page, "a") if a.get_text() == "151 not fixed yet")["href"]
    make_issue("component:default/other", "another run's")
    listed = admin.get(link)
    assert listed.status_code == 200
    assert "151 import issues" in listed.text


def test_a_location_keeps_no_password_in_its_address(admin_client):
    given = {"type": "url", "target": "https://bob:hunter2@example.com/a.yaml"}
    page = admin_client.post("/admin/catalog/location/add/", given)
    assert "Leave user name and password out" in page.text
    assert not Location.objects.exists()
