"""The board of open incidents: every one of the catalog's entities, in the card's order."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.http import HttpRequest

from catalog.links import EntityLink
from pagerduty_card.accounts import all_accounts
from pagerduty_card.boards.choosing import Chosen, choose, folded
from pagerduty_card.boards.doubts import DoubtLine, present_doubts, shown_of
from pagerduty_card.boards.naming import (
    MINE,
    Named,
    name_entities,
    own_refs,
    owners_of,
    values_of,
)
from pagerduty_card.estate import Estate
from pagerduty_card.models import Feed, Incident
from pagerduty_card.presenters.freshness import Reader
from pagerduty_card.presenters.incidents import IncidentLine, incident_line, incident_order
from pagerduty_card.presenters.on_call import Link as Outside
from portal.single_value_cache import SingleValueCache

_FILTERS = {
    "mine": "Whose",
    "status": "Status",
    "urgency": "Urgency",
    "priority": "Priority",
    "owner": "Owner",
    "kind": "Kind",
    "account": "Account",
}

# By the estate's stamp: when very many are open very many look, and the rows are the same for all.
_rows: SingleValueCache[str, list["IncidentRow"]] = SingleValueCache()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRow:
    """One open incident, and whom it concerns.

    Attributes:
        incident: As the card shows it.
        entities: All that name its service.
        owners: Theirs, each once.
    """

    incident: IncidentLine
    service: Outside
    entities: tuple[Named, ...]
    owners: tuple[EntityLink, ...]
    text: str
    values: Mapping[str, Mapping[str, str]]

    @property
    def line(self) -> IncidentLine:
        """The row as a page prints it; made then, for there may be thousands."""
        return replace(
            self.incident,
            service=self.service,
            entities=tuple(one.link for one in self.entities),
            owners=self.owners,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentBoard:
    """The board.

    Attributes:
        chosen: The rows that pass the filters.
        doubts: What is not known.
        as_of: When the oldest answer that counts came (UTC); None if none did.
        has_services: Whether any entity names a service at all.
    """

    chosen: Chosen[IncidentRow]
    doubts: tuple[DoubtLine, ...]
    as_of: datetime | None
    has_services: bool

    @property
    def is_calm(self) -> bool:
        """Whether nothing is open because PagerDuty said so of every service."""
        return self.has_services and not self.chosen.total and not self.doubts


def incident_board(
    request: HttpRequest, found: Estate, reader: Reader, now: datetime
) -> IncidentBoard:
    """Read the open incidents of the estate; six queries at most however many.

    Args:
        request: Tells the reader and the filters.
        found: The catalog as it stands.
        reader: What of the reader changes the words.
        now: The instant of reading (UTC).
    """
    own = own_refs(request)
    rows = [
        replace(row, values={**row.values, "mine": MINE})
        if any(one.owner_ref in own for one in row.entities)
        else row
        for row in _rows_of(found)
    ]
    return IncidentBoard(
        chosen=choose(rows, request.GET, _FILTERS, {"mine": MINE}),
        doubts=present_doubts(
            found.doubts,
            name_entities(shown_of(found.doubts)),
            all_accounts(),
            sentence="The open incidents of {} are {}",
            reader=reader,
            now=now,
        ),
        as_of=found.as_of,
        has_services=bool(found.entities),
    )


def _rows_of(found: Estate) -> list[IncidentRow]:
    """All rows in their order, for any reader: as long as the estate is the same, so are they."""
    return _rows.get_or_set(found.stamp, lambda: _read_rows(found))


def _read_rows(found: Estate) -> list[IncidentRow]:
    unheard = {
        pk
        for doubt in found.doubts
        if doubt.kind == Feed.Kind.INCIDENTS and not doubt.freshness.is_known
        for pk in doubt.services
    }
    rows = [
        row
        for row in Incident.objects.select_related("service").order_by()
        if row.service_id in found.by_service and row.service_id not in unheard
    ]
    rows.sort(key=incident_order)
    names = name_entities(pk for row in rows for pk in found.by_service[row.service_id])
    places = {pk: place for place, pk in enumerate(names)}
    shown = []
    for row in rows:
        its = [pk for pk in found.by_service[row.service_id] if pk in places]
        its.sort(key=places.__getitem__)
        shown.append(_row(row, [names[pk] for pk in its]))
    return shown


def _row(row: Incident, entities: list[Named]) -> IncidentRow:
    line = incident_line(row)
    owners = owners_of(entities)
    return IncidentRow(
        incident=line,
        service=Outside(text=row.service.name, url=row.service.url),
        entities=tuple(entities),
        owners=owners,
        text=folded(
            [
                f"#{line.number}",
                line.title,
                row.service.name,
                *(word for one in entities for word in (one.name, str(one.node.ref))),
                *(owner.text for owner in owners),
                *(who.text for who in line.assignees),
                *(who.name for who in line.acknowledgements),
            ]
        ),
        values={
            **values_of(entities),
            "status": {row.status or "-": line.mark.word},
            "urgency": {row.urgency or "-": line.urgency.word},
            "priority": {row.priority or "-": row.priority or "No priority"},
            "account": {row.service.account: row.service.account},
        },
    )
