"""The command that runs the sandbox, in a process of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.real_http

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "manage.py", "pagerduty_sandbox"]


def environment(tmp_path, **more):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"SECRET_KEY": "x", "PORTAL_VAR_DIR": str(tmp_path)} | more


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_it_refuses_to_run_unless_it_is_switched_on(tmp_path):
    done = subprocess.run(
        COMMAND, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "PAGERDUTY_SANDBOX=true" in done.stderr


def test_it_says_so_when_the_port_is_taken(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, "--port", port],
            cwd=ROOT,
            env=environment(tmp_path, PAGERDUTY_SANDBOX="true"),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_interrupted(tmp_path, number):
    port = free_port()
    process = subprocess.Popen(
        [*COMMAND, "--port", str(port)],
        cwd=ROOT,
        env=environment(tmp_path, PAGERDUTY_SANDBOX="true"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert f"http://127.0.0.1:{port}" in line
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            assert answer.status == 200
        status = Path(f"/proc/{process.pid}/status")
        if status.exists():
            [resident_kb] = re.findall(r"VmRSS:\s+(\d+) kB", status.read_text())
            assert int(resident_kb) < 40_000
        process.send_signal(number)
        assert process.wait(timeout=3) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
