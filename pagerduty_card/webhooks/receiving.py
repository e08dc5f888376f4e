"""A delivery that is signed: stored at once, applied by the worker."""

import logging
from datetime import timedelta

from django.core.cache import cache
from django.db.models import F
from django.utils import timezone

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
_REFUSALS = Throttle("pagerduty-webhooks-refused", limit=60, period_s=60)


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


def note_refused(account: str) -> None:
    """Count a delivery with a missing or wrong signature, at most 60 a minute."""
    if not _REFUSALS.take(account):
        Inbox.objects.get_or_create(account=account)
        Inbox.objects.filter(account=account).update(
            refused_count=F("refused_count") + 1, refused_at=timezone.now()
        )


def _wake() -> None:
    if not _WAKINGS.take(""):
        run_task.enqueue(_WORK)
    elif cache.add("pagerduty:webhooks:woken-later", 1, _PAUSE_S):
        # Whatever comes while this is planned was stored before it runs.
        run_task.using(run_after=timezone.now() + timedelta(seconds=_PAUSE_S)).enqueue(_WORK)
