"""How much of a token's request quota is left, shared by every process through the cache."""

import time
from dataclasses import dataclass

from django.core.cache import cache

from pagerduty_card.accounts import Account

# PagerDuty counts requests by the minute; a 429 without a reset header is over after one.
DEFAULT_COOL_DOWN_S = 60.0
MAX_COOL_DOWN_S = 300.0
# Share of the quota that background work leaves to people.
RESERVED_SHARE = 0.2
# How long the last answer's figures are kept for whoever asks how the account is doing.
_REMEMBERED_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
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


class Quota:
    """The cool-down of one token.

    Source: https://developer.pagerduty.com/docs/rest-api-rate-limits
    """

    def __init__(self, account: Account) -> None:
        """Watch the account's token; two accounts with one token share one quota."""
        self._exhausted_key = f"pagerduty:cool-down:{account.digest}"
        self._low_key = f"pagerduty:low-quota:{account.digest}"
        self._reading_key = f"pagerduty:reading:{account.digest}"

    def last_reading(self) -> Reading | None:
        """What the last answer to any process told; None if there was none for a day."""
        found: Reading | None = cache.get(self._reading_key)
        return found

    def wait_s(self, *, background: bool) -> float:
        """Seconds until a request may be sent; 0.0 now.

        Args:
            background: Whether nobody is waiting; such work also waits at 20 % left.
        """
        keys = [self._exhausted_key, self._low_key] if background else [self._exhausted_key]
        until: dict[str, float] = cache.get_many(keys)
        return max(0.0, *(at - time.time() for at in until.values())) if until else 0.0

    def note(self, reading: Reading) -> None:
        """Take in what an answer told; its ``ratelimit-*`` headers may be missing."""
        cache.set(self._reading_key, reading, _REMEMBERED_S)
        limit, remaining = reading.limit, reading.remaining
        if limit and remaining is not None and remaining <= limit * RESERVED_SHARE:
            self._close(self._low_key, reading.reset_s)

    def exhausted(self, reset_s: float | None) -> float:
        """Open the cool-down after a 429.

        Returns:
            Its length in seconds.
        """
        return self._close(self._exhausted_key, reset_s)

    @staticmethod
    def _close(key: str, reset_s: float | None) -> float:
        wait_s = min(max(reset_s or DEFAULT_COOL_DOWN_S, 1.0), MAX_COOL_DOWN_S)
        cache.set(key, time.time() + wait_s, wait_s)
        return wait_s
