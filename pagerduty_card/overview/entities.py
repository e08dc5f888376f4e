"""The entities and owners that a board names, as links; two queries however many."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.http import HttpRequest

from catalog.graph import Node, nodes_of
from catalog.kinds import Kind
from catalog.links import EntityLink, link_to
from catalog.masking import DEFAULT_MASKER
from catalog.models import Entity
from catalog.ownership import ownership_of
from catalog.refs import EntityRef

NO_OWNER = "No owner"
MINE = {"1": "Mine and my teams'"}
# More keys than this in a query cost more than reading all entities between the first and the last.
_MANY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedEntity:
    """An entity as a board names it.

    Attributes:
        position: Among the entities that were named together, by name.
        owner: None for an entity without one.
    """

    position: int
    node: Node
    kind: str
    owner_ref: str
    owner: EntityLink | None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.node.title or self.node.name

    @property
    def link(self) -> EntityLink:
        """To its page; made when it is printed, for there may be thousands."""
        return link_to(self.node)

    @property
    def owner_name(self) -> str:
        """What its owner is called."""
        return self.owner.text if self.owner else NO_OWNER


def own_refs(request: HttpRequest) -> frozenset[str]:
    """References of the reader and of the reader's groups, as owners; kept with the catalog."""
    ownership = ownership_of(request.user)
    return frozenset(ownership.owner_refs if ownership else ())


def named_entities(keys: Iterable[int]) -> dict[int, NamedEntity]:
    """The entities by primary key, in the order of their names, those that are gone left out."""
    wanted = set(keys)
    found = Entity.objects.filter(pk__in=wanted)
    if len(wanted) > _MANY:
        found = Entity.objects.filter(pk__range=(min(wanted), max(wanted)))
    rows = [
        row
        for row in found.order_by("sort_name", "pk").values_list(
            "pk", "ref", "kind", "name", "title", "owner_ref"
        )
        if row[0] in wanted
    ]
    owners = {
        ref: link_to(node, default_kind="group")
        for ref, node in nodes_of(row[5] for row in rows if row[5]).items()
    }
    return {
        pk: NamedEntity(
            position=position,
            node=Node(ref=EntityRef.parse(ref), name=name, title=title),
            kind=kind,
            owner_ref=owner_ref,
            owner=owners.get(owner_ref),
        )
        for position, (pk, ref, kind, name, title, owner_ref) in enumerate(rows)
    }


def filter_values(entities: Iterable[NamedEntity]) -> dict[str, dict[str, str]]:
    """By filter, the values of entities and what each is called.

    An owner with a secret for a name is none of them.
    """
    some = list(entities)
    return {
        "owner": {
            one.owner_ref or "-": one.owner_name
            for one in some
            if not DEFAULT_MASKER.hides_ref(one.owner_ref)
        },
        "kind": {one.kind.lower(): Kind(one.kind).label for one in some},
    }


def owners_of(entities: Iterable[NamedEntity]) -> tuple[EntityLink, ...]:
    """The owners, each once."""
    return tuple({one.owner_ref: one.owner for one in entities if one.owner}.values())


def sorted_by_name(keys: Iterable[int], names: Mapping[int, NamedEntity]) -> list[int]:
    """Those of the entities that have a name here, in the order of the names."""
    return sorted((pk for pk in keys if pk in names), key=lambda pk: names[pk].position)
