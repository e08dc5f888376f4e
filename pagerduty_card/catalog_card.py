"""The PagerDuty card as the catalog's registry knows it."""

from collections.abc import Mapping, Sequence

from django.http import HttpRequest
from django.utils.safestring import SafeString

from catalog.cards import Card, EntityStates, Scope
from catalog.models import Entity, EntityQuerySet
from pagerduty_card.card import button, rendering
from pagerduty_card.card.inputs import inputs_of
from pagerduty_card.mapping import resolving
from pagerduty_card.overview import presenting, rollups


class PagerDutyCard(Card):
    """Incidents, changes and who is on call, for entities that name a PagerDuty service."""

    slug = "pagerduty"
    title = "PagerDuty"
    states = presenting.STATES

    def find(self, entities: EntityQuerySet) -> EntityQuerySet:
        """Those that an annotation or a link maps."""
        return resolving.find_mapped(entities)

    def applies_to(self, entity: Entity) -> bool:
        """Whether an annotation or a link maps it."""
        return inputs_of(entity).is_mapped

    def render(self, request: HttpRequest, entity: Entity) -> SafeString:
        """The card, drawn once for all readers of one kind while nothing of it changes."""
        return rendering.render_card(request, entity)

    def actions(self, request: HttpRequest, entity: Entity) -> SafeString:
        """The buttons that page somebody and open PagerDuty."""
        return button.render_actions(request, entity)

    def badges(self, entities: Sequence[Entity]) -> Mapping[int, SafeString]:
        """The worst state of each entity's services."""
        return rollups.render_badges(entities)

    def entity_states(self) -> EntityStates:
        """Which entities are in which state, from the mirror."""
        return rollups.entity_states()

    def rollup(self, request: HttpRequest, scope: Scope) -> SafeString:
        """How many entities are in which state, and the worst of them."""
        return rollups.render_rollup(request, scope)

    def own_rollup(self, request: HttpRequest, scope: Scope) -> SafeString:
        """The same of the reader's own, with their open incidents and who is on call."""
        return rollups.render_own(request, scope)
