"""Which locations have a document of what another location holds; what goes when one goes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q

from catalog.ingestion.sources import Root
from catalog.models import Entity, ImportIssue, Location, SourceFile
from catalog.querysets import EntityQuerySet

MAX_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
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


def going_with(location: Location) -> Going:
    """What goes when the location goes. Seven queries at most."""
    held = Entity.objects.filter(location=location)
    stays = held.filter(_claimed_elsewhere(location)) if _others(location) else held.none()
    goes = held.exclude(pk__in=stays.order_by().values("pk"))
    return Going(
        goes=_first(goes),
        goes_total=goes.count(),
        stays=_first(stays),
        stays_total=stays.count(),
    )


def _first(entities: EntityQuerySet) -> list[Entity]:
    return list(entities.for_list().order_by("sort_name", "pk")[:MAX_SHOWN])


def heirs_of(location: Location) -> list[Location]:
    """The other locations that have, or may have, a document of what this one holds."""
    refs = Entity.objects.filter(location=location).order_by().values("ref")
    losing = ImportIssue.objects.filter(kind=ImportIssue.Kind.CONFLICT, ref__in=refs)
    pks = set(losing.exclude(location=location).values_list("location_id", flat=True))
    sources = _sources(location)
    for other in _others(location):
        if other.pk not in pks and _shared(other, sources):
            pks.add(other.pk)
    return list(Location.objects.filter(pk__in=pks))


def _others(location: Location) -> list[Location]:
    return list(Location.objects.exclude(pk=location.pk))


def _claimed_elsewhere(location: Location) -> Q:
    losing = ImportIssue.objects.filter(kind=ImportIssue.Kind.CONFLICT, ref=OuterRef("ref"))
    claimed = Q(Exists(losing.exclude(location=location)))
    sources = _sources(location)
    shared = {source for other in _others(location) for source in _shared(other, sources)}
    return claimed | Q(source__in=sorted(shared)) if shared else claimed


def _sources(location: Location) -> set[str]:
    rows = Entity.objects.filter(location=location).order_by().values("source")
    return set(rows.annotate(n=Count("pk")).values_list("source", flat=True))


def _shared(other: Location, sources: set[str]) -> set[str]:
    """The files among these that another location leads to as well."""
    root = Root(other.type, other.target)
    shared = {root.target} & sources
    if (folder := root.folder) is not None:
        files = {source for source in sources if Path(source).is_relative_to(folder)}
        shared |= {file for file in files if _matches(root, folder, file)}
    rows = SourceFile.objects.filter(location=other).exclude(leads_to=[])
    for leads_to in rows.values_list("leads_to", flat=True):
        shared |= sources.intersection(_texts(leads_to))
    return shared


def _matches(root: Root, folder: Path, file: str) -> bool:
    return folder == Path(root.target) or Path(file).match(root.target)


def _texts(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    if isinstance(tree, dict):
        return [text for value in tree.values() for text in _texts(value)]
    return [text for value in tree for text in _texts(value)] if isinstance(tree, list) else []
