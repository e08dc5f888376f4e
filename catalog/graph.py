"""An entity's neighbourhood: the edges it declares and those declared about it, as one.

The same edge may be written at either end or at both; here it appears once. Nothing is cut off
silently: each group says how many neighbours there are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.functions import RowNumber

from catalog.kinds import Kind
from catalog.models import Entity, EntityQuerySet, Relation, RelationQuerySet
from catalog.refs import EntityRef

GROUP_LIMIT = 60
# What one descriptor declares is looked at whole, within reason: a name that leads nowhere is told.
DECLARED_LIMIT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One end of an edge.

    Attributes:
        ref: Canonical reference.
        title: The name to show; empty when the entity has no title, or is not in the catalog.
        name: The name as written; the reference's name when it is not in the catalog.
        exists: Whether the catalog has it.
        is_orphan: Whether no file of its location has it any more.
    """

    ref: EntityRef
    name: str
    title: str = ""
    exists: bool = True
    is_orphan: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """All neighbours to which the entity is related in one way.

    Attributes:
        total: How many there are.
        nodes: At most 60 of them, by kind and name.
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

    def of(self, type_: Relation.Type) -> Edges:
        """The neighbours of one type, which may be none."""
        return next(
            (edges for edges in self.edges if edges.type == type_),
            Edges(type=type_, total=0, nodes=()),
        )

    @property
    def total(self) -> int:
        """How many neighbours there are, each counted once for each way it is related."""
        return sum(edges.total for edges in self.edges)

    @property
    def unresolved(self) -> list[Node]:
        """The neighbours that the catalog does not have, each once."""
        return sorted(
            (node for node in self.names.values() if not node.exists),
            key=lambda node: str(node.ref),
        )


# More edges than this are counted and cut by the database; fewer are cheaper to read whole.
_READ_WHOLE = 200


def neighbourhood(entity: Entity) -> Neighbourhood:
    """Collect what surrounds the entity.

    One query, or three for an entity with more than 200 edges; never one for each neighbour.
    """
    edges = _named(Relation.objects.around(entity))[: _READ_WHOLE + 1]
    found = [_edge(row) for row in edges]
    totals: Counter[str] = Counter()
    if len(found) > _READ_WHOLE:
        found, totals = _some_edges(entity)
    nodes: dict[str, set[str]] = {}
    names: dict[str, Node] = {}
    for type_, source, target in found:
        if source.ref == entity.ref:
            nodes.setdefault(type_, set()).add(target.ref)
            names[target.ref] = _node(target)
        if target.ref == entity.ref:
            nodes.setdefault(Relation.Type(type_).inverse.value, set()).add(source.ref)
            names[source.ref] = _node(source)
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
    name: str | None = None
    title: str | None = None
    orphaned_at: object = None


_Edge = tuple[str, _End, _End]


def _named(relations: RelationQuerySet) -> QuerySet[Relation, tuple[Any, ...]]:
    """Type, source and target of each, with the names of both, in one query."""
    target = Entity.objects.filter(ref=OuterRef("target_ref"))
    return relations.annotate(
        target_name=Subquery(target.values("name")),
        target_title=Subquery(target.values("title")),
        target_orphaned_at=Subquery(target.values("orphaned_at")),
    ).values_list(
        "type",
        "source__ref",
        "source__name",
        "source__title",
        "source__orphaned_at",
        "target_ref",
        "target_name",
        "target_title",
        "target_orphaned_at",
    )


def _edge(row: Sequence[Any]) -> _Edge:
    type_, *ends = row
    return type_, _End(*ends[:4]), _End(*ends[4:])


def _some_edges(entity: Entity) -> tuple[list[_Edge], Counter[str]]:
    """Some edges of each type in either direction, and how many neighbours there are."""
    sides = {
        "declared": Relation.objects.filter(source=entity),
        "about": Relation.objects.filter(target_ref=entity.ref),
    }
    # An edge that both ends declare is one.
    inverse = Case(
        *(When(type=type_, then=Value(type_.inverse.value)) for type_ in Relation.Type),
        output_field=CharField(),
    )
    declared_there = Relation.objects.filter(
        source__ref=OuterRef("target_ref"), target_ref=entity.ref, type=OuterRef("seen_as")
    )
    twice = sides["declared"].annotate(seen_as=inverse).filter(Exists(declared_there))
    counted = _at_once(
        rows.annotate(side=Value(side, CharField()))
        .values_list("side", "type")
        .annotate(n=Count("pk"))
        for side, rows in {**sides, "twice": twice}.items()
    )
    totals: Counter[str] = Counter()
    for side, type_, number in counted:
        seen_as = Relation.Type(type_).inverse.value if side == "about" else type_
        totals[seen_as] += -number if side == "twice" else number
    rows = _at_once(
        _named(sides[side].filter(type=type_))[
            : DECLARED_LIMIT if side == "declared" else GROUP_LIMIT
        ]
        for side, type_, _ in counted
        if side in sides
    )
    return [_edge(row) for row in rows], totals


def _at_once(queries: Iterable[QuerySet[Any, Any]]) -> list[tuple[Any, ...]]:
    """The rows of several queries, each with its own limit, by one query.

    Django's own union cannot hold limits on SQLite.
    """
    parts = [query.query.sql_with_params() for query in queries]
    sql = " UNION ALL ".join(
        f"SELECT * FROM ({text}) AS part_{number}"  # noqa: S608 -- Django's own text, no values in it
        for number, (text, _) in enumerate(parts)
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for _, values in parts for value in values])
        return list(cursor.fetchall())


def _node(end: _End) -> Node:
    parsed = EntityRef.parse(end.ref)
    if end.name is None:
        return Node(ref=parsed, name=parsed.name, exists=False)
    is_orphan = end.orphaned_at is not None
    return Node(ref=parsed, name=end.name, title=end.title or "", is_orphan=is_orphan)


def nodes_of(refs: Iterable[str]) -> dict[str, Node]:
    """A node for each reference, those the catalog does not have included. One query, or none."""
    wanted = set(refs)
    if not wanted:
        return {}
    rows = Entity.objects.filter(ref__in=wanted)
    found = {row[0]: _End(*row) for row in rows.values_list("ref", "name", "title", "orphaned_at")}
    return {ref: _node(found.get(ref, _End(ref))) for ref in wanted}


def neighbours(entity: Entity, relation: Relation.Type) -> EntityQuerySet:
    """Every neighbour of one type that the catalog has, each once, by the name shown."""
    return _connected([entity.pk], [entity.ref], relation)


def connected(refs: Sequence[str], relation: Relation.Type) -> EntityQuerySet:
    """The neighbours of one type of any of these entities, each once, by the name shown.

    One query here, one for the rows.

    Args:
        refs: Canonical references.
        relation: As these entities see it.
    """
    keys = Entity.objects.filter(ref__in=refs).order_by().values_list("pk", flat=True)
    return _connected(list(keys), refs, relation)


def _connected(keys: Sequence[int], refs: Sequence[str], relation: Relation.Type) -> EntityQuerySet:
    declared = Relation.objects.filter(source__in=keys, type=relation)
    about = Relation.objects.filter(target_ref__in=refs, type=relation.inverse)
    # One list of keys: two joined by "or" would make PostgreSQL read every entity.
    found = (
        Entity.objects.filter(ref__in=declared.values("target_ref"))
        .order_by()
        .values("pk")
        .union(about.values("source_id"))
    )
    return Entity.objects.filter(pk__in=found).order_by("sort_name", "pk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What of one kind is part of an entity.

    Attributes:
        total: How many there are.
        entities: The first of them by the name shown, as ``for_list`` loads them, without tags.
    """

    kind: Kind
    total: int
    entities: Sequence[Entity]


def parts_of(entity: Entity, *, first: int = 10) -> list[Parts]:
    """What is part of a system or a domain, by kind. One query.

    Args:
        entity: The whole.
        first: How many of each kind.
    """
    sources = Relation.objects.filter(target_ref=entity.ref, type=Relation.Type.PART_OF)
    rows = (
        Entity.objects.filter(pk__in=sources.values("source_id"))
        .without_documents()
        .annotate(
            place=Window(RowNumber(), partition_by="kind", order_by=["sort_name", "pk"]),
            of_kind=Window(Count("pk"), partition_by="kind"),
        )
        .filter(place__lte=first)
        .order_by("place")
    )
    found: dict[str, list[Entity]] = {}
    for row in rows:
        found.setdefault(row.kind, []).append(row)
    return [
        Parts(kind=kind, total=found[kind][0].of_kind, entities=found[kind])  # type: ignore[attr-defined]  # annotated
        for kind in Kind
        if kind in found
    ]
