"""The board of open incidents: every one of the catalog's entities, in the card's order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from django.http import HttpRequest

from pagerduty_card.models import Incident
from pagerduty_card.overview.data_issues import DataIssue
from pagerduty_card.overview.entities import (
    MINE,
    NamedEntity,
    filter_values,
    named_entities,
    owners_of,
    sorted_by_name,
)
from pagerduty_card.overview.filtering import (
    BoardQuery,
    Filtered,
    Labels,
    apply_filters,
    folded,
    keep_labels,
)
from pagerduty_card.overview.loading import Overview
from pagerduty_card.overview.snapshot import Snapshot
from pagerduty_card.presenters.incidents import IncidentLine, incident_line, incident_order
from pagerduty_card.presenters.on_call import ExternalLink

_FILTERS = {
    "mine": "Whose",
    "status": "Status",
    "urgency": "Urgency",
    "priority": "Priority",
    "owner": "Owner",
    "kind": "Kind",
    "account": "Account",
}


class IncidentRow(NamedTuple):
    """One open incident, as far as it is filtered and ordered.

    Attributes:
        incident: Primary key.
        entities: Primary keys of all that name its service, by name.
    """

    incident: int
    entities: tuple[int, ...]
    text: str
    values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentBoard:
    """The board, for all who own the same and ask for the same.

    Attributes:
        filtered: The rows that pass the filters.
        issues: Why open incidents are unknown or out of date.
        as_of: When the oldest answer that counts came (UTC); None if none did.
        has_services: Whether any entity names a service at all.
    """

    filtered: Filtered[IncidentRow]
    issues: tuple[DataIssue, ...]
    as_of: datetime | None
    has_services: bool

    @property
    def is_calm(self) -> bool:
        """Whether nothing is open because PagerDuty said so of every service."""
        return self.has_services and not self.filtered.total and not self.issues


def incident_board(request: HttpRequest, snapshot: Snapshot) -> IncidentBoard:
    """Load the open incidents of the catalog; three queries at most beside the snapshot's.

    Args:
        request: Has the reader and the filters.
        snapshot: The catalog and the mirror now.
    """
    return snapshot.board("incident-board", request, _FILTERS, _load)


def load_lines(rows: Iterable[IncidentRow]) -> list[IncidentLine]:
    """Load the incidents of one page whole; three queries.

    One that was resolved meanwhile is left out.
    """
    shown = list(rows)
    incidents = Incident.objects.select_related("service").in_bulk([row.incident for row in shown])
    names = named_entities(pk for row in shown for pk in row.entities)
    return [
        _line(incidents[row.incident], [names[pk] for pk in row.entities if pk in names])
        for row in shown
        if row.incident in incidents
    ]


def _load(snapshot: Snapshot, query: BoardQuery, own: frozenset[str]) -> IncidentBoard:
    overview = snapshot.overview
    rows, labels = snapshot.cached("incident-rows", lambda: _load_rows(overview))
    marked = [
        row._replace(values={**row.values, "mine": tuple(MINE)})
        if not own.isdisjoint(row.values["owner"])
        else row
        for row in rows
    ]
    return IncidentBoard(
        filtered=apply_filters(marked, query, _FILTERS, {**labels, "mine": MINE}),
        issues=overview.issues,
        as_of=overview.as_of,
        has_services=bool(overview.entities),
    )


def _line(row: Incident, entities: list[NamedEntity]) -> IncidentLine:
    return replace(
        incident_line(row),
        service=ExternalLink(text=row.service.name, url=row.service.url),
        entities=tuple(one.link for one in entities),
        owners=owners_of(entities),
    )


def _load_rows(overview: Overview) -> tuple[list[IncidentRow], Labels]:
    """All rows in their order, for any reader; three queries."""
    entities_of = overview.entities_by_service()
    incidents = [
        row
        for row in Incident.objects.select_related("service").order_by()
        if row.service_id in entities_of and row.service_id not in overview.incidents_unknown
    ]
    incidents.sort(key=incident_order)
    names = named_entities(pk for row in incidents for pk in entities_of[row.service_id])
    labels: Labels = {}
    rows = []
    for row in incidents:
        entities = sorted_by_name(entities_of[row.service_id], names)
        rows.append(_row(row, entities, [names[pk] for pk in entities], labels))
    return rows, labels


def _row(
    row: Incident, keys: Sequence[int], entities: Sequence[NamedEntity], labels: Labels
) -> IncidentRow:
    line = incident_line(row)
    values = {
        **filter_values(entities),
        "status": {row.status or "-": line.mark.word},
        "urgency": {row.urgency or "-": line.urgency.word},
        "priority": {row.priority or "-": row.priority or "No priority"},
        "account": {row.service.account: row.service.account},
    }
    return IncidentRow(
        incident=row.pk,
        entities=tuple(keys),
        text=folded(
            [
                f"#{line.number}",
                line.title,
                row.service.name,
                *(word for one in entities for word in (one.name, str(one.node.ref))),
                *(owner.text for owner in owners_of(entities)),
                *(who.text for who in line.assignees),
                *(who.name for who in line.acknowledgements),
            ]
        ),
        values=keep_labels(values, labels),
    )
