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
    filling = None if resolve is None else _Filling(resolve)
    kept = value if filling is None else filling.filled(value)
    check = _Filling(_stand_in)
    checked = check.filled(kept)
    if filling is None:
        return Filled(kept, checked, check.refused)
    return Filled(kept, checked, check.refused, filling.unread, filling.brought)


def _has_placeholder(value: Any) -> bool:
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in PLACEHOLDERS:
            return True
        return any(map(_has_placeholder, value.values()))
    return isinstance(value, list) and any(map(_has_placeholder, value))


class _Filling:
    """Fills in the placeholders of one document.

    Attributes:
        refused: Those that are not followed by the name of a file.
        unread: Those whose target could not be read.
        brought: As of :class:`Filled`.
    """

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self.refused: list[Breach] = []
        self.unread: list[Breach] = []
        self.brought: dict[Path, str] = {}

    def filled(self, value: Any, path: Path = ()) -> Any:
        """A copy of the value at this path with its placeholders filled in."""
        if isinstance(value, list):
            return [self.filled(item, (*path, number)) for number, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        is_placeholder = len(value) == 1 and next(iter(value)) in PLACEHOLDERS
        if is_placeholder:
            return value if path in LITERAL else self._replaced(value, path)
        if any(key.startswith("$") for key in value):
            return value
        return {key: self.filled(item, (*path, key)) for key, item in value.items()}

    def _replaced(self, value: dict[str, Any], path: Path) -> Any:
        """The value that replaces one placeholder; itself where there is none."""
        ((key, target),) = value.items()
        if not isinstance(target, str):
            message = f"{key} is not followed by the name of a file"
            self.refused.append(Breach((*path, key), message, "write ./file or a URL"))
            return value
        try:
            found = self._resolve(key, target)
        except PlaceholderError as exc:
            hint = "what is written here is kept until it can be read"
            self.unread.append(Breach(path, str(exc), hint))
            return value
        if key not in TEXTS:
            self.brought[path] = f"{key} {target}"
        return found


def _stand_in(key: str, target: str) -> Any:
    return target if key in TEXTS else {key: target}
