"""Run an import: read the sources and write the catalog, in one transaction."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from django.conf import settings
from django.db import DatabaseError, OperationalError, transaction
from django.utils import timezone

from catalog.descriptor import DEFAULT_LIMITS, Limits
from catalog.ingestion.allow import Allowance
from catalog.ingestion.passed_over import notices_of_passed_over
from catalog.ingestion.previous_run import PreviousRun, load_previous_run, load_shared_files
from catalog.ingestion.remote import RUN_BUDGET_S
from catalog.ingestion.report import ImportReport, ReportNotice
from catalog.ingestion.sources import Root, SourceReader, is_url, root_of
from catalog.ingestion.spellings import refusal, understood
from catalog.ingestion.spool import Spool
from catalog.ingestion.traversal import Traversal
from catalog.ingestion.unresolved import find_unresolved
from catalog.ingestion.writing import CatalogWriter, OvertakenError
from catalog.masking import DEFAULT_MASKER
from catalog.models import ImportRun, Location
from portal.leases import HELD_S, is_held, lease

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger(__name__)

Phase = Literal["read", "write"]
Progress = Callable[[Phase, int], object]
"""Called with the phase and how many more documents it has done."""

Orphans = Literal["keep", "delete"]
"""What becomes of an entity that no document has any more."""

# A run takes its lease at once after its row.
_LEASED_WITHIN = timedelta(seconds=HELD_S)
_MAX_TRIES = 5
_T = TypeVar("_T")


def retry_while_locked(do: Callable[[], _T]) -> _T:
    """Do a small write again while another run holds the lock of SQLite."""
    for _time in range(_MAX_TRIES):
        try:
            return do()
        except OperationalError as exc:
            if not is_locked(exc):
                raise
    return do()


def is_locked(exc: OperationalError) -> bool:
    """Whether another writer was in the way: a lock, or PostgreSQL's choice of a victim."""
    words = ("database is locked", "deadlock detected", "due to lock timeout")
    return any(part in str(exc) for part in words)


def _no_progress(_phase: Phase, _count: int) -> None:
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
    remote_budget_s: float = RUN_BUDGET_S,
    waits: bool = True,
) -> ImportReport:
    """Bring the catalog to what the sources say, in one transaction.

    A refused document is an issue of the report: its entity keeps its last good version, and
    every good document goes in. An unchanged file is not parsed, an unchanged document writes
    nothing. Where another run wrote the same locations meanwhile, they are read again.

    Args:
        sources: Files, folders, globs and http(s) addresses; targets of locations too.
        dry_run: Do everything, then undo it and leave no trace.
        orphans: What becomes of entities that no document has any more; None means as
            ``CATALOG_ORPHANS`` says.
        origin: Who named the sources that are new to the catalog.
        allowed_kinds: Kinds that documents of such new sources may have; none means all.
        trigger: What set the run off.
        user: Who asked for it, if a person did.
        progress: Told of every document; what it raises ends the run.
        limits: What one file may cost.
        remote_budget_s: Seconds that reading from hosts may take.
        waits: Whether it reads again and waits once more where another run holds the lock.

    Returns:
        What was done; ``failure`` says so if the database failed and nothing was changed.
    """
    started = time.monotonic()
    run = None
    roots = list(dict.fromkeys(map(root_of, sources)))
    if not dry_run:
        run = retry_while_locked(lambda: _start(roots, trigger, user))
    attempt = _Attempt(
        run=run,
        is_deleting=(orphans or settings.CATALOG_ORPHANS) == "delete",
        origin=origin,
        allowed_kinds=allowed_kinds,
        user=user,
        progress=progress,
        # What a first reading took of the time, a second one has no more.
        reader=lambda: SourceReader(
            Allowance.from_settings(), limits, started + remote_budget_s - time.monotonic()
        ),
        started=started,
    )
    try:
        with lease(_lease_of(run.pk)) if run else nullcontext():
            return _read_until_written(attempt, roots, waits=waits)
    except DatabaseError as exc:
        logger.exception("import failed, nothing was changed", extra={"run": run and run.pk})
        return attempt.fail(f"the database refused: {exc}")
    except BaseException as exc:
        attempt.fail(f"stopped by {type(exc).__name__}")
        raise


def _read_until_written(attempt: "_Attempt", roots: list[Root], *, waits: bool) -> ImportReport:
    for _try in range(_MAX_TRIES):
        try:
            return attempt.make(roots)
        except OperationalError as exc:
            if not is_locked(exc):
                raise
            if not waits:
                return attempt.fail("another import is writing; try again when it has ended")
            logger.info("another run is writing, reading again")
        except OvertakenError as exc:
            logger.info("overtaken by another run, reading again")
            roots = [root for root in roots if root.target not in exc.unregistered]
    return attempt.fail("other runs kept writing these locations")


