"""The cache of pages: in the process, bounded by its size, or Redis, whose absence costs no page.

Everything kept in the cache can be made again. So while Redis does not answer, it is an empty one:
what is read is missing, what is written is dropped, a lock is free. A card is then drawn anew for
each reader, and limits count nothing; paging somebody must not wait for a cache.

Values are signed with ``SECRET_KEY``. Reading a pickled value runs what its writer wanted, so a
value that the portal did not write is missing, like one from before the key was changed.
"""

import functools
import hashlib
import hmac
import logging
import pickle
import sys
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

import redis
from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends import redis as django_redis
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.utils.crypto import salted_hmac
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 0.25
ANSWER_TIMEOUT_S = 1.0
# After a failure Redis is left alone for so long: a page has dozens of look-ups, and where Redis
# hangs instead of refusing, each would wait for the timeout.
PAUSE_S = 3.0
LOG_EVERY_S = 60.0
_SIGNATURE_BYTES = 32
_IMPATIENT: dict[str, Any] = {
    "socket_connect_timeout": CONNECT_TIMEOUT_S,
    "socket_timeout": ANSWER_TIMEOUT_S,
    # redis-py itself would try ten times, with pauses.
    "retry": Retry(NoBackoff(), 0),
}

_T = TypeVar("_T")


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
        while self.held_bytes + size > self._max_bytes:
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
        super().clear()
        self._held.pop(self._name, None)


class _Outage:
    """When one Redis last failed, for all threads of the process.

    Several threads may note the same failure at once: each writes plain numbers, none waits.
    """

    def __init__(self) -> None:
        self._paused_until = 0.0
        self._log_after: dict[str, float] = {}

    @property
    def is_on(self) -> bool:
        """Whether Redis is left alone for now."""
        return time.monotonic() < self._paused_until

    def note(self, cause: Exception) -> None:
        """Leave Redis alone for a moment; say so once a minute."""
        self._paused_until = time.monotonic() + PAUSE_S
        # The message of redis-py names host and port, never the password of the address.
        self._log("redis does not answer, working without a cache", cause=str(cause)[:200])

    def note_forged(self) -> None:
        """Say once a minute that a value is not the portal's own."""
        self._log(
            "a value in redis is not signed with this SECRET_KEY, and is not used: the key differs "
            "between processes or was changed, or somebody else writes to this redis"
        )

    def _log(self, message: str, **extra: str) -> None:
        now = time.monotonic()
        if now >= self._log_after.get(message, 0.0):
            self._log_after[message] = now + LOG_EVERY_S
            logger.error(message, extra=extra)


_outages: dict[tuple[str, ...], _Outage] = {}


class ForgedValueError(Exception):
    """A value in Redis has no signature of this portal."""


class SignedSerializer:
    """Pickles values and signs them; whole numbers stay as they are, so that Redis can count."""

    def dumps(self, obj: Any) -> int | bytes:
        """The value as it is stored: a whole number, or signature and pickle."""
        if type(obj) is int:
            return obj
        value = pickle.dumps(obj, pickle.HIGHEST_PROTOCOL)
        return _signature_of(value) + value

    def loads(self, data: bytes) -> Any:
        """The value of what is stored.

        Raises:
            ForgedValueError: The signature is missing or wrong.
        """
        try:
            return int(data)
        except ValueError:
            signature, value = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _signature_of(value)):
            raise ForgedValueError
        return pickle.loads(value)  # noqa: S301 -- signed by this portal


def _signature_of(value: bytes) -> bytes:
    return salted_hmac("portal.cache", value, algorithm="sha256").digest()


class Client(django_redis.RedisCacheClient):
    """Django's client with an outage as an empty cache."""

    def __init__(self, servers: Sequence[str], **options: Any) -> None:
        """Prepare; nothing is connected.

        Args:
            servers: Addresses, the first one for writing.
            options: Of redis-py's connections; timeouts are short and nothing is tried twice
                unless they say otherwise.
        """
        super().__init__(list(servers), **{**_IMPATIENT, "serializer": SignedSerializer, **options})
        self._outage = _outages.setdefault(tuple(servers), _Outage())

    def _guard(self, do: Callable[[], _T], *, otherwise: _T) -> _T:
        if self._outage.is_on:
            return otherwise
        try:
            return do()
        except ForgedValueError:
            self._outage.note_forged()
            return otherwise
        except (RedisError, OSError) as exc:
            self._outage.note(exc)
            return otherwise

    def add(self, key: Any, value: Any, timeout: Any) -> bool:
        """Set unless it is there; without Redis it never is."""
        return self._guard(partial(super().add, key, value, timeout), otherwise=True)

    def get(self, key: Any, default: Any) -> Any:
        """The value; without Redis the default."""
        return self._guard(partial(super().get, key, default), otherwise=default)

    def set(self, key: Any, value: Any, timeout: Any) -> None:
        """Keep a value; without Redis nothing."""
        self._guard(partial(super().set, key, value, timeout), otherwise=None)

    def touch(self, key: Any, timeout: Any) -> bool:
        """Keep a value longer; without Redis it is not there."""
        return self._guard(partial(super().touch, key, timeout), otherwise=False)

    def delete(self, key: Any) -> bool:
        """Drop a value; without Redis it is not there."""
        return self._guard(partial(super().delete, key), otherwise=False)

    def get_many(self, keys: Iterable[Any]) -> dict[Any, Any]:
        """The values that are there; without Redis none."""
        return self._guard(partial(super().get_many, keys), otherwise={})

    def has_key(self, key: Any) -> bool:
        """Whether the value is there; without Redis it is not."""
        return self._guard(partial(super().has_key, key), otherwise=False)

    def incr(self, key: Any, delta: int) -> int:
        """Count; without Redis each count is the first.

        Raises:
            ValueError: Redis answers and has no such key.
        """
        return self._guard(partial(super().incr, key, delta), otherwise=delta)

    def set_many(self, data: Mapping[Any, Any], timeout: Any) -> None:
        """Keep several values; without Redis none."""
        self._guard(partial(super().set_many, data, timeout), otherwise=None)

    def delete_many(self, keys: Iterable[Any]) -> None:
        """Drop several values; without Redis none is there."""
        self._guard(partial(super().delete_many, keys), otherwise=None)

    def clear(self) -> bool:
        """Drop everything; without Redis there is nothing."""
        return self._guard(super().clear, otherwise=True)


def problem(url: str) -> str:
    """Say why a Redis does not answer, without the password; empty if it does, within 1.25 s."""
    client = redis.Redis.from_url(url, **_IMPATIENT)
    try:
        client.ping()
    except (RedisError, OSError) as exc:
        # The messages of redis-py name host and port, never the password of the address.
        return str(exc).rstrip(".")[:200]
    finally:
        client.close()
    return ""


class RedisCache(django_redis.RedisCache):
    """Django's Redis cache with an outage as an empty cache."""

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = Client
