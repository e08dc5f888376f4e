"""Leases: one process at a time, none held by the dead, and all that is shared in one table."""

import threading
from io import StringIO

import pytest
import time_machine
from django.core.cache import caches
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from portal import leases
from portal import settings as product
from portal.leases import lease
from tests.factories import make_user


def hold_elsewhere(name):
    """What another process leaves behind that is killed while it holds the lease."""
    caches["shared"].add(f"lease:{name}", "of another process", leases.HELD_S)


def test_one_at_a_time():
    with lease("a") as first, lease("a") as second, lease("b") as other:
        assert (first, second, other) == (True, False, True)
    with lease("a") as again:
        assert again


def test_a_failure_gives_it_back():
    with pytest.raises(ValueError, match="broken"), lease("a"):
        raise ValueError("broken")
    with lease("a") as again:
        assert again


def test_what_another_process_holds_is_not_had():
    hold_elsewhere("a")
    with lease("a") as is_held:
        assert not is_held
    assert caches["shared"].get("lease:a") == "of another process"


@pytest.fixture
def clocked(settings):
    """A shared cache that goes by this process's clock; Redis goes by its own."""
    backend = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {**settings.CACHES, "shared": {"BACKEND": backend, "LOCATION": "clocked"}}


def test_what_a_killed_process_held_is_free_after_a_minute(clocked):
    with time_machine.travel("2026-11-01T09:00:00Z", tick=False) as clock:
        hold_elsewhere("a")
        clock.shift(leases.HELD_S + 1)
        with lease("a") as is_held:
            assert is_held
    assert leases.HELD_S <= 60


def test_long_work_keeps_what_it_holds(monkeypatch):
    monkeypatch.setattr(leases, "_CONFIRMED_EVERY_S", 0.01)
    touched = threading.Event()
    monkeypatch.setattr(caches["shared"].__class__, "touch", lambda *_, **__: touched.set())
    with lease("a"):
        assert touched.wait(10)


def test_a_database_that_is_away_for_a_moment_costs_no_lease(monkeypatch):
    monkeypatch.setattr(leases, "_CONFIRMED_EVERY_S", 0.01)
    tries, confirmed = [], threading.Event()

    def touch(*_, **__):
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("the connection is lost")
        confirmed.set()

    monkeypatch.setattr(caches["shared"].__class__, "touch", touch)
    with lease("a"):
        assert confirmed.wait(10)


def test_a_lease_that_another_took_over_is_left_to_it():
    with lease("a"):
        caches["shared"].set("lease:a", "of another process", 60)
    assert caches["shared"].get("lease:a") == "of another process"


@pytest.mark.django_db
class TestTheTable:
    @pytest.fixture(autouse=True)
    def _table(self, settings):
        settings.CACHES = {**settings.CACHES, "shared": product.CACHES["shared"]}

    def test_migrating_made_it(self):
        assert "shared_cache" in connection.introspection.table_names()

    def test_nothing_is_left_to_do_after_migrating(self):
        out = StringIO()
        call_command("createcachetable", "shared_cache", stdout=out)
        assert "already exists" in out.getvalue()

    def test_a_lease_is_held_in_it(self):
        with lease("a") as first:
            assert first
            assert caches["shared"].get("lease:a")
            leases._held.discard("a")  # as another process sees it
            with lease("a") as second:
                assert not second
        assert caches["shared"].get("lease:a") is None

    def test_a_page_does_not_read_it(self, client):
        client.force_login(make_user())
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/").status_code == 200
        assert captured.captured_queries
        assert not [one for one in captured.captured_queries if "shared_cache" in one["sql"]]
