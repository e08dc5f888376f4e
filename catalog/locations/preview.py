"""Preview what registering a location would do, within the time that a page may take."""

import threading
import time
from collections.abc import Sequence

from catalog.descriptor import DocumentTooLongError, Limits
from catalog.ingestion.importer import run_import
from catalog.ingestion.report import ImportReport
from catalog.models import ImportRun, Location
from portal.database import LOCK_WAIT_S, lock_wait

# Somebody waits for a preview, and a thread of the web process with them. It ends as soon as its
# time is over, but for what cannot be ended: the check of one document, and the wait for a lock.
PREVIEW_S = 10
PREVIEW_MAX_CHARACTERS = 1_000_000
_SLACK_S = 0.5
# Of each web process, so that slow hosts leave it the others of its threads.
_turns = threading.BoundedSemaphore(2)


class PreviewStoppedError(Exception):
    """A preview would hold a thread of the web process for too long; the message says why."""


def preview(target: str, allowed_kinds: Sequence[str]) -> ImportReport:
    """Report what registering a location would do; nothing is stored.

    Raises:
        PreviewStoppedError: It takes longer than ``PREVIEW_S``, reads a document of more than
            ``PREVIEW_MAX_CHARACTERS``, the database lets it write nothing, or two others are under
            way.
    """
    if not _turns.acquire(blocking=False):
        raise PreviewStoppedError(f"two others are under way; try again in {PREVIEW_S} seconds")
    try:
        return _preview(target, allowed_kinds)
    finally:
        _turns.release()


def _preview(target: str, allowed_kinds: Sequence[str]) -> ImportReport:
    began = time.monotonic()
    too_long = f"it is not read and checked within {PREVIEW_S} seconds"

    def watch() -> None:
        if time.monotonic() - began > PREVIEW_S:
            raise PreviewStoppedError(too_long)

    try:
        with lock_wait(LOCK_WAIT_S):
            report = run_import(
                [target],
                dry_run=True,
                origin=Location.Origin.REGISTERED,
                allowed_kinds=allowed_kinds,
                trigger=ImportRun.Trigger.PERSON,
                progress=lambda _phase, _count: watch(),
                limits=Limits(max_characters=PREVIEW_MAX_CHARACTERS, watch=watch),
                remote_budget_s=PREVIEW_S,
                waits=False,
            )
    except DocumentTooLongError as exc:
        raise PreviewStoppedError(
            f"a document of it has more than {PREVIEW_MAX_CHARACTERS:,} characters"
        ) from exc
    if report.failure:
        raise PreviewStoppedError(report.failure)
    if report.incomplete and time.monotonic() - began > PREVIEW_S - _SLACK_S:
        raise PreviewStoppedError(too_long)  # a host took all of the time
    return report
