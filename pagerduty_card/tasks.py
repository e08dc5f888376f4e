"""What the worker does for PagerDuty while nobody looks."""

import logging
import threading

from django.core.cache import cache
from django.db import connections
from django.utils import timezone

from pagerduty_card import retrying
from pagerduty_card.accounts import Account, configured_accounts
from pagerduty_card.inbox import Delivery
from pagerduty_card.syncing.accounts import sync_due
from pagerduty_card.webhooks import subscribing
from pagerduty_card.webhooks.applying import apply_waiting
from portal.tasks import every

logger = logging.getLogger(__name__)

# Shorter than the time to the next turn, so that an account that hangs holds up no other's.
_WAIT_S = 25.0
# A worker that dies leaves an account's turn open no longer than this.
_TURN_ENDS_AFTER_S = 120


@every(seconds=30)
def sync_accounts() -> None:
    """Mirror what is due of every account that has credentials.

    Each account has a thread: one that does not answer must not make the others old.
    """
    accounts = list(configured_accounts().values())
    if len(accounts) == 1:
        sync_due(accounts[0])
        return
    turns = [
        threading.Thread(target=_take_turn, args=(account,), daemon=True) for account in accounts
    ]
    for turn in turns:
        turn.start()
    for turn in turns:
        turn.join(_WAIT_S)


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
def forget_deliveries() -> None:
    """Delete deliveries that are older than PagerDuty repeats any."""
    Delivery.objects.filter(received_at__lt=timezone.now() - Delivery.KEPT).exclude(
        state=Delivery.State.WAITING
    ).delete()


def _take_turn(account: Account) -> None:
    """Mirror one account, unless its last turn is still under way."""
    flight = f"pagerduty:syncing:{account.name}"
    if not cache.add(flight, 1, _TURN_ENDS_AFTER_S):
        return
    try:
        sync_due(account)
    except Exception:
        logger.exception("account not mirrored", extra={"account": account.name})
    finally:
        cache.delete(flight)
        connections.close_all()
