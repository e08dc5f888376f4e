"""What ``$text``, ``$json`` and ``$yaml`` stand for: another file beside the descriptor.

Source: https://backstage.io/docs/features/software-catalog/descriptor-format#substitutions-in-the-descriptor-format
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from catalog.descriptor import PlaceholderError, Resolve
from catalog.descriptor.yaml import read as read_yaml
from catalog.ingestion.sources import Reader, Root, SourceError, is_url


def resolver(reader: Reader, root: Root, address: str) -> Resolve:
    """Make the function that reads the targets of one descriptor file.

    A file's targets lie in the folder of its root, an address's targets on the same host: a
    descriptor cannot fetch what its author could not have put beside it.

    Args:
        reader: Reads within what is allowed.
        root: What the operator named.
        address: The descriptor's own path or address.
    """

    def resolve(key: str, target: str) -> Any:
        try:
            text = _read(reader, root, address, target)
        except SourceError as exc:
            raise PlaceholderError(f"{key} {target}: {exc}") from exc
        return _value(key, target, text)

    return resolve


def _read(reader: Reader, root: Root, address: str, target: str) -> str:
    if is_url(address):
        url = urljoin(address, target)
        if urlsplit(url)[:2] != urlsplit(address)[:2]:
            raise SourceError("only files of the same host are read")
        return reader.read(url)
    if is_url(target) or Path(target).is_absolute():
        raise SourceError("only files beside the descriptor are read")
    own = Path(address).parent
    return reader.read(str(own / target), inside=root.folder or own)


def _value(key: str, target: str, text: str) -> Any:
    if key == "$text":
        if "\0" in text:
            raise PlaceholderError(f"{key} {target}: is not text")
        return text
    try:
        if key == "$json":
            return json.loads(text, parse_constant=lambda _name: None)
        documents = list(read_yaml(text))
    except (ValueError, RecursionError) as exc:
        raise PlaceholderError(f"{key} {target}: cannot be read as {key[1:].upper()}") from exc
    if len(documents) != 1 or documents[0].error is not None:
        raise PlaceholderError(f"{key} {target}: must hold exactly one valid document")
    return documents[0].value
