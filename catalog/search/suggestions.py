"""Suggest entities for a reference that the catalog does not have.

The names are compared in memory (``catalog.search.spelling``): the queries are as many, and the
suggestions as good, whatever the catalog's size. What is suggested is there: the database says so.
"""

from collections.abc import Collection, Iterator, Sequence

from rapidfuzz import fuzz, process

from catalog.kinds import Kind
from catalog.models import Entity
from catalog.refs import EntityRef
from catalog.search.spelling import Names, names_by_kind
from catalog.search.text_search import MAX_TEXT, clean

NEAR_ENOUGH = 60
_SAME_KIND, _SAME_NAMESPACE, _SAME_NAME = 10, 10, 20
_CANDIDATES = 50
# What is nearest may be gone since the names were read.
_VERIFIED = 3


def similar_entities(wanted: EntityRef, *, limit: int = 5) -> list[Entity]:
    """The entities a mistyped reference may have meant, best first. Three queries at most.

    The same name elsewhere comes first, then names that share letters, the same kind before
    others.
    """
    name = clean(wanted.name)
    if not name or len(wanted.name) > MAX_TEXT:
        return []
    scored: dict[str, float] = {}
    for kind, known in names_by_kind().items():
        scored |= dict(_nearest(wanted, kind, known))
    best = sorted(scored, key=lambda ref: (-scored[ref], ref))[: limit + _VERIFIED]
    rows = Entity.objects.without_documents().filter(ref__in=best)
    found = {entity.ref: entity for entity in rows}
    return [found[ref] for ref in best if ref in found][:limit]


def suggested_refs(missing: Sequence[EntityRef], *, is_fresh: bool = False) -> dict[str, str]:
    """The entity that each unresolved reference most likely means, where there is one.

    One query, or three once a minute, whatever the number; only entities of the same kind are
    looked at, or of the same name where there is no such kind.

    Args:
        missing: The unresolved references.
        is_fresh: Suggest what this very transaction has written, too.
    """
    if not missing:
        return {}
    known = names_by_kind(is_fresh=is_fresh)
    best = {}
    for ref in missing:
        if len(ref.name) > MAX_TEXT:
            continue
        kinds = [ref.kind] if Kind.from_segment(ref.kind) else list(known)
        scored = [
            pair for kind in kinds if kind in known for pair in _nearest(ref, kind, known[kind])
        ]
        scored.sort(key=lambda pair: (-pair[1], pair[0]))
        best[str(ref)] = [near for near, _score in scored[:_VERIFIED]]
    there = _there({near for some in best.values() for near in some})
    found = {ref: next(filter(there.__contains__, some), "") for ref, some in best.items()}
    return {ref: near for ref, near in found.items() if near}


def _there(refs: Collection[str]) -> set[str]:
    """Those of the references that exist; one query at most."""
    rows = Entity.objects.order_by().filter(ref__in=refs)
    return set(rows.values_list("ref", flat=True)) if refs else set()


def _nearest(wanted: EntityRef, kind: str, known: Names) -> Iterator[tuple[str, float]]:
    """The nearest references of one kind, with 60 to 140 for how near each is."""
    near = process.extract(
        wanted.name, known.names, scorer=fuzz.ratio, score_cutoff=NEAR_ENOUGH, limit=_CANDIDATES
    )
    for name, score, at in near:
        namespace = known.namespaces[at]
        score += _SAME_KIND * (kind == wanted.kind)
        score += _SAME_NAMESPACE * (namespace == wanted.namespace)
        score += _SAME_NAME * (name == wanted.name)
        yield f"{kind}:{namespace}/{name}", score
