"""Store on disk what a run reads, until it is written.

Nothing here touches the database, so that no transaction waits for a network or a parser. What
was read waits in temporary files: a hundred thousand entities need no memory of their own.
"""

import json
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from catalog.columns import digest_of
from catalog.descriptor import Document, PassedOver, Problem, Sort
from catalog.ingestion.report import Issue
from catalog.ingestion.sources import Root

_MAX_PROBLEMS = 100
_DIGEST_BYTES = 32


class SpooledDocument(NamedTuple):
    """One valid document, as it waits to be written.

    Attributes:
        number: Its number in this run.
        source: Path or address of its file.
        line: 1-based line of its first content.
        document: 0-based number in its file.
        digest: SHA-256 (hex) of the descriptor.
        relations: Pairs of type and target.
        annotation_lines: 1-based line of each annotation that the document itself writes.
        reference_lines: 1-based line of each relation, by its key.
    """

    number: int
    ref: str
    source: str
    line: int
    document: int
    digest: str
    descriptor: dict[str, Any]
    relations: list[list[str]]
    annotation_lines: dict[str, int]
    reference_lines: dict[str, int]


class FileFacts(NamedTuple):
    """What is to be remembered of a file that was parsed: see ``SourceFile``."""

    address: str
    fingerprint: str
    etag: str
    last_modified: str
    includes: dict[str, list[str]]
    leads_to: list[dict[str, Any]]
    passed_over: list[int]


class DocumentPlace(NamedTuple):
    """The file and line of one of several documents with one reference.

    Attributes:
        number: Its number in this run.
        order: How early its file was found.
        digest: SHA-256 (hex) of the descriptor.
    """

    number: int
    order: int
    source: str
    line: int
    digest: str


def _storable(problem: Problem) -> Problem:
    """The problem without what PostgreSQL keeps in no text."""
    if "\0" not in problem.path + problem.message + problem.hint:
        return problem
    return replace(
        problem,
        path=problem.path.replace("\0", "\ufffd"),
        message=problem.message.replace("\0", "\ufffd"),
        hint=problem.hint.replace("\0", "\ufffd"),
    )


def _temporary_file() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogatepass")


