"""What webhooks delivered, into the mirror: each event once, and never over something newer.

Three rules decide, all within one transaction that holds the account's ``Inbox``:

* An event of a thing is left out when one that happened later is applied already.
* It is left out when an answer speaks of its service that was asked for after it came, or a good
  while after it happened, or that knows of a later change of the incident.
* ``incidents.store_incidents`` keeps what an event told that came after its answer was asked for.

Whatever goes by all of them wrongly is put right by the next answer.
"""

import logging
import time
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q
from django.utils import timezone

from pagerduty_card.accounts import all_accounts
from pagerduty_card.domain import ApiAcknowledgement, ApiIncident, IncidentStatus, PendingAction
from pagerduty_card.errors import Unreadable
from pagerduty_card.fields import id_of, name_of, url_of
from pagerduty_card.mirror import directory, incidents
from pagerduty_card.models import Feed, Incident, Service
from pagerduty_card.models.inbox import Delivery, Inbox
from pagerduty_card.reconciling import check_alerts, note_incident
from pagerduty_card.webhooks import events
from pagerduty_card.webhooks.events import Event
from pagerduty_card.wire.quota import Quota

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
_BATCH = 200
# A worker has other work too; what is left is found by the next round.
_BUDGET_S = 45.0
# Where an event is compared with an answer by two clocks: what their difference is known to, and
# what an answer may lag behind.
_SLACK = timedelta(seconds=30)

# Events whose data is the whole incident, and that change what the card shows.
INCIDENT_EVENTS = (
    "incident.triggered",
    "incident.acknowledged",
    "incident.unacknowledged",
    "incident.escalated",
    "incident.reassigned",
    "incident.delegated",
    "incident.priority_updated",
    "incident.annotated",
    "incident.service_updated",
    "incident.resolved",
    "incident.reopened",
)
SERVICE_EVENTS = ("service.updated", "service.deleted")
PING = "pagey.ping"
# After these the next automatic step is still the one that was known.
_KEEPS_STEPS = {"incident.priority_updated", "incident.annotated"}

_NOT_MIRRORED = "of a service that is not mirrored"
_State = Delivery.State


def apply_waiting() -> int:
    """Apply every delivery that waits, oldest first.

    One that cannot be read is marked; one that fails otherwise is tried again by later calls,
    ``MAX_ATTEMPTS`` times in all.

    Returns:
        How many were looked at.
    """
    until = time.monotonic() + _BUDGET_S
    count, last = 0, 0
    while time.monotonic() < until:
        pks = list(
            Delivery.objects.waiting().filter(pk__gt=last).values_list("pk", flat=True)[:_BATCH]
        )
        if not pks:
            break
        for pk in pks:
            _apply(pk)
            last = pk
            count += 1
    return count


def _apply(pk: int) -> None:
    try:
        with transaction.atomic():
            # Another worker may be at it: whoever comes second finds it done.
            row = Delivery.objects.select_for_update().get(pk=pk)
            if row.state == _State.WAITING:
                _settle(row)
    except Delivery.DoesNotExist:
        return
    except Unreadable as exc:
        _give_up(pk, exc.detail)
    except (OperationalError, InterfaceError):
        raise  # the database's fault, not the event's
    except Exception as exc:  # one that nobody foresaw must not hold up those behind it
        logger.exception("webhook not applied", extra={"delivery": pk})
        Delivery.objects.filter(pk=pk).update(
            attempts=F("attempts") + 1, detail=f"{type(exc).__name__} while it was applied"
        )
        Delivery.objects.filter(pk=pk, attempts__gte=MAX_ATTEMPTS).update(state=_State.FAILED)


def _give_up(pk: int, detail: str) -> None:
    logger.warning("webhook cannot be read", extra={"delivery": pk, "detail": detail})
    Delivery.objects.filter(pk=pk).update(
        state=_State.FAILED, attempts=F("attempts") + 1, detail=detail[:200]
    )


def _settle(row: Delivery) -> None:
    event = events.read(row.body)
    row.event_type = event.type[:80]
    row.resource_type = event.resource_type[:40]
    row.occurred_at = event.occurred_at
    row.detail = ""
    # A note or an update of status has a type of its own and only refers to its incident.
    kind = event.data.get("type", "incident")
    if event.type in INCIDENT_EVENTS and kind == "incident":
        row.state = _apply_incident(row, event)
    elif event.type in SERVICE_EVENTS:
        row.state = _apply_service(row, event)
    elif event.type == PING:
        row.state = _State.APPLIED
    else:
        row.state, row.detail = _State.IGNORED, "nothing on a card follows from it"
    if row.state != _State.FAILED:
        row.body = ""  # it holds titles and names; what matters of it is in the mirror now
    row.save()


