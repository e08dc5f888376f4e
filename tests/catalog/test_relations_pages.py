"""The tabs of neighbours: dependencies, members, ownership; the parts of a system or a domain."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog import cards
from catalog.models import Entity, Relation
from tests.catalog.pages import make_card, no_cards, select, texts  # noqa: F401 -- a fixture
from tests.factories import make_entity, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_cards")]


@pytest.fixture
def reader(client):
    client.force_login(make_user("ana"))
    return client


def make_group(name, parent="", **fields):
    relations = (("childOf", f"group:default/{parent}"),) if parent else ()
    return make_entity(name, kind="Group", type="team", relations=relations, **fields)


def make_person(name, *groups, **fields):
    relations = tuple(("memberOf", f"group:default/{group}") for group in groups)
    fields = {"type": "", "lifecycle": "", **fields}
    return make_entity(name, kind="User", relations=relations, **fields)


def make_many(number, *, prefix="e", **columns):
    """Components in bulk, with their edges, fast."""
    made = Entity.objects.bulk_create(
        Entity(
            ref=f"component:default/{prefix}-{each:05}",
            kind="Component",
            name=f"{prefix}-{each:05}",
            sort_name=f"{prefix}-{each:05}",
            type="service",
            digest="x",
            changed_at=timezone.now(),
            **columns,
        )
        for each in range(number)
    )
    edges = [("ownedBy", columns.get("owner_ref")), ("partOf", columns.get("system_ref"))]
    Relation.objects.bulk_create(
        Relation(source=one, type=type_, target_ref=target)
        for one in made
        for type_, target in edges
        if target
    )
    return made


def names(page, css="tbody th a"):
    return texts(page, css)


def test_dependencies_open_on_what_they_are_read_for_and_end_with_the_owner(reader):
    make_group("team")
    make_entity("db", kind="Resource", type="database")
    entity = make_entity(
        "core", owner="team", system="store", relations=(("dependsOn", "resource:default/db"),)
    )
    make_entity("shop", relations=(("dependsOn", entity.ref),))
    page = reader.get(f"{entity.get_absolute_url()}dependencies/")
    assert texts(page, ".panel__title") == [
        "Diagram",
        "Depends on 1",
        "Used by 1",
        "Part of 1",
        "Owned by 1",
    ]
    assert names(page, "#dependsOn tbody th a") == ["db"]
    assert texts(page, "#dependsOn tbody td") == ["database", "production"]


def test_dependencies_show_the_first_ten_of_each_and_count_them(reader):
    core = make_entity("core")
    for number in range(14):
        make_entity(f"e-{number:02}", relations=(("dependsOn", core.ref),))
    page = reader.get(f"{core.get_absolute_url()}dependencies/")
    assert len(names(page, "#dependencyOf tbody th a")) == 10
    assert texts(page, "#dependencyOf p a") == ["See all 14"]


def test_a_system_shows_its_parts_by_kind_with_their_owners_and_counts(reader):
    make_group("team", title="The Team")
    store = make_entity("store", kind="System", type="product")
    for number in range(12):
        make_entity(f"c-{number:02}", system="store", owner="team")
    make_entity("rest", kind="API", type="openapi", system="store")
    make_entity("db", kind="Resource", system="store")
    make_entity("inner", kind="System", relations=(("partOf", store.ref),))
    make_entity("stranger")
    page = reader.get(store.get_absolute_url())
    assert texts(page, '[id^="parts-"] .panel__title') == [
        "Components 12",
        "APIs 1",
        "Resources 1",
        "Systems 1",
    ]
    assert names(page, "#parts-component tbody th a") == [f"c-{number:02}" for number in range(10)]
    assert "The Team" in texts(page, "#parts-component tbody tr")[0]
    assert texts(page, "#parts-component p") == ["The first 10 of 12. See all 12"]
    every = reader.get(select(page, "#parts-component p a")[0]["href"])
    assert names(every) == [f"c-{number:02}" for number in range(12)]
    assert not select(page, "#hasPart")


def test_a_domain_shows_its_systems_and_subdomains(reader):
    domain = make_entity("market", kind="Domain")
    make_entity("store", kind="System", relations=(("partOf", domain.ref),))
    make_entity("fresh", kind="Domain", relations=(("partOf", domain.ref),))
    page = reader.get(domain.get_absolute_url())
    assert texts(page, '[id^="parts-"] .panel__title') == ["Systems 1", "Domains 1"]


def test_the_state_of_parts_is_shown_where_a_card_knows_it(reader):
    cards.register(make_card(only="c-1"))
    store = make_entity("store", kind="System")
    make_entity("c-1", system="store")
    make_entity("c-2", system="store")
    page = reader.get(store.get_absolute_url())
    assert texts(page, "#parts-component .sky") == ["c-1"]


def test_a_system_of_five_hundred_parts_is_counted_right_and_its_pages_are_bounded(reader):
    store = make_entity("store", kind="System")
    make_many(503, system_ref=store.ref)
    page = reader.get(store.get_absolute_url())
    assert texts(page, "#parts-component .panel__title") == ["Components 503"]
    assert len(select(page, "#parts-component tbody tr")) == 10
    assert texts(page, ".diagram__more") == ["and 495 more"]
    every = reader.get(f"{store.get_absolute_url()}dependencies/?type=hasPart&page=11")
    assert names(every) == ["e-00500", "e-00501", "e-00502"]
    assert len(page.content) < 60_000


@pytest.fixture
def org(reader):
    """Three levels of groups, each with a member and something it owns."""
    make_group("root")
    make_group("team", "root")
    make_group("squad", "team")
    make_group("elsewhere")
    make_person("rita", "root")
    make_person("theo", "team", "squad")
    make_person("sam", "squad")
    make_person("else", "elsewhere")
    make_entity("of-root", owner="root")
    make_entity("of-team", owner="team")
    make_entity("of-squad", owner="squad", kind="API")
    make_entity("of-else", owner="elsewhere")
    return "/catalog/default/group/root/"


def test_members_of_nested_groups_are_listed_with_where_they_belong(reader, org):
    page = reader.get(f"{org}members/")
    assert texts(page, "#hasMember tbody tr") == [
        "User rita root",
        "User sam squad",
        "User theo squad, team",
    ]
    assert texts(page, ".chip[aria-current]") == ["With the groups below 2"]
    direct = reader.get(f"{org}members/?of=direct")
    assert names(direct) == ["rita"]


def test_a_member_that_the_catalog_does_not_have_is_named(reader):
    team = make_entity("team", kind="Group", relations=(("hasMember", "user:default/gone"),))
    page = reader.get(f"{team.get_absolute_url()}members/")
    assert texts(page, "#hasMember li") == ["user:default/gone"]
    assert not select(page, "tbody")


def test_a_group_without_members_says_how_one_becomes_a_member(reader):
    page = reader.get(f"{make_group('team').get_absolute_url()}members/")
    assert "spec.memberOf" in texts(page, "#hasMember .empty")[0]


def test_a_group_owns_what_nested_groups_own_unless_asked_otherwise(reader, org):
    page = reader.get(f"{org}ownership/")
    assert names(page) == ["of-root", "of-squad", "of-team"]
    assert texts(page, "nav[aria-label=Kinds] .chip") == [
        "All kinds 3",
        "Components 2",
        "APIs 1",
    ]
    direct = reader.get(f"{org}ownership/?of=direct")
    assert names(direct) == ["of-root"]
    apis = reader.get(f"{org}ownership/?of=all&kind=api")
    assert names(apis) == ["of-squad"]
    assert texts(apis, "nav[aria-label=Kinds] .chip")[0] == "All kinds 3"


def test_the_overview_of_a_group_counts_what_it_owns_itself(reader, org):
    page = reader.get("/catalog/default/group/team/")
    assert texts(page, "#ownerOf .chip") == ["Component 1"]
    assert texts(page, "#childOf li") == ["root"]
    assert texts(page, "#parentOf li") == ["squad"]
    linked = reader.get(select(page, "#ownerOf .chip")[0]["href"])
    assert names(linked) == ["of-team"]


def test_a_person_owns_what_their_groups_own_unless_asked_otherwise(reader, org):
    make_entity("of-theo", owner="user:theo")
    page = reader.get("/catalog/default/user/theo/ownership/")
    assert names(page) == ["of-squad", "of-team", "of-theo"]
    assert names(reader.get("/catalog/default/user/theo/ownership/?of=direct")) == ["of-theo"]


def test_a_person_has_a_profile_and_their_groups(reader):
    make_group("team", title="The Team")
    person = make_person(
        "ana",
        "team",
        spec={"profile": {"displayName": "Ana Lima", "email": "ana@example.com"}},
    )
    page = reader.get(person.get_absolute_url())
    assert texts(page, "h1") == ["Ana Lima"]
    assert select(page, '#about a[href="mailto:ana@example.com"]')
    assert texts(page, "#memberOf li") == ["The Team team"]
    assert names(reader.get(f"{person.get_absolute_url()}members/")) == ["The Team"]


def test_a_person_in_sixty_groups_is_counted_right(reader):
    groups = [f"g-{number:02}" for number in range(60)]
    for name in groups:
        make_group(name)
    person = make_person("busy", *groups)
    page = reader.get(person.get_absolute_url())
    assert texts(page, "#memberOf dt") == ["Member of 60"]
    assert len(select(page, "#memberOf li")) == 12
    every = reader.get(f"{person.get_absolute_url()}members/?page=2")
    assert names(every) == groups[50:]
    member_of = reader.get("/catalog/default/group/g-07/members/")
    assert names(member_of) == ["busy"]


@pytest.mark.parametrize("kind", ["Component", "API", "System", "Domain", "Resource"])
def test_only_groups_and_people_have_members_and_own(reader, kind):
    url = make_entity("x", kind=kind).get_absolute_url()
    assert reader.get(f"{url}ownership/").status_code == 404
    assert "Ownership" not in texts(reader.get(url), ".tabs a")


@pytest.mark.parametrize("query", ["kind=nothing", "page=999", "page=x", "of=x", "type=x"])
def test_an_address_nobody_understands_is_still_a_page(reader, org, query):
    for tab in ("members/", "ownership/"):
        assert reader.get(f"{org}{tab}?{query}").status_code == 200


def queries_of(reader, address):
    with CaptureQueriesContext(connection) as queries:
        assert reader.get(address).status_code == 200
    return [query["sql"] for query in queries]


@pytest.mark.parametrize("tab", ["", "members/", "ownership/"])
def test_a_group_asks_the_database_as_often_whatever_it_owns(reader, org, tab):
    reader.get(f"{org}{tab}")
    few = len(queries_of(reader, f"{org}{tab}"))
    make_many(120, owner_ref="group:default/root")
    for number in range(60):
        make_person(f"p-{number:02}", "root", "squad")
    reader.get(f"{org}{tab}")
    assert len(queries_of(reader, f"{org}{tab}")) == few
    assert few <= 14


@pytest.mark.parametrize("kind", ["Group", "System", "Component", "API"])
def test_no_crowd_takes_the_overview_over_its_bound(reader, kind):
    crowded = make_entity("x", kind=kind, relations=(("dependsOn", "api:default/gone"),))
    for type_ in Relation.Type:
        made = make_many(60, prefix=type_.value.lower(), owner_ref=crowded.ref)
        Relation.objects.bulk_create(
            Relation(source=one, type=type_.value, target_ref=crowded.ref)
            for one in made
            if type_ != Relation.Type.OWNED_BY
        )
    assert len(queries_of(reader, crowded.get_absolute_url())) <= 12


def test_a_name_that_leads_nowhere_is_told_in_a_crowd_too(reader):
    core = make_entity(
        "core", relations=tuple(("dependsOn", f"component:default/e-{n:05}") for n in range(220))
    )
    make_many(219)
    page = reader.get(core.get_absolute_url())
    told = texts(page, ".notice li")
    assert len(told) == 1
    assert told[0].startswith("component:default/e-00219")


def test_a_crowd_is_counted_right_where_both_ends_tell_of_an_edge(reader):
    people = [f"p-{number:03}" for number in range(520)]
    team = make_entity(
        "team",
        kind="Group",
        relations=tuple(("hasMember", f"user:default/{name}") for name in people[:300]),
    )
    made = Entity.objects.bulk_create(
        Entity(
            ref=f"user:default/{name}",
            kind="User",
            name=name,
            sort_name=name,
            digest="x",
            changed_at=timezone.now(),
        )
        for name in people
    )
    Relation.objects.bulk_create(
        Relation(source=one, type="memberOf", target_ref=team.ref) for one in made[200:]
    )
    page = reader.get(team.get_absolute_url())
    assert texts(page, "#hasMember dt") == ["Members 520"]
    assert texts(page, ".diagram__more") == ["and 512 more"]
    members = reader.get(f"{team.get_absolute_url()}members/?page=11")
    assert names(members) == people[500:]
