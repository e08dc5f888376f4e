"""Everything that is shown of the whole catalog, read once in a few seconds for all readers.

Boards, the index, sums and the header read it. It is cached under what it follows from: the
catalog's version, the feeds that every write to the mirror marks, the accounts, and the time.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeVar

from django.core.cache import cache
from django.db.models import Count, Max
from django.http import HttpRequest

from catalog import versions
from pagerduty_card.accounts import all_accounts
from pagerduty_card.models import Feed
from pagerduty_card.overview.entities import own_refs
from pagerduty_card.overview.filtering import BoardQuery, read_query
from pagerduty_card.overview.loading import Overview, load

T = TypeVar("T")
# So long an answer serves everybody, unless a feed or the catalog is written.
_CACHED_S = 5
# The header counts without asking the database; a count that is older than this is none.
_COUNT_CACHED = timedelta(seconds=60)
_COUNT_KEY = "pagerduty-open-incidents"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCount:
    """How many incidents are open in the catalog.

    Attributes:
        is_known: Whether there are no more and no fewer.
        is_uncertain: Whether some service's incidents are old or unknown. If it is only that an
            entity names a service which PagerDuty does not have, they are not.
        has_services: Whether any entity names a service; without one there is nothing to count.
        counted_at: When they were counted (UTC).
    """

    count: int
    has_services: bool
    is_known: bool
    is_uncertain: bool
    counted_at: datetime


def open_count(now: datetime) -> OpenCount | None:
    """How many incidents are open, from the cache alone; None when nobody counted lately."""
    found = cache.get(_COUNT_KEY)
    if not isinstance(found, OpenCount) or abs(now - found.counted_at) > _COUNT_CACHED:
        return None
    return found


def refresh(now: datetime) -> None:
    """Count the open incidents for ``open_count``, unless somebody did within seconds."""
    _ = Snapshot(now).overview


class Snapshot:
    """The catalog and the mirror at one moment; one query, and those for what is not cached."""

    def __init__(self, now: datetime) -> None:
        """Read what everything cached follows from: before the rows, for they may change meanwhile.

        Args:
            now: The instant of reading (UTC).
        """
        self.now = now
        feeds = list(
            Feed.objects.order_by("account", "kind")
            .values_list("account", "kind")
            .annotate(Count("pk"))
            .annotate(
                Max("asked_at"), Max("succeeded_at"), Max("failed_at"), Max("changed_by_webhook_at")
            )
            .annotate(version=versions.subquery())
        )
        # Before the first answer of PagerDuty there is no row that could have it.
        self._version = (feeds[0][-1] or 0) if feeds else versions.current()
        accounts = sorted((name, one.problem) for name, one in all_accounts().items())
        self._follows_from = (feeds, accounts, int(now.timestamp()) // _CACHED_S)

    def cached(self, name: str, load_value: Callable[[], T], *, parts: object = ()) -> T:
        """A value that follows from the catalog, the mirror, the time and ``parts`` alone."""
        return versions.cached(
            f"pagerduty-{name}",
            (self._follows_from, parts),
            self._version,
            load_value,
            timeout_s=2 * _CACHED_S,
        )

    def board(
        self,
        name: str,
        request: HttpRequest,
        filters: Iterable[str],
        load_board: Callable[["Snapshot", BoardQuery, frozenset[str]], T],
    ) -> T:
        """A board, which is the same to all who own the same and ask for the same.

        Args:
            name: Of the board.
            request: Has the reader and the address.
            filters: The keys of the board's filters.
            load_board: Loads it, given what the address asks for and ``own_refs`` of the reader.
        """
        query, own = read_query(request.GET, filters), own_refs(request)
        return self.cached(name, lambda: load_board(self, query, own), parts=(query, sorted(own)))

    @cached_property
    def overview(self) -> Overview:
        """The state of every entity that names a service; three queries, or none."""
        return self.cached("overview", self._load)

    def _load(self) -> Overview:
        found = load(self.now)
        counted = OpenCount(
            count=found.open_count,
            has_services=bool(found.entities),
            is_known=not found.issues,
            is_uncertain=any(not issue.problem for issue in found.issues),
            counted_at=self.now,
        )
        cache.set(_COUNT_KEY, counted, timeout=_COUNT_CACHED.total_seconds())
        return found
