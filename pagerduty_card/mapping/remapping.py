"""Writes the table of mappings: what entities name, found among the stored services.

Called in the transaction of whatever changes one of the two: entities, links, services, keys.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import QuerySet

from catalog.models import Annotation, Entity
from pagerduty_card.accounts import configured_accounts
from pagerduty_card.mapping.mistakes import ProblemKind, is_service_id
from pagerduty_card.mapping.targets import (
    INTEGRATION_KEY,
    OVERLAY_PLACE,
    SERVICE_ID,
    Target,
    digest_of,
    written_targets,
)
from pagerduty_card.models import Integration, Mapping, Service, ServiceLink
from pagerduty_card.models.mappings import ACCOUNT_LENGTH, ID_LENGTH, PLACE_LENGTH
from pagerduty_card.rows import replace
from portal.batches import in_batches

# One number for all writers: an import and a sync that overlap must see each other's rows.
_LOCK = 0x5C_A7A1_07
_MANY = 500
_Key = tuple[int, str, str, str]


class _Found(NamedTuple):
    """A stored service as far as names are compared with it."""

    pk: int
    account: str


def remap(entities: Iterable[int]) -> None:
    """Write the mappings of these entities anew; writes only what differs.

    Args:
        entities: Primary keys; 500 of them that name nothing cost one query.
    """
    pks = sorted(set(entities))
    if not pks:
        return
    with transaction.atomic():
        take_turns()
        for batch in in_batches(pks):
            _remap(batch)


def remap_all() -> None:
    """Write the mappings of the whole catalog anew."""
    mapped = Mapping.objects.order_by().values_list("entity_id")
    remap(pk for (pk,) in mapped.union(*_naming()))


def concerned_entities(
    *,
    pd_ids: Collection[str] = (),
    keys: Collection[str] = (),
    services: Collection[int] = (),
) -> set[int]:
    """Primary keys of the entities whose mappings follow from these services or keys.

    Args:
        pd_ids: PagerDuty's ids, of whatever account.
        keys: Integration keys, secrets.
        services: Primary keys.
    """
    rows = Mapping.objects.order_by()
    if len(pd_ids) + len(keys) + len(services) <= _MANY:
        rows = rows.concerned(
            pd_ids=pd_ids, key_digests=set(map(digest_of, keys)), services=services
        )
    return set(rows.values_list("entity_id", flat=True))


def when_entities_written(pks: Iterable[int], **_: object) -> None:
    """Receive ``catalog.signals.entities_written``."""
    remap(pks)


def when_migrated(using: str, plan: object = None, **_: object) -> None:
    """Receive ``post_migrate``: whatever an installation had before, its table is true after it."""
    if fits_code(using, plan):
        remap_all()


def fits_code(using: str, plan: object) -> bool:
    """Whether rows may be written after ``post_migrate``, whose arguments these are.

    Where a migration is still to come, the code does not fit the database yet. The signal also
    follows ``flush``, without a plan: then there is nothing to write.
    """
    if using != DEFAULT_DB_ALIAS or plan is None:
        return False
    executor = MigrationExecutor(connections[using])
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def take_turns() -> None:
    """Let one transaction at a time go on from here; SQLite has but one writer anyway.

    Call it before rows are locked: whoever holds some of another's waits for ever otherwise.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _concerned(pks: Sequence[int]) -> set[int]:
    """Those of the entities that may name a service, or did; one query."""
    among = {"entity_id__in": pks}
    rows = Mapping.objects.filter(**among).order_by().values_list("entity_id")
    return {pk for (pk,) in rows.union(*(one.filter(**among) for one in _naming()))}


def _naming() -> tuple[QuerySet[Annotation, tuple[int]], QuerySet[ServiceLink, tuple[int]]]:
    """Primary keys of the entities that may name a service, by annotations and by links."""
    named = Annotation.objects.filter(key__in=(SERVICE_ID, INTEGRATION_KEY)).exclude(value="")
    return (
        named.order_by().values_list("entity_id"),
        ServiceLink.objects.order_by().values_list("entity_id"),
    )