def _apply_incident(row: Delivery, event: Event) -> str:
    row.resource_type = "incident"
    row.pd_id = id_of(event.data)[:64]
    Inbox.lock(row.account)
    stored = (
        Incident.objects.filter(service__account=row.account, pd_id=row.pd_id)
        .select_related("service")
        .order_by("pk")
        .first()
    )
    is_over = event.type == "incident.resolved"
    incident = None if is_over and "service" not in event.data else events.incident_of(event)
    # Without its own date it is not known whether it is older than the attempt.
    is_dated = event.type == "incident.triggered" or bool(event.data.get("created_at"))
    if incident and incident.incident_key and is_dated:  # an attempt to page may have led to it
        note_incident(row.account, incident)
        # It asks PagerDuty, so not within the transaction; the event is applied even if it fails.
        transaction.on_commit(lambda: check_alerts(row.account, incident), robust=True)
    pd_id = incident.service_id if incident else stored.service.pd_id if stored else ""
    service = Service.objects.of_account(row.account).mapped().filter(pd_id=pd_id).first()
    if _is_older(row, event, stored, service):
        return _State.OLDER
    is_over |= incident is None or IncidentStatus(incident.status) is IncidentStatus.RESOLVED
    if service and incident and not is_over:
        changed = incidents.store_incident(service, _completed(incident, event, stored))
    else:
        # Resolved, or of a service that nobody here knows: then it is on no card.
        changed = incidents.forget_incidents(
            Incident.objects.filter(service__account=row.account, pd_id=row.pd_id)
        )
    for changed_pd_id in dict.fromkeys(changed):
        Feed.objects.mark_changed_by_webhook(
            row.account, Feed.Kind.INCIDENTS, changed_pd_id, at=timezone.now()
        )
    if incident and service is None and not changed:
        row.detail = _NOT_MIRRORED
        return _State.IGNORED
    return _State.APPLIED


def _is_older(
    row: Delivery, event: Event, stored: Incident | None, service: Service | None
) -> bool:
    if _is_followed(row, event):
        row.detail = "a later event is known"
        return True
    if stored and stored.changed_at and stored.changed_at > event.occurred_at:
        row.detail = "a later change is known"
        return True
    asked_at = _answered_at(service) if service else None
    if asked_at and (asked_at > row.received_at or asked_at > _by_our_clock(row, event) + _SLACK):
        row.detail = "a later answer is known"
        return True
    return False


def _by_our_clock(row: Delivery, event: Event) -> datetime:
    account = all_accounts().get(row.account)
    reading = Quota(account).last_reading() if account else None
    ahead_s = (reading.skew_s or 0.0) if reading else 0.0
    return event.occurred_at - timedelta(seconds=ahead_s)


def _is_followed(row: Delivery, event: Event) -> bool:
    of_thing = Delivery.objects.of_thing(row.account, row.resource_type, row.pd_id)
    return of_thing.filter(occurred_at__gt=event.occurred_at).exists()


def _answered_at(service: Service) -> datetime | None:
    """When the latest good answer that takes in the service's incidents was asked for (UTC)."""
    takes_in = Q(service_pd_id=service.pd_id) | Q(
        service_pd_id="", asked_at__gte=service.counts_since(Feed.Kind.INCIDENTS).account
    )
    feeds = Feed.objects.filter(
        takes_in, account=service.account, kind=Feed.Kind.INCIDENTS, asked_at__isnull=False
    )
    return feeds.order_by("-asked_at").values_list("asked_at", flat=True).first()


def _completed(incident: ApiIncident, event: Event, stored: Incident | None) -> ApiIncident:
    """The incident with what a webhook does not tell, as far as it is still known."""
    acknowledgements: list[ApiAcknowledgement] = []
    status = IncidentStatus(incident.status)
    if status is IncidentStatus.ACKNOWLEDGED:
        acknowledgements = [
            ApiAcknowledgement(
                name=one["name"], url=one["url"], at=datetime.fromisoformat(one["at"])
            )
            for one in (stored.acknowledgements if stored else ())
        ]
        agent = event.agent if event.type == "incident.acknowledged" else None
        if agent and all(
            one.url != agent.url or one.name != agent.name for one in acknowledgements
        ):
            acknowledgements.append(
                ApiAcknowledgement(name=agent.name, url=agent.url, at=event.occurred_at)
            )
    steps: list[PendingAction] = []
    if stored and event.type in _KEEPS_STEPS:
        steps = [
            PendingAction(type=one["type"], at=datetime.fromisoformat(one["at"]))
            for one in stored.pending_actions
        ]
    created_at = incident.created_at
    if stored and not event.data.get("created_at"):
        created_at = stored.created_at
    return replace(
        incident,
        created_at=created_at,
        acknowledgements=tuple(acknowledgements),
        pending_actions=tuple(steps),
    )


def _apply_service(row: Delivery, event: Event) -> str:
    row.resource_type = "service"
    row.pd_id = id_of(event.data)[:64]
    Inbox.lock(row.account)
    if _is_followed(row, event):
        row.detail = "a later event is known"
        return _State.OLDER
    services = Service.objects.of_account(row.account).filter(pd_id=row.pd_id)
    if event.type == "service.deleted":
        changed = directory.forget_services(services)
    else:
        changed = services.update(name=name_of(event.data)[:255], url=url_of(event.data))
    if changed:
        Feed.objects.mark_changed_by_webhook(
            row.account, Feed.Kind.SERVICES, row.pd_id, at=timezone.now()
        )
    else:
        row.detail = _NOT_MIRRORED
    return _State.APPLIED
