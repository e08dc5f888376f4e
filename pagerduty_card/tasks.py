"""What the worker does for PagerDuty while nobody looks."""

import logging
import threading
import time
from datetime import timedelta

from django.conf import settings
from django.db import connections
from django.utils import timezone

from pagerduty_card.accounts import Account, configured_accounts
from pagerduty_card.models import Delivery, MappingChange, TriggeredIncident
from pagerduty_card.overview import snapshot
from pagerduty_card.paging import retrying
from pagerduty_card.syncing.accounts import Lane, sync_due, turn_of
from pagerduty_card.webhooks import subscribing
from pagerduty_card.webhooks.applying import apply_waiting
from portal.leases import lease
from portal.tasks import every

logger = logging.getLogger(__name__)

# So long one run waits for the accounts; one that takes longer goes on by itself.
_WAIT_S = 15.0


@every(seconds=20)
def sync_incidents() -> None:
    """Mirror the open incidents of every account that has credentials, whatever else goes on.

    Then count them for the header, which asks nobody.
    """
    _take_turns(Lane.INCIDENTS)
    snapshot.refresh(timezone.now())


@every(seconds=30)
def sync_accounts() -> None:
    """Mirror what else is due of every account that has credentials."""
    _take_turns(Lane.REST)


@every(seconds=retrying.PERIOD_S)
def retry_waiting() -> None:
    """Send again what PagerDuty has not taken of the attempts to page somebody."""
    retrying.retry_waiting()


@every(seconds=10)
def apply_deliveries() -> None:
    """Apply what webhooks delivered; each delivery also wakes this at once."""
    apply_waiting()


@every(seconds=900)
def look_at_subscriptions() -> None:
    """Learn whether PagerDuty still delivers: it gives up after a few refused deliveries."""
    subscribing.look_at_all()


@every(seconds=3600)
def forget_old_rows() -> None:
    """Delete deliveries, applications of the mapping page and settled pages after their time."""
    now = timezone.now()
    Delivery.objects.filter(received_at__lt=now - Delivery.kept()).exclude(
        state=Delivery.State.WAITING
    ).delete()
    if settings.PAGERDUTY_MAPPING_CHANGE_DAYS > 0:
        kept = timedelta(days=settings.PAGERDUTY_MAPPING_CHANGE_DAYS)
        MappingChange.objects.filter(made_at__lt=now - kept).delete()
    if settings.PAGERDUTY_PAGE_RECORD_DAYS > 0:
        kept = timedelta(days=settings.PAGERDUTY_PAGE_RECORD_DAYS)
        TriggeredIncident.objects.filter(triggered_at__lt=now - kept, retry_until=None).delete()


def _take_turns(lane: Lane) -> None:
    """Give every account its turn in a lane.

    Each has a thread: one that does not answer must not make the others old.
    """
    accounts = list(configured_accounts().values())
    if len(accounts) == 1:
        _take_turn(accounts[0], lane)
        return
    turns = [
        threading.Thread(target=_take_turn_of_its_own, args=(account, lane), daemon=True)
        for account in accounts
    ]
    for turn in turns:
        turn.start()
    until = time.monotonic() + _WAIT_S
    for turn in turns:
        turn.join(max(0.0, until - time.monotonic()))


def _take_turn_of_its_own(account: Account, lane: Lane) -> None:
    try:
        _take_turn(account, lane)
    except Exception:
        logger.exception("account not mirrored", extra={"account": account.name, "lane": lane})
    finally:
        connections.close_all()


def _take_turn(account: Account, lane: Lane) -> None:
    """Mirror what is due of one account in a lane, unless its last turn is still under way."""
    with lease(turn_of(account, lane)) as is_held:
        if is_held:
            sync_due(account, [lane])
