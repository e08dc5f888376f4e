"""The one use case that pages a person.

An attempt is written down before PagerDuty is called and completed after, and its ``dedup_key``,
made when the form was shown, is unique: a double click, a reload or a repetition after a lost
answer never pages twice.
"""

import uuid
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from catalog.models import Entity
from pagerduty_card import rights
from pagerduty_card.domain import Severity
from pagerduty_card.mapping.resolving import Mapped
from pagerduty_card.mapping.targets import digest_of
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.paging import retrying, sending
from pagerduty_card.paging.retrying import Search
from pagerduty_card.paging.sending import CannotPage
from portal.secret_shapes import mask

__all__ = [
    "CannotPage",
    "NotAllowed",
    "OutcomeNotStored",
    "PagedTooOften",
    "SentBefore",
    "new_dedup_key",
    "trigger",
]

MAX_DESCRIPTION = 1024  # characters, PagerDuty's maximum of a summary
# So many pages within so long, for one person.
LIMIT, LIMIT_PERIOD = 5, timedelta(minutes=10)
# The same text for the same service within so long is sent only by who has seen the first attempt.
REPEAT_PERIOD = timedelta(minutes=10)
# Waits before the second and the third try.
_PAUSES_S = (0.5, 1.5)


class NotAllowed(Exception):
    """The person may not page for this entity; the message says why."""


class OutcomeNotStored(OperationalError):
    """The database failed after the alert may have been sent, so what came of it is not known."""


class PagedTooOften(Exception):
    """The person has triggered too many incidents lately.

    Attributes:
        retry_in_s: Seconds until the next one is allowed.
    """

    def __init__(self, retry_in_s: float) -> None:
        super().__init__(f"too many incidents triggered, next in {retry_in_s:.0f} s")
        self.retry_in_s = retry_in_s


class SentBefore(Exception):
    """The person sent the same text for the same service a short time ago.

    Attributes:
        attempt: That earlier attempt.
    """

    def __init__(self, attempt: TriggeredIncident) -> None:
        super().__init__(f"the same text was sent as {attempt.dedup_key}")
        self.attempt = attempt


def new_dedup_key(entity: Entity) -> str:
    """A key for one showing of the form; at most 255 characters, PagerDuty's maximum."""
    return f"switchboard-{entity.name.lower()}-{uuid.uuid4().hex}"


def trigger(
    *,
    entity: Entity,
    service_target: Mapped,
    description: str,
    severity: Severity,
    details: str,
    dedup_key: str,
    user: User,
    seen: str = "",
) -> TriggeredIncident:
    """Page the on-call of a service, once for each ``dedup_key``.

    The same key again returns the existing attempt and sends nothing, except where it is not known
    that PagerDuty has taken it: then the same alert is sent again under the same key. What is not
    taken here is left to the worker.

    Args:
        entity: Whose page the person is on.
        service_target: Which of the entity's services.
        description: 1 to 1024 characters after trimming.
        severity: Of the alert.
        details: Free text; may be empty.
        dedup_key: Of the form, see ``new_dedup_key``.
        user: Who pages.
        seen: The ``dedup_key`` of an earlier attempt that the form has shown to the person; empty
            if none.

    Returns:
        The attempt in the state it reached: ``accepted``; ``retrying`` when surely nobody was
        paged and the worker goes on; ``failed`` when nobody was and it does not; ``unsure`` when
        PagerDuty may have taken it and sending it again is safe; ``sending`` when another process
        is at it.

    Raises:
        NotAllowed: The person lacks the permission, or is none of the owners where only they may.
        PagedTooOften: More than 5 in 10 minutes; repetitions of one key count once.
        SentBefore: The person sent the same text for the same service in the last 10 minutes,
            under another key than ``seen``, and somebody may have been paged by it or may be yet.
        CannotPage: No integration key is known, or the key belongs to another attempt.
        Rejected: PagerDuty finds a mistake in the alert, and no earlier try may have been taken;
            its words are the ``detail``. Submit the corrected text under a new key.
        OutcomeNotStored: The database failed once the alert may have been sent.
        ValueError: The description is empty or too long.
    """
    if refusal := rights.refusal_of(user, entity, [service_target]):
        raise NotAllowed(refusal)
    description = description.strip()
    if not 1 <= len(description) <= MAX_DESCRIPTION:
        raise ValueError(f"description of {len(description)} characters")
    attempt, is_new = _write_down(
        entity, service_target, description, severity, details, dedup_key, user, seen
    )
    if not is_new and (attempt.entity_ref, attempt.triggered_by_id) != (entity.ref, user.pk):
        raise CannotPage("This form belongs to another page. Open it again.")
    try:
        if is_new:
            sending.send(attempt, entity, service_target, pauses_s=_PAUSES_S)
        else:
            _send_again(attempt, entity)
        attempt.refresh_from_db()
    except (OperationalError, InterfaceError) as exc:
        raise OutcomeNotStored(str(exc)) from exc
    return attempt


