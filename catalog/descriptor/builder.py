"""One document's value, built from libyaml's events without recursion. Pure.

What is refused here: duplicate keys, aliases to nothing, to themselves or to too much, nesting
too deep, and text that continues left of its block.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from catalog.descriptor.scalars import js_key, resolve

try:
    from yaml._yaml import CParser
except ImportError as exc:  # pragma: no cover - depends on the installation
    raise ImportError("PyYAML lacks libyaml: install its wheel, not the pure package") from exc

Path = tuple[str | int, ...]
Positions = dict[Path, tuple[int, int]]
Lines = dict[str, int]


def _unwatched() -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a file may cost to read.

    Attributes:
        max_bytes: Size of one file, in bytes of UTF-8.
        max_documents: Documents in one file.
        max_depth: Levels of nesting in one document.
        max_expanded: What the aliases of one document may add, in characters, a node counting 16.
        max_characters: Length of one document; a longer one ends the reading with a
            :class:`DocumentTooLongError`. None: as long as the file.
        watch: Called before each document and now and then within it. What it raises ends the
            reading.
    """

    max_bytes: int = 10 * 1024 * 1024
    max_documents: int = 10_000
    max_depth: int = 100
    max_expanded: int = 10_000_000
    max_characters: int | None = None
    watch: Callable[[], None] = field(default=_unwatched, repr=False, compare=False)


DEFAULT_LIMITS = Limits()


class DocumentTooLongError(Exception):
    """A document is longer than ``Limits.max_characters``."""


class YamlError(ValueError):
    """The text is not YAML that the catalog reads.

    Attributes:
        message: A sentence about the text, so it begins with a capital letter.
        line: 1-based.
        column: 1-based.
        hint: What to do about it; may be empty.
    """

    def __init__(self, message: str, line: int = 1, column: int = 1, hint: str = "") -> None:
        self.message = f"{message[:1].upper()}{message[1:]}"
        super().__init__(self.message)
        self.line = line
        self.column = column
        self.hint = hint


# Characters that libyaml refuses or takes for line breaks, and the format's own reader for text.
FOREIGN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)")
_ANY_FOREIGN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SHELTER = 0x100000
_UNSHELTER = {
    _SHELTER + code: code
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)
}


def has_foreign(text: str) -> bool:
    """Whether the text holds a character that libyaml would trip over."""
    return _ANY_FOREIGN.search(text) is not None and FOREIGN.search(text) is not None


def sheltered(character: str) -> str:
    """The private character that stands for one that libyaml would trip over."""
    return chr(_SHELTER + ord(character))


_NODE_COST = 16
# Events of the parser from one call of ``Limits.watch`` to the next: some hundredths of a second.
_WATCHED = 4096
# What is no word may be a line of a file that is no descriptor: an error does not repeat it.
_WORD = re.compile(r"[A-Za-z0-9_.\-/]{1,63}")
# How many collections are open where metadata.annotations begins: the document and metadata.
_ANNOTATIONS_DEPTH = 2
# How many are open, at most, where a reference to another entity begins: in a list of spec.
_REFERENCE_DEPTH = 3


class _Frame:
    """A collection under construction."""

    __slots__ = (
        "anchor",
        "block_indent",
        "cost",
        "flow_line",
        "foreign",
        "is_placed",
        "key",
        "lines",
        "path",
        "value",
    )

    def __init__(self, value: dict[str, Any] | list[Any], event: Any, block_indent: int) -> None:
        self.value = value
        self.anchor: str | None = event.anchor
        self.cost = _NODE_COST
        self.block_indent = block_indent
        self.is_placed = True  # False until its first key tells where the block stands
        self.flow_line = -1  # first line of the outermost flow collection, on its frame only
        self.key: str | None = None
        self.lines: Lines | None = None  # of its keys, where they are to be told
        # Keys not written as strings: `1` and `"1"` are two keys in YAML, and the last one wins.
        self.foreign: set[tuple[bool, str]] | None = None
        self.path: Path | None = None  # where its positions are to be told


