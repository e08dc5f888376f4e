"""The card as a reader sees it: the drawing that readers share, and what is theirs alone."""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.models import Entity
from pagerduty_card.card.button import button_of
from pagerduty_card.card.drawing import RenderedCard, card_for, digest_of_text
from portal.page_frame import Banner


@dataclass(frozen=True, slots=True, kw_only=True)
class CardUpdate:
    """The part of the card that changed since the page loaded it.

    Attributes:
        html: The new card, or ages for it; None: what it shows still stands.
        is_card: Whether ``html`` is the whole card.
        is_due: Whether the page should ask for a refresh.
    """

    html: SafeString | None
    is_card: bool
    is_due: bool


def update_since(request: HttpRequest, entity: Entity, have: str, *, is_alone: bool) -> CardUpdate:
    """Find what changed since a page loaded the card; most often that is nothing.

    Args:
        request: Tells the reader.
        entity: The entity.
        have: What the page shows, as the card said it; empty for nothing.
        is_alone: The card is the page.
    """
    card = card_for(request, entity)
    had_content, _, had_ages = have.partition(".")
    # While an incident is awaited, each card asks for the next one.
    if card.is_pending or had_content != _content(request, entity, card):
        html = _page_html(request, entity, card, is_alone=is_alone)
        return CardUpdate(html=html, is_card=True, is_due=False)
    ages: SafeString | None = None
    if had_ages != card.ages:
        ages = _have(request, entity, card) + card.ages_html
    return CardUpdate(html=ages, is_card=False, is_due=card.is_due)


def _content(request: HttpRequest, entity: Entity, card: RenderedCard) -> str:
    """Digest of what a reader is shown, the ages apart."""
    button = button_of(request, entity)
    return digest_of_text(repr((card.content, button.may_page, button.why_none)))


def _have(request: HttpRequest, entity: Entity, card: RenderedCard) -> SafeString:
    """The field that says what the page shows; in an answer without the card it renews itself."""
    field = '<input type="hidden" id="card-have" name="have" value="{}.{}" hx-swap-oob="true">'
    return format_html(field, _content(request, entity, card), card.ages)


def render_card(
    request: HttpRequest,
    entity: Entity,
    *,
    is_alone: bool = False,
    is_answer: bool = False,
) -> SafeString:
    """Render the card for one reader.

    Args:
        request: Tells the reader.
        entity: The entity.
        is_alone: The card is the page.
        is_answer: It answers a refresh: it does not ask for another one by itself.
    """
    card = card_for(request, entity)
    return _page_html(request, entity, card, is_alone=is_alone, is_answer=is_answer)


def _page_html(
    request: HttpRequest,
    entity: Entity,
    card: RenderedCard,
    *,
    is_alone: bool,
    is_answer: bool = False,
) -> SafeString:
    context = {
        "card": card,
        "entity": entity,
        "card_url": reverse("pagerduty_card:card", kwargs=entity.url_kwargs),
        "have": _have(request, entity, card),
        "refresh_url": reverse("pagerduty_card:refresh", kwargs=entity.url_kwargs),
        "no_trigger_reason": button_of(request, entity).why_none,
        "is_alone": is_alone,
        "is_auto_refresh": card.is_due and not is_answer,
        # Without the request: the context processors have run for the page around it already.
        "csrf_token": get_token(request),
    }
    return render_to_string("pagerduty_card/_card.html", context)


def sandbox_banner(_request: HttpRequest) -> Banner | None:
    """Say on every page that PagerDuty is not the real one."""
    if not settings.PAGERDUTY_SANDBOX:
        return None
    return Banner(text="PagerDuty sandbox: nobody is really paged.", tone="info")
