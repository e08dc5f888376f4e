"""The pages of locations: what is listed, what one holds, what goes when one goes."""

import datetime as dt

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog import versions
from catalog.locations import refreshing
from catalog.models import Entity, ImportIssue, ImportRun, Location, Revision, SourceFile
from tests.catalog.pages import select, texts
from tests.catalog.queue import work
from tests.catalog.sources import component, location, run, write
from tests.factories import make_entity, make_issue, make_user

pytestmark = pytest.mark.django_db

VIEW = "catalog.view_location"
DELETE = "catalog.delete_location"


def make_location(target="https://git.example.com/a.yaml", **fields):
    return Location.objects.create(
        **{"type": "url" if "://" in target else "file", "target": str(target), **fields}
    )


def sign_in(client, *permissions, **fields):
    user = make_user(permissions=permissions, **fields)
    client.force_login(user)
    return user


def page_of(location, name="location"):
    return reverse(f"catalog:{name}", kwargs={"pk": location.pk})


@pytest.mark.parametrize("name", ["locations", "register", "issues"])
def test_a_page_needs_its_right(client, name):
    sign_in(client)
    assert client.get(reverse(f"catalog:{name}")).status_code == 403


@pytest.mark.parametrize("name", ["location", "location-unregister"])
def test_a_page_of_one_location_needs_its_right(client, name):
    sign_in(client)
    assert client.get(page_of(make_location(), name)).status_code == 403


def test_the_navigation_shows_only_what_the_reader_may_see(client):
    def entries(response):
        return {"Locations", "Issues"}.intersection(texts(response, "nav.site-nav a"))

    sign_in(client)
    assert entries(client.get("/")) == set()
    sign_in(client, VIEW)
    assert entries(client.get("/")) == {"Locations"}
    sign_in(client, is_superuser=True)
    response = client.get(reverse("catalog:locations"))
    assert entries(response) == {"Locations", "Issues"}
    assert texts(response, "nav.site-nav a[aria-current]") == ["Locations"]


def test_the_list_says_who_named_each_and_what_it_holds(client):
    person = sign_in(client, VIEW, first_name="Ana", last_name="Lima")
    a = make_location("/srv/a", origin="static", read_at=timezone.now())
    make_location("/srv/b", created_by=person)
    make_location("/srv/c", origin="command", failures=3)
    unfinished = make_location("/srv/d")
    make_issue("component:default/y", "no such file", location=unfinished)
    make_entity("one", location=a, source="/srv/a/x.yaml")
    make_entity("two", location=a, source="/srv/a/x.yaml", orphaned_at=timezone.now())
    make_issue("component:default/x", "wrong", location=a)
    rows = texts(client.get(reverse("catalog:locations")), "tbody tr")
    assert "/srv/a CATALOG_LOCATIONS" in rows[0]
    assert "2 (1 orphaned) 1" in rows[0]
    assert "registered by Ana Lima" in rows[1]
    assert "not read yet" in rows[1]
    assert "waiting for import, due " in rows[1]
    assert "failed 3 times in a row" in rows[2]
    assert "only when somebody asks" in rows[2]
    assert "read with problems" in rows[3]
    assert "not read yet" not in rows[3]


