"""System checks of the catalog's settings, each with an id and a hint."""

import glob
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004

from catalog.ingestion.allow import Allowance, by_host
from catalog.ingestion.importer import configured_sources
from catalog.ingestion.repositories import SOFTWARE
from catalog.ingestion.sources import is_there, is_url, root_of
from catalog.ingestion.spellings import refusal
from catalog.kinds import Kind
from catalog.models import Location
from portal import database

_SHORTEST_TOKEN = 20
_HOST = re.compile(
    r"(?:(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
    r"|[0-9A-Fa-f:]+"
)
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.\-]+(?::[0-9]+)?")


@register
def check_locations(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """``CATALOG_LOCATIONS`` names things that exist and that may be read."""
    allow = Allowance.from_settings()
    found: list[CheckMessage] = []
    written = filter(None, map(str.strip, settings.CATALOG_LOCATIONS))
    for source, absolute in zip(written, configured_sources(), strict=True):
        root = root_of(absolute)
        path = Path(root.target)
        if why := refusal(root.target):
            found.append(
                Error(
                    f"CATALOG_LOCATIONS: {source} {why[0]}.",
                    hint=f"{why[1][0].upper()}{why[1][1:]}; or a path or a glob.",
                    id="catalog.E001",
                )
            )
        elif root.type == "file" and not is_there(path) and not glob.has_magic(source):
            found.append(
                Warning(
                    f"CATALOG_LOCATIONS: {root.target} does not exist.",
                    hint="Relative paths count from the project's folder, where manage.py lies.",
                    id="catalog.W001",
                )
            )
        elif root.type == "file" and is_there(path) and not allow.permits_file(path.resolve()):
            found.append(
                Error(
                    f"CATALOG_LOCATIONS: {root.target} is outside CATALOG_READING_ALLOW.",
                    hint="Add its folder to CATALOG_READING_ALLOW.",
                    id="catalog.E002",
                )
            )
    return found


@register(Tags.database)
def check_emptied_locations(
    app_configs: Any,  # noqa: ARG001
    databases: Sequence[str] | None,
    **kwargs: Any,  # noqa: ARG001
) -> Sequence[CheckMessage]:
    """``CATALOG_LOCATIONS`` was not emptied by mistake; runs where a database is named."""
    if "default" not in (databases or ()) or configured_sources() or database.problem():
        return []
    count = Location.objects.filter(origin=Location.Origin.STATIC).count()
    if not count:
        return []
    them = "1 location that it named is" if count == 1 else f"{count:,} locations that it named are"
    return [
        Warning(
            f"CATALOG_LOCATIONS is empty, and {them} still imported.",
            hint="Set it again, for the worker too; or unregister them on the page Locations.",
            id="catalog.W003",
        )
    ]


@register
def check_people_locations(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """``CATALOG_PEOPLE_LOCATIONS`` names files that may be there: else nobody owns anything."""
    found: list[CheckMessage] = []
    for place in filter(None, map(str.strip, settings.CATALOG_PEOPLE_LOCATIONS)):
        if is_url(place):
            continue
        path = Path(place).expanduser()
        what = "cannot be read" if refusal(place) else ""
        what = what or ("" if path.is_absolute() else "is a relative path")
        if what := what or ("" if is_there(path) else "does not exist"):
            found.append(
                Warning(
                    f"CATALOG_PEOPLE_LOCATIONS: {place} {what}, so its people and groups own "
                    "nothing.",
                    hint="Write the path from / or the address as an entity's page shows it.",
                    id="catalog.W004",
                )
            )
    return found


@register
def check_reading_allow(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """``CATALOG_READING_ALLOW`` holds host names and absolute folders."""
    return [
        Error(
            f"CATALOG_READING_ALLOW: {entry} is neither a host nor an absolute folder.",
            hint="Write a host (example.com, *.example.com, example.com:8443) without https://, "
            "or a path from /.",
            id="catalog.E003",
        )
        for entry in map(str.strip, settings.CATALOG_READING_ALLOW)
        if entry and not entry.startswith("/") and not _HOST.fullmatch(entry)
    ]


@register
def check_hosts(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """``CATALOG_GIT_HOSTS`` and ``CATALOG_HOST_TOKENS`` are of the form ``host=value``."""
    found: list[CheckMessage] = []
    for name, example in (
        ("CATALOG_GIT_HOSTS", "ghe.example.com=github"),
        ("CATALOG_HOST_TOKENS", "github.com=...token..."),
    ):
        for number, entry in enumerate(getattr(settings, name), start=1):
            host, _, value = entry.partition("=")
            if _HOST_AND_PORT.fullmatch(host.strip()) and value.strip():
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
def check_refresh_token(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """``CATALOG_REFRESH_TOKEN`` is hard to guess."""
    if not 0 < len(settings.CATALOG_REFRESH_TOKEN) < _SHORTEST_TOKEN:
        return []
    return [
        Warning(
            f"CATALOG_REFRESH_TOKEN is shorter than {_SHORTEST_TOKEN} characters.",
            hint="Make a longer one: python -c 'import secrets; print(secrets.token_hex(32))'",
            id="catalog.W002",
        )
    ]


@register
def check_registered_kinds(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """``CATALOG_REGISTERED_KINDS`` names kinds that exist, and at least one."""
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
