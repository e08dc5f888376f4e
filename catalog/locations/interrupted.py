"""Import runs whose process is gone."""

import logging
from functools import partial

from django.db import transaction
from django.utils import timezone

from catalog.ingestion.importer import is_going_on, retry_while_locked
from catalog.models import ImportRun

logger = logging.getLogger(__name__)


def close_interrupted() -> None:
    """Mark the runs whose process is gone as failed, a minute after it was killed.

    What the worker would not import again for a while, since it was claimed, is due at once.
    """
    begun = ImportRun.objects.filter(state=ImportRun.State.RUNNING)
    for run in [run for run in begun if not is_going_on(run)]:
        if retry_while_locked(partial(_close, run)):
            logger.warning("import was interrupted", extra={"run": run.pk})


@transaction.atomic
def _close(run: ImportRun) -> bool:
    """Close a run; False: it ended, or another process closed it, and planned what it imported."""
    open_ = ImportRun.objects.filter(pk=run.pk, state=ImportRun.State.RUNNING)
    failure = "interrupted: its process was stopped"
    if not open_.update(state=ImportRun.State.FAILED, failure=failure):
        return False
    now = timezone.now()
    run.locations.filter(next_refresh_at__gt=now).update(next_refresh_at=now)
    return True
