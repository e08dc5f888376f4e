"""An entity's neighbourhood: the edges it declares and those declared about it, as one.

The same edge may be written at either end or at both; here it appears once. Nothing is cut off
silently: each group says how many neighbours there are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import OuterRef, Q, Subquery

from catalog.models import Entity, Relation
from catalog.querysets import EntityQuerySet, RelationQuerySet
from catalog.refs import EntityRef

GROUP_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One end of an edge.

    Attributes:
        ref: Canonical reference.
        title: The name to show; empty when the entity has no title, or is not in the catalog.
        name: The name as written; the reference's name when it is not in the catalog.
        exists: Whether the catalog has it.
    """

    ref: EntityRef
    name: str
    title: str = ""
    exists: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """All neighbours to which the entity is related in one way.

    Attributes:
        total: How many there are.
        nodes: The first 200 of them, by kind and name.
    """

    type: Relation.Type
    total: int
    nodes: Sequence[Node]

    @property
    def is_cut(self) -> bool:
        """Whether there are more neighbours than nodes."""
        return self.total > len(self.nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """What surrounds an entity.

    Attributes:
        edges: One group for each type of relation the entity has, in the order of the types.
        names: Every reference that was looked up, with its node.
    """

    edges: Sequence[Edges]
    names: Mapping[str, Node]

    @property
    def dangling(self) -> list[Node]:
        """The neighbours that the catalog does not have, each once."""
        return list(
            {
                str(node.ref): node
                for edges in self.edges
                for node in edges.nodes
                if not node.exists
            }.values()
        )


# More edges than this are counted and cut by the database; fewer are cheaper to read whole.
_READ_WHOLE = 500


def neighbourhood(entity: Entity) -> Neighbourhood:
    """Collect what surrounds the entity.

    One query, or a dozen for an entity with hundreds of edges; never one for each neighbour.
    """
    edges = _named(Relation.objects.around(entity)[: _READ_WHOLE + 1])
    totals: Counter[str] = Counter()
    if len(edges) > _READ_WHOLE:
        edges, totals = _crowd(entity)
    nodes: dict[str, set[str]] = {}
    names: dict[str, Node] = {}
    for type_, source, target in edges:
        if source.ref == entity.ref:
            nodes.setdefault(type_, set()).add(target.ref)
            names[target.ref] = _node(*target)
        if target.ref == entity.ref:
            nodes.setdefault(Relation.Type(type_).inverse.value, set()).add(source.ref)
            names[source.ref] = _node(*source)
    names |= nodes_of({entity.owner_ref, entity.system_ref} - names.keys() - {""})
    return Neighbourhood(
        edges=[
            Edges(
                type=type_,
                total=max(totals[type_], len(nodes[type_])),
                nodes=sorted(
                    (names[ref] for ref in nodes[type_]),
                    key=lambda node: (node.ref.kind, node.ref.name),
                )[:GROUP_LIMIT],
            )
            for type_ in Relation.Type
            if type_ in nodes
        ],
        names=names,
    )


class _End(NamedTuple):
    """One end of an edge; ``name`` is None for one that the catalog does not have."""

    ref: str
    name: str | None
    title: str | None


def _named(relations: RelationQuerySet) -> list[tuple[str, _End, _End]]:
    """Type, source and target of each, with the names of both, in one query."""
    target = Entity.objects.filter(ref=OuterRef("target_ref"))
    rows = relations.annotate(
        target_name=Subquery(target.values("name")), target_title=Subquery(target.values("title"))
    ).values_list(
        "type",
        "source__ref",
        "source__name",
        "source__title",
        "target_ref",
        "target_name",
        "target_title",
    )
    return [(type_, _End(*ends[:3]), _End(*ends[3:])) for type_, *ends in rows]


def _crowd(entity: Entity) -> tuple[list[tuple[str, _End, _End]], Counter[str]]:
    """The first edges of each type in either direction, and how many neighbours there are."""
    edges: list[tuple[str, _End, _End]] = []
    totals: Counter[str] = Counter()
    declared = Relation.objects.filter(source=entity)
    about = Relation.objects.filter(target_ref=entity.ref)
    for type_ in declared.order_by().values_list("type", flat=True).distinct():
        found = declared.filter(type=type_)
        edges += _named(found.order_by("target_ref")[:GROUP_LIMIT])
        totals[type_] += found.count()
    for type_ in about.order_by().values_list("type", flat=True).distinct():
        found = about.filter(type=type_)
        edges += _named(found.order_by("source__kind", "source__name")[:GROUP_LIMIT])
        seen_as = Relation.Type(type_).inverse
        # An edge that both ends declare is one.
        told_here = declared.filter(type=seen_as).values("target_ref")
        totals[seen_as] += found.exclude(source__ref__in=told_here).count()
    return edges, totals


def _node(ref: str, name: str | None, title: str | None) -> Node:
    parsed = EntityRef.parse(ref)
    if name is None:
        return Node(ref=parsed, name=parsed.name, exists=False)
    return Node(ref=parsed, name=name, title=title or "")


def nodes_of(refs: Iterable[str]) -> dict[str, Node]:
    """A node for each reference, those the catalog does not have included. One query, or none."""
    wanted = set(refs)
    if not wanted:
        return {}
    found = {
        ref: (name, title)
        for ref, name, title in Entity.objects.filter(ref__in=wanted).values_list(
            "ref", "name", "title"
        )
    }
    return {ref: _node(ref, *found.get(ref, (None, None))) for ref in wanted}


def neighbours(entity: Entity, relation: Relation.Type) -> EntityQuerySet:
    """Every neighbour of one type that the catalog has, each once, by name."""
    declared = Relation.objects.filter(source=entity, type=relation).values("target_ref")
    about = Relation.objects.filter(target_ref=entity.ref, type=relation.inverse)
    return Entity.objects.filter(
        Q(ref__in=declared) | Q(pk__in=about.values("source_id"))
    ).order_by("name", "namespace", "kind")
