import pytest
from django.http import QueryDict
from django.utils.html import format_html

from catalog import cards, masking
from catalog.models import Entity
from catalog.presenters.index import facet_lists
from catalog.search.facets import FacetChoice, IndexFacet
from catalog.search.filters import IndexFilters
from tests.catalog.pages import make_card, select, texts
from tests.factories import make_entity, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_cards")]
INDEX = "/catalog/"


@pytest.fixture
def reader(client):
    client.force_login(make_user("ana"))
    return client


def names(page):
    return texts(page, ".index-table__link")


def test_lists_every_kind_by_name_and_says_how_many(reader):
    make_entity("b")
    make_entity("a", kind="API")
    page = reader.get(INDEX)
    assert names(page) == ["a", "b"]
    assert texts(page, ".list-count") == ["2 entities"]
    assert texts(page, ".chip") == ["All 2", "Component 1", "API 1"]


NARROWED = [
    ("kind=component", ["cart", "shop"]),
    ("kind=API", ["rest"]),
    ("type=website", ["shop"]),
    ("owner=web", ["rest", "shop"]),
    ("owner=group:default/web", ["rest", "shop"]),
    ("owner=web&owner=core", ["cart", "rest", "shop"]),
    ("lifecycle=deprecated", ["cart"]),
    ("system=store", ["shop"]),
    ("tag=java", ["cart", "shop"]),
    ("tag=java&tag=web", ["shop"]),
    ("q=shop&kind=component", ["shop"]),
    ("filters[kind]=component", ["cart", "shop"]),
    ("filters[kind]=component&filters[type]=all&filters[user]=all", ["cart", "shop"]),
    ("filters[type]=website", ["shop"]),
    ("filters[owners]=core", ["cart"]),
    ("filters[owners][0]=core&filters[owners][1]=web", ["cart", "rest", "shop"]),
    ("filters[tags]=java&filters[tags]=web", ["shop"]),
    ("filters[text]=car", ["cart"]),
    ("filters[namespace]=default&kind=api", ["rest"]),
    ("filters[namespaces]=other", []),
    ("filters[orphan]=true", []),
    ("filters[orphan]=false&kind=api", ["rest"]),
    ("filters[error]=true", []),
    ("namespace=default&namespace=other&kind=api", ["rest"]),
    ("tag=java&tag=web&tags=any", ["cart", "shop"]),
    ("tag=java&tag=web&tags=all", ["shop"]),
    ("is=nonsense", []),
    ("has=nonsense", []),
    ("user=nonsense", []),
    ("user=all&kind=api", ["rest"]),
    ("kind=nonsense", []),
    ("owner=:::", []),
]


def test_narrows_by_the_filters_in_the_address(reader, subtests):
    make_entity("shop", type="website", owner="web", system="store", tags=("java", "web"))
    make_entity("cart", owner="core", lifecycle="deprecated", tags=("java",))
    make_entity("rest", kind="API", owner="web")
    for query, expected in NARROWED:
        with subtests.test(query=query):
            assert names(reader.get(f"{INDEX}?{query}")) == expected


def test_an_empty_result_names_the_filters_and_offers_to_clear_them(reader):
    make_entity("shop")
    page = reader.get(f"{INDEX}?kind=api&q=nothing&tag=java")
    assert texts(page, ".empty") == [
        "No entity has text “nothing”, kind “API”, tag “java”. Clear all filters"
    ]


def test_an_empty_catalog_says_how_to_import(reader):
    assert "import_catalog" in reader.get(INDEX).text


def test_each_filter_in_force_can_be_removed_by_itself(reader):
    make_entity("shop", tags=("java", "web"))
    page = reader.get(f"{INDEX}?q=shop&tag=java&tag=web&sort=-name")
    hrefs = [a["href"] for a in select(page, "a.chip")][-3:]
    assert hrefs == [
        "?tag=java&tag=web&sort=-name",
        "?q=shop&tag=web&sort=-name",
        "?q=shop&tag=java&sort=-name",
    ]


