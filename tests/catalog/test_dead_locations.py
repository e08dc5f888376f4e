"""Dead locations: what counts as one, what is shown first, what unregistering them does."""

from unittest.mock import Mock

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import DataError
from django.urls import reverse
from django.utils import timezone

from catalog.ingestion.writing import CatalogWriter
from catalog.models import Entity, Location, Overlay, Revision
from tests.catalog.pages import select, texts
from tests.catalog.sources import component, imported, run, write
from tests.factories import make_entity, make_user

pytestmark = pytest.mark.django_db

OLD, NEW = "https://git.example.com/old/all.yaml", "https://git.example.com/new/all.yaml"
RIGHTS = ("catalog.view_location", "catalog.delete_location")
PAGE = "/catalog/locations/dead/"


@pytest.fixture(autouse=True)
def _readable(settings, tmp_path):
    settings.CATALOG_READING_ALLOW = ["git.example.com", str(tmp_path)]


@pytest.fixture
def person(client):
    user = make_user(permissions=RIGHTS)
    client.force_login(user)
    return user


def listed(client):
    return [row.split("Details")[0].strip() for row in texts(client.get(PAGE), "tbody th")]


def registered(target, **fields):
    kind = "url" if "://" in target else "file"
    return Location.objects.create(type=kind, target=target, **fields)


def test_a_repository_that_moved_hands_over_when_its_old_place_is_gone(client, person, http):
    for target in (OLD, NEW):
        registered(target)
    http.get(OLD, body=component("api"))
    http.get(NEW, body=component("api", type="website"))
    imported(OLD)
    entity = Entity.objects.get()
    Overlay.objects.create(entity_id=entity.ref, field="owner", value="group:default/team-b")
    report, _parsed = imported(NEW)
    assert len(report.conflicts) == 1
    assert listed(client) == [NEW]  # everything in it is the other's

    http.replace("GET", OLD, status=404)
    imported(OLD)
    imported(NEW)
    entity.refresh_from_db()
    assert (entity.location.target, entity.source, entity.type) == (NEW, NEW, "website")
    assert (entity.owner_ref, entity.orphaned_at) == ("group:default/team-b", None)
    history = Revision.objects.filter(entity_id=entity.ref).order_by("pk")
    assert [one.action for one in history] == ["orphaned", "restored", "changed"]
    assert listed(client) == [OLD]

    http.replace("GET", OLD, body=component("other"))
    imported(OLD)
    assert listed(client) == []


def test_only_what_is_certainly_dead_is_listed(client, person, http, tmp_path):
    for status in (410, 403, 503):
        address = f"https://git.example.com/{status}.yaml"
        registered(address)
        http.get(address, status=status)
        imported(address)
    file = write(tmp_path / "a" / "gone.yaml", component("one"))
    write(tmp_path / "a" / "else.yaml", component("two"))
    imported(file, tmp_path / "a")
    file.unlink()
    imported(file)
    registered("/srv/new")
    registered("/srv/empty", read_at=timezone.now())
    registered("/srv/static", origin="static", gone_at=timezone.now())
    assert listed(client) == [str(file), "https://git.example.com/410.yaml"]
    rows = texts(client.get(reverse("catalog:locations")), "tbody tr")
    assert "gone" in next(row for row in rows if "410" in row)


def test_a_source_that_was_named_once_and_brought_nothing_is_dead(
    client, person, tmp_path, monkeypatch, capsys
):
    bad = write(tmp_path / "README.md", "hello\n")
    pods = write(tmp_path / "pods" / "pod.yaml", "apiVersion: v1\nkind: Pod\n").parent
    good = write(tmp_path / "good.yaml", component("one"), component("two", owner=[]))
    registered(str(write(tmp_path / "registered.yaml", "hello\n")))
    imported(tmp_path / "registered.yaml")
    for source in (bad, pods):
        said = run("import_catalog", source)[1]
        assert f"{source} is a dead location now: unregister it" in said
    assert "dead location" not in run("import_catalog", bad, "--dry-run")[1]
    with monkeypatch.context() as patch:
        patch.setattr(CatalogWriter, "write", Mock(side_effect=DataError("too long")))
        with pytest.raises(CommandError, match="too long"):
            call_command("import_catalog", bad)
    assert "dead location" not in capsys.readouterr().out
    refused = write(tmp_path / "refused.yaml", component("four", owner=[]))
    broken = write(tmp_path / "broken.yaml", component("five") + "  owner: [")
    for source in (good, refused, broken):
        assert "dead location" not in run("import_catalog", source)[1]
    assert listed(client) == [str(bad), str(pods)]
    assert client.get(PAGE).text.count("nothing imports it again by itself") == 2
    write(bad, component("three"))
    run("import_catalog", bad)
    assert listed(client) == [str(pods)]


def test_a_document_that_only_the_admin_holds_is_not_handed_over(client, person, tmp_path):
    make_entity("one")
    file = write(tmp_path / "a.yaml", component("one"))
    assert len(imported(file)[0].conflicts) == 1
    assert listed(client) == []


def test_unregisters_those_that_were_ticked_and_are_still_dead(client, person):
    found = [registered(f"/srv/{n:02}.yaml", gone_at=timezone.now()) for n in range(30)]
    alive = registered("/srv/alive.yaml", read_at=timezone.now())
    entity = make_entity("one", location=found[0], source=found[0].target)
    response = client.get(PAGE)
    assert len(select(response, "input[name=pick]")) == 25
    assert "1" in texts(response, "tbody td[data-label=Entities]")[0]
    assert Location.objects.count() == 31
    chosen = [found[0].pk, found[1].pk, alive.pk, "x"]
    response = client.post(PAGE, {"pick": chosen}, follow=True)
    assert "1 entity kept and marked as orphans" in response.text
    assert set(Location.objects.values_list("pk", flat=True)) == {
        *(one.pk for one in found[2:]),
        alive.pk,
    }
    entity.refresh_from_db()
    assert entity.orphaned_at is not None
    assert Revision.objects.get().user == person
    records = LogEntry.objects.filter(user=person)
    assert {record.object_repr for record in records} == {found[0].target, found[1].target}


def test_needs_the_right_to_delete_locations(client):
    client.force_login(make_user(permissions=["catalog.view_location"]))
    found = registered("/srv/a.yaml", gone_at=timezone.now())
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"pick": [found.pk]}).status_code == 403
    assert "Dead locations" not in client.get(reverse("catalog:locations")).text
    assert Location.objects.exists()


def test_the_command_lists_before_it_unregisters():
    registered("/srv/a.yaml", gone_at=timezone.now())
    registered("/srv/b.yaml")
    _status, said = run("unregister_dead", dry_run=True)
    assert "/srv/a.yaml: Nothing is at its address any more." in said
    assert "1 dead location would be unregistered" in said
    assert Location.objects.count() == 2
    _status, said = run("unregister_dead")
    assert "1 dead location unregistered" in said
    assert Location.objects.get().target == "/srv/b.yaml"
