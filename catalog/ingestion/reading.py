"""From roots to valid documents: reads every file, follows Locations, keeps what it finds on disk.

Nothing here touches the database, so that no transaction waits for a network or a parser. What
was read waits in a temporary file: a hundred thousand entities need no memory of their own.
"""

import hashlib
import json
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self
from urllib.parse import urljoin

from catalog.descriptor import Document, Problem, iter_parse
from catalog.ingestion.placeholders import resolver
from catalog.ingestion.report import Issue, Notice
from catalog.ingestion.sources import Reader, Root, SourceError, is_url, without_user

MAX_LOCATION_DEPTH = 10
_MAX_PROBLEMS = 100


class Claim(NamedTuple):
    """One valid document, as it waits to be written.

    Attributes:
        number: Its number in this reading.
        root: Index of the root it was found under.
        source: Path or address of its file.
        line: 1-based line of its first content.
        document: 0-based number in its file.
        digest: SHA-256 (hex) of the descriptor.
        relations: Pairs of type and target.
    """

    number: int
    ref: str
    root: int
    source: str
    line: int
    document: int
    digest: str
    descriptor: dict[str, Any]
    relations: list[list[str]]


class Place(NamedTuple):
    """Where a document of a reference was found."""

    number: int
    source: str
    line: int


def _spool() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8")


@dataclass(slots=True)
class Reading:
    """Everything that one run read; a context manager, since what is put by is a file.

    Attributes:
        places: Where each valid reference was found, in reading order.
        refused_refs: References with a refused document: their entities are never pruned.
        broken_sources: Files with a refused document that has no reference: neither are theirs.
        incomplete_roots: Indexes of roots of which something could not be read.
    """

    roots: Sequence[Root]
    places: dict[str, list[Place]] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    refused_refs: set[str] = field(default_factory=set)
    broken_sources: set[str] = field(default_factory=set)
    incomplete_roots: set[int] = field(default_factory=set)
    _file: IO[str] = field(default_factory=_spool, repr=False)
    _count: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def keep(self, root: int, source: str, document: Document) -> None:
        """Put a valid document by."""
        ref = str(document.ref)
        relations = [[relation.type, relation.target] for relation in document.relations]
        claim = Claim(
            self._count,
            ref,
            root,
            source,
            document.line,
            document.index,
            digest_of(document.data),
            document.data,
            relations,
        )
        self.places.setdefault(ref, []).append(Place(self._count, source, document.line))
        self._count += 1
        self._file.write(json.dumps(claim, ensure_ascii=False) + "\n")

    def refuse(self, source: str, document: Document) -> None:
        """Note a refused document."""
        ref = str(document.ref) if document.ref else ""
        if ref:
            self.refused_refs.add(ref)
        else:
            self.broken_sources.add(source)
        self.issues.append(
            Issue(
                file=source,
                document=document.index,
                ref=ref,
                problems=document.problems[:_MAX_PROBLEMS],
            )
        )

    def claims(self) -> Iterator[Claim]:
        """Every document that was put by, in reading order."""
        self._file.seek(0)
        for line in self._file:
            yield Claim(*json.loads(line))


