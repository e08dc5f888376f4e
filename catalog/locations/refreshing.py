"""Refresh locations, and plan when; register and unregister them.

The import itself is the importer's. Here is which location is imported next, what a failure does to
that, and what becomes of a location's entities when nobody names it any more. Only the worker and
commands import: a page marks locations as due.
"""

import logging
import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.admin.models import DELETION, LogEntry
from django.core.cache import cache
from django.db import OperationalError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from catalog.editing import history
from catalog.ingestion.importer import (
    configured_sources,
    is_locked,
    retry_while_locked,
    run_import,
)
from catalog.ingestion.report import ImportReport
from catalog.ingestion.sources import root_of
from catalog.locations.claims import claimants_of, claimed_elsewhere
from catalog.locations.dead import dead_locations
from catalog.models import Entity, ImportRun, Location, Revision
from catalog.versions import bump
from portal.batches import BATCH, in_batches
from portal.database import LOCK_WAIT_S, lock_wait

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger(__name__)

SCHEDULED = (Location.Origin.STATIC, Location.Origin.REGISTERED)
MAX_BACK_OFF_S = 3600
_JITTER = 0.2
_WARNED_FOR_S = 3600
# Longer than an import takes. Where its process is killed, ``close_interrupted`` makes it due.
_CLAIMED_FOR = timedelta(minutes=15)


class AlreadyRegisteredError(Exception):
    """The catalog reads this target already.

    Attributes:
        location: The one that has it.
    """

    def __init__(self, location: Location) -> None:
        super().__init__(location.target)
        self.location = location


