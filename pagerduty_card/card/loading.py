"""The rows of a card, each section's under its own guard, and what is presented from them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

from django.urls import reverse

from catalog.models import Entity
from pagerduty_card.card.blocks import present_block
from pagerduty_card.card.faults import CardPart, guarded
from pagerduty_card.card.values import Heading, ServiceBlock, ServiceRows
from pagerduty_card.history.loading import ON_CARD, occurrences, since_of
from pagerduty_card.history.strip import Occurrence
from pagerduty_card.labels import labels_of, title_of, value_of
from pagerduty_card.mapping.resolving import Mapped
from pagerduty_card.models import ChangeEvent, Incident, OnCall, Service, TriggeredIncident
from pagerduty_card.presenters.freshness import Moment

T = TypeVar("T")


def load_blocks(mapped: Sequence[Mapped], entity: Entity, moment: Moment) -> list[ServiceBlock]:
    """Load and present an entity's services for one reader; a constant number of queries.

    Args:
        mapped: Its services, each once.
        entity: The entity.
        moment: Who reads, when, and in which zone.
    """
    rows = _load_rows([one.service for one in mapped if one.service], moment)
    history_url = reverse("pagerduty_card:history", kwargs=entity.url_kwargs)
    return [
        present_block(
            one,
            rows[one.service.pk] if one.service else ServiceRows(),
            Heading(
                key=value_of(one).replace("/", "-"),
                title=title_of(one),
                label=label,
                entity_name=entity.display_name,
                history_url=f"{history_url}?{urlencode({'service': value_of(one)})}",
            ),
            moment,
        )
        for one, label in zip(mapped, labels_of(mapped), strict=True)
    ]


def load_attempts(entity: Entity, since: datetime) -> list[TriggeredIncident]:
    """Attempts to page from the entity's page since an instant (UTC), newest first."""
    return list(TriggeredIncident.objects.of_entity(entity).filter(triggered_at__gt=since))


def _load_rows(services: Sequence[Service], moment: Moment) -> dict[int, ServiceRows]:
    """The rows of several services in four queries, by the service's key."""
    if not services:
        return {}
    incidents = _load(CardPart.INCIDENTS, lambda: list(Incident.objects.of_services(services)))
    changes = _load(CardPart.CHANGES, lambda: list(ChangeEvent.objects.of_services(services)))
    on_calls = _load(CardPart.ON_CALL, lambda: list(OnCall.objects.of_services(services)))
    past = _load(CardPart.HISTORY, lambda: _past(services, moment))
    found = {}
    for one in services:
        pk, policy = one.pk, one.policy_id
        found[pk] = ServiceRows(
            incidents=incidents and [row for row in incidents if row.service_id == pk],
            changes=changes and [row for row in changes if row.service_id == pk],
            on_calls=on_calls and [row for row in on_calls if row.policy_id == policy],
            past=None if past is None else past.get(pk, ()),
        )
    return found


def _past(services: Sequence[Service], moment: Moment) -> Mapping[int, Sequence[Occurrence]]:
    known = [one for one in services if one.history_since]
    return occurrences(known, since_of(ON_CARD, moment)) if known else {}


def _load(part: CardPart, load: Callable[[], T]) -> T | None:
    return guarded(part, load, lambda _: None)
