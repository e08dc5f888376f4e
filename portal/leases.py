"""Work that only one process does at a time; what a dead process held is free soon after.

A lease is a value in the cache that all processes share. Its holder writes it anew again and again,
with the time since the machine was started, which nobody sets: a wall clock that is put forward
frees no lease of the living, and one that is put back blocks none of the dead. What a process of
another machine holds is taken over once it was seen unchanged for as long.
"""

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.cache import caches
from django.db import Error, connections

logger = logging.getLogger(__name__)

# A process that dies holds its leases no longer; on another machine, counted from the first look.
HELD_S = 60
_CONFIRMED_EVERY_S = HELD_S / 4
# What nobody wants any more goes by itself; far longer than any clock is put forward.
_KEPT_S = 24 * 3600

# What this process holds: also while the shared cache does not answer, nothing is done twice here.
_held: set[str] = set()
# What processes of other machines hold, by key: the last value, and since when (monotonic time).
_watched: dict[str, tuple[str, float]] = {}
_guard = threading.Lock()


def _boot_id() -> str:
    """Tells one start of one machine from all others; empty where the system has none.

    Source: https://man7.org/linux/man-pages/man4/random.4.html
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


_BOOT_ID = _boot_id()


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
        with _shared(_key_of(name)) as is_held:
            yield is_held
    finally:
        with _guard:
            _held.discard(name)


def is_held(name: str) -> bool:
    """Whether some process holds a lease, this one included."""
    value = caches["shared"].get(_key_of(name))
    return name in _held or _is_confirmed(_key_of(name), value)


def _value(holder: str) -> str:
    return f"{holder}:{_BOOT_ID}:{time.monotonic():.1f}"


def _key_of(name: str) -> str:
    return f"lease:{name}"


@contextmanager
def _shared(key: str) -> Iterator[bool]:
    cache = caches["shared"]
    holder = uuid.uuid4().hex
    if not cache.add(key, _value(holder), _KEPT_S) and not _take_over(key, holder):
        yield False
        return
    over = threading.Event()
    keeper = threading.Thread(target=_confirm, args=(key, holder, over), daemon=True)
    keeper.start()
    try:
        yield True
    finally:
        over.set()
        keeper.join(_CONFIRMED_EVERY_S)  # it must not write again what is deleted here
        if _is_of(cache.get(key), holder):
            cache.delete(key)


def _take_over(key: str, holder: str) -> bool:
    """Take what a dead process held; of several that find it dead, one does."""
    cache = caches["shared"]
    value = cache.get(key)
    if value is None or _is_confirmed(key, value):
        return False
    if not cache.add(f"lease-after:{value}", holder, HELD_S):
        return False
    cache.set(key, _value(holder), _KEPT_S)
    return True


def _is_confirmed(key: str, value: str | None) -> bool:
    """Whether the holder of a value lives, as far as this machine or this process can tell."""
    if value is None:
        _watched.pop(key, None)
        return False
    now = time.monotonic()
    _, boot_id, written_at = [*value.split(":"), "", "0"][:3]
    if boot_id and boot_id == _BOOT_ID:
        return now - float(written_at) <= HELD_S
    known, since = _watched.get(key, ("", now))
    if known != value:
        _watched[key] = value, now
        return True
    return now - since <= HELD_S


def _is_of(value: str | None, holder: str) -> bool:
    # It may have been lost to another: to one that found this process silent for too long.
    return value is not None and value.partition(":")[0] == holder


def _confirm(key: str, holder: str, over: threading.Event) -> None:
    cache = caches["shared"]
    try:
        while not over.wait(_CONFIRMED_EVERY_S):
            try:
                if _is_of(cache.get(key), holder):
                    cache.set(key, _value(holder), _KEPT_S)
            except Error:  # the database is away for a moment: there is time for another try
                logger.warning("lease not confirmed", extra={"lease": key}, exc_info=True)
                connections.close_all()
    finally:
        connections.close_all()
