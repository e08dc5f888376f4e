"""What the worker does for the catalog by itself."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone

from catalog import tasks
from catalog.locations import refreshing
from catalog.models import Entity, ImportRun, Location
from portal.tasks import HUEY, all_periodic, run_once
from tests.catalog.sources import component, run, write
from tests.factories import make_entity, make_issue

pytestmark = pytest.mark.django_db


def make_run(days, **fields):
    run = ImportRun.objects.create(**{"state": "succeeded", **fields})
    ImportRun.objects.filter(pk=run.pk).update(started_at=timezone.now() - dt.timedelta(days=days))
    return run


def test_the_worker_reads_the_configured_locations(settings, tmp_path):
    settings.CATALOG_LOCATIONS = [str(write(tmp_path / "a.yaml", component("one")))]
    assert run_once("catalog.tasks.refresh_due")
    found = Location.objects.get()
    assert (found.origin, found.entities.get().name) == ("static", "one")


@pytest.mark.parametrize("noticed_by", ["the next worker", "a command"])
def test_what_a_killed_worker_was_importing_is_imported_by_the_next_one(
    settings, tmp_path, noticed_by
):
    settings.CATALOG_LOCATIONS = [str(write(tmp_path / "a.yaml", component("one")))]
    refreshing.adopt_configured()
    (location,) = Location.objects.all()
    now = timezone.now()
    Location.objects.update(next_refresh_at=now + dt.timedelta(minutes=15))  # as it was claimed
    killed = ImportRun.objects.create()
    killed.locations.add(location)
    assert run_once("catalog.tasks.refresh_due")
    assert not Entity.objects.exists()
    ImportRun.objects.update(started_at=now - dt.timedelta(seconds=61))
    if noticed_by == "a command":
        run("import_catalog", write(tmp_path / "other" / "a.yaml"))
    assert run_once("catalog.tasks.refresh_due")
    assert Entity.objects.get().name == "one"
    killed.refresh_from_db()
    assert killed.failure.startswith("interrupted")


def test_a_run_that_ends_while_it_is_looked_at_keeps_its_plan(settings, tmp_path):
    settings.CATALOG_LOCATIONS = [str(tmp_path)]
    refreshing.adopt_configured()
    planned = timezone.now() + dt.timedelta(minutes=2)
    Location.objects.update(next_refresh_at=planned)
    made = make_run(1, state="running")
    made.locations.set(Location.objects.all())

    def end(execute, sql, *args):
        if sql.startswith('UPDATE "catalog_importrun"') and "interrupted" in str(args):
            ImportRun.objects.filter(state="running").update(state="succeeded")
        return execute(sql, *args)

    with connection.execute_wrapper(end):
        assert run_once("catalog.tasks.refresh_due")
    assert ImportRun.objects.get().state == "succeeded"
    assert Location.objects.get().next_refresh_at == planned


def test_comes_round_every_ten_seconds():
    periods = {work.name: work.period_s for work in all_periodic()}
    assert periods["catalog.tasks.refresh_due"] == 10


def test_forgets_runs_that_nobody_asks_for():
    make_run(2)
    make_run(2, refused=1, state="refused")
    make_run(91, created=5, state="refused", refused=1)
    make_run(91, state="failed")
    kept = {
        make_run(2, created=1),
        make_run(2, changed=1),
        make_run(2, orphaned=1),
        make_run(2, state="failed"),
        make_run(0),
        make_run(91, state="running"),
    }
    last = make_run(100)
    Location.objects.create(type="file", target="/srv/a", last_run=last)
    named = make_run(3)
    make_issue("component:default/x", "wrong", run=named)
    wrote = make_run(3)
    make_entity("one", run=wrote)
    tasks.forget_old_runs()
    assert set(ImportRun.objects.all()) == kept | {last, named, wrote}


def test_nothing_is_kept_of_a_reading_that_a_webhook_asked_for():
    HUEY.flush()
    tasks.refresh_named.enqueue([], "webhook")
    assert HUEY.storage.result_items() == {}
