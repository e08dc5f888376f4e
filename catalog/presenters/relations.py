"""What the pages say of an entity's neighbours: names, order, addresses. No queries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString

from catalog.descriptor.relations import declared
from catalog.diagram import MAX_NODES, Diagram, draw_diagram, ordered
from catalog.graph import Edges, Neighbourhood, Node, Parts
from catalog.kinds import Kind
from catalog.links import EntityLink, link_to, link_to_entity
from catalog.models import Entity, Relation

LINKS_LIMIT = 12
GROUPS_LIMIT = 4
UNRESOLVED_LIMIT = 20
PEOPLE = (Kind.GROUP, Kind.USER)
WHOLES = (Kind.SYSTEM, Kind.DOMAIN)
T = Relation.Type
_HEADINGS = {
    T.OWNED_BY: "Owned by",
    T.OWNER_OF: "Owns",
    T.PART_OF: "Part of",
    T.HAS_PART: "Has parts",
    T.PROVIDES_API: "Provides APIs",
    T.API_PROVIDED_BY: "Provided by",
    T.CONSUMES_API: "Consumes APIs",
    T.API_CONSUMED_BY: "Consumed by",
    T.DEPENDS_ON: "Depends on",
    T.DEPENDENCY_OF: "Used by",
    T.CHILD_OF: "Belongs to group",
    T.PARENT_OF: "Groups below",
    T.HAS_MEMBER: "Members",
    T.MEMBER_OF: "Member of",
}
# What the page of such an entity is read for comes first.
_FIRST = {
    Kind.GROUP: (T.HAS_MEMBER, T.CHILD_OF, T.PARENT_OF),
    Kind.USER: (T.MEMBER_OF,),
    Kind.API: (T.API_PROVIDED_BY, T.API_CONSUMED_BY),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationList:
    """The neighbours of one type.

    Attributes:
        links: The first of them.
        orphans: How many of these are orphans.
        url: The page with all of them.
    """

    heading: str
    type: str
    links: Sequence[EntityLink]
    total: int
    orphans: int
    url: str

    @property
    def is_cut(self) -> bool:
        """Whether there are more than shown."""
        return self.total > len(self.links)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """An entity in a table.

    Attributes:
        belongs_to: For a member of nested groups, the first of those that the person is in.
        belongs_to_more: In how many more.
        groups_url: All groups of the person.
    """

    link: EntityLink
    kind: str
    type: str
    lifecycle: str
    owner: EntityLink | None
    badges: Sequence[SafeString]
    belongs_to: Sequence[EntityLink] = ()
    belongs_to_more: int = 0
    groups_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Entities as a table.

    Attributes:
        id: Of the panel.
        rows: The first of those that the catalog has.
        missing: The first of those that it does not have.
        total: How many there are of both.
        url: The page with all of them; empty where this is it.
    """

    id: str
    heading: str
    rows: Sequence[TableRow]
    total: int
    url: str = ""
    missing: Sequence[EntityLink] = ()

    @property
    def is_cut(self) -> bool:
        """Whether there are more than shown."""
        return self.total > len(self.rows) + len(self.missing)

    @property
    def has_groups(self) -> bool:
        """Whether the table tells which groups the rows belong to."""
        return any(row.belongs_to for row in self.rows)

    @property
    def has_types(self) -> bool:
        """Whether any row has a type."""
        return any(row.type for row in self.rows)

    @property
    def has_badges(self) -> bool:
        """Whether a card says something of any row."""
        return any(row.badges for row in self.rows)

    @property
    def has_owners(self) -> bool:
        """Whether any row has an owner."""
        return any(row.owner for row in self.rows)

    @property
    def has_lifecycles(self) -> bool:
        """Whether any row has a lifecycle."""
        return any(row.lifecycle for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnresolvedReference:
    """A neighbour that the descriptor names and the catalog does not have.

    Attributes:
        fields: Where the descriptor names it: the field, for example ``spec.dependsOn[0]``, and
            its 1-based line in the entity's source; None where an overlay names it.
    """

    link: EntityLink
    fields: Sequence[tuple[str, int | None]]


def table_rows(
    entities: Iterable[Entity],
    nodes: Mapping[str, Node],
    badges: Mapping[int, Sequence[SafeString]],
    groups: Mapping[str, Sequence[str]] | None = None,
) -> list[TableRow]:
    """The rows of a table.

    Args:
        entities: Their columns without the descriptor are enough.
        nodes: A node for each owner and each group.
        badges: What the cards say of each entity, by primary key.
        groups: For members, the references of their groups by their own reference.
    """
    belongs = groups or {}
    return [
        TableRow(
            link=link_to_entity(entity),
            kind=entity.kind,
            type=entity.type,
            lifecycle=entity.lifecycle,
            owner=(
                link_to(nodes[entity.owner_ref], default_kind="group")
                if entity.owner_ref in nodes
                else None
            ),
            badges=badges.get(entity.pk, ()),
            belongs_to=[
                link_to(nodes[ref], default_kind="group")
                for ref in belongs.get(entity.ref, ())[:GROUPS_LIMIT]
            ],
            belongs_to_more=max(len(belongs.get(entity.ref, ())) - GROUPS_LIMIT, 0),
            groups_url=relations_url(entity, T.MEMBER_OF) if belongs else "",
        )
        for entity in entities
    ]


def part_tables(
    entity: Entity,
    parts: Sequence[Parts],
    nodes: Mapping[str, Node],
    badges: Mapping[int, Sequence[SafeString]],
) -> list[Table]:
    """A table for each kind of part."""
    page = relations_url(entity, T.HAS_PART)
    return [
        Table(
            id=f"parts-{one.kind.value.lower()}",
            heading=one.kind.plural,
            rows=table_rows(one.entities, nodes, badges),
            total=one.total,
            url=f"{page}&{urlencode({'kind': one.kind.value.lower()})}",
        )
        for one in parts
    ]


def relation_lists(
    entity: Entity, around: Neighbourhood, *, without: Iterable[Relation.Type] = ()
) -> list[RelationList]:
    """The neighbours by type of relation, the types this kind is read for first.

    Args:
        entity: Whose they are.
        around: All of them.
        without: Types that the page shows otherwise.
    """
    left_out = set(without)
    return [
        RelationList(
            heading=heading_of(edges.type),
            type=edges.type,
            links=[link_to(node) for node in edges.nodes[:LINKS_LIMIT]],
            total=edges.total,
            orphans=sum(node.is_orphan for node in edges.nodes[:LINKS_LIMIT]),
            url=relations_url(entity, edges.type),
        )
        for edges in in_order(entity.kind_choice, around.edges)
        if edges.type not in left_out
    ]


def in_order(kind: Kind, edges: Sequence[Edges]) -> list[Edges]:
    """The groups of neighbours, those that such an entity's page is read for first."""
    first = _FIRST.get(kind, ())
    return sorted(ordered(edges), key=lambda one: one.type not in first)


def diagram_of(
    entity: Entity, title: str, around: Neighbourhood, *, limit_each: int = MAX_NODES
) -> Diagram | None:
    """The diagram of the neighbourhood; None when there is nothing to draw.

    Args:
        entity: The one in the middle.
        title: What it is called.
        around: Its neighbours.
        limit_each: How many of one type of relation are drawn at most.
    """
    return draw_diagram(
        entity,
        title,
        around,
        headings=_HEADINGS,
        url_of=lambda relation: relations_url(entity, relation),
        limit_each=limit_each,
    )


def unresolved_references(
    entity: Entity, missing: Sequence[Node], suggestions: Mapping[str, str]
) -> list[UnresolvedReference]:
    """What the descriptor names and the catalog does not have, with the fields that name it."""
    found, _ = declared(entity.kind, entity.namespace, entity.spec)
    fields: dict[str, list[tuple[str, int | None]]] = {}
    for one in found:
        line = entity.reference_lines.get(one.key)
        fields.setdefault(one.target, []).append((_path(one.path), line))
    return [
        UnresolvedReference(
            link=link_to(node, suggestions=suggestions), fields=fields.get(str(node.ref), ())
        )
        for node in missing
    ]


def _path(path: Sequence[str | int]) -> str:
    """``spec.dependsOn[0]``."""
    return "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in path
    ).removeprefix(".")


def heading_of(relation: Relation.Type) -> str:
    """What the neighbours of this type are called on the entity's page."""
    return _HEADINGS[relation]


def relations_page(kind: Kind) -> tuple[str, str]:
    """The URL name, without ``catalog:``, and the label of the tab that lists all neighbours."""
    if kind == Kind.GROUP:
        return "members", "Members"
    return ("members", "Groups") if kind == Kind.USER else ("dependencies", "Dependencies")


def relations_url(entity: Entity, relation: Relation.Type) -> str:
    """The page with all neighbours of one type."""
    kind = entity.kind_choice
    if kind in PEOPLE and relation == T.OWNER_OF:
        return f"{reverse('catalog:ownership', kwargs=entity.url_kwargs)}?of=direct"
    page = reverse(f"catalog:{relations_page(kind)[0]}", kwargs=entity.url_kwargs)
    if (kind, relation) in {(Kind.GROUP, T.HAS_MEMBER), (Kind.USER, T.MEMBER_OF)}:
        return page
    return f"{page}?{urlencode({'type': relation.value})}"
