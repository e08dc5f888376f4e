"""Links to entities and out of the portal, as view models. No queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.urls import NoReverseMatch, reverse

from catalog.graph import Node
from catalog.kinds import Kind
from catalog.masking import DEFAULT_MASKER, Masker
from catalog.models import Entity
from catalog.refs import EntityRef

LINK_SCHEMES = {"http", "https", "mailto"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityLink:
    """A name that leads to an entity's page.

    Attributes:
        url: Empty when the catalog does not have the entity.
        ref: The full reference.
        detail: The name, and the namespace if it is not default, where the text is a title.
        suggestion: For a missing entity, the one that was likely meant.
        is_orphan: Whether no file of its location has it any more.
    """

    text: str
    url: str
    icon: str
    ref: str
    detail: str = ""
    suggestion: "EntityLink | None" = None
    is_orphan: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideLink:
    """A link of the descriptor; ``url`` is empty unless it is http, https or mailto.

    Attributes:
        host: Where a link of the web leads, unless its text says so already.
    """

    text: str
    url: str
    address: str
    type: str = ""
    host: str = ""


def outside_url(address: str) -> str:
    """The address if it may be a link (http, https, mailto), else nothing.

    A mail goes to the addresses alone: a query could add readers and words. An address of the web
    with a user name is none: ``https://portal.example.com@evil.example/`` leads to the latter.
    """
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return ""
    scheme = parts.scheme.lower()
    if scheme == "mailto":
        return address.strip().partition("?")[0]
    return address if scheme in LINK_SCHEMES and "@" not in parts.netloc else ""


def _host_of(address: str) -> str:
    """The host that a link of the web leads to; empty for others."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def entity_url(ref: EntityRef, page: str = "entity") -> str:
    """The address of an entity's page, or nothing for a reference no address can hold."""
    try:
        return reverse(
            f"catalog:{page}",
            kwargs={"namespace": ref.namespace, "kind": ref.kind, "name": ref.name},
        )
    except NoReverseMatch:
        return ""


def kind_icon(kind: str) -> str:
    """The icon of a kind in any case; a question mark for one that does not exist."""
    known = Kind.from_segment(kind)
    return known.icon if known else "question"


def link_to(
    node: Node, *, default_kind: str = "", suggestions: Mapping[str, str] | None = None
) -> EntityLink:
    """A link to a neighbour; one that is not in the catalog is a name and a suggestion."""
    ref, short, own = str(node.ref), node.ref.short(default_kind), node.ref.short(node.ref.kind)
    if not node.exists:
        meant = (suggestions or {}).get(ref)
        return EntityLink(
            text=DEFAULT_MASKER.ref(short),
            url="",
            icon=kind_icon(node.ref.kind),
            ref=DEFAULT_MASKER.ref(ref),
            suggestion=_link_to_ref(EntityRef.parse(meant), default_kind) if meant else None,
        )
    # Stored as masked as it could be then: a key may have become known since.
    text = DEFAULT_MASKER.text(node.title) or (
        node.name if node.ref.namespace == "default" else short
    )
    return EntityLink(
        text=text,
        url=entity_url(node.ref),
        icon=kind_icon(node.ref.kind),
        ref=ref,
        detail=own if node.title and node.title != own else "",
        is_orphan=node.is_orphan,
    )


def _link_to_ref(ref: EntityRef, default_kind: str) -> EntityLink:
    return EntityLink(
        text=ref.short(default_kind), url=entity_url(ref), icon=kind_icon(ref.kind), ref=str(ref)
    )


def link_to_entity(entity: Entity) -> EntityLink:
    """A link to an entity of a list; reads nothing but columns that lists load."""
    ref = entity.entity_ref
    is_orphan = entity.orphaned_at is not None
    node = Node(ref=ref, name=entity.name, title=entity.title, is_orphan=is_orphan)
    return link_to(node, default_kind=ref.kind)


def outside_link(link: dict[str, Any]) -> OutsideLink:
    """One of the descriptor's ``metadata.links``."""
    address = str(link.get("url", ""))
    text, url = str(link.get("title") or address), outside_url(address)
    host = _host_of(url)
    return OutsideLink(
        text=text,
        url=url,
        address=address,
        type=str(link.get("type", "")),
        host="" if text == address else host,
    )


def source_of(entity: Entity) -> OutsideLink | None:
    """The file and line, or the address, that the entity was read from."""
    if not entity.source:
        return None
    return OutsideLink(
        text=entity.source_place, url=outside_url(entity.source), address=entity.source
    )


def source_links(entity: Entity) -> list[OutsideLink]:
    """Where the annotations say the source and the descriptor can be seen and edited."""
    annotations = Masker.of(entity).tree(entity.annotations)
    found = [
        ("View source", annotations.get("backstage.io/source-location", "").removeprefix("url:")),
        ("View descriptor", annotations.get("backstage.io/view-url", "")),
        ("Edit descriptor", annotations.get("backstage.io/edit-url", "")),
    ]
    return [
        OutsideLink(text=text, url=outside_url(address), address=address)
        for text, address in found
        if outside_url(address).startswith("http")
    ]
