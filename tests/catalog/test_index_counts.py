"""Every count of the index is what choosing it shows, whatever else is chosen."""

import json
import random

import pytest
from django.utils import timezone

from catalog import cards
from catalog.models import Annotation, Entity, Overlay, Star
from catalog.ownership import reader_of
from catalog.search.facets import count
from catalog.search.filters import FACET_KEYS, IndexFilters
from catalog.search.selection import Selection
from catalog.search.text_search import match
from tests.catalog.pages import make_card, select
from tests.factories import make_entity, make_issue, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_cards")]
KINDS = ("Component", "API", "Resource", "System")
TYPES = ("service", "website", "")
LIFECYCLES = ("production", "experimental", "")
OWNERS = ("top", "low", "user:ana", "elsewhere", "")
SYSTEMS = ("shop", "")
NAMESPACES = ("default", "Other")
TAGS = ("java", "go", "web", "b")
WORDS = ("cart", "pay", "a")
MARKS = {
    "user": ("owned", "starred"),
    "has": ("weather",),
    "is": ("error", "orphan", "local", "overlaid"),
}


def fill(chance, user):
    make_entity("ana", kind="User", relations=(("memberOf", "group:default/top"),))
    make_entity("top", kind="Group")
    make_entity("low", kind="Group", relations=(("childOf", "group:default/top"),))
    for number in range(40):
        entity = make_entity(
            f"{chance.choice(WORDS)}-{number}",
            kind=chance.choice(KINDS),
            namespace=chance.choice(NAMESPACES),
            type=chance.choice(TYPES),
            lifecycle=chance.choice(LIFECYCLES),
            owner=chance.choice(OWNERS),
            system=chance.choice(SYSTEMS),
            tags=tuple(chance.sample(TAGS, chance.randrange(4))),
            title=chance.choice(["", "Pay", "Same"]),
            source=chance.choice(["", "f.yaml"]),
            orphaned_at=chance.choice([None, None, timezone.now()]),
            annotations=chance.choice([{}, {"weather": "x"}]),
        )
        if chance.random() < 0.2:
            make_issue(entity.ref, "wrong", kind=chance.choice(["refused", "warning"]))
        if chance.random() < 0.2:
            Overlay.objects.create(entity_id=entity.ref, field="owner", value="x")
        if chance.random() < 0.3:
            Star.objects.create(user=user, entity_id=entity.ref)


def some(chance):
    """Filters as somebody may have ticked them."""
    of_facets = {
        "kind": ("component", "API", "nothing"),
        "type": TYPES[:2],
        "owner": ("top", "group:default/low", "user:default/ana"),
        "lifecycle": LIFECYCLES[:2],
        "system": ("shop", "gone"),
        "namespace": NAMESPACES,
        "tag": TAGS,
    }
    values = {}
    for key, known in (of_facets | MARKS).items():
        if chance.random() < 0.25:
            values[key] = tuple(chance.sample(known, chance.randint(1, min(2, len(known)))))
    return IndexFilters(
        q=chance.choice(["", "", "a", "pay", "cart 1"]),
        values=values,
        any_tag=chance.random() < 0.5,
        sort=chance.choice(["", "name", "changed", "owner"]),
        descending=chance.random() < 0.5,
    )


def shown(filters, reader):
    """The entities that the index lists, in its order."""
    selection = Selection(filters=filters, match=match(filters.q), reader=reader)
    return list(selection.in_order().values_list("pk", flat=True))


def with_also(filters, key, value):
    """The filters after one more box was ticked."""
    kept = filters.of(key)
    if value in filters.columns_of(key):
        return filters
    return IndexFilters(
        q=filters.q, values={**filters.values, key: (*kept, value)}, any_tag=filters.any_tag
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_count_is_what_choosing_it_shows(seed):
    chance = random.Random(seed)
    user = make_user("ana")
    cards.register(
        make_card(
            find=lambda entities: entities.filter(
                pk__in=Annotation.objects.filter(key="weather").values("entity_id")
            )
        )
    )
    fill(chance, user)
    reader = reader_of(user)
    assert len(reader.owner_refs) == 3
    assert not [ref for ref in reader.starred if not Entity.objects.filter(ref=ref).exists()]
    for _ in range(15):
        filters = some(chance)
        selection = Selection(filters=filters, match=match(filters.q), reader=reader)
        counts = count(selection, version=seed)
        assert counts.total == len(shown(filters, reader)), filters
        for kind, n in counts.kinds.items():
            chosen = filters.without("type").with_value("kind", kind)
            assert n == len(shown(chosen, reader)), (filters, kind)
        for facet in counts.facets:
            assert facet.key in FACET_KEYS
            for choice in facet.choices:
                if facet.key == "tag" and not filters.any_tag:
                    chosen = with_also(filters, "tag", choice.value)
                else:
                    chosen = filters.with_value(facet.key, choice.value)
                assert choice.count == len(shown(chosen, reader)), (filters, facet.key, choice)
        for mark in counts.flags:
            chosen = with_also(filters, mark.key, mark.value)
            assert mark.count == len(shown(chosen, reader)), (filters, mark)
        told = {(mark.key, mark.value) for mark in counts.flags}
        for key, known in MARKS.items():
            for value in known:
                if (key, value) not in told:
                    assert not shown(with_also(filters, key, value), reader), (filters, value)


@pytest.mark.parametrize("seed", range(2))
def test_filters_are_the_same_after_a_round_through_the_address(seed, rf):
    chance = random.Random(seed)
    for _ in range(50):
        filters = some(chance)
        if not filters.sort:
            continue
        again = IndexFilters.from_query(rf.get(f"/catalog/{filters.query_string}").GET)
        assert again.query_string == filters.query_string
        assert again.values == filters.values
        assert again.order == filters.order


SORTS = ["", "name", "kind", "type", "owner", "lifecycle", "changed"]


def test_pages_and_export_go_through_equals_in_one_order(client):
    client.force_login(make_user())
    for number in range(23):
        make_entity(f"e-{number}", title="Same", owner="x", type="service")
    for sort in [f"{sign}{name}" for sign in ("", "-") for name in SORTS]:
        asked = f"limit=10&sort={sort}"
        paged = [
            link["href"].rstrip("/").rpartition("/")[2]
            for page in range(1, 4)
            for link in select(client.get(f"/catalog/?{asked}&page={page}"), ".index-table__link")
        ]
        assert len(set(paged)) == 23, sort
        export = client.get(f"/catalog/export/?format=json&{asked}").getvalue()
        assert [entity["metadata"]["name"] for entity in json.loads(export)] == paged, sort
