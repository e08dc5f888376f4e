"""What the worker does for the catalog while nobody looks."""

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from catalog.locations import refreshing
from catalog.models import Entity, ImportIssue, ImportRun, Location, Revision
from portal.tasks import every, task

QUIET_RUNS_KEPT = timedelta(days=1)


@every(seconds=10)
def refresh_due() -> None:
    """Bring the locations to the setting, and read those whose time has come."""
    refreshing.take_over()
    refreshing.adopt_configured()
    refreshing.refresh_due()


@task()
def refresh_named(pks: Sequence[int]) -> None:
    """Read some locations now, for a webhook; those that are gone meanwhile are left out."""
    locations = list(Location.objects.filter(pk__in=pks))
    if locations:
        refreshing.refresh(locations, trigger=ImportRun.Trigger.WEBHOOK)


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
