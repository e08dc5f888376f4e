"""What the addresses for machines answer: whether this process serves, and whether work is done."""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.contrib.staticfiles.apps import StaticFilesConfig
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import cache
from django.db import DatabaseError

from portal import workers
from portal.database import Migrations, compare_migrations

OK = "ok"
_PREPARE = "run manage.py prepare"

WorkCheck = Callable[[datetime], str]


def _worker(now: datetime) -> str:
    problem = workers.problem(now)
    return problem and f"{problem} {workers.START}"


_work_checks: dict[str, WorkCheck] = {"worker": _worker}


def add_work_check(name: str, check: WorkCheck) -> None:
    """Register a check of work that the worker promises, for ``/healthz/work``.

    Args:
        name: Unique; the key in the answer.
        check: Is given the instant (UTC) and answers with a sentence that says what is late and
            whose turn it is, without a secret; empty while nothing is.
    """
    _work_checks[name] = check


def work(now: datetime) -> Mapping[str, str]:
    """Ask every registered check: ``ok`` or the reason, by name."""
    try:
        return {name: check(now) or OK for name, check in _work_checks.items()}
    except DatabaseError:
        return {"database": "not reachable, so it is not known whether work is done"}


def readiness() -> Mapping[str, str]:
    """Look at what this process needs to serve pages: ``ok`` or what is wrong, by part."""
    try:
        migrations = _MIGRATIONS[compare_migrations()]
        database = OK
    except DatabaseError:
        database = migrations = "not reachable"
    cache.set("healthz", OK, 5)
    return {
        "database": database,
        "migrations": migrations,
        "static": _static(),
        "cache": OK if cache.get("healthz") == OK else "does not keep what it is given",
    }


def serves(parts: Mapping[str, str]) -> bool:
    """Whether readers get pages; a cache that keeps nothing and newer migrations let them."""
    return all(
        parts[name] == OK or (name == "migrations" and parts[name] == _NEWER)
        for name in ("database", "migrations", "static")
    )


_NEWER = "the database was migrated by newer code: update this process"


_MIGRATIONS = {
    Migrations.APPLIED: OK,
    Migrations.MISSING: f"not all applied: {_PREPARE}, or manage.py migrate",
    Migrations.NEWER: _NEWER,
}


def _static() -> str:
    """Whether every static file of this code was collected before this process started."""
    collected = getattr(staticfiles_storage, "hashed_files", None)
    if collected is None:  # a storage without a list, as in tests
        return OK
    for finder in get_finders():
        for name, _storage in finder.list(StaticFilesConfig.ignore_patterns):
            if name not in collected:
                return f"not all collected: {_PREPARE}, then restart this process"
    return OK