def test_a_location_that_was_read_in_part_names_what_was_not(client, tmp_path):
    sign_in(client, VIEW)
    root = write(tmp_path / "a" / "all.yaml", location("./in.yaml", "./gone.yaml"), component("x"))
    write(tmp_path / "a" / "in.yaml", component("back"))
    run("import_catalog", root)
    address = page_of(Location.objects.get())
    (row,) = texts(client.get(reverse("catalog:locations")), "tbody tr")
    assert "read in part 3 1" in row
    assert "(incomplete: 1 issue)" in row
    page = client.get(address)
    facts = " ".join(texts(page, "dl.facts"))
    assert "Stateread in part " in facts
    assert "Not read 1 issue Read completelynever" in facts
    assert "gone.yaml: there is no such file" in " ".join(texts(page, "#issues"))
    other = write(tmp_path / "b.yaml", location("./none.yaml", name="other"), component("x"))
    run("import_catalog", other, root)
    (last,) = texts(client.get(address), "#run p:first-of-type")
    assert "3 refused (1 in conflict). Some files couldn't be read: " in last
    assert last.endswith(f"{tmp_path}/a/gone.yaml: there is no such file.")
    # Every page that prints it agrees.
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    listed = client.get(reverse("admin:catalog_location_changelist"))
    assert ", never completely" in texts(listed, "#result_list tbody")[0]
    entity = Entity.objects.get(name="x")
    of_entity = client.get(reverse("admin:catalog_entity_change", args=[entity.pk]))
    assert ", never completely" in texts(of_entity, ".field-location_link")[0]

    write(root, location("./in.yaml"), component("x"))
    run("import_catalog", root)
    assert "Stateread Named by" in " ".join(texts(client.get(address), "dl.facts"))

    write(root, component("x"))
    run("import_catalog", root)
    root.write_bytes(b"\xff\xfe")
    run("import_catalog", root)
    assert "Statecould not be read " in " ".join(texts(client.get(address), "dl.facts"))


def test_the_list_costs_the_same_for_one_and_for_twenty(client, django_assert_max_num_queries):
    sign_in(client, VIEW)
    for number in range(20):
        location = make_location(f"/srv/{number}")
        make_entity(location=location, source=f"/srv/{number}")
    with django_assert_max_num_queries(9):
        client.get(reverse("catalog:locations"))
    # What they hold is counted once: as many rows are read as there are entities.
    with django_assert_max_num_queries(7):
        page = client.get(reverse("catalog:locations"))
    assert texts(page, "td[data-label=Entities]") == ["1"] * 20

    make_entity(location=location, source="/srv/more")
    make_issue("component:default/x", "wrong", location=location)
    Location.objects.update(last_read_at=timezone.now(), read_at=None)
    versions.bump()
    with django_assert_max_num_queries(12):
        page = client.get(reverse("catalog:locations"))
    assert sorted(texts(page, "td[data-label=Entities]")) == [*["1"] * 19, "2"]


def test_an_empty_list_says_what_to_do(client):
    sign_in(client, VIEW)
    response = client.get(reverse("catalog:locations"))
    assert "No location is known yet" in response.text
    assert "CATALOG_LOCATIONS" in response.text


def test_the_page_of_a_location_pages_its_entities_and_lists_its_issues(client):
    sign_in(client, VIEW)
    found = make_location("/srv/a", allowed_kinds=["Component"])
    for number in range(30):
        make_entity(f"part-{number:02}", location=found, source="/srv/a/x.yaml")
    make_entity("elsewhere")
    make_issue(
        "component:default/part-00",
        "is already defined",
        kind="conflict",
        location=found,
        holder="/srv/b/y.yaml:3",
    )
    response = client.get(page_of(found))
    assert len(select(response, "#entities .row")) == 25
    assert texts(response, ".pagination__count")[0].endswith("of 30")
    assert "elsewhere" not in " ".join(texts(response, "#entities"))
    (issue,) = texts(response, ".issue")
    assert "/srv/b/y.yaml:3" in issue
    assert "Line 1, column 1: is already defined" in issue
    assert "KindsComponent" in texts(response, "#reading")[0]
    last = client.get(page_of(found) + "?page=2")
    assert len(select(last, "#entities .row")) == 5


def test_the_page_says_what_the_last_run_did(client):
    sign_in(client, VIEW)
    found = make_location(
        "/srv/a",
        last_run=ImportRun.objects.create(
            state="succeeded", created=1200, changed=2, unchanged=3, orphaned=1, duration_s=0.42
        ),
    )
    text = texts(client.get(page_of(found)), "#run")[0]
    assert "Read in 0.4 s: 1,200 created, 2 changed, 3 unchanged, 1 gone, 0 refused." in text


