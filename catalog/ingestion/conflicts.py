"""Decide which of several documents with one reference is imported; report the others."""

from catalog.descriptor import Problem
from catalog.ingestion.files import MAX_ADDRESS
from catalog.ingestion.previous_run import PreviousRun, ReferenceHolder
from catalog.ingestion.report import ImportReport, Issue
from catalog.ingestion.spool import Spool, SpooledDocument
from catalog.ingestion.traversal import is_gone
from catalog.models import Entity, ImportIssue, file_and_line
from portal.batches import in_batches


class Conflicts:
    """Decides who keeps a reference: the document that has it, for as long as it is there.

    Args:
        spool: What was read.
        previous: What it was read against.
        report: Takes the conflicts.
    """

    def __init__(self, spool: Spool, previous: PreviousRun, report: ImportReport) -> None:
        self._spool = spool
        self._previous = previous
        self._report = report
        self._winners: dict[str, str] = {}
        self._winning_numbers: dict[str, int] = {}

    def choose(self) -> None:
        """Of several documents with one reference: the one the catalog holds, else the first."""
        contested = self._spool.contested()
        held: dict[str, tuple[str, str]] = {}
        for refs in in_batches(contested):
            rows = Entity.objects.filter(ref__in=refs).values_list("ref", "source", "digest")
            held.update({ref: (source, digest) for ref, source, digest in rows})
        for ref, documents in contested.items():
            source, digest = held.get(ref, ("", ""))
            same = [place for place in documents if place.source == source]
            alike = [place for place in documents if place.digest == digest]  # its file was renamed
            winner = (same or alike or documents)[0]
            self._winners[ref] = file_and_line(winner.source, winner.line)
            self._winning_numbers[ref] = winner.number

    def refuses(self, spooled: SpooledDocument, known: Entity | None) -> bool:
        """Refuse a document whose reference belongs to another one, naming both places."""
        if known is not None and known.source != spooled.source[:MAX_ADDRESS]:
            holder = ReferenceHolder(
                known.source,
                known.source_line,
                known.location_id,
                known.orphaned_at is not None,
            )
            if self._still_holds(holder, spooled.ref):
                winner = self._winners.get(spooled.ref, "")
                moved = winner.rpartition(":")[0] == holder.source  # within its file, if at all
                self._refuse_conflict(spooled, winner if moved else holder.place)
                return True
        if self._winning_numbers.get(spooled.ref, spooled.number) != spooled.number:
            self._refuse_conflict(spooled, self._winners[spooled.ref])
            return True
        return False

    def _still_holds(self, holder: ReferenceHolder, ref: str) -> bool:
        """Whether the document that the catalog has an entity from is, or may be, still there."""
        if holder.is_local:
            return True
        if holder.is_abandoned:
            return False
        if holder.source in self._spool.unchanged:
            return True
        if holder.source in self._spool.parsed:
            winner = self._winners.get(ref, "").rpartition(":")[0]
            return (
                winner == holder.source
                or ref in self._spool.refused_refs
                or holder.source in self._spool.broken_sources
            )
        return not is_gone(holder, self._previous, self._spool)

    def _refuse_conflict(self, spooled: SpooledDocument, holder: str) -> None:
        hint = "rename one of the two, or delete one"
        if not holder:
            hint = "rename one of the two, or delete the local entity to let this one in"
        problem = Problem(
            line=spooled.line,
            column=1,
            path="metadata.name",
            message=f"{spooled.ref} is already defined {f'at {holder}' if holder else 'locally'}",
            hint=hint,
        )
        self._report.issues.append(
            Issue(
                kind=ImportIssue.Kind.CONFLICT,
                file=spooled.source,
                document=spooled.document,
                ref=spooled.ref,
                problems=[problem],
                holder=holder,
                root=self._spool.reached[spooled.source],
            )
        )