def test_the_form_keeps_every_filter_of_the_address(reader):
    make_entity("shop", owner="web", tags=("java", "web"))
    make_entity("cart", owner="core", tags=("java", "web"))
    page = reader.get(
        f"{INDEX}?kind=component&q=a&owner=web&owner=core&tag=java&is=orphan&sort=owner&limit=50"
    )
    form = select(page, "main form[role=search]")[0]
    sent = [
        (i["name"], i.get("value", ""))
        for i in form.select("input")
        if i["type"] != "checkbox" or i.has_attr("checked")
    ]
    sent += [
        (s["name"], s.select_one("option[selected]")["value"])
        for s in form.select("select:has(option[selected])")
    ]
    assert sorted(sent) == [
        ("is", "orphan"),
        ("kind", "component"),
        ("limit", "50"),
        ("owner", "group:default/core"),
        ("owner", "group:default/web"),
        ("q", "a"),
        ("sort", "owner"),
        ("tag", "java"),
    ]


SORTED = [
    ("name", ["a", "b", "c"]),
    ("-name", ["c", "b", "a"]),
    ("type", ["b", "c", "a"]),
    ("owner", ["c", "a", "b"]),
    ("changed", ["c", "a", "b"]),
    ("-changed", ["b", "a", "c"]),
    ("descriptor", ["a", "b", "c"]),
    ("-pk", ["a", "b", "c"]),
    ("?", ["a", "b", "c"]),
]


def test_sorts_by_what_may_be_sorted_by(reader, subtests):
    make_entity("b", type="1", owner="3")
    make_entity("a", type="3", owner="2")
    make_entity("c", type="2", owner="1")
    for sort, expected in SORTED:
        with subtests.test(sort=sort):
            assert names(reader.get(INDEX, {"sort": sort})) == expected


def test_names_are_sorted_as_they_are_shown_whatever_their_case(reader):
    make_entity("zzz", title="alpha")
    make_entity("aaa", title="Delta")
    make_entity("Beta")
    make_entity("charlie")
    assert names(reader.get(INDEX)) == ["alpha", "Beta", "charlie", "Delta"]
    assert names(reader.get(f"{INDEX}?sort=-name")) == ["Delta", "charlie", "Beta", "alpha"]


def test_the_sorted_column_says_so(reader):
    make_entity("a")
    page = reader.get(f"{INDEX}?sort=-owner")
    assert texts(page, "th[aria-sort=descending]") == ["Owner ↓"]
    assert texts(reader.get(INDEX), "th[aria-sort=ascending]") == ["Name ↑"]


def test_pages_hold_twenty_five_rows_and_a_bad_number_shows_the_nearest(reader, subtests):
    for number in range(51):
        make_entity(f"e-{number:02}")
    last = dict.fromkeys(["3", "99", "0", "-1"], "e-50")
    for page, first in ({"1": "e-00", "2": "e-25"} | last).items():
        with subtests.test(page=page):
            answer = reader.get(INDEX, {"page": page})
            assert answer.status_code == 200
            assert names(answer)[0] == first
            assert len(names(answer)) == (25 if first != "e-50" else 1)


def test_no_page_number_breaks_the_index(reader, subtests):
    make_entity("a")
    for page in ["x", "", "1e9", "9" * 5000, "2.5", "\x00", "٢"]:
        with subtests.test(page=page[:9]):
            assert reader.get(INDEX, {"page": page}).status_code == 200


ODD_VALUES = ["\x00", "%00", "'\"><script>alert(1)</script>", "x" * 5000, "%"]


@pytest.mark.parametrize("key", ["q", "kind", "type", "owner", "tag", "sort", "filters[text]"])
def test_no_filter_breaks_the_index_or_writes_markup(reader, subtests, key):
    make_entity("a")
    for value in ODD_VALUES:
        with subtests.test(value=value[:9]):
            page = reader.get(INDEX, {key: value})
            assert page.status_code == 200
            assert "<script>alert" not in page.text


def test_the_pages_links_keep_the_filters(reader):
    for number in range(30):
        make_entity(f"e-{number:02}", tags=("java",))
    page = reader.get(f"{INDEX}?tag=java&sort=-name")
    link = select(page, "a[rel=next]")[0]["href"]
    assert names(reader.get(INDEX + link)) == [f"e-{number:02}" for number in range(4, -1, -1)]


