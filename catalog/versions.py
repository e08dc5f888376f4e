"""The version of the catalog, which every write raises, and what is cached under it."""

import hashlib
import time
from collections.abc import Callable
from typing import TypeVar

from django.db.models import F, Subquery, Value
from django.db.models.functions import Greatest

from catalog.models import CatalogState
from portal.cache import keep, kept

T = TypeVar("T")
_ROW = 1
_CACHED_S = 3600


def current() -> int:
    """The number of the last write; 0 before the first. One query."""
    found = CatalogState.objects.filter(pk=_ROW).values_list("version", flat=True).first()
    return found or 0


def subquery() -> Subquery:
    """The same number as a part of another query; NULL before the first write."""
    return Subquery(CatalogState.objects.filter(pk=_ROW).values("version")[:1])


def bump() -> None:
    """Say that the catalog is written; call it in the transaction of every write.

    The number goes up and is used once: it is the time in microseconds. One that merely counted
    would come again after a transaction that was taken back, in a database put back from a backup,
    and in a new one beside the cache of the last, with other content each time.

    Source of the contract: whoever counts keeps the counts under the number that was current
    *before* counting.
    """
    CatalogState.objects.get_or_create(pk=_ROW)
    now = Value(time.time_ns() // 1_000)
    CatalogState.objects.filter(pk=_ROW).update(version=Greatest(F("version") + 1, now))


def cached(
    name: str,
    parts: object,
    version: int,
    read: Callable[[], T],
    *,
    timeout_s: int = _CACHED_S,
) -> T:
    """What was read at this version of the catalog, from the cache; else read now, and put there.

    A cache that is empty or broken costs the reading, nothing else.

    Args:
        name: What it is, for the cache's key.
        parts: What else it depends on; its ``repr`` says so.
        version: The catalog's, read before the reading: what is written meanwhile is read by
            whoever comes next.
        read: Reads it; the result must be picklable.
        timeout_s: How long it stays, for what soon depends on something else.
    """
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()
    key = f"catalog:{name}:{version}:{digest}"
    found: tuple[T] | None = kept(key)
    if found is not None:
        return found[0]
    made = read()
    keep(key, (made,), timeout_s)
    return made
