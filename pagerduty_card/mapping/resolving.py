"""The PagerDuty services of an entity: its mappings, with what is stored of each service.

Nothing here asks PagerDuty, and nothing here says "there is none" unless PagerDuty said so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from catalog.models import Entity, EntityQuerySet
from pagerduty_card.accounts import all_accounts
from pagerduty_card.freshness import UNKNOWN, Freshness
from pagerduty_card.mapping.keys import PagingKey, paging_key
from pagerduty_card.mapping.mistakes import (
    MappingProblem,
    ProblemKind,
    named_twice,
    problem_of,
)
from pagerduty_card.mapping.targets import (
    ACCOUNT,
    INTEGRATION_KEY,
    SERVICE_ID,
    Target,
    account_named_by,
    annotation_text,
    targets_of,
    targets_of_many,
)
from pagerduty_card.models import Feed, Service
from pagerduty_card.models import Mapping as MappingRow
from portal import clock

__all__ = [
    "ACCOUNT",
    "INTEGRATION_KEY",
    "LISTED_WITHIN",
    "SERVICE_ID",
    "Mapped",
    "MappingProblem",
    "PagingKey",
    "ProblemKind",
    "Target",
    "account_named_by",
    "annotation_text",
    "each_once",
    "feeds_of",
    "find_mapped",
    "is_mapped",
    "resolve",
    "resolve_many",
    "targets_of",
    "targets_of_many",
]

# Services are mirrored every 10 minutes; an answer that missed two turns proves nothing.
LISTED_WITHIN = timedelta(minutes=25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A target and what the mirror knows of it.

    Attributes:
        service: The mirrored service with policy and ``found_integrations`` loaded; None when it
            is not there, which ``problem`` explains; without a problem it is simply not known yet.
        freshness: By ``Feed.Kind`` value, every kind. Without a service only ``services`` tells
            something: when PagerDuty last listed its services, or why it did not.
        paging: The key to page with, and which one that is.
    """

    target: Target
    service: Service | None
    problem: MappingProblem | None
    freshness: Mapping[str, Freshness]
    paging: PagingKey

    @property
    def routing_key(self) -> str:
        """Key to page with, a secret; empty: nobody can be paged from here."""
        return self.paging.key

    @property
    def can_page(self) -> bool:
        """Whether an incident can be triggered for this service."""
        return bool(self.routing_key)

    @property
    def service_pd_id(self) -> str:
        """PagerDuty's id as far as it is known."""
        return self.service.pd_id if self.service else self.target.service_pd_id


def is_mapped(entity: Entity) -> bool:
    """Whether the entity names a PagerDuty service; one query, the first time."""
    return bool(targets_of(entity))


def find_mapped(entities: EntityQuerySet) -> EntityQuerySet:
    """Those of the entities that name a PagerDuty service."""
    return entities.filter(pk__in=MappingRow.objects.order_by().values("entity_id"))


def feeds_of(targets: Sequence[Target]) -> list[Feed]:
    """Every feed that speaks of the targets: while they are the same, so is the mirror."""
    return Feed.objects.that_speak_of(
        accounts={target.account for target in targets},
        pd_ids={pd_id for t in targets if (pd_id := t.service_pd_id or t.found_pd_id)},
    )


def resolve_many(entities: Iterable[Entity]) -> dict[int, list[Mapped]]:
    """The services of each entity, by its primary key; three queries however many.

    Entities need their ``descriptor`` loaded.
    """
    targets = targets_of_many(entities)
    resolved = iter(resolve([one for of_entity in targets.values() for one in of_entity]))
    return {pk: [next(resolved) for _ in of_entity] for pk, of_entity in targets.items()}


def resolve(targets: Sequence[Target], feeds: Sequence[Feed] | None = None) -> list[Mapped]:
    """Find each target in the mirror; two queries however many targets.

    Args:
        targets: Of ``targets_of``.
        feeds: Of ``feeds_of``, if the caller has them already: a query less.

    Returns:
        One for each target, in the same order.
    """
    feeds = feeds_of(targets) if feeds is None else feeds
    pks = {pk for t in targets for pk in (t.service_pk, t.other_pk, t.key_owner_pk) if pk}
    services = Service.objects.with_keys(pks)
    found = [services.get(target.service_pk or 0) for target in targets]
    known = Feed.objects.freshness([service for service in found if service], feeds)
    absent = Feed.objects.freshness_of_absent(
        {
            (target.account, target.service_pd_id)
            for target, service in zip(targets, found, strict=True)
            if service is None
        },
        feeds,
    )
    accounts, now = all_accounts(), clock.now()
    mapped = []
    for target, service in zip(targets, found, strict=True):
        if service:
            freshness = known[service.pk]
        else:
            listed = absent[(target.account, target.service_pd_id)]
            freshness = dict.fromkeys(Feed.Kind.values, UNKNOWN) | {Feed.Kind.SERVICES: listed}
        listing = freshness[Feed.Kind.SERVICES]
        mapped.append(
            Mapped(
                target=target,
                service=service,
                problem=problem_of(
                    target,
                    service,
                    listing,
                    services,
                    accounts,
                    is_listed=listing.is_fresh(now, LISTED_WITHIN),
                ),
                freshness=freshness,
                paging=paging_key(target, service, accounts.get(target.account)),
            )
        )
    return mapped


def services_of(entity: Entity) -> list[Mapped]:
    """The services of an entity, each once; three queries, one less the second time."""
    return each_once(resolve(targets_of(entity)))


def each_once(mapped: Sequence[Mapped]) -> list[Mapped]:
    """One entity's services, each once: a key and a link's id may turn out to mean the same.

    Args:
        mapped: Of ``resolve``, of one entity.
    """
    kept: dict[object, Mapped] = {}
    for number, one in enumerate(mapped):
        place = one.service.pk if one.service else (number,)
        first = kept.setdefault(place, one)
        if first is not one:
            target = replace(first.target, repeated_at=one.target.place)
            kept[place] = replace(
                first,
                target=replace(target, label=target.label or one.target.label),
                problem=first.problem or named_twice(target),
            )
    return list(kept.values())
