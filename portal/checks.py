"""System checks of the deployment, each with an id and a hint."""

import os
import unicodedata
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host

from portal import database
from portal.connection_urls import quoted
from portal.environment import SHORTEST_SECRET_KEY
from portal.host_names import read_host
from portal.local_hosts import is_local_host

# Of the environment alone: commands that say themselves what else is wrong ask for no other.
ENVIRONMENT = "environment"
# Control characters, and separators of lines and paragraphs.
_CONTROLS = frozenset({"Cc", "Zl", "Zp"})
_MAKE_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(64))'"


@register(ENVIRONMENT)
def check_environment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Find variables whose value cannot be read, or whose name is misspelt."""
    del app_configs, kwargs
    env = settings.ENVIRONMENT
    found: list[CheckMessage] = [
        Error(one.text, hint=one.hint, id="portal.E004") for one in env.mistakes
    ]
    for name, nearest in env.misspellings():
        meant = f"Rename it to {nearest} if that is meant" if nearest else "Correct its name"
        found.append(
            checks.Warning(
                f"{name} is set, but the portal has no variable of that name.",
                hint=f"{meant}, or remove it. docs/configuration.md lists all variables.",
                id="portal.W003",
            )
        )
    found += [
        checks.Warning(
            f"{name} and {name}_FILE are both set: the file's value is used.",
            hint="Remove the one that is not meant.",
            id="portal.W006",
        )
        for name in env.doubles()
    ]
    return [*found, *_var_dir()]


@register(Tags.security)
def check_configuration(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Find combinations of settings that cannot work or are dangerous anywhere."""
    del app_configs, kwargs
    return [
        *_portal_name(),
        *_secret_key_length(),
        *_public_debug(),
        *_allowed_hosts(),
        *_portal_url(),
        *_sub_path(),
    ]


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Find what is good enough for a developer's machine only."""
    del app_configs, kwargs
    is_mistaken = settings.ENVIRONMENT.is_mistaken("PORTAL_URL")
    if is_mistaken or not settings.PORTAL_URL.startswith("http://"):
        return []
    return [
        checks.Warning(
            f"PORTAL_URL is {settings.PORTAL_URL}, without TLS: passwords and sessions can be read "
            "on the way.",
            hint="Put a proxy with TLS in front, and set PORTAL_URL to the https:// address that "
            "people type. That also turns on secure cookies, the redirect to https and HSTS.",
            id="portal.W004",
        )
    ]


