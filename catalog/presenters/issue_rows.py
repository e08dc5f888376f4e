"""Rows of the lists of import issues and of unresolved references. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog.links import EntityLink, entity_url, link_to_entity
from catalog.masking import DEFAULT_MASKER, Masker
from catalog.models import ImportIssue, Relation, file_and_line
from catalog.refs import EntityRef


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRow:
    """A row of the list of issues.

    Attributes:
        name: The reference, or which document or file it is about.
        url: The entity's page, where its last good version may still be shown; empty where the
            catalog does not have the entity.
        messages: At most twenty, each with line, column, field and hint.
        more: How many messages are not shown.
    """

    issue: ImportIssue
    name: str
    url: str
    kind: str
    tone: str
    messages: Sequence[str]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueTab:
    """A tab of the issues page: one kind of issue, with its number."""

    value: str
    label: str
    count: int
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnresolvedRow:
    """An unresolved reference, and the entity it likely means."""

    source: EntityLink
    place: str
    type: str
    target: str
    meant: EntityLink | None


_ISSUE_TONES = {
    ImportIssue.Kind.REFUSED: "critical",
    ImportIssue.Kind.CONFLICT: "warning",
    ImportIssue.Kind.UNREADABLE: "critical",
    ImportIssue.Kind.WARNING: "info",
}
_MAX_MESSAGES = 20
UNRESOLVED = "unresolved"  # the tab of unresolved references, beside the kinds of issues


def issue_rows(issues: Iterable[ImportIssue], maskers: Mapping[str, Masker]) -> list[IssueRow]:
    """The rows of a list of issues, secrets masked.

    Args:
        issues: With ``location`` loaded.
        maskers: By reference, who masks the texts about each entity that the catalog has.
    """
    rows = []
    for issue in issues:
        masker = maskers.get(issue.ref, DEFAULT_MASKER)
        whole = "the whole file" if issue.document is None else f"document {issue.document + 1}"
        texts = message_texts(issue.messages[:_MAX_MESSAGES])
        rows.append(
            IssueRow(
                issue=issue,
                name=issue.ref or whole,
                url=url_of(issue.ref) if issue.ref in maskers else "",
                kind=issue.get_kind_display(),
                tone=_ISSUE_TONES.get(ImportIssue.Kind(issue.kind), "unknown"),
                messages=[masker.text(text) for text in texts],
                more=max(len(issue.messages) - _MAX_MESSAGES, 0),
            )
        )
    return rows


def issue_tabs(by_kind: Mapping[str, int], unresolved: int, current: str) -> list[IssueTab]:
    """The kinds of issues to choose from, all first, unresolved references last."""
    is_kind = current in ImportIssue.Kind.values or current == UNRESOLVED
    found = [("", "All", sum(by_kind.values()) + unresolved)]
    found += [(kind.value, kind.label.capitalize(), by_kind.get(kind, 0)) for kind in _ISSUE_TONES]
    found.append((UNRESOLVED, "Unresolved references", unresolved))
    return [
        IssueTab(
            value=value,
            label=label,
            count=count,
            is_current=value == (current if is_kind else ""),
        )
        for value, label, count in found
    ]


def unresolved_rows(relations: Iterable[Relation], meant: Mapping[str, str]) -> list[UnresolvedRow]:
    """The rows of the list of unresolved references.

    Args:
        relations: With ``source`` loaded.
        meant: By reference, the one that was likely meant.
    """
    rows = []
    for relation in relations:
        near = meant.get(relation.target_ref)
        source = relation.source
        rows.append(
            UnresolvedRow(
                source=link_to_entity(source),
                place=file_and_line(source.source, source.line_of(relation)),
                type=Relation.Type(relation.type).label,
                target=DEFAULT_MASKER.ref(relation.target_ref),
                meant=EntityLink(text=near, url=url_of(near), icon="", ref=near) if near else None,
            )
        )
    return rows


def message_texts(messages: Iterable[Mapping[str, object]]) -> list[str]:
    """Each message with its line, column, field and hint."""
    return [_message(message) for message in messages]


def _message(message: Mapping[str, object]) -> str:
    place = f"Line {message['line']}" if message.get("line") else ""
    if place and message.get("column"):
        place += f", column {message['column']}"
    path = f"{message['path']}: " if message.get("path") else ""
    hint = f" ({message['hint']})" if message.get("hint") else ""
    return f"{place}{': ' if place else ''}{path}{message.get('message', '')}{hint}"


def url_of(ref: str) -> str:
    """The page of the entity with this reference; nothing where no address can hold it."""
    try:
        return entity_url(EntityRef.parse(ref)) if ref else ""
    except ValueError:
        return ""
