"""Which PagerDuty services the entities of the whole catalog name, all at once.

The same as ``targets.targets_of_many`` says of a few, without loading a descriptor for each.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from catalog import versions
from catalog.models import Annotation, Entity
from pagerduty_card.accounts import DEFAULT_ACCOUNT
from pagerduty_card.mapping.resolving import ACCOUNT, INTEGRATION_KEY, SERVICE_ID
from pagerduty_card.mapping.targets import digest_of
from pagerduty_card.models import ServiceLink

__all__ = ["Named", "digest_of", "named_services", "named_twice"]

# An annotation's row has no more of its value; the rest is in the descriptor.
_CUT_AT = 500


class Named(NamedTuple):
    """A service as an entity names it.

    Attributes:
        account: Name of the account.
        pd_id: PagerDuty's id; empty when only a key was written.
        key_digest: Of the integration key, where there is no id: the key is a secret, and this is
            kept in the cache.
    """

    account: str
    pd_id: str
    key_digest: str = ""


def named_services(version: int) -> dict[int, tuple[Named, ...]]:
    """The services that each entity names, by the entity's primary key; each service once.

    Kept as long as the catalog is not written, which includes its links. Else three queries.

    Args:
        version: The catalog's.
    """
    return _kept(version).services


def named_twice(version: int) -> frozenset[int]:
    """Primary keys of the entities that name a service twice; read and kept with the services.

    Args:
        version: The catalog's.
    """
    return _kept(version).twice


class _Names(NamedTuple):
    services: dict[int, tuple[Named, ...]]
    twice: frozenset[int]


def _kept(version: int) -> _Names:
    return versions.cached("pagerduty-names", (), version, _read)


def _read() -> _Names:
    annotations: dict[int, dict[str, str]] = {}
    rows = Annotation.objects.filter(key__in=(SERVICE_ID, INTEGRATION_KEY, ACCOUNT))
    for entity, key, value in rows.values_list("entity_id", "key", "value"):
        annotations.setdefault(entity, {})[key] = value
    _complete(annotations)
    named = {entity: list(_of_annotations(values)) for entity, values in annotations.items()}
    links = ServiceLink.objects.order_by("entity", "label", "pk")
    columns = ("entity_id", "account", "service_pd_id", "label")
    for entity, account, pd_id, label in links.values_list(*columns):
        one = Named(account.strip() or DEFAULT_ACCOUNT, pd_id.strip())
        names = named.setdefault(entity, [])
        # To a service that is named already, a link with a label gives the label.
        if not label or one not in names:
            names.append(one)
    once = {entity: tuple(dict.fromkeys(names)) for entity, names in named.items() if names}
    return _Names(
        services=once,
        twice=frozenset(entity for entity in once if len(once[entity]) < len(named[entity])),
    )


def _complete(annotations: Mapping[int, dict[str, str]]) -> None:
    cut = [
        entity
        for entity, values in annotations.items()
        if any(len(value) >= _CUT_AT for value in values.values())
    ]
    if cut:
        for entity in Entity.objects.filter(pk__in=cut).only("descriptor"):
            annotations[entity.pk].update(
                (key, value)
                for key, value in entity.annotations.items()
                if key in annotations[entity.pk] and isinstance(value, str)
            )


def _of_annotations(values: Mapping[str, str]) -> Iterable[Named]:
    account = values.get(ACCOUNT, "").strip() or DEFAULT_ACCOUNT
    ids = [word.strip() for word in values.get(SERVICE_ID, "").split(",") if word.strip()]
    if ids:
        return [Named(account, pd_id) for pd_id in ids]
    key = values.get(INTEGRATION_KEY, "").strip()
    return [Named(account, "", digest_of(key))] if key else []
