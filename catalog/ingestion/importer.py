"""The one writer of entities: a run over many documents, or one descriptor of the admin's form."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Literal, TypeVar

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from catalog.descriptor import DEFAULT_LIMITS, Limits, Problem, parse
from catalog.ingestion.allow import Allowance
from catalog.ingestion.dangling import find_dangling
from catalog.ingestion.lifting import LIFTED, lift, write_details
from catalog.ingestion.reading import Claim, Reading, digest_of, read_roots
from catalog.ingestion.report import Issue, Report
from catalog.ingestion.sources import Reader, Root, root_of
from catalog.models import Entity, ImportIssue, ImportRun, Location
from catalog.versions import bump

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger(__name__)

Progress = Callable[[Literal["read", "write"], int], object]
"""Called with the phase and how many more documents it has done."""

Orphans = Literal["keep", "delete"]
"""What becomes of an entity that no document has any more."""

_T = TypeVar("_T")
_BATCH = 500
_PLACE = ("location", "source", "source_line")
# A run whose process was killed cannot close itself; none takes nearly this long.
_ENDS_WITHIN = timedelta(hours=1)


class InvalidDescriptor(ValueError):
    """The text is not one descriptor that may be saved.

    Attributes:
        problems: Every reason, in the order of the text; at least one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


def _no_progress(_phase: Literal["read", "write"], _count: int) -> None:
    return


def run_import(
    sources: Sequence[str],
    *,
    dry_run: bool = False,
    orphans: Orphans | None = None,
    origin: Location.Origin = Location.Origin.COMMAND,
    allowed_kinds: Sequence[str] = (),
    trigger: ImportRun.Trigger = ImportRun.Trigger.COMMAND,
    user: "User | None" = None,
    progress: Progress = _no_progress,
    limits: Limits = DEFAULT_LIMITS,
) -> Report:
    """Bring the catalog to what the sources say, in one transaction.

    A refused document is an issue of the report: its entity keeps its last good version, and
    every good document goes in. An unchanged document writes nothing.

    Args:
        sources: Files, folders, globs and http(s) addresses.
        dry_run: Do everything, then undo it and leave no trace.
        orphans: What becomes of entities that no document has any more; None means as
            ``CATALOG_ORPHANS`` says.
        origin: Who named the sources that are new to the catalog.
        allowed_kinds: Kinds that documents of such new sources may have; none means all.
        trigger: What set the run off.
        user: Who asked for it, if a person did.
        progress: Told of every document.
        limits: What one file may cost.

    Returns:
        What was done; ``failure`` says so if the database failed and nothing was changed.
    """
    del origin, allowed_kinds
    started = time.monotonic()
    report = Report(is_dry_run=dry_run)
    if not dry_run:
        _close_killed()
    run = None if dry_run else ImportRun.objects.create(started_by=user, trigger=trigger)
    report.run_id = run.pk if run else None
    roots = list(dict.fromkeys(map(root_of, sources)))
    reader = Reader(Allowance.from_settings(), limits)
    try:
        with Reading(roots) as reading:
            read_roots(reader, reading, on_document=lambda n: progress("read", n))
            report.issues, report.notices = reading.issues, reading.notices
            with transaction.atomic():
                _Writer(reading, run, report, progress).write(
                    prune=(orphans or getattr(settings, "CATALOG_ORPHANS", "keep")) == "delete"
                )
                transaction.set_rollback(dry_run)
    except DatabaseError as exc:
        logger.exception("import failed, nothing was changed", extra={"run": report.run_id})
        report.failure = f"the database refused: {exc}"
        report.created = report.changed = report.unchanged = report.removed = 0
        report.duration_s = time.monotonic() - started
        _close(run, report)
        return report
    except BaseException as exc:
        report.failure = f"stopped by {type(exc).__name__}"
        report.duration_s = time.monotonic() - started
        _close(run, report)
        raise
    report.duration_s = time.monotonic() - started
    _close(run, report)
    return report


def _close_killed() -> None:
    """Say of runs that never ended what became of them."""
    for run in ImportRun.objects.filter(
        state=ImportRun.State.RUNNING, started_at__lt=timezone.now() - _ENDS_WITHIN
    ):
        if run.locations.exists():  # written with the entities, in one transaction
            refused = run.issues.count()
            run.state = ImportRun.State.REFUSED if refused else ImportRun.State.SUCCEEDED
            run.refused = refused
            run.save(update_fields=["state", "refused"])
        else:
            _close(run, Report(is_dry_run=False, failure="its process was stopped"))


