"""How many requests a minute a token or a routing key may make."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How much of a quota is used after one request.

    Attributes:
        remaining: Requests left in this minute, never below 0.
        reset_s: Seconds until the minute is over, at least 1.
        is_exceeded: Whether this request was one too many.
    """

    limit: int
    remaining: int
    reset_s: int
    is_exceeded: bool

    def headers(self) -> dict[str, str]:
        """PagerDuty's headers; they are on every answer.

        Source: https://developer.pagerduty.com/docs/rest-api-rate-limits
        """
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.reset_s),
        }


class Quota:
    """Counts requests by key in windows of one minute.

    Args:
        limit: Requests a minute for each key.
        now: The clock, aware UTC.
    """

    def __init__(self, limit: int, now: Callable[[], datetime]) -> None:
        self.limit = limit
        self._now = now
        self._windows: dict[str, tuple[datetime, int]] = {}

    def take(self, key: str) -> Usage:
        """Count one request of ``key``."""
        now = self._now()
        start, used = self._windows.get(key, (now, 0))
        if now - start >= WINDOW or now < start:
            start, used = now, 0
        used += 1
        self._windows[key] = (start, used)
        left = (start + WINDOW - now).total_seconds()
        return Usage(
            limit=self.limit,
            remaining=max(0, self.limit - used),
            reset_s=max(1, round(left)),
            is_exceeded=used > self.limit,
        )
