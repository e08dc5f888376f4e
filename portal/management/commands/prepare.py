"""Bring the portal up to date before its processes start."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand, OutputWrapper
from django.db import connection

from portal import demo, private_files
from portal.local_hosts import public_hosts

# The number of PostgreSQL's advisory lock; any that no other program takes.
_LOCK = 0x5357_4244_5052_4550
_WAITING = "Another prepare is running: waiting until it has ended"


class Command(BaseCommand):
    """Migrate, close files to others, collect static files, create accounts, import the catalog.

    Safe to run again: what is up to date stays. A refused catalog document is reported and does
    not stop the portal from starting.
    """

    help = "Migrate, collect static files, create demo accounts and read CATALOG_LOCATIONS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run every step and say who can sign in; wait for a run that is at it already."""
        del args, options
        with _alone(self.stdout):
            self.stdout.write("Migrating the database")
            call_command("migrate", interactive=False, verbosity=0)
            for path, cause in private_files.close_to_others():
                self.stderr.write(
                    f"Other accounts of this machine may read {path} ({cause}): "
                    "have its owner run chmod go= on it."
                )
            _collect_static(self.stdout)
            if settings.CATALOG_LOCATIONS:
                self.stdout.write("Importing the catalog")
                try:
                    call_command("import_catalog", stdout=self.stdout)
                except CommandError as refused:
                    self.stderr.write(f"The catalog was not imported: {refused}.")
                except SystemExit:  # of a command that has listed the reasons
                    self.stderr.write(
                        "The catalog was imported with the problems listed above. Correct the "
                        "files or CATALOG_LOCATIONS; the worker imports them again."
                    )
            self._name_accounts()

    def _name_accounts(self) -> None:
        """Create the demo accounts and name them, or say how to get the first account."""
        if settings.PAGERDUTY_SANDBOX and public_hosts():
            self.stdout.write("Demo accounts are off: the portal answers to other machines too")
        elif settings.PAGERDUTY_SANDBOX:
            for account in demo.ACCOUNTS.values():
                try:
                    demo.ensure_account(account)
                except demo.NameIsTakenError:
                    self.stdout.write(f"{account.username}: a real account has this name")
                else:
                    self.stdout.write(
                        f"Sign in as {account.username} / {account.username}: may {account.may}"
                    )
        elif (
            not User.objects.filter(is_active=True)
            .exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
            .exists()
        ):
            self.stdout.write("Nobody can sign in yet: run manage.py createsuperuser")


@contextmanager
def _alone(out: OutputWrapper) -> Iterator[None]:
    """Hold the lock of this command: two runs that migrate one database at once would both fail.

    PostgreSQL keeps it for all machines, on a connection of its own; for other databases it is a
    lock on a file. Either is released when its process dies.
    """
    if connection.vendor == "postgresql":
        separate = connection.copy()
        try:
            with separate.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
                if not cursor.fetchone()[0]:
                    out.write(_WAITING)
                    out.flush()
                    cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
                yield
        finally:
            separate.close()
        return
    with (settings.VAR_DIR / "prepare.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            out.write(_WAITING)
            out.flush()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _collect_static(out: OutputWrapper) -> None:
    """Collect and compress the static files, unless these very files were collected before.

    Compressing them takes longer than all the rest of a start.
    """
    sources = sorted(
        f"{path} {source.stat().st_mtime_ns} {source.stat().st_size}"
        for finder in get_finders()
        for path, storage in finder.list([])
        for source in [Path(storage.path(path))]
    )
    digest = hashlib.sha256("\n".join(sources).encode()).hexdigest()
    collected = Path(settings.STATIC_ROOT) / "collected.txt"
    if collected.is_file() and collected.read_text() == digest:
        return
    out.write("Collecting static files")
    call_command("collectstatic", interactive=False, verbosity=0)
    collected.write_text(digest)
