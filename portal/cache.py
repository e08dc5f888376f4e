"""What pages keep, and the cache of a process, which is bounded by its size.

Everything kept in the cache can be made again; one that fails is an empty one.
"""

import functools
import hashlib
import logging
import pickle
import sys
import threading
import zlib
from collections import OrderedDict
from typing import Any, ClassVar

from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache

logger = logging.getLogger(__name__)

# What is longer is compressed: of a page little is left.
_SMALL = 1_024  # bytes
_COMPRESSED, _LEVEL = b"\x78", 1  # zlib's first byte; a pickle's is another


@functools.cache
def _release() -> str:
    """Stands for the code, the templates and the settings: what others made of them is no use."""
    digest = hashlib.sha256()
    for folder in ("portal", "catalog", "pagerduty_card", "templates", "static"):
        for file in sorted((settings.BASE_DIR / folder).rglob("*.*")):
            if file.suffix in {".py", ".html", ".svg"}:
                digest.update(file.read_bytes())
    plain = {name: getattr(settings, name) for name in dir(settings) if name.isupper()}
    told = [one for one in plain.items() if isinstance(one[1], str | int | list | tuple)]
    digest.update(repr(told).encode())
    return digest.hexdigest()[:16]


def kept(key: str) -> Any:
    """What ``keep`` of this release put under a key; None for nothing or what cannot be read."""
    try:
        stored: bytes | None = cache.get(f"{_release()}:{key}")
        if stored is None:
            return None
        packed = zlib.decompress(stored) if stored[:1] == _COMPRESSED else stored
        return pickle.loads(packed)  # noqa: S301 -- the cache itself is pickled by this portal
    except Exception:  # noqa: BLE001 -- what another release kept may not unpickle, in any way
        logger.warning("The cache did not answer")
        return None


def keep(key: str, value: Any, timeout_s: float) -> None:
    """Keep a value for so many seconds, if the cache can."""
    try:
        packed = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        stored = zlib.compress(packed, _LEVEL) if len(packed) > _SMALL else packed
        cache.set(f"{_release()}:{key}", stored, timeout_s)
    except Exception:  # noqa: BLE001 -- each cache fails in its own way; none may fail the page
        logger.warning("The cache kept nothing")


class LocalCache(LocMemCache):
    """Django's cache in the process, bounded by its size: what was used longest ago goes first.

    ``max_bytes`` among its options bounds keys and values as they are held.
    """

    # A key and its two entries take about so much beside their text.
    _ENTRY_BYTES = 400
    _held: ClassVar[dict[str, int]] = {}
    _cache: OrderedDict[str, bytes]
    _expire_info: dict[str, float | None]
    _lock: threading.Lock

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        options = dict(params.get("OPTIONS", {}))
        self._name, self._max_bytes = name, int(options.pop("max_bytes"))
        # Django's own bound counts values, however large they are.
        super().__init__(name, {**params, "OPTIONS": {**options, "MAX_ENTRIES": sys.maxsize}})

    @property
    def held_bytes(self) -> int:
        """How much it holds, about."""
        return self._held.get(self._name, 0)

    def _set(self, key: str, value: bytes, timeout: Any = DEFAULT_TIMEOUT) -> None:
        self._delete(key)
        size = self._size(key, value)
        if size > self._max_bytes:
            return
        while self._cache and self.held_bytes + size > self._max_bytes:
            self._delete(next(reversed(self._cache)))
        self._held[self._name] = self.held_bytes + size
        super()._set(key, value, timeout)  # type: ignore[misc]

    def _delete(self, key: str) -> bool:
        if key in self._cache:
            self._held[self._name] = self.held_bytes - self._size(key, self._cache[key])
        return bool(super()._delete(key))  # type: ignore[misc]

    def _size(self, key: str, value: bytes) -> int:
        return self._ENTRY_BYTES + len(key) + len(value)

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:  # else what is put meanwhile would not be counted
            self._cache.clear()
            self._expire_info.clear()
            self._held.pop(self._name, None)
