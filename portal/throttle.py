"""A limit of so many actions in so much time, kept in the cache: without Redis in each process."""

import time
from dataclasses import dataclass

from django.core.cache import cache


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most ``limit`` actions within any ``period_s`` seconds for one key.

    Attributes:
        name: Distinguishes this limit's cache keys from others'.
        limit: How many actions fit.
        period_s: Length of the sliding window in seconds.
    """

    name: str
    limit: int
    period_s: int

    def take(self, key: str) -> float:
        """Count one action of ``key``.

        Returns:
            0.0 when the action fits, else the seconds until the next one does; an action that
            does not fit is not counted.
        """
        now = time.time()
        cache_key = f"throttle:{self.name}:{key}"
        # What is dated later than now is of a clock that was put back since.
        actions: list[float] = cache.get(cache_key, [])
        recent = [at for at in actions if now - self.period_s < at <= now]
        if len(recent) >= self.limit:
            return recent[-self.limit] + self.period_s - now
        cache.set(cache_key, [*recent, now], self.period_s)
        return 0.0
