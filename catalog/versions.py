"""The number that says whether anything counted or drawn from the catalog is still true."""

import time

from django.db.models import F, Value
from django.db.models.functions import Greatest

from catalog.models import CatalogState

_ROW = 1


def current() -> int:
    """The number of the last write; 0 before the first. One query."""
    found = CatalogState.objects.filter(pk=_ROW).values_list("version", flat=True).first()
    return found or 0


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
