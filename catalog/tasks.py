"""What the worker does for the catalog, and how a page asks it to."""

import logging
import time
from collections.abc import Collection, Sequence
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django.utils import timezone

from catalog.locations import refreshing
from catalog.locations.interrupted import close_interrupted
from catalog.locations.pending import (
    EndedRefresh,
    PendingRefresh,
    RefreshAnswer,
    pending_refreshes,
)
from catalog.models import Entity, ImportIssue, ImportRun, Location, Revision
from portal import workers
from portal.leases import lease
from portal.tasks import every, task

logger = logging.getLogger(__name__)

QUIET_RUNS_KEPT = timedelta(days=1)
# A page waits so long for what the worker does for it; a thread of the web process waits with it.
WAIT_S = 2.5
_LOOK_EVERY_S = 0.1
_ASK_AGAIN_AFTER = timedelta(seconds=5)


@every(seconds=10)
def refresh_due() -> None:
    """Bring the locations to the setting, and read those whose time has come."""
    close_interrupted()
    refreshing.adopt_configured()
    refreshing.refresh_due()


@task()
def refresh_named(
    pks: Sequence[int], trigger: str, user_pk: int | None = None, *, is_due: bool = True
) -> None:
    """Import those of some locations that are still due.

    One task at a time does, so that hosts that are slow hold one thread of the worker.

    Args:
        pks: Primary keys of the locations.
        trigger: Value of ``ImportRun.Trigger``.
        user_pk: Primary key of the person who asks.
        is_due: Whether who asks made them due; else this does, as soon as it gets the lock.
    """
    is_due = is_due or refreshing.make_due(pks)
    with lease("catalog:refresh-named") as is_held:
        if is_held and is_due:
            user = User.objects.filter(pk=user_pk).first() if user_pk else None
            refreshing.refresh_asked(pks, trigger=ImportRun.Trigger(trigger), user=user)
            return
    if not is_due or refreshing.is_any_due(pks):
        again = refresh_named.using(run_after=timezone.now() + _ASK_AGAIN_AFTER)
        again.enqueue(list(pks), trigger, user_pk, is_due=is_due)


def ask_for_refresh(
    pks: Sequence[int], trigger: ImportRun.Trigger, user: User | None = None
) -> bool:
    """Have the worker import some locations as soon as it can.

    Returns:
        Whether they are due; False: another import is writing, and the worker makes them due after.
    """
    if not pks:
        return True
    is_due = refreshing.make_due(pks)
    try:
        refresh_named.enqueue(pks, trigger.value, user.pk if user else None, is_due=is_due)
    except Exception:  # whatever the queue raises: the database remembers it
        if not is_due:
            raise
        logger.exception("worker not woken", extra={"locations": pks})
    return is_due


def refresh_soon(locations: Collection[Location], user: User | None) -> RefreshAnswer:
    """Have the worker import some locations for a person, and wait a moment for the outcome.

    What is being imported is imported once more: that import may have read a file before somebody
    corrected it.
    """
    rows = Location.objects.select_related("last_run").filter(
        pk__in=[location.pk for location in locations]
    )
    before = {one.pk: one for one in rows}
    is_due = ask_for_refresh(list(before), ImportRun.Trigger.PERSON, user)
    has_worker = bool(workers.running(timezone.now()))
    until = time.monotonic() + (WAIT_S if has_worker and is_due else 0)
    while True:
        found = list(rows.all())
        waiting = [one for one in found if not _has_ended(one, before[one.pk])]
        if not waiting or time.monotonic() >= until:
            break
        time.sleep(_LOOK_EVERY_S)
    now = timezone.now()
    known = pending_refreshes(waiting, now)
    failed = [one for one in waiting if one.pk not in known and _has_broken(one, before[one.pk])]
    pending = list(known.values())
    if is_due:  # the worker has claimed the others, and begins with them
        claimed = len(waiting) - len(failed) - len(known)
        pending += [PendingRefresh(is_running=True, since=now)] * claimed
    has_due = not is_due or any(not one.is_running for one in pending)
    runs = {one.last_run for one in found if one.last_run and one not in waiting}
    return RefreshAnswer(
        ended=[EndedRefresh.of(run) for run in sorted(runs, key=lambda run: run.pk)],
        failed=len(failed),
        pending=pending,
        is_delayed=not is_due,
        worker_problem=workers.problem(now) if has_due and not has_worker else "",
    )


def _has_ended(location: Location, before: Location) -> bool:
    """Whether a run that is not the one before has imported it."""
    run = location.last_run
    if run is None or run.pk == before.last_run_id:
        return False
    return run.state != ImportRun.State.RUNNING


def _has_broken(location: Location, before: Location) -> bool:
    """Whether its import failed before it began a run; the run before may have failed too."""
    was_running = before.last_run is not None and before.last_run.state == ImportRun.State.RUNNING
    return location.failures > before.failures and not was_running


@every(seconds=3600)
def forget_old_runs() -> None:
    """Delete the runs nobody asks for.

    After a day those that changed nothing, of which there are thousands; what they refused stands
    in issues of its own. After ``CATALOG_RUN_DAYS`` all. The last run of a location stays,
    and until then every run that an entity, an issue or a revision names.
    """
    now = timezone.now()
    last = Exists(Location.objects.filter(last_run=OuterRef("pk")))
    ended = ImportRun.objects.exclude(state=ImportRun.State.RUNNING).exclude(last)
    kept = timedelta(days=settings.CATALOG_RUN_DAYS)
    ended.filter(started_at__lt=now - kept).delete()
    quiet = ended.exclude(state=ImportRun.State.FAILED).filter(
        started_at__lt=now - QUIET_RUNS_KEPT, created=0, changed=0, orphaned=0, removed=0
    )
    for rows in (Entity, ImportIssue, Revision):
        quiet = quiet.exclude(Exists(rows.objects.filter(run=OuterRef("pk"))))
    quiet.delete()
