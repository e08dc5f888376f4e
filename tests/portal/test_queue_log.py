"""What the log has of a task queue that fails again and again."""

import io
import logging

import pytest

from portal import logging as portal_logging


def fail(name, message, error):
    try:
        raise error
    except OSError:
        logging.getLogger(name).exception(message)


@pytest.fixture
def log(monkeypatch):
    """What is written from now on to the handler of the queue."""
    handler = next(one for one in logging.getLogger("huey").handlers if one.name == "queue")
    stream = io.StringIO()
    monkeypatch.setattr(handler, "stream", stream)
    return stream


def test_the_same_error_of_the_queue_is_logged_once_a_minute(log, monkeypatch):
    now = 1_000.0
    monkeypatch.setattr(portal_logging.time, "monotonic", lambda: now)
    for _ in range(3):
        fail("huey.consumer.Worker", "Error reading from queue", OSError("redis is away"))
    assert log.getvalue().count("ERROR") == 1
    fail("huey.consumer.Scheduler", "Error reading schedule", OSError("redis is away"))
    fail("huey.consumer.Worker", "Error reading from queue", OSError("the disk is full"))
    for _ in range(2):
        logging.getLogger("huey.consumer.Worker").error("something else")
    assert log.getvalue().count("ERROR") == 5
    now += 61
    fail("huey.consumer.Worker", "Error reading from queue", OSError("redis is away"))
    assert log.getvalue().count("ERROR") == 6
