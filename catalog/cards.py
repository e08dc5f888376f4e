"""The registry through which another app puts a card on an entity's page.

The catalog knows no app that registers: it asks each card whether it applies, and prints what the
card renders.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode

from django.http import HttpRequest
from django.template.loader import render_to_string
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


class Scope:
    """Several entities that a card sums up.

    Attributes:
        query: The query of the index's address that shows exactly these, with its question mark.
    """

    def __init__(self, *, query: str, load_keys: Callable[[], Collection[int]]) -> None:
        """Read nothing yet.

        Args:
            query: See above.
            load_keys: Reads the primary keys; called where a card asks for them.
        """
        self.query = query
        self._load_keys = load_keys

    @cached_property
    def keys(self) -> Collection[int]:
        """Their primary keys, with and without the card."""
        return self._load_keys()

    def in_state(self, *slugs: str) -> str:
        """The address of the index that shows those of them in any of a card's states."""
        states = urlencode([("state", slug) for slug in slugs])
        return f"{reverse('catalog:index')}{self.query}&{states}"


class Card(ABC):
    """A card of the entity page, and what it says elsewhere: subclass it and register an instance.

    A subclass names itself, its template, and which entities have it; every other method has a
    default that shows nothing. Methods read stored data only and never ask over HTTP. What one
    raises is logged and costs the card its place, never the page.

    Attributes:
        slug: Unique name, also the order among equals.
        title: What the card is called in lists.
        template_name: The template that ``render`` prints.
        states: What entities may be, worst first. The index offers ``state=<slug>`` for those of
            the first card that has any; such a card overrides ``entity_states``.
    """

    slug: ClassVar[str]
    title: ClassVar[str]
    template_name: ClassVar[str] = ""
    states: ClassVar[Sequence[CardState]] = ()

    @abstractmethod
    def find(self, entities: EntityQuerySet) -> EntityQuerySet:
        """Those of the entities that have the card, in the database; for ``has=<slug>``."""

    def applies_to(self, entity: Entity) -> bool:
        """Whether the entity has the card. One query at most."""
        return self.find(Entity.objects.filter(pk=entity.pk)).exists()

    def context(self, request: HttpRequest, entity: Entity) -> dict[str, Any]:
        """What the template prints beside ``entity``."""
        del request, entity
        return {}

    def render(self, request: HttpRequest, entity: Entity) -> SafeString:
        """The card's HTML for this reader."""
        context = {"entity": entity, **self.context(request, entity)}
        return render_to_string(self.template_name, context, request)

    def actions(self, request: HttpRequest, entity: Entity) -> SafeString:
        """Buttons for the header of the entity's pages."""
        del request, entity
        return SafeString("")

    def badges(self, entities: Sequence[Entity]) -> Mapping[int, SafeString]:
        """The card's state for rows of a list, by primary key; one without a state is left out.

        Two queries at most however many entities.
        """
        del entities
        return {}

    def entity_states(self) -> EntityStates:
        """Which entities are in which of ``states`` now. Two queries at most."""
        # Only a card with states is asked; nothing told is unknown, not an empty list.
        raise NotImplementedError

    def rollup(self, request: HttpRequest, scope: Scope) -> SafeString:
        """Sum up what belongs to a system, a domain or a group; empty for nothing to say.

        Two queries at most however many entities.
        """
        del request, scope
        return SafeString("")

    def own_rollup(self, request: HttpRequest, scope: Scope) -> SafeString:
        """Sum up what the reader and the reader's groups own, for the first page; or nothing."""
        del request, scope
        return SafeString("")


_cards: dict[str, Card] = {}


def register(card: Card) -> None:
    """Add a card; the same slug again replaces it."""
    _cards[card.slug] = card


def all_cards() -> list[Card]:
    """Every registered card, by slug."""
    return [_cards[slug] for slug in sorted(_cards)]


def find(slug: str, entities: EntityQuerySet) -> EntityQuerySet:
    """Those of the entities that have the card; none for a card that is not there or failed."""
    card = _cards.get(slug)
    found = _guarded(card, partial(card.find, entities)) if card else None
    return entities.none() if found is None else found


def card_with_states() -> Card | None:
    """The card by whose states the index filters; None where no card has any."""
    return next((card for card in all_cards() if card.states), None)


def entity_states() -> EntityStates | None:
    """Which entities are in which state now; None where no card has states, or it failed."""
    card = card_with_states()
    return _guarded(card, card.entity_states) if card else None


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


def rollups(request: HttpRequest, scope: Scope) -> list[ShownCard]:
    """What the cards say of several entities together; those with nothing to say are left out."""
    return _shown_rollups(
        (card, _guarded(card, partial(card.rollup, request, scope))) for card in all_cards()
    )


def own_rollups(request: HttpRequest, scope: Scope) -> list[ShownCard]:
    """What the cards say of the reader's own entities, as :func:`rollups` does."""
    return _shown_rollups(
        (card, _guarded(card, partial(card.own_rollup, request, scope))) for card in all_cards()
    )


def _shown_rollups(made: Iterable[tuple[Card, SafeString | None]]) -> list[ShownCard]:
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