class Builder:
    """Builds one document's value from libyaml's events with an explicit stack.

    Args:
        text: The document.
        limits: What it may cost.
        positions: Takes the position of every path. None: only those that references to other
            entities can have are noted.
        is_sheltered: Whether private characters stand for others in the text.
    """

    def __init__(
        self, text: str, limits: Limits, positions: Positions | None, *, is_sheltered: bool
    ) -> None:
        self.text = text
        self.limits = limits
        self.is_whole = positions is not None
        self.positions: Positions = {} if positions is None else positions
        self.is_sheltered = is_sheltered
        self.stack: list[_Frame] = []
        self.anchors: dict[str, tuple[Any, int] | None] = {}
        self.expanded = 0
        self.root: Any = None
        self.annotation_lines: Lines = {}  # where each key of metadata.annotations stands, 1-based
        self._anchored: dict[str, Lines] = {}
        self._lines: list[str] | None = None

    def run(self) -> None:
        """Read the text to its end, into ``root``.

        Raises:
            YamlError: A rule of this module is broken.
            DocumentTooLongError: The text is longer than the limits allow.
            yaml.YAMLError: libyaml cannot read the text.
        """
        self.limits.watch()
        most = self.limits.max_characters
        if most is not None and len(self.text) > most:
            raise DocumentTooLongError
        parser = CParser(self.text)
        count = 0
        try:
            while (event := parser.get_event()) is not None:
                count += 1
                if not count % _WATCHED:
                    self.limits.watch()
                kind = type(event)
                if kind is yaml.ScalarEvent:
                    self._scalar(event)
                elif kind is yaml.MappingStartEvent:
                    self._open({}, event)
                elif kind is yaml.SequenceStartEvent:
                    self._open([], event)
                elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                    self._close(event)
                elif kind is yaml.AliasEvent:
                    self._alias(event)
        finally:
            parser.dispose()

    def _scalar(self, event: Any) -> None:
        text = event.value
        if self.is_sheltered:
            text = text.translate(_UNSHELTER)
        style = event.style
        if style == '"' or style == "'":
            end = event.end_mark
            if self.text[end.index] == "#":
                raise _stuck(end)
            if end.line != event.start_mark.line:
                self._check_quoted(event)
        value = resolve(text, event.tag) if style == "" or event.tag else text
        cost = _NODE_COST + len(text)
        if event.anchor:
            self.anchors[event.anchor] = (value, cost)
        self._add(value, cost, event.start_mark)

    def _open(self, value: dict[str, Any] | list[Any], event: Any) -> None:
        mark = event.start_mark
        stack = self.stack
        if len(stack) >= self.limits.max_depth:
            raise YamlError(
                f"nested more than {self.limits.max_depth} levels deep",
                mark.line + 1,
                mark.column + 1,
                "a descriptor needs no such depth",
            )
        indent = stack[-1].block_indent if stack else -1
        # A tag or an anchor starts the collection where it stands, which may be the parent's line.
        is_placed = event.anchor is None and event.tag is None
        is_own = is_placed and not event.flow_style
        frame = _Frame(value, event, mark.column if is_own else indent)
        frame.is_placed = is_placed or event.flow_style
        if event.flow_style and not any(f.flow_line >= 0 for f in stack):
            frame.flow_line = mark.line
        if self.is_whole or not stack or self._may_hold_reference():
            frame.path = self._place(mark)
        if event.anchor:
            self.anchors[event.anchor] = None  # open: an alias to it would never end
            frame.lines = self._anchored[event.anchor] = {}
        if len(stack) == _ANNOTATIONS_DEPTH and self._is_at_annotations():
            frame.lines = self.annotation_lines = frame.lines or {}
        stack.append(frame)

    def _is_at_annotations(self) -> bool:
        return [frame.key for frame in self.stack] == ["metadata", "annotations"]

    def _may_hold_reference(self) -> bool:
        return len(self.stack) <= _REFERENCE_DEPTH and self.stack[0].key == "spec"

    def _close(self, event: Any) -> None:
        frame = self.stack.pop()
        if frame.flow_line >= 0:
            end = event.end_mark
            if self.text[end.index] == "#":
                raise _stuck(end)
            if frame.flow_line < end.line:
                self._check_flow(frame, end)
        if frame.anchor:
            self.anchors[frame.anchor] = (frame.value, frame.cost)
        self._add(frame.value, frame.cost, None)

    def _alias(self, event: Any) -> None:
        mark = event.start_mark
        try:
            target = self.anchors[event.anchor]
        except KeyError:
            named = f"alias *{event.anchor}" if _WORD.fullmatch(event.anchor) else "an alias"
            raise YamlError(
                f"{named} refers to nothing above it",
                mark.line + 1,
                mark.column + 1,
                "quote the value if it is meant to start with an asterisk",
            ) from None
        if target is None:
            raise YamlError(
                f"alias *{event.anchor} refers to itself", mark.line + 1, mark.column + 1
            )
        value, cost = target
        if len(self.stack) == _ANNOTATIONS_DEPTH and self._is_at_annotations():
            self.annotation_lines = self._anchored.get(event.anchor, {})
        self.expanded += cost
        if self.expanded > self.limits.max_expanded:
            raise YamlError(
                "the aliases expand to too much data",
                mark.line + 1,
                mark.column + 1,
                "write the values out, or use fewer aliases",
            )
        self._add(value, cost, mark)

    def _add(self, value: Any, cost: int, mark: Any) -> None:
        if not self.stack:
            self.root = value
            return
        frame = self.stack[-1]
        frame.cost += cost
        container = frame.value
        if isinstance(container, list):
            if mark is not None and frame.path is not None:
                self._place(mark)
            container.append(value)
        elif frame.key is None:
            self._add_key(frame, container, value, mark)
        else:
            if mark is not None and frame.path is not None:
                path = (*frame.path, frame.key)
                if value is not None and value != "":
                    self.positions[path] = (mark.line + 1, mark.column + 1)
            container[frame.key] = value
            frame.key = None

    def _add_key(self, frame: _Frame, container: dict[str, Any], value: Any, mark: Any) -> None:
        if type(value) is str:
            key, foreign = value, frame.foreign
            repeated = key in container and not (
                foreign and ((False, key) in foreign or (True, key) in foreign)
            )
        else:
            key = js_key(value)
            foreign = frame.foreign = frame.foreign or set()
            ident = (isinstance(value, bool), key)
            repeated = ident in foreign and not isinstance(value, dict | list)
            foreign.add(ident)
        if repeated:
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            named = f"the key {key!r}" if _WORD.fullmatch(key) else "a key"
            raise YamlError(
                f"{named} appears twice in the same block",
                line,
                column,
                "keep one of them",
            )
        frame.key = key
        if not frame.is_placed and mark is not None:
            frame.block_indent, frame.is_placed = mark.column, True
        if frame.lines is not None and mark is not None:
            frame.lines[key] = mark.line + 1
        if frame.path is not None and mark is not None:
            self.positions[(*frame.path, key)] = (mark.line + 1, mark.column + 1)

    def _place(self, mark: Any) -> Path:
        """The path of the value that starts here; a list item's position is its own."""
        if not self.stack:
            self.positions[()] = (mark.line + 1, mark.column + 1)
            return ()
        frame = self.stack[-1]
        assert frame.path is not None  # noqa: S101 - for the type checker, callers look first
        if isinstance(frame.value, list):
            path: Path = (*frame.path, len(frame.value))
            self.positions[path] = (mark.line + 1, mark.column + 1)
            return path
        return (*frame.path, frame.key if frame.key is not None else "")

    def _line(self, number: int) -> str:
        if self._lines is None:
            self._lines = self.text.split("\n")
        return self._lines[number].rstrip("\r") if number < len(self._lines) else ""

    def _check_quoted(self, event: Any) -> None:
        """Refuse quoted text that continues left of its block, which libyaml lets pass."""
        needed = (self.stack[-1].block_indent if self.stack else -1) + 1
        for number in range(event.start_mark.line + 1, event.end_mark.line + 1):
            line = self._line(number)
            if line.strip(" ") and len(line) - len(line.lstrip(" ")) < needed:
                raise YamlError(
                    "quoted text continues left of the block it belongs to",
                    number + 1,
                    1,
                    f"indent it by at least {needed} spaces, or close the quote",
                )

    def _check_flow(self, frame: _Frame, end: Any) -> None:
        """Refuse brackets that continue left of their block, which libyaml lets pass."""
        needed = frame.block_indent + 1
        for number in range(frame.flow_line + 1, end.line + 1):
            line = self._line(number)
            rest = line.lstrip(" ")
            indent = len(line) - len(rest)
            closes = number == end.line and end.column == needed and rest[:1] in "]}"
            if rest.strip() and indent < needed and not rest.startswith("#") and not closes:
                raise YamlError(
                    "text in brackets continues left of the block it belongs to",
                    number + 1,
                    1,
                    f"indent it by at least {needed} spaces",
                )


def _stuck(end: Any) -> YamlError:
    """The error of a comment right after a quote or bracket, which libyaml lets pass."""
    return YamlError(
        "a comment needs a space before it", end.line + 1, end.column + 1, "put a space before '#'"
    )
