"""Where Location documents lead, and the issues of places that could not be read."""

from collections import Counter
from dataclasses import replace
from typing import Any, NamedTuple

from catalog.descriptor import Problem
from catalog.ingestion.report import Issue
from catalog.ingestion.sources import SourceError
from catalog.models import ImportIssue

Lead = dict[str, Any]
"""What one Location document points to: ``document``, ``line``, ``ref``, ``type``, ``optional``,
and ``targets`` as ``[path, target, address, line, column]``; the address is empty where there is
none."""

# Of one document's targets that are not there, and of those that could not be read.
_SHOWN = 10


class TargetOrigin(NamedTuple):
    """The Location document that asked for a file, and by which of its fields."""

    file: str
    lead: Lead
    path: str
    line: int
    column: int


class UnreadableIssues:
    """Adds the issues of sources that could not be read: of many in one document the first few.

    A document may name any number of targets. Those that are not there and those that could not be
    read are counted each for itself, so that neither hides the other.

    Args:
        issues: Of the run; nobody may take any out.
    """

    def __init__(self, issues: list[Issue]) -> None:
        self._issues = issues
        self._noted: set[tuple[str, int | None, str]] = set()
        self._counts: Counter[tuple[str, int | None, bool]] = Counter()
        self._last: dict[tuple[str, int | None, bool], int] = {}

    def add(self, root: int, file: str, exc: SourceError, origin: TargetOrigin | None) -> None:
        """Add the issue of a source, at the line that asked for it, unless it is there already.

        Args:
            root: Number of the root within its run.
            file: Address of what could not be read.
            exc: Why.
            origin: Who asked for it; None: a root did.
        """
        issue = _unreadable(root, file, exc, origin)
        problem = issue.problems[0]
        key = (issue.file, issue.document, problem.path + problem.message)
        if key in self._noted:  # another root may lead to the same line
            return
        self._noted.add(key)
        alike = (issue.file, issue.document, exc.is_missing)
        self._counts[alike] += 1
        more = self._counts[alike] - _SHOWN
        if more <= 1:  # one more takes no more room than the number of those left out
            self._last[alike] = len(self._issues)
            self._issues.append(issue)
            return
        last = self._issues[self._last[alike]]
        is_what = "don't exist" if exc.is_missing else "couldn't be read"
        further = replace(last.problems[0], path="", message=f"{more:,} more targets {is_what}")
        self._issues[self._last[alike]] = replace(last, problems=[further], count=more)


def _unreadable(root: int, file: str, exc: SourceError, origin: TargetOrigin | None) -> Issue:
    if origin is None:
        line, column, path, message = exc.line or 0, 1 if exc.line else 0, "", str(exc)
    else:
        line, column, path = origin.line, origin.column, origin.path
        message = f"{file}: {exc}"
    return Issue(
        kind=ImportIssue.Kind.UNREADABLE,
        file=origin.file if origin else file,
        document=origin.lead["document"] if origin else None,
        ref=origin.lead["ref"] if origin else "",
        root=root,
        problems=[Problem(line=line, column=column, path=path, message=message, hint=exc.hint)],
    )