def _close(run: ImportRun | None, report: Report) -> None:
    if run is None:
        return
    if report.failure:
        run.state = ImportRun.State.FAILED
        run.failure = report.failure[:500]
    else:
        run.state = ImportRun.State.REFUSED if report.issues else ImportRun.State.SUCCEEDED
        run.created, run.changed = report.created, report.changed
        run.unchanged, run.removed = report.unchanged, report.removed
    run.refused = report.refused
    run.duration_s = report.duration_s
    try:
        run.save()
    except DatabaseError:
        # The failure that is being recorded may well be the database's.
        logger.exception("the outcome of an import is not recorded", extra={"run": run.pk})
    logger.info(
        "import finished",
        extra={"run": run.pk, "state": str(run.state), "refused": run.refused},
    )


class _Writer:
    """Writes one reading inside the caller's transaction."""

    def __init__(
        self, reading: Reading, run: ImportRun | None, report: Report, progress: Progress
    ) -> None:
        self.reading = reading
        self.run = run
        self.report = report
        self.progress = progress
        self.now = timezone.now()
        self.locations: list[Location] = []
        self.winners: dict[str, int] = {}

    def write(self, *, prune: bool) -> None:
        self.locations = [self._location(root) for root in self.reading.roots]
        # Two runs over the same roots take turns where the database can lock rows.
        list(
            Location.objects.select_for_update()
            .filter(pk__in=[location.pk for location in self.locations])
            .order_by("pk")
        )
        if self.run is not None:
            self.run.locations.set(self.locations)
        self._choose_winners()
        for batch in _batched(self.reading.claims(), _BATCH):
            self._write_batch(batch)
            self.progress("write", len(batch))
        if prune:
            self._prune()
        complete = [
            location.pk
            for number, location in enumerate(self.locations)
            if number not in self.reading.incomplete_roots
        ]
        Location.objects.filter(pk__in=complete).update(read_at=self.now)
        notices, self.report.dangling = find_dangling([loc.pk for loc in self.locations])
        self.report.notices += notices
        ImportIssue.objects.filter(location__in=self.locations).delete()
        ImportIssue.objects.bulk_create(
            (
                _issue_row(self.run, issue, self.now, self.locations[0])
                for issue in self.report.issues
            ),
            batch_size=_BATCH,
        )
        bump()

    def _location(self, root: Root) -> Location:
        return Location.objects.get_or_create(type=root.type, target=root.target)[0]

    def _choose_winners(self) -> None:
        """Of several documents with one reference: the one the catalog holds, else the first."""
        contested = {ref: places for ref, places in self.reading.places.items() if len(places) > 1}
        held: dict[str, str] = {}
        for refs in _batched(contested, _BATCH):
            held.update(Entity.objects.filter(ref__in=refs).values_list("ref", "source"))
        for ref, places in contested.items():
            same = [place for place in places if place.source == held.get(ref)]
            self.winners[ref] = (same or places)[0].number

    def _write_batch(self, batch: Sequence[Claim]) -> None:
        stored = Entity.objects.defer("descriptor", "description").in_bulk(
            [claim.ref for claim in batch], field_name="ref"
        )
        write: list[tuple[Entity, Claim]] = []
        move: list[Entity] = []
        for claim in batch:
            known = stored.get(claim.ref)
            if self._is_refused(claim, known):
                continue
            root = self.locations[claim.root]
            if known is not None and known.location_id is not None and known.source == claim.source:
                location_id = known.location_id  # the same file, read through another root
            else:
                location_id = root.pk
            place = {
                "location_id": location_id,
                "source": claim.source[:1000],
                "source_line": claim.line,
            }
            if known is None or known.digest != claim.digest:
                write.append((self._entity(claim, place), claim))
                continue
            self.report.unchanged += 1
            if any(getattr(known, name) != value for name, value in place.items()):
                for name, value in place.items():
                    setattr(known, name, value)
                move.append(known)
        Entity.objects.bulk_update(move, _PLACE, batch_size=_BATCH)
        if write:
            self._write(write, stored)

    def _entity(self, claim: Claim, place: dict[str, object]) -> Entity:
        return Entity(
            ref=claim.ref,
            digest=claim.digest,
            run=self.run,
            first_run=self.run,
            changed_at=self.now,
            **lift(claim.descriptor),
            **place,
        )

    def _write(self, write: Sequence[tuple[Entity, Claim]], stored: dict[str, Entity]) -> None:
        Entity.objects.bulk_create(
            [entity for entity, _claim in write],
            update_conflicts=True,
            unique_fields=["ref"],
            update_fields=[*LIFTED, *_PLACE, "digest", "run", "changed_at"],
        )
        replaced = [stored[claim.ref].pk for _entity, claim in write if claim.ref in stored]
        write_details([(entity, claim.relations) for entity, claim in write], replaced=replaced)
        self.report.changed += len(replaced)
        self.report.created += len(write) - len(replaced)

    def _is_refused(self, claim: Claim, known: Entity | None) -> bool:
        """Refuse a document whose reference belongs to another one, naming both places."""
        winner = self.winners.get(claim.ref, claim.number)
        if winner != claim.number:
            places = self.reading.places[claim.ref]
            other = next(place for place in places if place.number == winner)
            self._refuse_twin(claim, f"{other.source}:{other.line}")
            return True
        if known is None or known.location_id is None or known.source == claim.source:
            return False
        numbers = {location.pk: number for number, location in enumerate(self.locations)}
        number = numbers.get(known.location_id)
        if (
            number is not None
            and number not in self.reading.incomplete_roots
            and claim.ref not in self.reading.refused_refs
        ):
            return False  # its old place was read and has it no more: it moved
        self._refuse_twin(claim, f"{known.source}:{known.source_line}")
        return True

    def _refuse_twin(self, claim: Claim, other: str) -> None:
        problem = Problem(
            line=claim.line,
            column=1,
            path="metadata.name",
            message=f"{claim.ref} is already defined at {other}",
            hint="rename one of the two, or delete one",
        )
        self.report.issues.append(
            Issue(file=claim.source, document=claim.document, ref=claim.ref, problems=[problem])
        )

    def _prune(self) -> None:
        """Remove what the roots no longer have; never what may only be unreadable just now."""
        reading = self.reading
        whole = [
            location.pk
            for number, location in enumerate(self.locations)
            if number not in reading.incomplete_roots
        ]
        rows = Entity.objects.filter(location_id__in=whole).values_list("pk", "ref", "source")
        gone = [
            pk
            for pk, ref, source in rows.iterator()
            if ref not in reading.places
            and ref not in reading.refused_refs
            and source not in reading.broken_sources
        ]
        for keys in _batched(gone, _BATCH):
            Entity.objects.filter(pk__in=keys).delete()
        self.report.removed = len(gone)


