"""Every integration key that the catalog or the mirror has, so that copies are masked anywhere.

Pages mask them when they are shown. What the search compares with is stored, and its writer may not
know a key that another process stores meanwhile. So whoever writes texts or keys looks into the
texts once more when that is committed: of two at once, the later one sees what both wrote.
"""

import hashlib
import secrets
from collections.abc import Iterable
from typing import Any

from django.core.cache import cache, caches
from django.db import connection, transaction

from catalog.columns import hide_in_texts
from catalog.masking import digest_of
from catalog.models import Entity, EntityQuerySet, Overlay
from pagerduty_card.mapping.remapping import fits_code
from pagerduty_card.mapping.targets import INTEGRATION_KEY
from pagerduty_card.models import Integration

# The cache holds only a mark: each process keeps the digests that it collected under it.
_CACHE_KEY = "pagerduty:known-keys"
_collected: dict[str, frozenset[str]] = {}
# A reader may have begun to collect them before a write: that set ends by itself.
_CACHED_S = 60
# The digest of the keys that were looked for in all texts, by whatever process.
_HIDDEN_KEY = "pagerduty:hidden-keys"
_HIDDEN_FOR_S = 24 * 3600


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


def when_entities_written(pks: Iterable[int], **_signal: Any) -> None:
    """Receive ``catalog.signals.entities_written``."""
    forget_known_keys()
    hide_known_keys(pks)


def when_migrated(using: str, plan: object = None, **_signal: Any) -> None:
    """Receive ``post_migrate``: texts may have been written by an earlier release."""
    if fits_code(using, plan):
        caches["shared"].delete(_HIDDEN_KEY)
        hide_known_keys()


def forget_known_keys() -> None:
    """Collect them anew: keys may have been written."""
    cache.delete(_CACHE_KEY)
    transaction.on_commit(lambda: cache.delete(_CACHE_KEY))


def hide_known_keys(pks: Iterable[int] = ()) -> None:
    """Leave none of them in a stored text, once for each transaction, when it is committed.

    Args:
        pks: Entities whose texts were written. Where other keys are known than at the last look,
            the texts of all entities are looked into.
    """
    for call in connection.run_on_commit:
        look = getattr(call[1], "__self__", None)
        if isinstance(look, _Look):
            look.pks.update(pks)
            return
    transaction.on_commit(_Look(set(pks)).hide, robust=True)


class _Look:
    """A look into texts that were written in one transaction."""

    def __init__(self, pks: set[int]) -> None:
        self.pks = pks

    def hide(self) -> None:
        keys = sorted(set(filter(None, _keys())))
        digest = hashlib.sha256("\n".join(keys).encode("utf-8", "surrogatepass")).hexdigest()
        # The set of another moment may still be in the cache.
        forget_known_keys()
        if caches["shared"].get(_HIDDEN_KEY) == digest:
            hide_in_texts(keys, self.pks)
        else:
            hide_in_texts(keys)
            caches["shared"].set(_HIDDEN_KEY, digest, _HIDDEN_FOR_S)


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
