"""What one row of a list of entities prints. No queries."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from catalog.graph import Node
from catalog.links import EntityLink, link_to
from catalog.masking import DEFAULT_MASKER, Masker
from catalog.models import Entity

LINE_LIMIT = 300
READ_LIMIT = 1_000
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s[^)]*)?\)")
_BLOCK_MARKS = re.compile(r"^\s*(?:#{1,6}\s+|>\s?|[-*+]\s+|\d+[.)]\s+)+")
# Pairs around words; a row of asterisks is a mask, not a mark.
_PAIRS = re.compile(r"(?<![*\w])(\*{1,2}|_{1,2}|~~|`{1,3})(?![*\s])(.+?)(?<![*\s])\1(?![*\w])")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRow:
    """One row of a list of entities.

    Attributes:
        description: Its first line without Markdown's marks, secrets masked.
    """

    link: EntityLink
    kind: str
    type: str
    lifecycle: str
    description: str
    owner: EntityLink | None
    system: EntityLink | None
    tags: Sequence[str]
    badges: Sequence[SafeString]
    is_starred: bool
    entity: Entity


def rows(
    entities: Sequence[Entity],
    nodes: Mapping[str, Node],
    badges: Mapping[int, Sequence[SafeString]],
    *,
    maskers: Mapping[int, Masker],
    starred: Collection[str] = (),
) -> list[EntityRow]:
    """The rows of a list.

    Args:
        entities: As ``for_list`` loads them.
        nodes: A node for each owner and system of the entities.
        badges: What the cards say of each entity, by primary key.
        maskers: What hides the secrets of those that have any, by primary key.
        starred: References that the reader has starred.
    """
    return [
        EntityRow(
            link=_link(entity, maskers.get(entity.pk, DEFAULT_MASKER)),
            kind=entity.kind,
            type=entity.type,
            lifecycle=entity.lifecycle,
            description=first_line(maskers.get(entity.pk, DEFAULT_MASKER).text(entity.description)),
            owner=_named(nodes, entity.owner_ref, "group"),
            system=_named(nodes, entity.system_ref, "system"),
            tags=[tag.name for tag in entity.tag_rows.all()],
            badges=badges.get(entity.pk, ()),
            is_starred=entity.ref in starred,
            entity=entity,
        )
        for entity in entities
    ]


def first_line(description: str) -> str:
    """The first line with text in it, without the marks of Markdown, at most 300 characters."""
    for line in description[: 5 * READ_LIMIT].splitlines():
        # Marks that open and never close make the patterns slow: no more is read than can be shown.
        line = line[:READ_LIMIT]
        text = _LINK.sub(r"\1", _BLOCK_MARKS.sub("", line))
        text = _PAIRS.sub(r"\2", _PAIRS.sub(r"\2", text)).strip()
        if any(character.isalnum() for character in text):
            return text[:LINE_LIMIT]
    return ""


def _link(entity: Entity, masker: Masker) -> EntityLink:
    ref = entity.entity_ref
    node = Node(ref=ref, name=entity.name, title=masker.text(entity.title))
    return link_to(node, default_kind=ref.kind)


def _named(nodes: Mapping[str, Node], ref: str, default_kind: str) -> EntityLink | None:
    return link_to(nodes[ref], default_kind=default_kind) if ref in nodes else None
