"""A whole account in bulk: which sections are due, and all of them in one turn.

With ``webhooks`` the only writer of the mirror. Each section stands alone: one that fails keeps
its last good rows, says why in its ``Feed``, and stops no other. A section comes round as often as
it should, and less often where that would cost too many requests a minute.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import InterfaceError, OperationalError
from django.db.models import Q
from django.utils import timezone

from pagerduty_card.accounts import Account
from pagerduty_card.errors import PagerDutyError, Unreadable
from pagerduty_card.freshness import AHEAD
from pagerduty_card.models import Delivery, EscalationPolicy, Feed, Service, TriggeredIncident
from pagerduty_card.reconciling import note_refusal, reconcile
from pagerduty_card.reporting import Report, log_failure
from pagerduty_card.syncing import insights, on_call, past, sections
from pagerduty_card.syncing.mapped_services import follow_catalog
from pagerduty_card.wire.client import PagerDutyClient

logger = logging.getLogger(__name__)

# A turn that comes this much early still counts. The worker looks for work every 10 s at most, so
# that turns are up to that much late, and the next one on time would be missed.
_TOLERANCE = timedelta(seconds=12)


class Lane(StrEnum):
    """Sections that wait for one another; those of the other lane are not held up by them."""

    INCIDENTS = "incidents"
    REST = "rest"


def turn_of(account: Account, lane: Lane) -> str:
    """The lease of whoever mirrors an account in a lane."""
    return f"pagerduty:syncing:{lane}:{account.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of an account.

    Attributes:
        kind: A ``Feed.Kind``.
        every: How often it is asked for.
        run: Asks, stores the rows, and marks the feed; raises a ``PagerDutyError``. What it
            returns, if anything, is how many requests the answer took that is under way over
            several turns.
        per_minute: Requests a minute that it may cost; it comes less often where it costs more.
        at_most: How long it is put off for that.
        wants_more: Whether it has to come at once, because of what has happened or is unfinished.
        lane: In whose turn it comes.
    """

    kind: str
    every: timedelta
    run: Callable[[Account, PagerDutyClient], int | None]
    per_minute: int = 60
    at_most: timedelta = timedelta(minutes=15)
    wants_more: Callable[[Account, datetime], bool] | None = None
    lane: Lane = Lane.REST

    def interval(self, requests: int) -> timedelta:
        """From one answer to the next, if one takes so many requests."""
        paced = timedelta(minutes=requests / self.per_minute)
        return max(self.every, min(paced, self.at_most))


def _on_call_moved(account: Account, now: datetime) -> bool:
    asked_at = sections.asked_at_of(account).get(Feed.Kind.ON_CALL)
    return asked_at is not None and on_call.has_moved(account, asked_at, now)


# In the order in which they are asked for: the services first, the rest is about them.
SECTIONS = (
    Section(
        kind=Feed.Kind.SERVICES,
        every=timedelta(minutes=10),
        run=sections.sync_services,
        at_most=timedelta(minutes=20),
    ),
    Section(
        kind=Feed.Kind.INCIDENTS,
        every=timedelta(seconds=20),
        run=sections.sync_incidents,
        per_minute=180,
        at_most=timedelta(seconds=30),
        lane=Lane.INCIDENTS,
    ),
    Section(
        kind=Feed.Kind.ON_CALL,
        every=timedelta(seconds=60),
        run=on_call.sync_on_calls,
        per_minute=120,
        at_most=timedelta(minutes=4),
        wants_more=_on_call_moved,
    ),
    Section(
        kind=Feed.Kind.MAINTENANCE,
        every=timedelta(seconds=60),
        run=sections.sync_maintenance,
        at_most=timedelta(minutes=5),
    ),
    Section(
        kind=Feed.Kind.CHANGES,
        every=timedelta(seconds=60),
        run=sections.sync_changes,
        per_minute=30,
        at_most=timedelta(minutes=4),
    ),
    Section(
        kind=Feed.Kind.SHIFTS,
        every=timedelta(minutes=10),
        run=on_call.sync_shifts,
        per_minute=2 * on_call.REQUESTS_PER_TURN,
        at_most=timedelta(hours=2),
        wants_more=on_call.wants_shifts,
    ),
    Section(
        kind=Feed.Kind.HISTORY,
        every=timedelta(minutes=5),
        run=past.sync_history,
        wants_more=past.wants_history,
    ),
    Section(
        kind=Feed.Kind.ACKNOWLEDGEMENTS,
        every=timedelta(minutes=5),
        run=past.sync_acknowledgements,
    ),
    Section(
        kind=Feed.Kind.ANALYTICS,
        every=insights.EVERY,
        run=insights.sync_analytics,
        at_most=insights.EVERY,
    ),
    Section(
        kind=Feed.Kind.STANDARDS,
        every=insights.EVERY,
        run=insights.sync_standards,
        at_most=insights.EVERY,
    ),
)


