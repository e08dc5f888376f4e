"""Reads environment variables; a value that cannot be read is a mistake to report.

Blanks around a value do not count, and a blank value counts as none. ``NAME_FILE`` is the path of a
file that holds the value of ``NAME``, and wins over ``NAME``. What a mistake leaves in force is the
strict side: a misspelt "true" opens nothing. No Django here, so that gunicorn's configuration and
``portal.processes`` read their settings by the same rules.
"""

import argparse
import difflib
import ipaddress
import os
import re
import shlex
import zoneinfo
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import environ

from portal import variable_names
from portal.connection_urls import problem_of_database, problem_of_redis, problem_of_site, quoted
from portal.host_names import read_host
from portal.variable_names import FILE, Misspelling

SHORTEST_SECRET_KEY = 50
YES = frozenset({"true", "on", "yes", "y", "1"})
NO = frozenset({"false", "off", "no", "n", "0"})
_LONGEST_NUMBER = 18
_MOST_USUAL_WORKERS = 4
# Python's stand-in for a byte of the environment that is not UTF-8.
_SURROGATE = re.compile("[\udc80-\udcff]")
_QUOTED = re.compile(r"([\"']).*\1", re.DOTALL)
_PATH = re.compile(r"/\w+")
_ESCAPES = (
    "A user name or password with one of @ : / ? # % needs %40 %3A %2F %3F %23 %25 in its place."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingMistake:
    """A variable whose value cannot be used.

    Attributes:
        variable: Its name, with ``_FILE`` if the file is at fault.
        text: A sentence that names the variable, and the value unless it may be a secret.
        hint: What is allowed.
    """

    variable: str
    text: str
    hint: str


class WebServer(NamedTuple):
    """Where gunicorn listens, and with how many processes and threads in each."""

    host: str
    port: int
    workers: int
    threads: int


class Environment:
    """The variables, read one by one; remembers which were read and what was wrong.

    Attributes:
        mistakes: In the order in which the variables were read.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        """Read from ``variables``; None means those of this process."""
        self._variables = os.environ if variables is None else variables
        self._known: set[str] = set()
        self.mistakes: list[SettingMistake] = []

    def is_given(self, name: str) -> bool:
        """Whether the variable, or its file, is set to anything but blanks."""
        return any(self._variables.get(one, "").strip() for one in (name, name + FILE))

    def file_of(self, name: str) -> str:
        """Return the path of the file that holds the value; empty if none does."""
        return self._variables.get(name + FILE, "").strip()

    def text(self, name: str, default: str = "", *, is_secret: bool = False) -> str:
        """Return the value without the blanks around it.

        With ``is_secret``, no message shows what is written in place of the file's path: it may be
        the value itself.
        """
        value = self._raw(name, is_secret=is_secret)
        return value or default

    def words(
        self,
        name: str,
        default: Sequence[str] = (),
        *,
        strict: Sequence[str] | None = None,
        is_secret: bool = False,
    ) -> list[str]:
        """Return a comma-separated list without blanks; ``strict`` where its file is unreadable."""
        value = self._raw(name, is_secret=is_secret)
        if value is None and strict is not None:
            return list(strict)
        found = [word for one in (value or "").split(",") if (word := one.strip())]
        if all(self._unquoted(name, word, is_secret=is_secret) for word in found):
            return found or list(default)
        return list(default if strict is None else strict)

    def hosts(self, name: str, default: Sequence[str]) -> list[str]:
        """Return a comma-separated list of hosts as addresses have them, see ``host_names``.

        ``*.`` before a name stands for all below it.
        """
        found = self.words(name, default)
        hosts = [read_host(one, wildcard="*.") for one in found]
        if wrong := [one for one, host in zip(found, hosts, strict=True) if host is None]:
            self.report(
                name,
                f"has {quoted(wrong[0])}, which is not a host",
                "Write host names without https:// and path, separated by commas; *.example.com is "
                "all hosts below example.com, and a port is from 1 to 65535.",
            )
            return list(default)
        return [host.netloc for host in hosts if host]

    def yes_or_no(self, name: str, *, default: bool, strict: bool) -> bool:
        """Return whether the variable says yes; ``strict`` if it says neither yes nor no."""
        value = self._raw(name)
        if value is None:
            return strict
        if not value:
            return default
        if value.lower() in YES | NO:
            return value.lower() in YES
        self.report(
            name,
            f"is {quoted(value)}, which is neither yes nor no",
            f"Set it to true or false (on/off, yes/no, 1/0). Until then it counts as "
            f"{str(strict).lower()}.",
        )
        return strict

    def number(self, name: str, default: int, *, least: int, most: int, unit: str = "") -> int:
        """Return a whole number between the bounds, both allowed; ``default`` for anything else."""
        value = self._raw(name)
        if not value:
            return default
        if re.fullmatch(r"[+-]?[0-9]+", value) and len(value) <= _LONGEST_NUMBER:
            number = int(value)
            if least <= number <= most:
                return number
            problem = "which is out of range"
        else:
            problem = "which is not a whole number"
        of_unit = f" of {unit}" if unit else ""
        self.report(
            name,
            f"is {quoted(value)}, {problem}",
            f"Set it to a number{of_unit} from {least} to {most}, in digits only; for example "
            f"{default}.",
        )
        return default

    def choice(self, name: str, default: str, allowed: Collection[str]) -> str:
        """Return one of the allowed words, written in any case; ``default`` for anything else."""
        value = self._raw(name)
        if not value:
            return default
        for one in allowed:
            if one.lower() == value.lower():
                return one
        self.report(
            name,
            f"is {quoted(value)}, which is not one of its values",
            f"Set it to one of {', '.join(allowed)}.",
        )
        return default

    def time_zone(self, name: str, default: str) -> str:
        """Return the name of a time zone that this machine knows, written in any case."""
        value = self._raw(name)
        if not value:
            return default
        zones = {one.lower(): one for one in zoneinfo.available_timezones()}
        if zone := zones.get(value.lower()):
            return zone
        # Not those of offsets, whose sign is the other way round.
        places = [one for one in zones if "/" in one and not one.startswith("etc/")]
        (near,) = difflib.get_close_matches(value.lower(), places, n=1) or ["europe/berlin"]
        self.report(
            name,
            f"is {quoted(value)}, which is not a time zone",
            f"Set it to a name of the IANA database, for example {zones.get(near, 'UTC')}.",
        )
        return default

    def database(self, name: str, default: str) -> dict[str, Any]:
        """Return Django's settings of the database that an address names.

        With a mistake they are those of a database that refuses every use, so that nothing is
        written to another one than the one that was meant.
        """
        value = self._raw(name, is_secret=True)
        if value and (problem := problem_of_database(value)):
            self.report(
                name,
                problem,
                "Write postgres://user:password@host:5432/name, or sqlite:////absolute/path of a "
                f"file. {_ESCAPES}",
            )
            value = None
        if value is None:
            return {"ENGINE": "django.db.backends.dummy"}
        # Only a query has blanks written as plus: the parser reads those of a path as blanks too.
        before, mark, query = (value or default).partition("?")
        settings: dict[str, Any] = environ.Env.db_url_config(
            f"{before.replace('+', '%2B')}{mark}{query}"
        )
        return settings

    def site(self, name: str, default: str) -> str:
        """Return an http or https address without the slash at its end."""
        value = self._raw(name)
        if not value:
            return default
        problem = problem_of_site(value)
        if problem:
            self.report(name, problem, f"Write an address, for example {default}.")
            return default
        return value.rstrip("/")

    def redis(self, name: str) -> str:
        """Return the address of a Redis server; empty if there is none, or with a mistake."""
        value = self._raw(name, is_secret=True)
        if not value:
            return ""
        if problem := problem_of_redis(value):
            self.report(name, problem, f"Write redis://:password@host:6379/0. {_ESCAPES}")
            return ""
        return value

    def report(self, variable: str, problem: str, hint: str) -> None:
        """Remember a mistake; ``problem`` continues a sentence that begins with the name."""
        self.mistakes.append(
            SettingMistake(variable=variable, text=f"{variable} {problem}.", hint=hint)
        )

    def misspellings(self) -> list[Misspelling]:
        """Return the variables that are spelt like ours and that nothing reads, by name."""
        return variable_names.misspellings(self._variables, self._known)

    def is_mistaken(self, name: str) -> bool:
        """Whether a mistake of the variable, or of its file, is reported."""
        return any(one.variable in {name, name + FILE} for one in self.mistakes)

    def doubles(self) -> list[str]:
        """Return the variables that are set beside a file which wins over them, by name."""
        return [
            name
            for name in sorted(self._known)
            if self.file_of(name) and self._variables.get(name, "").strip()
        ]

    def _raw(self, name: str, *, is_secret: bool = False) -> str | None:
        """The stripped value, empty if it is not given; None if its file cannot be read."""
        self._known.add(name)
        path = self.file_of(name)
        if not path:
            value = self._variables.get(name, "").strip()
            if not value.isascii() and _SURROGATE.search(value):
                self.report(name, "is not text in UTF-8", "Write it again, in UTF-8.")
                return None
            return self._unquoted(name, value, is_secret=is_secret)
        try:
            value = Path(path).read_text(encoding="utf-8-sig").strip()
        except OSError as error:
            reason = (error.strerror or "it cannot be opened").lower()
        except ValueError:
            reason = "it is not text in UTF-8"
        else:
            return self._unquoted(name + FILE, value, is_secret=True)
        shown = "a path" if is_secret and not _is_path(path) else quoted(path)
        self.report(
            name + FILE,
            f"is {shown}, which cannot be read: {reason}",
            f"Set it to the path of a readable file that holds the value of {name}, or set {name}.",
        )
        return None

    def _unquoted(self, name: str, value: str, *, is_secret: bool) -> str | None:
        """The value; None where quote marks came along, which nobody means."""
        if not _QUOTED.fullmatch(value):
            return value
        self.report(
            name,
            f"{'has' if is_secret or '@' in value else f'is {quoted(value)}, with'} quote marks "
            "around its value",
            "Write it without them: only a shell removes them, and a file of variables is often "
            "read without one.",
        )
        return None


# Options of gunicorn that the portal sets itself, with the variables for some of them.
_OWN_OPTIONS: Mapping[tuple[str, ...], str] = {
    ("--bind", "-b"): "HOST, PORT",
    ("--workers", "-w"): "WEB_WORKERS",
    ("--threads",): "WEB_THREADS",
    ("--worker-class", "-k"): "",
    ("--timeout", "-t"): "",
    ("--graceful-timeout",): "",
    ("--forwarder-headers",): "",
}
_DAEMON = "--daemon"


def web_server(env: Environment) -> WebServer:
    """Read the settings of gunicorn."""
    found = _options_in(env.text("GUNICORN_CMD_ARGS"))
    if own := [(names[0], own) for names, own in _OWN_OPTIONS.items() if names[0] in found]:
        names = ", ".join(option for option, _ in own)
        variables = ", ".join(variable for _, variable in own if variable)
        env.report(
            "GUNICORN_CMD_ARGS",
            f"has {names}, which the portal sets itself",
            f"Remove {'it' if len(own) == 1 else 'them'} from there"
            + (f", and set {variables} instead." if variables else "."),
        )
    if _DAEMON in found:
        env.report(
            "GUNICORN_CMD_ARGS",
            f"has {_DAEMON}, which would break how the portal runs",
            "Remove it from there: what starts the portal also watches its processes.",
        )
    host = env.text("HOST", default="127.0.0.1").strip("[]")
    if not (_is_ip(host) or re.fullmatch(r"(?![\d.]+$)[A-Za-z0-9._-]+", host)):
        env.report(
            "HOST",
            f"is {quoted(host)}, which is not an address or a name of this machine",
            "Set it to an address alone, such as 127.0.0.1, or 0.0.0.0 for all; the port is PORT.",
        )
    return WebServer(
        # gunicorn wants an IPv6 address in brackets.
        host=f"[{host}]" if ":" in host else host,
        port=env.number("PORT", default=8000, least=1, most=65_535),
        workers=env.number(
            "WEB_WORKERS", default=_usual_workers(), least=1, most=256, unit="processes"
        ),
        threads=env.number("WEB_THREADS", default=8, least=1, most=1_024, unit="threads"),
    )


def _usual_workers() -> int:
    """Processors that this process may use, at most four: each process has a hundred megabytes.

    A container that is granted a share of the processors' time sees all of them.
    """
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _MOST_USUAL_WORKERS)
    return min(os.cpu_count() or 1, _MOST_USUAL_WORKERS)


class _Parser(argparse.ArgumentParser):
    """Options as gunicorn reads them: each may be cut short."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _options_in(arguments: str) -> Collection[str]:
    """Which options are there of those that the portal looks for, by their long names."""
    parser = _Parser(add_help=False)
    for names in _OWN_OPTIONS:
        parser.add_argument(*names, dest=names[0], default=argparse.SUPPRESS)
    parser.add_argument(_DAEMON, "-D", dest=_DAEMON, action="store_true", default=argparse.SUPPRESS)
    try:
        return vars(parser.parse_known_args(shlex.split(arguments))[0])
    except ValueError:
        return ()  # gunicorn does not start with them, and says why


def _is_ip(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _is_path(value: str) -> bool:
    """Whether it is surely a path, not a secret that was put where a path belongs."""
    first = _PATH.match(value)
    return bool(first) and Path(first[0] if first else "").is_dir()
