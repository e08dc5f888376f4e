"""An entity's neighbourhood: the edges it declares and those declared about it, as one.

The same edge may be written at either end or at both; here it appears once. Nothing is cut off
silently: each group says how many neighbours there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.functions import RowNumber

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


_SEEN_AS = Case(
    *(When(type=type_, then=Value(type_.inverse.value)) for type_ in Relation.Type),
    output_field=CharField(),
)


def neighbourhood(entity: Entity) -> Neighbourhood:
    """Collect what surrounds the entity, in one query however much there is."""
    target = Entity.objects.filter(ref=OuterRef("target_ref"))
    declared = (
        Relation.objects.filter(source=entity)
        .annotate(
            total=Window(Count("pk"), partition_by=["type"]),
            position=Window(RowNumber(), partition_by=["type"], order_by=["target_ref"]),
            other_name=Subquery(target.values("name")),
            other_title=Subquery(target.values("title")),
            end=Value("declared"),
        )
        .filter(position__lte=GROUP_LIMIT)
        .values_list("end", "type", "total", "target_ref", "other_name", "other_title")
    )
    about = (
        _declared_about(entity)
        .annotate(
            end=Value("about"),
            total=Window(Count("pk"), partition_by=["seen_as"]),
            position=Window(
                RowNumber(), partition_by=["seen_as"], order_by=["source__kind", "source__name"]
            ),
        )
        .filter(position__lte=GROUP_LIMIT)
        .values_list("end", "seen_as", "total", "source__ref", "source__name", "source__title")
    )
    totals: dict[str, dict[str, int]] = {}
    nodes: dict[str, list[Node]] = {}
    for end, type_, total, ref, name, title in declared.union(about, all=True):
        totals.setdefault(type_, {})[end] = total
        nodes.setdefault(type_, []).append(_node(ref, name, title))
    names = {str(node.ref): node for found in nodes.values() for node in found}
    names |= nodes_of({entity.owner_ref, entity.system_ref} - names.keys() - {""})
    return Neighbourhood(
        edges=[
            Edges(
                type=type_,
                total=sum(totals[type_].values()),
                nodes=sorted(nodes[type_], key=lambda node: (node.ref.kind, node.ref.name))[
                    :GROUP_LIMIT
                ],
            )
            for type_ in Relation.Type
            if type_ in nodes
        ],
        names=names,
    )


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


def _declared_about(entity: Entity) -> RelationQuerySet:
    """Edges others declare about the entity and it does not declare itself, with ``seen_as``."""
    own = Relation.objects.filter(
        source=entity, type=OuterRef("seen_as"), target_ref=OuterRef("source__ref")
    )
    rows: RelationQuerySet = Relation.objects.filter(target_ref=entity.ref)
    return rows.annotate(seen_as=_SEEN_AS).exclude(Exists(own))
