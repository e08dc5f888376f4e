"""What the worker does for attempts to page that PagerDuty has not taken: it sends them again.

Whatever may have been taken is looked for before it is sent again, for a key whose incident was
resolved meanwhile would open another one.
"""

import logging
import time

from django.utils import timezone

from catalog.models import Entity
from pagerduty_card.accounts import all_accounts
from pagerduty_card.errors import PagerDutyError, Rejected
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.paging import sending
from pagerduty_card.reconciling import find_incident
from pagerduty_card.wire.client import PagerDutyClient

logger = logging.getLogger(__name__)

PERIOD_S = 20
# A turn ends before the next one begins: the attempt that was tried longest ago goes first.
_TURN_S = 15.0
_LOOKING_S = 4.0


def retry_waiting() -> int:
    """Send again what waits for it, each once; end what has waited long enough.

    Returns:
        How many attempts were sent.
    """
    until, sent = time.monotonic() + _TURN_S, 0
    for attempt in TriggeredIncident.objects.waiting_to_be_sent():
        if time.monotonic() >= until:
            break
        try:
            sent += _retry(attempt)
        except Exception:
            # One that cannot be sent must not keep the others from it.
            logger.exception("attempt not retried", extra={"dedup_key": attempt.dedup_key})
    return sent


def _retry(attempt: TriggeredIncident) -> bool:
    """Do what one attempt needs now; whether it was sent."""
    now = timezone.now()
    state = TriggeredIncident.State
    if attempt.state == state.SENDING and not attempt.is_lost(now):
        return False
    if attempt.state != state.RETRYING and _is_there(attempt):
        return False
    if not attempt.is_retried(now):
        sending.give_up(attempt, "")
        return False
    entity = Entity.objects.filter(ref=attempt.entity_ref).first()
    if entity is None:
        sending.give_up(attempt, f"The catalog has no {attempt.entity_ref} any more.")
        return False
    try:
        mapped = sending.service_of(attempt, entity)
    except sending.CannotPage as exc:
        sending.give_up(attempt, str(exc))
        return False
    if not sending.take_turn(attempt, now):
        return False
    try:
        sending.send(attempt, entity, mapped)
    except Rejected:
        logger.info("retried attempt rejected", extra={"dedup_key": attempt.dedup_key})
    return True


def _is_there(attempt: TriggeredIncident) -> bool:
    """Whether an attempt that may have been taken has led to an incident; that is noted then."""
    account = all_accounts().get(attempt.account)
    if account is None or account.problem:
        return False
    try:
        with PagerDutyClient(account, total_budget_s=_LOOKING_S) as client:
            return find_incident(client, attempt)
    except PagerDutyError:
        return False  # not known: sending it again is safe while its alert is open