@dataclass(slots=True)
class Spool:
    """Everything that one run read; a context manager, since it opens temporary files.

    Attributes:
        reached: By address, the first root that leads to a file, read or not.
        shared: By address, all roots that lead to it, where they are several.
        parsed: Addresses of the files whose documents are stored, each with how early it was
            found.
        unchanged: Addresses of the files that are as they were, in the order found.
        missing: Addresses that a root leads to where there is certainly nothing, though there
            must be.
        unread: Files that could not be read and folders that could not be listed, as they may be
            there: what is in them is unknown.
        issues: What was refused, conflicts left out: those show when it is written.
        warnings: What was taken and looks like a mistake.
        refused_refs: References with a refused document: their entities never become orphans.
        broken_sources: Files with a refused document that has no reference: nor do theirs.
        passed_over: By address, what of a file is no descriptor.
        notes: By address, what else to say of a file that was parsed.
        incomplete_roots: Indexes of roots of which something could not be read.
    """

    roots: Sequence[Root]
    reached: dict[str, int] = field(default_factory=dict)
    shared: dict[str, set[int]] = field(default_factory=dict)
    parsed: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, None] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    issues: list[Issue] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)
    refused_refs: set[str] = field(default_factory=set)
    broken_sources: set[str] = field(default_factory=set)
    passed_over: dict[str, PassedOver] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    incomplete_roots: set[int] = field(default_factory=set)
    _numbers: dict[str, int] = field(default_factory=dict, repr=False)
    _twins: dict[str, list[int]] = field(default_factory=dict, repr=False)
    _sources: list[str] = field(default_factory=list, repr=False)
    _lines: "array[int]" = field(default_factory=lambda: array("L"), repr=False)
    _digests: bytearray = field(default_factory=bytearray, repr=False)
    _documents: IO[str] = field(default_factory=_temporary_file, repr=False)
    _files: IO[str] = field(default_factory=_temporary_file, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Delete the temporary files."""
        self._documents.close()
        self._files.close()

    def reach(self, address: str, root: int) -> None:
        """Note that a root leads to a file."""
        first = self.reached.setdefault(address, root)
        if first != root:
            self.shared.setdefault(address, {first}).add(root)

    def forget(self, address: str) -> None:
        """Take back that any root leads to a file: it is not there, and need not be."""
        self.reached.pop(address, None)
        self.shared.pop(address, None)

    def roots_of(self, address: str) -> set[int]:
        """Every root that leads to a file."""
        first = self.reached.get(address)
        return self.shared.get(address) or (set() if first is None else {first})

    def has_lost(self, address: str) -> bool:
        """Whether a file of these roots is certainly no part of the catalog any more.

        That is so where there is nothing, or where everything that led to it was read and leads
        to it no more; whatever else could not be read.
        """
        if address in self.missing:
            return True
        if address in self.reached or not address:
            return False
        folder = address
        while self.unread and (cut := folder.rfind("/")) >= 0:
            if (folder[:cut] or "/") in self.unread:
                return False
            folder = folder[:cut]
        return True

    def add(self, source: str, document: Document) -> None:
        """Store a valid document."""
        ref, number = str(document.ref), len(self._sources)
        relations = [[relation.type, relation.target] for relation in document.relations]
        digest = digest_of(document.data)
        spooled = SpooledDocument(
            number,
            ref,
            source,
            document.line,
            document.index,
            digest,
            document.data,
            relations,
            document.annotation_lines,
            document.reference_lines,
        )
        first = self._numbers.setdefault(ref, number)
        if first != number:
            self._twins.setdefault(ref, [first]).append(number)
        self._sources.append(source)
        self._lines.append(document.line)
        self._digests += bytes.fromhex(digest)
        self._documents.write(json.dumps(spooled, ensure_ascii=False) + "\n")

    def refuse(self, source: str, document: Document, more: Sequence[Problem] = ()) -> None:
        """Note a refused document."""
        ref = ""
        # What a document of another system is called is nobody's to read.
        if document.ref and document.sort != Sort.FOREIGN:
            ref = str(document.ref).replace("\0", "\ufffd")
        self.protect(source, ref)
        problems = [*more, *document.problems]
        self.issues.append(
            Issue(
                file=source,
                document=document.index,
                ref=ref,
                problems=[_storable(problem) for problem in problems[:_MAX_PROBLEMS]],
                root=self.reached.get(source, 0),
            )
        )

    def pass_over(self, address: str, documents: PassedOver | None) -> None:
        """Note documents that are no descriptors."""
        if documents and (documents.foreign or documents.skeletons):
            self.passed_over[address] = documents

    def protect(self, source: str, ref: str) -> None:
        """Keep what a refused document stood for: its entity, or all of its file."""
        if ref:
            self.refused_refs.add(ref)
        else:
            self.broken_sources.add(source)

    def warn(self, source: str, document: Document) -> None:
        """Note what looks like a mistake in a document."""
        self.warnings.append(
            Issue(
                kind="warning",
                file=source,
                document=document.index,
                ref=str(document.ref or "").replace("\0", "\ufffd"),
                problems=[_storable(problem) for problem in document.warnings[:_MAX_PROBLEMS]],
                root=self.reached.get(source, 0),
            )
        )

    def remember(self, facts: FileFacts) -> None:
        """Store what the next run needs to know of a parsed file."""
        self._files.write(json.dumps(facts, ensure_ascii=False) + "\n")

    def has(self, ref: str) -> bool:
        """Whether a valid document with this reference was stored."""
        return ref in self._numbers

    def contested(self) -> dict[str, list[DocumentPlace]]:
        """The references with several documents, these in the order found."""
        return {
            ref: sorted(map(self._place, numbers), key=lambda place: (place.order, place.number))
            for ref, numbers in self._twins.items()
        }

    def _place(self, number: int) -> DocumentPlace:
        source = self._sources[number]
        digest = self._digests[number * _DIGEST_BYTES : (number + 1) * _DIGEST_BYTES]
        return DocumentPlace(number, self.parsed[source], source, self._lines[number], digest.hex())

    def documents(self) -> Iterator[SpooledDocument]:
        """Every stored document, in the order in which they were read."""
        self._documents.seek(0)
        for line in self._documents:
            yield SpooledDocument(*json.loads(line))

    def files(self) -> Iterator[FileFacts]:
        """Every file that was parsed, as it is to be remembered."""
        self._files.seek(0)
        for line in self._files:
            yield FileFacts(*json.loads(line))
