"""YAML text to JSON-like values, document by document, with limits and positions. Pure.

Reads YAML 1.2 as the catalog format's own reader does: the core schema (``no`` is a string, dates
are strings, ``014`` is fourteen), no merge keys, duplicate keys are errors. Scanning is libyaml's;
values are built here from its events, without recursion, so that neither depth nor aliases can
take the process down.

Source: https://yaml.org/spec/1.2.2/#103-core-schema
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import yaml

from catalog.descriptor.builder import (
    DEFAULT_LIMITS,
    FOREIGN,
    Builder,
    DocumentTooLongError,
    Limits,
    Lines,
    Path,
    Positions,
    YamlError,
    has_foreign,
    sheltered,
)
from catalog.descriptor.repairs import repair

__all__ = [
    "DEFAULT_LIMITS",
    "DocumentTooLongError",
    "Limits",
    "Path",
    "Positions",
    "RawDocument",
    "YamlError",
    "decode",
    "read",
]


_TEMPLATE_MARKS = re.compile(r"\{\{|\$\{|\{%|<%")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawDocument:
    """One document of a stream.

    Attributes:
        index: 0-based number in the file.
        line: 1-based line of its first content.
        value: What it holds; None for an empty one.
        error: Why it cannot be read, or None.
        annotation_lines: 1-based line of each key of ``metadata.annotations``, as far as it is
            written in the document itself.
        reference_places: Line and column (1-based) of every path that a reference to another
            entity can have, and perhaps of others.
        places: Line and column (1-based) of every path, where they are known already.
    """

    index: int
    line: int
    value: Any
    error: YamlError | None
    annotation_lines: Lines
    reference_places: Positions
    _text: str
    _offset: int
    _limits: Limits = DEFAULT_LIMITS
    places: Positions | None = None

    @property
    def undecoded(self) -> tuple[int, int] | None:
        """Line and column (1-based) of the first character that was not UTF-8, or None."""
        at = self._text.find("\ufffd")
        if at < 0:
            return None
        return self._offset + self._text.count("\n", 0, at) + 1, at - self._text.rfind("\n", 0, at)

    def says(self, text: str) -> bool:
        """Whether a text stands anywhere in the document."""
        return text in self._text

    @property
    def has_template_marks(self) -> bool:
        """Whether the document has what a template fills in."""
        return _TEMPLATE_MARKS.search(self._text) is not None

    def positions(self) -> Positions:
        """Line and column (1-based) of every path; reads the document a second time."""
        if self.places is not None:
            return self.places
        found: Positions = {}
        with suppress(YamlError):  # what comes before an error has its position
            _build(self._text, self._limits, found)
        return _shifted(found, self._offset)


def _shifted(places: Positions, offset: int) -> Positions:
    return {path: (line + offset, column) for path, (line, column) in places.items()}


_MARKER = re.compile(r"^(---|\.\.\.)(?=[ \t\r\n]|\Z)", re.MULTILINE)
_CONTENT = re.compile(r"^(?!%)[ \t]*[^ \t\r\n#]", re.MULTILINE)
_FIRST = re.compile(
    r"^(?:---[ \t]+(?=[^ \t\r\n#])|(?!---(?:\s|\Z)|%)[ \t]*(?=[^ \t\r\n#]))", re.MULTILINE
)
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")


_WIDE = (b"\xff\xfe", b"\xfe\xff")


def decode(data: bytes) -> str:
    """Decode a file's bytes as UTF-8, with or without a byte order mark.

    A byte that is not UTF-8 becomes U+FFFD, as in the format's own reader: the umlaut of an old
    editor in a description is no reason to lose the entity. :func:`catalog.descriptor.parse` warns
    of it.

    Raises:
        YamlError: The file is UTF-16, of which nothing could be read.
    """
    if data.startswith(_WIDE):
        raise YamlError("the file is UTF-16, not UTF-8", hint="save the file as UTF-8")
    return data.decode("utf-8-sig", "replace")


def read(text: str, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[RawDocument]:
    """Read a stream one document at a time; a broken document leaves the others alone.

    Args:
        text: The whole stream; a byte order mark is passed over.
        limits: What it may cost.

    Yields:
        Each document, empty ones too, in order.

    Raises:
        YamlError: The stream as a whole is over a limit.
        DocumentTooLongError: A document is longer than the limits allow.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > limits.max_bytes or (
        len(text) * 4 > limits.max_bytes
        and len(text.encode("utf-8", "surrogatepass")) > limits.max_bytes
    ):
        raise YamlError(
            f"the file is larger than {limits.max_bytes:,} bytes",
            hint="split it into several files",
        )
    line, last = 0, 0
    for index, (start, end) in enumerate(_chunks(text)):
        line += text.count("\n", last, start)
        last = start
        if index >= limits.max_documents:
            raise YamlError(
                f"the file holds more than {limits.max_documents:,} documents",
                line + 1,
                hint="split it into several files",
            )
        yield _read_one(text[start:end], index, line, limits)


