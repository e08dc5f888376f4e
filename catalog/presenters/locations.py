"""What the pages of locations show: outcomes of a refresh in words, lists with totals. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.messages import ERROR, INFO, SUCCESS, WARNING

from catalog.ingestion.report import Action, ImportReport, Issue, Outcome
from catalog.locations.pending import EndedRefresh, PendingRefresh, RefreshAnswer
from catalog.locations.refreshing import Unregistered
from catalog.masking import DEFAULT_MASKER
from catalog.models import ImportRun, Location, file_and_line
from catalog.presenters.issue_rows import message_texts, url_of
from portal.templatetags.ui import short_time
from portal.workers import START

MAX_LISTED = 100
_MAX_REASON = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshOutcome:
    """The outcome of a refresh as a message.

    Attributes:
        tone: ``good``, ``warning``, ``critical``, or ``info`` while it goes on.
    """

    text: str
    tone: str

    @property
    def word(self) -> str:
        """The outcome in a word."""
        words = {"good": "done", "warning": "some refused", "critical": "failed"}
        return words.get(self.tone, "going on")

    @property
    def level(self) -> int:
        """The level of the message about it."""
        levels = {"good": SUCCESS, "warning": WARNING, "critical": ERROR}
        return levels.get(self.tone, INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationCounts:
    """What a location holds.

    Attributes:
        warnings: How many of the issues are only warnings.
        unread: How many of the issues are about files or targets that could not be read.
        files: How many files of it were read last time; counted where not all could be.
    """

    entities: int = 0
    orphans: int = 0
    issues: int = 0
    warnings: int = 0
    unread: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationRow:
    """A row of the list of locations, and the head of a location's page.

    Attributes:
        named_by: Who named it, in words.
        state: How its reading goes, in one or two words.
        tone: Of the state.
        pending: The refresh that has not ended, if there is one.
        next_read_at: When the worker reads it; None where ``next_text`` says why it does not.
    """

    location: Location
    named_by: str
    state: str
    tone: str
    counts: LocationCounts
    pending: PendingRefresh | None
    next_read_at: datetime | None
    next_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRef:
    """One entity of a preview, and where its document is."""

    ref: str
    url: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedDocument:
    """A document that would be refused.

    Attributes:
        holder: For a conflict, where the document is that keeps the reference.
        holder_url: The page of the entity in the way.
    """

    name: str
    place: str
    messages: Sequence[str]
    holder: str = ""
    holder_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewList:
    """One list of a preview: at most a hundred of ``total``."""

    title: str
    id: str
    total: int
    refs: Sequence[PlacedRef] = ()
    documents: Sequence[RefusedDocument] = ()

    @property
    def heading(self) -> str:
        """The title with the total."""
        return f"{self.title}: {self.total:,}"

    @property
    def shown(self) -> int:
        """How many of them the list has."""
        return len(self.refs) or len(self.documents)


def outcome_of(report: ImportReport) -> RefreshOutcome:
    """What an import did or would do, in one sentence; a failure with its reason."""
    unread = [issue for issue in report.issues if issue.kind == "unreadable"]
    reason = "; ".join(problem.message for problem in unread[0].problems) if unread else ""
    return _outcome(report, conflicts=len(report.conflicts), unread=len(unread), reason=reason)


def outcomes_of(answer: RefreshAnswer) -> list[RefreshOutcome]:
    """What a person is told who asked for a refresh: of each run that ended, then of the rest."""
    outcomes = [_outcome_of_ended(ended) for ended in answer.ended]
    if answer.failed:
        text = "The import failed before it began. The worker's log has the reason."
        outcomes.append(RefreshOutcome(text=text, tone="critical"))
    if answer.pending or answer.is_delayed:
        outcomes.append(_outcome_of_pending(answer))
    return outcomes


def _outcome_of_ended(ended: EndedRefresh) -> RefreshOutcome:
    reason = DEFAULT_MASKER.text(ended.reason)
    return _outcome(ended.run, conflicts=ended.conflicts, unread=ended.unread, reason=reason)


def _outcome_of_pending(answer: RefreshAnswer) -> RefreshOutcome:
    sentences = []
    for state, is_running in (("Importing", True), ("Waiting for import", False)):
        if since := [one.since for one in answer.pending if one.is_running is is_running]:
            sentences.append(f"{state} since {short_time(min(since))}.")
    if answer.is_delayed:
        sentences.append("Another import is writing; yours comes after it.")
    text = " ".join(sentences)
    if answer.worker_problem:
        return RefreshOutcome(text=f"{text} {answer.worker_problem} {START}", tone="warning")
    return RefreshOutcome(
        text=f"{text} Reload the location's page to see the outcome.", tone="info"
    )


def _outcome(
    done: ImportReport | ImportRun, *, conflicts: int, unread: int, reason: str
) -> RefreshOutcome:
    """What an import did.

    Args:
        done: What is known of it; a run has ended.
        conflicts: How many of its issues are conflicts.
        unread: How many are about what could not be read.
        reason: Of the first of these.
    """
    if done.failure:
        return RefreshOutcome(text=f"Nothing was changed: {done.failure}.", tone="critical")
    counted = _counts_text(
        created=done.created,
        changed=done.changed,
        restored=done.restored if isinstance(done, ImportReport) else 0,
        unchanged=done.unchanged,
        gone=done.orphaned + done.removed,
        refused=done.refused,
    )
    of_conflicts = f" ({conflicts:,} in conflict)" if conflicts else ""
    text = f"Read in {_duration(done.duration_s)}: {counted}{of_conflicts}."
    if not unread:
        return RefreshOutcome(text=text, tone="warning" if done.refused else "good")
    others = unread - 1
    more = f", and {others:,} more {'issue' if others == 1 else 'issues'}" if others else ""
    text += f" Some files couldn't be read: {reason[:_MAX_REASON]}{more}."
    has_some = done.created or done.changed or done.unchanged
    return RefreshOutcome(text=text, tone="warning" if has_some else "critical")


def last_outcome(row: LocationRow, last: EndedRefresh | None) -> RefreshOutcome | None:
    """What the last run of a location did; of one that was cut off, that it was."""
    if last is None:
        return None
    if last.run.state != ImportRun.State.RUNNING:
        return _outcome_of_ended(last)
    if row.pending and row.pending.is_running:
        return RefreshOutcome(text="Importing at this moment.", tone="info")
    return RefreshOutcome(text="Nothing was changed: its process was stopped.", tone="critical")


def _counts_text(**counts: int) -> str:
    always = {"created", "changed", "unchanged", "gone", "refused"}
    return ", ".join(
        f"{count:,} {word}" for word, count in counts.items() if count or word in always
    )


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def location_row(
    location: Location,
    counts: LocationCounts,
    pending: PendingRefresh | None,
    next_read_at: datetime | None,
) -> LocationRow:
    """What a list says of a location.

    Args:
        location: With ``created_by`` loaded.
        counts: What it holds.
        pending: Its refresh that has not ended.
        next_read_at: When the worker reads it; None: not by itself.
    """
    state, tone = _state(location, counts)
    is_of_command = location.origin == Location.Origin.COMMAND
    never = (
        "only when somebody asks" if is_of_command else "never by itself: CATALOG_REFRESH_S is 0"
    )
    return LocationRow(
        location=location,
        named_by=_named_by(location),
        state=state,
        tone=tone,
        counts=counts,
        pending=pending,
        next_read_at=next_read_at,
        next_text="" if next_read_at else never,
    )


def _named_by(location: Location) -> str:
    if location.origin != Location.Origin.REGISTERED:
        return location.get_origin_display()
    person = location.created_by
    return (
        f"registered by {person.get_full_name() or person.get_username()}"
        if person
        else ("registered")
    )


def _state(location: Location, counts: LocationCounts) -> tuple[str, str]:
    if location.gone_at:
        return "gone", "critical"
    times = "once" if location.failures == 1 else f"{location.failures:,} times in a row"
    if location.is_incomplete and counts.files:
        return f"read in part{f', {times}' if location.failures > 1 else ''}", "warning"
    if location.failures:
        return f"failed {times}", "critical"
    if location.is_incomplete:
        return "could not be read", "critical"
    if counts.issues > counts.warnings:
        return "read with problems", "warning"
    if not location.read_at:
        return "not read yet", "unknown"
    if counts.warnings:
        return "read with warnings", "info"
    if not counts.entities:
        return "read, no entities", "unknown"
    if counts.orphans == counts.entities:
        return "read, all orphaned", "warning"
    return "read", "good"


def preview_lists(report: ImportReport, *, keeps_orphans: bool) -> list[PreviewList]:
    """What a dry run would do: a list for each thing, without the empty ones."""
    outcomes: dict[Action, list[Outcome]] = {action: [] for action in Action}
    for outcome in report.outcomes:
        outcomes[outcome.action].append(outcome)
    gone = "marked as orphans" if keeps_orphans else "removed"
    conflicts = report.conflicts
    refused = [issue for issue in report.issues if issue.kind != "conflict"]
    lists = [
        _refs("Would be created", "created", report.created, outcomes[Action.CREATED]),
        _refs("Would be changed", "changed", report.changed, outcomes[Action.CHANGED]),
        _refs("Would be found again", "restored", report.restored, outcomes[Action.RESTORED]),
        _refs(
            f"Would be {gone}, for their documents are gone",
            "gone",
            report.gone,
            [*outcomes[Action.ORPHANED], *outcomes[Action.REMOVED]],
        ),
        _documents("Would be refused", "refused", refused),
        _documents("In conflict, for another document has the name", "conflicts", conflicts),
    ]
    return [one for one in lists if one.total]


def _refs(title: str, name: str, total: int, outcomes: Sequence[Outcome]) -> PreviewList:
    shown = [
        PlacedRef(
            ref=outcome.ref,
            url="" if outcome.action == Action.CREATED else url_of(outcome.ref),
            place=file_and_line(outcome.file, outcome.line),
        )
        for outcome in outcomes[:MAX_LISTED]
    ]
    return PreviewList(title=title, id=name, total=total, refs=shown)


def _documents(title: str, name: str, issues: Sequence[Issue]) -> PreviewList:
    return PreviewList(
        title=title,
        id=name,
        total=len(issues),
        documents=[_refused(issue) for issue in issues[:MAX_LISTED]],
    )


def _refused(issue: Issue) -> RefusedDocument:
    whole = "the whole file" if issue.document is None else f"document {issue.document + 1}"
    return RefusedDocument(
        name=issue.ref or whole,
        place=file_and_line(issue.file, issue.line),
        messages=message_texts(problem.as_json() for problem in issue.problems),
        holder=issue.holder,
        holder_url=url_of(issue.ref) if issue.holder else "",
    )


def can_register(report: ImportReport) -> bool:
    """Whether a dry run found anything worth registering."""
    found = report.created + report.changed + report.unchanged + report.restored
    return not report.failure and bool(
        found or any(issue.kind != "unreadable" for issue in report.issues)
    )


def unregistered_text(location: Location, done: Unregistered, left: int) -> str:
    """What became of a location's entities, in one sentence.

    Args:
        location: The one that was unregistered.
        done: What that did.
        left: How many no other location has taken over yet.
    """
    parts = []
    if done.orphaned:
        parts.append(f"{done.orphaned:,} {_entities(done.orphaned)} kept and marked as orphans")
    if done.removed:
        parts.append(f"{done.removed:,} {_entities(done.removed)} deleted")
    if stayed := len(done.claimed) - left:
        parts.append(f"{stayed:,} taken over by other locations")
    if left:
        parts.append(
            f"{left:,} marked as {'an orphan' if left == 1 else 'orphans'} until another location "
            f"that may have {'it' if left == 1 else 'them'} is imported"
        )
    what = ", ".join(parts) or "it held no entities"
    return f"{location.target} was unregistered: {what}."


def claimants_text(claimants: Sequence[Location]) -> str:
    """Which locations, one at least, may take entities over: leads what came of their import."""
    first, *others = claimants
    more = f" and {len(others):,} more" if others else ""
    return f"{first.target}{more} may take entities over. "


def _entities(count: int) -> str:
    return "entity" if count == 1 else "entities"