def test_buttons_are_there_for_those_who_may(client):
    found = make_location()
    sign_in(client, VIEW)
    response = client.get(page_of(found))
    assert "Refresh" not in response.text
    assert "Unregister" not in response.text
    sign_in(client, VIEW, DELETE, "catalog.refresh_location")
    response = client.get(page_of(found))
    assert "Refresh" in response.text
    assert "Unregister" in response.text


class TestUnregister:
    """Taking a location out."""

    @pytest.fixture
    def person(self, client):
        return sign_in(client, VIEW, DELETE)

    def test_shows_first_what_goes_and_writes_nothing(self, client, person):
        found = make_location()
        for number in range(101):
            make_entity(f"e{number:03}", location=found, source=found.target)
        response = client.get(page_of(found, "location-unregister"))
        assert "101 entities that only this location has are kept and marked" in " ".join(
            response.text.split()
        )
        assert len(select(response, "#goes .row")) == 100
        assert "The first 100 of 101" in response.text
        assert Location.objects.filter(pk=found.pk).exists()

    def test_keeps_and_marks_the_entities(self, client, person):
        found = make_location()
        entity = make_entity("one", location=found, source=found.target, source_line=3)
        SourceFile.objects.create(location=found, address=found.target, fingerprint="x")
        make_issue("component:default/bad", "wrong", location=found)
        response = client.post(page_of(found, "location-unregister"))
        assert response.status_code == 303
        assert "1 entity kept and marked as orphans" in client.get(response["Location"]).text
        entity.refresh_from_db()
        assert (entity.location, entity.source, entity.source_line) == (None, found.target, 3)
        assert entity.orphaned_at is not None
        revision = Revision.objects.get()
        assert (revision.entity_id, revision.action) == ("component:default/one", "orphaned")
        assert revision.user == person
        assert not Location.objects.exists()
        assert not SourceFile.objects.exists()
        assert not ImportIssue.objects.exists()

    def test_deletes_them_where_the_setting_says_so(self, client, person, settings):
        settings.CATALOG_ORPHANS = "delete"
        found = make_location()
        make_entity("one", location=found, source=found.target)
        other = make_entity("other")
        assert "deleted" in client.get(page_of(found, "location-unregister")).text
        client.post(page_of(found, "location-unregister"))
        assert list(Entity.objects.all()) == [other]
        assert Revision.objects.get().action == "removed"

    def test_hands_over_what_another_location_has_too(self, client, person, tmp_path):
        first = write(tmp_path / "a" / "a.yaml", component("shared"), component("own"))
        second = write(tmp_path / "b" / "b.yaml", component("shared", type="website"))
        run("import_catalog", first)
        assert run("import_catalog", second)[0] == 1
        loser = Location.objects.get(target=str(second))
        assert loser.issues.get().kind == "conflict"
        found = Location.objects.get(target=str(first))
        response = client.get(page_of(found, "location-unregister"))
        assert "own" in texts(response, "#goes")[0]
        assert "shared" in texts(response, "#stays")[0]
        client.post(page_of(found, "location-unregister"))
        shared = Entity.objects.get(name="shared")
        assert (shared.location, shared.type, shared.orphaned_at) == (loser, "website", None)
        assert not loser.issues.exists()
        assert Entity.objects.get(name="own").orphaned_at is not None

    def test_without_a_worker_what_another_location_has_too_is_not_lost(
        self, client, person, tmp_path, settings, queue
    ):
        settings.CATALOG_ORPHANS = "delete"
        first = write(tmp_path / "a" / "a.yaml", component("shared"), component("own"))
        second = write(tmp_path / "b" / "b.yaml", component("shared"))
        run("import_catalog", first)
        run("import_catalog", second)
        found = Location.objects.get(target=str(first))
        response = client.post(page_of(found, "location-unregister"), follow=True)
        done, waits = texts(response, "#messages p")
        assert "1 entity deleted, 1 marked as an orphan until another location" in done
        assert waits.startswith(f"{second} may take entities over. Waiting for import since ")
        assert "No worker is running." in waits
        shared = Entity.objects.get()
        assert (shared.name, shared.orphaned_at is None) == ("shared", False)
        work()
        shared.refresh_from_db()
        assert (shared.location.target, shared.orphaned_at) == (str(second), None)

    def test_keeps_what_another_location_leads_to(self, client, person, tmp_path):
        file = write(tmp_path / "all" / "a.yaml", component("both"))
        run("import_catalog", file)
        run("import_catalog", tmp_path / "all")
        found = Location.objects.get(target=str(file))
        folder = Location.objects.get(target=str(tmp_path / "all"))
        entity = Entity.objects.get()
        assert entity.location == found
        assert "both" in texts(client.get(page_of(found, "location-unregister")), "#stays")[0]
        client.post(page_of(found, "location-unregister"))
        entity.refresh_from_db()
        assert (entity.location, entity.orphaned_at) == (folder, None)

    def test_the_page_costs_the_same_however_many_locations_there_are(
        self, client, person, tmp_path, time_machine
    ):
        time_machine.move_to(timezone.now(), tick=False)  # what all share is kept for some seconds
        run("import_catalog", write(tmp_path / "a.yaml", component("both")))
        run("import_catalog", tmp_path)
        found = Location.objects.get(target__endswith="a.yaml")

        def queries():
            with CaptureQueriesContext(connection) as captured:
                response = client.get(page_of(found, "location-unregister"))
            assert "both" in texts(response, "#stays")[0]
            return len(captured)

        queries()  # the first reader draws what all share
        few = queries()
        for number in range(20):
            make_location(f"/srv/{number}")
        assert queries() == few

    def test_leaves_a_location_of_the_setting_alone(self, client, person, settings, tmp_path):
        settings.CATALOG_LOCATIONS = [str(tmp_path)]
        refreshing.adopt_configured()
        found = Location.objects.get()
        response = client.get(page_of(found, "location-unregister"))
        assert "Take it out of the setting" in response.text
        assert not select(response, "main form")
        assert client.post(page_of(found, "location-unregister")).status_code == 303
        assert Location.objects.filter(pk=found.pk).exists()


