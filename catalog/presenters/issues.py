"""What the pages say of the issues of imports. No queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.masking import Masker
from catalog.models import ImportIssue

MESSAGE_LIMIT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An issue that stands, as a page tells it.

    Attributes:
        place: ``file:line``, or the file alone.
        messages: At most twenty, each with its place in the file.
        more: How many messages are not shown.
    """

    issue: ImportIssue
    place: str
    messages: Sequence[str]
    more: int


def notices(issues: Iterable[ImportIssue], masker: Masker) -> list[Notice]:
    """What the issues say, secrets masked."""
    return [_notice(issue, masker) for issue in issues]


def _notice(issue: ImportIssue, masker: Masker) -> Notice:
    messages = [message_text(message) for message in issue.messages]
    return Notice(
        issue=issue,
        place=issue.place,
        messages=[masker.text(text) for text in messages[:MESSAGE_LIMIT]],
        more=max(len(messages) - MESSAGE_LIMIT, 0),
    )


def message_text(message: dict[str, Any]) -> str:
    """One error of a document: its line, what is wrong, and what to do."""
    line = f"Line {message['line']}: " if message.get("line") else ""
    path = f"{message['path']}: " if message.get("path") else ""
    hint = f" ({message['hint']})" if message.get("hint") else ""
    return f"{line}{path}{message.get('message', '')}{hint}"
