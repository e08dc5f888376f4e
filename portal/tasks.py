"""The periodic schedule: apps say what shall run every so many seconds, the worker runs it.

The only module that knows the task engine, huey. Its own schedule beats once a minute; each beat
plans the runs of that minute, so that work may come round every 30 seconds too. A run that fails
is logged and comes round again; two runs of the same work never overlap.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import VERSION
from django.dispatch import receiver
from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import HUEY
from huey.contrib.djhuey.tasks_backend import KEY

from portal.leases import lease

if TYPE_CHECKING or VERSION < (6, 0):
    from django_tasks import TaskResult, task
    from django_tasks.signals import task_finished
else:  # Django has them itself; what the backport sends, nobody would receive
    from django.tasks import TaskResult, task
    from django.tasks.signals import task_finished

__all__ = ["HUEY", "Periodic", "all_periodic", "beat", "every", "run_once", "run_task", "task"]

logger = logging.getLogger(__name__)

_MINUTE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Periodic:
    """Work that comes round.

    Attributes:
        name: Unique, for the lock and the log.
        period_s: Seconds from one start to the next: divides a minute or is whole minutes.
    """

    name: str
    period_s: int
    run: Callable[[], object]

    def delays_in_minute_of(self, at: datetime) -> list[int]:
        """Seconds after the beat at ``at`` (UTC) to run; empty when it is not its minute."""
        if self.period_s < _MINUTE_S:
            return list(range(0, _MINUTE_S, self.period_s))
        minute = int(at.timestamp()) // _MINUTE_S
        return [0] if minute % (self.period_s // _MINUTE_S) == 0 else []


_periodic: dict[str, Periodic] = {}


def every(seconds: int) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Register a function to run every so many seconds while a worker runs.

    The function takes nothing, may be run late or not at all, and must not mind to be repeated.

    Args:
        seconds: A divisor of 60, or a multiple.

    Raises:
        ValueError: Neither of the two.
    """
    if seconds <= 0 or (_MINUTE_S % seconds and seconds % _MINUTE_S):
        raise ValueError(f"{seconds} s neither divides a minute nor is whole minutes")

    def register(function: Callable[[], object]) -> Callable[[], object]:
        name = f"{function.__module__}.{function.__qualname__}"
        _periodic[name] = Periodic(name=name, period_s=seconds, run=function)
        return function

    return register


def all_periodic() -> list[Periodic]:
    """Everything registered, by name."""
    return [_periodic[name] for name in sorted(_periodic)]


def run_once(name: str) -> bool:
    """Run one registered function now.

    Returns:
        Whether it ran and did not fail: False also where it is still running elsewhere, or where
        nothing of that name is registered any more.
    """
    periodic = _periodic.get(name)
    if periodic is None:
        return False
    with lease(f"work:{name}") as is_held:
        if not is_held:
            return False
        try:
            periodic.run()
        except Exception:
            logger.exception("periodic work failed", extra={"work": name})
            return False
    return True


@task()
def run_task(name: str) -> bool:
    """Run one registered function in the worker, see :func:`run_once`."""
    return run_once(name)


@receiver(task_finished)
def forget(task_result: TaskResult[Any], **_: object) -> None:
    """Drop what the engine keeps of a run: nobody asks, and there are thousands a day."""
    HUEY.get(KEY % task_result.id)


def beat(now: datetime | None = None) -> None:
    """Plan the runs of the minute that begins at ``now`` (UTC)."""
    begun = now or timezone.now()
    for periodic in all_periodic():
        for delay_s in periodic.delays_in_minute_of(begun):
            after = begun + timedelta(seconds=delay_s) if delay_s else None
            run_task.using(run_after=after).enqueue(periodic.name)


beat_task = HUEY.periodic_task(crontab(), name="beat")(beat)
