"""Where an entity was read, as its Inspect page tells it. No queries."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from catalog.links import OutsideLink, source_links, source_of
from catalog.models import Entity, ImportRun


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLink:
    """A run by its number; ``url`` is empty for who may not see runs."""

    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """When the file of an entity was last read.

    Attributes:
        at: When (UTC); None while its location was never read.
        is_unread: Whether it could not be read since.
        is_gone: Whether it is not there any more, or nothing leads to it.
    """

    at: datetime | None
    is_unread: bool
    is_gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where an entity comes from.

    Attributes:
        source: File and line, or address; None for an entity of the admin.
        state: What is the matter with the place; empty where nothing is.
        location: What its root is called; empty where there is none.
        reading: When its file was last read.
        written_by: The run that last wrote it; None for one that no run wrote.
        made_by: The run that made it.
    """

    source: OutsideLink | None
    links: list[OutsideLink]
    state: str
    location: str
    reading: Reading
    orphaned_at: datetime | None
    made_at: datetime
    made_by: RunLink | None
    changed_at: datetime
    written_by: RunLink | None


def provenance(entity: Entity, *, may_see_runs: bool) -> Provenance:
    """Where the entity comes from; its location is loaded with it."""
    location = entity.location
    return Provenance(
        source=source_of(entity),
        links=source_links(entity),
        state=_state(entity),
        location=location.target if location else "",
        reading=reading_of(entity),
        orphaned_at=entity.orphaned_at,
        made_at=entity.created_at,
        made_by=run_link(entity.first_run_id, may_see_runs=may_see_runs),
        changed_at=entity.changed_at,
        written_by=run_link(entity.run_id, may_see_runs=may_see_runs),
    )


def reading_of(entity: Entity) -> Reading:
    """When an entity's file was last read; it was loaded with its location and these facts."""
    unread_since = getattr(entity, "unread_since", None)
    location = entity.location
    at = location.last_import_at if location else None
    return Reading(
        at=unread_since or at,
        is_unread=unread_since is not None,
        is_gone=entity.orphaned_at is not None and not getattr(entity, "has_file", True),
    )


def _state(entity: Entity) -> str:
    if entity.source and entity.location_id is None:
        return "Its location was unregistered: nothing brings it up to date."
    if entity.orphaned_at is not None:
        file = "Its file is gone" if reading_of(entity).is_gone else "Its file no longer has it"
        return f"{file}: what is shown is what was read last."
    return ""


def run_link(run: "ImportRun | int | None", *, may_see_runs: bool) -> RunLink | None:
    """A run, given by its number or row, and where it is shown."""
    pk = run.pk if isinstance(run, ImportRun) else run
    if pk is None:
        return None
    url = reverse("admin:catalog_importrun_change", args=[pk]) if may_see_runs else ""
    return RunLink(text=f"import {pk}", url=url)
