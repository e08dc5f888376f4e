"""What the tests of the pages share: a card to register, and reading pages."""

import pytest
from django.utils.html import format_html

from catalog import cards
from tests.pages import soup_of


def select(response, css):
    """The elements of a page that a CSS selector finds."""
    return soup_of(response).select(css)


def texts(response, css):
    """Their texts, blanks made single."""
    return [" ".join(element.get_text().split()) for element in select(response, css)]


def make_card(slug="weather", title="Weather", *, only="", **overrides):
    """A card that prints the entity's name, for every entity or only one.

    Args:
        overrides: Attributes of the card, and its methods as functions without ``self``.
    """

    class AnyCard(cards.Card):
        def find(self, entities):
            return entities.filter(name=only) if only else entities

        def render(self, request, entity):
            return format_html("<p class='sun'>{}</p>", entity.name)

        def badges(self, entities):
            return {
                entity.pk: format_html("<b class='sky'>{}</b>", entity.name)
                for entity in entities
                if not only or entity.name == only
            }

        def actions(self, request, entity):
            return format_html("<a href='#rain'>{}</a>", "Rain")

    own = {name: staticmethod(it) if callable(it) else it for name, it in overrides.items()}
    return type("MadeCard", (AnyCard,), {"slug": slug, "title": title, **own})()


@pytest.fixture
def no_cards(monkeypatch):
    """The registry as it is when no app registers a card."""
    monkeypatch.setattr(cards, "_cards", {})
