import gzip

import pytest
from django.utils import timezone

from tests.catalog.pages import no_cards, select, texts  # noqa: F401 -- a fixture
from tests.factories import make_entity, make_user
from tests.pages import soup_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_cards")]


@pytest.fixture
def reader(client):
    client.force_login(make_user("ana"))
    return client


def place(element):
    box = element.select_one("rect")
    return int(box["x"]), int(box["y"])


def test_what_leads_here_stands_left_and_where_it_leads_right(reader):
    core = make_entity("core", relations=(("dependsOn", "resource:default/db"),))
    make_entity("db", kind="Resource")
    make_entity("shop", relations=(("dependsOn", "component:default/core"),))
    page = reader.get(core.get_absolute_url())
    boxes = {box.select_one("text").get_text(): box for box in select(page, ".diagram__box")}
    assert place(boxes["shop"])[0] < place(boxes["core"])[0] < place(boxes["db"])[0]
    assert boxes["shop"].name == boxes["db"].name == "a"
    assert boxes["db"]["href"] == "/catalog/default/resource/db/"
    assert "href" not in boxes["core"].attrs
    assert texts(page, ".diagram__caption") == ["Depends on", "Used by"]
    assert len(select(page, "path.diagram__arrow")) == 2


def test_one_that_the_catalog_does_not_have_is_dashed_and_no_link(reader):
    core = make_entity("core", relations=(("dependsOn", "api:default/gone"),))
    box = select(reader.get(core.get_absolute_url()), ".diagram__box--missing")[0]
    assert box.name == "g"
    assert box.select_one("rect")["stroke-dasharray"]
    assert box.select_one("title").get_text() == "gone (api:default/gone), not in the catalog"


def test_an_orphan_is_marked_in_the_drawing(reader):
    gone = make_entity("gone", orphaned_at=timezone.now())
    own = make_entity("own", relations=(("dependsOn", gone.ref),))
    drawn = " ".join(texts(reader.get(own.get_absolute_url()), ".diagram__box"))
    assert "gone (orphan)" in drawn
    assert "gone (component:default/gone), orphaned" in drawn


def test_at_most_fifty_are_drawn_and_the_rest_is_counted_and_a_link_away(reader):
    core = make_entity("core", owner="team")
    make_entity("team", kind="Group")
    for number in range(261):
        make_entity(f"e-{number:03}", relations=(("dependsOn", core.ref),))
    page = reader.get(f"{core.get_absolute_url()}dependencies/")
    assert len(select(page, "a.diagram__box")) == 50
    assert texts(page, ".diagram__more") == ["and 212 more"]
    assert texts(page, ".diagram figcaption") == ["50 of 262 relations are drawn."]
    rest = reader.get(select(page, ".diagram__more")[0]["href"])
    assert texts(rest, "#neighbours .panel__title") == ["Used by"]
    assert texts(rest, ".pagination__count")[0].endswith("of 261")


def test_a_crowd_leaves_room_for_every_other_relation(reader):
    core = make_entity(
        "core",
        owner="team",
        relations=tuple(("dependsOn", f"component:default/d-{n}") for n in range(70)),
    )
    for number in range(70):
        make_entity(f"u-{number:03}", relations=(("dependsOn", core.ref),))
    page = reader.get(f"{core.get_absolute_url()}dependencies/")
    assert texts(page, ".diagram__caption") == ["Depends on", "Used by", "Owned by"]
    assert texts(page, ".diagram__more") == ["and 45 more", "and 46 more"]


def test_the_overview_draws_a_few_of_each(reader):
    core = make_entity("core")
    for number in range(20):
        make_entity(f"e-{number:03}", relations=(("dependsOn", core.ref),))
    page = reader.get(core.get_absolute_url())
    assert len(select(page, "a.diagram__box")) == 8
    assert texts(page, ".diagram__more") == ["and 12 more"]


def test_is_told_in_words_and_holds_nothing_the_policy_forbids(reader):
    core = make_entity("core", title='<b>"Core"</b>', owner="team")
    page = reader.get(core.get_absolute_url())
    svg = select(page, "svg.diagram__svg")[0]
    named = svg["aria-labelledby"], svg["aria-describedby"]
    title, summary = (svg.select_one(f"#{one}").get_text() for one in named)
    assert title == 'What is related to <b>"Core"</b>'
    assert summary == "Owned by: 1."
    assert svg["role"] == "group"
    assert not svg.select("[style], style, script, foreignObject, image")
    assert "<b>" not in str(svg)


def test_long_names_are_cut_and_whole_in_the_title(reader):
    name = "a-component-with-a-very-long-name"
    core = make_entity("core", relations=(("dependsOn", f"component:default/{name}"),))
    make_entity(name)
    box = select(reader.get(core.get_absolute_url()), "a.diagram__box")[0]
    assert box.select_one("text").get_text() == "a-component-with-a-ve…"
    assert box.select_one("title").get_text() == f"{name} (component:default/{name})"


def test_nothing_is_drawn_of_one_that_stands_alone(reader):
    page = reader.get(make_entity("alone").get_absolute_url())
    assert not select(page, ".diagram")
    assert "Nothing in the catalog is related to this entity" in page.text


def test_boxes_never_overlap(reader):
    core = make_entity("core", owner="team", system="store")
    for number in range(30):
        make_entity(f"e-{number}", relations=(("dependsOn", core.ref),))
        make_entity(f"f-{number}", relations=(("consumesApi", core.ref),))
    page = reader.get(f"{core.get_absolute_url()}dependencies/")
    places = [place(box) for box in select(page, ".diagram__box")]
    height = int(select(page, ".diagram__box rect")[0]["height"])
    svg = select(page, "svg.diagram__svg")[0]
    assert all(0 <= y <= int(svg["height"]) - height for _, y in places)
    for x, y in places:
        near = [other for other in places if other[0] == x and abs(other[1] - y) < height]
        assert near == [(x, y)]


def test_fifty_boxes_weigh_a_few_thousand_bytes(reader):
    core = make_entity("core")
    for number in range(60):
        make_entity(f"service-{number}", relations=(("dependsOn", core.ref),))
    page = reader.get(f"{core.get_absolute_url()}dependencies/")
    svg = str(soup_of(page).select_one("svg.diagram__svg"))
    assert len(gzip.compress(svg.encode())) < 5_000
