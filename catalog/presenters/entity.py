"""What the pages of one entity print. No queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from catalog import markdown
from catalog.graph import Node
from catalog.kinds import Kind
from catalog.links import (
    EntityLink,
    OutsideLink,
    link_to,
    outside_link,
    source_links,
    source_of,
)
from catalog.masking import Masker
from catalog.models import Entity
from catalog.presenters.inspect import Reading, reading_of
from catalog.presenters.relations import PEOPLE, relations_page
from portal.host_names import read_host

_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityTab:
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
    description: markdown.Text
    owner: EntityLink | None
    system: EntityLink | None
    tabs: Sequence[EntityTab]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How to reach a person or a group, and what they look like.

    Attributes:
        picture: An address of a host in ``PORTAL_PICTURE_HOSTS``, or empty.
    """

    name: str
    email: str
    picture: str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an entity says of itself, and where that was read."""

    links: Sequence[OutsideLink]
    labels: Sequence[tuple[str, str]]
    tags: Sequence[str]
    annotation_count: int
    source: OutsideLink | None
    source_links: Sequence[OutsideLink]
    profile: Profile | None
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCount:
    """How many of one kind, and the page that lists them."""

    kind: Kind
    count: int
    url: str
    is_current: bool = False


def header(entity: Entity, names: Mapping[str, Node], current: str) -> Header:
    """The top of an entity's page.

    Args:
        entity: The whole row.
        names: Nodes of the owner and the system at least.
        current: The URL name of the page shown, without ``catalog:``.
    """
    masker = Masker.of(entity)
    return Header(
        entity=entity,
        title=masker.text(entity.display_name),
        kind=entity.kind_choice,
        description=markdown.render(masker.text(entity.description)),
        owner=_named(names, entity.owner_ref, "group"),
        system=_named(names, entity.system_ref, "system"),
        tabs=_tabs(entity, current),
    )


def _tabs(entity: Entity, current: str) -> list[EntityTab]:
    """The pages that an entity of this kind has."""
    kind = entity.kind_choice
    pages = [("entity", "Overview"), relations_page(kind)]
    if kind in PEOPLE:
        pages.append(("ownership", "Ownership"))
    if kind == Kind.API and isinstance(entity.spec.get("definition"), str):
        pages.append(("api", "Definition"))
    pages += [("history", "Catalog changes"), ("inspect", "Inspect")]
    return [
        EntityTab(label=label, url=url, is_current=page == current)
        for page, label in pages
        if (url := page_url(entity, page))
    ]


def page_url(entity: Entity, page: str) -> str:
    """The address of one of the entity's pages; empty for one that the portal does not have."""
    try:
        return reverse(f"catalog:{page}", kwargs=entity.url_kwargs)
    except NoReverseMatch:
        return ""


def _named(names: Mapping[str, Node], ref: str, default_kind: str) -> EntityLink | None:
    return link_to(names[ref], default_kind=default_kind) if ref in names else None


def about(entity: Entity) -> About:
    """What the descriptor says that is not about others, secrets masked."""
    masker = Masker.of(entity)
    metadata = masker.tree(entity.metadata)
    return About(
        links=[outside_link(link) for link in metadata.get("links") or []],
        labels=sorted((metadata.get("labels") or {}).items()),
        tags=list(dict.fromkeys(metadata.get("tags") or [])),
        annotation_count=len(entity.annotations),
        source=source_of(entity),
        source_links=source_links(entity),
        profile=_profile(entity, masker),
        reading=reading_of(entity),
    )


def _profile(entity: Entity, masker: Masker) -> Profile | None:
    written = masker.tree(entity.spec.get("profile"))
    if not isinstance(written, dict):
        return None
    texts = {
        key: value if isinstance(value := written.get(key), str) else ""
        for key in ("displayName", "email", "picture")
    }
    picture = texts["picture"] if _may_be_loaded(texts["picture"]) else ""
    name = texts["displayName"] or entity.name
    if not (texts["displayName"] or texts["email"] or picture):
        return None
    return Profile(name=name, email=texts["email"], picture=picture)


def _may_be_loaded(address: str) -> bool:
    """Whether a page loads a picture from there, see the policy in the settings."""
    try:
        parts = urlsplit(address)
        port = parts.port or _HTTPS_PORT
    except ValueError:
        return False
    listed = [read_host(one, wildcard="*.") for one in settings.PORTAL_PICTURE_HOSTS]
    return parts.scheme == "https" and any(
        fnmatchcase(parts.hostname or "", one.host) and port == (one.port or _HTTPS_PORT)
        for one in listed
        if one
    )


def kind_counts(
    counts: Mapping[Kind, int], page: str, current: Kind | None = None, **query: str
) -> list[KindCount]:
    """How many there are of each kind, each with its address.

    Args:
        counts: By kind.
        page: The page that lists them.
        current: The kind that is listed now; None for all.
        query: What else the address says.
    """
    return [
        KindCount(
            kind=kind,
            count=count,
            url=f"{page}?{urlencode({**query, 'kind': kind.value.lower()})}",
            is_current=kind == current,
        )
        for kind, count in counts.items()
    ]