class StaticLocationError(Exception):
    """The setting ``CATALOG_LOCATIONS`` names the location, so only the setting takes it away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unregistered:
    """What became of a location's entities.

    Attributes:
        orphaned: How many that only it had are kept and marked.
        removed: How many that only it had are deleted.
        claimed: References of those that other locations may have too. They are marked as orphans
            until one of these is imported.
        claimants: Primary keys of those locations.
    """

    orphaned: int
    removed: int
    claimed: Sequence[str]
    claimants: Sequence[int]

    def left(self) -> int:
        """How many of the claimed ones no other location has taken over yet."""
        return len(_orphans_among(self.claimed))


def refresh(
    locations: Iterable[Location], *, trigger: ImportRun.Trigger, user: "User | None" = None
) -> ImportReport:
    """Read locations now, in one run, and plan when each is read next.

    Returns:
        The run's outcome; a location of which something could not be read counts a failure.

    Raises:
        Exception: Whatever the import raised; the locations are planned as after a failure.
    """
    found = list(locations)
    try:
        report = run_import([location.target for location in found], trigger=trigger, user=user)
    except Exception:
        _plan(found, failed={location.target for location in found})
        raise
    targets = {location.target for location in found}
    _plan(found, failed=targets if report.failure else targets.intersection(report.incomplete))
    return report


def _plan(found: Sequence[Location], *, failed: set[str]) -> None:
    now = timezone.now()
    for location in found:
        location.failures = location.failures + 1 if location.target in failed else 0
        # Not ``save``: somebody may have unregistered it meanwhile, or asked for it once more.
        row = Location.objects.filter(pk=location.pk)
        retry_while_locked(partial(row.update, failures=location.failures))
        planned = next_refresh(location, now)
        retry_while_locked(partial(_move_refresh, location, planned))


def _move_refresh(location: Location, at: datetime | None) -> bool:
    """Set when a location is imported next, unless that was changed since it was loaded."""
    same = Location.objects.filter(pk=location.pk, next_refresh_at=location.next_refresh_at)
    if not same.update(next_refresh_at=at):
        return False
    location.next_refresh_at = at
    return True


def next_refresh(location: Location, now: datetime) -> datetime | None:
    """When the worker reads a location again that was read at ``now``.

    ``CATALOG_REFRESH_S`` seconds later, twice as long for each failure in a row up to an hour,
    give or take a fifth, so that not all are read at once; None: not by the schedule.
    """
    period_s: int = settings.CATALOG_REFRESH_S
    if period_s <= 0 or location.origin not in SCHEDULED:
        return None
    delay_s = min(period_s * 2 ** min(location.failures, 16), max(MAX_BACK_OFF_S, period_s))
    return now + timedelta(seconds=delay_s * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 -- no secret


def due_at(location: Location) -> datetime | None:
    """When the worker imports a location, as :func:`refresh_due` finds it; None: not by itself."""
    period_s: int = settings.CATALOG_REFRESH_S
    if location.next_refresh_at or period_s <= 0 or location.origin not in SCHEDULED:
        return location.next_refresh_at
    if location.read_at is None:
        return location.created_at
    return location.read_at + timedelta(seconds=period_s)


def refresh_due() -> ImportReport | None:
    """Read every location that is due, in one run.

    A location is taken by one worker only. Safe to call as often as one likes.

    Returns:
        The outcome; None when nothing was due.
    """
    now = timezone.now()
    due = _due(now)
    if settings.CATALOG_REFRESH_S > 0:
        read_long_ago = now - timedelta(seconds=settings.CATALOG_REFRESH_S)
        due |= Q(next_refresh_at=None, origin__in=SCHEDULED) & (
            Q(read_at=None) | Q(read_at__lte=read_long_ago)
        )
    return _refresh_claimed(Location.objects.filter(due), ImportRun.Trigger.SCHEDULE, None)


def refresh_asked(
    pks: Collection[int], *, trigger: ImportRun.Trigger, user: "User | None"
) -> ImportReport | None:
    """Like :func:`refresh_due`, for those of some locations that :func:`make_due` marked."""
    asked = Location.objects.filter(_due(timezone.now()), pk__in=pks)
    return _refresh_claimed(asked, trigger, user)


def is_any_due(pks: Collection[int]) -> bool:
    """Whether nobody has begun yet to import one of these locations."""
    return Location.objects.filter(_due(timezone.now()), pk__in=pks).exists()


def _due(now: datetime) -> Q:
    return Q(next_refresh_at__lte=now)


def _refresh_claimed(
    due: QuerySet[Location], trigger: ImportRun.Trigger, user: "User | None"
) -> ImportReport | None:
    until = timezone.now() + _CLAIMED_FOR
    claimed = [location for location in due if _move_refresh(location, until)]
    return refresh(claimed, trigger=trigger, user=user) if claimed else None


def make_due(pks: Collection[int]) -> bool:
    """Have the worker import some locations the next time it looks for what is due.

    One that is being imported is imported once more after that.

    Returns:
        False where nothing was changed, for another import held the lock for ``LOCK_WAIT_S``.
    """
    now = timezone.now()
    rows = Location.objects.filter(pk__in=pks).exclude(_due(now))
    try:
        with lock_wait(LOCK_WAIT_S), transaction.atomic():
            rows.update(next_refresh_at=now)
    except OperationalError as exc:
        if not is_locked(exc):
            raise
        return False
    return True


def find_location(target: str) -> Location | None:
    """The location with this target, written as a person writes it; None without one."""
    root = root_of(target)
    return Location.objects.filter(type=root.type, target=root.target).first()


def register(target: str, allowed_kinds: Sequence[str], *, user: "User | None") -> Location:
    """Take a location into the catalog, for the worker to import.

    Args:
        target: Address, path, folder or glob.
        allowed_kinds: The kinds that its documents may have; none means all.
        user: Who registers it.

    Raises:
        AlreadyRegisteredError: The catalog reads this target already.
    """
    root = root_of(target)
    location, is_new = Location.objects.get_or_create(
        type=root.type,
        target=root.target,
        defaults={
            "origin": Location.Origin.REGISTERED,
            "allowed_kinds": list(allowed_kinds),
            "created_by": user,
        },
    )
    if not is_new:
        raise AlreadyRegisteredError(location)
    logger.info(
        "location registered", extra={"location": location.pk, "user": user.pk if user else None}
    )
    return location


def unregister(location: Location, *, user: "User | None") -> Unregistered:
    """Take a location out of the catalog, with the entities that only it holds.

    Those become orphans, or are deleted, as ``CATALOG_ORPHANS`` says. The caller has the claimants
    imported, so that their documents take over.

    Raises:
        StaticLocationError: ``CATALOG_LOCATIONS`` names it.
    """
    configured = {root_of(source) for source in configured_sources()}
    if location.origin == Location.Origin.STATIC and root_of(location.target) in configured:
        raise StaticLocationError(location.target)
    return _unregister(location, user=user)


def unregister_dead(
    pks: Collection[int], *, user: "User | None"
) -> list[tuple[Location, Unregistered]]:
    """Take those of these locations out of the catalog that are still dead, see :mod:`.dead`.

    Returns:
        Each that was taken out, with what became of its entities; as :func:`unregister` does.
    """
    found = list(dead_locations().filter(pk__in=pks))
    return [(location, _unregister(location, user=user)) for location in found]


def claimants_among(done: Iterable[Unregistered]) -> list[Location]:
    """The locations that may have entities of those that were unregistered; one query."""
    return list(Location.objects.filter(pk__in={pk for one in done for pk in one.claimants}))


def refresh_claimants(done: Iterable[Unregistered]) -> None:
    """Import in this process what may take entities over."""
    if found := claimants_among(done):
        refresh(found, trigger=ImportRun.Trigger.SCHEDULE)


def adopt_configured() -> None:
    """Bring the locations to what ``CATALOG_LOCATIONS`` names now.

    One that it names is static from now on, whoever named it first; one that is new may define
    every kind, one that is known the kinds that somebody allowed it: an administrator may restrict
    a static location too. One that it names no more is taken out like one that is unregistered,
    unless it names none at all: a process that was started without the setting must not make
    orphans of everything, so the last ones are unregistered by a person.
    One query when nothing changed.
    """
    roots = {(root.type, root.target): root for root in map(root_of, configured_sources())}
    known = {
        (location.type, location.target): location
        for location in Location.objects.filter(
            Q(origin=Location.Origin.STATIC) | Q(target__in=[target for _type, target in roots])
        )
    }
    for (kind, target), root in roots.items():
        location = known.get((root.type, root.target))
        if location is None:
            Location.objects.get_or_create(
                type=kind, target=target, defaults={"origin": Location.Origin.STATIC}
            )
        elif location.origin != Location.Origin.STATIC:
            Location.objects.filter(pk=location.pk).update(origin=Location.Origin.STATIC)
    lost = {key: one for key, one in known.items() if key not in roots}
    if not roots:
        if lost and cache.add("catalog:setting-is-empty", value=True, timeout=_WARNED_FOR_S):
            logger.warning(
                "CATALOG_LOCATIONS is empty: the locations that it named are kept and read as "
                "before; set it again, or unregister them on their pages",
                extra={"locations": len(lost)},
            )
        return
    for location in lost.values():
        if location.origin == Location.Origin.STATIC:
            logger.warning(
                "CATALOG_LOCATIONS names this location no more: its entities are orphans",
                extra={"location": location.target},
            )
            refresh_claimants([_unregister(location, user=None)])


def _unregister(location: Location, *, user: "User | None") -> Unregistered:
    now = timezone.now()
    is_kept = settings.CATALOG_ORPHANS != "delete"
    pk = location.pk
    with transaction.atomic():
        # A run that reads it at this moment ends first, where the database can lock rows.
        list(Location.objects.select_for_update().filter(pk=pk))
        claimants = claimants_of(location)
        held = Entity.objects.filter(location=location)
        refs = held.order_by().values_list("ref", flat=True)
        claimed = set(refs.filter(claimed_elsewhere(location)))
        goes = [ref for ref in refs if ref not in claimed]
        new = [ref for ref in refs.filter(orphaned_at=None) if is_kept or ref in claimed]
        held.filter(orphaned_at=None).update(orphaned_at=now)
        held.update(location=None)
        _record(new, Revision.Action.ORPHANED, now, user)
        if user:
            LogEntry.objects.log_actions(
                user.pk, Location.objects.filter(pk=pk), DELETION, change_message="Unregistered."
            )
        location.delete()
        bump()
    logger.info(
        "location unregistered",
        extra={"location": pk, "target": location.target, "user": user.pk if user else None},
    )
    if not is_kept:
        _remove(goes, now, user)
    return Unregistered(
        orphaned=len(goes) if is_kept else 0,
        removed=0 if is_kept else len(goes),
        claimed=sorted(claimed),
        claimants=[claimant.pk for claimant in claimants],
    )


def _orphans_among(refs: Sequence[str]) -> list[str]:
    found: list[str] = []
    for batch in in_batches(refs):
        rows = Entity.objects.filter(ref__in=batch, location=None)
        found += rows.exclude(orphaned_at=None).order_by().values_list("ref", flat=True)
    return found


def _remove(refs: Sequence[str], at: datetime, user: "User | None") -> None:
    for batch in in_batches(refs):
        with transaction.atomic():
            Entity.objects.filter(ref__in=batch, location=None).delete()
            _record(batch, Revision.Action.REMOVED, at, user)
            bump()


def _record(
    refs: Sequence[str], action: Revision.Action, at: datetime, user: "User | None"
) -> None:
    Revision.objects.bulk_create(
        (history.revision(ref, action, at=at, user=user) for ref in refs), batch_size=BATCH
    )
