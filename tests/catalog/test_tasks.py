"""What the worker does for the catalog by itself."""

import datetime as dt

import pytest
from django.utils import timezone

from catalog import tasks
from catalog.models import ImportRun, Location
from portal.tasks import HUEY, all_periodic, run_once
from tests.catalog.sources import component, write
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
    tasks.refresh_named.enqueue([])
    assert HUEY.storage.result_items() == {}
