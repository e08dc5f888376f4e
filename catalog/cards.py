"""The registry through which another app puts a card on an entity's page.

The catalog knows no app that registers: it asks each card whether it applies, and prints what the
card renders.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.safestring import SafeString

from catalog.models import Entity


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
    """

    slug: str
    title: str
    applies_to: Callable[[Entity], bool]
    render: Callable[[HttpRequest, Entity], SafeString]
    badges: Callable[[Sequence[Entity]], Mapping[int, SafeString]]
    actions: Callable[[HttpRequest, Entity], SafeString]


_cards: dict[str, Card] = {}


def register(card: Card) -> None:
    """Add a card; the same slug again replaces it."""
    _cards[card.slug] = card


def all_cards() -> list[Card]:
    """Every registered card, by slug."""
    return [_cards[slug] for slug in sorted(_cards)]


def for_entity(entity: Entity) -> list[Card]:
    """The cards that apply to the entity, by slug."""
    return [card for card in all_cards() if card.applies_to(entity)]
