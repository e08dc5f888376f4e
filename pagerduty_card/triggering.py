"""The one use case that pages a person.

An attempt is written down before PagerDuty is called and completed after, and its ``dedup_key``,
made when the form was shown, is unique: a double click, a reload or a repetition after a lost
answer never pages twice.
"""

import logging
import time
import uuid
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from catalog.models import Entity
from pagerduty_card.accounts import all_accounts
from pagerduty_card.alerts import TriggerEvent
from pagerduty_card.client import PagerDutyClient
from pagerduty_card.domain import Link, Severity
from pagerduty_card.errors import PagerDutyError, Rejected, Throttled, Unreachable, Unreadable
from pagerduty_card.mapping import Mapped
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.wire import web_url
from portal.throttle import Throttle

logger = logging.getLogger(__name__)

PERMISSION = "pagerduty_card.trigger_incident"
MAX_DESCRIPTION_LENGTH = 1024
LIMIT = Throttle("pagerduty-trigger", limit=5, period_s=600)
SEND_BUDGET_S = 8.0
# Waits before the second and the third try.
_PAUSES_S = (0.5, 1.5)
# A process that still sends after this long is dead.
_SENDING_ENDS_WITHIN = timedelta(seconds=60)

_State = TriggeredIncident.State


class NotAllowed(Exception):
    """The person may not trigger incidents."""


class TooMany(Exception):
    """The person has triggered too many incidents lately.

    Attributes:
        retry_in_s: Seconds until the next one is allowed.
    """

    def __init__(self, retry_in_s: float) -> None:
        super().__init__(f"too many incidents triggered, next in {retry_in_s:.0f} s")
        self.retry_in_s = retry_in_s


class CannotPage(Exception):
    """Nobody can be paged through this target; the message says why, for the reader."""


def new_dedup_key(entity: Entity) -> str:
    """A key for one showing of the form; at most 255 characters, PagerDuty's maximum."""
    return f"switchboard-{entity.name.lower()}-{uuid.uuid4().hex}"


def may_trigger(user: User) -> bool:
    """Whether the person may page at all."""
    return user.has_perm(PERMISSION)


def trigger(
    *,
    entity: Entity,
    service_target: Mapped,
    description: str,
    severity: Severity,
    details: str,
    dedup_key: str,
    user: User,
) -> TriggeredIncident:
    """Page the on-call of a service, once for each ``dedup_key``.

    The same key again returns the existing attempt and sends nothing, except where the first try
    did not reach PagerDuty for sure: then the same alert is sent again under the same key.

    Args:
        entity: Whose page the person is on.
        service_target: Which of the entity's services.
        description: 1 to 1024 characters after trimming.
        severity: Of the alert.
        details: Free text; may be empty.
        dedup_key: Of the form, see ``new_dedup_key``.
        user: Who pages.

    Returns:
        The attempt in the state it reached: ``accepted``; ``failed`` when surely nobody was
        paged; ``unsure`` when PagerDuty may have taken it and submitting again is safe;
        ``sending`` when another request is at it.

    Raises:
        NotAllowed: The person lacks the permission.
        TooMany: More than 5 in 10 minutes; repetitions of one key count once.
        CannotPage: No integration key is known, or the key belongs to another attempt.
        Rejected: PagerDuty finds a mistake in the alert; its words are in ``errors``. Submit the
            corrected text under a new key.
        ValueError: The description is empty or too long.
    """
    if not may_trigger(user):
        raise NotAllowed
    description = description.strip()
    if not 1 <= len(description) <= MAX_DESCRIPTION_LENGTH:
        raise ValueError(f"description of {len(description)} characters")
    attempt = TriggeredIncident.objects.filter(dedup_key=dedup_key).first()
    if attempt is None:
        event = _event(entity, service_target, description, severity, details, dedup_key, user)
        attempt, is_ours = _write_down(entity, service_target, event, details, user)
    else:
        if (attempt.entity_ref, attempt.triggered_by_id) != (entity.ref, user.pk):
            raise CannotPage("This form belongs to another page. Open it again.")
        is_ours = _take_over(attempt)
        if is_ours:
            # What was written down is sent, not what came now: one key, one alert.
            event = _event(
                entity,
                service_target,
                attempt.description,
                Severity(attempt.severity),
                attempt.details,
                dedup_key,
                user,
            )
    if is_ours:
        _send(attempt, event, service_target.target.account)
    attempt.refresh_from_db()
    return attempt


def _event(
    entity: Entity,
    mapped: Mapped,
    description: str,
    severity: Severity,
    details: str,
    dedup_key: str,
    user: User,
) -> TriggerEvent:
    account = all_accounts().get(mapped.target.account)
    if account is None:
        raise CannotPage(f"No PagerDuty account is called {mapped.target.account!r}.")
    if not account.events_base_url:
        # In the wrong region nobody would be paged, and PagerDuty might say that it was accepted.
        raise CannotPage(
            f"The configuration of the PagerDuty account {account.name!r} has a mistake: an "
            "administrator must correct it first."
        )
    if not mapped.routing_key:
        raise CannotPage(
            "PagerDuty has no Events API v2 integration for this service that the portal knows "
            "of, so nobody can be paged from here."
        )
    page = f"{settings.PORTAL_URL}{entity.get_absolute_url()}"
    told = {
        "triggered by": _name(user),
        "e-mail": user.email,
        "entity": entity.ref,
        "owner": entity.owner_ref,
        "details": details.strip(),
    }
    return TriggerEvent(
        routing_key=mapped.routing_key,
        dedup_key=dedup_key,
        summary=description,
        source=entity.ref,
        severity=severity,
        event_class="manual trigger",
        custom_details={key: value for key, value in told.items() if value},
        client=settings.PORTAL_NAME,
        client_url=page,
        links=(Link(href=page, text=entity.display_name), *_runbooks(entity)),
    )


