"""Runs the stand-in for PagerDuty: ``python -m sandbox.pagerduty --port 8900``."""

import errno
import signal
import sys
import threading
from argparse import ArgumentParser

from sandbox.pagerduty.example_account import example_account
from sandbox.pagerduty.server import serve
from sandbox.pagerduty.state import TOKEN
from sandbox.pagerduty.webhooks import is_here


def main() -> int:
    """Serve on 127.0.0.1 until SIGINT or SIGTERM, saying where on standard output.

    Returns:
        The exit status: 1, with a sentence on standard error, when the port is taken.
    """
    parser = ArgumentParser(
        prog="python -m sandbox.pagerduty",
        description="Runs a stand-in for PagerDuty on 127.0.0.1, for demos and tests.",
    )
    parser.add_argument("--port", type=int, default=8900, help="default: 8900")
    parser.add_argument(
        "--events-port",
        type=int,
        help="a host of its own for Events v2, as PagerDuty has it; default: the same as REST v2",
    )
    parser.add_argument(
        "--incident-delay",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="time between an accepted event and its incident; default: 1",
    )
    parser.add_argument(
        "--webhook-url",
        default="",
        metavar="URL",
        help="where webhooks are sent: an http URL of this machine; default: nowhere",
    )
    given = parser.parse_args()
    webhook_url = given.webhook_url
    if webhook_url and not is_here(webhook_url):
        sys.stderr.write(f"No webhooks are sent to {webhook_url}: it is not on this machine.\n")
        webhook_url = ""

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with serve(
            given.port,
            make_account=example_account,
            incident_delay_s=given.incident_delay,
            webhook_url=webhook_url,
            events_port=given.events_port,
        ) as server:
            events = f", events on {server.events_url}" if server.events else ""
            sys.stdout.write(f"PagerDuty sandbox on {server.url} (token: {TOKEN}){events}\n")
            sys.stdout.flush()
            stop.wait()
    except OSError as broken:
        if broken.errno != errno.EADDRINUSE:
            raise
        sys.stderr.write(
            f"Port {given.port} is taken. Stop what uses it, or choose another: --port for this "
            "command, SANDBOX_PORT for the portal.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
