"""The index's filters and their counts: each leaves itself out, and stays true after a write."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog import cards
from catalog.models import Overlay, Star
from tests.catalog.pages import make_card, select, texts
from tests.factories import make_entity, make_issue, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_cards")]
INDEX = "/catalog/"


@pytest.fixture
def reader(client):
    client.user = make_user("ana")
    client.force_login(client.user)
    return client


def names(page):
    return texts(page, ".index-table__link")


def counts(page, key):
    """Label to count of one filter, as the page lists them."""
    found = [text.rpartition(" ") for text in texts(page, f"#facet-{key} li")]
    return {label: int(count) for label, _, count in found}


def test_a_facet_leaves_its_own_filter_out(reader):
    make_entity("a", type="service", owner="x", lifecycle="production", system="s")
    make_entity("b", type="service", owner="y", lifecycle="production", system="t")
    make_entity("c", type="website", owner="x", lifecycle="deprecated", system="s")
    page = reader.get(f"{INDEX}?owner=x&type=service")
    assert counts(page, "type") == {"service": 1, "website": 1}
    assert counts(page, "owner") == {"x": 1, "y": 1}
    assert counts(page, "lifecycle") == {"production": 1}
    assert counts(page, "system") == {"s": 1}


def test_owners_and_systems_have_the_titles_that_rows_show(reader):
    for name, title in (("core", "Product core"), ("a", "Twins"), ("b", "Twins")):
        make_entity(name, kind="Group", title=title)
        make_entity(f"of-{name}", owner=name, system="shop")
    make_entity("shop", kind="System", title="The shop", owner="gone")
    page = reader.get(f"{INDEX}?owner=core&owner=gone")
    assert counts(page, "owner") == {"Product core": 1, "gone": 1, "a": 1, "b": 1}
    assert counts(page, "system") == {"The shop": 1}
    chosen = " ".join(texts(page, "main"))
    assert "owner: Product core" in chosen


def test_a_kinds_count_leaves_kind_and_type_out(reader):
    make_entity("a", type="service", owner="x")
    make_entity("b", kind="API", type="openapi", owner="x")
    make_entity("c", kind="API", type="openapi", owner="y")
    page = reader.get(f"{INDEX}?kind=component&type=service&owner=x")
    assert texts(page, ".chip-line .chip") == ["All 2", "Component 1", "API 1"]


def test_tags_are_all_wanted_or_any(reader):
    make_entity("a", tags=("java", "web"))
    make_entity("b", tags=("java",))
    make_entity("c", tags=("web", "go"))
    both = reader.get(f"{INDEX}?tag=java&tag=web")
    assert names(both) == ["a"]
    assert select(both, "input[name=tags][value=any]:not([checked])")
    either = reader.get(f"{INDEX}?tag=java&tag=web&tags=any")
    assert names(either) == ["a", "b", "c"]
    assert select(either, "input[name=tags][value=any][checked]")


def test_beside_tags_that_are_all_wanted_stands_what_adding_one_would_leave(reader):
    make_entity("a", tags=("java", "web"))
    make_entity("b", tags=("java",))
    make_entity("c", tags=("web", "go"))
    page = reader.get(f"{INDEX}?tag=java")
    assert counts(page, "tag") == {"java": 2, "web": 1}


def test_namespaces_are_a_choice_only_where_there_are_several(reader):
    make_entity("a")
    assert not select(reader.get(INDEX), "#facet-namespace")
    make_entity("a", namespace="other")
    page = reader.get(INDEX)
    assert counts(page, "namespace") == {"default": 1, "other": 1}
    assert names(reader.get(f"{INDEX}?namespace=other")) == ["other/a"]


def test_orphans_errors_local_and_overlaid_entities_are_counted_and_found(reader):
    make_entity("fine", source="f.yaml")
    make_entity("lost", source="f.yaml", orphaned_at=timezone.now())
    make_entity("wrong", source="f.yaml")
    make_issue("component:default/wrong", "no owner")
    make_entity("warned", source="f.yaml")
    make_issue("component:default/warned", "unresolved", kind="warning")
    make_entity("own")
    Overlay.objects.create(entity_id="component:default/fine", field="owner", value="x")
    page = reader.get(INDEX)
    assert counts(page, "marks") == {
        "Has errors": 1,
        "Orphaned": 1,
        "Local, from no file": 1,
        "With overlays": 1,
    }
    assert names(reader.get(f"{INDEX}?is=error")) == ["wrong"]
    assert names(reader.get(f"{INDEX}?filters[error]=true")) == ["wrong"]
    assert names(reader.get(f"{INDEX}?is=orphan")) == ["lost"]
    assert names(reader.get(f"{INDEX}?is=local")) == ["own"]
    assert names(reader.get(f"{INDEX}?is=overlaid")) == ["fine"]
    assert names(reader.get(f"{INDEX}?is=overlaid&is=local")) == []


def test_what_one_owns_reaches_through_nested_groups_from_either_end(reader):
    make_entity("ana", kind="User", relations=(("memberOf", "group:default/top"),))
    make_entity("top", kind="Group", relations=(("parentOf", "group:default/mid"),))
    make_entity("mid", kind="Group")
    make_entity("low", kind="Group", relations=(("childOf", "group:default/mid"),))
    make_entity("deep", owner="low")
    make_entity("direct", owner="user:ana")
    make_entity("other", owner="elsewhere")
    page = reader.get(INDEX)
    assert counts(page, "marks")["Owned by me or my groups"] == 2
    assert names(reader.get(f"{INDEX}?user=owned")) == ["deep", "direct"]
    assert names(reader.get(f"{INDEX}?filters[user]=owned")) == ["deep", "direct"]


def test_stars_are_counted_by_person_though_the_rest_is_shared(reader, client):
    make_entity("a")
    make_entity("b")
    Star.objects.create(user=reader.user, entity_id="component:default/a")
    assert counts(reader.get(INDEX), "marks")["Starred by me"] == 1
    assert names(reader.get(f"{INDEX}?user=starred")) == ["a"]
    client.force_login(make_user("bea"))
    assert "Starred by me" not in counts(client.get(INDEX), "marks")
    assert names(client.get(f"{INDEX}?user=starred")) == []


def test_a_star_counts_at_once_although_the_catalog_was_not_written(reader):
    make_entity("a")
    assert names(reader.get(f"{INDEX}?user=starred")) == []
    reader.post("/catalog/default/component/a/star/", {"star": "on"})
    page = reader.get(f"{INDEX}?user=starred")
    assert names(page) == ["a"]
    assert texts(page, ".list-count") == ["1 of the catalog's entities"]


def test_readers_without_an_account_see_no_stars(client, settings):
    without = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if one != without]
    make_entity("a")
    page = client.get(INDEX)
    assert names(page) == ["a"]
    assert not select(page, "form.star, [name=user]")
    assert names(client.get(f"{INDEX}?user=starred")) == []


def test_a_card_says_which_entities_have_it(reader):
    cards.register(make_card(find=lambda entities: entities.filter(name="shop")))
    make_entity("shop")
    make_entity("cart")
    page = reader.get(INDEX)
    assert counts(page, "marks")["Has Weather"] == 1
    assert names(reader.get(f"{INDEX}?has=weather")) == ["shop"]


def test_a_card_that_cannot_tell_breaks_no_page(reader, caplog):
    def fail(entities):
        raise RuntimeError("no answer")

    cards.register(make_card(find=fail))
    make_entity("shop")
    assert names(reader.get(INDEX)) == ["shop"]
    assert "A card failed" in caplog.text


def test_counts_are_new_after_a_write_and_kept_until_then(reader):
    make_entity("a", owner="x")
    reader.get(INDEX)
    with CaptureQueriesContext(connection) as queries:
        reader.get(INDEX)
    assert "GROUP BY" not in str([query["sql"] for query in queries.captured_queries])
    make_entity("b", owner="x")
    assert counts(reader.get(INDEX), "owner") == {"x": 2}


def test_a_broken_cache_costs_the_counting_and_nothing_else(reader, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise ConnectionError("no cache")

    make_entity("a", owner="x")
    for method in ("get", "set"):
        wrapped = getattr(cache, method)

        def only_ours(key, *args, method=wrapped, **kwargs):
            return fail() if ":catalog:" in str(key) else method(key, *args, **kwargs)

        monkeypatch.setattr(cache, method, only_ours)
    assert counts(reader.get(INDEX), "owner") == {"x": 1}
    assert "The cache did not answer" in caplog.text


def test_an_empty_result_says_what_was_asked_for(reader):
    make_entity("a")
    page = reader.get(f"{INDEX}?owner=x&owner=y&tag=java&tag=web&is=orphan")
    assert texts(page, ".empty p")[0] == (
        "No entity has owner “x” or owner “y”, tag “java” and tag “web”, “Orphaned”."
    )


def test_a_typo_is_looked_past_and_said(reader):
    make_entity("checkout")
    page = reader.get(f"{INDEX}?q=chekout")
    assert names(page) == ["checkout"]
    assert "Nothing contains “chekout”; showing results for “checkout”." in " ".join(
        page.text.split()
    )
    insist = next(a for a in select(page, ".index__found .notice a"))
    exact = reader.get(INDEX + insist["href"])
    assert names(exact) == []
    assert not select(exact, ".index__found .notice")


def test_the_facets_of_a_text_count_what_it_finds(reader):
    make_entity("shop-a", owner="x")
    make_entity("shop-b", owner="y")
    make_entity("cart", owner="x")
    assert counts(reader.get(f"{INDEX}?q=shop"), "owner") == {"x": 1, "y": 1}


def test_a_typo_beside_other_filters_promises_no_results_where_there_are_none(reader):
    make_entity("checkout")
    page = reader.get(f"{INDEX}?q=chekout&kind=api")
    assert "Nothing contains “chekout”; looked for “checkout” instead." in " ".join(
        page.text.split()
    )
    assert texts(page, ".empty p")[0] == "No entity has text “checkout”, kind “API”."
