"""The buttons of an entity's pages: they need the mapping, the right and the key alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from catalog.models import Entity
from pagerduty_card import rights
from pagerduty_card.mapping import resolving
from pagerduty_card.mapping.resolving import Mapped, Target
from pagerduty_card.models import Feed


@dataclass(frozen=True, slots=True, kw_only=True)
class CardServices:
    """The services of an entity, and whether the reader may page them.

    Attributes:
        targets: What the entity names.
        feeds: That speak of the targets.
        mapped: The services, each once.
        refusal: Why the reader may not page; empty when they may.
    """

    targets: Sequence[Target]
    feeds: Sequence[Feed]
    mapped: Sequence[Mapped]
    refusal: str

    @property
    def can_page(self) -> bool:
        """Whether there is a key to page with."""
        return any(one.can_page for one in self.mapped)

    @property
    def may_page(self) -> bool:
        """Whether the reader may page, and there is a key to page with."""
        return self.can_page and not self.refusal

    @property
    def url(self) -> str:
        """The page in PagerDuty of the first service that has one; may be empty."""
        urls = (one.service.url for one in self.mapped if one.service)
        return next(filter(None, urls), "")


def services_of(request: HttpRequest, entity: Entity) -> CardServices:
    """Find them once for a page: its header has the buttons, its body the card."""
    found: dict[int, CardServices] = vars(request).setdefault("pagerduty_services", {})
    if entity.pk not in found:
        targets = resolving.targets_of(entity)
        feeds = resolving.feeds_of(targets)
        mapped = resolving.each_once(resolving.resolve(targets, feeds))
        found[entity.pk] = CardServices(
            targets=targets,
            feeds=feeds,
            mapped=mapped,
            refusal=rights.refusal_of(request.user, entity, mapped),
        )
    return found[entity.pk]


def render_actions(request: HttpRequest, entity: Entity) -> SafeString:
    """Render the buttons for the header of the entity's page."""
    services = services_of(request, entity)
    trigger_url = reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)
    context = {
        "entity": entity,
        "trigger_url": trigger_url if services.may_page else "",
        "service_url": services.url,
    }
    return render_to_string("pagerduty_card/_actions.html", context)


def no_button_reason(request: HttpRequest, services: CardServices) -> str:
    """Why there is no button to page with, for those who look for it; else empty."""
    return rights.why_no_button(request.user, services.refusal, has_key=services.can_page)