def test_shows_what_each_row_is_about(reader):
    make_entity("web", kind="Group", spec={"profile": {"displayName": "Web Team"}})
    make_entity("shop", title="The Shop", description="Sells.", owner="web", tags=("java",))
    row = select(reader.get(f"{INDEX}?kind=component"), "tbody tr")[0]
    assert row.select_one("th a")["href"] == "/catalog/default/component/shop/"
    assert row.select_one("th a").get_text() == "The Shop"
    assert row.select_one("[data-label=Owner] a").get_text() == "Web Team"
    assert row.select_one("[data-label=Lifecycle]").get_text() == "production"
    assert "Sells." in row.get_text()
    assert row.select_one(".tags a")["href"] == "/catalog/?tag=java"


def test_an_owner_who_is_not_in_the_catalog_is_no_link(reader):
    make_entity("shop", owner="ghosts")
    cell = select(reader.get(INDEX), "[data-label=Owner]")[0]
    assert not cell.select("a")
    assert "ghosts" in cell.get_text()
    assert "not in the catalog" in cell.get_text()


def test_shows_the_cards_badge_of_each_row(reader):
    cards.register(make_card(only="shop"))
    make_entity("shop")
    make_entity("cart")
    assert texts(reader.get(INDEX), ".index-table__state") == ["", "shop"]


def test_a_card_that_fails_is_named_and_its_state_not_shown_as_fine(reader, caplog):
    def fail(entities):
        raise RuntimeError("no answer")

    cards.register(make_card(badges=fail))
    make_entity("shop")
    page = reader.get(INDEX)
    assert page.status_code == 200
    assert "Weather could not say how these entities are" in page.text
    assert "A card failed" in caplog.text


def test_asks_the_database_as_often_for_one_row_as_for_fifty(reader, django_assert_num_queries):
    cards.register(make_card())
    make_entity("web", kind="Group")
    make_entity("e", owner="web", system="s", tags=("java",), title="e")
    asked = f"{INDEX}?q=e&owner=web&tag=java&kind=component"
    # session, user, version, stars, person, counts (7), page, rows, tags, owners, secrets, and the
    # stars that are shown
    with django_assert_num_queries(18):
        reader.get(INDEX)
    reader.get(asked)
    for number in range(50):
        tags = ("a", f"t{number}")
        make_entity(f"e-{number}", owner=f"team-{number}", system="s", tags=tags, title="e")
    with django_assert_num_queries(18):
        reader.get(INDEX)
    with django_assert_num_queries(18):
        reader.get(asked)


def test_asks_less_until_the_catalog_is_written_again(reader, django_assert_num_queries):
    make_entity("e", owner="web", tags=("java",), title="e")
    reader.get(INDEX)
    with django_assert_num_queries(10):
        reader.get(INDEX)
    make_entity("f", owner="web", tags=("java",))
    assert texts(reader.get(INDEX), ".list-count") == ["2 entities"]


def test_more_values_than_a_list_holds_are_one_link_away_and_said_to_be_cut(reader):
    for number in range(201):
        make_entity(f"e-{number}", type=f"type-{number:03}")
    page = reader.get(f"{INDEX}?type=type-200")
    boxes = select(page, "#facet-type input")
    assert [box["value"] for box in boxes if box.has_attr("checked")] == ["type-200"]
    assert len(boxes) == 8
    (link,) = select(page, "#facet-type p a")
    assert "of the 200 most frequent" in link.get_text()
    more = reader.get(INDEX + link["href"].partition("#")[0])
    assert len(select(more, "#facet-type input")) == 201


@pytest.mark.parametrize(
    ("query", "says"),
    [("", "Filters and order"), ("owner=x&tag=a&tag=b", "Filters and order (2 in force)")],
)
def test_the_filters_of_a_phone_are_folded_and_say_how_many_are_in_force(reader, query, says):
    make_entity("e")
    page = reader.get(f"{INDEX}?{query}")
    filters = select(page, "details.index-filters__all")[0]
    assert not filters.has_attr("open")
    assert " ".join(filters.find("summary").get_text().split()) == says
    assert filters.select("#filter-sort")
    assert not filters.select("[name=q]")


