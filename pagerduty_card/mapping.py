"""Which PagerDuty services an entity means: annotations and admin links, found in the mirror.

Nothing here asks PagerDuty, and nothing here says "there is none" unless PagerDuty said so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from django.db.models import Q
from django.utils import timezone

from catalog.models import Annotation, Entity
from catalog.querysets import EntityQuerySet
from pagerduty_card.accounts import DEFAULT_ACCOUNT, Account, all_accounts, mask, names_of
from pagerduty_card.freshness import UNKNOWN, Freshness
from pagerduty_card.models import Feed, Service, ServiceLink

INTEGRATION_KEY = "pagerduty.com/integration-key"
SERVICE_ID = "pagerduty.com/service-id"
ACCOUNT = "pagerduty.com/account"

# Services are mirrored every 10 minutes; an answer that missed two turns proves nothing.
LISTED_WITHIN = timedelta(minutes=25)


class ProblemKind(StrEnum):
    """What is wrong with a mapping."""

    UNKNOWN_ACCOUNT = "unknown_account"
    NOT_CONFIGURED = "not_configured"
    NO_SUCH_SERVICE = "no_such_service"
    NO_SUCH_KEY = "no_such_key"
    KEY_OF_OTHER_SERVICE = "key_of_other_service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A mistake somebody can correct.

    Attributes:
        text: One or two sentences for a reader, keys masked.
        place: Where it was written: ``file:line`` or ``admin``; empty for a setting.
    """

    kind: ProblemKind
    text: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One PagerDuty service as an entity names it.

    Attributes:
        account: Name of the account, ``default`` when the entity names none.
        service_pd_id: PagerDuty's id; empty when only a key was written.
        integration_key: The key, a secret; empty when only an id was written.
        label: Distinguishes several services of one entity; may be empty.
        place: Where it was written: ``file:line`` of the descriptor, or ``admin``.
        shares_key: Whether the key was written beside several ids and so is of one of them.
    """

    account: str
    service_pd_id: str = ""
    integration_key: str = field(default="", repr=False)
    label: str = ""
    place: str = ""
    shares_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A target and what the mirror knows of it.

    Attributes:
        service: The mirrored service with policy and integrations loaded; None when it is not
            there, which ``problem`` explains; without a problem it is simply not known yet.
        freshness: By ``Feed.Kind`` value, every kind. Without a service only ``services`` tells
            something: when PagerDuty last listed its services, or why it did not.
        routing_key: Key to page with, a secret; empty: nobody can be paged from here.
    """

    target: Target
    service: Service | None
    problem: Problem | None
    freshness: Mapping[str, Freshness]
    routing_key: str = field(repr=False)

    @property
    def can_page(self) -> bool:
        """Whether an incident can be triggered for this service."""
        return bool(self.routing_key)

    @property
    def service_pd_id(self) -> str:
        """PagerDuty's id as far as it is known."""
        return self.service.pd_id if self.service else self.target.service_pd_id


def is_mapped(entity: Entity) -> bool:
    """Whether the entity names a PagerDuty service; one query if no annotation does."""
    annotations = entity.annotations
    return any(_words(annotations.get(key)) for key in (SERVICE_ID, INTEGRATION_KEY)) or (
        ServiceLink.objects.of_entities([entity]).exists()
    )


def find_mapped(entities: EntityQuerySet) -> EntityQuerySet:
    """Those of the entities that name a PagerDuty service, by an annotation or a link."""
    named = Annotation.objects.filter(key__in=(SERVICE_ID, INTEGRATION_KEY)).exclude(value="")
    linked = ServiceLink.objects.order_by().values("entity_id")
    return entities.filter(Q(pk__in=named.values("entity_id")) | Q(pk__in=linked))


def targets_of(entity: Entity) -> list[Target]:
    """The services an entity names, annotations first; one query."""
    return targets_of_many([entity])[entity.pk]


def targets_of_many(entities: Iterable[Entity]) -> dict[int, list[Target]]:
    """The services that each entity names, by primary key; one query however many.

    Entities need their ``descriptor`` loaded. The same service named twice counts once.
    """
    given = list(entities)
    targets = {entity.pk: _of_annotations(entity) for entity in given}
    for link in ServiceLink.objects.of_entities(given):
        target = Target(
            account=link.account.strip() or DEFAULT_ACCOUNT,
            service_pd_id=link.service_pd_id.strip(),
            label=link.label,
            place="admin",
        )
        named = {(one.account, one.service_pd_id) for one in targets[link.entity_id]}
        if (target.account, target.service_pd_id) not in named:
            targets[link.entity_id].append(target)
    return targets


def feeds_of(targets: Sequence[Target]) -> list[Feed]:
    """Every feed that speaks of the targets: while they are the same, so is the mirror."""
    return Feed.objects.that_speak_of(
        accounts={target.account for target in targets},
        pd_ids={target.service_pd_id for target in targets if target.service_pd_id},
        integration_keys={t.integration_key for t in targets if t.integration_key},
    )


