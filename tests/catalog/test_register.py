"""Registering a location: what a person may name, what is shown first, what is written then."""

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from catalog.descriptor import Limits, parse
from catalog.ingestion.writing import CatalogWriter
from catalog.locations import preview
from catalog.models import Entity, ImportIssue, ImportRun, Location
from tests.catalog.pages import select, texts
from tests.catalog.queue import work
from tests.catalog.sources import component, group, run, write
from tests.factories import make_user

pytestmark = pytest.mark.django_db

ADDRESS = "https://git.example.com/shop/catalog-info.yaml"
ADD = "catalog.add_location"
RIGHTS = (ADD, "catalog.view_location", "catalog.refresh_location")


@pytest.fixture
def person(client):
    user = make_user(permissions=RIGHTS)
    client.force_login(user)
    return user


def post(client, target, *, step="review", **fields):
    return client.post(reverse("catalog:register"), {"target": target, "step": step, **fields})


def serve(http, *documents, address=ADDRESS):
    http.get(address, body="---\n".join(documents), content_type="text/plain")


@pytest.fixture(autouse=True)
def _hosts(settings):
    settings.CATALOG_READING_ALLOW = ["git.example.com", "raw.githubusercontent.com"]


def test_shows_everything_that_would_happen_and_writes_nothing(client, person, http, tmp_path):
    holder = write(tmp_path / "held.yaml", component("held"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.CATALOG_READING_ALLOW", [])
        run("import_catalog", holder)
    runs = ImportRun.objects.count()
    serve(
        http,
        component("fresh"),
        component("held", type="website"),
        component("a b", metadata={"tags": ["Java"]}),
        group("mine"),
    )
    response = post(client, ADDRESS)
    assert response.status_code == 200
    assert "component:default/fresh" in texts(response, "#created")[0]
    conflict = texts(response, "#conflicts")[0]
    assert "component:default/held" in conflict
    assert f"{holder}:1" in conflict
    refused = texts(response, "#refused")[0]
    assert "metadata.name" in refused
    assert "metadata.tags" in refused
    assert "Line" in refused
    assert "Group" in refused
    assert "1 created, 0 changed" in texts(response, ".notice")[0]
    assert "3 refused (1 in conflict)" in texts(response, ".notice")[0]
    assert Location.objects.count() == 1
    assert Entity.objects.count() == 1
    assert ImportRun.objects.count() == runs
    assert not ImportIssue.objects.exists()


def test_registers_and_imports_when_the_person_says_so(client, person, http):
    serve(http, component("fresh"))
    response = post(client, ADDRESS, step="confirm")
    made = Location.objects.get()
    assert response.status_code == 303
    assert response["Location"] == made.get_absolute_url()
    assert (made.origin, made.created_by, made.type) == ("registered", person, "url")
    assert made.allowed_kinds == [
        *("Component", "API", "Resource", "System", "Domain", "Location", "Template"),
        "AiResource",
    ]
    assert made.read_at is not None
    assert made.next_refresh_at is not None
    assert Entity.objects.get().location == made
    assert "1 created" in texts(client.get(response["Location"]), "#messages p")[0]


def test_without_a_worker_it_is_registered_and_waits(client, person, http, queue):
    http.assert_all_requests_are_fired = False
    serve(http, component("fresh"))
    response = post(client, ADDRESS, step="confirm")
    made = Location.objects.get()
    assert response["Location"] == made.get_absolute_url()
    (message,) = texts(client.get(response["Location"]), "#messages p")
    assert message.startswith("Registered. Waiting for import since ")
    assert "No worker is running." in message
    assert not http.calls
    work()
    assert Entity.objects.get().location == made


def test_shows_the_outcome_to_one_who_may_not_see_locations_too(client, http):
    client.force_login(make_user(permissions=(ADD,)))
    serve(http, component("fresh"))
    response = post(client, ADDRESS, step="confirm")
    assert "1 created" in texts(client.get(response["Location"]), "#messages p")[0]


def test_the_review_goes_on_to_the_same_target_and_back_to_the_form(client, person, http):
    serve(http, component("fresh"))
    response = post(client, ADDRESS)
    (target,) = select(response, "form[method=post] input[name=target]")
    assert target["value"] == ADDRESS
    back = client.get(reverse("catalog:register"), {"target": ADDRESS})
    assert select(back, "input[name=target]")[0]["value"] == ADDRESS


def test_only_who_may_change_locations_chooses_the_kinds(client, http):
    client.force_login(make_user(permissions=RIGHTS))
    response = client.get(reverse("catalog:register"))
    assert not select(response, "input[name=kinds]")
    assert "Component, API, Resource" in response.text
    serve(http, group("mine"))
    post(client, ADDRESS, step="confirm", kinds=["Group"])
    assert "Group" not in Location.objects.get().allowed_kinds
    assert not Entity.objects.exists()

    Location.objects.all().delete()
    client.force_login(make_user(permissions=(*RIGHTS, "catalog.change_location")))
    response = client.get(reverse("catalog:register"))
    checked = {box["value"] for box in select(response, "input[name=kinds][checked]")}
    assert "Group" not in checked
    assert "Component" in checked
    post(client, ADDRESS, step="confirm", kinds=["Group"])
    assert Location.objects.get().allowed_kinds == ["Group"]
    assert Entity.objects.get().kind == "Group"


def test_says_when_the_target_is_read_already(client, person):
    known = Location.objects.create(type="url", target=ADDRESS)
    for step in ("review", "confirm"):
        response = post(client, ADDRESS, step=step)
        assert response.status_code == 409
        assert "reads this already" in response.text
        assert select(response, f"form[action='{known.get_absolute_url()}refresh/']")
        assert select(response, "input[name=target]")[0]["value"] == ADDRESS


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("", "required"),
        ("ftp://git.example.com/a", "https://"),
        ("catalog-info.yaml", "begin with https:// or /"),
        ("/etc/passwd", "CATALOG_READING_ALLOW lists no folder"),
        ("file:/etc/passwd", "CATALOG_READING_ALLOW lists no folder"),
        ("https://[", "not an address"),
        ("https://me:secret@git.example.com/a.yaml", "Leave user name and password out"),
        ("/a\x00b", "Null"),
        ("x" * 1001, "1000"),
    ],
)
def test_names_what_is_wrong_with_a_target_and_keeps_it(client, person, target, words):
    response = post(client, target)
    assert response.status_code == 422
    assert words in texts(response, ".field__errors")[0]
    if target and "\x00" not in target:
        assert select(response, "input[name=target]")[0]["value"] == target


