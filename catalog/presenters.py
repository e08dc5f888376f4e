"""What the pages print: pure functions from rows to frozen view models. No queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString

from catalog.graph import Edges, Neighbourhood, Node
from catalog.kinds import Kind
from catalog.links import (
    Link,
    OutsideLink,
    link_to,
    link_to_entity,
    outside_link,
    source_links,
    source_of,
)
from catalog.masking import Masker
from catalog.models import Entity, ImportIssue, Relation
from catalog.search import DEFAULT_SORT, FILTER_KEYS, Facet, Filters, label_of

MESSAGE_LIMIT = 20

_HEADINGS = {
    Relation.Type.OWNED_BY: "Owned by",
    Relation.Type.OWNER_OF: "Owns",
    Relation.Type.PART_OF: "Part of",
    Relation.Type.HAS_PART: "Has parts",
    Relation.Type.PROVIDES_API: "Provides APIs",
    Relation.Type.API_PROVIDED_BY: "Provided by",
    Relation.Type.CONSUMES_API: "Consumes APIs",
    Relation.Type.API_CONSUMED_BY: "Consumed by",
    Relation.Type.DEPENDS_ON: "Depends on",
    Relation.Type.DEPENDENCY_OF: "Dependency of",
    Relation.Type.CHILD_OF: "Belongs to group",
    Relation.Type.PARENT_OF: "Groups below",
    Relation.Type.HAS_MEMBER: "Members",
    Relation.Type.MEMBER_OF: "Member of",
}
# What the page of such an entity is read for comes first.
_FIRST = {
    Kind.GROUP: (Relation.Type.HAS_MEMBER, Relation.Type.OWNER_OF),
    Kind.USER: (Relation.Type.MEMBER_OF, Relation.Type.OWNER_OF),
    Kind.SYSTEM: (Relation.Type.HAS_PART,),
    Kind.DOMAIN: (Relation.Type.HAS_PART,),
    Kind.API: (Relation.Type.API_PROVIDED_BY, Relation.Type.API_CONSUMED_BY),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationList:
    """The neighbours of one type.

    Attributes:
        all_url: The page with all of them, where only the first are shown; else empty.
    """

    heading: str
    type: str
    links: Sequence[Link]
    total: int
    all_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a list of entities."""

    link: Link
    kind: str
    type: str
    lifecycle: str
    description: str
    owner: Link | None
    tags: Sequence[str]
    badges: Sequence[SafeString]
    entity: Entity


@dataclass(frozen=True, slots=True, kw_only=True)
class KindChoice:
    """A kind to narrow the index to; ``query`` is the address's query that does it."""

    label: str
    icon: str
    count: int
    query: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the index; ``query`` is empty when one cannot sort by it.

    Attributes:
        aria_sort: ``ascending`` or ``descending`` for the column in force, else empty.
    """

    label: str
    query: str
    aria_sort: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One of the entity's pages."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The newest import that refused the entity's document.

    Attributes:
        messages: At most twenty, each with its place in the file.
        more: How many messages are not shown.
    """

    issue: ImportIssue
    place: str
    messages: Sequence[str]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands on top of every page of an entity."""

    entity: Entity
    title: str
    kind: Kind
    description: str
    owner: Link | None
    system: Link | None
    tabs: Sequence[Tab]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The entity's first page."""

    relations: Sequence[RelationList]
    dangling: Sequence[Link]
    links: Sequence[OutsideLink]
    labels: Sequence[tuple[str, str]]
    tags: Sequence[str]
    annotation_count: int
    source: OutsideLink | None
    source_links: Sequence[OutsideLink]
    email: str
    refusal: Refusal | None = None


def rows(
    entities: Sequence[Entity],
    nodes: Mapping[str, Node],
    badges: Mapping[int, Sequence[SafeString]],
) -> list[Row]:
    """The rows of a list.

    Args:
        entities: As ``for_list`` loads them.
        nodes: A node for each owner of the entities.
        badges: What the cards say of each entity, by primary key.
    """
    return [
        Row(
            link=link_to_entity(entity),
            kind=entity.kind,
            type=entity.type,
            lifecycle=entity.lifecycle,
            description=entity.description,
            owner=(
                link_to(nodes[entity.owner_ref], default_kind="group") if entity.owner_ref else None
            ),
            tags=[tag.name for tag in entity.tag_rows.all()],
            badges=badges.get(entity.pk, ()),
            entity=entity,
        )
        for entity in entities
    ]


def header(entity: Entity, names: Mapping[str, Node], current: str) -> Header:
    """The top of an entity's page.

    Args:
        entity: The whole row.
        names: Nodes of the owner and the system at least.
        current: The URL name of the page shown, without ``catalog:``.
    """
    masker = Masker.of(entity)
    kind = entity.kind_choice
    pages = [("entity", "Overview"), relations_page(kind)]
    if kind == Kind.API and isinstance(entity.spec.get("definition"), str):
        pages.append(("api", "Definition"))
    pages.append(("inspect", "Inspect"))
    return Header(
        entity=entity,
        title=masker.text(entity.display_name),
        kind=kind,
        description=masker.text(entity.description),
        owner=_named(names, entity.owner_ref, "group"),
        system=_named(names, entity.system_ref, "system"),
        tabs=[
            Tab(
                label=label,
                url=reverse(f"catalog:{page}", kwargs=entity.url_kwargs),
                is_current=page == current,
            )
            for page, label in pages
        ],
    )


def _named(names: Mapping[str, Node], ref: str, default_kind: str) -> Link | None:
    return link_to(names[ref], default_kind=default_kind) if ref in names else None


