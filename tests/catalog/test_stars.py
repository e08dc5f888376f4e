"""Stars: set and taken off on the entity's page and in lists, kept by person."""

import pytest

from catalog.models import Star
from tests.catalog.pages import select
from tests.factories import make_entity, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_cards")]
STAR = "/catalog/default/component/shop/star/"


@pytest.fixture
def reader(client):
    client.user = make_user("ana")
    client.force_login(client.user)
    return client


def starred(user):
    return sorted(Star.objects.filter(user=user).values_list("entity_id", flat=True))


def test_the_same_request_twice_is_harmless(reader):
    make_entity("shop")
    for _ in range(2):
        assert reader.post(STAR, {"star": "on"}).status_code == 303
    assert starred(reader.user) == ["component:default/shop"]
    assert select(reader.get("/catalog/"), "th form.star")
    assert not select(reader.get("/catalog/"), "span form")
    for _ in range(2):
        assert reader.post(STAR, {"star": "off"}).status_code == 303
    assert starred(reader.user) == []


def test_each_reader_has_stars_of_their_own(reader):
    make_entity("shop")
    Star.objects.create(user=make_user("bea"), entity_id="component:default/shop")
    reader.post(STAR, {"star": "off"})
    assert Star.objects.count() == 1


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        ("/catalog/?tag=java&page=2", "/catalog/?tag=java&page=2"),
        ("", "/catalog/default/component/shop/"),
        ("https://evil.example/", "/catalog/default/component/shop/"),
        ("//evil.example/", "/catalog/default/component/shop/"),
        ("javascript:alert(1)", "/catalog/default/component/shop/"),
        ("/\\evil.example", "/catalog/default/component/shop/"),
    ],
)
def test_leads_back_to_where_the_star_was_and_never_out(reader, back, expected):
    make_entity("shop")
    answer = reader.post(STAR, {"star": "on", "next": back})
    assert (answer.status_code, answer["Location"]) == (303, expected)


def test_answers_htmx_with_the_button_alone(reader):
    make_entity("shop")
    answer = reader.post(STAR, {"star": "on", "next": "/catalog/"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    (button,) = select(answer, "button")
    assert (button["aria-pressed"], button["value"]) == ("true", "off")
    assert select(answer, "input[name=next]")[0]["value"] == "/catalog/"
    assert "<html" not in answer.text


def test_a_star_outlives_a_document_that_went_away_and_came_back(reader):
    make_entity("shop").delete()
    Star.objects.create(user=reader.user, entity_id="component:default/shop")
    assert reader.get("/catalog/?user=starred").status_code == 200
    make_entity("shop")
    assert select(reader.get("/catalog/"), "[aria-pressed=true]")


def test_reading_sets_no_star(reader):
    make_entity("shop")
    assert reader.get(STAR).status_code == 405


def test_an_entity_that_is_not_there_takes_no_star(reader):
    assert reader.post(STAR, {"star": "on"}).status_code == 404
    assert Star.objects.count() == 0


def test_nobody_without_an_account_sets_a_star(client):
    make_entity("shop")
    assert client.post(STAR, {"star": "on"}).status_code == 302
    assert Star.objects.count() == 0


@pytest.mark.parametrize(
    ("typed", "led_to"),
    [
        ("/catalog/?q=größe\u2013", "/catalog/?q=gr%C3%B6%C3%9Fe%E2%80%93"),
        ("/catalog/\r\nSet-Cookie: a=b", "/catalog/%0D%0ASet-Cookie:%20a=b"),
    ],
)
def test_leads_back_to_any_address_of_this_portal(client, typed, led_to):
    client.force_login(make_user())
    address = make_entity("a").get_absolute_url()
    response = client.post(f"{address}star/", {"star": "on", "next": typed})
    assert (response.status_code, response["Location"]) == (303, led_to)