def test_reads_from_the_disk_only_inside_allowed_folders(client, person, settings, tmp_path):
    inside = write(tmp_path / "in" / "a.yaml", component("inside"))
    outside = write(tmp_path / "out" / "a.yaml", component("outside"))
    (tmp_path / "in" / "link.yaml").symlink_to(outside)
    settings.CATALOG_READING_ALLOW = [str(tmp_path / "in")]
    assert "component:default/inside" in post(client, inside).text
    assert post(client, tmp_path / "in" / "*.yaml").status_code == 200
    for target in (
        outside,
        tmp_path / "in" / "link.yaml",
        tmp_path / "in" / ".." / "out" / "a.yaml",
        tmp_path / "*" / "a.yaml",
    ):
        response = post(client, target)
        assert response.status_code == 422, target
        assert "outside the folders" in response.text


@pytest.mark.parametrize("status", [404, 500])
def test_offers_nothing_where_nothing_can_be_read(client, person, http, status):
    http.get(ADDRESS, status=status)
    response = post(client, ADDRESS)
    assert "There is nothing to register" in response.text
    assert str(status) in response.text
    assert not select(response, "button[value=confirm]")


def test_lists_at_most_a_hundred_and_says_how_many_there_are(client, person, http):
    serve(http, *(component(f"c{number:03}") for number in range(130)))
    response = post(client, ADDRESS)
    assert len(select(response, "#created li")) == 100
    assert "Would be created: 130 The first 100 of 130." in texts(response, "#created")[0]


