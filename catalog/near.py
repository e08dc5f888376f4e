"""What a reference that leads nowhere may have meant."""

from collections.abc import Sequence
from difflib import SequenceMatcher

from django.db.models import Case, IntegerField, Q, Value, When
from django.db.models.functions import Length

from catalog.kinds import Kind
from catalog.models import Entity
from catalog.refs import EntityRef
from catalog.search import MAX_TEXT, clean

CANDIDATE_LIMIT = 400
NEAR_ENOUGH = 0.6


def near_names(wanted: EntityRef, *, limit: int = 5) -> list[Entity]:
    """The entities a mistyped reference may have meant, best first. Two queries at most.

    The same name elsewhere comes first, then names that share letters, the same kind before
    others.
    """
    name = clean(wanted.name)
    if not name or len(wanted.name) > MAX_TEXT:
        return []
    pieces = {name[at : at + 3] for at in range(max(len(name) - 2, 1))}
    shared = sum(
        (
            Case(When(name__icontains=piece, then=1), default=0, output_field=IntegerField())
            for piece in sorted(pieces)[:40]
        ),
        start=Value(0, output_field=IntegerField()),
    )
    candidates = (
        Entity.objects.for_list()
        .prefetch_related(None)
        .annotate(shared=shared)
        .filter(shared__gt=0)
        .order_by("-shared", Length("name"), "name")[:CANDIDATE_LIMIT]
    )
    ranked = sorted(
        ((_likeness(wanted, entity.entity_ref), entity) for entity in candidates),
        key=lambda pair: (-pair[0], pair[1].ref),
    )
    return [entity for likeness, entity in ranked if likeness >= NEAR_ENOUGH][:limit]


def near_refs(missing: Sequence[EntityRef]) -> dict[str, str]:
    """For each reference that leads nowhere, the one it most likely meant, where there is one.

    One query whatever the number; only entities of the same kind whose name begins with the same
    letter, or ends alike, are looked at, four hundred at most.
    """
    if not missing:
        return {}
    nearby = Q()
    for ref in missing:
        if name := clean(ref.name):
            kind = Kind.from_segment(ref.kind)
            alike = Q(name__istartswith=name[:2]) | Q(name__iendswith=name[-4:])
            nearby |= (alike & Q(kind=kind)) if kind else Q(name__iexact=name)
    if not nearby:
        return {}
    rows = Entity.objects.filter(nearby).order_by("name").values_list("ref", flat=True)
    candidates = [EntityRef.parse(ref) for ref in rows[:CANDIDATE_LIMIT]]
    found = {}
    for ref in missing:
        best = max(candidates, key=lambda other: _likeness(ref, other), default=None)
        if best and _likeness(ref, best) >= NEAR_ENOUGH:
            found[str(ref)] = str(best)
    return found


def _likeness(wanted: EntityRef, other: EntityRef) -> float:
    """How alike two references are, 0 to 1.4: the names, and a little for the same place."""
    names = SequenceMatcher(None, wanted.name, other.name).ratio()
    same_kind = 0.1 if wanted.kind == other.kind else 0
    same_namespace = 0.1 if wanted.namespace == other.namespace else 0
    same_name = 0.2 if wanted.name == other.name else 0
    return names + same_kind + same_namespace + same_name if names >= NEAR_ENOUGH else 0.0