def digest_of(descriptor: dict[str, Any]) -> str:
    """SHA-256 (hex) of a descriptor, whatever the order of its keys."""
    text = json.dumps(descriptor, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class _Origin:
    """The Location document that asked for a file; None of it for a file of a root."""

    file: str
    document: Document
    is_optional: bool


class _Pending(NamedTuple):
    address: str
    depth: int
    origin: _Origin | None


def read_roots(reader: Reader, reading: Reading, *, on_document: Callable[[int], object]) -> None:
    """Read every root to its end; what cannot be read is an issue, never an exception.

    Args:
        reader: Reads within what is allowed.
        reading: Has the roots, and takes what is found: each file once, under the first root
            that leads to it.
        on_document: Called with 1 after each document.
    """
    visited: set[str] = set()
    for number, root in enumerate(reading.roots):
        try:
            addresses = reader.addresses(root)
        except SourceError as exc:
            _note(reading, number, root.target, exc)
            continue
        queue = deque(_Pending(address, 0, None) for address in addresses)
        while queue:
            pending = queue.popleft()
            key = pending.address
            if not is_url(key):
                key = str(Path(key).resolve())
            if key in visited:
                continue
            visited.add(key)
            found = _read_file(reader, reading, number, pending, on_document)
            queue.extendleft(reversed(found))


def _note(
    reading: Reading, root: int, file: str, exc: SourceError, origin: _Origin | None = None
) -> None:
    """Record a source that could not be read, at the line that asked for it."""
    if origin is not None and origin.is_optional and exc.is_missing:
        return
    reading.incomplete_roots.add(root)
    if origin is None:
        problem = Problem(
            line=exc.line or 0,
            column=1 if exc.line else 0,
            path="",
            message=str(exc),
            hint=exc.hint,
        )
        reading.issues.append(Issue(file=file, problems=[problem]))
        return
    problem = Problem(
        line=origin.document.line,
        column=1,
        path="spec.target",
        message=f"{file}: {exc}",
        hint=exc.hint,
    )
    reading.issues.append(
        Issue(
            file=origin.file,
            document=origin.document.index,
            ref=str(origin.document.ref),
            problems=[problem],
        )
    )


def _read_file(
    reader: Reader,
    reading: Reading,
    number: int,
    pending: _Pending,
    on_document: Callable[[int], object],
) -> list[_Pending]:
    root, address = reading.roots[number], pending.address
    # Only what an operator's folder or glob turned up is held inside it.
    inside = root.folder if pending.origin is None else None
    try:
        text = reader.read(address, inside=inside)
    except SourceError as exc:
        _note(reading, number, address, exc, pending.origin)
        return []
    found: list[_Pending] = []
    resolve = resolver(reader, root, address)
    for document in iter_parse(text, limits=reader.limits, resolve=resolve):
        on_document(1)
        for warning in document.warnings:
            reading.notices.append(
                Notice(
                    file=address,
                    line=warning.line,
                    ref=str(document.ref or ""),
                    message=f"{warning.path}: {warning.message}",
                    hint=warning.hint,
                )
            )
        if document.problems:
            reading.refuse(address, document)
        elif document.is_valid:
            reading.keep(number, address, document)
            if document.data["kind"] == "Location":
                found += _targets(reader, reading, number, pending, document)
    return found


def _targets(
    reader: Reader, reading: Reading, number: int, pending: _Pending, document: Document
) -> list[_Pending]:
    """The files that a Location document points to."""
    spec = document.data["spec"]
    targets = [spec["target"]] if "target" in spec else []
    targets += spec.get("targets", [])
    origin = _Origin(pending.address, document, spec.get("presence") == "optional")
    found: list[_Pending] = []
    for target in targets:
        try:
            found += [
                _Pending(address, pending.depth + 1, origin)
                for address in _addresses(reader, pending, spec.get("type"), target)
            ]
        except SourceError as exc:
            _note(reading, number, target, exc, origin)
    return found


def _addresses(reader: Reader, pending: _Pending, kind: str | None, target: str) -> list[str]:
    """Where one target leads, relative to the file it stands in."""
    base = pending.address
    if pending.depth >= MAX_LOCATION_DEPTH:
        raise SourceError(f"Locations lead to Locations {MAX_LOCATION_DEPTH} times over")
    if kind not in (None, "file", "url"):
        raise SourceError(
            f"locations of type {kind} are not read", "use type file or url, or name the files"
        )
    if is_url(base):
        if kind == "file":
            raise SourceError("a Location read from an address cannot point to files on disk")
        url = urljoin(base, target)
        if not is_url(url):
            raise SourceError("only http and https addresses are read")
        return [without_user(url)]
    if is_url(target):
        return [without_user(target)]
    if kind == "url":
        raise SourceError("is not an http or https address")
    return reader.addresses(Root("file", str(Path(base).parent / target)))