@pytest.mark.parametrize(
    ("seconds", "filling", "why"),
    [
        (10, "x" * 1_000_001, "more than 1,000,000 characters"),
        (-1, "", "not read and checked within"),
        (0, None, "not read and checked within"),  # the host takes all of the time
    ],
)
def test_a_preview_that_is_too_much_is_stopped_and_the_location_registered_without_one(
    client, person, http, monkeypatch, seconds, filling, why
):
    monkeypatch.setattr(preview, "PREVIEW_S", seconds)
    http.assert_all_requests_are_fired = False
    serve(http, component("fresh", metadata={"description": filling or ""}))
    response = post(client, ADDRESS)
    assert why in texts(response, ".notice")[0]
    assert "There is nothing to register" not in response.text
    assert not Location.objects.exists()
    form = {field["name"]: field["value"] for field in select(response, "main input[type=hidden]")}
    done = client.post(reverse("catalog:register"), form | {"step": "confirm"}, follow=True)
    assert "Registered. Read in" in texts(done, "#messages p")[0]
    assert Entity.objects.get().ref == "component:default/fresh"


def test_a_preview_waits_once_for_a_locked_database_and_blames_no_file(
    client, person, http, monkeypatch
):
    waits = []

    def locked(*_args, **_options):
        waits.append(1)
        raise OperationalError("database is locked")

    serve(http, component("fresh"))
    monkeypatch.setattr(CatalogWriter, "write", locked)
    response = post(client, ADDRESS)
    notice = texts(response, ".notice")[0]
    assert "another import is writing; try again when it has ended." in notice
    assert select(response, "button[value=confirm]")[0].get_text(strip=True).endswith("preview")
    assert waits == [1]


def test_a_third_preview_at_once_is_not_begun(client, person):
    with preview._turns, preview._turns:
        notice = texts(post(client, ADDRESS), ".notice")[0]
    assert "two others are under way" in notice
    assert "register it without a preview" in notice


@pytest.mark.parametrize(("events", "looks"), [(5, 1), (5000, 2)])
def test_a_preview_can_be_stopped_while_a_document_is_parsed(events, looks):
    asked = []
    values = ", ".join("1" for _ in range(events))
    parse(f"a: [{values}]", limits=Limits(watch=lambda: asked.append(1)))
    assert len(asked) == looks


def test_turns_the_page_of_a_file_into_the_file(client, person, http):
    raw = "https://raw.githubusercontent.com/acme/shop/main/catalog-info.yaml"
    serve(http, component("fresh"), address=raw)
    response = post(client, "https://github.com/acme/shop/blob/main/catalog-info.yaml")
    assert raw in texts(response, "h1")[0]
    assert "this is the file behind it" in response.text


def test_who_may_register_and_not_look_at_locations_finds_the_way_in_their_menu(client):
    client.force_login(make_user(permissions=("catalog.add_location",)))
    assert select(client.get("/catalog/"), "#user-menu a[href='/catalog/locations/register/']")
    both = ("catalog.add_location", "catalog.view_location")
    client.force_login(make_user(permissions=both))
    assert not select(client.get("/catalog/"), "#user-menu a[href='/catalog/locations/register/']")


def test_belongs_to_the_locations_in_the_navigation(client):
    permissions = ("catalog.add_location", "catalog.view_location")
    client.force_login(make_user(permissions=permissions))
    page = client.get(reverse("catalog:register"))
    assert texts(page, "nav.site-nav a[aria-current]") == ["Locations"]


@pytest.mark.parametrize("site", ["same-origin", "cross-site"])
def test_a_form_with_an_old_token_is_shown_again_with_what_was_typed(person, site):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person)
    sent = {"target": ADDRESS, "step": "confirm"}
    response = browser.post(reverse("catalog:register"), sent, headers={"sec-fetch-site": site})
    assert response.status_code == 403
    assert (f'value="{ADDRESS}"' in response.text) == (site == "same-origin")
    assert ("out of date" in response.text) is True
    assert (response["X-Request-ID"] in response.text) == (site == "cross-site")
    assert not Location.objects.exists()
