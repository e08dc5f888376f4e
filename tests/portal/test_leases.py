"""Leases: one process at a time, none held by the dead, and all that is shared in one table."""

import runpy
import threading
import time
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


def hold_elsewhere(name, machine=leases._BOOT_ID):
    """What another process leaves behind that is killed while it holds the lease."""
    value = f"another:{machine}:{time.monotonic():.1f}"
    caches["shared"].set(f"lease:{name}", value, leases._KEPT_S)


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
    assert caches["shared"].get("lease:a").startswith("another:")


@pytest.fixture
def minutes_pass(monkeypatch):
    """Lets minutes pass by the clock that nobody sets."""
    now = [1000.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: now[0])

    def pass_(minutes=1):
        now[0] += minutes * 60 + 1

    return pass_


@pytest.fixture
def clocked(settings):
    """A shared cache that goes by this process's clock; Redis goes by its own."""
    backend = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {**settings.CACHES, "shared": {"BACKEND": backend, "LOCATION": "clocked"}}
    caches["shared"].clear()


@pytest.mark.parametrize("machine", [leases._BOOT_ID, "of-another-machine"])
@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_what_a_killed_process_held_is_free_a_minute_later_whatever_the_clock_shows(
    clocked, minutes_pass, hours, machine
):
    with time_machine.travel("2026-11-01T09:00:00Z", tick=False) as clock:
        hold_elsewhere("a", machine)
        clock.shift(hours * 3600)
        with lease("a") as is_held:
            assert not is_held
        assert leases.is_held("a")
        minutes_pass()
        assert not leases.is_held("a")
        with lease("a") as is_held:
            assert is_held
        with lease("a") as again:
            assert again
    assert leases.HELD_S <= 60


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_commands_of_a_moment_free_what_another_machine_held(clocked, minutes_pass, hours):
    def look():
        """As a process does that begins now."""
        return runpy.run_path(leases.__file__)["is_held"]("a")

    with time_machine.travel("2026-11-01T09:00:00Z", tick=False) as clock:
        hold_elsewhere("a", "of-another-machine")
        assert look()
        minutes_pass()
        hold_elsewhere("a", "of-another-machine")  # its holder lives
        assert look()
        clock.shift(hours * 3600)
        minutes_pass(minutes=5)
        assert not look()


@pytest.mark.parametrize("machine", [leases._BOOT_ID, "of-another-machine"])
@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_what_a_living_process_holds_is_never_had_whatever_the_clock_shows(
    clocked, minutes_pass, hours, machine
):
    with time_machine.travel("2026-11-01T09:00:00Z", tick=False) as clock:
        hold_elsewhere("a", machine)
        for _ in range(3):
            clock.shift(hours * 3600)
            with lease("a") as is_held:
                assert not is_held
            minutes_pass()
            hold_elsewhere("a", machine)


def test_of_several_that_find_a_lease_abandoned_one_takes_it(minutes_pass):
    hold_elsewhere("a")
    value = caches["shared"].get("lease:a")
    minutes_pass()
    assert not leases.is_held("a")
    assert caches["shared"].add(f"lease-after:{value}", "a third", 60)
    with lease("a") as is_held:
        assert not is_held


def test_long_work_keeps_what_it_holds(monkeypatch):
    monkeypatch.setattr(leases, "_CONFIRMED_EVERY_S", 0.01)
    with lease("a"):
        first, until = caches["shared"].get("lease:a"), time.monotonic() + 10
        while caches["shared"].get("lease:a") == first:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_a_database_that_is_away_for_a_moment_costs_no_lease(monkeypatch):
    tries, confirmed = [], threading.Event()

    def write(*_, **__):
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("the connection is lost")
        confirmed.set()

    monkeypatch.setattr(leases, "_CONFIRMED_EVERY_S", 0.01)
    monkeypatch.setattr(caches["shared"].__class__, "set", write)
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
