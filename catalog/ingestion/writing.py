"""From a reading to rows: entities with their history, files, issues; one transaction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import F
from django.utils import timezone

from catalog import history
from catalog.descriptor import Problem
from catalog.ingestion.lifting import LIFTED, Pairs, lift, write_details
from catalog.ingestion.memory import BATCH, Holder, Memory, batched, rows_of
from catalog.ingestion.reading import Claim, Reading
from catalog.ingestion.report import Action, Issue, Outcome, Report
from catalog.ingestion.standing import write_issues
from catalog.ingestion.walking import is_gone
from catalog.models import Entity, ImportIssue, ImportRun, Location, Revision, SourceFile
from catalog.overlays import overlays_of, put_over, relations_of
from catalog.versions import bump

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.contrib.auth.models import User

_PLACE = ("location", "source", "source_line", "orphaned_at")
_REMEMBERED = (
    *("location", "fingerprint", "etag", "last_modified", "entities", "includes", "leads_to"),
)
_MAX_ADDRESS = 1000
# One number for all writers: two runs that claim one reference must see each other's rows.
_LOCK = 0x5C_A7A1_06


class OvertakenError(Exception):
    """Somebody wrote these locations since they were recalled; they must be read again.

    Attributes:
        unregistered: Targets of locations that are no more.
    """

    def __init__(self, unregistered: Sequence[str] = ()) -> None:
        super().__init__("overtaken by another run")
        self.unregistered = frozenset(unregistered)


class Writer:
    """Writes one reading.

    Args:
        reading: What was read.
        memory: What it was read against.
        run: The run; None for a dry run, whose transaction is undone.
        report: Takes what is done.
        on_document: Called with how many more documents are done.
    """

    def __init__(
        self,
        reading: Reading,
        memory: Memory,
        run: ImportRun | None,
        report: Report,
        on_document: "Callable[[int], object]",
    ) -> None:
        self._reading = reading
        self._memory = memory
        self._run = run
        self._report = report
        self._on_document = on_document
        self._now: datetime = timezone.now()
        self._locations: list[Location] = []
        self._winners: dict[str, str] = {}
        self._winning_numbers: dict[str, int] = {}
        self._owners: dict[str, int] = {}
        self._revisions: list[Revision] = []
        self._has_moved = False

    def write(
        self,
        *,
        is_deleting: bool,
        origin: Location.Origin,
        allowed_kinds: Sequence[str],
        user: "User | None",
    ) -> list[int]:
        """Write everything.

        Args:
            is_deleting: Whether what no document has any more is removed instead of kept.
            origin: Who named the roots that are new to the catalog.
            allowed_kinds: The kinds that those may define.
            user: Who asked for it.

        Returns:
            Primary keys of the locations, by index of the root.

        Raises:
            OvertakenError: The reading may be older than what the catalog holds.
        """
        self._lock(origin, allowed_kinds, user)
        self._recall_owners()
        self._choose_winners()
        for batch in batched(self._reading.claims(), BATCH):
            self._write_batch(batch)
            self._on_document(len(batch))
        self._count_unparsed()
        self._hand_over()
        self._let_go(is_deleting=is_deleting)
        self._write_history()
        self._remember_files()
        has_new_issues = write_issues(
            [*self._report.issues, *self._reading.warnings],
            self._memory,
            self._reading,
            location_of=self._location_of,
            run=self._run,
            at=self._now,
        )
        self._write_locations()
        if self._report.has_changes or self._has_moved or has_new_issues:
            bump()
        return [location.pk for location in self._locations]

    def _lock(
        self, origin: Location.Origin, allowed_kinds: Sequence[str], user: "User | None"
    ) -> None:
        """Take turns with other runs, and see whether one has been here since the recall."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        roots = self._reading.roots
        known = self._memory.locations
        fresh = {
            location.pk: location
            for location in Location.objects.select_for_update()
            .filter(pk__in=[location.pk for location in known if location])
            .order_by("pk")
        }
        gone = [one.target for one in known if one is not None and one.pk not in fresh]
        if gone:
            raise OvertakenError(gone)
        for root, before in zip(roots, known, strict=True):
            if before is None:
                location, is_new = Location.objects.get_or_create(
                    type=root.type,
                    target=root.target,
                    defaults={
                        "origin": origin,
                        "allowed_kinds": list(allowed_kinds),
                        "created_by": user,
                    },
                )
                if not is_new:
                    raise OvertakenError
            else:
                location = fresh[before.pk]
                if (location.generation, location.allowed_kinds) != (
                    before.generation,
                    before.allowed_kinds,
                ):
                    raise OvertakenError
            self._locations.append(location)

    def _recall_owners(self) -> None:
        """Find who owns the parsed files that none of the roots was known to lead to."""
        unknown = [file for file in self._reading.parsed if file not in self._memory.files]
        for batch in batched(unknown, BATCH):
            rows = SourceFile.objects.filter(address__in=batch)
            self._owners.update(rows.values_list("address", "location_id"))

    def _owner_of(self, address: str) -> int:
        """The location that a file belongs to: the one that had it first and still leads to it."""
        known = self._memory.files.get(address)
        owner = self._owners.get(address) if known is None else known.location
        if owner is not None:
            roots = [n for n, location in enumerate(self._locations) if location.pk == owner]
            if not roots or roots[0] in self._reading.roots_of(address):
                return owner
        return self._locations[self._reading.reached[address]].pk

    def _location_of(self, issue: Issue) -> int:
        if issue.kind != ImportIssue.Kind.UNREADABLE and issue.file in self._reading.reached:
            return self._owner_of(issue.file)
        return self._locations[issue.root].pk

    def _choose_winners(self) -> None:
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

    def _write_batch(self, batch: Sequence[Claim]) -> None:
        stored = {
            entity.ref: entity
            for entity in Entity.objects.filter(ref__in=[claim.ref for claim in batch]).only(
                "ref", "digest", "location_id", "source", "source_line", "orphaned_at"
            )
        }
        write: list[tuple[Claim, dict[str, Any]]] = []
        move: list[Entity] = []
        for claim in batch:
            known = stored.get(claim.ref)
            if self._is_refused(claim, known):
                continue
            place = {
                "location_id": self._owner_of(claim.source),
                "source": claim.source[:_MAX_ADDRESS],
                "source_line": claim.line,
                "orphaned_at": None,
            }
            if known is not None and known.orphaned_at is not None:
                self._report.restored += 1
                self._note(claim.ref, Action.RESTORED, claim.source, claim.line)
            if known is None or known.digest != claim.digest:
                write.append((claim, place))
                continue
            self._report.unchanged += 1
            if any(getattr(known, name) != value for name, value in place.items()):
                for name, value in place.items():
                    setattr(known, name, value)
                move.append(known)
        if move:
            self._has_moved = True
            Entity.objects.bulk_update(move, _PLACE, batch_size=BATCH)
        if write:
            self._write(write, stored)

    def _write(
        self, write: Sequence[tuple[Claim, dict[str, Any]]], stored: dict[str, Entity]
    ) -> None:
        """Write new and changed entities, with what people laid over them."""
        overlays = overlays_of(claim.ref for claim, _place in write)
        written: list[tuple[Entity, Pairs]] = []
        for claim, place in write:
            descriptor, relations = claim.descriptor, claim.relations
            own = overlays.get(claim.ref)
            if own:
                descriptor = put_over(claim.descriptor, own)
                relations = relations_of(descriptor)
            entity = Entity(
                ref=claim.ref,
                written=claim.descriptor if own else None,
                digest=claim.digest,
                run=self._run,
                first_run=self._run,
                changed_at=self._now,
                **lift(descriptor),
                **place,
            )
            written.append((entity, relations))
        replaced = {claim.ref: stored[claim.ref].pk for claim, _ in write if claim.ref in stored}
        self._note_changes(write, replaced)
        Entity.objects.bulk_create(
            [entity for entity, _relations in written],
            update_conflicts=True,
            unique_fields=["ref"],
            update_fields=[*LIFTED, *_PLACE, "written", "digest", "run", "changed_at"],
        )
        write_details(written, replaced=list(replaced.values()))

    def _note_changes(
        self, write: Sequence[tuple[Claim, dict[str, Any]]], replaced: dict[str, int]
    ) -> None:
        """Count, and write down what changes; only changed entities' old descriptors are read."""
        before = {
            ref: descriptor if written is None else written
            for ref, descriptor, written in Entity.objects.filter(
                pk__in=list(replaced.values())
            ).values_list("ref", "descriptor", "written")
        }
        for claim, _place in write:
            if claim.ref not in replaced:
                self._report.created += 1
                self._note(claim.ref, Action.CREATED, claim.source, claim.line)
                continue
            self._report.changed += 1
            self._note(claim.ref, Action.CHANGED, claim.source, claim.line)
            self._revisions.append(
                history.revision(
                    claim.ref,
                    Revision.Action.CHANGED,
                    at=self._now,
                    run=self._run,
                    old=before[claim.ref],
                    new=claim.descriptor,
                )
            )
        self._write_history(least=BATCH)

    def _note(self, ref: str, action: Action, file: str, line: int | None) -> None:
        self._report.note(Outcome(ref, action, file, line))
        if action in (Action.ORPHANED, Action.REMOVED, Action.RESTORED):
            self._revisions.append(
                history.revision(ref, Revision.Action(action), at=self._now, run=self._run)
            )

    def _write_history(self, *, least: int = 1) -> None:
        if len(self._revisions) < least:
            return
        Revision.objects.bulk_create(self._revisions, batch_size=BATCH)
        history.trim({revision.entity_id for revision in self._revisions})
        self._revisions.clear()

    def _is_refused(self, claim: Claim, known: Entity | None) -> bool:
        """Refuse a document whose reference belongs to another one, naming both places."""
        if known is not None and known.source != claim.source[:_MAX_ADDRESS]:
            holder = Holder(
                known.source,
                known.source_line,
                known.location_id,
                known.orphaned_at is not None,
            )
            if self._still_holds(holder, claim.ref):
                self._refuse_twin(claim, holder.place)
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

    def _count_unparsed(self) -> None:
        self._report.unchanged += sum(
            self._memory.files[file].entities - self._memory.kept_last_good(file)
            for file in self._reading.unchanged
        )

    def _hand_over(self) -> None:
        """Give unchanged files, and what is in them, to a root that leads to them if none did."""
        for file in self._reading.unchanged:
            before = self._memory.files[file].location
            if before == self._locations[self._reading.reached[file]].pk:
                continue
            owner = self._owner_of(file)
            if owner != before:
                self._has_moved = True
                SourceFile.objects.filter(address=file).update(location_id=owner)
                Entity.objects.filter(location_id=before, source=file).update(location_id=owner)
                ImportIssue.objects.filter(file=file).update(location_id=owner)

    def _let_go(self, *, is_deleting: bool) -> None:
        """Mark or remove what no document has any more; never what may only be unreadable now."""
        reading = self._reading
        whole = [
            location.pk
            for number, location in enumerate(self._locations)
            if number not in reading.incomplete_roots
        ]
        rows = Entity.objects.filter(location_id__in=whole).order_by("pk")
        # In a file that was as it was, everything is there; one that was tried is unreadable.
        doubtful = [
            source
            for source in self._memory.rows
            if source in reading.parsed or source not in reading.reached
        ]
        gone: list[int] = []
        for sources in batched(doubtful, BATCH):
            found = rows.filter(source__in=sources, orphaned_at=None)
            gone += self._gone_of(found, Action.REMOVED if is_deleting else Action.ORPHANED)
        if is_deleting:
            gone += self._gone_of(rows.filter(orphaned_at__isnull=False), Action.REMOVED)
        for keys in batched(gone, BATCH):
            if is_deleting:
                Entity.objects.filter(pk__in=keys).delete()
            else:
                Entity.objects.filter(pk__in=keys).update(orphaned_at=self._now)
        if is_deleting:
            self._report.removed = len(gone)
        else:
            self._report.orphaned = len(gone)

    def _gone_of(self, rows: Any, action: Action) -> list[int]:
        reading = self._reading
        gone: list[int] = []
        for pk, ref, source, line in rows.values_list("pk", "ref", "source", "source_line"):
            if reading.has(ref) or ref in reading.refused_refs or source in reading.broken_sources:
                continue
            gone.append(pk)
            self._note(ref, action, source, line)
        return gone

    def _remember_files(self) -> None:
        """Keep what tells next time whether a file is as it was; forget those that are gone."""
        for batch in batched(self._reading.files(), BATCH):
            facts = [one for one in batch if len(one.address) <= _MAX_ADDRESS]
            owners = {one.address: self._owner_of(one.address) for one in facts}
            counts = rows_of(set(owners.values()), list(owners))
            SourceFile.objects.bulk_create(
                (
                    SourceFile(
                        location_id=owners[one.address],
                        entities=counts.get(one.address, 0),
                        **one._asdict(),
                    )
                    for one in facts
                ),
                update_conflicts=True,
                unique_fields=["address"],
                update_fields=_REMEMBERED,
            )
        whole = {
            location.pk
            for number, location in enumerate(self._locations)
            if number not in self._reading.incomplete_roots
        }
        gone = [
            address
            for address, known in self._memory.files.items()
            if known.location in whole and address not in self._reading.reached
        ]
        for addresses in batched(gone, BATCH):
            SourceFile.objects.filter(address__in=addresses).delete()

    def _write_locations(self) -> None:
        keys = [location.pk for location in self._locations]
        whole = [
            location.pk
            for number, location in enumerate(self._locations)
            if number not in self._reading.incomplete_roots
        ]
        rows = Location.objects.filter(pk__in=keys)
        rows.update(generation=F("generation") + 1, last_run=self._run)
        rows.filter(pk__in=whole).update(read_at=self._now)
        if self._run is not None:
            self._run.locations.set(keys)
