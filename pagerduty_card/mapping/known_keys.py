"""Every integration key that the catalog or the mirror has, so that copies are masked anywhere."""

import secrets
from typing import Any

from django.core.cache import cache
from django.db import transaction

from catalog.masking import digest_of
from catalog.models import Entity, EntityQuerySet, Overlay
from pagerduty_card.mapping.targets import INTEGRATION_KEY
from pagerduty_card.models import Integration

# The cache holds only a mark: each process keeps the digests that it collected under it.
_CACHE_KEY = "pagerduty:known-keys"
_collected: dict[str, frozenset[str]] = {}
# A reader may have begun to collect them before a write: that set ends by itself.
_CACHED_S = 60


def known_keys() -> frozenset[str]:
    """Digests of all known keys, see :func:`catalog.masking.digest_of`; none or three queries."""
    mark: str | None = cache.get(_CACHE_KEY)
    if mark is None:
        mark = secrets.token_hex(8)
        cache.set(_CACHE_KEY, mark, _CACHED_S)
    found = _collected.get(mark)
    if found is None:
        found = frozenset(map(digest_of, filter(None, _keys())))
        _collected.clear()
        _collected[mark] = found
    return found


def forget_known_keys(**_signal: Any) -> None:
    """Collect them anew: keys may have been written."""
    cache.delete(_CACHE_KEY)
    transaction.on_commit(lambda: cache.delete(_CACHE_KEY))


def _keys() -> set[str]:
    laid_over = Overlay.objects.filter(field=Overlay.Field.ANNOTATION, key=INTEGRATION_KEY)
    return {
        *Integration.objects.order_by().values_list("integration_key", flat=True),
        *_named(Entity.objects.filter(mappings__key_digest__gt="")),
        *_named(Entity.objects.filter(ref__in=laid_over.values("entity_id"))),
    }


def _named(entities: EntityQuerySet) -> set[str]:
    paths = ("descriptor__metadata__annotations", "written__metadata__annotations")
    return {
        value
        for row in entities.order_by().values_list(*paths)
        for annotations in row
        if annotations and isinstance(value := annotations.get(INTEGRATION_KEY), str)
    }
