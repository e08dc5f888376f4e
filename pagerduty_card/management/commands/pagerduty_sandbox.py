"""Runs the sandbox: a stand-in for PagerDuty on this machine."""

import errno
import signal
import threading
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from pagerduty_card.sandbox.server import serve
from pagerduty_card.sandbox.state import TOKEN


class Command(BaseCommand):
    """Serve REST v2 and Events v2 on 127.0.0.1 until interrupted."""

    help = "Runs a stand-in for PagerDuty on 127.0.0.1, for demonstrations and tests."
    # It needs no database and no other app to be in order.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the port and the delay."""
        default = urlsplit(settings.PAGERDUTY_SANDBOX_URL).port or 8900
        parser.add_argument("--port", type=int, default=default, help=f"default: {default}")
        parser.add_argument(
            "--incident-delay",
            type=float,
            default=1.0,
            metavar="SECONDS",
            help="time between an accepted event and its incident; default: 1",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM.

        Raises:
            CommandError: The sandbox is not switched on, or the port is taken.
        """
        if not settings.PAGERDUTY_SANDBOX:
            raise CommandError(
                "The sandbox is off. It pages nobody, so it must not be mistaken for PagerDuty: "
                "set PAGERDUTY_SANDBOX=true to use it."
            )
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        try:
            with serve(options["port"], incident_delay_s=options["incident_delay"]) as server:
                self.stdout.write(f"PagerDuty sandbox on {server.url} (token: {TOKEN})")
                self.stdout.flush()
                stop.wait()
        except OSError as broken:
            if broken.errno != errno.EADDRINUSE:
                raise
            raise CommandError(
                f"Port {options['port']} is taken. Stop what uses it, or choose another: --port, "
                "and SANDBOX_PORT for the portal."
            ) from broken
