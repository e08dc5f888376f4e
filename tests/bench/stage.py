"""A whole portal on this machine for the length of a benchmark: sandbox, worker, web."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def resident_mb(pid: int) -> float:
    """Resident memory of the largest process of a family (a server and its workers), in MB."""
    family = [pid]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = (entry / "stat").read_text().rsplit(") ", 1)[1].split()
                if int(fields[1]) == pid:
                    family.append(int(entry.name))
    sizes = []
    for member in family:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{member}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    sizes.append(int(line.split()[1]) / 1024)
    return round(max(sizes), 1)


@dataclass(frozen=True, slots=True)
class Stage:
    """A running portal.

    Attributes:
        url: Where the web process answers.
        sandbox_url: Where the sandbox answers.
        environment: For further commands against the same database.
        processes: By name: web, worker, sandbox.
    """

    url: str
    sandbox_url: str
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]]

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    host, port = url.removeprefix("http://").split(":")
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"the process for {url} ended with {process.returncode}")
        try:
            connection = http.client.HTTPConnection(host, int(port), timeout=2)
            connection.request("GET", "/healthz/live")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} did not answer within 30 s")


@contextlib.contextmanager
def portal(*, worker: bool = True) -> Iterator[Stage]:
    """Start everything with the example catalog in a folder of its own, and stop it again."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        port, sandbox_port = free_port(), free_port()
        environment = {
            **{key: value for key, value in os.environ.items() if "PAGERDUTY" not in key},
            "SECRET_KEY": "only-for-a-benchmark-" + "x" * 40,
            "PORTAL_VAR_DIR": folder,
            "PORT": str(port),
            "PORTAL_URL": f"http://127.0.0.1:{port}",
            "SANDBOX_PORT": str(sandbox_port),
            "PAGERDUTY_SANDBOX": "true",
            "CATALOG_LOCATIONS": str(ROOT / "examples/catalog/all.yaml"),
            "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
            "LOG_LEVEL": "WARNING",
        }
        for name in ("DATABASE_URL", "REDIS_URL"):
            environment.pop(name, None)
        commands = {
            "sandbox": [
                *("-m", "sandbox.pagerduty", "--port", str(sandbox_port)),
                *("--webhook-url", f"http://127.0.0.1:{port}/pagerduty/webhooks/default/"),
            ],
            "web": ["-m", "gunicorn", "--config", "portal/gunicorn.py", "portal.wsgi"],
        }
        if worker:
            commands["worker"] = ["manage.py", "run_huey"]
        stage = Stage(
            f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}", environment, {}
        )
        stage.manage("prepare")
        try:
            for name, command in commands.items():
                stage.processes[name] = subprocess.Popen(
                    [sys.executable, *command],
                    cwd=ROOT,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                )
            _wait_for(stage.sandbox_url, stage.processes["sandbox"])
            _wait_for(stage.url, stage.processes["web"])
            stage.manage("sync_pagerduty", "--once")
            yield stage
        finally:
            for process in stage.processes.values():
                process.send_signal(signal.SIGTERM)
            for process in stage.processes.values():
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
