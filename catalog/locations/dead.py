"""Locations that bring nothing any more: gone, or all of theirs is another location's."""

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from catalog.models import Entity, ImportIssue, Location, SourceFile


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLocation:
    """A dead location, and what is still marked as its own.

    Attributes:
        entities: How many entities it holds: orphans, and those that were never read since.
    """

    location: Location
    entities: int

    @property
    def reason(self) -> str:
        """Why it is dead, as a sentence."""
        if self.location.gone_at:
            return "Nothing is at its address any more."
        return "Other locations hold everything that it defines."


def dead_locations() -> QuerySet[Location]:
    """The locations that may be unregistered without losing what is current.

    Such a one was read to its answer, and there is nothing; or it was read without an error, holds
    no entity, and each of its documents is held by another location. Those that
    ``CATALOG_LOCATIONS`` names are left out, since only the setting takes them away.
    """
    own = Entity.objects.filter(location=OuterRef("pk"))
    issues = ImportIssue.objects.filter(location=OuterRef("pk"))
    held_elsewhere = Entity.objects.filter(
        ref=OuterRef("ref"), location__isnull=False, orphaned_at=None
    ).exclude(location=OuterRef("location"))
    is_held = Q(Exists(held_elsewhere), kind=ImportIssue.Kind.CONFLICT)
    others = issues.exclude(kind=ImportIssue.Kind.WARNING).filter(~is_held)
    same_file = SourceFile.objects.filter(address=OuterRef("target"), entities__gt=0)
    shared = same_file.exclude(location=OuterRef("pk"))
    handed_over = (
        Q(read_at__isnull=False, failures=0)
        & ~Exists(own)
        & ~Exists(others)
        & (Exists(issues.filter(is_held)) | Exists(shared))
    )
    dead = Location.objects.filter(Q(gone_at__isnull=False) | handed_over)
    return dead.exclude(origin=Location.Origin.STATIC)


def with_entities(locations: list[Location]) -> list[DeadLocation]:
    """What each of these still holds. One query."""
    held = Entity.objects.filter(location__in=locations).order_by()
    counts = dict(held.values_list("location_id").annotate(n=Count("pk")))
    return [DeadLocation(location=one, entities=counts.get(one.pk, 0)) for one in locations]
