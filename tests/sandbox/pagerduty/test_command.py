"""The command that runs the sandbox, in a process of its own."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.sandbox.pagerduty.client import HEADERS

pytestmark = pytest.mark.real_http

ROOT = Path(__file__).parents[3]
# -S: without any installed package, so that it needs nothing but the standard library.
COMMAND = [sys.executable, "-S", "-m", "sandbox.pagerduty"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(*options):
    """The process and the base URL it says it answers on."""
    process = subprocess.Popen(
        [*COMMAND, "--port", str(free_port()), *options],
        cwd=ROOT,
        env={},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
    finally:
        process.kill()
        process.communicate()


def get(url):
    request = urllib.request.Request(url, headers=HEADERS)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read()


def test_it_has_a_host_of_its_own_for_events_when_asked():
    port = free_port()
    with running("--events-port", str(port)) as (_, url):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v2/enqueue", data=b"x")
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(request, timeout=5)
        assert json.loads(get(f"{url}/abilities"))


def test_it_says_so_when_the_port_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, "--port", port],
            cwd=ROOT,
            env={},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_interrupted(number):
    with running() as (process, url):
        assert b"checkout-api" in get(url)
        status = Path(f"/proc/{process.pid}/status")
        if status.exists():
            [resident_kb] = re.findall(r"VmRSS:\s+(\d+) kB", status.read_text())
            assert int(resident_kb) < 40_000
        process.send_signal(number)
        assert process.wait(timeout=3) == 0


@pytest.mark.parametrize(
    ("url", "is_sent_to"),
    [
        ("http://127.0.0.1:8000/pagerduty/webhooks/default/", True),
        ("https://127.0.0.1:8000/pagerduty/webhooks/default/", False),
        ("http://portal.example/pagerduty/webhooks/default/", False),
        ("/pagerduty/webhooks/default/", False),
    ],
)
def test_webhooks_go_to_this_machine_or_nowhere(url, is_sent_to):
    with running("--webhook-url", url) as (process, base):
        listed = json.loads(get(f"{base}/webhook_subscriptions"))["webhook_subscriptions"]
        assert [one["delivery_method"]["url"] for one in listed] == [url] * is_sent_to
        process.terminate()
        said = process.stderr.read()
    assert (f"No webhooks are sent to {url}" in said) is not is_sent_to