def _remap(batch: Sequence[int]) -> None:
    pks = _concerned(batch)
    if not pks:
        return
    rows = Mapping.objects.filter(entity__in=pks).order_by()
    existing = {
        (row.entity_id, row.account, row.service_pd_id, row.key_digest): row for row in rows
    }
    columns = ("descriptor", "written", "annotation_lines", "source", "source_line")
    entities = Entity.objects.filter(pk__in=pks).only(*columns).order_by()
    targets = written_targets(entities)
    stored = _Stored([target for its in targets.values() for target in its])
    wanted: dict[_Key, dict[str, Any]] = {}
    for entity, its in targets.items():
        for position, target in enumerate(its):
            key = (
                entity,
                target.account[:ACCOUNT_LENGTH],
                target.service_pd_id[:ID_LENGTH],
                digest_of(target.integration_key) if target.integration_key else "",
            )
            wanted.setdefault(key, {"position": position, **_columns_of(target, stored)})
    replace(
        Mapping,
        existing,
        wanted,
        lambda key: Mapping(
            entity_id=key[0], account=key[1], service_pd_id=key[2], key_digest=key[3]
        ),
    )


class _Stored:
    """The stored services that targets may mean; two queries for 500 ids and as many keys."""

    def __init__(self, targets: Iterable[Target]) -> None:
        pd_ids: dict[str, None] = {}
        keys: dict[str, None] = {}
        for target in targets:
            pd_ids[target.service_pd_id] = keys[target.integration_key] = None
        self._accounts = configured_accounts()
        self._by_id: dict[str, list[_Found]] = defaultdict(list)
        self._by_key: dict[str, list[_Found]] = defaultdict(list)
        services = Service.objects.order_by("pk").values_list("pd_id", "pk", "account")
        for ids in in_batches([one for one in pd_ids if one]):
            for pd_id, pk, account in services.filter(pd_id__in=ids):
                self._by_id[pd_id].append(_Found(pk, account))
        owners = Integration.objects.order_by("service_id").values_list(
            "integration_key", "service_id", "service__account"
        )
        for some in in_batches([one for one in keys if one]):
            for key, pk, account in owners.filter(integration_key__in=some).distinct():
                self._by_key[key].append(_Found(pk, account))

    def named_by(self, target: Target) -> list[_Found]:
        """Those with the target's id, or with its key where it has none; of any account."""
        if target.service_pd_id:
            return self._by_id[target.service_pd_id]
        return self._by_key[target.integration_key]

    def owner_of_key(self, target: Target) -> _Found | None:
        """Whose the target's key is, of its own account first."""
        owners = self._by_key[target.integration_key]
        return min(owners, key=lambda one: (one.account != target.account, one.pk), default=None)

    def has_key(self, one: _Found, target: Target) -> bool:
        """Whether the target's key is the service's."""
        return one in self._by_key[target.integration_key]

    def is_configured(self, one: _Found) -> bool:
        """Whether the account is one that PagerDuty can be asked about."""
        return one.account in self._accounts


def _columns_of(target: Target, stored: _Stored) -> dict[str, Any]:
    own = [one for one in stored.named_by(target) if one.account == target.account]
    others = [one for one in stored.named_by(target) if stored.is_configured(one)]
    other = own[1:] if own else others
    owner = stored.owner_of_key(target)
    is_overlay = target.place == OVERLAY_PLACE
    origin = Mapping.Origin.OVERLAY if is_overlay else Mapping.Origin.ANNOTATION
    return {
        "origin": Mapping.Origin.LINK if target.is_link else origin,
        "label": target.label,
        "place": target.place[:PLACE_LENGTH],
        "key_place": target.key_place[:PLACE_LENGTH],
        "account_place": target.account_place[:PLACE_LENGTH],
        "repeated_at": target.repeated_at[:PLACE_LENGTH],
        "service_id": own[0].pk if own else None,
        "problem": _problem(target, own, others, stored),
        "other_id": other[0].pk if other else None,
        "key_owner_id": owner.pk if owner else None,
    }


def _problem(
    target: Target, own: Sequence[_Found], others: Sequence[_Found], stored: _Stored
) -> str:
    """What is wrong with a target as far as the stored services tell; empty for nothing."""
    if not own:
        if target.service_pd_id and not is_service_id(target.service_pd_id):
            return ProblemKind.ODD_SERVICE_ID
        if others:
            return ProblemKind.OTHER_ACCOUNT
        return ProblemKind.NO_SUCH_SERVICE if target.service_pd_id else ProblemKind.NO_SUCH_KEY
    if target.integration_key and not stored.has_key(own[0], target):
        owner = stored.owner_of_key(target)
        # A key beside several ids is that of one of them.
        if not (target.shares_key and owner and owner.account == target.account):
            return ProblemKind.KEY_OF_OTHER_SERVICE
    if len(own) > 1:
        return ProblemKind.KEY_OF_SEVERAL
    return ProblemKind.NAMED_TWICE if target.repeated_at else ""