def _batched(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _issue_row(
    run: ImportRun | None, issue: Issue, now: datetime, location: Location
) -> ImportIssue:
    return ImportIssue(
        kind=ImportIssue.Kind.REFUSED,
        location=location,
        first_seen_at=now,
        last_seen_at=now,
        run=run,
        file=issue.file[:1000],
        document=issue.document,
        line=issue.line,
        ref=issue.ref[:200],
        messages=[problem.as_json() for problem in issue.problems],
    )


def configured_sources() -> list[str]:
    """What ``CATALOG_LOCATIONS`` names."""
    return [source for source in settings.CATALOG_LOCATIONS if source.strip()]


def save_descriptor(text: str, *, entity: Entity | None, user: "User | None") -> Entity:
    """Save the one descriptor of the admin's form by the same rules as an import.

    An entity that was read from a file keeps its place: the next import brings the file's
    version back if it differs.

    Args:
        text: YAML or JSON, exactly one document.
        entity: The entity that is edited; None to make one.
        user: Who saves it.

    Returns:
        The saved entity.

    Raises:
        InvalidDescriptor: The text breaks a rule, is not one document, or changes the reference.
    """
    documents = [document for document in parse(text) if not document.is_empty]
    if len(documents) != 1:
        raise InvalidDescriptor([_refusal(f"holds {len(documents)} documents; write exactly one")])
    document = documents[0]
    if document.problems:
        raise InvalidDescriptor(document.problems)
    ref = str(document.ref)
    if entity is not None and entity.ref != ref:
        raise InvalidDescriptor(
            [
                _refusal(
                    f"this is {ref}, the entity is {entity.ref}",
                    "kind, namespace and name cannot change: add the other as a new entity",
                    line=document.line,
                )
            ]
        )
    with transaction.atomic():
        if entity is None and Entity.objects.filter(ref=ref).exists():
            raise InvalidDescriptor(
                [_refusal(f"{ref} exists already", "edit it instead", line=document.line)]
            )
        saved = entity or Entity(ref=ref)
        for name, value in lift(document.data).items():
            setattr(saved, name, value)
        saved.digest = digest_of(document.data)
        saved.changed_at = timezone.now()
        saved.save()
        pairs = [(relation.type, relation.target) for relation in document.relations]
        write_details([(saved, pairs)], replaced=[saved.pk])
    logger.info("descriptor saved", extra={"ref": ref, "user": user.pk if user else None})
    return saved


def _refusal(message: str, hint: str = "", *, line: int = 1) -> Problem:
    return Problem(line=line, column=1, path="", message=message, hint=hint)
