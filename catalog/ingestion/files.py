"""Which location each file belongs to, and what the next run needs to know of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from catalog.ingestion.previous_run import BATCH, PreviousRun, batched
from catalog.ingestion.report import Issue
from catalog.ingestion.spool import Spool
from catalog.models import Entity, ImportIssue, Location, SourceFile

MAX_ADDRESS = 1000
_REMEMBERED = (
    *("location", "fingerprint", "etag", "last_modified", "entities", "includes", "leads_to"),
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
            for batch in batched(files, BATCH):
                SourceFile.objects.filter(address__in=batch).update(location_id=owner)
                rows = Entity.objects.filter(location_id=before, source__in=batch)
                rows.update(location_id=owner)
                ImportIssue.objects.filter(file__in=batch).update(location_id=owner)
        return bool(moves)

    def remember(self, taken: Mapping[str, int]) -> None:
        """Keep what tells next time whether a file is as it was; forget those that are gone.

        Args:
            taken: By address, how many of its documents the catalog has.
        """
        for batch in batched(self._spool.files(), BATCH):
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
        whole = self.whole
        gone = [
            address
            for address, known in self._previous.files.items()
            if address in self._spool.missing
            or (known.location in whole and address not in self._spool.reached)
        ]
        for addresses in batched(gone, BATCH):
            SourceFile.objects.filter(address__in=addresses).delete()
