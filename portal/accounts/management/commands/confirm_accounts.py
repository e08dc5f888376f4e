"""Confirm accounts and groups that were made while the sandbox was on."""

from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser

from portal.accounts.sandbox import confirm, unconfirmed


class Command(BaseCommand):
    """List accounts and groups of the sandbox's time, or confirm those that are named."""

    help = "List accounts and groups made while the sandbox was on, or confirm those named."

    def add_arguments(self, parser: CommandParser) -> None:
        """The names to confirm; none lists them."""
        parser.add_argument("names", nargs="*", metavar="NAME")

    def handle(self, *args: Any, **options: Any) -> None:
        """List or confirm.

        Raises:
            CommandError: A name is not among those to confirm; then none is confirmed.
        """
        del args
        found = unconfirmed()
        wanted = set(options["names"])
        if strange := sorted(wanted - {str(one) for one in found}):
            raise CommandError(f"Not among those to confirm: {', '.join(strange)}")
        for one in found:
            rights = "superuser, " if getattr(one, "is_superuser", False) else ""
            if not wanted:
                self.stdout.write(f"{one} ({rights}{one._meta.verbose_name})")
            elif str(one) in wanted:
                confirm(one)
                self.stdout.write(f"Confirmed: {one}")
        if not found:
            self.stdout.write("Nothing was made while the sandbox was on, or all is confirmed.")
