"""Work that only one process does at a time; what a dead process held is free soon after.

A lease is a value in the cache that all processes share. Its holder writes it anew again and again,
with the time since the machine was started, which nobody sets: a wall clock that is put forward
frees no lease of the living, and one that is put back blocks none of the dead. What a process of
another machine, or of an earlier start of this one, holds is taken over once it was seen unchanged
for as long: the first look is written down for all processes of this machine, as some live for a
moment only.
"""

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

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


class _Value(NamedTuple):
    """What a lease is in the cache, where it is written as a text.

    Attributes:
        holder: Differs for every time that a lease is held.
        boot_id: Of the holder's machine.
        written_at: The holder's monotonic time, in seconds.
    """

    holder: str
    boot_id: str
    written_at: float

    @classmethod
    def of(cls, holder: str) -> Self:
        """The value that this process writes now."""
        return cls(holder, _BOOT_ID, time.monotonic())

    @classmethod
    def read(cls, text: str) -> Self:
        holder, _, rest = text.partition(":")
        boot_id, _, written_at = rest.partition(":")
        return cls(holder, boot_id, float(written_at or 0))

    def __str__(self) -> str:
        return f"{self.holder}:{self.boot_id}:{self.written_at:.1f}"


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
    text = caches["shared"].get(_key_of(name))
    return name in _held or (text is not None and _is_confirmed(_key_of(name), text))


def _key_of(name: str) -> str:
    return f"lease:{name}"


@contextmanager
def _shared(key: str) -> Iterator[bool]:
    cache = caches["shared"]
    holder = uuid.uuid4().hex
    if not cache.add(key, str(_Value.of(holder)), _KEPT_S) and not _take_over(key, holder):
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
    text = cache.get(key)
    if text is None or _is_confirmed(key, text):
        return False
    if not cache.add(f"lease-after:{text}", holder, HELD_S):
        return False
    cache.set(key, str(_Value.of(holder)), _KEPT_S)
    return True


def _is_confirmed(key: str, text: str) -> bool:
    """Whether the holder of a value lives, as far as this machine can tell."""
    value = _Value.read(text)
    is_own = bool(value.boot_id) and value.boot_id == _BOOT_ID
    since = value.written_at if is_own else _first_look(key, text)
    # Without a boot's id, a first look from before a restart lies in the future.
    return abs(time.monotonic() - since) <= HELD_S


def _first_look(key: str, text: str) -> float:
    """When a process of this machine saw this value first (monotonic time)."""
    cache = caches["shared"]
    # One row for each lease and machine, however often the holder writes its own.
    own = f"{key}:seen:{_BOOT_ID}"
    seen, since = cache.get(own, ("", 0.0))
    if seen == text:
        return float(since)
    now = time.monotonic()
    cache.set(own, (text, now), _KEPT_S)
    return now


def _is_of(text: str | None, holder: str) -> bool:
    # It may have been lost to another: to one that found this process silent for too long.
    return text is not None and _Value.read(text).holder == holder


def _confirm(key: str, holder: str, over: threading.Event) -> None:
    cache = caches["shared"]
    try:
        while not over.wait(_CONFIRMED_EVERY_S):
            try:
                if _is_of(cache.get(key), holder):
                    cache.set(key, str(_Value.of(holder)), _KEPT_S)
            except Error:  # the database is away for a moment: there is time for another try
                logger.warning("lease not confirmed", extra={"lease": key}, exc_info=True)
                connections.close_all()
    finally:
        connections.close_all()
