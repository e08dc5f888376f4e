"""The states that a card tells: a column's filter, its counts, its order and its export."""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import cards
from tests.catalog.pages import make_card, select, texts
from tests.factories import make_entity, make_user

INDEX = "/catalog/"
STATES = (
    cards.CardState(slug="storm", label="Storm"),
    cards.CardState(slug="lost", label="Nobody at the helm"),
    cards.CardState(slug="calm", label="Calm"),
)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_cards")]


@pytest.fixture
def reader(client):
    client.force_login(make_user("ana"))
    return client


class Weather:
    """A card's knowledge that tests change."""

    def __init__(self):
        self.keys = {}
        self.stamp = 0
        cards.register(make_card(states=STATES, entity_states=self.entity_states))

    def set(self, **entities):
        self.keys = {slug: frozenset(one.pk for one in some) for slug, some in entities.items()}
        self.stamp += 1

    def entity_states(self):
        if self.keys is None:
            raise RuntimeError("no weather")
        return cards.EntityStates(digest=str(self.stamp), keys=self.keys)


@pytest.fixture
def weather():
    return Weather()


def names(page):
    return texts(page, "th .index-table__link")


def counts(page):
    """The labels of the states with their counts, in order."""
    boxes = [" ".join(one.get_text().split()) for one in select(page, "#facet-state li")]
    return dict(box.rsplit(" ", 1) for box in boxes)


def test_lists_the_entities_in_any_of_the_states_asked_for(reader, weather):
    shop, cart, mail = make_entity("shop"), make_entity("cart"), make_entity("mail")
    make_entity("logs")
    weather.set(storm=[shop], calm=[cart, mail], lost=[mail])
    assert names(reader.get(f"{INDEX}?state=storm")) == ["shop"]
    assert names(reader.get(f"{INDEX}?state=storm&state=lost")) == ["mail", "shop"]
    assert names(reader.get(f"{INDEX}?state=calm&q=car")) == ["cart"]
    assert names(reader.get(INDEX)) == ["cart", "logs", "mail", "shop"]


def test_counts_each_state_among_what_the_other_filters_leave(reader, weather):
    shop = make_entity("shop", owner="web")
    cart, mail = make_entity("cart", owner="web"), make_entity("mail", owner="ops")
    weather.set(storm=[shop], calm=[cart, mail], lost=[mail])
    page = reader.get(INDEX)
    assert counts(page) == {"Storm": "1", "Nobody at the helm": "1", "Calm": "2"}
    assert texts(page, "#facet-state summary") == ["Weather"]
    assert counts(reader.get(f"{INDEX}?owner=web")) == {"Storm": "1", "Calm": "1"}
    chosen = reader.get(f"{INDEX}?owner=web&state=storm")
    assert counts(chosen) == {"Storm": "1", "Calm": "1"}
    assert texts(chosen, "#facet-owner .count") == ["1 chosen", "1"]
    assert texts(chosen, ".list-count") == ["1 of the catalog's entities"]


def test_an_entity_that_is_gone_is_not_counted(reader, weather):
    shop, cart = make_entity("shop"), make_entity("cart")
    weather.set(storm=[shop, cart])
    shop.delete()
    assert counts(reader.get(INDEX)) == {"Storm": "1"}


def test_a_state_is_a_chip_under_the_cards_name(reader, weather):
    weather.set(storm=[make_entity("shop")])
    page = reader.get(f"{INDEX}?state=storm&owner=ops")
    chip = select(page, ".index__found .chip")
    assert [" ".join(one.get_text().split()) for one in chip] == [
        "owner: ops (remove)", "Weather: Storm (remove)",
    ]  # fmt: skip
    assert chip[1]["href"] == "?owner=ops"
    assert texts(page, ".empty p")[0] == "No entity has owner “ops”, Weather “Storm”."


def test_another_state_shows_at_once_although_the_catalog_did_not_change(reader, weather):
    shop, cart = make_entity("shop"), make_entity("cart")
    weather.set(storm=[shop], calm=[cart])
    assert names(reader.get(f"{INDEX}?state=storm")) == ["shop"]
    assert names(reader.get(f"{INDEX}?sort=state")) == ["shop", "cart"]
    weather.set(storm=[cart], calm=[shop])
    page = reader.get(f"{INDEX}?state=storm")
    assert (names(page), texts(page, ".list-count")) == (["cart"], ["1 of the catalog's entities"])
    assert names(reader.get(f"{INDEX}?sort=state")) == ["cart", "shop"]
    weather.set(calm=[shop, cart])
    assert counts(reader.get(INDEX)) == {"Calm": "2"}


