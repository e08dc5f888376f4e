"""Rows of the PagerDuty mirror as sync leaves them: plain functions, every field by keyword."""

import datetime as dt
import itertools
from typing import Any

from django.utils import timezone

from catalog.models import Entity
from catalog.versions import bump
from pagerduty_card.mapping.remapping import concerned_entities, remap
from pagerduty_card.mirror.incidents import count_open_incidents
from pagerduty_card.models import (
    ChangeEvent,
    EscalationPolicy,
    Feed,
    Incident,
    Integration,
    OnCall,
    PastIncident,
    Responder,
    Service,
    ServiceLink,
    TriggeredIncident,
)
from tests.factories import make_entity

KEY = "0123456789abcdef0123456789ab4711"
LONG_AGO = dt.timedelta(days=30)
_numbers = itertools.count(1)


def make_policy(name: str = "Checkout escalation", *, levels: int = 2, **fields: Any):
    return EscalationPolicy.objects.create(
        **{
            "account": "default",
            "pd_id": f"PPOL{next(_numbers)}",
            "name": name,
            "url": "https://meridian.pagerduty.com/escalation_policies/PPOL",
            "levels": [{"delay_s": 900, "targets": []} for _ in range(levels)],
            "mirrored_at": timezone.now() - LONG_AGO,
            **fields,
        }
    )


def make_service(
    pd_id: str = "PCHKOUT", *, key: str = KEY, policy: EscalationPolicy | None = None, **fields: Any
):
    """A mirrored service with a policy; ``key`` makes its integration, empty for none."""
    service = Service.objects.create(
        **{
            "account": "default",
            "pd_id": pd_id,
            "name": "checkout-api",
            "url": f"https://meridian.pagerduty.com/service-directory/{pd_id}",
            "status": "active",
            "policy": policy or make_policy(),
            "mirrored_at": timezone.now() - LONG_AGO,
            **fields,
        }
    )
    if key:
        Integration.objects.create(
            service=service, pd_id=f"PINT{next(_numbers)}", name="Events", integration_key=key
        )
    remap(concerned_entities(pd_ids=[pd_id], keys=[key] if key else []))
    return service


def link_service(entity: Entity, service_pd_id: str, **fields: Any) -> ServiceLink:
    """A link between an entity and a service, as the admin makes it."""
    link = ServiceLink.objects.create(entity=entity, service_pd_id=service_pd_id, **fields)
    remap([entity.pk])
    bump()
    return link


def make_feeds(
    *kinds: str,
    age_s: float = 20,
    failed_s: float | None = None,
    reason: str = "",
    is_good: bool = True,
    **fields: Any,
) -> None:
    """Account-wide freshness of the kinds, of all kinds when none is named.

    Args:
        age_s: Seconds since the last good answer.
        failed_s: Seconds since a failure, if there was one.
        is_good: Whether there ever was a good answer.
    """
    now = timezone.now()
    good_at = now - dt.timedelta(seconds=age_s)
    columns = {
        "account": "default",
        "service_pd_id": "",
        "asked_at": good_at if is_good else None,
        "succeeded_at": good_at if is_good else None,
        "failed_at": None if failed_s is None else now - dt.timedelta(seconds=failed_s),
        "reason": reason,
        **fields,
    }
    unique = ("account", "kind", "service_pd_id")
    Feed.objects.bulk_create(
        [Feed(kind=kind, **columns) for kind in kinds or Feed.Kind.values],
        update_conflicts=True,
        unique_fields=unique,
        update_fields=columns.keys() - unique,
    )


def make_incident(service: Service, **fields: Any) -> Incident:
    number = fields.pop("number", None) or 4000 + next(_numbers)
    incident = Incident.objects.create(
        **{
            "service": service,
            "pd_id": f"Q{number}",
            "number": number,
            "title": f"Trouble {number}",
            "status": "triggered",
            "urgency": "high",
            "url": f"https://meridian.pagerduty.com/incidents/Q{number}",
            "created_at": timezone.now() - dt.timedelta(minutes=12),
            **fields,
        }
    )
    count_open_incidents(Service.objects.filter(pk=service.pk))
    service.refresh_from_db(fields=["open_triggered", "open_acknowledged", "open_other"])
    return incident


