"""System checks of the catalog's settings, each with an id and a hint."""

import glob
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from catalog.ingestion.allow import Allowance, by_host
from catalog.ingestion.importer import configured_sources
from catalog.ingestion.repositories import SOFTWARE
from catalog.ingestion.sources import is_folder, is_there, is_url, root_of
from catalog.ingestion.spellings import refusal, without_user
from catalog.kinds import Kind
from catalog.models import Location
from portal import database
from portal.connection_urls import problem_of_site
from portal.header_values import is_sendable
from portal.host_names import read_host

_SHORTEST_TOKEN = 20
_MAKE_LONGER = "Make another one: python3 -c 'import secrets; print(secrets.token_hex(32))'"
_LONGEST_SHOWN = 200
_NAMESPACE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


@register
def check_locations(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """``CATALOG_LOCATIONS`` names things that exist and that may be read."""
    del app_configs, kwargs
    allow = Allowance.from_settings()
    written = filter(None, map(str.strip, settings.CATALOG_LOCATIONS))
    pairs = zip(written, configured_sources(), strict=True)
    checked = (_of_location(source, absolute, allow) for source, absolute in pairs)
    return [found for found in checked if found]


def _of_location(source: str, absolute: str, allow: Allowance) -> CheckMessage | None:
    """Check one location, as written and as configured; asks no host."""
    root = root_of(absolute)
    shown = without_user(source)[:_LONGEST_SHOWN]
    mistake, hint = refusal(root.target) or ("", "")
    if not mistake and root.type == "url" and (mistake := _mistake_of_address(absolute)):
        hint = "write one that begins with https:// and a host, and a token for the host in "
        hint += "CATALOG_HOST_TOKENS"
    if mistake:
        return Error(
            f"CATALOG_LOCATIONS: {shown} {mistake}.",
            hint=f"{hint[0].upper()}{hint[1:]}. Paths and globs are read too.",
            id="catalog.E001",
        )
    if root.type == "url":
        return None
    path = Path(root.target)
    if not is_there(path) and not glob.has_magic(source):
        return checks.Warning(
            f"CATALOG_LOCATIONS: {root.target[:_LONGEST_SHOWN]} does not exist.",
            hint="Relative paths count from the project's folder, where manage.py lies.",
            id="catalog.W001",
        )
    if is_there(path) and not allow.permits_file(path.resolve()):
        return Error(
            f"CATALOG_LOCATIONS: {root.target} is outside CATALOG_READING_ALLOW.",
            hint="Add its folder to CATALOG_READING_ALLOW.",
            id="catalog.E002",
        )
    return None


def _mistake_of_address(url: str) -> str:
    """Say why an http or https address cannot be used, as the end of a sentence."""
    scheme, separator, rest = url.partition("://")
    if problem := problem_of_site(f"{scheme.lower()}{separator}{rest}"):
        return problem
    has_user = "@" in urlsplit(url).netloc
    return "has a user name in it, which readers would see" if has_user else ""


@register(Tags.database)
def check_emptied_locations(
    app_configs: Any, databases: Sequence[str] | None, **kwargs: Any
) -> Sequence[CheckMessage]:
    """``CATALOG_LOCATIONS`` was not emptied by mistake; runs where a database is named."""
    del app_configs, kwargs
    if "default" not in (databases or ()) or configured_sources() or database.problem():
        return []
    try:
        count = Location.objects.filter(origin=Location.Origin.STATIC).count()
    except (DatabaseError, ImproperlyConfigured):
        return []  # portal.E004 and portal.W005 say why
    if not count:
        return []
    them = "1 location that it named is" if count == 1 else f"{count:,} locations that it named are"
    return [
        checks.Warning(
            f"CATALOG_LOCATIONS is empty, and {them} still imported.",
            hint="Set it again, for the worker too; or unregister them on the page Locations.",
            id="catalog.W003",
        )
    ]


@register
def check_reading_allow(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """``CATALOG_READING_ALLOW`` holds host names and absolute folders."""
    del app_configs, kwargs
    found: list[CheckMessage] = []
    for entry in filter(None, map(str.strip, settings.CATALOG_READING_ALLOW)):
        if entry.startswith("/"):
            if not is_folder(Path(entry)) and not is_there(Path(entry)):
                found.append(
                    checks.Warning(
                        f"CATALOG_READING_ALLOW: there is no {entry[:_LONGEST_SHOWN]}.",
                        hint="Correct the path, or remove it.",
                        id="catalog.W005",
                    )
                )
        elif not read_host(entry, wildcard="*."):
            found.append(
                Error(
                    f"CATALOG_READING_ALLOW: {entry} is neither a host nor an absolute folder.",
                    hint="Write a host (example.com, *.example.com, example.com:8443) without "
                    "https://, or a path from /.",
                    id="catalog.E003",
                )
            )
    return found


@register
def check_hosts(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """``CATALOG_GIT_HOSTS`` and ``CATALOG_HOST_TOKENS`` are of the form ``host=value``."""
    del app_configs, kwargs
    found: list[CheckMessage] = []
    for name, example in (
        ("CATALOG_GIT_HOSTS", "ghe.example.com=github"),
        ("CATALOG_HOST_TOKENS", "github.com=...token..."),
    ):
        hosts: set[str] = set()
        for number, entry in enumerate(getattr(settings, name), start=1):
            host, _, value = (part.strip() for part in entry.partition("="))
            if name == "CATALOG_HOST_TOKENS" and value and not is_sendable(value):
                found.append(
                    Error(
                        f"{name}: the token of entry {number} has characters that no token has, "
                        "for example a blank or a quote mark.",
                        hint="Copy the token again, and nothing else with it.",
                        id="catalog.E010",
                    )
                )
            if host.lower() in hosts:
                found.append(
                    Error(
                        f"{name}: entry {number} is a second one for {host}.",
                        hint="Remove one of the two.",
                        id="catalog.E011",
                    )
                )
            hosts.add(host.lower())
            if read_host(host) and value:
                continue
            found.append(
                Error(
                    f"{name}: entry {number} is not of the form host=value.",
                    hint=f"Write {example}, the host without https://.",
                    id="catalog.E008",
                )
            )
    found += [
        Error(
            f"CATALOG_GIT_HOSTS: {kind} is no known software.",
            hint=f"Write one of {', '.join(SOFTWARE)} after {host}=.",
            id="catalog.E009",
        )
        for host, kind in by_host(settings.CATALOG_GIT_HOSTS).items()
        if kind not in SOFTWARE
    ]
    return found


@register
def check_refresh_token(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """``CATALOG_REFRESH_TOKEN`` is hard to guess, and can be sent."""
    del app_configs, kwargs
    token = settings.CATALOG_REFRESH_TOKEN
    if token and not is_sendable(token):
        return [
            Error(
                "CATALOG_REFRESH_TOKEN has characters that a header cannot send whole, for example "
                "a blank, a quote mark or a letter beyond ASCII.",
                hint=_MAKE_LONGER,
                id="catalog.E012",
            )
        ]
    if not 0 < len(token) < _SHORTEST_TOKEN:
        return []
    return [
        checks.Warning(
            f"CATALOG_REFRESH_TOKEN is shorter than {_SHORTEST_TOKEN} characters.",
            hint=_MAKE_LONGER,
            id="catalog.W002",
        )
    ]


@register
def check_registered_kinds(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """``CATALOG_REGISTERED_KINDS`` names kinds that exist, and at least one."""
    del app_configs, kwargs
    named = [kind.strip() for kind in settings.CATALOG_REGISTERED_KINDS if kind.strip()]
    found: list[CheckMessage] = [
        Error(
            f"CATALOG_REGISTERED_KINDS: there is no kind {kind}.",
            hint=f"The kinds are {', '.join(Kind.values)}, spelt like this.",
            id="catalog.E006",
        )
        for kind in named
        if kind not in Kind.values
    ]
    if not named:
        found.append(
            Error(
                "CATALOG_REGISTERED_KINDS names no kind, which would allow every one.",
                hint="Name at least one; leave the setting out for all but Group and User.",
                id="catalog.E007",
            )
        )
    return found


@register
def check_people(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """``CATALOG_PEOPLE_NAMESPACE`` can be one, and ``CATALOG_PEOPLE_LOCATIONS`` exist."""
    del app_configs, kwargs
    found: list[CheckMessage] = []
    namespace = settings.CATALOG_PEOPLE_NAMESPACE
    if not _NAMESPACE.fullmatch(namespace):
        found.append(
            Error(
                f"CATALOG_PEOPLE_NAMESPACE is {namespace[:_LONGEST_SHOWN]!r}, which no entity can "
                "have: nobody would own anything.",
                hint="Write the metadata.namespace of your User entities, for example default.",
                id="catalog.E013",
            )
        )
    for place in filter(None, map(str.strip, settings.CATALOG_PEOPLE_LOCATIONS)):
        if refusal(place):
            problem = "cannot be read"
        elif is_url(place) or is_there(settings.BASE_DIR / Path(place).expanduser()):
            continue
        else:
            problem = "does not exist"
        found.append(
            checks.Warning(
                f"CATALOG_PEOPLE_LOCATIONS: {without_user(place)[:_LONGEST_SHOWN]} {problem}, so "
                "its people and groups own nothing.",
                hint="Write files, folders and addresses as an entity's page shows them. "
                "Relative paths count from the project's folder.",
                id="catalog.W004",
            )
        )
    return found
