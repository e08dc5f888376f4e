"""What keeps the database from working, as a sentence with its remedy; whether it is migrated."""

import errno
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

NOT_MIGRATED = "The database is not migrated to this version: run manage.py prepare."
DISK_FULL = (
    "The disk of {place} is full, so nothing was written: free some space, then do this again."
)

# In the words of SQLite and of PostgreSQL's driver; the first that is found counts.
_REMEDIES = {
    r"no such (?:table|column)|(?:relation|column) .* does not exist": NOT_MIGRATED,
    r"disk is full|no space left|disk I/O error": DISK_FULL,
    r"database is locked": "Another process is writing to {place} for too long: end it, then do "
    "this again.",
    r"unable to open database file|readonly database": "The database {place} cannot be opened or "
    "written to: give the folder to the user of the processes, or correct DATABASE_URL or "
    "PORTAL_VAR_DIR.",
    r"file is not a database|malformed": "The file {place} is not a SQLite database, or it is "
    "damaged: correct DATABASE_URL, or restore a backup.",
    r"password|role .* does not exist|no pg_hba.conf entry": "The database server refuses the user "
    "for {place}: correct the user name and password in DATABASE_URL ({said}).",
    r"database .* does not exist": "There is no database {place}: create it, or correct "
    "DATABASE_URL.",
    r"invalid connection option": "DATABASE_URL ends in an option that PostgreSQL does not know: "
    "correct it ({said}).",
    r"resolve|translate host name|name or service": "The host of the database {place} is not "
    "known: correct DATABASE_URL.",
}
# Python's words where it finds no folder to write to: the disk is full, in most cases.
_NO_TEMPORARY = "No usable temporary directory"
# Seconds that a page waits for rows that an import holds.
LOCK_WAIT_S = 3
# What :func:`explain` can explain. The queue of tasks is a file that Django does not open.
FAILURES = (DatabaseError, sqlite3.Error, OSError)
_UNREACHABLE = "The database {place} cannot be reached: start it, or correct DATABASE_URL ({said})."


def explain(error: BaseException) -> str:
    """Say what is wrong with the database or the disk, and what to do, without the password.

    Returns:
        One sentence, or nothing for an error that is another's: a bug, or a refused value.
    """
    if isinstance(error, OSError):
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT) or _NO_TEMPORARY in str(error)
        return DISK_FULL.format(place=error.filename or settings.VAR_DIR) if is_full else ""
    if not isinstance(error, FAILURES) or isinstance(error, (IntegrityError, DataError)):
        return ""
    place = (
        str(settings.VAR_DIR / "tasks.sqlite3") if isinstance(error, sqlite3.Error) else _place()
    )
    said = next(iter(str(error).splitlines()), "")
    if password := connection.settings_dict.get("PASSWORD"):
        said = said.replace(str(password), "****")
    for words, remedy in _REMEDIES.items():
        if re.search(words, said, re.IGNORECASE):
            return remedy.format(place=place, said=said)
    if isinstance(error, (OperationalError, sqlite3.OperationalError)):
        return _UNREACHABLE.format(place=place, said=said[:200])
    return ""


class Migrations(Enum):
    """How the database compares with the migrations of this code."""

    APPLIED = "applied"
    MISSING = "missing"
    NEWER = "newer"  # one was applied that the code of its app does not have


def compare_migrations() -> Migrations:
    """Compare the database with this code.

    Raises:
        DatabaseError: The database does not answer.
    """
    executor = MigrationExecutor(connection)
    loader = executor.loader
    if executor.migration_plan(loader.graph.leaf_nodes()):
        return Migrations.MISSING
    known = set(loader.disk_migrations or ())
    for migration in (loader.disk_migrations or {}).values():
        known.update(migration.replaces)
    unknown = set(loader.applied_migrations or ()) - known
    is_newer = any(app in loader.migrated_apps for app, _name in unknown)
    return Migrations.NEWER if is_newer else Migrations.APPLIED


def problem() -> str:
    """Say why the portal cannot work with the database; nothing if it can.

    Of a DATABASE_URL that cannot be read it says nothing: check portal.E004 does.
    """
    if connection.vendor == "unknown":
        return ""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and "memory" not in name and not Path(name).exists():
        return NOT_MIGRATED  # asking would make an empty file
    try:
        return NOT_MIGRATED if compare_migrations() is Migrations.MISSING else ""
    except DatabaseError as error:
        return explain(error) or str(error)


@contextmanager
def lock_wait(seconds: int) -> Iterator[None]:
    """Have the database give up a lock after some seconds, with an ``OperationalError``.

    For work that a person waits for: else SQLite waits as long as the settings say, and PostgreSQL
    without end.
    """
    if connection.vendor == "sqlite":
        usual_s = connection.settings_dict["OPTIONS"].get("timeout", 5)
        wait, wait_as_before = "PRAGMA busy_timeout = {}", f"PRAGMA busy_timeout = {usual_s * 1000}"
    else:
        wait, wait_as_before = "SET lock_timeout = {}", "RESET lock_timeout"
    with connection.cursor() as cursor:
        cursor.execute(wait.format(seconds * 1000))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(wait_as_before)


def _place() -> str:
    server = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(server["NAME"])
    host = f"{server['HOST'] or 'localhost'}:{server['PORT'] or 5432}"
    return f"{server['NAME']} at {host}"