class TestConfigured:
    """What ``CATALOG_LOCATIONS`` names."""

    def test_names_locations_and_takes_over_registered_ones(self, settings, tmp_path):
        registered = make_location(str(tmp_path / "a"), allowed_kinds=["API"])
        settings.CATALOG_LOCATIONS = [str(tmp_path / "a"), "https://git.example.com/x.yaml"]
        refreshing.adopt_configured()
        registered.refresh_from_db()
        assert (registered.origin, registered.allowed_kinds) == ("static", ["API"])
        named = Location.objects.get(type="url")
        assert (named.origin, named.allowed_kinds) == ("static", [])

    def test_keeps_to_the_kinds_that_an_administrator_allows_it(self, client, settings, tmp_path):
        write(tmp_path / "a.yaml", component("a"))
        settings.CATALOG_LOCATIONS = [str(tmp_path)]
        run("import_catalog")
        found = Location.objects.get()
        sign_in(client, VIEW, "catalog.change_location", is_staff=True)
        address = reverse("admin:catalog_location_change", args=[found.pk])
        assert client.post(address, {"allowed_kinds": ["API"]}).status_code == 302
        refreshing.adopt_configured()
        _status, said = run("import_catalog")
        assert "only API" in said
        found.refresh_from_db()
        assert found.allowed_kinds == ["API"]

    def test_one_that_is_configured_no_more_leaves_orphans(self, settings):
        settings.CATALOG_LOCATIONS = ["/srv/b"]
        found = make_location("/srv/a", origin="static")
        kept = make_location("/srv/b", origin="static")
        entity = make_entity("one", location=found, source="/srv/a/x.yaml")
        refreshing.adopt_configured()
        entity.refresh_from_db()
        assert entity.orphaned_at is not None
        assert list(Location.objects.all()) == [kept]

    def test_a_setting_that_is_emptied_leaves_everything_as_it_is(self, client, settings, caplog):
        settings.CATALOG_LOCATIONS = []
        found = make_location("/srv/a", origin="static")
        entity = make_entity("one", location=found, source="/srv/a/x.yaml")
        for _turn in range(2):
            refreshing.adopt_configured()
        entity.refresh_from_db()
        assert (entity.orphaned_at, entity.location) == (None, found)
        (record,) = [one for one in caplog.records if "CATALOG_LOCATIONS is empty" in one.message]
        assert record.locations == 1
        assert "catalog.W003" not in [one.id for one in run_checks()]
        (check,) = [one for one in run_checks(databases=["default"]) if one.id == "catalog.W003"]
        assert "1 location that it named is still imported" in check.msg
        sign_in(client, VIEW, DELETE)
        client.post(page_of(found, "location-unregister"))
        assert not Location.objects.exists()
        assert "catalog.W003" not in [one.id for one in run_checks(databases=["default"])]

    def test_a_relative_path_means_the_same_wherever_a_process_was_started(
        self, settings, tmp_path, monkeypatch
    ):
        settings.CATALOG_LOCATIONS = ["examples/catalog/all.yaml"]
        refreshing.adopt_configured()
        (before,) = Location.objects.all()
        monkeypatch.chdir(tmp_path)
        refreshing.adopt_configured()
        (after,) = Location.objects.all()
        assert before == after
        assert after.target == str(settings.BASE_DIR / "examples/catalog/all.yaml")

    def test_costs_one_query_when_nothing_changed(
        self, settings, tmp_path, django_assert_num_queries
    ):
        settings.CATALOG_LOCATIONS = [str(tmp_path)]
        refreshing.adopt_configured()
        with django_assert_num_queries(1):
            refreshing.adopt_configured()


