"""What the pages of one entity print. No queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from catalog.graph import Edges, Neighbourhood, Node
from catalog.kinds import Kind
from catalog.links import (
    Link,
    OutsideLink,
    link_to,
    outside_link,
    source_links,
    source_of,
)
from catalog.masking import Masker
from catalog.models import Entity, ImportIssue, Relation
from catalog.presenters.issues import Notice, notices

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
class Tab:
    """One of the entity's pages."""

    label: str
    url: str
    is_current: bool


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
    notices: Sequence[Notice] = ()


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
    issues: Sequence[ImportIssue],
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
        notices=notices(issues, masker),
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
