"""PagerDuty's services into rows: all of them by name, and those that some entity maps to whole.

Nothing here asks. Each function writes only the rows that differ, in one transaction.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from pagerduty_card import domain
from pagerduty_card.mapping.known_keys import forget_known_keys, hide_known_keys
from pagerduty_card.mapping.remapping import concerned_entities, remap, take_turns
from pagerduty_card.mapping.targets import digest_of
from pagerduty_card.mirror.incidents import count_open_incidents
from pagerduty_card.models import (
    ChangeEvent,
    EscalationPolicy,
    Feed,
    Incident,
    Insight,
    Integration,
    PastIncident,
    Responder,
    Service,
    ServiceQuerySet,
)
from pagerduty_card.models.inbox import Delivery, Inbox
from pagerduty_card.rows import replace, write
from portal.batches import in_batches


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedServices:
    """What the entities of the catalog name in one account.

    Attributes:
        ids: PagerDuty's ids of services.
        key_digests: Of the integration keys that are written without an id.
    """

    ids: frozenset[str] = frozenset()
    key_digests: frozenset[str] = frozenset()

    def has(self, service: domain.ApiService) -> bool:
        """Whether some entity maps to the service."""
        if service.id in self.ids or not self.key_digests:
            return service.id in self.ids
        return any(digest_of(one.key) in self.key_digests for one in service.integrations)


@transaction.atomic
def store_services(
    account: str,
    services: Iterable[domain.ApiService],
    *,
    asked_at: datetime | None = None,
    named: NamedServices | None = None,
) -> None:
    """Store services with their integrations, and with their policies where they are mapped.

    One that a webhook changed since ``asked_at`` is left as it is: it may be gone by now. One that
    becomes mapped counts as mirrored from now on.

    Args:
        account: Name of the account.
        services: What PagerDuty answered.
        asked_at: When it was asked (UTC).
        named: What the catalog names; None: some entity maps to each of the services.
    """
    take_turns()  # before any row is locked
    Inbox.lock(account)
    changed_since = (
        Delivery.objects.delivered_after(account, "service", asked_at) if asked_at else {}
    )
    given = {service.id: service for service in services if service.id not in changed_since}
    mapped = {pd_id for pd_id, one in given.items() if named is None or named.has(one)}
    policies = store_policies(account, [one.policy for one in _of(given, mapped) if one.policy])
    rows = Service.objects.of_account(account)
    existing = {row.pd_id: row for row in rows.among(given) if row.pd_id in given}
    unmapped = [row for pd_id, row in existing.items() if row.is_mapped and pd_id not in mapped]
    now = timezone.now()
    values: dict[str, dict[str, Any]] = {}
    for service in given.values():
        row = existing.get(service.id)
        values[service.id] = {
            "name": service.name[:255],
            "url": service.url,
            "status": service.status[:32],
            "teams": [{"id": team.id, "name": team.name} for team in service.teams],
        }
        if service.id in mapped:
            values[service.id]["policy_id"] = (
                policies[service.policy.id] if service.policy else None
            )
            if row is None or not row.is_mapped:
                values[service.id] |= {"is_mapped": True, "mirrored_at": now}
    write(
        Service,
        existing,
        values,
        lambda pd_id: Service(account=account, pd_id=pd_id, is_mapped=False),
    )
    unmap(account, unmapped)
    changed = _store_integrations(account, given)
    remap(
        concerned_entities(
            pd_ids=given.keys() - existing.keys(),
            services={service for service, _key in changed},
            keys={key for _service, key in changed},
        )
    )


def _of(given: dict[str, domain.ApiService], ids: Collection[str]) -> list[domain.ApiService]:
    return [service for pd_id, service in given.items() if pd_id in ids]


def _store_integrations(account: str, given: dict[str, domain.ApiService]) -> set[tuple[int, str]]:
    """Store the integrations of services.

    Returns:
        The keys that came or went, each with the primary key of its service.
    """
    pks = dict(Service.objects.of_account(account).among(given).values_list("pd_id", "pk"))
    rows = Integration.objects.filter(service__account=account)
    if len(given) == 1:
        rows = rows.filter(service__in=pks.values())
    of = set(pks.values())
    existing = {(row.service_id, row.pd_id): row for row in rows if row.service_id in of}
    before = {(row.service_id, row.integration_key) for row in existing.values()}
    wanted = {
        (pks[service.id], one.id): {
            "name": one.name[:255],
            "integration_key": one.key[:64],
            "type": one.type[:64],
            "vendor_pd_id": one.vendor_id[:32],
        }
        for service in given.values()
        if service.id in pks
        for one in service.integrations
        if one.key
    }
    replace(
        Integration,
        existing,
        wanted,
        lambda key: Integration(service_id=key[0], pd_id=key[1]),
    )
    changed = before ^ {(key[0], values["integration_key"]) for key, values in wanted.items()}
    if changed:
        forget_known_keys()
        hide_known_keys()
    return changed


@transaction.atomic
def forget_services(services: ServiceQuerySet) -> int:
    """Delete services that PagerDuty has no more.

    Returns:
        How many rows went.
    """
    take_turns()
    entities = concerned_entities(services=services.order_by().values_list("pk", flat=True))
    deleted, _by_model = services.delete()
    remap(entities)
    return deleted


@transaction.atomic
def store_policies(account: str, policies: Iterable[domain.ApiEscalationPolicy]) -> dict[str, int]:
    """Store escalation policies; one that came as a mere reference keeps the levels it has.

    Returns:
        Primary keys by PagerDuty's id.
    """
    given: dict[str, domain.ApiEscalationPolicy] = {}
    for policy in policies:
        if policy.id not in given or policy.levels is not None:
            given[policy.id] = policy
    if not given:
        return {}
    rows = EscalationPolicy.objects.filter(account=account)
    existing = {row.pd_id: row for row in rows}
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
    return dict(rows.values_list("pd_id", "pk"))


@transaction.atomic
def unmap(account: str, services: Collection[Service]) -> None:
    """Keep of services that no entity maps to any more only what the directory is made of."""
    if not services:
        return
    Inbox.lock(account)
    pks = [service.pk for service in services]
    for model in (Incident, ChangeEvent, PastIncident, Insight):
        for batch in in_batches(pks):
            model._default_manager.filter(service__in=batch).delete()
    for pd_ids in in_batches([service.pd_id for service in services]):
        Feed.objects.filter(account=account, service_pd_id__in=pd_ids).delete()
    for batch in in_batches(pks):
        rows = Service.objects.filter(pk__in=batch)
        rows.update(
            is_mapped=False,
            policy=None,
            maintenance_until=None,
            history_since=None,
            acknowledged_since=None,
        )
        count_open_incidents(rows)
    forget_unused(account)
    Feed.objects.mark_changed_by_webhook(account, Feed.Kind.SERVICES, "", at=timezone.now())


@transaction.atomic
def forget_unused(account: str) -> None:
    """Delete the policies of no service, and the people of no policy."""
    policies = EscalationPolicy.objects.filter(account=account, services__isnull=True)
    for batch in in_batches(list(policies.values_list("pk", flat=True))):
        EscalationPolicy.objects.filter(pk__in=batch).delete()
    people = Responder.objects.filter(account=account, on_calls__isnull=True)
    for batch in in_batches(list(people.values_list("pk", flat=True))):
        Responder.objects.filter(pk__in=batch).delete()


def _level_json(level: domain.ApiLevel) -> dict[str, Any]:
    return {
        "delay_s": level.delay_s,
        "targets": [
            {"type": one.type, "id": one.id, "name": one.name, "url": one.url}
            for one in level.targets
        ],
    }
