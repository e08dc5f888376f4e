"""Groups as a tree: what is nested below a group, who is in it, and what it owns."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from django.db.models import Count, F

from catalog.kinds import Kind
from catalog.models import Entity, EntityQuerySet, Relation
from portal.batches import in_batches

MAX_LEVELS = 20


class Nested(NamedTuple):
    """Groups and what is nested below them.

    Attributes:
        refs: Canonical references, each once, the given ones first.
        is_cut: Whether there are more, below the last level that is looked at.
    """

    refs: list[str]
    is_cut: bool


def below(refs: Iterable[str]) -> list[str]:
    """The given groups and every group nested below them; see :func:`nested`."""
    return nested(refs).refs


def nested(
    refs: Iterable[str], *, keep: Callable[[list[str]], list[str]] = lambda refs: refs
) -> Nested:
    """The given groups and every group nested below them, at most twenty levels.

    Groups that lead back to themselves are no trap. One query a level for up to 500 groups of it.

    Args:
        refs: Canonical references.
        keep: Chooses which groups of a level count; the others lead nowhere either.
    """
    level = list(dict.fromkeys(refs))
    seen = dict.fromkeys(level)
    for _ in range(MAX_LEVELS):
        level = keep([ref for ref in dict.fromkeys(_children(level)) if ref not in seen])
        if not level:
            return Nested(list(seen), is_cut=False)
        seen |= dict.fromkeys(level)
    return Nested(list(seen), is_cut=any(ref not in seen for ref in _children(level)))


def _children(parents: list[str]) -> Iterator[str]:
    """The groups directly below, as either end says."""
    for some in in_batches(parents):
        declared_above = Relation.objects.filter(
            source__ref__in=some, type=Relation.Type.PARENT_OF
        ).values_list("target_ref")
        declared_below = Relation.objects.filter(
            target_ref__in=some, type=Relation.Type.CHILD_OF
        ).values_list(F("source__ref"))
        for (ref,) in declared_above.union(declared_below).order_by("target_ref"):
            yield ref


def owned_by(refs: Sequence[str]) -> EntityQuerySet:
    """What any of these groups and people owns, by the name shown."""
    return Entity.objects.filter(owner_ref__in=refs).order_by("sort_name", "pk")


def counts_by_kind(entities: EntityQuerySet) -> dict[Kind, int]:
    """How many entities there are of each kind, in the order of the kinds. One query."""
    counts = dict(entities.order_by().values_list("kind").annotate(n=Count("pk")))
    return {kind: counts[kind] for kind in Kind if kind in counts}


def groups_of(people: Sequence[str], among: Iterable[str]) -> dict[str, list[str]]:
    """Which of these groups each person is a member of. One query.

    Args:
        people: Canonical references: those of one page.
        among: Canonical references of groups.
    """
    declared_by_group = Relation.objects.filter(
        target_ref__in=people, type=Relation.Type.HAS_MEMBER
    ).values_list("target_ref", "source__ref")
    declared_by_person = Relation.objects.filter(
        source__ref__in=people, type=Relation.Type.MEMBER_OF
    ).values_list("source__ref", "target_ref")
    wanted = set(among)
    found: dict[str, list[str]] = {}
    for person, group in declared_by_group.union(declared_by_person):
        if group in wanted:
            found.setdefault(person, []).append(group)
    return {person: sorted(groups) for person, groups in found.items()}
