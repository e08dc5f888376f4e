"""What ``$text``, ``$openapi``, ``$asyncapi``, ``$json`` and ``$yaml`` stand for: another file.

Source: https://backstage.io/docs/features/software-catalog/descriptor-format#substitutions-in-the-descriptor-format
"""

import hashlib
import json
import os.path
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from catalog.descriptor import Limits, PlaceholderError
from catalog.descriptor.filling import TEXTS
from catalog.descriptor.yaml import read as read_yaml
from catalog.ingestion.repositories import is_same_repository, raw_address, resolve
from catalog.ingestion.sources import Root, SourceError, SourceReader, is_url, text_of
from catalog.ingestion.spellings import names_disk, without_user
from catalog.ingestion.targets import as_read


class Inclusions:
    """What the placeholders of one descriptor file stand for.

    A file's targets lie in the folder of its root, or beside it if it lies elsewhere itself; an
    address's targets on the same host or in the same repository: a descriptor cannot fetch what
    its author could not have put beside it, but for hosts that the operator names.

    Args:
        reader: Reads within what is allowed.
        root: What the operator named.
        address: The descriptor's own path or address.

    Attributes:
        marks: By address of what was asked for: digest, ETag and date of what stands there; an
            empty digest for what could not be read.
    """

    def __init__(self, reader: SourceReader, root: Root, address: str) -> None:
        self.marks: dict[str, list[str]] = {}
        self._reader = reader
        self._root = root
        self._address = address
        self._loaded: dict[str, tuple[bytes, str, str]] = {}

    def resolve(self, key: str, target: str) -> Any:
        """Read what one placeholder stands for.

        Raises:
            PlaceholderError: It cannot be read, or is not what the key says.
        """
        try:
            text = text_of(self._load(self._place(target)))
        except SourceError as exc:
            hint = f" ({exc.hint})" if exc.hint else ""
            raise PlaceholderError(f"{key} {without_user(target)}: {exc}{hint}") from exc
        return _value(key, without_user(target), text, self._reader.limits)

    def are_unchanged(self, marks: Mapping[str, Sequence[str]]) -> bool:
        """Whether everything still stands there as it did; hosts are asked for news only.

        A host that does not answer just now takes nothing away: what it said stands.
        """
        for place, (digest, etag, last_modified) in marks.items():
            try:
                found = self._reader.load(
                    place, inside=self._inside(), etag=etag, last_modified=last_modified
                )
            except SourceError as exc:
                if digest and (exc.is_missing or not is_url(place)):
                    return False
                continue
            if found.data is None:
                continue
            self._loaded[place] = (found.data, found.etag, found.last_modified)
            if hashlib.sha256(found.data).hexdigest() != digest:
                return False
        return True

    def _load(self, place: str) -> bytes:
        if place not in self._loaded:
            self.marks[place] = ["", "", ""]
            found = self._reader.load(place, inside=self._inside())
            self._loaded[place] = (found.data or b"", found.etag, found.last_modified)
        data, etag, last_modified = self._loaded[place]
        self.marks[place] = [hashlib.sha256(data).hexdigest(), etag, last_modified]
        return data

    def _place(self, target: str) -> str:
        is_of_disk = names_disk(target)
        target = as_read(target)
        if is_url(self._address):
            if is_of_disk:
                raise SourceError("an address's placeholders cannot point to files on disk")
            try:
                url = resolve(self._address, target, self._reader.allow.software)
                is_same = urlsplit(url)[:2] == urlsplit(self._address)[:2]
            except ValueError as exc:
                raise SourceError("is not an address") from exc
            if not (is_same or is_same_repository(url, self._address) or self._names_host(url)):
                raise SourceError(
                    "only files of the same host, of the same repository, and of the hosts that "
                    "CATALOG_READING_ALLOW names are read"
                )
            return url
        if is_url(target):
            url = raw_address(target, self._reader.allow.software)
            if not self._names_host(url):
                raise SourceError(
                    "only files beside the descriptor, and of the hosts that "
                    "CATALOG_READING_ALLOW names, are read"
                )
            return url
        if Path(target).is_absolute():
            raise SourceError("only files beside the descriptor are read")
        return os.path.join(os.path.dirname(self._address), target)  # noqa: PTH118, PTH120

    def _names_host(self, url: str) -> bool:
        try:
            host = urlsplit(url).hostname or ""
        except ValueError as exc:
            raise SourceError("is not an address") from exc
        return self._reader.allow.names_host(host)

    def _inside(self) -> Path | None:
        if is_url(self._address):
            return None
        own, room = Path(self._address).parent, self._root.room
        return room if room is not None and own.resolve().is_relative_to(room.resolve()) else own


def _value(key: str, target: str, text: str, limits: Limits) -> Any:
    if key in TEXTS:
        if "\0" in text:
            raise PlaceholderError(f"{key} {target}: is not text")
        return text
    try:
        if key == "$json":
            return json.loads(text, parse_constant=lambda _name: None)
        documents = list(read_yaml(text, limits=limits))
    except (ValueError, RecursionError) as exc:
        raise PlaceholderError(f"{key} {target}: cannot be read as {key[1:].upper()}") from exc
    if len(documents) != 1 or documents[0].error is not None:
        raise PlaceholderError(f"{key} {target}: must hold exactly one valid document")
    return documents[0].value
