"""Groups as a tree: what is nested below a group, whichever end declares it."""

from collections.abc import Iterable, Iterator

from django.db.models import F

from catalog.models import Relation

MAX_LEVELS = 20
_AT_ONCE = 500


def below(refs: Iterable[str]) -> list[str]:
    """The given groups and every group nested below them, each once, the given ones first.

    Groups that lead back to themselves are no trap. One query a level for up to 500 groups of it,
    at most twenty levels.

    Args:
        refs: Canonical references.
    """
    level = list(dict.fromkeys(refs))
    seen = dict.fromkeys(level)
    for _ in range(MAX_LEVELS):
        level = [ref for ref in dict.fromkeys(_children(level)) if ref not in seen]
        if not level:
            break
        seen |= dict.fromkeys(level)
    return list(seen)


def _children(parents: list[str]) -> Iterator[str]:
    """The groups directly below, as either end says."""
    for start in range(0, len(parents), _AT_ONCE):
        some = parents[start : start + _AT_ONCE]
        told_above = Relation.objects.filter(
            source__ref__in=some, type=Relation.Type.PARENT_OF
        ).values_list("target_ref")
        told_below = Relation.objects.filter(
            target_ref__in=some, type=Relation.Type.CHILD_OF
        ).values_list(F("source__ref"))
        for (ref,) in told_above.union(told_below).order_by("target_ref"):
            yield ref
