"""Which keys the doctor tries: a few of those that entities would be paged with."""

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import chain

from catalog.models import Entity
from catalog.refs import EntityRef, InvalidRefError
from pagerduty_card.mapping.resolving import resolve_many
from pagerduty_card.models import Mapping

# Each costs a request of the 120 that one key has in a minute.
KEYS_TRIED = 3
_ENTITIES_READ = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A key that pages, and the service it pages.

    Attributes:
        key: A secret.
    """

    service: str
    key: str = field(repr=False)


def known_keys(accounts: Collection[str], entity_ref: str = "") -> dict[str, list[KnownKey]]:
    """Find a few keys of each account, by its name; those of the entity first.

    Args:
        accounts: Names; each costs four queries.
        entity_ref: Of the entity that somebody asks about, as typed; may be empty or of nothing.
    """
    wanted = _ref_of(entity_ref)
    found: dict[str, list[KnownKey]] = {}
    for name in accounts:
        rows = Mapping.objects.filter(account=name).order_by("entity__ref", "pk")
        pks = [*rows.values_list("entity_id", flat=True)[:_ENTITIES_READ]]
        entities = [
            *Entity.objects.filter(ref=wanted).exclude(pk__in=pks),
            *Entity.objects.filter(pk__in=pks),
        ]
        entities.sort(key=lambda one: (one.ref != wanted, one.ref))
        mapped = chain.from_iterable(resolve_many(entities).values())
        keys: dict[str, KnownKey] = {}
        for one in mapped:
            if one.target.account == name and one.can_page:
                service = one.service.name if one.service else "a service not known yet"
                keys.setdefault(one.routing_key, KnownKey(service=service, key=one.routing_key))
        found[name] = list(keys.values())[:KEYS_TRIED]
    return found


def _ref_of(text: str) -> str:
    try:
        ref = EntityRef.parse(text.strip(), default_kind="component")
    except InvalidRefError:
        return ""
    return "" if "\x00" in text else str(ref)  # PostgreSQL refuses it in a query
