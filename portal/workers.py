"""Heartbeats: each worker renews a row of its own, so that others notice when it is gone."""

import logging
import os
import socket
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.cache import cache
from django.db import Error, connections
from django.http import HttpRequest
from django.utils import timezone

from portal.models import Worker
from portal.page_frame import Banner

logger = logging.getLogger(__name__)

BEAT_S = 10.0
# Three heartbeats may be late, for example while another process writes to SQLite.
SEEN_WITHIN = timedelta(seconds=45)
# A worker that was killed is named for so long.
_NAMED_FOR = timedelta(days=1)
_BANNER_KEPT_S = 10
START = "Start one: python manage.py run_huey."


@contextmanager
def heartbeat(*, is_periodic: bool) -> Iterator[None]:
    """Keep this process's row while the block runs.

    Args:
        is_periodic: Whether this worker starts the work that comes round.
    """
    now = timezone.now()
    Worker.objects.filter(seen_at__lt=now - _NAMED_FOR).delete()
    worker = Worker.objects.create(
        host=socket.gethostname()[:255],
        pid=os.getpid(),
        is_periodic=is_periodic,
        version=_version(),
        started_at=now,
        seen_at=now,
    )
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(worker, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(BEAT_S)
        try:
            Worker.objects.filter(pk=worker.pk).delete()
        except Error:
            logger.warning("the worker's heartbeat could not be deleted", exc_info=True)


def _beat(worker: Worker, ended: threading.Event) -> None:
    try:
        while not ended.wait(BEAT_S):
            try:
                renew(worker)
            except Error as exc:  # the next heartbeat tries again
                logger.warning("heartbeat not written", extra={"cause": str(exc)[:200]})
                connections.close_all()
    finally:
        connections.close_all()


def renew(worker: Worker) -> None:
    """Write one heartbeat, also where the row was deleted because it was too old."""
    worker.seen_at = timezone.now()
    if not Worker.objects.filter(pk=worker.pk).update(seen_at=worker.seen_at):
        worker.save(force_insert=True)


def running(now: datetime) -> list[Worker]:
    """The workers that were seen lately, the one seen last first; one query."""
    # One that is yet to come is of a clock that was put back since, and of a worker that is gone.
    seen = (now - SEEN_WITHIN, now + SEEN_WITHIN)
    return list(Worker.objects.filter(seen_at__range=seen))


def problem(now: datetime) -> str:
    """Say why nobody does the worker's work; empty while a worker does it.

    Args:
        now: The instant (UTC).

    Raises:
        DatabaseError: The database does not answer.
    """
    found = running(now)
    if not found:
        last = Worker.objects.filter(seen_at__lte=now).first()
        if last is None:
            return "No worker is running."
        ago = str(naturaltime(last.seen_at)).replace("\xa0", " ")
        return f"No worker is running: the last one was seen {ago}."
    if not any(one.is_periodic for one in found):
        return (
            "Every running worker was started with --no-periodic, so nothing is imported or "
            "synced by itself."
        )
    return ""


def banner(request: HttpRequest) -> Banner | None:
    """The banner that tells administrators, on every page, that no worker is running."""
    user = getattr(request, "user", None)
    if user is None or not user.is_staff:
        return None
    now = timezone.now()
    # Kept by the time, so that a clock that is put back keeps none for an hour.
    key = f"portal:worker-problem:{int(now.timestamp()) // _BANNER_KEPT_S}"
    found = cache.get(key)
    if found is None:
        found = problem(now)
        cache.set(key, found, _BANNER_KEPT_S)
    if not found:
        return None
    return Banner(
        text=f"{found} {START} Until then no data is updated and no page is sent again.",
        tone="critical",
    )


def _version() -> str:
    try:
        with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])[:40]
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return ""
