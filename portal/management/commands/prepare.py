"""Bring the portal up to date before its processes start."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand

from portal import demo


class Command(BaseCommand):
    """Migrate, collect static files, create demo accounts, read the catalog's locations.

    Safe to run again: what is up to date stays. A refused catalog document is reported and does
    not stop the portal from starting.
    """

    help = "Migrate, collect static files, create demo accounts and read CATALOG_LOCATIONS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run every step and say where the portal will answer."""
        del args, options
        call_command("migrate", interactive=False, verbosity=0)
        _collect_static()
        if settings.CATALOG_LOCATIONS:
            try:
                call_command("import_catalog", stdout=self.stdout)
            except (CommandError, SystemExit) as refused:
                self.stderr.write(f"The catalog was read with problems. {refused}")
        self.stdout.write("")
        self.stdout.write(f"{settings.PORTAL_NAME} answers at {settings.PORTAL_URL}/")
        if settings.PAGERDUTY_SANDBOX:
            for account in demo.ACCOUNTS.values():
                try:
                    demo.ensure_account(account)
                except demo.NameIsTakenError:
                    self.stdout.write(f"  {account.username}: a real account has this name")
                else:
                    self.stdout.write(
                        f"  sign in as {account.username} / {account.username}: may {account.may}"
                    )
        elif (
            not User.objects.filter(is_active=True)
            .exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
            .exists()
        ):
            self.stdout.write("  nobody can sign in yet: run manage.py createsuperuser")
        self.stdout.write("Ctrl-C stops it.")
        self.stdout.write("")


def _collect_static() -> None:
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
    call_command("collectstatic", interactive=False, verbosity=0)
    collected.write_text(digest)
