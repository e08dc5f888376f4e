"""The card as ``catalog.cards`` knows it: rows of the mirror loaded, presented and rendered.

From stored data only: nothing here asks PagerDuty.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.models import Entity
from pagerduty_card.accounts import all_accounts
from pagerduty_card.card.blocks import present_card
from pagerduty_card.card.button import no_button_reason, services_of
from pagerduty_card.card.faults import CardPart, guarded
from pagerduty_card.card.loading import load_attempts, load_blocks
from pagerduty_card.card.values import CardView
from pagerduty_card.lookup import moment_of
from pagerduty_card.mapping.resolving import Target
from pagerduty_card.models import Feed, TriggeredIncident
from pagerduty_card.presenters.freshness import Moment
from pagerduty_card.presenters.outcomes import SHOWN_FOR
from portal.page_frame import Banner


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedCard:
    """A card as all readers of one kind see it within one second.

    Attributes:
        tone: Of the worst service's state; empty without one.
        name_html: Name and state of the one service; empty for several.
        body_html: Attempts to page, and the services with their sections.
        ages_html: Those ages that a good answer renews although nothing else changed, each by
            itself, to be put in its place.
        words: What the newest page came to, and name and state of each service.
        content: Digest of the card without the ages; the same while nothing else changed.
        ages: Digest of the instants in ``ages_html``.
        as_of: When the oldest answer about open incidents came (UTC); None if one never came.
        is_due: Something is old enough to ask PagerDuty again.
        is_pending: An attempt's incident may still appear within seconds.
    """

    tone: str
    name_html: SafeString
    body_html: SafeString
    ages_html: SafeString
    words: str
    content: str
    ages: str
    as_of: datetime | None
    is_due: bool
    is_pending: bool


def _card_for(request: HttpRequest, entity: Entity) -> RenderedCard:
    """The card for this kind of reader, drawn once a second however many look.

    The key holds all that the drawing follows from: what the entity names, the feeds that every
    write to the mirror goes with, the attempts to page, the kind of reader and the second, which
    is as fine as any age is told. So a drawing is used again only where a new one would be equal.
    """
    services, moment = services_of(request, entity), moment_of(request)
    since = moment.now - SHOWN_FOR
    attempts = guarded(CardPart.ATTEMPTS, lambda: load_attempts(entity, since), lambda _: None)
    key = _key(entity, services.targets, [*services.feeds, *(attempts or ())], moment)
    found: RenderedCard | None = cache.get(key) if attempts is not None else None
    if found is None:
        found = guarded(
            CardPart.CARD,
            lambda: _render_view(
                present_card(
                    load_blocks(services.mapped, entity, moment),
                    attempts,
                    now=moment.now.astimezone(moment.zone),
                )
            ),
            lambda failure: _render_view(
                CardView(blocks=(), attempts=(), problem=failure.explanation)
            ),
        )
        if attempts is not None:
            cache.set(key, found, timeout=2)
    return found


def _key(
    entity: Entity,
    targets: Sequence[Target],
    rows: Sequence[Feed | TriggeredIncident],
    moment: Moment,
) -> str:
    told = (
        (entity.pk, entity.ref, entity.display_name),
        [(target, target.integration_key) for target in targets],
        [
            (name, account.problem, account.events_base_url)
            for name, account in sorted(all_accounts().items())
        ],
        sorted(
            str([type(row).__name__, *(getattr(row, field.attname) for field in row._meta.fields)])
            for row in rows
        ),
        moment.reader,
        str(moment.zone),
        int(moment.now.timestamp()),
    )
    return f"pagerduty-card:{hashlib.sha256(repr(told).encode()).hexdigest()}"


def _render_view(view: CardView) -> RenderedCard:
    name_html = SafeString("")
    if len(view.blocks) == 1:
        name_html = render_to_string("pagerduty_card/_state.html", {"block": view.blocks[0]})
    body_html = render_to_string("pagerduty_card/_body.html", {"card": view})
    return RenderedCard(
        tone=view.tone,
        name_html=name_html,
        body_html=body_html,
        ages_html=render_to_string("pagerduty_card/_ages.html", {"card": view}),
        words=view.words,
        content=_digest(_AGES.sub("", f"{view.words}{name_html}{body_html}")),
        ages=_digest([view.as_of, *(block.ages for block in view.blocks)]),
        as_of=view.as_of,
        is_due=view.is_due,
        is_pending=view.is_pending,
    )


# Ages: those that the page keeps true by itself, and those that ``_ages.html`` renews.
_AGES = re.compile(r' data-ago>[^<]*|<span (?:class="age" )?id="as-of-[^"]*">.*?</span>', re.DOTALL)


def _digest(told: object) -> str:
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


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
    card = _card_for(request, entity)
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
    services = services_of(request, entity)
    return _digest((card.content, services.may_page, no_button_reason(request, services)))


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
    card = _card_for(request, entity)
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
        "no_trigger_reason": no_button_reason(request, services_of(request, entity)),
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
