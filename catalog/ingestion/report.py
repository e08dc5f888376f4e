"""What a run did and what it refused, for the command, the admin and machines."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from catalog.descriptor import Problem

MAX_OUTCOMES = 1000


class Action(StrEnum):
    """What a run did to an entity; what it left alone is only counted."""

    CREATED = "created"
    CHANGED = "changed"
    ORPHANED = "orphaned"
    REMOVED = "removed"
    RESTORED = "restored"


class Outcome(NamedTuple):
    """One entity that a run made different.

    Attributes:
        ref: Canonical reference.
        action: What was done to it.
        file: Path or address of its document; for what is gone, of its last one.
        line: 1-based line there; None when unknown.
    """

    ref: str
    action: Action
    file: str
    line: int | None

    def as_json(self) -> dict[str, Any]:
        """The outcome for machines."""
        return {"ref": self.ref, "action": str(self.action), "file": self.file, "line": self.line}


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A document, file or location that was refused.

    Attributes:
        file: Path or address.
        document: 0-based number in the file; None when the whole file failed.
        ref: Canonical reference of the entity; empty when it could not be read.
        problems: Every reason, in file order; at least one.
        kind: Value of ``ImportIssue.Kind``.
        holder: For a conflict, ``file:line`` of the document that keeps the reference.
        root: Index of the root under which it was found.
        count: How many documents, files or targets it stands for.
    """

    file: str
    problems: Sequence[Problem]
    document: int | None = None
    ref: str = ""
    kind: str = "refused"
    holder: str = ""
    root: int = 0
    count: int = 1

    @property
    def line(self) -> int | None:
        """1-based line of the first problem; None when nothing of the file could be read."""
        return self.problems[0].line or None

    def as_json(self) -> dict[str, Any]:
        """The issue for machines."""
        return {
            "kind": self.kind,
            "file": self.file,
            "document": self.document,
            "ref": self.ref or None,
            "holder": self.holder or None,
            "errors": [problem.as_json() for problem in self.problems],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNotice:
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

    def masked(self, mask: Callable[[str], str]) -> "ReportNotice":
        """The notice with the secrets masked in its message and its hint."""
        return replace(self, message=mask(self.message), hint=mask(self.hint))

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
class ImportReport:
    """The outcome of one run.

    Attributes:
        run_id: Primary key of the ImportRun; None for a dry run.
        is_dry_run: Whether everything was undone at the end.
        created: Documents that made a new entity.
        changed: Documents that changed an entity.
        unchanged: Documents that the catalog held already, those of unparsed files too.
        orphaned: Entities kept and marked because no document has them any more.
        removed: Entities taken out because no document has them any more.
        restored: Orphans whose document was found again; each is changed or unchanged as well.
        outcomes: What became different, at most the first thousand of each action.
        issues: What was refused: documents, conflicts, files and addresses; of many targets of one
            document, the first ten and how many more.
        notices: What was taken and looks like a mistake, at most twenty of unresolved references.
        unresolved: How many references point to nothing.
        incomplete: Targets of the roots that could not be read to their end.
        failure: Why nothing was changed; empty for a run that went through.
        duration_s: Seconds from start to end.
    """

    run_id: int | None = None
    is_dry_run: bool = False
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    orphaned: int = 0
    removed: int = 0
    restored: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    notices: list[ReportNotice] = field(default_factory=list)
    unresolved: int = 0
    incomplete: list[str] = field(default_factory=list)
    failure: str = ""
    duration_s: float = 0.0
    _noted: Counter[Action] = field(default_factory=Counter, repr=False)

    def hide(self, mask: Callable[[str], str]) -> None:
        """Mask the secrets in everything that the report says of files."""
        self.issues = [
            replace(issue, problems=[problem.masked(mask) for problem in issue.problems])
            for issue in self.issues
        ]
        self.notices = [notice.masked(mask) for notice in self.notices]

    def note(self, outcome: Outcome) -> None:
        """Keep an outcome, unless there are a thousand of its action already."""
        self._noted[outcome.action] += 1
        if self._noted[outcome.action] <= MAX_OUTCOMES:
            self.outcomes.append(outcome)

    @property
    def refused(self) -> int:
        """How many documents, files, targets and locations were refused."""
        return sum(issue.count for issue in self.issues)

    @property
    def conflicts(self) -> list[Issue]:
        """The refused documents whose reference another document holds."""
        return [issue for issue in self.issues if issue.kind == "conflict"]

    @property
    def gone(self) -> int:
        """How many entities no document has any more, kept or not."""
        return self.orphaned + self.removed

    @property
    def is_ok(self) -> bool:
        """Whether everything was taken."""
        return not self.issues and not self.failure

    @property
    def has_changes(self) -> bool:
        """Whether the catalog is (in a dry run: would be) different afterwards."""
        return bool(self.created or self.changed or self.gone or self.restored)

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
            "orphaned": self.orphaned,
            "removed": self.removed,
            "restored": self.restored,
            "refused": self.refused,
            "conflicts": len(self.conflicts),
            "duration_s": round(self.duration_s, 3),
            "issues": [issue.as_json() for issue in self.issues],
            "warnings": [notice.as_json() for notice in self.notices],
            "unresolved": self.unresolved,
            "incomplete": self.incomplete,
            "outcomes": [outcome.as_json() for outcome in self.outcomes],
        }