@register(Tags.database)
def check_database(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Find a database that does not answer or is not migrated; runs where a database is named."""
    del app_configs, kwargs
    if "default" not in (databases or ()) or not (problem := database.problem()):
        return []
    # Before the first ``prepare`` it is as it should be.
    level = checks.INFO if problem == database.NOT_MIGRATED else checks.WARNING
    text, _, remedy = problem.partition(": ")
    hint = remedy[:1].upper() + remedy[1:]
    return [CheckMessage(level, f"{text}.", hint=hint, id="portal.W005")]


def _secret_key() -> str:
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return ""


def _secret_key_length() -> list[CheckMessage]:
    key = _secret_key()
    if len(key) >= SHORTEST_SECRET_KEY or settings.ENVIRONMENT.is_mistaken("SECRET_KEY"):
        return []
    return [
        Error(
            f"SECRET_KEY has {len(key)} characters: sessions can be forged."
            if key
            else "SECRET_KEY is not set: nobody could sign in.",
            hint=f"Set SECRET_KEY (or SECRET_KEY_FILE) to {SHORTEST_SECRET_KEY} random characters "
            f"or more, for example to the output of: {_MAKE_KEY}",
            id="portal.E001",
        )
    ]


def _var_dir() -> list[CheckMessage]:
    """The folder must be writable for SQLite and for the task queue, if nothing else holds them."""
    folder = settings.VAR_DIR
    is_needed = not settings.REDIS_URL or not settings.ENVIRONMENT.is_given("DATABASE_URL")
    if not is_needed or (os.access(folder, os.W_OK | os.X_OK) and folder.is_dir()):
        return []
    return [
        Error(
            f"PORTAL_VAR_DIR is {str(folder)!r}, which is not a folder that can be written to.",
            hint="Set it to a folder that belongs to the user of the processes; the database and "
            "the task queue are kept there.",
            id="portal.E005",
        )
    ]


def _public_debug() -> list[CheckMessage]:
    public = [host for host in settings.ALLOWED_HOSTS if not is_local_host(host)]
    if not settings.DEBUG or not public:
        return []
    return [
        Error(
            f"DEBUG is on while the portal answers to {', '.join(public)}: error pages would "
            "show code and settings to anybody.",
            hint="Set DEBUG=False, or ALLOWED_HOSTS to localhost.",
            id="portal.E002",
        )
    ]


def _is_host(text: str) -> bool:
    """Whether Django compares it with the hosts of requests: no port, IPv6 in brackets."""
    found = read_host(text, wildcard=".")
    return found is not None and not found.port and (":" not in text or text[0] == "[")


def _allowed_hosts() -> list[CheckMessage]:
    return [
        Error(
            f"ALLOWED_HOSTS: {host!r} is not a host name, so it allows nothing.",
            hint="Write host names alone, without https://, port and path, separated by commas; "
            "for example portal.example.com, or .example.com for all below it.",
            id="portal.E006",
        )
        for host in settings.ALLOWED_HOSTS
        if host != "*" and not _is_host(host)
    ]


def _sub_path() -> list[CheckMessage]:
    path = os.environ.get("SCRIPT_NAME", "").strip("/ ")
    if not path:
        return []
    return [
        Error(
            f"SCRIPT_NAME is '/{path}', but the portal cannot run under a path of a site: its "
            "static files would not be found.",
            hint="Remove SCRIPT_NAME, and give the portal a host name of its own.",
            id="portal.E007",
        )
    ]


def _portal_name() -> list[CheckMessage]:
    if not any(unicodedata.category(one) in _CONTROLS for one in settings.PORTAL_NAME):
        return []
    return [
        Error(
            f"PORTAL_NAME is {quoted(settings.PORTAL_NAME)}, with a line break or another control "
            "character.",
            hint="Write it in one line: pages, log lines and PagerDuty show it so.",
            id="portal.E008",
        )
    ]


def _portal_url() -> list[CheckMessage]:
    try:
        parts = urlsplit(settings.PORTAL_URL)
        host = parts.hostname or ""
        _ = parts.port  # raises for one that is no number
    except ValueError:
        parts, host = urlsplit(""), ""
    written = f"[{host}]" if ":" in host else host
    is_site = parts.scheme in {"http", "https"} and _is_host(written)
    if not is_site or parts.username is not None or parts.path or parts.query or parts.fragment:
        # A password in front of the host is not shown.
        shown = settings.PORTAL_URL.rpartition("@")[2]
        return [
            Error(
                f"PORTAL_URL is {shown!r}, which is not the address of a site.",
                hint="Set it to scheme and host as people type them, for example "
                "https://portal.example.com. The portal cannot run under a path of a site: give it "
                "a host name of its own.",
                id="portal.E003",
            )
        ]
    is_mistaken = any(map(settings.ENVIRONMENT.is_mistaken, ("PORTAL_URL", "ALLOWED_HOSTS")))
    if settings.DEBUG or is_mistaken or validate_host(written, settings.ALLOWED_HOSTS):
        return []
    if not settings.ENVIRONMENT.is_given("PORTAL_URL"):
        return [
            checks.Warning(
                "PORTAL_URL is not set: incidents would link back to "
                f"{settings.PORTAL_URL}, which is not among ALLOWED_HOSTS.",
                hint="Set PORTAL_URL to the address that people type, for example "
                f"https://{_example_host()}.",
                id="portal.W002",
            )
        ]
    return [
        checks.Warning(
            f"The host of PORTAL_URL, {host}, is not among ALLOWED_HOSTS: links back from "
            "incidents would be answered with 400.",
            hint="Add it to ALLOWED_HOSTS, a comma-separated list.",
            id="portal.W002",
        )
    ]


def _example_host() -> str:
    names = (host.lstrip(".") for host in settings.ALLOWED_HOSTS if host != "*")
    return next(names, "portal.example.com")
