"""Reads the remote files of one run: several at once, and no host more than it bears.

A host is asked for one file at a time until it has answered once, then for four. One that cannot
be reached, or uses up its time, twice is left alone for the rest of the run; one that says that it
is busy is left alone until the time it names, by later runs and other processes too. Where a root
leads to many hosts that do not answer, it is read without the hosts that did not answer before.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

from django.core.cache import caches

from catalog.ingestion.allow import Allowance
from catalog.ingestion.answers import MAX_BUSY_S, FetchError, busy
from catalog.ingestion.fetch import BUDGET_S, Fetched, fetch
from portal.leases import lease

MAX_AT_ONCE = 16
MAX_OF_A_HOST = 4
# So often a host may let its time run out in one run; a thousand files of a dead one take hours.
_MAX_SLOW = 2
# What a run may spend on waiting for hosts; a worker's claim on a location lasts a little longer.
RUN_BUDGET_S = 600.0
# What one root may spend on hosts that cannot be reached: a file may name thousands of them, and
# the locations that are read in the same run would wait.
_MAX_UNREACHABLE = 50
_MAX_WASTED_S = 60.0
_BUSY_KEY = "catalog:busy-hosts"
_MAX_NOTED = 500
_TRIES = 20
_TRY_EVERY_S = 0.1

_Asked = tuple[str, str, str]


class RemoteFiles:
    """The remote files of one run; a context manager, since it has threads.

    Args:
        allow: Which hosts may be asked.
        max_bytes: Most bytes of one file.
        budget_s: Seconds after which nothing more is asked for.
        has_database: Whether busy hosts are known to other runs, in the shared cache.
    """

    def __init__(
        self,
        allow: Allowance,
        max_bytes: int,
        budget_s: float = RUN_BUDGET_S,
        *,
        has_database: bool = True,
    ) -> None:
        self._allow = allow
        self._max_bytes = max_bytes
        self._budget_s = budget_s
        self._has_database = has_database
        self._knows_busy = not has_database
        self._deadline: float | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._asked: dict[_Asked, Future[Fetched]] = {}
        self._turns = threading.Condition()
        self._active: Counter[str] = Counter()
        self._slow: Counter[str] = Counter()
        self._tried: set[str] = set()
        self._answered: set[str] = set()
        self._busy: dict[str, float] = {}
        self._unreachable: set[str] = set()
        self._wasted_s = 0.0
        self._not_asked = 0

    def begin_root(self) -> None:
        """Give the next root its own time for hosts that cannot be reached."""
        self._unreachable.clear()
        self._wasted_s = 0.0
        self._not_asked = 0
        self._knows_busy = not self._has_database

    @property
    def not_asked(self) -> int:
        """How many files of this root were not asked for, since the time for that was over."""
        return self._not_asked

    def close(self) -> None:
        """Ask for nothing more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def ask_for(self, url: str, etag: str = "", last_modified: str = "") -> None:
        """Begin to read a file that will be wanted, if its host may be asked just now."""
        asked, host = (url, etag, last_modified), _host_of(url)
        if asked in self._asked or self._is_left_alone(host) or self._is_too_much(host):
            return
        if host not in self._answered:
            if host in self._tried:
                return
            self._tried.add(host)
        self._asked[asked] = self._begin(asked)

    def load(self, url: str, etag: str = "", last_modified: str = "") -> Fetched:
        """Read a file, or take what was begun.

        Raises:
            FetchError: It cannot be read.
        """
        asked = (url, etag, last_modified)
        host = _host_of(url)
        begun = self._asked.pop(asked, None)
        if begun is None:
            if self._is_left_alone(host):
                raise self._why_left_alone(host)
            if self._left_s() <= 0 or self._is_too_much(host):
                self._not_asked += 1
                raise FetchError(_OVER if self._left_s() <= 0 else _TOO_MANY, is_slow=True)
            begun = self._begin(asked)
        began = time.monotonic()
        try:
            return begun.result(timeout=max(self._left_s(), 0) + 1)
        except TimeoutError:
            raise FetchError(_OVER, is_slow=True) from None
        except FetchError as exc:
            if exc.is_slow and host not in self._answered:
                self._unreachable.add(host)
                self._wasted_s += time.monotonic() - began
            if exc.retry_at and self._has_database:
                _note_busy(host, exc.retry_at)
            raise

    def _begin(self, asked: _Asked) -> "Future[Fetched]":
        if self._pool is None:
            self._pool = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="catalog-remote")
        return self._pool.submit(self._fetch, *asked)

    def _fetch(self, url: str, etag: str, last_modified: str) -> Fetched:
        host = _host_of(url)
        with self._turn(host):
            left_s = self._left_s()
            if left_s <= 0:
                raise FetchError(_OVER, is_slow=True)
            if self._slow[host] >= _MAX_SLOW or self._busy.get(host, 0) > time.time():
                raise self._why_left_alone(host)
            try:
                found = fetch(
                    url,
                    allow=self._allow,
                    max_bytes=self._max_bytes,
                    etag=etag,
                    last_modified=last_modified,
                    budget_s=min(BUDGET_S, left_s),
                )
            except FetchError as exc:
                self._slow[host] += exc.is_slow
                if not exc.is_slow:
                    self._answered.add(host)
                if exc.retry_at:
                    self._busy[host] = exc.retry_at
                raise
            self._answered.add(host)
            return found

    @contextmanager
    def _turn(self, host: str) -> Iterator[None]:
        """Wait until the host may be asked for one more file."""
        with self._turns:
            self._turns.wait_for(lambda: self._active[host] < MAX_OF_A_HOST)
            self._active[host] += 1
        try:
            yield
        finally:
            with self._turns:
                self._active[host] -= 1
                self._turns.notify_all()

    def _left_s(self) -> float:
        if self._deadline is None:
            self._deadline = time.monotonic() + self._budget_s
        return self._deadline - time.monotonic()

    def _is_too_much(self, host: str) -> bool:
        """Whether the root led to so many dead hosts that a further new one is not tried."""
        return self.is_patience_over and host not in self._answered

    @property
    def is_patience_over(self) -> bool:
        """Whether this root led to as many hosts that cannot be reached as one may."""
        return len(self._unreachable) >= _MAX_UNREACHABLE or self._wasted_s > _MAX_WASTED_S

    def _is_left_alone(self, host: str) -> bool:
        if self._slow[host] >= _MAX_SLOW:
            return True
        if not self._knows_busy:
            self._knows_busy = True
            self._busy |= _load_busy()
        return self._busy.get(host, 0.0) > time.time()

    def _why_left_alone(self, host: str) -> FetchError:
        until = self._busy.get(host, 0.0)
        if until > time.time():
            return busy(until)
        return FetchError("the host did not answer before, and was not asked again")


_OVER = "not read: the hosts took all the time that one reading has"
_TOO_MANY = "not asked: too many other hosts that its location leads to cannot be reached"


def _load_busy() -> dict[str, float]:
    """The hosts that said to any process that they are busy, and until when (seconds of Unix)."""
    now = time.time()
    noted: dict[str, float] = caches["shared"].get(_BUSY_KEY, {})
    # A longer wait is of a clock that has been put back since.
    return {host: until for host, until in noted.items() if now < until <= now + MAX_BUSY_S}


def _note_busy(host: str, until: float) -> None:
    """Tell later runs and other processes.

    All hosts are one value: a file may name thousands, which would push leases out of that cache.
    One process at a time changes it; who holds it up for long is dead, and is not waited for.
    """
    for _ in range(_TRIES):
        with lease(_BUSY_KEY) as is_held:
            if is_held:
                _add_busy(host, until)
                return
        time.sleep(_TRY_EVERY_S)
    _add_busy(host, until)


def _add_busy(host: str, until: float) -> None:
    noted = sorted((_load_busy() | {host: until}).items(), key=lambda pair: pair[1])
    caches["shared"].set(_BUSY_KEY, dict(noted[-_MAX_NOTED:]), MAX_BUSY_S)


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
