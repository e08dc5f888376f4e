"""Redis as the cache, whose absence costs no page.

Everything kept in the cache can be made again. So while Redis does not answer, it is an empty one:
what is read is missing, what is written is dropped, a lock is free. A card is then drawn anew for
each reader, and limits count nothing; paging somebody must not wait for a cache.

Values are signed with ``SECRET_KEY``. Reading a pickled value runs what its writer wanted, so a
value that the portal did not write is missing, like one from before the key was changed.

Only a portal with ``REDIS_URL`` imports this: ``redis`` is of the extra ``scale``.
"""

import hmac
import logging
import pickle
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import redis
from django.core.cache.backends import redis as django_redis
from django.utils.crypto import salted_hmac
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.retry import Retry

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 0.25
ANSWER_TIMEOUT_S = 1.0
# After a failure Redis is left alone for so long: a page has dozens of look-ups, and where Redis
# hangs instead of refusing, each would wait for the timeout.
PAUSE_S = 3.0
LOG_EVERY_S = 60.0
_SIGNATURE_BYTES = 32
_TIMEOUTS: dict[str, Any] = {
    "socket_connect_timeout": CONNECT_TIMEOUT_S,
    "socket_timeout": ANSWER_TIMEOUT_S,
    # redis-py itself would try ten times, with pauses.
    "retry": Retry(NoBackoff(), 0),
}

_T = TypeVar("_T")


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
        super().__init__(list(servers), **{**_TIMEOUTS, "serializer": SignedSerializer, **options})
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
    """Say what is wrong with a Redis, without the password, within 1.25 s; empty if nothing is.

    The text continues a sentence that begins with the Redis.
    """
    client = redis.Redis.from_url(url, **_TIMEOUTS)
    try:
        client.ping()
    except (RedisError, OSError) as exc:
        # The messages of redis-py name host and port, never the password of the address.
        is_refused = isinstance(exc, (AuthenticationError, ResponseError))
        said = "refuses the address" if is_refused else "does not answer"
        return f"{said}: {str(exc).rstrip('.')[:200]}"
    finally:
        client.close()
    return ""


class RedisCache(django_redis.RedisCache):
    """Django's Redis cache with an outage as an empty cache."""

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = Client