def test_next_reading_is_told(client):
    sign_in(client, VIEW)
    make_location(next_refresh_at=timezone.now() + dt.timedelta(minutes=5, seconds=20))
    assert "in 5\xa0minutes" in client.get(reverse("catalog:locations")).text


def test_the_next_reading_is_near_where_the_worker_has_not_planned_it(client):
    sign_in(client, VIEW)
    make_location(origin="static", read_at=timezone.now())
    assert "in a minute" in texts(client.get(reverse("catalog:locations")), "tbody tr")[0]


@pytest.mark.parametrize(
    ("kinds", "entities", "orphans", "state", "tone"),
    [
        (("refused",), 1, 0, "read with problems", "warning"),
        (("conflict", "warning"), 1, 0, "read with problems", "warning"),
        (("warning",), 1, 0, "read with warnings", "info"),
        ((), 0, 0, "read, no entities", "unknown"),
        ((), 1, 1, "read, all orphaned", "warning"),
        ((), 2, 1, "read", "good"),
    ],
)
def test_a_location_is_good_only_where_nothing_is_wrong(
    client, kinds, entities, orphans, state, tone
):
    found = make_location(read_at=timezone.now())
    for document, kind in enumerate(kinds):
        make_issue("", "wrong", kind=kind, location=found, document=document)
    for number in range(entities):
        orphaned_at = timezone.now() if number < orphans else None
        make_entity(f"e{number}", location=found, orphaned_at=orphaned_at)
    sign_in(client, VIEW)
    for address in (reverse("catalog:locations"), page_of(found)):
        (badge,) = [
            one for one in select(client.get(address), ".badge") if one.text.strip() == state
        ]
        assert badge["data-tone"] == tone
