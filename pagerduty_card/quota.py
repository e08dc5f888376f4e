"""How much of a token's request quota is left, shared by every process through the cache."""

import hashlib
import time

from django.core.cache import cache

from pagerduty_card.accounts import Account

# PagerDuty counts requests by the minute; a 429 without a reset header is over after one.
DEFAULT_COOL_DOWN_S = 60.0
MAX_COOL_DOWN_S = 300.0
# Share of the quota that background work leaves to people.
RESERVED_SHARE = 0.2


class Quota:
    """The cool-down of one token.

    Source: https://developer.pagerduty.com/docs/rest-api-rate-limits
    """

    def __init__(self, account: Account) -> None:
        """Watch the account's token; two accounts with one token share one quota."""
        # A cache key is printed by tools and logs: it holds a digest, not the token.
        digest = hashlib.sha256(f"{account.api_base_url} {account.token}".encode()).hexdigest()
        self._exhausted_key = f"pagerduty:cool-down:{digest[:32]}"
        self._low_key = f"pagerduty:low-quota:{digest[:32]}"

    def wait_s(self, *, background: bool) -> float:
        """Seconds until a request may be sent; 0.0 now.

        Args:
            background: Whether nobody is waiting; such work also waits at 20 % left.
        """
        keys = [self._exhausted_key, self._low_key] if background else [self._exhausted_key]
        until: dict[str, float] = cache.get_many(keys)
        return max(0.0, *(at - time.time() for at in until.values())) if until else 0.0

    def note(self, *, limit: float | None, remaining: float | None, reset_s: float | None) -> None:
        """Take in an answer's ``ratelimit-*`` headers, None for each that is missing."""
        if limit and remaining is not None and remaining <= limit * RESERVED_SHARE:
            self._close(self._low_key, reset_s)

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
