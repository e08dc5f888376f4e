"""An entity's history as its page tells it. No queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalog.masking import DEFAULT_MASKER, Masker
from catalog.models import Entity, Revision
from catalog.presenters.inspect import RunLink, run_link

_TITLES = {
    Revision.Action.CREATED: "Made",
    Revision.Action.CHANGED: "Changed",
    Revision.Action.OVERLAID: "Overlay changed",
    Revision.Action.ORPHANED: "Orphaned",
    Revision.Action.RESTORED: "Found again",
    Revision.Action.REMOVED: "Removed",
}
_NOTES = {
    Revision.Action.ORPHANED: "No location has its document any more.",
    Revision.Action.RESTORED: "A location has its document again.",
}
_TONES = {
    Revision.Action.CREATED: "good",
    Revision.Action.ORPHANED: "warning",
    Revision.Action.RESTORED: "good",
    Revision.Action.REMOVED: "critical",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One thing that happened.

    Attributes:
        by: The person, where one did it; else the run tells who.
        changes: ``{"path", "old", "new"}`` each.
        note: Said where there are no changes to show.
    """

    title: str
    tone: str
    at: datetime
    run: RunLink | None
    by: str
    changes: Sequence[dict[str, Any]]
    note: str = ""


def entries(
    entity: Entity, rows: Iterable[Revision | None], *, may_see_runs: bool
) -> list[HistoryEntry]:
    """What happened, in the order given; None stands for the making of the entity."""
    masker = Masker.of(entity)  # what became a secret later is one in older rows too
    return [
        _made(entity, may_see_runs=may_see_runs)
        if row is None
        else _entry(row, masker, may_see_runs=may_see_runs)
        for row in rows
    ]


def entries_of_gone(rows: Iterable[Revision], *, may_see_runs: bool) -> list[HistoryEntry]:
    """What happened to an entity that the catalog does not have any more."""
    return [_entry(row, DEFAULT_MASKER, may_see_runs=may_see_runs) for row in rows]


def _made(entity: Entity, *, may_see_runs: bool) -> HistoryEntry:
    place = entity.source_place
    return HistoryEntry(
        title=_TITLES[Revision.Action.CREATED],
        tone="good",
        at=entity.created_at,
        run=run_link(entity.first_run_id, may_see_runs=may_see_runs),
        by="" if entity.source else "the admin",
        changes=(),
        note=f"Read now from {place}." if place else "",
    )


def _entry(row: Revision, masker: Masker, *, may_see_runs: bool) -> HistoryEntry:
    action = Revision.Action(row.action)
    unsaid = "Nothing but the order or spelling of its keys changed."
    says_what = action in {Revision.Action.CHANGED, Revision.Action.OVERLAID}
    return HistoryEntry(
        title=_TITLES[action],
        tone=_TONES.get(action, "neutral"),
        at=row.at,
        run=run_link(row.run_id, may_see_runs=may_see_runs),
        by=person(row),
        changes=masker.tree(row.changes),
        note=unsaid if says_what and not row.changes else _NOTES.get(action, ""),
    )


def person(row: Revision) -> str:
    """Who did it, as people call each other; empty where no person did."""
    return (row.user.get_full_name() or row.user.get_username()) if row.user else ""
