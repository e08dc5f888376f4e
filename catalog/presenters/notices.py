"""Notices about import issues on the pages of an entity. No queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.masking import Masker
from catalog.models import ImportIssue

MESSAGE_LIMIT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueNotice:
    """An import issue as a page shows it.

    Attributes:
        place: ``file:line``, or the file alone.
        title: What is wrong, and what that means for what the page shows.
        holder: For a conflict, the place that keeps the reference; else empty.
        messages: At most twenty, each with its place in the file.
        more: How many messages are not shown.
        next_step: What to do.
    """

    issue: ImportIssue
    place: str
    title: str
    holder: str
    messages: Sequence[str]
    more: int
    next_step: str


_K = ImportIssue.Kind
_TITLES = {
    _K.REFUSED: "The file has errors; this is the last good version",
    _K.CONFLICT: "Two places claim this reference",
    _K.UNREADABLE: "Something it leads to cannot be read",
    _K.WARNING: "The file looks wrong in places",
}
_NEXT_STEPS = {
    _K.REFUSED: "Correct the file: the next reading takes it, and this goes away.",
    _K.CONFLICT: "Rename or remove one of the two documents: this goes away with the next reading.",
    _K.UNREADABLE: "Correct the address, or make what it names readable for the portal.",
    _K.WARNING: "It is taken as it is; correct the file when you can.",
}
# Of a whole file, which has no document of its own.
_ABOUT_A_FILE: dict[tuple[ImportIssue.Kind, int | None], str] = {
    (_K.REFUSED, None): "Its file has errors; this is the last good version",
    (_K.UNREADABLE, None): "Its file cannot be read; this is the last good version",
}


def notices(
    issues: Iterable[ImportIssue], masker: Masker, *, is_in_catalog: bool = True
) -> list[IssueNotice]:
    """The notices of some issues, secrets masked.

    Args:
        issues: As they stand.
        masker: Of the entity they are about.
        is_in_catalog: Whether the catalog has an entity with the reference.
    """
    return [_notice(issue, masker, is_in_catalog=is_in_catalog) for issue in issues]


def _notice(issue: ImportIssue, masker: Masker, *, is_in_catalog: bool) -> IssueNotice:
    messages = [message_text(message) for message in issue.messages]
    kind = ImportIssue.Kind(issue.kind)
    title, next_step = _TITLES[kind], _NEXT_STEPS[kind]
    if not is_in_catalog and kind == _K.REFUSED:
        title = "An import read it and refused it"
    elif not issue.ref and (kind, issue.document) in _ABOUT_A_FILE:
        title = _ABOUT_A_FILE[kind, None]
        next_step = "Put the file back or correct it: the next reading takes it."
    elif not issue.ref and kind in {_K.REFUSED, _K.UNREADABLE}:
        title = "A document of its file cannot be read; this may be the last good version"
    return IssueNotice(
        issue=issue,
        place=issue.place,
        title=title,
        holder=issue.holder if kind == _K.CONFLICT else "",
        messages=[masker.text(text) for text in messages[:MESSAGE_LIMIT]],
        more=max(len(messages) - MESSAGE_LIMIT, 0),
        next_step=next_step,
    )


def message_text(message: dict[str, Any]) -> str:
    """One error of a document: its line, what is wrong, and what to do."""
    line = f"Line {message['line']}: " if message.get("line") else ""
    path = f"{message['path']}: " if message.get("path") else ""
    hint = f" ({message['hint']})" if message.get("hint") else ""
    return f"{line}{path}{message.get('message', '')}{hint}"
