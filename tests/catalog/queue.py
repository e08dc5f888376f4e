"""The worker's queue, in tests that do its work later than it is asked for."""

from importlib import import_module

import pytest

from portal.tasks import HUEY


@pytest.fixture
def queue(monkeypatch):
    """Nothing is done until :func:`work` does it."""
    monkeypatch.setattr(HUEY, "immediate", False)
    yield HUEY
    HUEY.flush()


def work():
    """Do what is in the queue now, in the connection of the test, which huey would close."""
    for task in HUEY.pending():
        HUEY.dequeue()
        path, args, kwargs = task.args
        module, _, name = path.rpartition(".")
        getattr(import_module(module), name).func(*args, **kwargs)
