"""Work that only one process does at a time; what a dead process held is free soon after.

A lease is a value in the cache that all processes share. Whoever holds it confirms it again and
again, so that it lasts as long as the work and hardly longer than its process.
"""

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache import caches
from django.db import Error, connections

logger = logging.getLogger(__name__)

# A process that dies holds its leases no longer than this.
HELD_S = 60
_CONFIRMED_EVERY_S = HELD_S / 4

# What this process holds: also while the shared cache does not answer, nothing is done twice here.
_held: set[str] = set()
_guard = threading.Lock()


@contextmanager
def lease(name: str) -> Iterator[bool]:
    """Hold a lease for the length of a block.

    Args:
        name: Of the work.

    Yields:
        Whether it is held; False: somebody else is at it.
    """
    with _guard:
        is_own = name not in _held
        if is_own:
            _held.add(name)
    if not is_own:
        yield False
        return
    try:
        with _shared(f"lease:{name}") as is_held:
            yield is_held
    finally:
        with _guard:
            _held.discard(name)


def is_held(name: str) -> bool:
    """Whether some process holds a lease, this one included."""
    return caches["shared"].get(f"lease:{name}") is not None


@contextmanager
def _shared(key: str) -> Iterator[bool]:
    cache = caches["shared"]
    mark = uuid.uuid4().hex
    if not cache.add(key, mark, HELD_S):
        yield False
        return
    over = threading.Event()
    keeper = threading.Thread(target=_confirm, args=(key, over), daemon=True)
    keeper.start()
    try:
        yield True
    finally:
        over.set()
        # It may have been lost to another: to one that found this process silent for too long.
        if cache.get(key) == mark:
            cache.delete(key)


def _confirm(key: str, over: threading.Event) -> None:
    try:
        while not over.wait(_CONFIRMED_EVERY_S):
            try:
                caches["shared"].touch(key, HELD_S)
            except Error:  # the database is away for a moment: there is time for another try
                logger.warning("lease not confirmed", extra={"lease": key}, exc_info=True)
                connections.close_all()
    finally:
        connections.close_all()
