"""Placeholders such as ``$text`` in a document, and what stands there instead of them. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
    """A document with its placeholders filled in: to keep, and to check by the rules.

    Attributes:
        brought: By its path, the placeholder that a value other than text came from.
    """

    kept: Any
    checked: Any
    refused: Sequence[Breach] = ()
    unread: Sequence[Breach] = ()
    brought: Mapping[Path, str] = field(default_factory=dict)


def fill(value: Any, resolve: Resolve | None) -> Filled:
    """Fill in the placeholders of a document; without ``resolve`` none of them is read."""
    if not _has_placeholder(value):
        return Filled(value, value)
    refused: list[Breach] = []
    unread: list[Breach] = []
    filled = value
    brought: dict[Path, str] = {}
    if resolve is not None:
        filled = _filled(value, resolve, (), unread, [], brought)
    checked = _filled(filled, _stand_in, (), [], refused, {})
    return Filled(filled, checked, refused, unread, brought)


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
    brought: dict[Path, str],
) -> Any:
    def inner(value: Any, key: str | int) -> Any:
        return _filled(value, resolve, (*path, key), unread, refused, brought)

    if isinstance(value, list):
        return [inner(item, number) for number, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if path in LITERAL and len(value) == 1 and next(iter(value)) in PLACEHOLDERS:
        return value
    if not any(key.startswith("$") for key in value):
        return {key: inner(item, key) for key, item in value.items()}
    if len(value) != 1:
        return value
    if next(iter(value)) not in PLACEHOLDERS:
        return value
    return _replaced(value, resolve, path, unread, refused, brought)


def _replaced(
    value: dict[str, Any],
    resolve: Resolve,
    path: Path,
    unread: list[Breach],
    refused: list[Breach],
    brought: dict[Path, str],
) -> Any:
    """What stands in place of one placeholder; itself where nothing does."""
    ((key, target),) = value.items()
    if not isinstance(target, str):
        message = f"{key} is not followed by the name of a file"
        refused.append(Breach((*path, key), message, "write ./file or a URL"))
        return value
    try:
        found = resolve(key, target)
    except PlaceholderError as exc:
        unread.append(Breach(path, str(exc), "what is written here is kept until it can be read"))
        return value
    if key not in TEXTS:
        brought[path] = f"{key} {target}"
    return found


def _stand_in(key: str, target: str) -> Any:
    return target if key in TEXTS else {key: target}
