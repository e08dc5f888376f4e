"""The buttons of an entity's pages: they need the mapping, the right and the key alone.

The last is told with the card's drawing, which is made whatever part of the card fails.
"""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from catalog.models import Entity
from pagerduty_card import rights
from pagerduty_card.card.drawing import card_for
from pagerduty_card.mapping import resolving


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Whether a reader may page an entity's services.

    Attributes:
        may_page: They may, and there is a key to page with.
        why_none: Why there is no button, for those who look for it; else empty.
    """

    may_page: bool
    why_none: str


def button_of(request: HttpRequest, entity: Entity) -> Button:
    """Find it once for a page: its header has the button, its body the reason."""
    found: dict[int, Button] = vars(request).setdefault("pagerduty_buttons", {})
    if entity.pk not in found:
        can_page = card_for(request, entity).can_page
        # Of a service of the entity's no more is asked where everybody with the right may page.
        is_for_owners = settings.PAGERDUTY_TRIGGER_OWNERS_ONLY
        mapped = resolving.services_of(entity) if is_for_owners else ()
        refusal = rights.refusal_of(request.user, entity, mapped)
        found[entity.pk] = Button(
            may_page=can_page and not refusal,
            why_none=rights.why_no_button(request.user, refusal, has_key=can_page),
        )
    return found[entity.pk]


def render_actions(request: HttpRequest, entity: Entity) -> SafeString:
    """Render the buttons for the header of the entity's page."""
    trigger_url = reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)
    context = {
        "entity": entity,
        "trigger_url": trigger_url if button_of(request, entity).may_page else "",
        "service_url": card_for(request, entity).service_url,
    }
    return render_to_string("pagerduty_card/_actions.html", context)
