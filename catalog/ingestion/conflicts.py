"""Several documents of one reference: which one the catalog takes, what it says of the others."""

from catalog.descriptor import Problem
from catalog.ingestion.files import MAX_ADDRESS
from catalog.ingestion.memory import BATCH, Holder, Memory, batched
from catalog.ingestion.reading import Claim, Reading
from catalog.ingestion.report import Issue, Report
from catalog.ingestion.walking import is_gone
from catalog.models import Entity, ImportIssue


class Conflicts:
    """Decides who keeps a reference: the document that has it, for as long as it is there.

    Args:
        reading: What was read.
        memory: What it was read against.
        report: Takes the conflicts.
    """

    def __init__(self, reading: Reading, memory: Memory, report: Report) -> None:
        self._reading = reading
        self._memory = memory
        self._report = report
        self._winners: dict[str, str] = {}
        self._winning_numbers: dict[str, int] = {}

    def choose(self) -> None:
        """Of several documents with one reference: the one the catalog holds, else the first."""
        contested = self._reading.contested()
        held: dict[str, tuple[str, str]] = {}
        for refs in batched(contested, BATCH):
            rows = Entity.objects.filter(ref__in=refs).values_list("ref", "source", "digest")
            held.update({ref: (source, digest) for ref, source, digest in rows})
        for ref, places in contested.items():
            source, digest = held.get(ref, ("", ""))
            same = [place for place in places if place.source == source]
            alike = [place for place in places if place.digest == digest]  # its file was renamed
            winner = (same or alike or places)[0]
            self._winners[ref] = f"{winner.source}:{winner.line}"
            self._winning_numbers[ref] = winner.number

    def refuses(self, claim: Claim, known: Entity | None) -> bool:
        """Refuse a document whose reference belongs to another one, naming both places."""
        if known is not None and known.source != claim.source[:MAX_ADDRESS]:
            holder = Holder(
                known.source,
                known.source_line,
                known.location_id,
                known.orphaned_at is not None,
            )
            if self._still_holds(holder, claim.ref):
                winner = self._winners.get(claim.ref, "")
                moved = winner.rpartition(":")[0] == holder.source  # within its file, if at all
                self._refuse_twin(claim, winner if moved else holder.place)
                return True
        if self._winning_numbers.get(claim.ref, claim.number) != claim.number:
            self._refuse_twin(claim, self._winners[claim.ref])
            return True
        return False

    def _still_holds(self, holder: Holder, ref: str) -> bool:
        """Whether the document that the catalog has an entity from is, or may be, still there."""
        if holder.is_local:
            return True
        if holder.is_abandoned:
            return False
        if holder.source in self._reading.unchanged:
            return True
        if holder.source in self._reading.parsed:
            winner = self._winners.get(ref, "").rpartition(":")[0]
            return (
                winner == holder.source
                or ref in self._reading.refused_refs
                or holder.source in self._reading.broken_sources
            )
        return not is_gone(holder, self._memory, self._reading)

    def _refuse_twin(self, claim: Claim, holder: str) -> None:
        hint = "rename one of the two, or delete one"
        if not holder:
            hint = "rename one of the two, or delete the local entity to let this one in"
        problem = Problem(
            line=claim.line,
            column=1,
            path="metadata.name",
            message=f"{claim.ref} is already defined {f'at {holder}' if holder else 'locally'}",
            hint=hint,
        )
        self._report.issues.append(
            Issue(
                kind=ImportIssue.Kind.CONFLICT,
                file=claim.source,
                document=claim.document,
                ref=claim.ref,
                problems=[problem],
                holder=holder,
                root=self._reading.reached[claim.source],
            )
        )