class _Attempt:
    """A run, whose roots may be read several times."""

    def __init__(
        self,
        *,
        run: ImportRun | None,
        is_deleting: bool,
        origin: Location.Origin,
        allowed_kinds: Sequence[str],
        user: "User | None",
        progress: Progress,
        reader: Callable[[], SourceReader],
        started: float,
    ) -> None:
        self._run = run
        self._is_deleting = is_deleting
        self._origin = origin
        self._allowed_kinds = allowed_kinds
        self._user = user
        self._progress = progress
        self._reader = reader
        self._started = started
        self._is_written = False

    def make(self, roots: Sequence[Root]) -> ImportReport:
        """Read the roots once and write what they say.

        Raises:
            OvertakenError: Another run wrote them meanwhile; nothing was changed.
        """
        report = ImportReport(
            run_id=self._run.pk if self._run else None, is_dry_run=self._run is None
        )
        previous = load_previous_run(roots, self._allowed_kinds)
        with self._read(roots, previous) as spool:
            report.issues = spool.issues
            report.incomplete = [roots[n].target for n in sorted(spool.incomplete_roots)]
            with transaction.atomic():
                locations = CatalogWriter(
                    spool, previous, self._run, report, lambda n: self._progress("write", n)
                ).write(
                    is_deleting=self._is_deleting,
                    origin=self._origin,
                    allowed_kinds=self._allowed_kinds,
                    user=self._user,
                )
                report.notices = [*notices_of_passed_over(spool)]
                report.notices += [
                    ReportNotice(file=file, line=None, ref="", message=note)
                    for file, note in spool.notes.items()
                ]
                report.notices += [
                    ReportNotice(
                        file=issue.file,
                        line=problem.line,
                        ref=issue.ref,
                        message=f"{problem.path}: {problem.message}",
                        hint=problem.hint,
                    )
                    for issue in spool.warnings
                    for problem in issue.problems
                ]
                if self._run is None:
                    self._add_unresolved(report, locations)
                    transaction.set_rollback(True)
                else:
                    self._close(self._run, report)
        if self._run is not None:
            self._is_written = True
            try:
                self._add_unresolved(report, locations)
            except DatabaseError:
                logger.exception("unresolved references are not counted")
        report.hide(DEFAULT_MASKER.text)
        report.duration_s = time.monotonic() - self._started
        return report

    def _read(self, roots: Sequence[Root], previous: PreviousRun) -> Spool:
        """Read the roots; twice if they turn out to lead to files that other locations have."""
        for _time in range(2):
            spool = Spool(roots)
            reader = self._reader()
            try:
                Traversal(reader, previous, spool, lambda n: self._progress("read", n)).read()
            except BaseException:
                spool.close()
                raise
            finally:
                reader.remote.close()
            if not load_shared_files(previous, spool.parsed):
                break
            spool.close()
        return spool

    def fail(self, reason: str) -> ImportReport:
        """Say that nothing was changed, and why."""
        report = ImportReport(
            run_id=self._run.pk if self._run else None,
            is_dry_run=self._run is None,
            failure=reason,
            duration_s=time.monotonic() - self._started,
        )
        if self._run is not None and not self._is_written:
            try:
                self._close(self._run, report)
            except DatabaseError:
                # The failure that is being recorded may well be the database's.
                logger.exception(
                    "the outcome of an import is not recorded", extra={"run": self._run.pk}
                )
        return report

    @staticmethod
    def _add_unresolved(report: ImportReport, locations: Sequence[int]) -> None:
        notices, report.unresolved = find_unresolved(locations)
        report.notices += notices

    def _close(self, run: ImportRun, report: ImportReport) -> None:
        """Write down the outcome: of a run that went through, in its own transaction."""
        if report.failure:
            run.state = ImportRun.State.FAILED
            run.failure = report.failure[:500]
            run.created = run.changed = run.unchanged = run.orphaned = run.removed = 0
        else:
            run.state = ImportRun.State.REFUSED if report.issues else ImportRun.State.SUCCEEDED
            run.created, run.changed = report.created, report.changed
            run.unchanged = report.unchanged
            run.orphaned, run.removed = report.orphaned, report.removed
        run.refused = report.refused
        run.duration_s = time.monotonic() - self._started
        run.save()
        logger.info(
            "import finished",
            extra={"run": run.pk, "state": str(run.state), "refused": run.refused},
        )


def _start(roots: Sequence[Root], trigger: ImportRun.Trigger, user: "User | None") -> ImportRun:
    """Write down that a run has begun, and which known locations it imports."""
    known = Location.objects.filter(target__in=[root.target for root in roots])
    # In the order in which a run that writes locks them.
    known = known.select_for_update().order_by("pk")
    with transaction.atomic():
        run = ImportRun.objects.create(started_by=user, trigger=trigger)
        run.locations.set(known)
        known.update(last_run=run)
    return run


def _lease_of(run_pk: int) -> str:
    return f"import:{run_pk}"


def is_going_on(run: ImportRun) -> bool:
    """Whether a run has not ended, and its process is alive; one query at most."""
    if run.state != ImportRun.State.RUNNING:
        return False
    return run.started_at >= timezone.now() - _LEASED_WITHIN or is_held(_lease_of(run.pk))


def configured_sources() -> list[str]:
    """What ``CATALOG_LOCATIONS`` names.

    A relative path counts from the project's folder, wherever a process was started: the worker
    must not take a location for another one, and its entities for orphans.
    """
    return [_absolute(source.strip()) for source in settings.CATALOG_LOCATIONS if source.strip()]


def _absolute(source: str) -> str:
    source = understood(source)
    if is_url(source) or refusal(source):
        return source
    return str(settings.BASE_DIR / Path(source).expanduser())
