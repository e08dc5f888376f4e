"""The search box of every page: what appears while somebody types, and without JavaScript."""

import pytest

from tests.catalog.pages import select, texts
from tests.factories import make_entity, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_cards")]
SEARCH = "/search/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def reader(client):
    client.force_login(make_user("ana"))
    return client


def test_shows_the_best_eight_with_their_owners_and_leads_to_all(reader):
    make_entity("web", kind="Group", title="Web Team")
    for number in range(10):
        make_entity(f"shop-{number}", owner="web")
    page = reader.get(SEARCH, {"q": "shop"}, headers=HTMX)
    assert texts(page, "li .search__name") == [f"shop-{number}" for number in range(8)]
    assert "Web Team" in texts(page, "li")[0]
    last = select(page, "a")[-1]
    assert (last["href"], last.get_text()) == ("/catalog/?q=shop", "All 10 results")
    assert "<html" not in page.text


def test_says_what_it_looked_for_instead_of_a_typo(reader):
    make_entity("checkout")
    page = reader.get(SEARCH, {"q": "chekout"}, headers=HTMX)
    assert "Nothing contains “chekout”: results for “checkout”" in page.text
    assert texts(page, "li .search__name") == ["checkout"]


def test_nothing_found_says_so_and_what_to_try(reader):
    page = reader.get(SEARCH, {"q": "zzzz"}, headers=HTMX)
    assert "Nothing in the catalog contains “zzzz”" in page.text


@pytest.mark.parametrize("text", ["", "   ", "\x00"])
def test_nothing_typed_shows_nothing(reader, text):
    make_entity("shop")
    assert reader.get(SEARCH, {"q": text}, headers=HTMX).text.strip() == ""


def test_as_a_page_of_its_own_it_is_the_index(reader):
    answer = reader.get(SEARCH, {"q": "a b"})
    assert (answer.status_code, answer["Location"]) == (302, "/catalog/?q=a+b")


def test_every_page_has_the_box_and_its_form_leads_to_the_index(reader):
    (form,) = select(reader.get("/"), ".masthead__search")
    assert form["action"] == "/catalog/"
    assert form.select_one("input")["hx-get"] == SEARCH


def test_asks_the_database_as_often_for_one_match_as_for_fifty(reader, django_assert_num_queries):
    make_entity("shop", owner="web", title="t")
    reader.get(SEARCH, {"q": "shop"}, headers=HTMX)
    # session, user, version, text, page, its rows, tags, owners, annotations
    make_entity("shop-1", owner="web", title="t")
    with django_assert_num_queries(10) as few:
        reader.get(SEARCH, {"q": "shop"}, headers=HTMX)
    for number in range(2, 50):
        make_entity(f"shop-{number}", owner=f"team-{number}", tags=("a",), title="t")
    with django_assert_num_queries(len(few)):
        reader.get(SEARCH, {"q": "shop"}, headers=HTMX)
