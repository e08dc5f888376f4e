"""Which location each file belongs to, and what the next run needs to know of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

from catalog.ingestion.previous_run import PreviousRun
from catalog.ingestion.report import Issue
from catalog.ingestion.spool import Spool
from catalog.models import Entity, ImportIssue, Location, SourceFile
from portal.batches import in_batches

MAX_ADDRESS = 1000
_REMEMBERED = (
    *("location", "fingerprint", "etag", "last_modified", "entities", "includes", "leads_to"),
    *("passed_over", "read_at"),
)


class Files:
    """The files of one run.

    Args:
        spool: What was read.
        previous: What was known of them.
        locations: By index of the root.
    """

    def __init__(self, spool: Spool, previous: PreviousRun, locations: Sequence[Location]) -> None:
        self._spool = spool
        self._previous = previous
        self._locations = locations

    @property
    def whole(self) -> set[int]:
        """Primary keys of the locations that were read to their end."""
        return {
            location.pk
            for number, location in enumerate(self._locations)
            if number not in self._spool.incomplete_roots
        }

    def owner_of(self, address: str) -> int:
        """The location that a file belongs to: the one that had it first and still leads to it."""
        known = self._previous.files.get(address)
        if known is not None:
            roots = [n for n, one in enumerate(self._locations) if one.pk == known.location]
            if not roots or roots[0] in self._spool.roots_of(address):
                return known.location
        return self._locations[self._spool.reached[address]].pk

    def location_of(self, issue: Issue) -> int:
        """The location that an issue is kept under."""
        if issue.kind != ImportIssue.Kind.UNREADABLE and issue.file in self._spool.reached:
            return self.owner_of(issue.file)
        return self._locations[issue.root].pk

    def hand_over(self) -> bool:
        """Give unchanged files, and what is in them, to a root that leads to them if none did.

        Returns:
            Whether any was given away.
        """
        moves: dict[tuple[int, int], list[str]] = defaultdict(list)
        for file in self._spool.unchanged:
            before = self._previous.files[file].location
            if before == self._locations[self._spool.reached[file]].pk:
                continue
            owner = self.owner_of(file)
            if owner != before:
                moves[before, owner].append(file)
        for (before, owner), files in moves.items():
            for batch in in_batches(files):
                SourceFile.objects.filter(address__in=batch).update(location_id=owner)
                rows = Entity.objects.filter(location_id=before, source__in=batch)
                rows.update(location_id=owner)
                ImportIssue.objects.filter(file__in=batch).update(location_id=owner)
        return bool(moves)

    def remember(self, taken: Mapping[str, int]) -> None:
        """Keep what tells next time whether a file is as it was; forget those that are gone.

        Call it before the locations are marked as read.

        Args:
            taken: By address, how many of its documents the catalog has.
        """
        for batch in in_batches(self._spool.files()):
            facts = [one for one in batch if len(one.address) <= MAX_ADDRESS]
            SourceFile.objects.bulk_create(
                (
                    SourceFile(
                        location_id=self.owner_of(one.address),
                        entities=taken.get(one.address, 0),
                        **one._asdict(),
                    )
                    for one in facts
                ),
                update_conflicts=True,
                unique_fields=["address"],
                update_fields=_REMEMBERED,
            )
        keys = self._previous.keys
        gone = [
            address
            for address, known in self._previous.files.items()
            if known.location in keys and self._spool.has_lost(address)
        ]
        for addresses in in_batches(gone):
            SourceFile.objects.filter(address__in=addresses).delete()
        self._mark_unread()

    def _mark_unread(self) -> None:
        """Keep when the files were last read that could not be read now."""
        keys, spool = self._previous.keys, self._spool
        unread = [
            address
            for address, known in self._previous.files.items()
            if known.location in keys
            and not (address in spool.parsed or address in spool.unchanged)
            and not spool.has_lost(address)
        ]
        of_location = Location.objects.filter(pk=OuterRef("location")).values(
            at=Coalesce("last_read_at", "read_at")
        )
        for addresses in in_batches(unread):
            rows = SourceFile.objects.filter(address__in=addresses, read_at=None)
            rows.update(read_at=Subquery(of_location))
        marked = SourceFile.objects.filter(location_id__in=keys).exclude(read_at=None)
        read = [
            address
            for address in marked.values_list("address", flat=True)
            if address in spool.unchanged
        ]
        for addresses in in_batches(read):
            SourceFile.objects.filter(address__in=addresses).update(read_at=None)
