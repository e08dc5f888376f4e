"""Where Location documents lead, and the issue of a place that could not be read."""

from typing import Any, NamedTuple

from catalog.descriptor import Problem
from catalog.ingestion.report import Issue
from catalog.ingestion.sources import SourceError
from catalog.models import ImportIssue

Lead = dict[str, Any]
"""What one Location document points to: ``document``, ``line``, ``ref``, ``type``, ``optional``,
and ``targets`` as ``[path, target, address, line, column]``; the address is empty where there is
none."""


class Origin(NamedTuple):
    """The Location document that asked for a file, and by which of its fields."""

    file: str
    lead: Lead
    path: str
    line: int
    column: int


def unreadable(root: int, file: str, exc: SourceError, origin: Origin | None) -> Issue:
    """The issue of a source that could not be read, at the line that asked for it.

    Args:
        root: Number of the root within its run.
        file: Address of what could not be read.
        exc: Why.
        origin: Who asked for it; None: a root did.
    """
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
