"""What the tests of the pages share: a card to register, and reading pages."""

import pytest
from bs4 import BeautifulSoup
from django.utils.html import format_html

from catalog import cards


def select(response, css):
    """The elements of a page that a CSS selector finds."""
    return BeautifulSoup(response.text, "html.parser").select(css)


def texts(response, css):
    """Their texts, blanks made single."""
    return [" ".join(element.get_text().split()) for element in select(response, css)]


def make_card(slug="weather", title="Weather", *, only="", **overrides):
    """A card that prints the entity's name, for every entity or only one."""

    def applies_to(entity):
        return not only or entity.name == only

    return cards.Card(
        **{
            "slug": slug,
            "title": title,
            "applies_to": applies_to,
            "render": lambda request, entity: format_html("<p class='sun'>{}</p>", entity.name),
            "badges": lambda entities: {
                entity.pk: format_html("<b class='sky'>{}</b>", entity.name)
                for entity in entities
                if applies_to(entity)
            },
            "actions": lambda request, entity: format_html("<a href='#rain'>{}</a>", "Rain"),
            **overrides,
        }
    )


@pytest.fixture
def no_cards(monkeypatch):
    """The registry as it is when no app registers a card."""
    monkeypatch.setattr(cards, "_cards", {})
