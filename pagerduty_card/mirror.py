"""PagerDuty's values into the mirror's rows, for ``sync`` and ``webhooks``; nothing here asks.

Each function writes only the rows that differ, in one transaction, and never touches rows that
the answer does not speak of.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from pagerduty_card import domain
from pagerduty_card.inbox import Delivery, Inbox
from pagerduty_card.models import (
    ChangeEvent,
    EscalationPolicy,
    Feed,
    Incident,
    Integration,
    OnCall,
    Responder,
    Service,
)
from pagerduty_card.querysets import IncidentQuerySet
from pagerduty_card.rows import BATCH, replace, write

# Changes older than this are not asked for and not kept.
CHANGES_KEPT = timedelta(days=30)


@transaction.atomic
def store_services(
    account: str, services: Iterable[domain.Service], *, asked_at: datetime | None = None
) -> None:
    """Store services with their policies and integrations.

    One that a webhook told of since ``asked_at`` is left as it is: it may be gone by now.
    """
    told = Delivery.objects.told_later(account, "service", asked_at) if asked_at else {}
    given = {service.id: service for service in services if service.id not in told}
    policies = store_policies(
        account, [service.policy for service in given.values() if service.policy]
    )
    existing = {row.pd_id: row for row in Service.objects.of_account(account)}
    write(
        Service,
        existing,
        {
            service.id: {
                "name": service.name[:255],
                "url": service.url,
                "status": service.status[:32],
                "policy_id": policies[service.policy.id] if service.policy else None,
            }
            for service in given.values()
        },
        lambda pd_id: Service(account=account, pd_id=pd_id),
    )
    rows = {
        row.pd_id: row.pk for row in Service.objects.of_account(account).filter(pd_id__in=given)
    }
    wanted = {
        (rows[service.id], one.id): {"name": one.name[:255], "integration_key": one.key[:64]}
        for service in given.values()
        for one in service.integrations
        if one.key
    }
    replace(
        Integration,
        {
            (row.service_id, row.pd_id): row
            for row in Integration.objects.filter(service__in=rows.values())
        },
        wanted,
        lambda key: Integration(service_id=key[0], pd_id=key[1]),
    )


@transaction.atomic
def store_policies(account: str, policies: Iterable[domain.EscalationPolicy]) -> dict[str, int]:
    """Store escalation policies; one that came as a mere reference keeps the levels it has.

    Returns:
        Primary keys by PagerDuty's id.
    """
    given: dict[str, domain.EscalationPolicy] = {}
    for policy in policies:
        if policy.id not in given or policy.levels is not None:
            given[policy.id] = policy
    existing = {
        row.pd_id: row for row in EscalationPolicy.objects.filter(account=account, pd_id__in=given)
    }
    now = timezone.now()
    wanted: dict[str, dict[str, Any]] = {}
    for policy in given.values():
        values: dict[str, Any] = {"name": policy.name[:255], "url": policy.url}
        if policy.levels is not None:
            values["num_loops"] = min(policy.num_loops, 32_767)
            values["levels"] = [_level_json(level) for level in policy.levels]
            row = existing.get(policy.id)
            if row and row.levels != values["levels"]:
                values["mirrored_at"] = now
        wanted[policy.id] = values
    write(
        EscalationPolicy,
        existing,
        wanted,
        lambda pd_id: EscalationPolicy(account=account, pd_id=pd_id),
    )
    return dict(
        EscalationPolicy.objects.filter(account=account, pd_id__in=given).values_list("pd_id", "pk")
    )


@transaction.atomic
def store_incidents(
    account: str,
    incidents: Iterable[domain.Incident],
    *,
    asked_at: datetime,
    service_pd_id: str = "",
) -> None:
    """Make the open incidents of the account, or of one service, exactly these.

    A service that was asked about later than ``asked_at`` keeps what that answer said: an older
    answer that arrives late must not take back a newer one. So does an incident that a webhook told
    of since then, unless the answer knows of a later change.
    """
    Inbox.lock(account)
    services = _services(account, service_pd_id)
    for pd_id in _asked_later(account, Feed.Kind.INCIDENTS, asked_at, service_pd_id):
        services.pop(pd_id, None)
    told = Delivery.objects.told_later(account, "incident", asked_at)
    given = [
        one
        for one in incidents
        if one.id not in told or (one.changed_at and one.changed_at > told[one.id])
    ]
    kept = set(told) - {one.id for one in given}
    replace(
        Incident,
        {
            (row.service_id, row.pd_id): row
            for row in Incident.objects.filter(service__in=services.values())
            if row.pd_id not in kept
        },
        {
            (services[one.service_id], one.id): _incident_values(one)
            for one in given
            if one.service_id in services
        },
        lambda key: Incident(service_id=key[0], pd_id=key[1]),
    )


def store_incident(service: Service, incident: domain.Incident) -> list[str]:
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
    return [service.pd_id, *changed]


def forget_incidents(rows: IncidentQuerySet) -> list[str]:
    """Delete incidents that are resolved or elsewhere.

    Returns:
        PagerDuty's ids of their services.
    """
    changed = list(rows.order_by().values_list("service__pd_id", flat=True))
    if changed:
        rows.delete()
    return changed


def _incident_values(one: domain.Incident) -> dict[str, Any]:
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
def store_on_calls(
    account: str,
    on_calls: Iterable[domain.OnCall],
    *,
    asked_at: datetime,
    with_next: bool,
    policy_pd_ids: Collection[str] = (),
) -> None:
    """Make who is on call for the account's policies, or for some, exactly this.

    Args:
        account: Name of the account.
        on_calls: What PagerDuty answered.
        asked_at: When it was asked (UTC).
        with_next: Whether later shifts were asked for too; else those that are known stay.
        policy_pd_ids: The policies asked about; none means the whole account.
    """
    rows = EscalationPolicy.objects.filter(account=account)
    if policy_pd_ids:
        rows = rows.filter(pd_id__in=policy_pd_ids)
    policies = dict(rows.values_list("pd_id", "pk"))
    given = [one for one in on_calls if one.policy_id in policies]
    people = _store_responders(account, [one.user for one in given])
    wanted = {
        (
            policies[one.policy_id],
            one.level,
            people[one.user.id],
            one.schedule.name[:255] if one.schedule else "",
            one.schedule.url if one.schedule else "",
            one.start,
            one.end,
        )
        for one in given
    }
    existing = OnCall.objects.filter(policy__in=policies.values())
    if not with_next:
        existing = existing.filter(Q(start__isnull=True) | Q(start__lte=asked_at))
    stored = set()
    gone = []
    for row in existing:
        key = (
            row.policy_id,
            row.level,
            row.responder_id,
            row.schedule_name,
            row.schedule_url,
            row.start,
            row.end,
        )
        # Twice there: two processes stored the same first answer.
        if key in wanted and key not in stored:
            stored.add(key)
        else:
            gone.append(row.pk)
    OnCall.objects.filter(pk__in=gone).delete()
    OnCall.objects.bulk_create(
        [
            OnCall(
                policy_id=policy,
                level=level,
                responder_id=responder,
                schedule_name=schedule_name,
                schedule_url=schedule_url,
                start=start,
                end=end,
            )
            for policy, level, responder, schedule_name, schedule_url, start, end in wanted
            if (policy, level, responder, schedule_name, schedule_url, start, end) not in stored
        ],
        batch_size=BATCH,
    )


@transaction.atomic
def store_changes(
    account: str, changes: Iterable[domain.ChangeEvent], service_pd_id: str = ""
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
    ChangeEvent.objects.filter(
        service__in=services.values(), at__lt=timezone.now() - CHANGES_KEPT
    ).delete()
    write(
        ChangeEvent,
        {
            (row.service_id, row.pd_id): row
            for row in ChangeEvent.objects.filter(
                service__in={service for service, _ in wanted},
                pd_id__in={pd_id for _, pd_id in wanted},
            )
        },
        wanted,
        lambda key: ChangeEvent(service_id=key[0], pd_id=key[1]),
    )


@transaction.atomic
def store_maintenance(
    account: str, windows: Iterable[domain.MaintenanceWindow], service_pd_id: str = ""
) -> None:
    """Note until when services are in maintenance; the others are in none."""
    until: dict[str, datetime] = {}
    for window in windows:
        for pd_id in window.service_ids:
            until[pd_id] = max(window.ends_at, until.get(pd_id, window.ends_at))
    rows = Service.objects.of_account(account)
    if service_pd_id:
        rows = rows.filter(pd_id=service_pd_id)
    existing = {row.pd_id: row for row in rows}
    write(
        Service,
        existing,
        {pd_id: {"maintenance_until": until.get(pd_id)} for pd_id in existing},
        lambda pd_id: Service(account=account, pd_id=pd_id),
    )


def _store_responders(account: str, users: Iterable[domain.User]) -> dict[str, int]:
    given = {user.id: user for user in users}
    write(
        Responder,
        {row.pd_id: row for row in Responder.objects.filter(account=account, pd_id__in=given)},
        {
            user.id: {
                "name": user.name[:255],
                "email": user.email[:254],
                "url": user.url,
                "avatar_url": user.avatar_url,
                "time_zone": user.time_zone[:64],
            }
            for user in given.values()
        },
        lambda pd_id: Responder(account=account, pd_id=pd_id),
    )
    return dict(
        Responder.objects.filter(account=account, pd_id__in=given).values_list("pd_id", "pk")
    )


def _services(account: str, service_pd_id: str) -> dict[str, int]:
    rows = Service.objects.of_account(account)
    if service_pd_id:
        rows = rows.filter(pd_id=service_pd_id)
    return dict(rows.values_list("pd_id", "pk"))


def _asked_later(
    account: str, kind: str, asked_at: datetime, service_pd_id: str
) -> Collection[str]:
    """Services about which a later answer than ``asked_at`` is already stored."""
    later = Feed.objects.filter(account=account, kind=kind, asked_at__gt=asked_at)
    if not service_pd_id:
        return set(later.exclude(service_pd_id="").values_list("service_pd_id", flat=True))
    is_superseded = later.filter(service_pd_id__in=["", service_pd_id]).exists()
    return {service_pd_id} if is_superseded else set()


def _level_json(level: domain.Level) -> dict[str, Any]:
    return {
        "delay_s": level.delay_s,
        "targets": [
            {"type": one.type, "id": one.id, "name": one.name, "url": one.url}
            for one in level.targets
        ],
    }