def sync_account(
    account: Account,
    client: PagerDutyClient,
    *,
    kinds: Collection[str] | None = None,
    reconciles: bool = True,
) -> Report:
    """Mirror a whole account with as few requests as it takes.

    Args:
        account: Which one.
        client: Asks; its quota rules decide whether it may.
        kinds: The sections; None means all.
        reconciles: Whether the incidents of accepted attempts to page are looked for.
    """
    report = Report(account=account.name)
    refused: PagerDutyError | None = None
    for section in SECTIONS:
        if kinds is not None and section.kind not in kinds:
            continue
        if refused:
            report.note_failed(section.kind, refused)
            continue
        before = client.requests_sent
        try:
            sweep = section.run(account, client)
        except PagerDutyError as exc:
            report.note_failed(section.kind, exc)
            # The token is refused everywhere: one request says so, four would not say more.
            refused = exc if exc.reason == "token" else None
        except (OperationalError, InterfaceError):
            raise  # the database's fault, not the section's
        except Exception as exc:  # one that nobody foresaw must not hold up those behind it
            logger.exception("section not mirrored", extra={"account": account.name})
            cause = Unreadable(f"{type(exc).__name__} while it was stored")
            report.note_failed(section.kind, cause)
        else:
            took = client.requests_sent - before if sweep is None else sweep
            Feed.objects.note_requests(account.name, section.kind, took)
            report.done.append(str(section.kind))
    if reconciles and refused:
        note_refusal(account.name, refused)
    elif reconciles:
        reconcile(client, TriggeredIncident.objects.all())
    report.requests = client.requests_sent
    has_acted = report.done or report.failed or report.requests
    logger.log(
        logging.INFO if has_acted else logging.DEBUG,
        "pagerduty mirrored",
        extra={
            "account": account.name,
            "done": report.done,
            "failed": {kind: exc.reason for kind, exc in report.failed.items()},
            "requests": report.requests,
        },
    )
    return report


def sync_due(account: Account, lanes: Iterable[Lane] = tuple(Lane)) -> Report:
    """Mirror those sections of the account whose turn it is, in these lanes; for the worker."""
    given = set(lanes)
    with PagerDutyClient(account, background=True) as client:
        forget_future(account)
        lists_services = Lane.REST in given and _follow_catalog(account, client)
        now = timezone.now()
        kinds = set(due_kinds(account, now, given))
        if lists_services:
            kinds.add(Feed.Kind.SERVICES.value)
        return sync_account(account, client, kinds=kinds, reconciles=Lane.INCIDENTS in given)


def forget_future(account: Account) -> None:
    """Where the clock was put back, begin anew: else nothing is due until it is there again.

    All that time every section would count as fresh.
    """
    now = timezone.now()
    feeds = Feed.objects.filter(account=account.name)
    marked = feeds.filter(Q(asked_at__gt=now + AHEAD) | Q(failed_at__gt=now + AHEAD))
    if not marked.exists():
        return
    logger.warning("the clock was put back", extra={"account": account.name})
    marked.delete()
    for model, column in (
        (Service, "mirrored_at"),
        (EscalationPolicy, "mirrored_at"),
        (Delivery, "received_at"),
    ):
        rows = model._default_manager.filter(account=account.name)
        rows.filter(**{f"{column}__gt": now}).update(**{column: now})


def _follow_catalog(account: Account, client: PagerDutyClient) -> bool:
    try:
        return follow_catalog(account, client)
    except PagerDutyError as exc:
        log_failure(account.name, "newly mapped services", exc)
        return False


def due_kinds(account: Account, now: datetime, lanes: Collection[Lane] = tuple(Lane)) -> list[str]:
    """The sections whose last good answer is older than their cadence, or that need another look.

    On-call is also due when a shift has ended since, or a policy or a service became known since.
    """
    feeds = {
        feed.kind: feed for feed in Feed.objects.filter(account=account.name, service_pd_id="")
    }
    due = []
    for section in SECTIONS:
        if section.lane not in lanes:
            continue
        feed = feeds.get(section.kind)
        at = feed.asked_at if feed else None
        if (
            feed is None
            or at is None
            or now >= next_at(section, feed)
            or (section.wants_more and section.wants_more(account, now))
        ):
            due.append(str(section.kind))
    return due


def unfinished(account: Account, kinds: Collection[str]) -> list[str]:
    """Those of the sections that were asked for and have more to ask at once."""
    now = timezone.now()
    return [
        str(section.kind)
        for section in SECTIONS
        if section.kind in kinds and section.wants_more and section.wants_more(account, now)
    ]


def next_at(section: Section, feed: Feed) -> datetime:
    """When the section of a feed with a good answer comes round again, at the earliest (UTC)."""
    interval = section.interval(feed.requests)
    return (feed.asked_at or timezone.now()) + interval - min(_TOLERANCE, interval / 3)
