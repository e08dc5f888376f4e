"""A delivery that is signed: stored at once, applied by the worker."""

import logging
from datetime import timedelta

from django.core.cache import cache
from django.db.models import F
from django.utils import timezone

from pagerduty_card.accounts import Account
from pagerduty_card.errors import Unreadable
from pagerduty_card.models.inbox import Delivery, Inbox
from pagerduty_card.webhooks import events
from portal.tasks import run_task
from portal.throttle import Throttle

logger = logging.getLogger(__name__)

# By name: the periodic work of ``pagerduty_card.tasks`` that applies what waits.
_WORK = "pagerduty_card.tasks.apply_deliveries"
# A burst wakes the worker a few times at once and then once a second.
_WAKINGS = Throttle("pagerduty-webhooks-wake", limit=5, period_s=1)
_PAUSE_S = 1
# Strangers reach this door: what they send costs one write a minute.
_REFUSALS = Throttle("pagerduty-webhooks-refused", limit=1, period_s=60)
_REFUSED_KEPT_S = 24 * 3600
# PagerDuty repeats a delivery for two days; clocks differ.
MAX_AGE = timedelta(days=3)
_MAX_AHEAD = timedelta(hours=2)  # more than a clock that is an hour behind


def receive(account: str, body: bytes) -> None:
    """Keep one signed delivery, unless it is kept already, and wake the worker.

    One insert; the worker's queue may be out of order, then its next round finds the row.
    """
    Delivery.objects.bulk_create(
        [
            Delivery(
                account=account,
                event_id=events.id_in(body),
                # PostgreSQL stores no NUL, and JSON has none.
                body=body.decode(errors="replace").replace("\x00", ""),
                received_at=timezone.now(),
            )
        ],
        ignore_conflicts=True,
    )
    try:
        _wake()
    except Exception:  # whatever the queue raises: the delivery is stored and not lost
        logger.exception("worker not woken for a webhook", extra={"account": account})


def is_too_old(body: bytes) -> bool:
    """Whether a signed event is out of its time: somebody may send again what they once saw."""
    try:
        at = events.read(body.decode(errors="replace")).occurred_at
    except Unreadable:
        return False  # kept, so that the doctor can say that something cannot be read
    age = timezone.now() - at
    return age > MAX_AGE or age < -_MAX_AHEAD


def note_no_secret(account: Account | None, name: str) -> None:
    """Note a delivery that nothing here can verify.

    Args:
        account: The one with that name, without a secret; None where there is none.
        name: As the address has it: a stranger may have made it up.
    """
    if account is not None and not account.is_unset:
        note_refused(account.name, why="no secret is configured for the account")
    elif not _REFUSALS.take(""):
        logger.warning("webhook refused: no such account", extra={"account": name[:64]})


def note_refused(account: str, *, why: str = "the signature is missing or wrong") -> None:
    """Count a delivery that could not be verified; write and log that once a minute."""
    key = f"pagerduty:webhooks:refused:{account}"
    cache.add(key, 0, _REFUSED_KEPT_S)
    try:
        count = cache.incr(key)
    except ValueError:  # dropped meanwhile
        count = 1
    if not _REFUSALS.take(account):
        cache.delete(key)
        Inbox.objects.get_or_create(account=account)
        Inbox.objects.filter(account=account).update(
            refused_count=F("refused_count") + count, refused_at=timezone.now()
        )
        logger.warning("webhook refused: %s", why, extra={"account": account})


def _wake() -> None:
    if not _WAKINGS.take(""):
        run_task.enqueue(_WORK)
    elif cache.add("pagerduty:webhooks:woken-later", 1, _PAUSE_S):
        # Whatever comes while this is planned was stored before it runs.
        run_task.using(run_after=timezone.now() + timedelta(seconds=_PAUSE_S)).enqueue(_WORK)
