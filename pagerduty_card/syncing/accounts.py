"""A whole account in bulk: which sections are due, and all of them in one turn.

With ``webhooks`` the only writer of the mirror. Each section stands alone: one that fails keeps
its last good rows, says why in its ``Feed``, and stops no other.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from pagerduty_card.accounts import Account
from pagerduty_card.client import PagerDutyClient
from pagerduty_card.errors import PagerDutyError
from pagerduty_card.models import EscalationPolicy, Feed, OnCall, TriggeredIncident
from pagerduty_card.reconciling import reconcile
from pagerduty_card.reporting import Report
from pagerduty_card.syncing import sections

logger = logging.getLogger(__name__)

# A turn that comes this much early still counts. The worker looks for work every 10 s at most, so
# that turns are up to that much late, and the next one on time would be missed.
_TOLERANCE = timedelta(seconds=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of an account.

    Attributes:
        kind: A ``Feed.Kind``.
        every: How often it is asked for.
        run: Asks, stores the rows, and marks the feed; raises a ``PagerDutyError``.
    """

    kind: str
    every: timedelta
    run: Callable[[Account, PagerDutyClient], None]


# In the order in which they are asked for.
SECTIONS = (
    Section(kind=Feed.Kind.SERVICES, every=timedelta(minutes=10), run=sections.sync_services),
    Section(kind=Feed.Kind.INCIDENTS, every=timedelta(seconds=30), run=sections.sync_incidents),
    Section(kind=Feed.Kind.ON_CALL, every=timedelta(seconds=60), run=sections.sync_on_calls),
    Section(kind=Feed.Kind.CHANGES, every=timedelta(seconds=60), run=sections.sync_changes),
)


def sync_account(
    account: Account, client: PagerDutyClient, *, kinds: Collection[str] | None = None
) -> Report:
    """Mirror a whole account with as few requests as it takes.

    Args:
        account: Which one.
        client: Asks; its quota rules decide whether it may.
        kinds: The sections; None means all.
    """
    report = Report(account=account.name)
    refused: PagerDutyError | None = None
    for section in SECTIONS:
        if kinds is not None and section.kind not in kinds:
            continue
        try:
            if refused:
                raise refused
            section.run(account, client)
        except PagerDutyError as exc:
            report.note_failed(section.kind, exc)
            # The token is refused everywhere: one request says so, four would not say more.
            refused = exc if exc.reason == "token" else None
        else:
            report.done.append(str(section.kind))
    if not refused:
        reconcile(client, TriggeredIncident.objects.all())
    report.requests = client.requests_sent
    logger.info(
        "pagerduty mirrored",
        extra={
            "account": account.name,
            "done": report.done,
            "failed": {kind: exc.reason for kind, exc in report.failed.items()},
            "requests": report.requests,
        },
    )
    return report


def sync_due(account: Account) -> Report:
    """Mirror those sections of the account whose turn it is; for the worker, every 30 s."""
    with PagerDutyClient(account, background=True) as client:
        return sync_account(account, client, kinds=due_kinds(account, timezone.now()))


def due_kinds(account: Account, now: datetime) -> list[str]:
    """The sections whose last good answer is older than their cadence, or that need another look.

    On-call is also due when a shift has ended since, or a policy became known since.
    """
    asked = sections.asked_at_of(account)
    due = []
    for section in SECTIONS:
        at = asked.get(section.kind)
        if at is None or now - at >= section.every - _TOLERANCE:
            due.append(str(section.kind))
    at = asked.get(Feed.Kind.ON_CALL)
    if at and Feed.Kind.ON_CALL.value not in due and _on_call_moved(account, at, now):
        due.append(Feed.Kind.ON_CALL.value)
    return due


def _on_call_moved(account: Account, asked_at: datetime, now: datetime) -> bool:
    handover = OnCall.objects.next_handover(account.name, asked_at)
    policies = EscalationPolicy.objects.filter(account=account.name, mirrored_at__gt=asked_at)
    return bool(handover and handover <= now) or policies.exists()