def make_past_incident(
    service: Service,
    *,
    hours_ago: float = 24,
    ack_min: float | None = None,
    took_min: float | None = 30,
    **fields: Any,
) -> PastIncident:
    """An incident of history, opened so many hours ago; without ``took_min`` it has no end yet."""
    number = 3000 + next(_numbers)
    at = timezone.now() - dt.timedelta(hours=hours_ago)
    ends = {} if took_min is None else {"resolved_at": at + dt.timedelta(minutes=took_min)}
    return PastIncident.objects.create(
        **{
            "service": service,
            "pd_id": f"Q{number}",
            "number": number,
            "title": f"Trouble {number}",
            "urgency": "high",
            "url": f"https://meridian.pagerduty.com/incidents/Q{number}",
            "created_at": at if ends else None,
            "acknowledged_at": None if ack_min is None else at + dt.timedelta(minutes=ack_min),
            **ends,
            **fields,
        }
    )


def make_change(service: Service, *, minutes_ago: float = 30, **fields: Any) -> ChangeEvent:
    return ChangeEvent.objects.create(
        **{
            "service": service,
            "pd_id": f"C{next(_numbers)}",
            "summary": "Deploy 8f3c1",
            "source": "CI",
            "at": timezone.now() - dt.timedelta(minutes=minutes_ago),
            "url": "https://meridian.pagerduty.com/change_events/C1",
            **fields,
        }
    )


def make_responder(name: str = "Ana Lima", **fields: Any) -> Responder:
    pd_id = f"PU{next(_numbers)}"
    return Responder.objects.create(
        **{
            "account": "default",
            "pd_id": pd_id,
            "name": name,
            "email": f"{name.lower().replace(' ', '.')}@example.com",
            "url": f"https://meridian.pagerduty.com/users/{pd_id}",
            **fields,
        }
    )


def make_on_call(
    policy: EscalationPolicy,
    who: Responder | str = "Ana Lima",
    *,
    level: int = 1,
    from_h: float | None = -4,
    to_h: float | None = 4,
    schedule: str = "Checkout primary",
) -> OnCall:
    """A shift from and to so many hours from now; both None for somebody always on call."""
    now = timezone.now()
    return OnCall.objects.create(
        policy=policy,
        level=level,
        responder=make_responder(who) if isinstance(who, str) else who,
        schedule_name=schedule,
        schedule_url="https://meridian.pagerduty.com/schedules/PS1" if schedule else "",
        start=None if from_h is None else now + dt.timedelta(hours=from_h),
        end=None if to_h is None else now + dt.timedelta(hours=to_h),
    )


def make_attempt(entity: Any, *, age_s: float = 5, **fields: Any) -> TriggeredIncident:
    at = timezone.now() - dt.timedelta(seconds=age_s)
    return TriggeredIncident.objects.create(
        **{
            "dedup_key": f"attempt-{next(_numbers)}",
            "entity": entity,
            "entity_ref": entity.ref,
            "account": "default",
            "service_pd_id": "PCHKOUT",
            "service_name": "checkout-api",
            "triggered_by_name": "Dee Okafor",
            "triggered_at": at,
            "answered_at": at,
            "description": "Payments time out",
            "severity": "error",
            "state": TriggeredIncident.State.ACCEPTED,
            **fields,
        }
    )


def make_mapped_entity(name: str = "checkout-api", **annotations: str):
    """An entity with PagerDuty annotations; ``service_id="PCHKOUT"`` when none is given."""
    given = annotations or {"service_id": "PCHKOUT"}
    return make_entity(
        name,
        annotations={
            f"pagerduty.com/{key.replace('_', '-')}": value for key, value in given.items()
        },
        source="examples/catalog/checkout.yaml",
        source_line=12,
    )


def name_services(*pd_ids: str, **annotations: str):
    """An entity that names these services, so that the mirror keeps them."""
    return make_entity(
        f"names-services-{next(_numbers)}",
        annotations={
            "pagerduty.com/service-id": ",".join(pd_ids),
            **{f"pagerduty.com/{key.replace('_', '-')}": text for key, text in annotations.items()},
        },
    )
