"""One attempt to page, from its row to PagerDuty and back: by whoever has taken its turn.

A row is sent by one process at a time, and what was accepted is never taken back. PagerDuty folds
events with one ``dedup_key`` as long as their alert is open, and no longer: ``docs/adr/0011``.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from catalog.models import Entity
from pagerduty_card.accounts import all_accounts
from pagerduty_card.domain import ApiLink, Severity
from pagerduty_card.errors import (
    PagerDutyError,
    Refused,
    Rejected,
    Throttled,
    Unreachable,
    Unreadable,
)
from pagerduty_card.fields import web_url
from pagerduty_card.mapping.keys import same_key
from pagerduty_card.mapping.resolving import Mapped, resolve, targets_of
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.wire.alerts import TriggerEvent
from pagerduty_card.wire.client import PagerDutyClient

logger = logging.getLogger(__name__)

BUDGET_S = 8.0
# What an alert takes along from the catalog; with what a person typed it stays far below 512 kB.
_MAX_RUNBOOKS = 19
_MAX_HREF = 1000
_MAX_TEXT = 255

_State = TriggeredIncident.State
# What an acceptance may follow: nothing is ever taken back from these.
_OPEN = (_State.SENDING, _State.RETRYING, _State.UNSURE, _State.FAILED)


class CannotPage(Exception):
    """Nobody can be paged through this target; the message says why, for the reader."""


def check(mapped: Mapped) -> None:
    """See whether a service can be paged at all.

    Raises:
        CannotPage: It cannot.
    """
    if not mapped.can_page:
        raise CannotPage(mapped.paging.text)


def service_of(attempt: TriggeredIncident, entity: Entity) -> Mapped:
    """Find anew the service that an attempt was made for, with the key it was first sent with.

    The key itself is never stored.

    Raises:
        CannotPage: The entity names it no more, or it cannot be paged with that key any more.
    """
    for mapped in resolve(targets_of(entity)):
        # One that was known by its key alone may have become known since.
        is_by_key = not attempt.service_pd_id and not mapped.target.service_pd_id
        if mapped.target.account == attempt.account and (
            mapped.service_pd_id == attempt.service_pd_id or is_by_key
        ):
            check(mapped)
            return _with_first_key(attempt, mapped)
    raise CannotPage(f"{entity.ref} does not name the service {attempt.service_name} any more.")


def _with_first_key(attempt: TriggeredIncident, mapped: Mapped) -> Mapped:
    if not attempt.key_digest:  # of an earlier version
        return mapped
    key = same_key(mapped.target, mapped.service, attempt.key_digest)
    if not key:
        raise CannotPage(
            f"The integration key {attempt.key_masked} that this page was sent with does not "
            f"belong to the service {attempt.service_name} any more. It was not sent again with "
            "another key: that could page twice."
        )
    return replace(mapped, paging=replace(mapped.paging, key=key))


def take_turn(
    attempt: TriggeredIncident, now: datetime, *, retry_until: datetime | None = None
) -> bool:
    """Whether this process may send the attempt now; only one of several may.

    The given attempt keeps the state that it had, which tells what was known of it.

    Args:
        attempt: As it was read.
        now: The instant (UTC).
        retry_until: Until when the worker shall go on (UTC); None leaves that as it is.
    """
    if attempt.state == _State.SENDING and not attempt.is_lost(now):
        return False
    taken = TriggeredIncident.objects.filter(
        pk=attempt.pk, state=attempt.state, attempts=attempt.attempts
    ).update(
        state=_State.SENDING,
        attempts=attempt.attempts + 1,
        may_resend=False,
        answered_at=now,
        retry_until=retry_until or attempt.retry_until,
    )
    if taken:
        attempt.attempts += 1
        attempt.retry_until = retry_until or attempt.retry_until
    return taken == 1


def send(
    attempt: TriggeredIncident,
    entity: Entity,
    mapped: Mapped,
    *,
    pauses_s: Sequence[float] = (),
) -> None:
    """Send what was written down until PagerDuty accepts or refuses; note the outcome.

    Args:
        attempt: New, or one whose turn was taken.
        entity: Whose page it was made on.
        mapped: The service to page, of ``service_of`` unless the attempt is new.
        pauses_s: Seconds to wait before each further try; 8 s are spent at most on sending.

    Raises:
        Rejected: PagerDuty finds a mistake in the alert, and has not taken it by an earlier try;
            this is noted too.
    """
    # A first turn of its own, or what earlier ones came to: nobody can take back "perhaps".
    maybe_taken = attempt.state == _State.UNSURE or (
        attempt.state == _State.SENDING and attempt.attempts > 1
    )
    began = time.monotonic()
    client = PagerDutyClient(all_accounts()[mapped.target.account], total_budget_s=BUDGET_S)
    event = alert_of(attempt, entity, mapped)
    failure = PagerDutyError()
    try:
        for pause_s in (0.0, *pauses_s):
            time.sleep(pause_s)
            try:
                answer = client.enqueue(event)
            except Rejected as exc:
                failure = exc
                if maybe_taken:
                    break
                _note_failure(attempt, exc, maybe_taken=False)
                raise
            except (Unreachable, Throttled) as exc:
                maybe_taken = maybe_taken or (isinstance(exc, Unreachable) and exc.maybe_taken)
                failure = exc
            except PagerDutyError as exc:
                maybe_taken = maybe_taken or isinstance(exc, Unreadable)
                failure = exc
                break
            else:
                _note_accepted(attempt, answer)
                return
    except Rejected:
        raise
    except BaseException:
        # Whatever happened, nobody may be left believing that it is still being sent.
        lost = PagerDutyError("The portal failed while sending.")
        _note_failure(attempt, lost, maybe_taken=True)
        raise
    finally:
        client.__exit__()
        _note_sent_at(attempt, client, began)
    _note_failure(attempt, failure, maybe_taken=maybe_taken)


def give_up(attempt: TriggeredIncident, why: str) -> bool:
    """End an attempt that is not sent any more; whether it was this process that ended it.

    What PagerDuty surely never took has failed; what it may have taken stays unsure.

    Args:
        attempt: As it was read.
        why: Why it can never be sent again, for the reader. Empty: its time is up; what the last
            try was answered stays, and a person may send it again.
    """
    states = {_State.RETRYING: _State.FAILED, _State.FAILED: _State.FAILED}
    changed: dict[str, object] = {"answer": why[:500]} if why else {}
    ended = TriggeredIncident.objects.filter(
        pk=attempt.pk, state=attempt.state, attempts=attempt.attempts
    ).update(
        state=states.get(_State(attempt.state), _State.UNSURE),
        retry_until=None,
        may_resend=not why,
        **changed,
    )
    return ended == 1


def alert_of(attempt: TriggeredIncident, entity: Entity, mapped: Mapped) -> TriggerEvent:
    """The alert that an attempt stands for: one key, one alert, whenever it is sent."""
    page = f"{settings.PORTAL_URL}{entity.get_absolute_url()}"
    user = attempt.triggered_by
    told = {
        "triggered by": attempt.triggered_by_name,
        "e-mail": user.email if user else "",
        "entity": _shortened(entity.ref),
        "owner": _shortened(entity.owner_ref),
        "details": attempt.details.strip(),
    }
    return TriggerEvent(
        routing_key=mapped.routing_key,
        dedup_key=attempt.dedup_key,
        summary=attempt.description,
        source=_shortened(entity.ref),
        severity=Severity(attempt.severity),
        event_class="manual trigger",
        custom_details={key: value for key, value in told.items() if value},
        client=settings.PORTAL_NAME,
        client_url=page,
        links=(ApiLink(href=page, text=_shortened(entity.display_name)), *_runbooks(entity)),
    )


def _runbooks(entity: Entity) -> list[ApiLink]:
    """The entity's links that call themselves runbook, by type, icon or title.

    PagerDuty refuses an alert with over 50 links or 512 kB: the first few are sent, each once. An
    address that is too long is left out, because a part of it would lead elsewhere.
    """
    links = entity.metadata.get("links")
    found: dict[str, ApiLink] = {}
    for link in links if isinstance(links, list) else []:
        if not isinstance(link, dict):
            continue
        words = " ".join(str(link.get(key) or "") for key in ("type", "icon", "title")).lower()
        href = web_url(link.get("url")) if "runbook" in words else ""
        if href and len(href) <= _MAX_HREF:
            text = _shortened(str(link.get("title") or "Runbook"))
            found.setdefault(href, ApiLink(href=href, text=text))
        if len(found) == _MAX_RUNBOOKS:
            break
    return list(found.values())


def _shortened(text: str) -> str:
    """A text of the catalog as far as an alert takes it along; a mark says where it was cut."""
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}\u2026"


def _note_sent_at(attempt: TriggeredIncident, client: PagerDutyClient, began: float) -> None:
    """Note when the attempt was first sent, by PagerDuty's clock, where an answer told that.

    Args:
        attempt: Just sent.
        client: That sent it.
        began: Monotonic time before its first request: a clock that is put forward or back
            meanwhile changes nothing.
    """
    if attempt.attempts > 1 or client.events_clock is None:
        return
    sent_at = client.events_clock - timedelta(seconds=time.monotonic() - began)
    TriggeredIncident.objects.filter(pk=attempt.pk).update(sent_at=sent_at)


def _note_accepted(attempt: TriggeredIncident, answer: str) -> None:
    """Note that PagerDuty has it; that is so whatever another process believed meanwhile."""
    TriggeredIncident.objects.filter(pk=attempt.pk, state__in=_OPEN).update(
        state=_State.ACCEPTED,
        answer=answer[:500],
        answered_at=timezone.now(),
        may_resend=False,
        retry_until=None,
    )
    _log(attempt, _State.ACCEPTED, None)


def _note_failure(attempt: TriggeredIncident, error: PagerDutyError, *, maybe_taken: bool) -> None:
    """Note what this turn came to, unless the attempt has gone on without it."""
    now = timezone.now()
    is_final = isinstance(error, Rejected | Refused) or not attempt.retried_until(now)
    state = _State.RETRYING
    if maybe_taken:
        state = _State.UNSURE
    elif is_final:
        state = _State.FAILED
    TriggeredIncident.objects.filter(
        pk=attempt.pk, state=_State.SENDING, attempts=attempt.attempts
    ).update(
        state=state,
        answer=error.detail[:500],
        answered_at=now,
        may_resend=not isinstance(error, Rejected),
        retry_until=None if is_final else attempt.retry_until,
    )
    _log(attempt, state, error)


def _log(
    attempt: TriggeredIncident, state: TriggeredIncident.State, error: PagerDutyError | None
) -> None:
    logger.info(
        "incident trigger attempt",
        extra={
            "outcome": state.value,
            "attempt": attempt.attempts,
            "reason": error.reason if error else "",
            "dedup_key": attempt.dedup_key,
            "entity": attempt.entity_ref,
            "service": attempt.service_pd_id,
            "user_id": attempt.triggered_by_id,
            "pagerduty_request_id": error.request_id if error else "",
        },
    )
