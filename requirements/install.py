"""Makes the virtual environment and installs pinned packages into it.

``python requirements/install.py FOLDER SET``, where SET is ``run``, ``scale``, ``dev`` or
``next/dev``; the Python is chosen by ``install.sh``. It needs the standard library alone. An
environment that it cannot use is made again. What is installed already is left alone.
"""

import fcntl
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LOCK = HERE.parent / "var/install.lock"
VERSION = "{}.{}".format(*sys.version_info)
# The newest Python for which every pinned package has a wheel.
NEWEST = (3, 14)


class InstallError(Exception):
    """Nothing can be installed; the message says why and what to do."""


def main(folder: str, name: str) -> int:
    """Make the environment if it is missing or unusable; install the set if it changed.

    Returns:
        The exit code.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        with _alone():
            _bring_up_to_date(Path(folder), name)
    except InstallError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _bring_up_to_date(venv: Path, name: str) -> None:
    if not venv.is_dir() or not any(venv.iterdir()):
        _make(venv)
    elif fault := _fault(venv):
        _say(f"{venv} {fault}: it is made again.")
        _make(venv)
    # Sets pin the same versions within one state of the files, so one does not undo another.
    state = {
        "folder": str(venv.resolve()),
        "files": {
            str(file.relative_to(HERE)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted({*HERE.glob("*.txt"), HERE / f"{name}.txt"})
        },
    }
    installed = _read(venv)
    sets = installed.get("sets", []) if {**installed, **state} == installed else []
    if name in sets:
        return
    if _run(venv / "bin/python", "-m", "pip", "--version").returncode:
        _say(f"{venv} has no pip: it is made again.")
        _make(venv)
        sets = []
    _install(venv, HERE / f"{name}.txt")
    _record(venv).write_text(json.dumps({**state, "sets": [*sets, name]}))


def _fault(venv: Path) -> str:
    """What keeps the environment from being used with this Python; empty if nothing does.

    Raises:
        InstallError: It is something else, which is not ours to remove.
    """
    if not (venv / "pyvenv.cfg").is_file():
        raise InstallError(
            f"{venv} is no virtual environment: remove it, or name another folder with VENV=."
        )
    code = "import sys, sysconfig; print(*sys.version_info[:2], sysconfig.get_path('purelib'))"
    found = _run(venv / "bin/python", "-c", code)
    if found.returncode:
        return "has lost its Python"
    major, minor, packages = found.stdout.strip().split(" ", 2)
    version = f"{major}.{minor}"
    if not Path(packages).is_dir():
        return f"was made with another Python than {version}, which runs it now"
    if version != VERSION:
        return f"has Python {version}, and {VERSION} is to be used"
    if _read(venv).get("folder", str(venv.resolve())) != str(venv.resolve()):
        return "was made in another folder"
    return ""


def _make(venv: Path) -> None:
    # The environment's own Python goes while it is made again: the one behind it makes it.
    is_own = sys.prefix != sys.base_prefix
    python = os.path.realpath(sys.executable) if is_own else sys.executable
    _say(f"Making {venv} with Python {sys.version.split()[0]} ({python})")
    made = _run(python, "-m", "venv", "--clear", str(venv))
    if made.returncode:
        raise InstallError(f"{venv} could not be made:\n{made.stdout}{made.stderr}")


def _install(venv: Path, requirements: Path) -> None:
    """Install what the file pins, by hash and as wheels: building would fetch unpinned tools."""
    python = venv / "bin/python"
    began = time.monotonic()
    pip = subprocess.Popen(  # noqa: S603 -- the environment's own pip
        [
            *(python, "-m", "pip", "install", "--require-hashes", "--only-binary", ":all:"),
            *("--disable-pip-version-check", "--no-input", "--no-user", "--progress-bar", "off"),
            *("--requirement", requirements),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    last_lines: deque[str] = deque(maxlen=15)
    progress = _Progress(requirements)
    try:
        for line in pip.stdout or ():
            last_lines.append(line)
            progress.follow(line)
        failed = pip.wait()
    finally:
        pip.terminate()  # after a signal; else it has ended
        progress.end()
    if failed:
        raise InstallError(
            "".join([f"pip could not install {requirements.name}:\n", *last_lines, _hint()])
        )
    checked = _run(python, "-m", "pip", "check")
    if checked.returncode:
        raise InstallError(f"{requirements.name} does not fit together:\n{checked.stdout}")
    _say(f"Installed {requirements.name} in {time.monotonic() - began:.0f} s")


def _hint() -> str:
    if sys.version_info[:2] <= NEWEST:
        return ""
    return f"Some packages may not know Python {VERSION} yet: name an older one with PYTHON=."


class _Progress:
    """Shows how far pip is: twice a second on a terminal, every five seconds elsewhere."""

    def __init__(self, requirements: Path) -> None:
        self._name = requirements.name
        # Those with a marker are for other systems.
        pins = re.findall(r"^[a-z][^;\n]*==[^;\n]*$", requirements.read_text(), re.MULTILINE)
        self._total = len(pins)
        self._fetched = 0
        self._is_unpacking = False
        self._is_terminal = sys.stdout.isatty()
        self._began = time.monotonic()
        self._over = threading.Event()
        _say(f"Installing {self._name}: {self._total} packages")
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._thread.start()

    def follow(self, line: str) -> None:
        """Take in a line that pip printed."""
        if line.startswith(("Collecting ", "Processing ", "Requirement already satisfied: ")):
            self._fetched = min(self._fetched + 1, self._total)
        elif line.startswith("Installing collected packages"):
            self._is_unpacking = True

    def end(self) -> None:
        """Show nothing more."""
        self._over.set()
        self._thread.join()
        if self._is_terminal:
            _say("\r\033[K", end="")

    def _show(self) -> None:
        while not self._over.wait(0.5 if self._is_terminal else 5):
            done = (
                "unpacking" if self._is_unpacking else f"fetched {self._fetched} of {self._total}"
            )
            text = f"  {done}, {time.monotonic() - self._began:.0f} s"
            if self._is_terminal:
                _say(f"\r{text}\033[K", end="")
            else:
                _say(text)


@contextmanager
def _alone() -> Iterator[None]:
    """Wait while another installation is at work in this checkout."""
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Another installation is at work: waiting until it has ended")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _record(venv: Path) -> Path:
    return venv / "installed.json"


def _read(venv: Path) -> dict[str, Any]:
    """What was installed, and from where; empty if that is not known."""
    try:
        return dict(json.loads(_record(venv).read_text()))
    except (OSError, ValueError):
        return {}


def _run(*command: Path | str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- Python only
    except OSError as error:  # a link that leads nowhere, a program of another machine
        return subprocess.CompletedProcess(command, 127, "", str(error))


def _say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
