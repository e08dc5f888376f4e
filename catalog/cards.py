"""The registry through which another app puts a card on an entity's page.

The catalog knows no app that registers: it asks each card whether it applies, and prints what the
card renders.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from catalog.models import Entity, EntityQuerySet

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardState:
    """A state that a card may show an entity in: its word in addresses, and for people."""

    slug: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityStates:
    """Which entities are in which of a card's states at one moment.

    Attributes:
        digest: Another one whenever any entity is in another state.
        keys: Primary keys of the entities by slug of state; an entity may be in several.
    """

    digest: str
    keys: Mapping[str, Collection[int]]

    def of(self, slugs: Iterable[str]) -> frozenset[int]:
        """The entities that are in any of the states."""
        return frozenset[int]().union(*(self.keys.get(slug, ()) for slug in slugs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Several entities that a card sums up.

    Attributes:
        keys: Their primary keys, with and without the card.
        query: The query of the index's address that shows exactly these, with its question mark.
    """

    keys: Collection[int]
    query: str

    def in_state(self, *slugs: str) -> str:
        """The address of the index that shows those of them in any of a card's states."""
        states = urlencode([("state", slug) for slug in slugs])
        return f"{reverse('catalog:index')}{self.query}&{states}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One card of the entity page.

    Attributes:
        slug: Unique name, also the order among equals.
        title: What the card is called in lists.
        applies_to: Whether the entity has the card. One query at most, never HTTP.
        render: The card's HTML for this reader, from stored data only, never HTTP.
        badges: The card's state for each row of a list, by entity primary key; an entity without
            a state is left out. Two queries at most however many entities.
        actions: Buttons for the header of the entity page; may be empty.
        find: Narrows a queryset to the entities that have the card, in the database; None for a
            card that cannot be searched by. The index offers ``has=<slug>`` for it.
        states: What entities may be, worst first. The index offers ``state=<slug>`` for those of
            the first card that has any.
        entity_states: Which entities are in which state now; goes with ``states``. Two queries at
            most.
        rollup: Sums up what belongs to a system, a domain or a group; empty where there is nothing
            to say. Two queries at most however many entities.
        own: The same of what the reader and the reader's groups own, for the first page.
    """

    slug: str
    title: str
    applies_to: Callable[[Entity], bool]
    render: Callable[[HttpRequest, Entity], SafeString]
    badges: Callable[[Sequence[Entity]], Mapping[int, SafeString]]
    actions: Callable[[HttpRequest, Entity], SafeString]
    find: Callable[[EntityQuerySet], EntityQuerySet] | None = None
    states: Sequence[CardState] = ()
    entity_states: Callable[[], EntityStates] | None = None
    rollup: Callable[[HttpRequest, Scope], SafeString] | None = None
    own: Callable[[HttpRequest, Scope], SafeString] | None = None


_cards: dict[str, Card] = {}


def register(card: Card) -> None:
    """Add a card; the same slug again replaces it."""
    _cards[card.slug] = card


def all_cards() -> list[Card]:
    """Every registered card, by slug."""
    return [_cards[slug] for slug in sorted(_cards)]


def found_by() -> list[Card]:
    """The cards that entities can be searched by, by slug."""
    return [card for card in all_cards() if card.find]


def find(slug: str, entities: EntityQuerySet) -> EntityQuerySet:
    """Those of the entities that have the card; none for a card that is not there or failed."""
    card = _cards.get(slug)
    if card is None or card.find is None:
        return entities.none()
    found = _guarded(card, partial(card.find, entities))
    return entities.none() if found is None else found


def card_with_states() -> Card | None:
    """The card by whose states the index filters; None where no card has any."""
    return next((card for card in all_cards() if card.states and card.entity_states), None)


def entity_states() -> EntityStates | None:
    """Which entities are in which state now; None where no card has states, or it failed."""
    card = card_with_states()
    return _guarded(card, card.entity_states) if card and card.entity_states else None


def for_entity(entity: Entity) -> list[Card]:
    """The cards that apply to the entity, by slug; one that cannot tell is among them."""
    return [
        card
        for card in all_cards()
        if _guarded(card, partial(card.applies_to, entity)) is not False
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCard:
    """A card as the entity page prints it; ``html`` is None when the card failed."""

    slug: str
    title: str
    html: SafeString | None


def render(request: HttpRequest, entity: Entity, cards: Sequence[Card]) -> list[ShownCard]:
    """Render the cards of an entity.

    A card that fails is logged and comes without HTML, so that the page can say so: one card's
    failure takes down neither the page nor another card.
    """
    return [
        ShownCard(
            slug=card.slug,
            title=card.title,
            html=_guarded(card, partial(card.render, request, entity)),
        )
        for card in cards
    ]


def rollups(request: HttpRequest, scope: Callable[[], Scope]) -> list[ShownCard]:
    """What the cards say of several entities together; those with nothing to say are left out.

    Args:
        request: The reader's.
        scope: Which entities; asked only where a card sums them up.
    """
    made = [(card, card.rollup) for card in all_cards() if card.rollup]
    return _summed_up(request, scope, made)


def own(request: HttpRequest, scope: Callable[[], Scope]) -> list[ShownCard]:
    """What the cards say of the reader's own entities, as ``rollups`` does."""
    return _summed_up(request, scope, [(card, card.own) for card in all_cards() if card.own])


def _summed_up(
    request: HttpRequest,
    scope: Callable[[], Scope],
    makers: Sequence[tuple[Card, Callable[[HttpRequest, Scope], SafeString]]],
) -> list[ShownCard]:
    if not makers:
        return []
    summed = scope()
    made = [(card, _guarded(card, partial(make, request, summed))) for card, make in makers]
    return [
        ShownCard(slug=f"{card.slug}-rollup", title=card.title, html=html)
        for card, html in made
        if html != ""
    ]


def actions(request: HttpRequest, entity: Entity, cards: Sequence[Card]) -> list[SafeString]:
    """The buttons that the entity's cards put into the header of its pages."""
    made = [_guarded(card, partial(card.actions, request, entity)) for card in cards]
    return [html for html in made if html]


def badges_of(entities: Sequence[Entity]) -> tuple[dict[int, list[SafeString]], list[str]]:
    """What the cards say of the rows of a list.

    Returns:
        The badges by the entity's primary key, and the titles of the cards that failed, whose
        state is therefore not known for any row.
    """
    badges: dict[int, list[SafeString]] = {}
    failed = []
    for card in all_cards():
        shown = _guarded(card, partial(card.badges, entities))
        if shown is None:
            failed.append(card.title)
            continue
        for pk, html in shown.items():
            badges.setdefault(pk, []).append(html)
    return badges, failed


def _guarded(card: Card, make: Callable[[], T]) -> T | None:
    """Ask a card, which is another app's code; None when it failed."""
    try:
        return make()
    except Exception:  # whatever another app raises must not take the page down
        logger.exception("A card failed", extra={"card": card.slug})
        return None
