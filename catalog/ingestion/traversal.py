"""Read every file below the roots of a run into its spool; skip the unchanged ones."""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from catalog.descriptor import Document, PassedOver, Problem, descriptors_of, iter_parse
from catalog.ingestion.fingerprints import fingerprint_of, salt_of
from catalog.ingestion.leads import Lead, TargetOrigin, UnreadableIssues
from catalog.ingestion.placeholders import Inclusions
from catalog.ingestion.previous_run import KnownFile, PreviousRun, ReferenceHolder
from catalog.ingestion.report import Issue
from catalog.ingestion.sources import Root, SourceError, SourceReader, is_url, text_of
from catalog.ingestion.spellings import without_user
from catalog.ingestion.spool import FileFacts, Spool
from catalog.ingestion.targets import address_of, targets_of
from catalog.models import ImportIssue

MAX_LOCATION_DEPTH = 10
_ASKED_AHEAD = 16


class _Pending(NamedTuple):
    address: str
    depth: int
    origin: TargetOrigin | None


class Traversal:
    """Reads every root to its end; what cannot be read is an issue, never an exception.

    Args:
        reader: Reads within what is allowed.
        previous: What is known of the files; one that is as it was is not parsed.
        spool: Has the roots, and takes what is found: each file once.
        on_document: Called with how many more documents are done.
    """

    def __init__(
        self,
        reader: SourceReader,
        previous: PreviousRun,
        spool: Spool,
        on_document: Callable[[int], object],
    ) -> None:
        self._reader = reader
        self._previous = previous
        self._spool = spool
        self._on_document = on_document
        self._salts: dict[frozenset[str], str] = {}
        self._names: dict[str, str] = {}
        self._leads: dict[str, Sequence[Lead]] = {}
        self._failures: dict[str, SourceError] = {}
        self._unreadable = UnreadableIssues(spool.issues)

    def read(self) -> None:
        """Read all roots, then once more the files that lost a reference which is free now."""
        for number, root in enumerate(self._spool.roots):
            self._reader.remote.begin_root()
            self._read_root(number, root)
            if count := self._reader.remote.not_asked:
                self._spool.notes[root.target] = (
                    f"{count:,} {'target was' if count == 1 else 'targets were'} not asked for: "
                    "hosts that cannot be reached took the time that a location has for them"
                )
        self._reparse_conflicts()
        self._report_unparsed()

    def _read_root(self, number: int, root: Root) -> None:
        try:
            addresses = self._reader.addresses(root)
        except SourceError as exc:
            self._spool.reach(root.target, number)
            self._note(number, root.target, exc, None)
            self._lose(root.target, exc, None)
            return
        visited: set[str] = set()
        queue = deque(_Pending(address, 0, None) for address in addresses)
        while queue:
            self._ask_ahead(number, queue)
            pending = queue.popleft()
            key = self._reader.key(pending.address)
            address = self._names.setdefault(key, pending.address)
            failure = self._failures.get(key)
            if failure is None and key in visited:
                continue
            is_read = address in self._spool.reached
            self._spool.reach(address, number)
            if not is_read:
                inside = root.folder if pending.origin is None else root.room
                try:
                    order = len(self._spool.reached)
                    is_found = pending.origin is None and root.folder is not None
                    self._read_file(number, address, inside, order, is_found=is_found)
                except SourceError as exc:
                    failure = self._failures[key] = exc
                    self._lose(address, exc, pending.origin)
            if failure is not None and not self._note(
                number, pending.address, failure, pending.origin
            ):
                self._spool.forget(address)
            if key in visited:
                continue
            visited.add(key)
            leads = self._leads.get(address)
            if leads:
                queue.extendleft(reversed(self._follow(number, address, pending.depth, leads)))

    def _note(self, root: int, file: str, exc: SourceError, origin: TargetOrigin | None) -> bool:
        """Record a source that could not be read, at the line that asked for it.

        Returns:
            False for one that need not be there and is not.
        """
        if origin is not None and origin.lead["optional"] and exc.is_missing:
            return False
        self._spool.incomplete_roots.add(root)
        self._unreadable.add(root, file, exc, origin)
        return True

    def _ask_ahead(self, number: int, queue: deque[_Pending]) -> None:
        """Have remote files read while others are parsed."""
        if self._reader.remote.is_patience_over:
            return
        for pending in islice(queue, _ASKED_AHEAD if is_url(queue[0].address) else 0):
            address = pending.address
            if is_url(address) and address not in self._spool.reached:
                known, _salt = self._usable(address, number)
                marks = (known.etag, known.last_modified) if known else ()
                self._reader.remote.ask_for(address, *marks)

    def _usable(self, address: str, number: int) -> tuple[KnownFile | None, str]:
        """What is known of a file, if it need not be parsed when its bytes are as they were."""
        known = self._previous.files.get(address)
        salt = self._salt(self._previous.kinds_of(address, number))
        if known and known.fingerprint.startswith(salt) and self._previous.is_whole(address):
            return known, salt
        return None, salt

    def _lose(self, address: str, exc: SourceError, origin: TargetOrigin | None) -> None:
        """Tell what is not there from what is unknown; the latter leads where it led before."""
        folder = None if is_url(address) else Root("file", address).folder
        known = self._previous.files.get(address)
        # What an operator named and is not there was a folder unless it is known as a file.
        is_folder = origin is None and known is None and folder is None and not is_url(address)
        leading = origin.file if origin else ""
        if exc.is_missing and not is_folder and self._reader.is_certain(address, leading):
            self._spool.missing.add(address)
            return
        self._spool.unread.add(str(folder or address))
        if known is not None and known.leads_to:
            self._leads[address] = known.leads_to

    def _read_file(
        self,
        number: int,
        address: str,
        inside: Path | None,
        order: int,
        *,
        is_found: bool = False,
        is_forced: bool = False,
    ) -> None:
        """Read one file: skip it if it is unchanged, else parse each document.

        What a folder turned up and never was a descriptor may be a file of another system.
        """
        kinds = self._previous.kinds_of(address, number)
        known, salt = self._usable(address, number)
        inclusions = Inclusions(self._reader, self._spool.roots[number], address)
        if known is None or is_forced:
            found = self._reader.load(address, inside=inside)
        else:
            found = self._reader.load(
                address, inside=inside, etag=known.etag, last_modified=known.last_modified
            )
            is_same = found.data is None or fingerprint_of(salt, found.data) == known.fingerprint
            if is_same and (not known.includes or inclusions.are_unchanged(known.includes)):
                self._leave(address, known)
                return
            if found.data is None:
                found = self._reader.load(address, inside=inside)
        data = found.data or b""
        text = text_of(data)
        self._spool.parsed[address] = order
        is_new = is_found and not self._previous.rows[address]
        passed_over = PassedOver() if is_new else None
        leads = self._parse(address, text, kinds, inclusions, passed_over)
        self._spool.pass_over(address, passed_over)
        if leads:
            self._leads[address] = leads
        self._spool.remember(
            FileFacts(
                address,
                fingerprint_of(salt, data),
                found.etag,
                found.last_modified,
                inclusions.marks,
                leads,
                [passed_over.foreign, passed_over.skeletons] if passed_over else [],
            )
        )

    def _salt(self, kinds: frozenset[str]) -> str:
        if kinds not in self._salts:
            self._salts[kinds] = salt_of(kinds, self._reader.limits)
        return self._salts[kinds]

    def _leave(self, address: str, known: KnownFile) -> None:
        """Take a file as it was."""
        self._spool.unchanged[address] = None
        self._spool.pass_over(address, PassedOver(*known.passed_over))
        if known.leads_to:
            self._leads[address] = known.leads_to
        for stored in self._previous.issues.get(address, ()):
            if stored.issue.kind == ImportIssue.Kind.REFUSED:
                self._spool.protect(address, stored.issue.ref)
        self._on_document(known.entities)

    def _parse(
        self,
        address: str,
        text: str,
        kinds: frozenset[str],
        inclusions: Inclusions,
        passed_over: PassedOver | None,
    ) -> list[Lead]:
        leads: list[Lead] = []
        spool = self._spool
        documents = iter_parse(text, limits=self._reader.limits, resolve=inclusions.resolve)
        for document in descriptors_of(documents, passed_over):
            self._on_document(1)
            if document.note:
                spool.notes[address] = document.note
            if document.warnings:
                spool.warn(address, document)
            kind = document.data.get("kind") if isinstance(document.data, dict) else None
            if kinds and document.ref is not None and kind not in kinds:
                spool.refuse(address, document, [_of_foreign_kind(document, kind, kinds)])
            elif document.problems:
                spool.refuse(address, document)
            elif document.is_valid:
                spool.add(address, document)
                if kind == "Location":
                    leads.append(self._lead(address, document))
        known = self._previous.files.get(address)
        if known is not None and known.leads_to and (not kinds or "Location" in kinds):
            refs = {lead["ref"] for lead in leads}
            is_broken = address in spool.broken_sources
            # Where a refused document leads is unknown: as long as that is so, where it led.
            leads += [
                lead
                for lead in known.leads_to
                if lead["ref"] not in refs and (is_broken or lead["ref"] in spool.refused_refs)
            ]
        return leads

    def _lead(self, address: str, document: Document) -> Lead:
        """What a Location document points to, as it is remembered."""
        spec = document.data["spec"]
        kind = spec.get("type")
        return {
            "document": document.index,
            "line": document.line,
            "ref": str(document.ref),
            "type": kind,
            "optional": spec.get("presence") == "optional",
            "targets": [
                [at.path, target, self._address_or_none(address, kind, target), at.line, at.column]
                for target, at in targets_of(document)
            ],
        }

    def _address_of(self, file: str, kind: str | None, target: str) -> str:
        return address_of(file, kind, target, self._reader.allow.software)

    def _address_or_none(self, file: str, kind: str | None, target: str) -> str:
        try:
            return self._address_of(file, kind, target)
        except SourceError:
            return ""

    def _follow(self, number: int, file: str, depth: int, leads: Sequence[Lead]) -> list[_Pending]:
        """The files that the Location documents of a file point to."""
        found: list[_Pending] = []
        for lead in leads:
            for path, target, _address, *place in lead["targets"]:
                line, column = place or (lead["line"], 1)
                origin = TargetOrigin(file, lead, path, line, column)
                try:
                    _check_depth(depth)
                    address = self._address_of(file, lead["type"], target)
                    if not is_url(address):
                        self._reader.check_target(address, self._spool.roots[number])
                    found += [
                        _Pending(each, depth + 1, origin)
                        for each in self._reader.addresses(
                            Root("url" if is_url(address) else "file", address)
                        )
                    ]
                except SourceError as exc:
                    self._note(number, without_user(target), exc, origin)
        return found

    def _reparse_conflicts(self) -> None:
        """Parse the unchanged files that lost a reference to a document which may be gone."""
        losers = [
            address
            for address in self._spool.unchanged
            if any(
                stored.issue.kind == ImportIssue.Kind.CONFLICT
                and not self._is_same_conflict(stored.issue)
                for stored in self._previous.issues.get(address, ())
            )
        ]
        if not losers:
            return
        orders = {address: order for order, address in enumerate(self._spool.reached, start=1)}
        for address in losers:
            del self._spool.unchanged[address]
            number = self._spool.reached[address]
            try:
                self._read_file(number, address, None, orders[address], is_forced=True)
            except SourceError as exc:
                self._note(number, address, exc, None)

    def _is_same_conflict(self, issue: Issue) -> bool:
        """Whether a conflict is certainly as it was: the holder stands where it stood."""
        holder = self._previous.holders.get(issue.ref)
        if holder is None or holder.is_abandoned or holder.place != issue.holder:
            return False
        if holder.is_local or holder.source in self._spool.unchanged:
            return True
        return holder.source not in self._spool.parsed and not is_gone(
            holder, self._previous, self._spool
        )

    def _report_unparsed(self) -> None:
        """Report the stored issues of the files that were not parsed."""
        for address in self._spool.unchanged:
            for stored in self._previous.issues.get(address, ()):
                if stored.issue.kind == ImportIssue.Kind.WARNING:
                    self._spool.warnings.append(stored.issue)
                elif stored.issue.kind != ImportIssue.Kind.UNREADABLE:
                    self._spool.issues.append(stored.issue)


def is_gone(holder: ReferenceHolder, previous: PreviousRun, spool: Spool) -> bool:
    """Whether a file is certainly no part of the catalog any more, though an entity says it is."""
    return holder.location in previous.keys and spool.has_lost(holder.source)


def _check_depth(depth: int) -> None:
    if depth >= MAX_LOCATION_DEPTH:
        raise SourceError(f"Locations lead to Locations {MAX_LOCATION_DEPTH} times over")


def _of_foreign_kind(document: Document, kind: object, kinds: frozenset[str]) -> Problem:
    return Problem(
        line=document.line,
        column=1,
        path="kind",
        message=f"kind {kind} may not be defined here, only {', '.join(sorted(kinds))}",
        hint="whoever may change locations can add the kind to this one",
    )