def _name(user: User) -> str:
    return user.get_full_name() or user.get_username()


def _runbooks(entity: Entity) -> list[Link]:
    """The entity's links that call themselves runbook, by type, icon or title."""
    links = entity.metadata.get("links")
    found = []
    for link in links if isinstance(links, list) else []:
        if not isinstance(link, dict):
            continue
        words = " ".join(str(link.get(key) or "") for key in ("type", "icon", "title")).lower()
        if "runbook" in words and (href := web_url(link.get("url"))):
            found.append(Link(href=href, text=str(link.get("title") or "Runbook")))
    return found


def _write_down(
    entity: Entity, mapped: Mapped, event: TriggerEvent, details: str, user: User
) -> tuple[TriggeredIncident, bool]:
    """Write the attempt, or find that another request with the same form was quicker.

    Only the request that wrote it counts against the person's limit: a double click must not use
    it up, nor be told that nobody was paged while the first click pages.
    """
    try:
        with transaction.atomic():
            # One person's requests take turns, so that several at once cannot pass the limit.
            list(User.objects.select_for_update().filter(pk=user.pk).values_list("pk"))
            attempt = TriggeredIncident.objects.create(
                dedup_key=event.dedup_key,
                entity=entity,
                entity_ref=entity.ref,
                account=mapped.target.account,
                service_pd_id=mapped.service_pd_id,
                service_name=mapped.service.name if mapped.service else entity.display_name[:255],
                triggered_by=user,
                triggered_by_name=_name(user)[:255],
                description=event.summary,
                severity=event.severity,
                details=details,
            )
            if retry_in_s := LIMIT.take(str(user.pk)):
                raise TooMany(retry_in_s)  # takes the row back
    except IntegrityError:
        return TriggeredIncident.objects.get(dedup_key=event.dedup_key), False
    return attempt, True


def _take_over(attempt: TriggeredIncident) -> bool:
    """Whether this request may send the attempt again; only one of several may."""
    now = timezone.now()
    died = attempt.state == _State.SENDING and now - (
        attempt.answered_at or attempt.triggered_at
    ) > (_SENDING_ENDS_WITHIN)
    if not (attempt.may_resend or died):
        return False
    taken = TriggeredIncident.objects.filter(
        pk=attempt.pk, state=attempt.state, attempts=attempt.attempts
    ).update(
        state=_State.SENDING,
        attempts=attempt.attempts + 1,
        may_resend=False,
        answered_at=now,
    )
    return taken == 1


def _send(attempt: TriggeredIncident, event: TriggerEvent, account_name: str) -> None:
    """Send until PagerDuty accepts or refuses, a few seconds at most; note the outcome."""
    client = PagerDutyClient(all_accounts()[account_name], total_budget_s=SEND_BUDGET_S)
    maybe_taken = False
    try:
        for pause_s in (*_PAUSES_S, None):
            try:
                answer = client.enqueue(event)
            except Rejected as exc:
                _note(attempt, _State.FAILED, " ".join(exc.errors) or exc.detail, exc)
                raise
            except (Unreachable, Throttled) as exc:
                maybe_taken = maybe_taken or (isinstance(exc, Unreachable) and exc.maybe_taken)
                failure: PagerDutyError = exc
            except PagerDutyError as exc:
                maybe_taken = maybe_taken or isinstance(exc, Unreadable)
                failure = exc
                break
            else:
                _note(attempt, _State.ACCEPTED, answer, None)
                return
            if pause_s is None:
                break
            time.sleep(pause_s)
    except Rejected:
        raise
    except BaseException:
        # Whatever happened, nobody may be left believing that it is still being sent.
        _note(attempt, _State.UNSURE, "The portal failed while sending.", None)
        raise
    finally:
        client.__exit__()
    state = _State.UNSURE if maybe_taken else _State.FAILED
    _note(attempt, state, failure.detail, failure)


def _note(
    attempt: TriggeredIncident, state: _State, answer: str, error: PagerDutyError | None
) -> None:
    may_resend = state == _State.UNSURE or (
        state == _State.FAILED and not isinstance(error, Rejected)
    )
    TriggeredIncident.objects.filter(pk=attempt.pk).update(
        state=state, answer=answer[:500], answered_at=timezone.now(), may_resend=may_resend
    )
    logger.info(
        "incident trigger attempt",
        extra={
            "outcome": state.value,
            "reason": error.reason if error else "",
            "dedup_key": attempt.dedup_key,
            "entity": attempt.entity_ref,
            "service": attempt.service_pd_id,
            "user_id": attempt.triggered_by_id,
            "pagerduty_request_id": error.request_id if error else "",
        },
    )
