"""Write what a run read: entities with their history, files, issues; in one transaction."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Case, F, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from catalog.columns import ENTITY_COLUMNS, Pairs, entity_columns, write_details
from catalog.editing import history
from catalog.editing.overlays import apply_overlays, overlays_of, relations_of
from catalog.ingestion.conflicts import Conflicts
from catalog.ingestion.files import MAX_ADDRESS, Files
from catalog.ingestion.issues import write_issues
from catalog.ingestion.previous_run import PreviousRun
from catalog.ingestion.report import Action, ImportReport, Outcome
from catalog.ingestion.spool import Spool, SpooledDocument
from catalog.models import Entity, EntityQuerySet, ImportRun, Location, Revision
from catalog.signals import entities_written
from catalog.versions import bump
from portal.batches import BATCH, in_batches

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.contrib.auth.models import User

_LINES = ("source_line", "annotation_lines", "reference_lines")
_PLACE = ("location", "source", *_LINES, "orphaned_at")
_MOVE = ("location_id", "source", *_LINES, "orphaned_at")
# One number for all writers: two runs that claim one reference must see each other's rows.
_LOCK = 0x5C_A7A1_06


class OvertakenError(Exception):
    """Another run wrote these locations meanwhile; they must be read again.

    Attributes:
        unregistered: Targets of locations that are no more.
    """

    def __init__(self, unregistered: Sequence[str] = ()) -> None:
        super().__init__("overtaken by another run")
        self.unregistered = frozenset(unregistered)


class CatalogWriter:
    """Writes what one run read.

    Args:
        spool: What was read.
        previous: What it was read against.
        run: The run; None for a dry run, whose transaction is undone.
        report: Takes what is done.
        on_document: Called with how many more documents are done.
    """

    def __init__(
        self,
        spool: Spool,
        previous: PreviousRun,
        run: ImportRun | None,
        report: ImportReport,
        on_document: "Callable[[int], object]",
    ) -> None:
        self._spool = spool
        self._previous = previous
        self._run = run
        self._report = report
        self._on_document = on_document
        self._now: datetime = timezone.now()
        self._locations: list[Location] = []
        self._conflicts = Conflicts(spool, previous, report)
        self._files = Files(spool, previous, self._locations)
        self._taken: Counter[str] = Counter()
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
        self._conflicts.choose()
        for batch in in_batches(self._spool.documents()):
            self._write_batch(batch)
            self._on_document(len(batch))
        self._count_unparsed()
        self._has_moved = self._files.hand_over() or self._has_moved
        self._mark_or_remove_gone(is_deleting=is_deleting)
        self._write_history()
        self._files.remember(self._taken)
        # A preview has them in its report; their rows would be undone.
        has_new_issues = self._run is not None and write_issues(
            [*self._report.issues, *self._spool.warnings],
            self._previous,
            self._spool,
            location_of=self._files.location_of,
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
        """Take turns with other runs; see whether one wrote since the previous run was loaded."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        roots = self._spool.roots
        known = self._previous.locations
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

    def _write_batch(self, batch: Sequence[SpooledDocument]) -> None:
        stored = {
            entity.ref: entity
            for entity in Entity.objects.filter(ref__in=[spooled.ref for spooled in batch]).only(
                "ref", "digest", *_MOVE
            )
        }
        write: list[tuple[SpooledDocument, dict[str, Any]]] = []
        move: list[tuple[Any, ...]] = []
        for spooled in batch:
            known = stored.get(spooled.ref)
            if self._conflicts.refuses(spooled, known):
                continue
            self._taken[spooled.source] += 1
            place = {
                "location_id": self._files.owner_of(spooled.source),
                "source": spooled.source[:MAX_ADDRESS],
                "source_line": spooled.line,
                "annotation_lines": spooled.annotation_lines,
                "reference_lines": spooled.reference_lines,
                "orphaned_at": None,
            }
            if known is not None and known.orphaned_at is not None:
                self._report.restored += 1
                self._note(spooled.ref, Action.RESTORED, spooled.source, spooled.line)
            if known is None or known.digest != spooled.digest:
                write.append((spooled, place))
                continue
            self._report.unchanged += 1
            if any(getattr(known, name) != value for name, value in place.items()):
                move.append((*(place[column] for column in _MOVE), known.pk))
        if move:
            self._has_moved = True
            _move(move)
        if write:
            self._write(write, stored)

    def _write(
        self, write: Sequence[tuple[SpooledDocument, dict[str, Any]]], stored: dict[str, Entity]
    ) -> None:
        """Write new and changed entities, with what people laid over them."""
        replaced = {
            spooled.ref: stored[spooled.ref].pk for spooled, _ in write if spooled.ref in stored
        }
        # Whoever lays a value over one of them just now is waited for, or it would be stored and
        # not in force.
        list(Entity.objects.select_for_update().filter(pk__in=replaced.values()).values_list("pk"))
        overlays = overlays_of(spooled.ref for spooled, _place in write)
        written: list[tuple[Entity, Pairs]] = []
        for spooled, place in write:
            descriptor, relations = spooled.descriptor, spooled.relations
            own = overlays.get(spooled.ref)
            if own:
                descriptor = apply_overlays(spooled.descriptor, own)
                relations = relations_of(descriptor)
            entity = Entity(
                ref=spooled.ref,
                written=spooled.descriptor if own else None,
                digest=spooled.digest,
                run=self._run,
                first_run=self._run,
                changed_at=self._now,
                **entity_columns(descriptor, spooled.descriptor),
                **place,
            )
            written.append((entity, relations))
        self._note_changes(write, replaced)
        Entity.objects.bulk_create(
            [entity for entity, _relations in written],
            update_conflicts=True,
            unique_fields=["ref"],
            update_fields=[*ENTITY_COLUMNS, *_PLACE, "written", "digest", "run", "changed_at"],
        )
        write_details(written, replaced=list(replaced.values()))

    def _note_changes(
        self, write: Sequence[tuple[SpooledDocument, dict[str, Any]]], replaced: dict[str, int]
    ) -> None:
        """Count, and write down what changes; only changed entities' old descriptors are read."""
        before = {
            ref: descriptor if written is None else written
            for ref, descriptor, written in Entity.objects.filter(
                pk__in=list(replaced.values())
            ).values_list("ref", "descriptor", "written")
        }
        for spooled, _place in write:
            if spooled.ref not in replaced:
                self._report.created += 1
                self._note(spooled.ref, Action.CREATED, spooled.source, spooled.line)
                continue
            self._report.changed += 1
            self._note(spooled.ref, Action.CHANGED, spooled.source, spooled.line)
            self._revisions.append(
                history.revision(
                    spooled.ref,
                    Revision.Action.CHANGED,
                    at=self._now,
                    run=self._run,
                    old=before[spooled.ref],
                    new=spooled.descriptor,
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

    def _count_unparsed(self) -> None:
        self._report.unchanged += sum(
            self._previous.files[file].entities for file in self._spool.unchanged
        )

    def _mark_or_remove_gone(self, *, is_deleting: bool) -> None:
        """Mark or remove what no document has any more; never what may only be unreadable now."""
        spool = self._spool
        rows = Entity.objects.filter(location_id__in=self._previous.owners).order_by("pk")
        # In a file that was as it was, everything is there.
        read = [
            source
            for source in self._previous.rows
            if source in spool.parsed or spool.has_lost(source)
        ]
        gone: list[int] = []
        for sources in in_batches(read):
            found = rows.filter(source__in=sources, orphaned_at=None)
            gone += self._gone_of(found, Action.REMOVED if is_deleting else Action.ORPHANED)
        if is_deleting:
            found = rows.filter(orphaned_at__isnull=False, location_id__in=self._previous.keys)
            gone += self._gone_of(found, Action.REMOVED)
        for keys in in_batches(gone):
            if is_deleting:
                Entity.objects.filter(pk__in=keys).delete()
            else:
                Entity.objects.filter(pk__in=keys).update(orphaned_at=self._now)
        if is_deleting:
            self._report.removed = len(gone)
        else:
            self._report.orphaned = len(gone)

    def _gone_of(self, rows: EntityQuerySet, action: Action) -> list[int]:
        """Which of these have no document any more."""
        spool = self._spool
        refused = {(issue.file, issue.ref) for issue in self._report.issues}
        gone: list[int] = []
        columns = ("pk", "ref", "source", "source_line", "location_id")
        for pk, ref, source, line, location in rows.values_list(*columns):
            if spool.has(ref) or source in spool.broken_sources or (source, ref) in refused:
                continue
            is_read = source in spool.parsed or source in spool.unchanged
            is_known = location in self._previous.keys and (is_read or spool.has_lost(source))
            if is_known and ref not in spool.refused_refs:
                gone.append(pk)
                self._note(ref, action, source, line)
        return gone

    def _write_locations(self) -> None:
        keys = [location.pk for location in self._locations]
        rows = Location.objects.filter(pk__in=keys)
        gone = [
            location.pk
            for root, location in zip(self._spool.roots, self._locations, strict=True)
            if root.target in self._spool.missing
        ]
        rows.update(
            generation=F("generation") + 1,
            last_read_at=self._now,
            gone_at=Case(When(pk__in=gone, then=Coalesce("gone_at", self._now)), default=None),
        )
        rows.filter(pk__in=self._files.whole).update(read_at=self._now)
        # Another run may have begun meanwhile.
        rows.exclude(last_run__state=ImportRun.State.RUNNING).update(last_run=self._run)
        if self._run is not None:
            self._run.locations.set(keys)


def _move(places: Sequence[tuple[Any, ...]]) -> None:
    """Write where entities stand now: values of the columns of ``_MOVE``, then the primary key.

    One prepared statement; ``bulk_update`` builds an expression for every value, which takes
    fifty times longer.
    """
    quoted = connection.ops.quote_name
    values = ", ".join(f"{quoted(column)} = %s" for column in _MOVE)
    statement = f"UPDATE {quoted(Entity._meta.db_table)} SET {values} WHERE id = %s"  # noqa: S608 -- names alone
    adapted = connection.ops.adapt_json_value
    with connection.cursor() as cursor:
        cursor.executemany(
            statement,
            [
                [adapted(one, None) if isinstance(one, dict) else one for one in row]
                for row in places
            ],
        )
    entities_written.send(Entity, pks=[row[-1] for row in places])