def resolve(targets: Sequence[Target], feeds: Sequence[Feed] | None = None) -> list[Mapped]:
    """Find each target in the mirror; three queries however many targets.

    Args:
        targets: Of ``targets_of``.
        feeds: Of ``feeds_of``, if the caller has them already: a query less.

    Returns:
        One for each target, in the same order.
    """
    feeds = feeds_of(targets) if feeds is None else feeds
    services = list(
        Service.objects.found_by(
            pd_ids={target.service_pd_id for target in targets if target.service_pd_id},
            integration_keys={t.integration_key for t in targets if t.integration_key},
        )
    )
    found = [_find(target, services) for target in targets]
    known = Feed.objects.freshness([service for service in found if service], feeds)
    absent = Feed.objects.freshness_of_absent(
        {
            (target.account, target.service_pd_id)
            for target, service in zip(targets, found, strict=True)
            if service is None
        },
        feeds,
    )
    accounts = all_accounts()
    mapped = []
    for target, service in zip(targets, found, strict=True):
        if service:
            freshness = known[service.pk]
        else:
            listed = absent[(target.account, target.service_pd_id)]
            freshness = dict.fromkeys(Feed.Kind.values, UNKNOWN) | {Feed.Kind.SERVICES: listed}
        mapped.append(
            Mapped(
                target=target,
                service=service,
                problem=_problem(target, service, freshness, services, accounts),
                freshness=freshness,
                routing_key=_routing_key(target, service, services),
            )
        )
    return mapped


def _of_annotations(entity: Entity) -> list[Target]:
    annotations = entity.annotations
    account = _text(annotations.get(ACCOUNT)) or DEFAULT_ACCOUNT
    key = _text(annotations.get(INTEGRATION_KEY))
    ids = _words(annotations.get(SERVICE_ID))
    place = _place(entity)
    if ids:
        return [
            Target(
                account=account,
                service_pd_id=pd_id,
                integration_key=key,
                place=place,
                shares_key=len(ids) > 1,
            )
            for pd_id in ids
        ]
    return [Target(account=account, integration_key=key, place=place)] if key else []


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _words(value: object) -> list[str]:
    """The comma-separated words in order, blanks trimmed, empty ones and repetitions dropped."""
    return list(dict.fromkeys(word.strip() for word in _text(value).split(",") if word.strip()))


def _place(entity: Entity) -> str:
    if not entity.source:
        return "admin"
    return f"{entity.source}:{entity.source_line}" if entity.source_line else entity.source


def _keys(service: Service) -> list[str]:
    return [one.integration_key for one in service.integrations.all() if one.integration_key]


def _find(target: Target, services: Sequence[Service]) -> Service | None:
    for service in services:
        if service.account != target.account:
            continue
        if target.service_pd_id:
            if service.pd_id == target.service_pd_id:
                return service
        elif target.integration_key in _keys(service):
            return service
    return None


def _owner_of_key(target: Target, services: Sequence[Service]) -> Service | None:
    return next(
        (
            service
            for service in services
            if service.account == target.account and target.integration_key in _keys(service)
        ),
        None,
    )


def _routing_key(target: Target, service: Service | None, services: Sequence[Service]) -> str:
    """The key to page with: never one that is known to page another service."""
    if service is None:
        # Without an id the key alone says who is meant. Beside an id that is not mirrored it may
        # be anybody's, except where the mirror has just not been filled yet.
        owner = _owner_of_key(target, services) if target.integration_key else None
        return target.integration_key if owner is None and not target.shares_key else ""
    keys = _keys(service)
    if target.integration_key in keys:
        return target.integration_key
    return keys[0] if keys else ""


def _problem(
    target: Target,
    service: Service | None,
    freshness: Mapping[str, Freshness],
    services: Sequence[Service],
    accounts: Mapping[str, Account],
) -> Problem | None:
    account = accounts.get(target.account)
    if account is None:
        return Problem(
            kind=ProblemKind.UNKNOWN_ACCOUNT,
            text=f"{ACCOUNT} names {target.account!r}, but no PagerDuty account is called so; "
            f"configured: {names_of(accounts)}.",
            place=target.place,
        )
    if account.problem:
        return Problem(kind=ProblemKind.NOT_CONFIGURED, text=account.problem)
    listing = freshness[Feed.Kind.SERVICES]
    is_listed = listing.is_fresh(timezone.now(), LISTED_WITHIN)
    if service is None:
        return _problem_of_absent(target, listing, is_listed=is_listed)
    key = target.integration_key
    if not key or key in _keys(service) or not is_listed:
        return None
    owner = _owner_of_key(target, services)
    if target.shares_key and owner:
        return None
    return Problem(
        kind=ProblemKind.KEY_OF_OTHER_SERVICE,
        text=f"The integration key {mask(key)} is not one of the service {service.name} "
        f"({service.pd_id})" + (f" but of {owner.name} ({owner.pd_id})." if owner else "."),
        place=target.place,
    )


def _problem_of_absent(target: Target, listing: Freshness, *, is_listed: bool) -> Problem | None:
    if target.service_pd_id:
        if is_listed or listing.reason == "not_found":
            return Problem(
                kind=ProblemKind.NO_SUCH_SERVICE,
                text=f"PagerDuty has no service {target.service_pd_id}.",
                place=target.place,
            )
    elif is_listed:
        return Problem(
            kind=ProblemKind.NO_SUCH_KEY,
            text=f"No PagerDuty service has this integration key ({mask(target.integration_key)}).",
            place=target.place,
        )
    return None
