"""Placeholders such as ``$text`` in a document, and what stands there instead of them. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.descriptor.rules import Breach
from catalog.descriptor.yaml import Path


class PlaceholderError(ValueError):
    """A placeholder's target cannot be read; the message says why."""


Resolve = Callable[[str, str], Any]
"""Given the key of a placeholder and its target, what stands there."""

# Those that stand for a text. The format's own reader also gathers what an API's parts refer to.
TEXTS = frozenset(("$text", "$openapi", "$asyncapi"))
PLACEHOLDERS = (*sorted(TEXTS, reverse=True), "$json", "$yaml")
# What tells one entity from another is read before anything else: no other file can give it.
LITERAL = frozenset(
    (("apiVersion",), ("kind",), ("metadata",), ("metadata", "name"), ("metadata", "namespace"))
)


@dataclass(frozen=True, slots=True)
class Filled:
    """A document with its placeholders filled in: to keep, and to check by the rules."""

    kept: Any
    checked: Any
    refused: Sequence[Breach] = ()
    unread: Sequence[Breach] = ()


def fill(value: Any, resolve: Resolve | None) -> Filled:
    """Fill in the placeholders of a document; without ``resolve`` none of them is read."""
    if not _has_placeholder(value):
        return Filled(value, value)
    refused: list[Breach] = []
    unread: list[Breach] = []
    filled = value
    if resolve is not None:
        filled = _filled(value, resolve, (), unread, [])
    return Filled(filled, _filled(filled, _stand_in, (), [], refused), refused, unread)


def _has_placeholder(value: Any) -> bool:
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in PLACEHOLDERS:
            return True
        return any(map(_has_placeholder, value.values()))
    return isinstance(value, list) and any(map(_has_placeholder, value))


def _filled(
    value: Any,
    resolve: Resolve,
    path: Path,
    unread: list[Breach],
    refused: list[Breach],
) -> Any:
    if isinstance(value, list):
        return [_filled(v, resolve, (*path, n), unread, refused) for n, v in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if path in LITERAL and len(value) == 1 and next(iter(value)) in PLACEHOLDERS:
        return value
    if not any(key.startswith("$") for key in value):
        return {k: _filled(v, resolve, (*path, k), unread, refused) for k, v in value.items()}
    if len(value) != 1:
        return value
    ((key, target),) = value.items()
    if key not in PLACEHOLDERS:
        return value
    if not isinstance(target, str):
        refused.append(
            Breach(
                (*path, key),
                f"{key} is not followed by the name of a file",
                "write ./file or a URL",
            )
        )
        return value
    try:
        return resolve(key, target)
    except PlaceholderError as exc:
        unread.append(Breach(path, str(exc), "what is written here is kept until it can be read"))
        return value


def _stand_in(key: str, target: str) -> Any:
    return target if key in TEXTS else {key: target}
