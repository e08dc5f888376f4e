"""The schedule: every registered work comes round in its time, alone, and again after a failure."""

import datetime as dt
import logging

import pytest
import time_machine

from portal import tasks
from portal.leases import lease

MINUTE = dt.datetime(2026, 11, 1, 9, 0, tzinfo=dt.UTC)


@pytest.fixture
def registry(monkeypatch):
    """An empty schedule, put back afterwards."""
    monkeypatch.setattr(tasks, "_periodic", {})


def runs_in(hours, seconds):
    """How often work of this period is planned within so many hours."""
    periodic = tasks.Periodic(name="x", period_s=seconds, run=lambda: None)
    minutes = (MINUTE + dt.timedelta(minutes=number) for number in range(hours * 60))
    return sum(len(periodic.delays_in_minute_of(at)) for at in minutes)


@pytest.mark.parametrize("seconds", [10, 30, 60, 120, 300, 600, 3600])
def test_work_is_planned_as_often_as_it_says(seconds):
    assert runs_in(2, seconds) == 2 * 3600 // seconds


def test_work_of_every_30_seconds_runs_twice_a_minute():
    periodic = tasks.Periodic(name="x", period_s=30, run=lambda: None)
    assert periodic.delays_in_minute_of(MINUTE) == [0, 30]


@pytest.mark.parametrize("seconds", [0, -30, 7, 45, 90])
def test_a_period_that_no_minute_divides_is_refused(registry, seconds):
    with pytest.raises(ValueError, match="minute"):
        tasks.every(seconds=seconds)(lambda: None)
    assert tasks.all_periodic() == []


def test_a_beat_runs_now_and_plans_the_rest_of_its_minute(registry):
    done = []

    @tasks.every(seconds=30)
    def often():
        done.append("often")

    @tasks.every(seconds=600)
    def rarely():
        done.append("rarely")

    tasks.HUEY.flush()
    with time_machine.travel(MINUTE + dt.timedelta(minutes=1), tick=False):
        tasks.beat()
    assert done == ["often"]
    (planned,) = tasks.HUEY.scheduled()
    assert "often" in str(planned.args)
    tasks.HUEY.flush()
    with time_machine.travel(MINUTE, tick=False):
        tasks.beat()
    assert done == ["often", "often", "rarely"]
    tasks.HUEY.flush()


def test_nothing_is_kept_of_a_run_that_ended(registry):
    tasks.HUEY.flush()
    tasks.every(seconds=60)(lambda: None)
    tasks.beat(MINUTE)
    assert tasks.HUEY.storage.result_items() == {}


def test_work_that_fails_is_logged_and_comes_again(registry, caplog):
    done = []

    @tasks.every(seconds=30)
    def works_the_second_time():
        done.append(1)
        if len(done) == 1:
            raise RuntimeError("database is away")

    (periodic,) = tasks.all_periodic()
    with caplog.at_level(logging.ERROR):
        assert not tasks.run_once(periodic.name)
    assert "periodic work failed" in caplog.text
    assert tasks.run_once(periodic.name)
    assert len(done) == 2


def test_two_runs_of_one_work_never_overlap(registry):
    inner = []

    @tasks.every(seconds=30)
    def slow():
        inner.append(tasks.run_once(tasks.all_periodic()[0].name))

    assert tasks.run_once(tasks.all_periodic()[0].name)
    assert inner == [False]


def test_the_worker_calls_every_beat(registry):
    names = [str(task) for task in tasks.HUEY._registry.periodic_tasks]
    assert any("beat" in name for name in names)


def test_nothing_runs_under_a_name_nobody_registered(registry):
    assert not tasks.run_once("gone.away")
    with lease("work:gone.away") as is_held:
        assert is_held
