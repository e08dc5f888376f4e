"""The number that says whether anything counted or drawn from the catalog is still true."""

from django.db.models import F

from catalog.models import CatalogState

_ROW = 1


def current() -> int:
    """How often the catalog was written; 0 before the first time. One query."""
    found = CatalogState.objects.filter(pk=_ROW).values_list("version", flat=True).first()
    return found or 0


def bump() -> None:
    """Say that the catalog is written; call it in the transaction of every write.

    Source of the contract: whoever counts keeps the counts under the number that was current
    *before* counting.
    """
    CatalogState.objects.get_or_create(pk=_ROW)
    CatalogState.objects.filter(pk=_ROW).update(version=F("version") + 1)
