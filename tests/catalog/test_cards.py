"""A card needs a name, a template and which entities have it; the rest is optional."""

import pytest

from catalog import cards
from tests.catalog.pages import select, texts
from tests.factories import make_entity, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_cards")]


class Tides(cards.Card):
    """The least that a card can be."""

    slug = "tides"
    title = "Tides"
    template_name = "components/empty.html"

    def find(self, entities):
        return entities.filter(name="harbour")

    def context(self, request, entity):
        return {"text": f"High water at {entity.name} for {request.user.username}"}


@pytest.fixture
def reader(client):
    client.force_login(make_user("ana"))
    return client


@pytest.fixture
def harbour():
    return make_entity("harbour")


def test_its_template_is_shown_to_the_reader(reader, harbour):
    cards.register(Tides())
    page = reader.get(harbour.get_absolute_url())
    assert texts(page, ".columns__main > .empty") == ["High water at harbour for ana"]


def test_entities_that_it_does_not_find_have_no_card(reader):
    cards.register(Tides())
    page = reader.get(make_entity("hill").get_absolute_url())
    assert "High water" not in page.text


def test_the_index_filters_by_it(reader, harbour):
    cards.register(Tides())
    make_entity("hill")
    page = reader.get("/catalog/?has=tides")
    assert texts(page, "th .index-table__link") == ["harbour"]


def test_it_says_nothing_elsewhere_unless_it_is_asked_to(reader, harbour):
    make_entity("coast", kind="System")
    cards.register(Tides())
    assert "Tides" not in reader.get("/").text
    system = reader.get("/catalog/default/system/coast/")
    assert "Tides" not in system.text
    assert len(select(system, ".columns__main")) == 1  # no empty place for cards
    assert not select(reader.get(harbour.get_absolute_url()), ".page-header__actions a")
    assert not select(reader.get("/catalog/"), "#facet-state")


def test_a_missing_template_is_the_failure_of_the_card_alone(reader, harbour, caplog):
    broken = type("Broken", (Tides,), {"template_name": "no/such.html"})
    cards.register(broken())
    page = reader.get(harbour.get_absolute_url())
    assert page.status_code == 200
    assert "Tides could not be shown, so its state is not known" in page.text
    assert "A card failed" in caplog.text


def test_states_that_it_names_and_does_not_tell_are_unknown(reader, harbour):
    high = cards.CardState(slug="high", label="High")
    cards.register(type("Silent", (Tides,), {"states": (high,)})())
    page = reader.get("/catalog/?state=high")
    assert "Nobody can tell right now" in texts(page, ".empty p")[0]


def test_one_that_names_no_entities_cannot_be_registered():
    with pytest.raises(TypeError, match="find"):
        type("Nameless", (cards.Card,), {"slug": "x", "title": "X"})()
