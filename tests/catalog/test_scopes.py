"""The scope of an entity: as a filter of the index, and summed up by cards."""

import pytest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog import cards
from tests.catalog.pages import make_card, select, texts
from tests.factories import make_entity, make_user

INDEX = "/catalog/"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_cards")]


@pytest.fixture
def reader(client):
    client.force_login(make_user("ana"))
    return client


def names(page):
    return texts(page, "th .index-table__link")


def sum_up(request, scope):
    return format_html("<p class='sum'>{} of {}</p>", len(scope.keys), scope.in_state("storm"))


def test_what_belongs_to_a_domain_is_its_systems_and_their_parts(reader):
    make_entity("commerce", kind="Domain")
    make_entity("retail", kind="Domain", relations=(("partOf", "domain:default/commerce"),))
    make_entity("checkout", kind="System", relations=(("partOf", "domain:default/retail"),))
    make_entity("api", system="checkout")
    make_entity("api-worker", relations=(("partOf", "component:default/api"),))
    make_entity("other", system="elsewhere")
    page = reader.get(f"{INDEX}?within=domain:default/commerce")
    assert names(page) == ["api", "api-worker", "checkout", "retail"]
    assert texts(page, ".index__found .chip") == ["Belongs to domain:commerce (remove)"]
    assert select(page, "form#index-filters [name=within]")[0]["value"] == "domain:default/commerce"
    assert names(reader.get(f"{INDEX}?within=checkout&kind=component")) == ["api", "api-worker"]


def test_what_belongs_to_a_group_is_what_it_and_groups_below_own(reader):
    make_entity("eng", kind="Group", relations=(("parentOf", "group:default/web"),))
    make_entity("web", kind="Group")
    make_entity("bo", kind="User", relations=(("memberOf", "group:default/web"),))
    make_entity("shop", owner="web")
    make_entity("ci", owner="eng")
    make_entity("notes", owner="user:bo")
    assert names(reader.get(f"{INDEX}?within=group:eng")) == ["ci", "shop"]
    assert names(reader.get(f"{INDEX}?within=group:web")) == ["shop"]
    assert names(reader.get(f"{INDEX}?within=user:bo")) == ["notes", "shop"]


@pytest.mark.parametrize("ref", ["system:default/gone", ":", "user:nobody", "a:b/c/d"])
def test_nothing_belongs_to_what_is_not_there(reader, ref):
    make_entity("shop")
    assert names(reader.get(f"{INDEX}?within={ref}")) == []


def test_a_loop_of_parts_ends(reader):
    make_entity("a", relations=(("partOf", "component:default/b"),))
    make_entity("b", relations=(("partOf", "component:default/a"),))
    assert names(reader.get(f"{INDEX}?within=component:a")) == ["b"]


def test_counts_go_by_what_belongs(reader):
    make_entity("checkout", kind="System")
    make_entity("api", system="checkout", owner="web", tags=("java",))
    make_entity("other", owner="web", tags=("java",))
    page = reader.get(f"{INDEX}?within=system:checkout")
    assert texts(page, "#facet-owner li .count") == ["1"]
    assert texts(page, "#facet-tag li .count") == ["1"]


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("System", {"system": "top"}),
        ("Domain", {"kind": "System", "relations": (("partOf", "domain:default/top"),)}),
        ("Group", {"owner": "top"}),
    ],
)
def test_a_page_of_a_whole_or_a_group_shows_what_cards_make_of_its_parts(reader, kind, part):
    cards.register(make_card(applies_to=lambda entity: False, rollup=sum_up))
    make_entity("top", kind=kind)
    make_entity("part", **part)
    page = reader.get(f"{INDEX}default/{kind.lower()}/top/")
    address = f"/catalog/?within={kind.lower()}%3Adefault%2Ftop&state=storm"
    assert texts(page, ".columns__main .sum") == [f"1 of {address}"]
    assert names(reader.get(address.replace("&state=storm", ""))) == ["part"]


def test_a_whole_with_a_card_of_its_own_shows_both(reader):
    cards.register(make_card(rollup=sum_up))
    make_entity("top", kind="System")
    page = reader.get(f"{INDEX}default/system/top/")
    assert len(select(page, ".columns__main .sun, .columns__main .sum")) == 2


def test_cards_sum_up_no_single_component(reader):
    cards.register(make_card(rollup=sum_up))
    make_entity("shop")
    assert not select(reader.get(f"{INDEX}default/component/shop/"), ".sum")


def test_a_card_with_nothing_to_say_leaves_no_trace(reader):
    silent = {"rollup": lambda request, scope: SafeString("")}
    cards.register(make_card(applies_to=lambda entity: False, **silent))
    make_entity("top", kind="System")
    page = reader.get(f"{INDEX}default/system/top/")
    assert "Weather" not in page.text


def test_a_card_that_cannot_sum_up_says_so_and_breaks_no_page(reader, caplog):
    def fail(request, scope):
        raise RuntimeError("no answer")

    cards.register(make_card(applies_to=lambda entity: False, rollup=fail, own_rollup=fail))
    make_entity("top", kind="System")
    make_entity("ana", kind="User")
    page = reader.get(f"{INDEX}default/system/top/")
    assert texts(page, "#weather-rollup p") == [
        "Weather could not be shown, so its state is not known. The log has the reason."
    ]
    assert "its state is not known" in reader.get("/").text
    assert "no answer" in caplog.text


def test_the_first_page_shows_what_cards_make_of_the_readers_own(reader):
    cards.register(make_card(own_rollup=sum_up))
    make_entity("ana", kind="User", relations=(("memberOf", "group:default/web"),))
    make_entity("web", kind="Group")
    make_entity("shop", owner="web")
    make_entity("other", owner="ops")
    assert texts(reader.get("/"), ".sum") == ["1 of /catalog/?user=owned&state=storm"]


def test_the_first_page_of_somebody_without_a_person_sums_up_nothing(reader):
    cards.register(make_card(own_rollup=sum_up))
    make_entity("shop", owner="web")
    assert not select(reader.get("/"), ".sum")


def test_the_quick_search_shows_the_badges_of_its_rows(reader):
    cards.register(make_card())
    make_entity("shop")
    page = reader.get("/search/?q=shop", headers={"HX-Request": "true"})
    assert texts(page, ".menu__item .sky") == ["shop"]
