"""The worker's command: huey's own, on a database that is ready, with a heartbeat."""

from typing import Any

from django.core.management import CommandError
from django.db import connection
from huey.contrib.djhuey.management.commands import run_huey

from portal import database, workers


class Command(run_huey.Command):  # type: ignore[misc]  # huey has no types
    """Run the worker: it imports, syncs and sends pages again."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until stopped; ``/healthz/work`` and the doctor say so while it runs.

        Raises:
            CommandError: The database does not answer or is not migrated. Each piece of work would
                fail with a traceback of its own, twice a minute.
        """
        if problem := database.problem():
            raise CommandError(f"The worker does not start. {problem}")
        # huey stores ``periodic`` as False for --no-periodic, and as None without the option.
        with workers.heartbeat(is_periodic=options.get("periodic") is not False):
            connection.close()
            super().handle(*args, **options)
