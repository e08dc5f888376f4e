"""The worker's command: huey's own, which first looks whether the database is ready."""

from typing import Any

from django.core.management import CommandError
from django.db import connection
from huey.contrib.djhuey.management.commands import run_huey

from portal import database


class Command(run_huey.Command):  # type: ignore[misc]  # huey has no types
    """Run the worker: imports, syncs and sends pages again."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until stopped.

        Raises:
            CommandError: The database does not answer or is not migrated. Each piece of work would
                fail with a traceback of its own, twice a minute.
        """
        if problem := database.problem():
            raise CommandError(f"The worker does not start. {problem}")
        connection.close()
        super().handle(*args, **options)
