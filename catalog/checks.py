"""System checks of the catalog's settings, each with an id and a hint."""

import glob
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004

from catalog.ingestion.allow import Allowance
from catalog.ingestion.sources import is_url, root_of

_HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?|[0-9A-Fa-f:]+")


@register
def check_locations(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """``CATALOG_LOCATIONS`` names things that exist and that may be read."""
    allow = Allowance.from_settings()
    found: list[CheckMessage] = []
    for source in filter(None, map(str.strip, settings.CATALOG_LOCATIONS)):
        root = root_of(source)
        path = Path(root.target)
        if "://" in source and not is_url(source):
            found.append(
                Error(
                    f"CATALOG_LOCATIONS: {source} is not an http or https address.",
                    hint="Write a path, a glob, or an address that starts with https://.",
                    id="catalog.E001",
                )
            )
        elif root.type == "file" and not path.exists() and not glob.has_magic(source):
            found.append(
                Warning(
                    f"CATALOG_LOCATIONS: {root.target} does not exist.",
                    hint="Paths are relative to the folder the portal is started in.",
                    id="catalog.W001",
                )
            )
        elif root.type == "file" and path.exists() and not allow.permits_file(path.resolve()):
            found.append(
                Error(
                    f"CATALOG_LOCATIONS: {root.target} is outside CATALOG_READING_ALLOW.",
                    hint="Add its folder to CATALOG_READING_ALLOW.",
                    id="catalog.E002",
                )
            )
    return found


@register
def check_reading_allow(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """``CATALOG_READING_ALLOW`` holds host names and absolute folders."""
    return [
        Error(
            f"CATALOG_READING_ALLOW: {entry} is neither a host nor an absolute folder.",
            hint="Write a host (example.com, *.example.com) without https://, or a path from /.",
            id="catalog.E003",
        )
        for entry in map(str.strip, settings.CATALOG_READING_ALLOW)
        if entry and not entry.startswith("/") and not _HOST.fullmatch(entry)
    ]
