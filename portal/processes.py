"""Runs processes of the Procfile as one command, and stops them together.

``python -m portal.processes [--procfile FILE] NAME...`` is what ``make run`` runs. A process named
``release`` runs to its end before the others start. The others stop when one of them ends, at
Ctrl-C or SIGTERM, and when the terminal closes or nobody reads the output any more.

The exit code is that of the process that ended, or 128 and the signal's number; 0 after Ctrl-C.
"""

import argparse
import errno
import fcntl
import http.client
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from portal.environment import Environment, web_server

ROOT = Path(__file__).resolve().parents[1]
_CTRL_C = 128 + signal.SIGINT
RELEASE = "release"
# A process that has not ended by then is killed; gunicorn gives its requests five seconds.
GRACE_S = 7

# Names of processes that ended, and numbers of signals. A simple queue, because a signal handler
# may write to it while the main thread reads from it.
Events = queue.SimpleQueue[str | int]


class PortError(Exception):
    """A process cannot listen on its port, or HOST, a port or GUNICORN_CMD_ARGS has a mistake."""


def main(arguments: list[str] | None = None) -> int:
    """Check the ports, run ``release``, then run the other processes until one of them ends.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="portal.processes", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--procfile", type=Path, default=ROOT / "Procfile")
    options = parser.parse_args(arguments)
    commands = _read(options.procfile)
    if unknown := sorted(set(options.names) - commands.keys()):
        parser.error(f"{options.procfile} has no process {', '.join(unknown)}")

    events: Events = queue.SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under ``nohup`` SIGHUP is ignored, and stays so. SIGINT, which a shell has its background
        # jobs ignore, is heeded.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: events.put(number))
    with ExitStack() as held:
        try:
            _reserve_ports(options.names, held)
        except PortError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        if RELEASE in options.names:
            code = _Run(events).until_one_ends({RELEASE: commands[RELEASE]})
            if code:
                return _exit_code(code)
        others = {name: commands[name] for name in options.names if name != RELEASE}
        return _exit_code(_Run(events).until_one_ends(others)) if others else 0


def _exit_code(code: int) -> int:
    # Ctrl-C is how a person ends it: no error, of which ``make`` would complain.
    return 0 if code == _CTRL_C else code


class _Run:
    """Processes that run beside each other, each in a session of its own.

    A session of its own keeps the terminal's Ctrl-C from them, so that they are stopped once and
    with everything that they started.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._width = 0

    def until_one_ends(self, commands: dict[str, str]) -> int:
        """Run shell commands by name until one ends or a signal comes; stop the others.

        Returns:
            The exit code of the one that ended, or 128 and the signal's number.
        """
        self._width = max(map(len, commands), default=0)
        for name, command in commands.items():
            self._start(name, command)
        if "web" in commands:
            threading.Thread(target=self._announce, daemon=True).start()
        event = self._events.get()
        if isinstance(event, int):
            self._say(f"{signal.Signals(event).name}: stopping")
        elif event != RELEASE:
            self._say(f"{event} ended, exit code {self._code(event)}: stopping the others")
        self._stop()
        return 128 + event if isinstance(event, int) else self._code(event)

    def _start(self, name: str, command: str) -> None:
        self._processes[name] = subprocess.Popen(  # noqa: S602 -- the Procfile is shell commands
            command,
            shell=True,
            cwd=ROOT,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
                "PYTHONUNBUFFERED": "1",
            },
            stdin=subprocess.DEVNULL,
            # ``release`` keeps the terminal: it shows how far it is.
            stdout=None if name == RELEASE else subprocess.PIPE,
            stderr=None if name == RELEASE else subprocess.STDOUT,
            start_new_session=True,
        )
        threading.Thread(target=self._follow, args=(name,), daemon=True).start()

    def _follow(self, name: str) -> None:
        """Pass a process's lines on until it has ended."""
        process = self._processes[name]
        prefix = f"{name:<{self._width}} | ".encode()
        for line in process.stdout or ():
            self._write(prefix + line.rstrip(b"\n"))
        process.wait()
        self._events.put(name)

    def _stop(self) -> None:
        """End what still runs: ask, wait, kill."""
        self._signal_all(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while self._running() and time.monotonic() < deadline:
            time.sleep(0.05)
        self._signal_all(signal.SIGKILL)
        for process in self._processes.values():
            process.wait()

    def _running(self) -> list[subprocess.Popen[bytes]]:
        return [one for one in self._processes.values() if one.poll() is None]

    def _signal_all(self, number: signal.Signals) -> None:
        for process in self._running():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    def _code(self, name: str) -> int:
        code = self._processes[name].wait()
        return code if code >= 0 else 128 - code

    def _announce(self) -> None:
        """Say the address as soon as the web process answers there."""
        host, port = _address_of_web(Environment())
        while not _answers(host, port):
            time.sleep(0.1)
        name = os.environ.get("PORTAL_NAME", "Switchboard")
        url = os.environ.get("PORTAL_URL", f"http://{host}:{port}")
        self._say(f"{name} answers at {url}/ (Ctrl-C stops it)")

    def _say(self, text: str) -> None:
        self._write(text.encode())

    def _write(self, line: bytes) -> None:
        try:
            os.write(sys.stdout.fileno(), line + b"\n")
        except OSError:  # the terminal is closed, or the reader of the pipe is gone
            self._events.put(signal.SIGHUP)


def _read(procfile: Path) -> dict[str, str]:
    lines = [line.partition(":") for line in procfile.read_text().splitlines()]
    return {
        name.strip(): command.strip()
        for name, colon, command in lines
        if colon and not name.lstrip().startswith("#")
    }


def _address_of_web(env: Environment) -> tuple[str, int]:
    server = web_server(env)
    # gunicorn wants an IPv6 address in brackets, sockets want it without.
    return server.host.strip("[]"), server.port


def _reserve_ports(names: Iterable[str], held: ExitStack) -> None:
    """Find out whether each process that listens will be able to, and reserve its port.

    Args:
        names: Of the processes.
        held: Keeps the ports reserved among the runs in this folder: while ``release`` runs, a
            port that another run is about to listen on is still free.

    Raises:
        PortError: One will not; says which setting chooses another port.
    """
    env = Environment()
    listening: dict[str, tuple[str, str, int]] = {}
    for name in names:
        if name == "web":
            listening[name] = ("PORT", *_address_of_web(env))
        elif name == "sandbox":
            port = env.number("SANDBOX_PORT", default=8900, least=1, most=65_535)
            listening[name] = ("SANDBOX_PORT", "127.0.0.1", port)
    if env.mistakes:
        raise PortError("\n".join(f"{one.text} {one.hint}" for one in env.mistakes))
    reserved = _open_reservations(held)
    with ExitStack() as bound:
        for name, (variable, host, port) in listening.items():
            if reserved and not _reserve(reserved, port):
                others = " ".join(f"{one}={own + 1}" for one, _, own in listening.values())
                raise PortError(
                    f"Another run in {ROOT} is starting or running with port {port}: stop it, or "
                    f"choose other ports, for example make run {others}; PORTAL_VAR_DIR= names a "
                    "folder for data of its own"
                )
            try:
                [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
                    host, port, type=socket.SOCK_STREAM
                )
                listener = bound.enter_context(socket.socket(family, kind, protocol))
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
                listener.listen()
            except OSError as error:
                is_port = error.errno in {errno.EADDRINUSE, errno.EACCES}
                example = f"choose another port, for example make run {variable}={port + 1}"
                raise PortError(
                    f"{name} cannot listen on {host}, port {port} ({error.strerror}): "
                    + (example if is_port else "HOST= must be an address of this machine")
                ) from error


def _open_reservations(held: ExitStack) -> IO[str] | None:
    """The file that runs in this folder lock ports in; None where none can be written."""
    try:
        (ROOT / "var").mkdir(exist_ok=True)
        return held.enter_context((ROOT / "var/ports.lock").open("a"))
    except OSError:
        return None


def _reserve(file: IO[str], port: int) -> bool:
    """Lock the byte that stands for the port, until the file is closed."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError as error:
        return error.errno not in {errno.EACCES, errno.EAGAIN}
    return True


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz/live")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


if __name__ == "__main__":
    sys.exit(main())
