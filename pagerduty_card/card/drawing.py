"""The drawing of a card that all readers of one kind share, kept while a new one would be equal.

From stored data only: nothing here asks PagerDuty.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from catalog.models import Entity
from pagerduty_card.accounts import all_accounts
from pagerduty_card.card.blocks import present_card
from pagerduty_card.card.faults import CardPart, guarded
from pagerduty_card.card.inputs import inputs_of, load_inputs
from pagerduty_card.card.loading import load_attempts, load_blocks
from pagerduty_card.card.values import CardView
from pagerduty_card.lookup import moment_of
from pagerduty_card.mapping import resolving
from pagerduty_card.mapping.targets import INTEGRATION_KEY, annotation_text, forget_targets
from pagerduty_card.presenters.freshness import Moment
from pagerduty_card.presenters.outcomes import SHOWN_FOR
from portal import clock
from portal.cache import keep, kept
from portal.templatetags.ui import renew_ages

# It would stay true for longer; this only bounds how long what nobody reads takes up room.
_KEPT_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedCard:
    """A card as all readers of one kind see it.

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
        can_page: There is a key to page with.
        service_url: The page in PagerDuty of the first service that has one; may be empty.
        since: When it was drawn (UTC).
        until: From when on the clock changes more than ages (UTC).
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
    can_page: bool
    service_url: str
    since: datetime
    until: datetime

    @property
    def with_ages(self) -> "RenderedCard":
        """The same with every age of now."""
        return replace(
            self,
            name_html=renew_ages(self.name_html),
            body_html=renew_ages(self.body_html),
            ages_html=renew_ages(self.ages_html),
        )


def card_for(request: HttpRequest, entity: Entity) -> RenderedCard:
    """The card for this kind of reader, once for a page: its header has the buttons of it.

    The key holds all that the drawing follows from: the rows themselves, the accounts, and the
    reader's rights and zone. The clock is watched while it is drawn, so that it is known how long
    the drawing is true but for its ages, which are written anew for each reader.
    """
    found: dict[int, RenderedCard] = vars(request).setdefault("pagerduty_cards", {})
    if entity.pk not in found:
        moment = moment_of(request)
        inputs, key = inputs_of(entity), _key(entity, moment)
        card: RenderedCard | None = kept(key) if inputs.digest else None
        # A clock that was put back knows nothing of it.
        if card is None or not card.since <= moment.now < card.until:
            card = _draw(entity, moment)
            # What was written meanwhile may be in it, or in a part of it.
            if inputs.digest and card.until > card.since and load_inputs(entity) == inputs:
                keep(key, card, _KEPT_S)
        found[entity.pk] = card.with_ages
    return found[entity.pk]


def _key(entity: Entity, moment: Moment) -> str:
    told = (
        (entity.pk, entity.ref, entity.display_name),
        annotation_text(entity.annotations, INTEGRATION_KEY),
        inputs_of(entity).digest,
        [
            (name, account.problem, account.events_base_url)
            for name, account in sorted(all_accounts().items())
        ],
        moment.reader,
        str(moment.zone),
    )
    return f"pagerduty-card:{hashlib.sha256(repr(told).encode()).hexdigest()}"


def _draw(entity: Entity, moment: Moment) -> RenderedCard:
    forget_targets(entity)
    with clock.watched(moment.now) as watch:
        moment = replace(moment, now=clock.now())
        mapped = resolving.services_of(entity)
        attempts = guarded(
            CardPart.ATTEMPTS,
            lambda: load_attempts(entity, watch.since - SHOWN_FOR),
            lambda _: None,
        )
        rendered = guarded(
            CardPart.CARD,
            lambda: _render_view(
                present_card(
                    load_blocks(mapped, entity, moment),
                    attempts,
                    now=moment.now.astimezone(moment.zone),
                )
            ),
            lambda failure: _render_view(
                CardView(blocks=(), attempts=(), problem=failure.explanation)
            ),
        )
    urls = (one.service.url for one in mapped if one.service)
    return RenderedCard(
        **rendered,
        can_page=any(one.can_page for one in mapped),
        service_url=next(filter(None, urls), ""),
        since=watch.since,
        until=watch.until,
    )


def _render_view(view: CardView) -> dict[str, Any]:
    name_html = SafeString("")
    if len(view.blocks) == 1:
        context = {"block": view.blocks[0], "is_only": True}
        name_html = render_to_string("pagerduty_card/_state.html", context)
    body_html = render_to_string("pagerduty_card/_body.html", {"card": view})
    return {
        "tone": view.tone,
        "name_html": name_html,
        "body_html": body_html,
        "ages_html": render_to_string("pagerduty_card/_ages.html", {"card": view}),
        "words": view.words,
        "content": digest_of_text(_AGES.sub("", f"{view.words}{name_html}{body_html}")),
        "ages": digest_of_text(repr([view.as_of, *(block.ages for block in view.blocks)])),
        "as_of": view.as_of,
        "is_due": view.is_due,
        "is_pending": view.is_pending,
    }


# Ages: those that the page keeps true by itself, and those that ``_ages.html`` renews.
_AGES = re.compile(r' data-ago>[^<]*|<span (?:class="age" )?id="as-of-[^"]*">.*?</span>', re.DOTALL)


def digest_of_text(text: str) -> str:
    """What stands for a text where it is compared with another."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
