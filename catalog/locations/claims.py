"""What unregistering a location does, and which other locations have documents of its entities."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q

from catalog.ingestion.allow import Allowance
from catalog.ingestion.repositories import raw_address
from catalog.ingestion.sources import Root
from catalog.models import Entity, EntityQuerySet, ImportIssue, Location, SourceFile

MAX_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class UnregisterEffect:
    """What unregistering a location would do.

    Attributes:
        goes: The first hundred entities that only it holds.
        goes_total: How many those are.
        stays: The first hundred that another location has too.
        stays_total: How many those are.
    """

    goes: list[Entity]
    goes_total: int
    stays: list[Entity]
    stays_total: int


def unregister_effect(location: Location) -> UnregisterEffect:
    """List the entities that would go, and those that would stay. Seven queries at most."""
    held = Entity.objects.filter(location=location)
    stays = held.filter(claimed_elsewhere(location))
    goes = held.exclude(pk__in=stays.order_by().values("pk"))
    return UnregisterEffect(
        goes=_first(goes),
        goes_total=goes.count(),
        stays=_first(stays),
        stays_total=stays.count(),
    )


def _first(entities: EntityQuerySet) -> list[Entity]:
    return list(entities.for_list().order_by("sort_name", "pk")[:MAX_SHOWN])


def claimants_of(location: Location) -> list[Location]:
    """The other locations that have, or may have, a document of what this one holds."""
    refs = Entity.objects.filter(location=location).order_by().values("ref")
    losing = ImportIssue.objects.filter(kind=ImportIssue.Kind.CONFLICT, ref__in=refs)
    pks = set(losing.exclude(location=location).values_list("location_id", flat=True))
    return list(Location.objects.filter(pk__in=pks.union(_shared(location))))


def claimed_elsewhere(location: Location) -> Q:
    """Which of its entities another location has, or may have, a document of."""
    losing = ImportIssue.objects.filter(kind=ImportIssue.Kind.CONFLICT, ref=OuterRef("ref"))
    claimed = Q(Exists(losing.exclude(location=location)))
    shared = set().union(*_shared(location).values())
    return claimed | Q(source__in=sorted(shared)) if shared else claimed


def _sources(location: Location) -> set[str]:
    rows = Entity.objects.filter(location=location).order_by().values("source")
    return set(rows.annotate(n=Count("pk")).values_list("source", flat=True))


def _shared(location: Location) -> dict[int, set[str]]:
    """The files of this location that others lead to as well, by primary key of the other one.

    Three queries, however many locations there are.
    """
    sources = _sources(location)
    found: dict[int, set[str]] = defaultdict(set)
    software = Allowance.from_settings().software
    for other in Location.objects.exclude(pk=location.pk):
        root = Root(other.type, other.target)
        found[other.pk] |= {root.target, raw_address(root.target, software)} & sources
        if (folder := root.folder) is not None:
            below = f"{str(folder).rstrip('/')}/"
            files = {source for source in sources if source.startswith(below)}
            found[other.pk] |= {file for file in files if _matches(root, folder, file)}
    leading = SourceFile.objects.exclude(location=location).exclude(leads_to=[])
    for pk, leads_to in leading.values_list("location_id", "leads_to"):
        found[pk] |= sources.intersection(_texts(leads_to))
    return {pk: files for pk, files in found.items() if files}


def _matches(root: Root, folder: Path, file: str) -> bool:
    return folder == Path(root.target) or Path(file).match(root.target)


def _texts(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    if isinstance(tree, dict):
        return [text for value in tree.values() for text in _texts(value)]
    return [text for value in tree for text in _texts(value)] if isinstance(tree, list) else []
