"""How much of a token's request quota is left, shared by every process through the shared cache.

A cool-down also holds within a process while that cache does not answer.
"""

import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass

from django.core.cache import caches

from pagerduty_card.accounts import Account

# PagerDuty counts requests by the minute; a 429 without a reset header is over after one.
DEFAULT_COOL_DOWN_S = 60.0
MAX_COOL_DOWN_S = 300.0
# Share of the quota that background work leaves to people.
RESERVED_SHARE = 0.2
# Two clocks that are further apart disagree too often on whose shift it is.
MAX_SKEW_S = 300
# How long the last answer's figures are kept for whoever asks how the account is doing.
_REMEMBERED_S = 86_400
# What answers told is handed to the other processes this often, and at once when little is left.
_SHARED_EVERY_S = 1.0
_HOUR_MIN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaReading:
    """What the last answer told beside its data.

    Attributes:
        at: When it came (Unix time).
        limit, remaining: Requests a minute, and those left; None when it did not say.
        reset_s: Seconds from then until the quota is whole again.
        skew_s: How far PagerDuty's clock is ahead of ours; None when it did not say.
    """

    at: float
    limit: float | None = None
    remaining: float | None = None
    reset_s: float | None = None
    skew_s: float | None = None


class _Own:
    """What this process knows by itself."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.closed_until: dict[str, float] = {}
        self.shared_at: dict[str, float] = defaultdict(float)
        self.counts: dict[str, Counter[int]] = defaultdict(Counter)

    def forget(self) -> None:
        """Know nothing, as a process that was just started."""
        with self.lock:
            for known in (self.closed_until, self.shared_at, self.counts):
                known.clear()


_own = _Own()


def forget_all() -> None:
    """Drop what this process knows by itself."""
    _own.forget()


class Quota:
    """The cool-down of one token, and how many of its requests were answered.

    Source: https://developer.pagerduty.com/docs/rest-api-rate-limits
    """

    def __init__(self, account: Account) -> None:
        """Watch the account's token; two accounts with one token share one quota."""
        self._digest = account.digest
        self._exhausted_key = f"pagerduty:cool-down:{account.digest}"
        self._low_key = f"pagerduty:low-quota:{account.digest}"
        self._reading_key = f"pagerduty:quota-reading:{account.digest}"

    def last_reading(self) -> QuotaReading | None:
        """What the last answer to any process told; None if there was none for a day."""
        found: QuotaReading | None = caches["shared"].get(self._reading_key)
        return found

    def wait_s(self, *, background: bool) -> float:
        """Seconds until a request may be sent; 0.0 now.

        Args:
            background: Whether nobody is waiting; such work also waits at 20 % left.
        """
        keys = [self._exhausted_key, self._low_key] if background else [self._exhausted_key]
        until: dict[str, float] = caches["shared"].get_many(keys)
        moments = [*until.values(), *(_own.closed_until.get(key, 0.0) for key in keys)]
        waits = (at - time.time() for at in moments)
        # A longer one is of a clock that has been put back since.
        return max((wait for wait in waits if 0 < wait <= MAX_COOL_DOWN_S), default=0.0)

    def note(self, reading: QuotaReading) -> None:
        """Take in what an answer told, and that it came; ``ratelimit-*`` may be missing."""
        limit, remaining = reading.limit, reading.remaining
        is_low = bool(limit and remaining is not None and remaining <= limit * RESERVED_SHARE)
        with _own.lock:
            _own.counts[self._digest][_minute(reading.at)] += 1
            is_time = is_low or abs(reading.at - _own.shared_at[self._digest]) >= _SHARED_EVERY_S
            if is_time:
                _own.shared_at[self._digest] = reading.at
                counts = _own.counts.pop(self._digest)
        if is_time:
            caches["shared"].set(self._reading_key, reading, _REMEMBERED_S)
            for minute, count in counts.items():
                self._count(minute, count)
        if is_low:
            self._close(self._low_key, reading.reset_s)

    def answered(self, now: float) -> tuple[int, int]:
        """How many requests were answered in the minute before this one, and in the last hour.

        Args:
            now: Unix time.

        Returns:
            About as many: what a process counted last may be missing.
        """
        this = _minute(now)
        minutes = {self._minute_key(minute): minute for minute in range(this - _HOUR_MIN, this)}
        found: dict[str, int] = caches["shared"].get_many(list(minutes))
        return found.get(self._minute_key(this - 1), 0), sum(found.values())

    def exhausted(self, reset_s: float | None) -> float:
        """Open the cool-down after a 429.

        Returns:
            Its length in seconds.
        """
        return self._close(self._exhausted_key, reset_s)

    def _count(self, minute: int, count: int) -> None:
        key, shared = self._minute_key(minute), caches["shared"]
        kept_s = (_HOUR_MIN + 5) * 60
        if not shared.add(key, count, kept_s):
            shared.set(key, shared.get(key, 0) + count, kept_s)

    def _minute_key(self, minute: int) -> str:
        return f"pagerduty:answered:{self._digest}:{minute}"

    @staticmethod
    def _close(key: str, reset_s: float | None) -> float:
        wait_s = min(max(reset_s or DEFAULT_COOL_DOWN_S, 1.0), MAX_COOL_DOWN_S)
        until = time.time() + wait_s
        _own.closed_until[key] = until
        caches["shared"].set(key, until, wait_s)
        return wait_s


def _minute(at: float) -> int:
    return int(at // 60)
