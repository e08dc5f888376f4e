"""Load what earlier runs stored about the roots of a run, before anything is read."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet

from catalog.descriptor import Problem
from catalog.ingestion.report import Issue
from catalog.ingestion.sources import Root
from catalog.models import Entity, ImportIssue, Location, SourceFile, file_and_line
from portal.batches import in_batches

_NOTHING: dict[str, list[str]] = {}
_NOWHERE: list[Any] = []


class KnownFile(NamedTuple):
    """A file as it was when it was last parsed: see ``SourceFile``."""

    location: int
    fingerprint: str
    etag: str
    last_modified: str
    entities: int
    includes: dict[str, list[str]]
    leads_to: list[dict[str, Any]]
    passed_over: list[int]


class ReferenceHolder(NamedTuple):
    """The file or form that the entity of a reference comes from.

    Attributes:
        source: Path or address; empty for a local entity.
        location: Primary key; None for a local entity, or once its location is unregistered.
    """

    source: str
    line: int | None
    location: int | None
    is_orphan: bool

    @property
    def is_local(self) -> bool:
        """Whether it was made in the admin."""
        return not self.source

    @property
    def is_abandoned(self) -> bool:
        """Whether nothing has its document any more, so that any document may take it."""
        return self.is_orphan or (self.location is None and not self.is_local)

    @property
    def place(self) -> str:
        """``file:line``; empty for a local entity."""
        return file_and_line(self.source, self.line)


class StoredIssue(NamedTuple):
    """An issue of an earlier run, with its row."""

    pk: int
    location: int | None
    first_seen_at: datetime
    issue: Issue


@dataclass(slots=True)
class PreviousRun:
    """A snapshot of everything that decides what must be read again.

    Attributes:
        locations: By index of the root; None for one that is new to the catalog.
        kinds: The kinds that each of them may define; none means all.
        files: By address; the files of these locations, and others below their folders.
        owners: The locations of those files, with the kinds that they may define.
        rows: How many entities, orphans not counted, the catalog has of each file.
        issues: The issues of these locations and files.
        holders: Who has the references that refused documents and conflicts are about.
    """

    locations: list[Location | None]
    kinds: list[frozenset[str]]
    files: dict[str, KnownFile] = field(default_factory=dict)
    owners: dict[int, frozenset[str]] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    issues: dict[str, list[StoredIssue]] = field(default_factory=dict)
    holders: dict[str, ReferenceHolder] = field(default_factory=dict)

    @property
    def keys(self) -> set[int]:
        """Primary keys of the locations that this run reads."""
        return {location.pk for location in self.locations if location is not None}

    def kinds_of(self, address: str, root: int) -> frozenset[str]:
        """The kinds that a file may define: the location that had it first decides."""
        known = self.files.get(address)
        return self.kinds[root] if known is None else self.owners[known.location]

    def is_whole(self, address: str) -> bool:
        """Whether the catalog has of a file what its documents say, and last good versions.

        Where it has anything else, the file is parsed each time until it has not.
        """
        known = self.files.get(address)
        return known is not None and (
            self.rows[address] == known.entities + self._kept_last_good(address)
        )

    def _kept_last_good(self, address: str) -> int:
        """How many entities of a file are only their last good version."""
        refs = {
            stored.issue.ref
            for stored in self.issues.get(address, ())
            if stored.issue.kind == ImportIssue.Kind.REFUSED and stored.issue.ref
        }
        held = (self.holders.get(ref) for ref in refs)
        return sum(
            1 for holder in held if holder and holder.source == address and not holder.is_orphan
        )


def load_previous_run(roots: Sequence[Root], allowed_kinds: Sequence[str]) -> PreviousRun:
    """Load what is known of the roots; a few queries for any number of files.

    Args:
        roots: What will be read.
        allowed_kinds: For roots that are new to the catalog.
    """
    found = {
        (location.type, location.target): location
        for location in Location.objects.filter(target__in={root.target for root in roots})
    }
    locations = [found.get((root.type, root.target)) for root in roots]
    previous = PreviousRun(
        locations=locations,
        kinds=[
            frozenset(location.allowed_kinds if location else allowed_kinds)
            for location in locations
        ],
    )
    below = Q(location_id__in=previous.keys)
    for root in roots:
        below |= Q(address=root.target)
        if root.folder is not None:
            below |= Q(address__startswith=f"{str(root.folder).rstrip('/')}/")
    found_now = _load_files(previous, below)
    while leads := _leads_of(found_now, previous):
        found_now = {}
        for batch in in_batches(leads):
            found_now |= _load_files(previous, Q(address__in=batch))
    _load_rest(previous, previous.keys)
    return previous


def load_shared_files(previous: PreviousRun, addresses: Iterable[str]) -> bool:
    """Load what is known of files that no root was known to lead to: other locations have them.

    Returns:
        Whether any is known; then the roots must be walked again.
    """
    unknown = [address for address in addresses if address not in previous.files]
    found = False
    for batch in in_batches(unknown):
        found = bool(_load_files(previous, Q(address__in=batch))) or found
    if found:
        _load_rest(previous, previous.keys)
    return found


def _load_files(previous: PreviousRun, which: Q) -> dict[str, KnownFile]:
    rows = SourceFile.objects.filter(which).order_by()
    found: dict[str, KnownFile] = {}
    for address, location, fingerprint, etag, last_modified, entities in rows.values_list(
        "address", "location_id", "fingerprint", "etag", "last_modified", "entities"
    ).iterator(chunk_size=2000):
        found[address] = KnownFile(
            location, fingerprint, etag, last_modified, entities, _NOTHING, _NOWHERE, _NOWHERE
        )
    # Few files lead anywhere; reading JSON of all of them would take longer than the rest.
    names = ("includes", "leads_to", "passed_over")
    leading = rows.exclude(includes={}, leads_to=[], passed_over=[]).values("address", *names)
    for row in leading.iterator() if found else ():
        facts = {name: row[name] for name in names}
        found[row["address"]] = found[row["address"]]._replace(**facts)
    previous.files.update(found)
    return found


def _leads_of(files: dict[str, KnownFile], previous: PreviousRun) -> list[str]:
    """The targets of Location documents in these files that are not loaded yet."""
    found = {
        address: None
        for known in files.values()
        for lead in known.leads_to
        for _path, _target, address, *_place in lead["targets"]
        if address
    }
    return [address for address in found if address not in previous.files]


def _load_rest(previous: PreviousRun, keys: set[int]) -> None:
    owners = {known.location for known in previous.files.values()} | keys
    previous.owners = {
        pk: frozenset(kinds)
        for pk, kinds in Location.objects.filter(pk__in=owners).values_list("pk", "allowed_kinds")
    }
    previous.rows = Counter(rows_of(keys))
    previous.issues.clear()
    previous.holders.clear()
    _load_issues(previous, ImportIssue.objects.filter(location_id__in=keys))
    # Of other locations, which may be far larger, only what is said of these very files.
    lent = [address for address, known in previous.files.items() if known.location not in keys]
    for batch in in_batches(lent):
        previous.rows += Counter(rows_of(owners - keys, batch))
        rows = ImportIssue.objects.filter(location_id__in=owners - keys, file__in=batch)
        _load_issues(previous, rows)
    _load_holders(previous)


def rows_of(locations: Iterable[int], sources: Sequence[str] | None = None) -> dict[str, int]:
    """How many entities, orphans not counted, each file of the locations has.

    Two queries, both within an index.

    Args:
        locations: Primary keys.
        sources: Count for these files alone; None for all.
    """
    rows = Entity.objects.filter(location_id__in=locations).order_by()
    if sources is not None:
        rows = rows.filter(source__in=sources)
    counts = dict(rows.values_list("source").annotate(Count("pk")))
    orphans = rows.filter(orphaned_at__isnull=False)
    for source, count in orphans.values_list("source").annotate(Count("pk")):
        counts[source] -= count
    return counts


def _load_issues(previous: PreviousRun, rows: QuerySet[ImportIssue]) -> None:
    for row in rows.order_by("pk").iterator():
        previous.issues.setdefault(row.file, []).append(
            StoredIssue(row.pk, row.location_id, row.first_seen_at, _issue_of(row))
        )


def _load_holders(previous: PreviousRun) -> None:
    refs = {
        stored.issue.ref
        for issues in previous.issues.values()
        for stored in issues
        if stored.issue.kind in (ImportIssue.Kind.REFUSED, ImportIssue.Kind.CONFLICT)
    }
    for batch in in_batches(sorted(refs)):
        rows = Entity.objects.filter(ref__in=batch).values_list(
            "ref", "source", "source_line", "location_id", "orphaned_at"
        )
        for ref, source, line, location, orphaned_at in rows:
            previous.holders[ref] = ReferenceHolder(source, line, location, orphaned_at is not None)


def _issue_of(row: ImportIssue) -> Issue:
    return Issue(
        kind=row.kind,
        file=row.file,
        document=row.document,
        ref=row.ref,
        holder=row.holder,
        problems=[
            Problem(
                line=message.get("line") or 0,
                column=message.get("column") or 0,
                path=message.get("path", ""),
                message=message.get("message", ""),
                hint=message.get("hint", ""),
            )
            for message in row.messages
        ],
    )
