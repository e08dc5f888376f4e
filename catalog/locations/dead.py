"""Locations that bring nothing: gone, empty, or all of theirs is another location's."""

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from catalog.models import Entity, ImportIssue, Location, SourceFile

# Where the mistake leaves no reference, the name of the file says what it is meant for.
_DESCRIPTOR_FILE = r"\.(ya?ml|json)$"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLocation:
    """A dead location, and what is still marked as its own.

    Attributes:
        entities: How many entities it holds: orphans, and those that were never read since.
        is_empty: Whether it has no descriptor, and was named to ``import_catalog`` alone.
    """

    location: Location
    entities: int
    is_empty: bool = False

    @property
    def reason(self) -> str:
        """Why it is dead, as a sentence."""
        if self.location.gone_at:
            return "Nothing is at its address any more."
        if self.is_empty:
            return "It has no descriptor, and nothing imports it again by itself."
        return "Other locations hold everything that it defines."


def dead_locations() -> QuerySet[Location]:
    """The locations that may be unregistered without losing what is current.

    Such a one was read to its answer, and there is nothing; or it was read without an error, holds
    no entity, and each of its documents is held by another location; or it was named to
    ``import_catalog``, and has no descriptor. Those that ``CATALOG_LOCATIONS`` names are left out,
    since only the setting takes them away.
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
    dead = Location.objects.annotate(is_empty=_is_empty())
    dead = dead.filter(Q(gone_at__isnull=False) | handed_over | Q(is_empty=True))
    return dead.exclude(origin=Location.Origin.STATIC)


def _is_empty() -> Q:
    """It has no descriptor, as a file of another kind, and nothing imports it again.

    A descriptor that is in conflict or refused would bring something as soon as it is corrected.
    """
    own = Entity.objects.filter(location=OuterRef("pk"))
    is_descriptor = ~Q(ref="") | Q(file__iregex=_DESCRIPTOR_FILE)
    descriptors = ImportIssue.objects.filter(
        Q(kind=ImportIssue.Kind.CONFLICT) | Q(kind=ImportIssue.Kind.REFUSED) & is_descriptor,
        location=OuterRef("pk"),
    )
    is_named_once = Q(origin=Location.Origin.COMMAND, last_read_at__isnull=False)
    return is_named_once & ~Exists(own) & ~Exists(descriptors)


def with_entities(locations: list[Location]) -> list[DeadLocation]:
    """What each of these still holds. One query."""
    held = Entity.objects.filter(location__in=locations).order_by()
    counts = dict(held.values_list("location_id").annotate(n=Count("pk")))
    return [
        DeadLocation(
            location=one,
            entities=counts.get(one.pk, 0),
            is_empty=getattr(one, "is_empty", False),
        )
        for one in locations
    ]
