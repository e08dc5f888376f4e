"""How fresh one section is for one service: known, known but old, or unknown. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from django.db.models import TextChoices

BEGINNING = datetime.min.replace(tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)


class Kind(TextChoices):
    """The sections of the mirror, each asked for by itself; of the ``Feed`` model."""

    SERVICES = "services", "service"
    INCIDENTS = "incidents", "open incidents"
    CHANGES = "changes", "recent changes"
    ON_CALL = "on_call", "on call"
    SHIFTS = "shifts", "coming shifts"
    MAINTENANCE = "maintenance", "maintenance windows"
    HISTORY = "history", "resolved incidents"
    ACKNOWLEDGEMENTS = "acks", "first acknowledgements"
    ANALYTICS = "analytics", "PagerDuty's analytics"
    STANDARDS = "standards", "PagerDuty's standards"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What is known of one section of one service.

    Attributes:
        succeeded_at: When the rows now stored were last confirmed (UTC); None: nothing is known,
            and an empty section means nothing.
        asked_at: When the request of that answer was sent (UTC).
        failed_at: When the latest attempt failed, if it failed after the last good answer (UTC).
        reason, detail: Of that failure, see ``errors.PagerDutyError``; empty without one.
        covers_since: For recent changes: how far back the rows reach (UTC); None elsewhere.
    """

    succeeded_at: datetime | None = None
    asked_at: datetime | None = None
    failed_at: datetime | None = None
    reason: str = ""
    detail: str = ""
    covers_since: datetime | None = None

    @property
    def is_known(self) -> bool:
        """Whether PagerDuty ever answered this section."""
        return self.succeeded_at is not None

    def is_fresh(self, now: datetime, within: timedelta) -> bool:
        """Whether the last good answer is not older than ``within`` and nothing failed since."""
        return (
            self.succeeded_at is not None
            and self.failed_at is None
            and now - self.succeeded_at <= within
        )

    def is_asked_since(self, at: datetime) -> bool:
        """Whether PagerDuty was asked after ``at``, with or without success."""
        return any(moment and moment > at for moment in (self.succeeded_at, self.failed_at))


UNKNOWN = Freshness()


class FeedLike(Protocol):
    """The columns of a ``Feed`` from which freshness follows."""

    service_pd_id: str
    asked_at: datetime | None
    succeeded_at: datetime | None
    failed_at: datetime | None
    reason: str
    detail: str
    covers_since: datetime | None


def of_feeds(feeds: Iterable[FeedLike], *, known_since: datetime, own_since: datetime) -> Freshness:
    """Join the account-wide feed and a service's own feed of one kind into one freshness.

    Args:
        feeds: The account-wide feed, the service's own, or both.
        known_since: An account-wide answer that was asked for earlier (UTC) left out the service's
            rows and so says nothing about it.
        own_since: The same for the service's own answers: its policy may have changed since.
    """
    best: FeedLike | None = None
    failed: FeedLike | None = None
    for feed in feeds:
        if feed.failed_at and (not failed or _later(feed.failed_at, failed.failed_at)):
            failed = feed
        if (
            feed.succeeded_at
            and feed.asked_at
            and feed.asked_at >= (own_since if feed.service_pd_id else known_since)
            and (not best or _later(feed.asked_at, best.asked_at))
        ):
            best = feed
    if best and failed and not _later(failed.failed_at, best.succeeded_at):
        failed = None
    return Freshness(
        succeeded_at=best.succeeded_at if best else None,
        asked_at=best.asked_at if best else None,
        covers_since=best.covers_since if best else None,
        failed_at=failed.failed_at if failed else None,
        reason=failed.reason if failed else "",
        detail=failed.detail if failed else "",
    )


def _later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one > other)
