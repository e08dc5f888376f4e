import pytest
from django.urls import reverse

from tests.catalog.pages import select, texts
from tests.factories import make_entity, make_user

pytestmark = pytest.mark.django_db
HOME = "/"


@pytest.fixture
def reader(client):
    client.force_login(make_user("ana"))
    return client


def test_an_empty_catalog_says_how_to_import(reader):
    page = reader.get(HOME)
    assert page.status_code == 200
    assert "import_catalog" in page.text


def test_counts_each_kind_and_links_to_the_index(reader):
    make_entity("a")
    make_entity("b")
    make_entity("t", kind="Group")
    page = reader.get(HOME)
    chips = {a["href"]: a.get_text(" ", strip=True) for a in select(page, "a.chip")}
    assert chips == {"/catalog/?kind=component": "Component 2", "/catalog/?kind=group": "Group 1"}


def test_the_search_box_leads_to_the_index(reader):
    form = select(reader.get(HOME), "main form[role=search]")[0]
    assert form["action"] == reverse("catalog:index")
    assert form.select_one("input")["name"] == "q"


def test_lists_what_changed_last_first(reader):
    for name in ("first", "second", "third"):
        make_entity(name)
    assert texts(reader.get(HOME), "#recent .row__title") == ["third", "second", "first"]


def test_shows_what_the_reader_and_the_readers_groups_own(reader):
    make_entity("ana", kind="User")
    make_entity("by-user", kind="Group")
    make_entity("by-group", kind="Group", relations=(("hasMember", "user:default/ana"),))
    make_entity("mine", owner="by-group")
    make_entity("also-mine", owner="user:ana")
    make_entity("theirs", owner="by-user")
    assert texts(reader.get(HOME), "#own .row__title") == ["also-mine", "mine"]


def test_finds_the_reader_by_membership_declared_on_the_user(reader):
    make_entity("crew", kind="Group")
    make_entity("ana", kind="User", relations=(("memberOf", "group:default/crew"),))
    make_entity("ship", owner="crew")
    assert texts(reader.get(HOME), "#own .row__title") == ["ship"]


def test_finds_the_reader_by_mail_address(client):
    client.force_login(make_user("a.lima", email="Ana@Example.com"))
    make_entity("ana.l", kind="User", spec={"profile": {"email": "ana@example.com"}})
    make_entity("ship", owner="user:ana.l")
    assert texts(client.get(HOME), "#own .row__title") == ["ship"]


def test_a_reader_who_is_nobody_in_the_catalog_is_told_so(reader):
    make_entity("ship")
    page = reader.get(HOME)
    assert "No person in the catalog" in page.text
    assert "User</code> entity named <code>ana" in page.text


def test_somebody_without_a_mail_address_is_not_everybody_without_one(reader):
    make_entity("nobody", kind="User", spec={"profile": {"email": ""}})
    assert "No person in the catalog" in reader.get(HOME).text


def test_asks_the_database_as_often_for_one_entity_as_for_fifty(
    reader, django_assert_max_num_queries, no_cards
):
    make_entity("ana", kind="User", relations=(("memberOf", "group:default/crew"),))
    make_entity("crew", kind="Group")
    make_entity("ship-0", owner="crew", tags=("a",))
    with django_assert_max_num_queries(20) as one:
        reader.get(HOME)
    for number in range(1, 50):
        make_entity(f"ship-{number}", owner="crew", tags=("a", "b"))
    with django_assert_max_num_queries(len(one)):
        reader.get(HOME)
    assert len(one) <= 18


def test_says_where_the_rest_of_ones_own_is(reader):
    make_entity("ana", kind="User")
    for number in range(12):
        make_entity(f"ship-{number}", owner="user:ana")
    page = reader.get(HOME)
    link = next(a for a in select(page, "#own a") if a.get_text().startswith("All that you"))
    assert "12 of the catalog" in reader.get(link["href"]).text


def test_owns_what_the_groups_below_ones_own_own(reader):
    make_entity("crew", kind="Group", relations=(("parentOf", "group:default/deck"),))
    make_entity("deck", kind="Group")
    make_entity("ana", kind="User", relations=(("memberOf", "group:default/crew"),))
    make_entity("mop", owner="deck")
    assert texts(reader.get(HOME), "#own .row__title") == ["mop"]


def test_lists_what_the_reader_starred(reader):
    make_entity("ship")
    make_entity("mop")
    reader.post("/catalog/default/component/ship/star/", {"star": "on"})
    assert texts(reader.get(HOME), "#starred .row__title") == ["ship"]


def test_a_person_is_found_in_the_namespace_of_the_setting_alone(client, settings):
    client.force_login(make_user("Ana", email="ana@example.com"))
    mail = {"profile": {"email": "Ana@example.com"}}
    make_entity("aNa", kind="User", namespace="people")
    make_entity("ana.lima", kind="User", namespace="aaa", spec=mail)
    make_entity("ship", owner="user:people/ana")
    assert texts(client.get(HOME), "#own .row__title") == []
    settings.CATALOG_PEOPLE_NAMESPACE = "people"
    assert texts(client.get(HOME), "#own .row__title") == ["ship"]


ORG, TEAM = "/srv/org/people.yaml", "/srv/team/catalog-info.yaml"


@pytest.mark.parametrize("named", ["/srv/org", "/srv/org/people.yaml", "https://x.test/,/srv/org/"])
@pytest.mark.parametrize(
    ("written", "owns"),
    [
        ({}, True),
        ({"crew": ""}, True),  # made in the admin
        ({"ana": TEAM}, False),
        ({"crew": TEAM}, False),
        ({"deck": TEAM}, False),
        ({"crew": "/srv/organisers.yaml"}, False),
        ({"crew": "/srv/org/people.yaml/../../team/catalog-info.yaml"}, False),
        ({"crew": "https://x.test/%2e%2e/team.yaml"}, False),
    ],
)
def test_only_people_and_groups_of_the_named_locations_own_anything(
    client, settings, named, written, owns
):
    settings.CATALOG_PEOPLE_LOCATIONS = named.split(",")
    client.force_login(make_user("ana"))
    of = {"crew": ORG, "deck": ORG, "ana": ORG} | written
    below = (("parentOf", "group:default/deck"),)
    make_entity("crew", kind="Group", relations=below, source=of["crew"])
    make_entity("deck", kind="Group", source=of["deck"])
    member = (("memberOf", "group:default/crew"),)
    make_entity("ana", kind="User", relations=member, source=of["ana"])
    make_entity("mop", owner="deck", source=TEAM)
    assert texts(client.get(HOME), "#own .row__title") == (["mop"] if owns else [])
