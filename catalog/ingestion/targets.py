"""Where the targets of Location documents lead: addresses, paths and globs. Pure but for links."""

import os.path
from collections.abc import Mapping
from pathlib import Path

from catalog.descriptor import Document, Problem
from catalog.ingestion.repositories import raw_address, resolve
from catalog.ingestion.sources import SourceError, is_url
from catalog.ingestion.spellings import names_disk, refusal, understood, without_user


def address_of(
    file: str, kind: str | None, target: str, software: Mapping[str, str] | None = None
) -> str:
    """Where one target of a Location leads: an address, a path or a glob.

    Args:
        file: The file that the Location stands in.
        kind: Its ``spec.type``.
        target: As written.
        software: By host, see :func:`catalog.ingestion.repositories.raw_address`.

    Raises:
        SourceError: It leads nowhere that is read.
    """
    if kind not in (None, "file", "url"):
        raise SourceError(
            f"locations of type {kind} are not read", "use type file or url, or name the files"
        )
    is_of_disk = kind == "file" or names_disk(target)
    target = as_read(target)
    if is_url(file):
        if is_of_disk:
            raise SourceError("a Location read from an address cannot point to files on disk")
        if "\\" in target:
            raise SourceError("is not an address", f"write {target.replace(chr(92), '/')}")
        try:
            url = resolve(file, target, software or {})
        except ValueError as exc:
            raise SourceError("is not an address") from exc
        if not is_url(url):
            raise SourceError("only http and https addresses are read")
        return _plain(url)
    if is_url(target):
        return _plain(raw_address(target, software or {}))
    return _shortest(str(Path(file).parent / target))


def as_read(target: str) -> str:
    """The target of a descriptor as it is read, see :mod:`.spellings`.

    Raises:
        SourceError: Nothing can be read from it; the hint has what to write.
    """
    target = understood(target)
    if why := refusal(target):
        raise SourceError(*why)
    if target.startswith("~"):
        raise SourceError("~ stands for no folder here", "write the path from / or from ./")
    return target


def targets_of(document: Document) -> list[tuple[str, Problem]]:
    """The targets of a Location document, each with its place as an empty problem."""
    spec = document.data["spec"]
    paths: list[tuple[str | int, ...]] = [("spec", "target")] if "target" in spec else []
    paths += [("spec", "targets", number) for number in range(len(spec.get("targets", [])))]
    values = [spec["target"]] if "target" in spec else []
    values += spec.get("targets", [])
    return list(zip(values, document.places(paths), strict=True))


def _shortest(path: str) -> str:
    """The path without ``..``, so that all that lead to a file call it the same."""
    if ".." not in path:
        return path
    short = os.path.normpath(path)
    # Above a link to a folder there is another folder than above the link.
    return short if os.path.realpath(short) == os.path.realpath(path) else path


def _plain(url: str) -> str:
    if "*" in url.partition("?")[0]:
        raise SourceError(
            "patterns are expanded on disk only", "name each address, or read a checkout on disk"
        )
    return without_user(url)
