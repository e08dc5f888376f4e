"""What the worker does for attempts to page that PagerDuty has not taken: it sends them again.

Whatever may have been taken is looked for before it is sent again, and is not sent while that is
not possible: a key whose incident was resolved meanwhile would open another one. The reasons are in
``docs/adr/0011``.
"""

import logging
import time
from enum import Enum, auto

from django.utils import timezone

from catalog.models import Entity
from pagerduty_card.accounts import all_accounts
from pagerduty_card.errors import PagerDutyError, Rejected
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.paging import sending
from pagerduty_card.reconciling import find_incident, note_search
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
    TriggeredIncident.objects.follow_clock(timezone.now())
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
    search = Search.NOT_FOUND if attempt.state == state.RETRYING else look_for(attempt)
    if search is Search.FOUND:
        return False
    if not attempt.retried_until(now):
        sending.give_up(attempt, "")
        return False
    if search is Search.FAILED:
        return False  # it may have been taken: the next turn looks again
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


class Search(Enum):
    """What looking for the incident of an attempt came to."""

    FOUND = auto()
    NOT_FOUND = auto()
    FAILED = auto()


def look_for(attempt: TriggeredIncident) -> Search:
    """Look for the incident of an attempt that may have been taken, and note what that came to."""
    account = all_accounts().get(attempt.account)
    if account is None or account.problem:
        note_search(attempt, "The configuration of its PagerDuty account has a mistake.")
        return Search.FAILED
    try:
        with PagerDutyClient(account, total_budget_s=_LOOKING_S) as client:
            return Search.FOUND if find_incident(client, attempt) else Search.NOT_FOUND
    except PagerDutyError:
        return Search.FAILED
