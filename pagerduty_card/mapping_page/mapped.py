"""What is mapped, an entity a row: how it names each service, who shares it, what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.links import EntityLink
from catalog.models import Entity
from pagerduty_card.mapping import resolving
from pagerduty_card.mapping.resolving import Mapped
from pagerduty_card.mapping_page.current_mappings import CurrentMappings, EntityFacts
from pagerduty_card.mapping_page.listing import few, link_of
from pagerduty_card.mapping_page.planning import named

_NOT_KNOWN = "Not known yet: PagerDuty has not listed its services since."


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingDetail:
    """One service of an entity.

    Attributes:
        name: Of the service, or how the entity names one that is not there; keys masked.
        detail: Id and account, where the name is not all that is known.
        place: Where it is named: file and line, an overlay, or a link.
        shared: Which other entities map to it, in words; empty for none.
        wrong: What is wrong, one sentence; empty if nothing is.
        tone: Of that sentence.
    """

    name: str
    detail: str
    url: str
    label: str
    place: str
    shared: str
    wrong: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRow:
    """One entity with its services."""

    key: str
    link: EntityLink
    meta: Sequence[str]
    mappings: Sequence[MappingDetail]


def mapped_rows(shown: Sequence[EntityFacts], current: CurrentMappings) -> list[MappedRow]:
    """The rows of entities that name services; seven queries however many."""
    rows = Entity.objects.filter(pk__in=[one.pk for one in shown]).order_by()
    entities = {entity.pk: entity for entity in rows}
    there = [one for one in shown if one.pk in entities]
    resolved = resolving.resolve_many(entities.values())
    found = []
    for one in there:
        own = resolving.each_once(resolved[one.pk])
        found.append(
            MappedRow(
                key=one.ref,
                link=link_of(one),
                meta=[text for text in (one.kind, current.team_name(one.owner_ref)) if text],
                mappings=[_mapping(each, one, current) for each in own],
            )
        )
    return found


def _mapping(mapped: Mapped, one: EntityFacts, current: CurrentMappings) -> MappingDetail:
    service, target = mapped.service, mapped.target
    others = current.entities_of.get(service.pk, []) if service else []
    names = [current.entities[pk].shown for pk in others if pk != one.pk]
    detail = named(mapped) if service else ""
    wrong = mapped.problem.text if mapped.problem else "" if service else _NOT_KNOWN
    return MappingDetail(
        name=service.name if service else named(mapped),
        detail=detail,
        url=service.url if service else "",
        label=target.label,
        place=(mapped.problem.place if mapped.problem else "") or target.place,
        shared=few(names),
        wrong=wrong,
        tone="critical" if mapped.problem else "unknown",
    )
