"""Refreshes that have not ended, and the outcome of those that have."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog.ingestion.importer import is_going_on
from catalog.locations.refreshing import due_at
from catalog.models import ImportIssue, ImportRun, Location


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRefresh:
    """A refresh of a location that has not ended.

    Attributes:
        is_running: Whether the import has begun; else the location is due.
        since: When it began, or since when the location is due (UTC).
    """

    is_running: bool
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRefresh:
    """A run that ended, and why some files could not be read.

    Attributes:
        conflicts: How many of its issues are conflicts.
        unread: How many of its issues, or of those of one location, are about unreadable files.
        reason: Of the first of these; empty without one.
    """

    run: ImportRun
    conflicts: int
    unread: int
    reason: str

    @classmethod
    def of(cls, run: ImportRun, location: Location | None = None) -> "EndedRefresh":
        """Look what became of a run, and what it could not read of one location. Three queries."""
        unread = run.issues.filter(kind=ImportIssue.Kind.UNREADABLE).order_by("pk")
        if location:
            unread = unread.filter(location=location)
        first = unread.first()
        return cls(
            run=run,
            conflicts=run.issues.filter(kind=ImportIssue.Kind.CONFLICT).count(),
            unread=unread.count() if first else 0,
            reason="; ".join(message["message"] for message in first.messages) if first else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshAnswer:
    """What is known of a refresh soon after a person asked for it.

    Attributes:
        ended: The runs that ended meanwhile.
        failed: How many imports failed before they began a run.
        pending: What has not ended.
        is_delayed: Whether another import is writing; the worker makes the locations due after it.
        worker_problem: Why no worker begins; empty while one is there, or nothing is pending.
    """

    ended: Sequence[EndedRefresh]
    failed: int
    pending: Sequence[PendingRefresh]
    is_delayed: bool
    worker_problem: str


def pending_refreshes(locations: Iterable[Location], now: datetime) -> dict[int, PendingRefresh]:
    """The refreshes that have not ended, by primary key of the location.

    A query for each run that began more than a minute ago.

    Args:
        locations: With ``last_run`` loaded.
        now: The instant (UTC).
    """
    found = list(locations)
    runs = {location.last_run for location in found if location.last_run}
    going_on = {run.pk for run in runs if is_going_on(run)}
    pending = {}
    for location in found:
        if location.last_run and location.last_run_id in going_on:
            since = location.last_run.started_at
            pending[location.pk] = PendingRefresh(is_running=True, since=since)
        elif (due := due_at(location)) and due <= now:
            pending[location.pk] = PendingRefresh(is_running=False, since=due)
    return pending
