"""What a run did and what it refused, for the command, the admin and machines."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.descriptor import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A document, file or location that was refused.

    Attributes:
        file: Path or address.
        document: 0-based number in the file; None when the whole file failed.
        ref: Canonical reference of the entity; empty when it could not be read.
        problems: Every reason, in file order; at least one.
    """

    file: str
    problems: Sequence[Problem]
    document: int | None = None
    ref: str = ""

    @property
    def line(self) -> int | None:
        """1-based line of the first problem; None when nothing of the file could be read."""
        return self.problems[0].line or None

    def as_json(self) -> dict[str, Any]:
        """The issue for machines."""
        return {
            "file": self.file,
            "document": self.document,
            "ref": self.ref or None,
            "errors": [problem.as_json() for problem in self.problems],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that was taken and looks like a mistake.

    Attributes:
        file: Path or address; empty for an entity made in the admin.
        line: 1-based; None when unknown.
        ref: Canonical reference of the entity.
        message: What looks wrong, in plain words.
        hint: What to do about it; may be empty.
    """

    file: str
    line: int | None
    ref: str
    message: str
    hint: str = ""

    def as_json(self) -> dict[str, Any]:
        """The notice for machines."""
        return {
            "file": self.file,
            "line": self.line,
            "ref": self.ref,
            "message": self.message,
            "hint": self.hint,
        }


@dataclass(slots=True, kw_only=True)
class Report:
    """The outcome of one run.

    Attributes:
        run_id: Primary key of the ImportRun; None for a dry run.
        is_dry_run: Whether everything was undone at the end.
        created: Documents that made a new entity.
        changed: Documents that changed an entity.
        unchanged: Documents that the catalog held already.
        removed: Entities taken out because no document has them any more.
        issues: What was refused.
        notices: What was taken and looks like a mistake, at most twenty of dangling references.
        dangling: How many references point to nothing.
        failure: Why nothing was changed; empty for a run that went through.
        duration_s: Seconds from start to end.
    """

    run_id: int | None = None
    is_dry_run: bool = False
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    issues: list[Issue] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    dangling: int = 0
    failure: str = ""
    duration_s: float = 0.0

    @property
    def refused(self) -> int:
        """How many documents, files and locations were refused."""
        return len(self.issues)

    @property
    def is_ok(self) -> bool:
        """Whether everything was taken."""
        return not self.issues and not self.failure

    @property
    def has_changes(self) -> bool:
        """Whether the catalog is (in a dry run: would be) different afterwards."""
        return bool(self.created or self.changed or self.removed)

    def as_json(self) -> dict[str, Any]:
        """The report for machines."""
        return {
            "run": self.run_id,
            "dry_run": self.is_dry_run,
            "ok": self.is_ok,
            "failure": self.failure or None,
            "created": self.created,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "refused": self.refused,
            "duration_s": round(self.duration_s, 3),
            "issues": [issue.as_json() for issue in self.issues],
            "warnings": [notice.as_json() for notice in self.notices],
            "dangling": self.dangling,
        }