def _chunks(text: str) -> Iterator[tuple[int, int]]:
    """Where each document starts and ends. A marker in the first column is always a marker."""
    start, explicit = 0, False
    for marker in _MARKER.finditer(text):
        begin = marker.start()
        if explicit or marker[1] == "..." or _CONTENT.search(text, start, begin):
            yield start, begin
            start = begin
        elif marker[1] == "---" and not text[start:begin].lstrip().startswith("%"):
            start = begin  # only blank lines and comments before it
        explicit = marker[1] == "---"
        if not explicit:
            start = marker.end()
    if explicit or _CONTENT.search(text, start):
        yield start, len(text)


def _read_one(text: str, index: int, offset: int, limits: Limits) -> RawDocument:
    first = _FIRST.search(text)
    line = offset + 1 + (text.count("\n", 0, first.start()) if first else 0)
    value, error = None, None
    lines: Lines = {}
    places: Positions = {}
    try:
        built = _build(text, limits, None)
        value, lines, places = built.root, built.annotation_lines, built.positions
    except YamlError as exc:
        error = YamlError(exc.message, exc.line + offset, exc.column, exc.hint)
    return RawDocument(
        index=index,
        line=line,
        value=value,
        error=error,
        annotation_lines={key: number + offset for key, number in lines.items()},
        reference_places=_shifted(places, offset),
        _text=text,
        _offset=offset,
        _limits=limits,
    )


# Each repair reads the text anew: a large file may not ask for that a hundred times.
_FEWEST_REPAIRS, _MOST_REPAIRS, _REPAIR_BUDGET = 3, 100, 20_000_000


def _build(text: str, limits: Limits, positions: Positions | None) -> Builder:
    if bad := _FORBIDDEN.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        column = bad.start() - text.rfind("\n", 0, bad.start())
        raise YamlError(
            f"the character U+{ord(bad[0]):04X} is not allowed",
            line,
            column,
            "delete it",
        )
    is_sheltered = has_foreign(text)
    if is_sheltered:
        text = FOREIGN.sub(lambda match: sheltered(match[0]), text)
    if not text.endswith("\n"):
        text += "\n"  # a block of text at the very end keeps its line break
    for _attempt in range(max(_FEWEST_REPAIRS, min(_MOST_REPAIRS, _REPAIR_BUDGET // len(text)))):
        if positions is not None:
            positions.clear()
        try:
            builder = Builder(text, limits, positions, is_sheltered=is_sheltered)
            builder.run()
        except yaml.MarkedYAMLError as exc:
            repaired = repair(text, exc)
            if repaired is None:
                raise _plain(text, exc) from exc
            text, is_sheltered = repaired, True
        except yaml.reader.ReaderError as exc:
            raise YamlError(f"the text cannot be read: {exc.reason}") from exc
        else:
            return builder
    raise YamlError("too many tabs where spaces belong", hint="indent with spaces")


_PLAIN = (
    ("mapping values are not allowed", "a second ': ' on one line", "quote the text after the key"),
    (
        "violates indentation",
        "a tab is used for indentation",
        "indent with spaces",
    ),
    (
        "found a tab character where",
        "a tab is used for indentation",
        "indent with spaces",
    ),
    (
        "block sequence entries are not allowed",
        "a list starts on the line of its key",
        "start it on the next line, or quote the value if it is text",
    ),
    (
        "expected alphabetic or numeric character",
        "a value may not start with * or & unless it is an alias or an anchor",
        "quote the value",
    ),
    (
        "did not find expected ',' or",
        "a bracket is not closed, or a comma is missing",
        "close it, or put a comma between the items",
    ),
    (
        "cannot start any token",
        "a value may not start with this character",
        "quote the value",
    ),
    (
        "could not find expected ':'",
        "a line here is neither 'key: value' nor a list item",
        "indent the text below its key, or quote it",
    ),
    (
        "unexpected end of stream",
        "a quote or bracket is opened and never closed",
        "close it",
    ),
    (
        "unexpected document indicator",
        "a quote or bracket is still open where the next document starts",
        "close it",
    ),
    (
        "did not find expected key",
        "the line does not fit the indentation of the lines above it",
        "start every key of a block in the same column",
    ),
    (
        "did not find expected '-' indicator",
        "the line does not fit the list above it",
        "start every item of a list in the same column",
    ),
    (
        "expected <document start>",
        "there is text after the end of the document",
        "put '---' on a line of its own between documents",
    ),
    (
        "found unknown escape character",
        "a backslash in double quotes starts an unknown escape",
        "double the backslash, or use single quotes",
    ),
)


def _plain(text: str, exc: yaml.MarkedYAMLError) -> YamlError:
    """The scanner's error in plain words, the scanner's own words after them."""
    mark = exc.problem_mark or exc.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = str(exc.problem or exc.context)
    if "cannot start any token" in problem and _is_tab(text, line, column):
        problem = "violates indentation"
    for part, message, hint in _PLAIN:
        if part in problem:
            return YamlError(message, line, column, hint)
    return YamlError(problem, line, column)


def _is_tab(text: str, line: int, column: int) -> bool:
    lines = text.split("\n")
    return line <= len(lines) and lines[line - 1][column - 1 : column] == "\t"