def overview(
    entity: Entity,
    around: Neighbourhood,
    suggestions: Mapping[str, str],
    issue: ImportIssue | None,
) -> Overview:
    """The entity's first page."""
    masker = Masker.of(entity)
    metadata = masker.tree(entity.metadata)
    profile = entity.spec.get("profile")
    email = profile.get("email") if isinstance(profile, dict) else ""
    return Overview(
        relations=relation_lists(entity, around, suggestions),
        dangling=[link_to(node, suggestions=suggestions) for node in around.dangling],
        links=[outside_link(link) for link in metadata.get("links") or []],
        labels=sorted((metadata.get("labels") or {}).items()),
        tags=list(dict.fromkeys(metadata.get("tags") or [])),
        annotation_count=len(entity.annotations),
        source=source_of(entity),
        source_links=source_links(entity),
        email=email if isinstance(email, str) else "",
        refusal=refusal_of(issue, masker) if issue else None,
    )


def relation_lists(
    entity: Entity, around: Neighbourhood, suggestions: Mapping[str, str]
) -> list[RelationList]:
    """The neighbours by type of relation, the types this kind is read for first."""
    first = _FIRST.get(entity.kind_choice, ())
    ordered = sorted(around.edges, key=lambda edges: edges.type not in first)
    return [_relation_list(entity, edges, suggestions) for edges in ordered]


def _relation_list(entity: Entity, edges: Edges, suggestions: Mapping[str, str]) -> RelationList:
    return RelationList(
        heading=heading_of(edges.type),
        type=edges.type,
        links=[link_to(node, suggestions=suggestions) for node in edges.nodes],
        total=edges.total,
        all_url=relations_url(entity, edges.type) if edges.is_cut else "",
    )


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
    page = reverse(f"catalog:{relations_page(entity.kind_choice)[0]}", kwargs=entity.url_kwargs)
    return f"{page}?{urlencode({'type': relation.value})}"


def refusal_of(issue: ImportIssue, masker: Masker) -> Refusal:
    """What an import said of a document it refused."""
    messages = [_message(message) for message in issue.messages]
    return Refusal(
        issue=issue,
        place=f"{issue.file}:{issue.line}" if issue.line else issue.file,
        messages=[masker.text(text) for text in messages[:MESSAGE_LIMIT]],
        more=max(len(messages) - MESSAGE_LIMIT, 0),
    )


def _message(message: dict[str, Any]) -> str:
    """One error of a document: its line, what is wrong, and what to do."""
    line = f"Line {message['line']}: " if message.get("line") else ""
    path = f"{message['path']}: " if message.get("path") else ""
    hint = f" ({message['hint']})" if message.get("hint") else ""
    return f"{line}{path}{message.get('message', '')}{hint}"


def kind_choices(filters: Filters, counts: Mapping[str, int]) -> list[KindChoice]:
    """The kinds that the other filters leave, and all of them together first.

    A kind's link keeps every filter but the type, which is the kind's own.
    """
    base = filters.without("kind").without("type")
    asked = {Kind.from_segment(value) for value in filters.of("kind")}
    chosen = [
        KindChoice(
            label=kind.label,
            icon=kind.icon,
            count=counts.get(kind, 0),
            query=base.with_value("kind", kind.lower()).query_string,
            is_current=kind in asked,
        )
        for kind in Kind
        if counts.get(kind) or kind in asked
    ]
    everything = KindChoice(
        label="All",
        icon="catalog",
        count=sum(counts.values()),
        query=base.query_string,
        is_current=not filters.of("kind"),
    )
    return [everything, *chosen]


def columns(filters: Filters, *, has_badges: bool) -> list[Column]:
    """The index's columns; a column that can be sorted by links to that order."""
    shown = [("Name", "name"), *([("State", "")] if has_badges else [])]
    shown += [("Type", "type"), ("Owner", "owner"), ("Lifecycle", "lifecycle"), ("About", "")]
    return [
        Column(
            label=label,
            query=filters.sorted_by(sort).query_string if sort else "",
            aria_sort=_aria_sort(filters, sort) if sort else "",
        )
        for label, sort in shown
    ]


def _aria_sort(filters: Filters, sort: str) -> str:
    current = filters.sort or ("" if filters.q else DEFAULT_SORT)
    if sort != current:
        return ""
    return "descending" if filters.descending else "ascending"


def orders(filters: Filters) -> list[tuple[str, str]]:
    """The orders a person may choose from, the one in force always among them."""
    known = {
        "": "best match" if filters.q else "name",
        **({"name": "name"} if filters.q or filters.order == "name" else {}),
        "kind": "kind",
        "type": "type",
        "owner": "owner",
        "lifecycle": "lifecycle",
        "changed": "recently changed",
    }
    if filters.order not in known:
        known[filters.order] = f"{known.get(filters.sort, filters.sort)}, reversed"
    return list(known.items())


def nothing_found(filters: Filters) -> str:
    """A sentence that says which filters left nothing."""
    asked = [f"text “{filters.q}”"] if filters.q else []
    for key in FILTER_KEYS:
        asked += [f"{key} “{label_of(key, value)}”" for value in filters.of(key)]
    return f"No entity has {', '.join(asked)}."


def chips(filters: Filters) -> list[tuple[str, str, str]]:
    """For each filter in force: its name, its value, and the address's query without it."""
    return [
        (key, label_of(key, value), filters.without(key, value).query_string)
        for key in FILTER_KEYS
        for value in filters.of(key)
    ]


def facet_choice(filters: Filters, facet: Facet) -> tuple[Facet, str, Sequence[str]]:
    """A facet, the value its list shows as chosen, and the further values that stay in force."""
    asked = filters.columns_of(facet.key)
    return facet, asked[0] if asked else "", asked[1:]