def test_the_reader_says_how_many_rows_a_page_has(reader, subtests):
    for number in range(31):
        make_entity(f"e-{number:02}")
    for limit, rows in {"5": 5, "30": 30, "1": 5, "500": 31, "x": 25, "-5": 25}.items():
        with subtests.test(limit=limit):
            page = reader.get(INDEX, {"limit": limit})
            assert len(names(page)) == rows
            if rows < 31:
                link = select(page, "a[rel=next]")[0]["href"]
                assert names(reader.get(INDEX + link))


def test_a_single_page_says_how_many_without_a_range(reader):
    make_entity("a")
    page = reader.get(INDEX)
    assert texts(page, ".pagination__count") == ["1 in all"]
    assert not select(page, "nav.pagination")


COLUMNS = [
    ("", ["Name", "Type", "Owner", "Lifecycle", "About"]),
    ("kind=component", ["Name", "System", "Type", "Owner", "Lifecycle", "About"]),
    ("kind=component&type=service", ["Name", "System", "Owner", "Lifecycle", "About"]),
    ("kind=system", ["Name", "Owner", "About"]),
    ("kind=user", ["Name", "About"]),
    ("kind=group&kind=component", ["Name", "Type", "Owner", "Lifecycle", "About"]),
]


def test_shows_the_columns_that_the_kind_has(reader, subtests):
    for kind in ("Component", "System", "User", "Group"):
        make_entity("e", kind=kind, system="s")
    for query, expected in COLUMNS:
        with subtests.test(query=query):
            page = reader.get(f"{INDEX}?{query}")
            headings = [text.split(" ")[0] for text in texts(page, "thead th")]
            assert headings == expected
            cells = {len(row.select("th, td")) for row in select(page, "tbody tr")}
            assert cells == {len(expected)}


def test_descriptions_are_one_plain_line_without_secrets(reader):
    key = "R0UT1NGKEY00R0UT1NGKEY00"
    make_entity(
        "shop",
        description=f"\n# Sells **[things](https://x.example)** with {key}\n\nMore.",
        annotations={"pagerduty.com/integration-key": key},
    )
    page = reader.get(INDEX)
    assert texts(page, ".index-table__description") == ["Sells things with ****EY00"]
    assert key not in page.text


def test_the_canonical_address_is_written_in_our_own_names(reader):
    make_entity("shop", tags=("java",))
    page = reader.get(f"{INDEX}?filters[tags]=java&filters[user]=all&page=1")
    assert select(page, "link[rel=canonical]")[0]["href"] == "/catalog/?tag=java"
    assert select(reader.get(INDEX), "link[rel=canonical]")[0]["href"] == "/catalog/"


def test_escapes_everything_it_prints(reader):
    bad = "<script>alert(1)</script>"
    cards.register(
        make_card(badges=lambda rows: {r.pk: format_html("<i>{}</i>", bad) for r in rows})
    )
    entity = make_entity("a", title=bad, description=bad, type=bad, lifecycle=bad)
    Entity.objects.filter(pk=entity.pk).update(owner_ref=f"group:default/{bad}")
    page = reader.get(INDEX)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert page.text.count("&lt;script&gt;alert(1)") >= 5


@pytest.mark.parametrize("method", ["post", "put", "delete", "trace", "patch"])
def test_answers_only_reading(reader, method):
    assert getattr(reader, method)(INDEX).status_code == 405


def test_head_answers_like_get_without_a_body(reader):
    answer = reader.head(INDEX)
    assert answer.status_code == 200
    assert answer.content == b""


def test_looks_for_secrets_only_in_the_choices_that_are_shown(monkeypatch):
    names = [f"group:default/team{number:020}" for number in range(50)]
    looked_at = []

    def known():
        looked_at.append(1)
        return [masking.digest_of(names[1].rpartition("/")[2])]

    monkeypatch.setattr(masking, "_known", [known])
    choices = [FacetChoice(value=name, label=name, count=1) for name in names]
    facet = IndexFacet(key="owner", choices=choices)
    (shown,) = facet_lists(IndexFilters.from_query(QueryDict("")), [facet], "")
    assert [box.value for box in shown.boxes] == [names[0], *names[2:9]]
    assert (shown.more, len(looked_at)) == (41, 9)
    (all_of_them,) = facet_lists(IndexFilters.from_query(QueryDict("")), [facet], "owner")
    assert (len(all_of_them.boxes), all_of_them.more_query) == (49, "")