def _write_down(
    entity: Entity,
    mapped: Mapped,
    description: str,
    severity: Severity,
    details: str,
    dedup_key: str,
    user: User,
    seen: str,
) -> tuple[TriggeredIncident, bool]:
    """Write the attempt, or find that another request with the same form was quicker.

    Only the request that wrote it counts against the person's limit: a double click must not use
    it up, nor be told that nobody was paged while the first click pages.
    """
    with transaction.atomic():
        # One person's requests take turns, so that several at once cannot pass the limit.
        list(User.objects.select_for_update().filter(pk=user.pk).values_list("pk"))
        if known := TriggeredIncident.objects.filter(dedup_key=dedup_key).first():
            return known, False
        sending.check(mapped)
        now = timezone.now()
        repeated = _repeated(user, mapped, description, now)
        if repeated and repeated.dedup_key != seen:
            raise SentBefore(repeated)
        if retry_in_s := _wait_s(user, now):
            raise PagedTooOften(retry_in_s)
        attempt = TriggeredIncident.objects.create(
            dedup_key=dedup_key,
            entity=entity,
            entity_ref=entity.ref,
            account=mapped.target.account,
            service_pd_id=mapped.service_pd_id,
            service_name=mapped.service.name if mapped.service else entity.display_name[:255],
            key_digest=digest_of(mapped.routing_key),
            key_masked=mask(mapped.routing_key),
            triggered_by=user,
            triggered_by_name=(user.get_full_name() or user.get_username())[:255],
            triggered_at=now,
            # Whoever dies while sending leaves the rest to the worker.
            retry_until=now + TriggeredIncident.RETRIED_FOR,
            description=description,
            severity=severity,
            details=details,
        )
    return attempt, True


def _repeated(
    user: User, mapped: Mapped, description: str, now: datetime
) -> TriggeredIncident | None:
    """The person's newest attempt with the same text for the same service, of a short time ago.

    One that surely paged nobody, and never will, is none.
    """
    of_service = (
        {"account": mapped.target.account, "service_pd_id": mapped.service_pd_id}
        if mapped.service_pd_id
        else {"key_digest": digest_of(mapped.routing_key)}
    )
    made = TriggeredIncident.objects.filter(
        triggered_by=user,
        description=description,
        triggered_at__gt=now - REPEAT_PERIOD,
        triggered_at__lte=now,
        **of_service,
    )
    failed = TriggeredIncident.State.FAILED
    return next((one for one in made if one.state_at(now) != failed), None)


def _wait_s(user: User, now: datetime) -> float:
    """Seconds until the person may page again; 0.0: now. Counts what is on record."""
    since = now - LIMIT_PERIOD
    # What is dated later than now is of a clock that was put back since, and counts no more.
    made = TriggeredIncident.objects.filter(
        triggered_by=user, triggered_at__gt=since, triggered_at__lte=now
    )
    # What surely paged nobody is no reason to keep somebody from paging.
    recent = made.exclude(state=TriggeredIncident.State.FAILED).order_by("-triggered_at")
    times = list(recent.values_list("triggered_at", flat=True)[:LIMIT])
    return (times[-1] - since).total_seconds() if len(times) == LIMIT else 0.0


def _send_again(attempt: TriggeredIncident, entity: Entity) -> None:
    """Send what was written down, not what came now: one key, one alert."""
    now = timezone.now()
    if not (attempt.may_resend or attempt.is_lost(now)):
        return
    if (
        attempt.state != TriggeredIncident.State.RETRYING
        and retrying.look_for(attempt) is Search.FOUND
    ):
        return
    try:
        mapped = sending.service_of(attempt, entity)
    except CannotPage as exc:
        # The attempt tells whether somebody may have been paged; the form gets a key of its own.
        sending.give_up(attempt, str(exc))
        return
    if sending.take_turn(attempt, now, retry_until=now + TriggeredIncident.RETRIED_FOR):
        sending.send(attempt, entity, mapped, pauses_s=_PAUSES_S)
