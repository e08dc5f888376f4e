"""Store the issues of a run: a row exists as long as the problem, and says since when."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from catalog.ingestion.previous_run import PreviousRun, StoredIssue
from catalog.ingestion.report import Issue
from catalog.ingestion.spool import Spool
from catalog.models import ImportIssue, ImportRun
from portal.batches import BATCH, in_batches

_Open = dict[tuple[str, ...], list[StoredIssue]]
# One query for all, unless they are very many; SQLite takes 250,000 parameters, PostgreSQL 65,535.
_MANY = 20_000
_FIELDS = ("location", "run", "document", "line", "holder", "messages", "last_seen_at")


def write_issues(
    found: Iterable[Issue],
    previous: PreviousRun,
    spool: Spool,
    *,
    location_of: Callable[[Issue], int],
    run: ImportRun | None,
    at: datetime,
) -> bool:
    """Bring the rows to what this run found.

    What stands of a file that was as it was still stands; what stands of a place that was not
    reached because of something else stands too, seen no later than before. Nothing is said of
    the documents of a file that is not there: that it is missing is said instead.

    Args:
        found: Everything that is wrong now.
        previous: The issues stored so far.
        spool: Says which files were reached.
        location_of: The primary key of the location an issue is kept under.
        run: The run.
        at: When (UTC).

    Returns:
        Whether any row came, went or says something else.
    """
    seen, open_ = _sort(previous, spool)
    new: list[ImportIssue] = []
    changed: list[ImportIssue] = []
    for issue in found:
        if _is_unparsed(issue, spool):
            continue
        row = _row(issue, location_of(issue), run, at)
        before = open_[_key(issue)]
        if not before:
            new.append(row)
            continue
        stored = _closest(issue, before)
        before.remove(stored)
        row.pk = stored.pk
        if _content(issue) == _content(stored.issue) and row.location_id == stored.location:
            seen.append(row.pk)
        else:
            changed.append(row)
    cleared = [stored.pk for rows in open_.values() for stored in rows]
    for batch in in_batches(cleared):
        ImportIssue.objects.filter(pk__in=batch).delete()
    if seen:
        _mark_seen(seen, run, at)
    ImportIssue.objects.bulk_update(changed, _FIELDS, batch_size=100)
    ImportIssue.objects.bulk_create(new, batch_size=BATCH)
    return bool(new or changed or cleared)


def _sort(previous: PreviousRun, spool: Spool) -> tuple[list[int], _Open]:
    """Split the stored issues: those of unchanged files, and those that this run decides."""
    seen: list[int] = []
    open_: _Open = defaultdict(list)
    keys = previous.keys
    for stored in (stored for rows in previous.issues.values() for stored in rows):
        issue = stored.issue
        is_unreadable = issue.kind == ImportIssue.Kind.UNREADABLE
        if _is_unparsed(issue, spool):
            seen.append(stored.pk)
        elif (
            issue.file in spool.parsed
            or (is_unreadable and issue.file in spool.reached)
            or (stored.location in keys and spool.has_lost(issue.file))
        ):
            open_[_key(issue)].append(stored)
    return seen, open_


def _is_unparsed(issue: Issue, spool: Spool) -> bool:
    """Whether it is about a document that was not looked at again."""
    return issue.kind != ImportIssue.Kind.UNREADABLE and issue.file in spool.unchanged


def _key(issue: Issue) -> tuple[str, ...]:
    """The identity of an issue, whose document may move and whose reason may change."""
    if issue.kind == ImportIssue.Kind.UNREADABLE:
        what = issue.problems[0].message.split(": ")[0] if issue.document is not None else ""
        what = what.lstrip("0123456789,")  # how many more there are changes
        return (issue.kind, issue.file, issue.ref, what)
    return (issue.kind, issue.file, issue.ref or str(issue.document))


def _closest(issue: Issue, before: list[StoredIssue]) -> StoredIssue:
    same = (stored for stored in before if stored.issue.document == issue.document)
    return next(same, before[0])


def _content(issue: Issue) -> tuple[Any, ...]:
    messages = [problem.as_json() for problem in issue.problems]
    return (issue.document, issue.line, issue.holder, messages)


def _row(issue: Issue, location: int, run: ImportRun | None, at: datetime) -> ImportIssue:
    return ImportIssue(
        kind=issue.kind,
        location_id=location,
        run=run,
        file=issue.file[:1000],
        document=issue.document,
        line=issue.line,
        ref=issue.ref[:200],
        holder=issue.holder[:1100],
        messages=[problem.as_json() for problem in issue.problems],
        first_seen_at=at,
        last_seen_at=at,
    )


def _mark_seen(seen: list[int], run: ImportRun | None, at: datetime) -> None:
    """Move the time on of what still stands."""
    for batch in in_batches(seen, _MANY):
        ImportIssue.objects.filter(pk__in=batch).update(run=run, last_seen_at=at)
