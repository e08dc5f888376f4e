"""What happens to mapped services, into rows, for ``syncing`` and ``webhooks``; nothing here asks.

Each function writes only the rows that differ, in one transaction, and never touches rows that
the answer does not speak of. Of a service that no entity maps to nothing is stored; ``directory``
holds the services themselves, ``rota`` who is on call for them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from pagerduty_card import domain
from pagerduty_card.models import (
    ChangeEvent,
    Feed,
    Incident,
    IncidentQuerySet,
    Service,
    ServiceQuerySet,
)
from pagerduty_card.models.inbox import Delivery, Inbox
from pagerduty_card.rows import replace, write
from pagerduty_card.states import IncidentCounts
from portal.batches import in_batches

# Changes older than this are not asked for and not kept.
CHANGES_KEPT_FOR = timedelta(days=30)


@transaction.atomic
def store_incidents(
    account: str,
    incidents: Iterable[domain.ApiIncident],
    *,
    asked_at: datetime,
    service_pd_id: str = "",
) -> None:
    """Make the open incidents of the account, or of one service, exactly these.

    A service that was asked about later than ``asked_at`` keeps what that answer said: an older
    answer that arrives late must not take back a newer one. So does an incident that a webhook
    changed since then, unless the answer knows of a later change.
    """
    Inbox.lock(account)
    services = _services(account, service_pd_id)
    for pd_id in _asked_later(account, Feed.Kind.INCIDENTS, asked_at, service_pd_id):
        services.pop(pd_id, None)
    changed_since = Delivery.objects.delivered_after(account, "incident", asked_at)
    given = [
        one
        for one in incidents
        if one.id not in changed_since
        or (one.changed_at and one.changed_at > changed_since[one.id])
    ]
    kept = set(changed_since) - {one.id for one in given}
    rows = Incident.objects.filter(service__account=account)
    if service_pd_id:
        rows = rows.filter(service__pd_id=service_pd_id)
    asked = set(services.values())
    replace(
        Incident,
        {
            (row.service_id, row.pd_id): row
            for row in rows
            if row.service_id in asked and row.pd_id not in kept
        },
        {
            (services[one.service_id], one.id): _incident_values(one)
            for one in given
            if one.service_id in services
        },
        lambda key: Incident(service_id=key[0], pd_id=key[1]),
    )
    count_open_incidents(_mapped(account, service_pd_id))


def store_incident(service: Service, incident: domain.ApiIncident) -> list[str]:
    """Store one open incident, which is of this service and of no other any more.

    Returns:
        PagerDuty's ids of the services whose rows changed.
    """
    others = Incident.objects.filter(service__account=service.account, pd_id=incident.id).exclude(
        service=service
    )
    changed = forget_incidents(others)
    write(
        Incident,
        {row.pd_id: row for row in Incident.objects.filter(service=service, pd_id=incident.id)},
        {incident.id: _incident_values(incident)},
        lambda pd_id: Incident(service=service, pd_id=pd_id),
    )
    count_open_incidents(Service.objects.filter(pk=service.pk))
    return [service.pd_id, *changed]


def forget_incidents(rows: IncidentQuerySet) -> list[str]:
    """Delete incidents that are resolved or elsewhere.

    Returns:
        PagerDuty's ids of their services.
    """
    services = dict(rows.order_by().values_list("service__pd_id", "service_id"))
    if services:
        rows.delete()
        count_open_incidents(Service.objects.filter(pk__in=services.values()))
    return list(services)


def count_open_incidents(services: ServiceQuerySet) -> None:
    """Store with services how many of their incidents are open, by counting them.

    Whoever writes incidents calls this in the same transaction, which holds the account's
    ``Inbox``. Only rows that differ are written.
    """
    statuses: dict[int, list[str]] = defaultdict(list)
    rows = Incident.objects.filter(service__in=services.order_by().values("pk")).order_by()
    for service, status in rows.values_list("service_id", "status"):
        statuses[service].append(status)
    # The others have none, as is stored.
    counted = Q(open_triggered__gt=0) | Q(open_acknowledged__gt=0) | Q(open_other__gt=0)
    having = services.filter(counted | Q(pk__in=rows.values("service"))).order_by()
    existing = {row.pk: row for row in having}
    write(
        Service,
        existing,
        {pk: _counts_values(IncidentCounts.of(statuses[pk])) for pk in existing},
        lambda pk: Service(pk=pk),
    )


def _counts_values(counts: IncidentCounts) -> dict[str, int]:
    return {
        "open_triggered": counts.triggered,
        "open_acknowledged": counts.acknowledged,
        "open_other": counts.other,
    }


def _incident_values(one: domain.ApiIncident) -> dict[str, Any]:
    """An incident as the columns of its row, its service and id aside."""
    return {
        "number": one.number,
        "title": one.title,
        "status": one.status[:32],
        "urgency": one.urgency[:32],
        "priority": one.priority[:64],
        "url": one.url,
        "incident_key": one.incident_key[:255],
        "created_at": one.created_at,
        "assignees": [{"name": who.name, "url": who.url} for who in one.assignees],
        "acknowledgements": [
            {"name": ack.name, "url": ack.url, "at": ack.at.isoformat()}
            for ack in one.acknowledgements
        ],
        "pending_actions": [
            {"type": action.type, "at": action.at.isoformat()} for action in one.pending_actions
        ],
        "changed_at": one.changed_at,
    }


@transaction.atomic
def store_changes(
    account: str, changes: Iterable[domain.ApiChangeEvent], service_pd_id: str = ""
) -> None:
    """Add changes to the services they name, and forget those older than 30 days."""
    services = _services(account, service_pd_id)
    wanted = {
        (services[pd_id], one.id): {
            "summary": one.summary,
            "source": one.source[:500],
            "at": one.at,
            "url": one.url,
            "links": [{"href": link.href, "text": link.text} for link in one.links],
        }
        for one in changes
        for pd_id in (one.service_ids or ((service_pd_id,) if service_pd_id else ()))
        if pd_id in services
    }
    of_account = ChangeEvent.objects.filter(service__account=account)
    over = of_account.filter(at__lt=timezone.now() - CHANGES_KEPT_FOR)
    for pks in in_batches(list(over.values_list("pk", flat=True))):
        ChangeEvent.objects.filter(pk__in=pks).delete()
    existing = {}
    for pd_ids in in_batches(sorted({pd_id for _, pd_id in wanted})):
        for row in of_account.filter(pd_id__in=pd_ids):
            existing[(row.service_id, row.pd_id)] = row
    write(
        ChangeEvent,
        existing,
        wanted,
        lambda key: ChangeEvent(service_id=key[0], pd_id=key[1]),
    )


@transaction.atomic
def store_maintenance(
    account: str, windows: Iterable[domain.MaintenanceWindow], service_pd_id: str = ""
) -> None:
    """Note until when mapped services are in maintenance; the others are in none."""
    Inbox.lock(account)
    until: dict[str, datetime] = {}
    for window in windows:
        for pd_id in window.service_ids:
            until[pd_id] = max(window.ends_at, until.get(pd_id, window.ends_at))
    rows = _mapped(account, service_pd_id).only("pd_id", "maintenance_until")
    existing = {row.pd_id: row for row in rows}
    write(
        Service,
        existing,
        {pd_id: {"maintenance_until": until.get(pd_id)} for pd_id in existing},
        lambda pd_id: Service(account=account, pd_id=pd_id),
    )


def _mapped(account: str, service_pd_id: str) -> ServiceQuerySet:
    rows = Service.objects.of_account(account).mapped()
    return rows.filter(pd_id=service_pd_id) if service_pd_id else rows


def _services(account: str, service_pd_id: str) -> dict[str, int]:
    return dict(_mapped(account, service_pd_id).values_list("pd_id", "pk"))


def _asked_later(
    account: str, kind: str, asked_at: datetime, service_pd_id: str
) -> Collection[str]:
    """Services about which a later answer than ``asked_at`` is already stored."""
    later = Feed.objects.filter(account=account, kind=kind, asked_at__gt=asked_at)
    if not service_pd_id:
        return set(later.exclude(service_pd_id="").values_list("service_pd_id", flat=True))
    is_superseded = later.filter(service_pd_id__in=["", service_pd_id]).exists()
    return {service_pd_id} if is_superseded else set()