def test_the_other_counts_are_kept_when_only_states_change(reader, weather):
    shop = make_entity("shop", owner="web")
    weather.set(storm=[shop])
    reader.get(INDEX)
    weather.set(calm=[shop])
    with CaptureQueriesContext(connection) as queries:
        reader.get(INDEX)
    assert "GROUP BY" not in str([query["sql"] for query in queries.captured_queries])


def test_orders_by_state_worst_first_and_without_one_last(reader, weather):
    a, b, c = make_entity("a"), make_entity("b"), make_entity("c")
    make_entity("d")
    weather.set(storm=[c], calm=[a, b], lost=[b])
    assert names(reader.get(f"{INDEX}?sort=state")) == ["c", "b", "a", "d"]
    assert names(reader.get(f"{INDEX}?sort=-state")) == ["d", "a", "b", "c"]
    header = select(reader.get(f"{INDEX}?sort=state"), "th[aria-sort]")[0]
    assert header.get_text().strip().startswith("State")
    assert header.a["href"] == "?sort=-state"


def test_exports_what_the_state_leaves(reader, weather):
    shop, cart = make_entity("shop"), make_entity("cart")
    weather.set(storm=[shop], calm=[cart])
    page = reader.get(f"{INDEX}?state=calm")
    formats = {one.get_text(): one["href"] for one in select(page, "a[download]")}
    rows = csv.DictReader(io.StringIO(reader.get(formats["CSV"]).getvalue().decode()))
    assert [row["name"] for row in rows] == ["cart"]
    for label in ("JSON", "YAML"):
        told = reader.get(formats[label]).getvalue().decode()
        assert "cart" in told
        assert "shop" not in told


@pytest.mark.parametrize("many", [40, 10_000])
def test_thousands_in_one_state_are_as_many_queries_as_a_few(reader, weather, many):
    shop, cart = make_entity("shop"), make_entity("cart")
    weather.set(storm=[shop], calm=[cart])
    weather.keys["calm"] |= set(range(cart.pk + 1, cart.pk + many))
    with CaptureQueriesContext(connection) as queries:
        page = reader.get(f"{INDEX}?state=calm&state=lost&sort=state")
    assert (names(page), counts(page)) == (
        ["cart"],
        {"Calm": "1", "Nobody at the helm": "0", "Storm": "1"},
    )
    assert len(queries) == 16


def test_what_cannot_be_told_is_never_shown_as_a_list(reader, weather, caplog):
    make_entity("shop")
    weather.keys = None
    page = reader.get(f"{INDEX}?state=calm")
    assert names(page) == []
    assert texts(page, ".list-count") == ["Not known how many"]
    assert "Weather could not say how these entities are" in page.text
    assert texts(page, ".empty p")[0].startswith("Nobody can tell right now")
    assert "No entity has" not in page.text
    assert select(page, "[aria-label=Kinds] .chip__count")[0].get_text() == "1"
    export = reader.get(f"{INDEX}export/?state=calm&format=csv")
    assert export.status_code == 503
    assert "Nothing is exported" in export.text
    assert "no weather" in caplog.text


def test_without_the_filter_a_card_that_cannot_tell_leaves_the_list(reader, weather):
    make_entity("shop")
    weather.keys = None
    page = reader.get(f"{INDEX}?sort=state")
    assert names(page) == ["shop"]
    assert not select(page, "#facet-state")
    assert page.text.count("Weather could not say how these entities are") == 1


def test_where_no_card_tells_states_none_can_be_asked_for(reader):
    make_entity("shop")
    page = reader.get(INDEX)
    assert not select(page, "#facet-state, [name=sort] [value=state]")
    assert names(reader.get(f"{INDEX}?state=storm")) == []
    assert names(reader.get(f"{INDEX}?sort=state")) == ["shop"]


def test_a_state_that_the_card_does_not_know_lists_nothing(reader, weather):
    weather.set(storm=[make_entity("shop")])
    page = reader.get(f"{INDEX}?state=<b>")
    assert names(page) == []
    assert "No entity has Weather “&lt;b&gt;”" in page.text


def test_keys_are_one_parameter_in_the_type_of_the_column(reader, weather):
    weather.set(calm=[make_entity("harbour"), make_entity("pier")])
    with CaptureQueriesContext(connection) as queries:
        page = reader.get(INDEX, {"state": "calm", "sort": "state"})
    assert sorted(names(page)) == ["harbour", "pier"]
    # PostgreSQL would take small numbers for a smaller type, and compare them one by one.
    begin, end = {"postgresql": ("= ANY(", "::bigint[]"), "sqlite": ("json_each(", "]'")}[
        connection.vendor
    ]
    lists = [part.partition(")")[0] for one in queries for part in one["sql"].split(begin)[1:]]
    assert lists
    assert all(one.endswith(end) for one in lists)
