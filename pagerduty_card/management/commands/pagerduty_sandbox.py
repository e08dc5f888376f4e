"""Runs the sandbox: a stand-in for PagerDuty on this machine."""

import os
import sys
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

PROGRAM = """
import sys
from sandbox.pagerduty.server import run
sys.exit(run(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]))
"""


class Command(BaseCommand):
    """Serve REST v2 and Events v2 on 127.0.0.1 until interrupted."""

    help = "Runs a stand-in for PagerDuty on 127.0.0.1, for demonstrations and tests."
    # It needs no database and no other app to be in order.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the port, the delay and who is told."""
        default = urlsplit(settings.PAGERDUTY_SANDBOX_URL).port or 8900
        parser.add_argument("--port", type=int, default=default, help=f"default: {default}")
        parser.add_argument(
            "--incident-delay",
            type=float,
            default=1.0,
            metavar="SECONDS",
            help="time between an accepted event and its incident; default: 1",
        )

        # Only a portal on this machine can be told.
        is_here = urlsplit(settings.PORTAL_URL).hostname in {"127.0.0.1", "localhost"}
        parser.add_argument(
            "--webhook-url",
            default=f"{settings.PORTAL_URL}/pagerduty/webhooks/default/" if is_here else "",
            metavar="URL",
            help="where events are sent, an address of this machine; default: the portal's",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM; this process becomes the sandbox and does not return.

        Raises:
            CommandError: The sandbox is not switched on.
        """
        if not settings.PAGERDUTY_SANDBOX:
            raise CommandError(
                "The sandbox is off. It pages nobody, so it must not be mistaken for PagerDuty: "
                "set PAGERDUTY_SANDBOX=true to use it."
            )
        # The sandbox needs the standard library and one setting, not the portal: a fresh
        # interpreter in the same process id keeps a third of the memory.
        os.environ["PYTHONPATH"] = str(settings.BASE_DIR)
        arguments = [
            str(options["port"]),
            str(options["incident_delay"]),
            options["webhook_url"],
        ]
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM, *arguments])  # noqa: S606 - no shell, our own interpreter
