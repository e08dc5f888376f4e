import time

import pytest

from catalog.kinds import Kind
from catalog.models import Entity
from catalog.refs import EntityRef
from catalog.search import spelling, text_search
from catalog.search.suggestions import similar_entities, suggested_refs
from catalog.search.text_search import match
from tests.factories import make_entity

pytestmark = pytest.mark.django_db


def ranked(text, within=None):
    asked = match(text, exact=True)
    return asked.rank(asked.narrow(Entity.objects.all() if within is None else within))


def found(text):
    return [entity.name for entity in ranked(text)]


def test_ranks_the_name_before_its_beginning_before_a_part_before_the_rest():
    make_entity("other", description="about the cart")
    make_entity("titled", title="My cart")
    make_entity("the-cart")
    make_entity("cart-service")
    make_entity("cart")
    assert found("CART") == ["cart", "cart-service", "the-cart", "titled", "other"]


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "Payment Gateway"},
        {"description": "does payment"},
        {"tags": ("payment",)},
        {"owner": "payment-team"},
    ],
)
def test_looks_into_title_description_tags_and_owner(fields):
    make_entity("match", **fields)
    make_entity("other")
    assert found("payment") == ["match"]


def test_every_word_must_be_somewhere():
    make_entity("one", description="red apple", tags=("fruit",))
    make_entity("two", description="red car")
    assert found("fruit red") == ["one"]


@pytest.mark.parametrize("text", ["%", "_", "\\", "a%b", "a_b"])
def test_wildcards_are_ordinary_characters(text):
    make_entity("axb")
    make_entity("exact", description=f"has {text} in it")
    assert found(text) == ["exact"]


def test_each_entity_is_found_once_whatever_matches():
    make_entity("cart", title="cart", description="cart", tags=("cart", "cart-2"), owner="cart")
    assert found("cart") == ["cart"]


def test_empty_text_finds_everything_by_name():
    make_entity("b")
    make_entity("a")
    assert found("  ") == ["a", "b"]


def test_searches_within_the_entities_given():
    make_entity("cart")
    make_entity("cart", kind="API")
    within = Entity.objects.of_kind(Kind.API)
    assert [entity.kind for entity in ranked("cart", within)] == ["API"]


@pytest.mark.parametrize("text", ["größe", "GRÖSSE".replace("SS", "ß"), "ÉCOLE", "école"])
def test_letters_beyond_ascii_are_found_in_either_case(text):
    make_entity("one", title="Größe der ÉCOLE")
    make_entity("other")
    assert found(text) == ["one"]


def test_finds_by_annotations_but_never_by_a_secret():
    make_entity(
        "one",
        description="with R0UT1NGKEY00",
        annotations={
            "github.com/slug": "org/repo-x",
            "pagerduty.com/integration-key": "R0UT1NGKEY00",
        },
    )
    assert found("org/repo-x") == ["one"]
    assert found("integration-key") == ["one"]
    assert found("R0UT1NGKEY00") == []


def test_a_word_nothing_contains_is_replaced_by_the_nearest():
    make_entity("checkout-api", tags=("payments",))
    make_entity("cart", title="Shopping Basket")
    for typed, meant in [("chekout", "checkout"), ("paymnets", "payments"), ("baskte", "basket")]:
        match = text_search.match(typed)
        assert match.corrected == ((typed, meant),)
        assert match.words == (meant,)
        assert match.keys


def test_only_the_word_nothing_contains_is_replaced():
    make_entity("checkout-api")
    match = text_search.match("chekout api")
    assert (match.words, match.corrected) == (("checkout", "api"), (("chekout", "checkout"),))


def test_words_that_are_there_but_not_together_are_not_replaced():
    make_entity("checkout")
    make_entity("cart")
    assert text_search.match("checkout cart") == text_search.Match(
        words=("checkout", "cart"), keys=()
    )


@pytest.mark.parametrize("text", ["zzzzqqqq", "zz", "123456", "%%%", "70045"])
def test_what_resembles_nothing_is_not_replaced(text):
    make_entity("checkout-70054")
    match = text_search.match(text)
    assert (match.corrected, match.keys) == ((), ())


def test_a_word_looked_for_as_typed_is_not_replaced():
    make_entity("checkout")
    assert text_search.match("chekout", exact=True).keys == ()


def test_the_vocabulary_follows_the_catalog_within_a_minute(monkeypatch):
    make_entity("checkout")
    assert text_search.match("chekout").words == ("checkout",)
    make_entity("delivery")
    moment = time.monotonic() + 61
    monkeypatch.setattr(spelling.time, "monotonic", lambda: moment)
    assert text_search.match("delivrey").words == ("delivery",)


def test_more_matches_than_are_handed_on_are_ranked_and_counted_alike(monkeypatch):
    make_entity("cart-service")
    make_entity("cart")
    make_entity("other", description="about the cart")
    few = found("cart")
    monkeypatch.setattr(text_search, "KEYS_LIMIT", 2)
    match = text_search.match("cart")
    assert match.keys is None
    assert [entity.name for entity in match.rank(match.narrow(Entity.objects.all()))] == few


def test_near_names_put_the_same_name_elsewhere_first():
    make_entity("checkout-api", kind="API")
    make_entity("checkout-apo")
    make_entity("unrelated")
    near = similar_entities(EntityRef.parse("component:checkout-api"))
    assert [entity.ref for entity in near] == [
        "api:default/checkout-api",
        "component:default/checkout-apo",
    ]


def test_near_names_prefer_the_same_kind():
    make_entity("team-alpha", kind="User")
    make_entity("team-alpha", kind="Group")
    near = similar_entities(EntityRef.parse("group:team-aplha"))
    assert [entity.kind for entity in near] == ["Group", "User"]


@pytest.mark.parametrize("name", ["x", "\x00", "%", "_" * 300, "ü"])
def test_no_name_breaks_the_suggestions(name):
    make_entity("abc")
    assert similar_entities(EntityRef("component", "default", name)) == []


def test_near_refs_suggest_for_many_with_three_queries_the_first_time_and_one_after(
    django_assert_num_queries,
):
    make_entity("team-alpha", kind="Group")
    make_entity("payments-db", kind="Resource")
    missing = [
        EntityRef.parse(ref) for ref in ("group:team-aplha", "resource:payment-db", "api:zz")
    ]
    with django_assert_num_queries(3):
        near = suggested_refs(missing)
    with django_assert_num_queries(1):
        assert suggested_refs(missing) == near
    assert near == {
        "group:default/team-aplha": "group:default/team-alpha",
        "resource:default/payment-db": "resource:default/payments-db",
    }
