"""What one row of a list of entities prints. No queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from catalog.graph import Node
from catalog.links import Link, link_to, link_to_entity
from catalog.models import Entity


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
