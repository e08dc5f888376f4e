"""How fresh one section is for one service: known, known but old, or unknown.

Rules over plain values alone: no rows, no words. ``presenters.freshness`` has the words.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

from django.db.models import TextChoices

BEGINNING = datetime.min.replace(tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)


class SectionKind(TextChoices):
    """The sections of the mirror, each asked for by itself; ``Feed.Kind`` to the models."""

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


# Older than this is "old" even if the last attempt did not fail: nobody is asking any more.
OLD_AFTER: dict[str, timedelta] = {
    SectionKind.INCIDENTS: timedelta(minutes=5),
    SectionKind.CHANGES: timedelta(minutes=5),
    SectionKind.ON_CALL: timedelta(minutes=5),
    SectionKind.SERVICES: timedelta(minutes=25),  # mirrored every ten
    SectionKind.SHIFTS: timedelta(hours=3),
    SectionKind.MAINTENANCE: timedelta(minutes=10),
    SectionKind.HISTORY: timedelta(minutes=30),
    SectionKind.ACKNOWLEDGEMENTS: timedelta(minutes=30),
    SectionKind.ANALYTICS: timedelta(days=2),  # PagerDuty itself reckons once a day
    SectionKind.STANDARDS: timedelta(days=2),
}
# Older than this, a page that is looked at asks for a refresh: the worker would have been quicker.
# What is not here a page does not ask for.
REFRESH_AFTER: dict[str, timedelta] = {
    SectionKind.SERVICES: timedelta(minutes=25),
    SectionKind.INCIDENTS: timedelta(seconds=45),
    SectionKind.CHANGES: timedelta(seconds=120),
    SectionKind.ON_CALL: timedelta(seconds=120),
}
# The sections that follow from the escalation policy of a service.
OF_POLICY = frozenset({SectionKind.ON_CALL.value, SectionKind.SHIFTS.value})

# Reasons beside those of ``errors.PagerDutyError``.
NOT_ASKED = "not_asked"
NOBODY_ASKS = "nobody_asks"  # neither the worker nor a page
NO_WORKER_ASKS = "no_worker_asks"  # of what pages do not ask for
CLOCK_PUT_BACK = "clock_put_back"  # the answer is dated later than now
# Of ``errors.PagerDutyError``: PagerDuty denies the thing itself; whose shift it is cannot be told.
NOT_FOUND = "not_found"
CLOCK = "clock"
# An answer that is dated further ahead is of a clock that was put back since.
AHEAD = timedelta(minutes=5)


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
        """Whether PagerDuty was asked after ``at``, a moment ago, with or without success."""
        latest = at + AHEAD
        return any(
            moment and at < moment <= latest for moment in (self.succeeded_at, self.failed_at)
        )


UNKNOWN = Freshness()


class CountsSince(NamedTuple):
    """When an answer must have been asked for (UTC) to take in a service as it is now.

    Attributes:
        account: Answers about the whole account.
        own: Answers about the service alone.
    """

    account: datetime
    own: datetime


# Every answer counts.
ALWAYS = CountsSince(account=BEGINNING, own=BEGINNING)


def counts_since(
    kind: str, *, mirrored_at: datetime, is_mapped: bool, policy_mirrored_at: datetime | None
) -> CountsSince:
    """Say from when on answers of one kind take in a service.

    Of one that no entity maps to nothing but the row itself is kept, whatever was answered.

    Args:
        kind: The section, a ``SectionKind``.
        mirrored_at: When the service was first stored or mapped (UTC): an account-wide answer that
            was asked for earlier left its rows out.
        is_mapped: Whether some entity maps to the service.
        policy_mirrored_at: When its policy was first stored or changed (UTC); None without one, or
            for a kind that is not of ``OF_POLICY``.
    """
    if kind == SectionKind.SERVICES:
        return ALWAYS  # the row itself came with such an answer
    if not is_mapped:
        return CountsSince(account=NEVER, own=NEVER)
    own = (policy_mirrored_at if kind in OF_POLICY else None) or BEGINNING
    return CountsSince(account=max(mirrored_at, own), own=own)


class FeedLike(Protocol):
    """The columns of a ``Feed`` from which freshness follows."""

    service_pd_id: str
    asked_at: datetime | None
    succeeded_at: datetime | None
    failed_at: datetime | None
    reason: str
    detail: str
    covers_since: datetime | None


def of_feeds(feeds: Iterable[FeedLike], since: CountsSince) -> Freshness:
    """Join the account-wide feed and a service's own feed of one kind into one freshness.

    Args:
        feeds: The account-wide feed, the service's own, or both.
        since: An answer that was asked for earlier says nothing about the service.
    """
    best: FeedLike | None = None
    failed: FeedLike | None = None
    for feed in feeds:
        if feed.failed_at and (not failed or _later(feed.failed_at, failed.failed_at)):
            failed = feed
        if (
            feed.succeeded_at
            and feed.asked_at
            and feed.asked_at >= (since.own if feed.service_pd_id else since.account)
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


class Certainty(StrEnum):
    """The three answers, and no fourth."""

    KNOWN = "known"
    OLD = "old"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How far one section of one service may be believed at an instant.

    Attributes:
        certainty: Which of the three.
        at: When the last good answer was stored (UTC); None if and only if unknown.
        asked_at: When it was asked for (UTC): it knows nothing of what happened later.
        reason: Why it is not known, or not newer: of the failure, or one of the portal's own; empty
            when known.
        is_due: Whether somebody who looks at it should ask PagerDuty again.
    """

    certainty: Certainty
    at: datetime | None
    asked_at: datetime | None
    reason: str = ""
    is_due: bool

    @property
    def is_known(self) -> bool:
        """Recent and good."""
        return self.certainty is Certainty.KNOWN

    @property
    def is_old(self) -> bool:
        """Good, but not recent or not confirmed by the last attempt."""
        return self.certainty is Certainty.OLD

    @property
    def is_unknown(self) -> bool:
        """Nothing may be said."""
        return self.certainty is Certainty.UNKNOWN

    @property
    def is_not_found(self) -> bool:
        """PagerDuty denies the thing itself, whatever is stored of it."""
        return self.reason == NOT_FOUND


def judge(kind: str, stored: Freshness, *, now: datetime) -> Judgement:
    """Decide how far one section of one service may be believed.

    Args:
        kind: The section, a ``SectionKind``.
        stored: What the mirror knows of the section's freshness.
        now: The instant of reading (UTC).
    """
    has_failed = stored.failed_at is not None
    unknown = ""
    if stored.succeeded_at is None:
        unknown = stored.reason if has_failed else NOT_ASKED
    elif stored.reason == CLOCK and kind in OF_POLICY:
        unknown = CLOCK
    elif stored.succeeded_at > now + AHEAD:
        unknown = CLOCK_PUT_BACK
    if stored.succeeded_at is None or unknown:
        return Judgement(
            certainty=Certainty.UNKNOWN, at=None, asked_at=None, reason=unknown, is_due=True
        )
    age = now - stored.succeeded_at
    is_neglected = age > OLD_AFTER[kind] and not has_failed
    is_for_pages = kind in REFRESH_AFTER
    reason = stored.reason if has_failed else ""
    if is_neglected:
        reason = NOBODY_ASKS if is_for_pages else NO_WORKER_ASKS
    return Judgement(
        certainty=Certainty.OLD if has_failed or is_neglected else Certainty.KNOWN,
        at=stored.succeeded_at,
        asked_at=stored.asked_at,
        reason=reason,
        is_due=is_neglected or (is_for_pages and age > REFRESH_AFTER[kind]),
    )
