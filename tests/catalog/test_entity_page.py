import datetime as dt

import pytest
import time_machine
import yaml
from django.conf import settings
from django.utils import timezone

from catalog import cards
from catalog.models import Entity, ImportRun, Location, Relation
from tests.catalog.pages import make_card, select, texts
from tests.factories import make_entity, make_issue, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_cards")]
KEY = "0123456789abcdef0123456789abcdef"
BAD = "<script>alert(1)</script>"


@pytest.fixture
def reader(client):
    client.force_login(make_user("ana"))
    return client


def relation(page, kind):
    return texts(page, f"#{kind} li")


def test_the_header_says_what_it_is_and_whose(reader):
    make_entity("web", kind="Group", spec={"profile": {"displayName": "Web Team"}})
    make_entity("store", kind="System")
    entity = make_entity(
        "shop", title="The Shop", description="Sells.", owner="web", system="store"
    )
    page = reader.get(entity.get_absolute_url())
    assert texts(page, ".page-header h1") == ["The Shop"]
    assert texts(page, ".page-header .eyebrow") == ["Component·service"]
    assert texts(page, ".page-header .meta span")[:3] == [
        "owner Web Team",
        "production",
        "system store",
    ]
    assert [a["href"] for a in select(page, ".page-header .meta a")] == [
        "/catalog/default/group/web/",
        "/catalog/default/system/store/",
    ]


@pytest.mark.parametrize("tab", ["", "inspect/", "dependencies/"])
def test_any_letter_case_leads_to_the_lower_case_address(reader, tab):
    make_entity("Shop.A")
    answer = reader.get(f"/catalog/Default/COMPONENT/Shop.A/{tab}?a=b")
    assert answer.status_code == 301
    assert answer["Location"] == f"/catalog/default/component/shop.a/{tab}?a=b"
    assert reader.get(answer["Location"]).status_code == 200


def test_shows_edges_of_both_ends_each_once(reader):
    team = make_entity(
        "team",
        kind="Group",
        relations=(("hasMember", "user:default/ana"), ("parentOf", "group:default/sub")),
    )
    make_entity("ana", kind="User", relations=(("memberOf", "group:default/team"),))
    make_entity("bo", kind="User", relations=(("memberOf", "group:default/team"),))
    make_entity("sub", kind="Group", relations=(("childOf", "group:default/team"),))
    make_entity("shop", owner="team")
    page = reader.get(team.get_absolute_url())
    assert relation(page, "hasMember") == ["ana", "bo"]
    assert relation(page, "parentOf") == ["sub"]
    assert relation(page, "ownerOf") == ["shop"]
    assert texts(page, "#hasMember dt") == ["Members"]


@pytest.mark.parametrize(("number", "heading"), [(3, "Owns"), (4, "Owns 4")])
def test_neighbours_are_counted_where_one_does_not_see_how_many(reader, number, heading):
    team = make_entity("team", kind="Group")
    for each in range(number):
        make_entity(f"e-{each}", owner="team")
    page = reader.get(team.get_absolute_url())
    assert texts(page, "#ownerOf dt") == [heading]
    assert len(relation(page, "ownerOf")) == number


@pytest.mark.parametrize("type_", list(Relation.Type))
def test_the_target_sees_the_inverse_of_every_type(reader, type_):
    target = make_entity("target")
    make_entity("source", kind="API", relations=((type_.value, "component:default/target"),))
    page = reader.get(target.get_absolute_url())
    assert relation(page, type_.inverse.value) == ["source"]


def test_a_target_that_does_not_exist_is_said_so_and_a_near_name_offered(reader):
    make_entity("team-alpha", kind="Group")
    entity = make_entity("shop", owner="team-aplha")
    page = reader.get(entity.get_absolute_url())
    notice = texts(page, ".notice")[0]
    assert "not in the catalog" in notice
    assert "group:default/team-aplha: did you mean group:team-alpha?" in notice
    assert select(page, ".notice a")[0]["href"] == "/catalog/default/group/team-alpha/"
    assert not select(page, ".meta a")


def test_only_the_first_two_hundred_neighbours_are_shown_and_the_rest_is_a_link_away(reader):
    team = make_entity("team", kind="Group")
    for number in range(203):
        make_entity(f"e-{number:03}", owner="team")
    page = reader.get(team.get_absolute_url())
    assert len(relation(page, "ownerOf")) == 200
    assert texts(page, "#ownerOf dt") == ["Owns 203"]
    link = select(page, "#ownerOf p a")[0]["href"]
    assert "The first 200 of 203" in " ".join(texts(page, "#ownerOf p"))
    last = reader.get(f"{link}&page=5")
    assert texts(last, ".row__title") == ["e-200", "e-201", "e-202"]
    assert "203 of 203" in last.text


def test_the_neighbours_page_tells_of_those_that_do_not_exist(reader):
    entity = make_entity("shop", relations=(("dependsOn", "resource:default/gone"),))
    page = reader.get(f"{entity.get_absolute_url()}dependencies/")
    assert "1 more is named but not in the catalog" in " ".join(texts(page, "#neighbours p"))
    assert texts(page, "#neighbours li") == ["resource:default/gone"]


@pytest.mark.parametrize(
    ("kind", "tab", "other"),
    [("Group", "members", "dependencies"), ("User", "members", "dependencies")]
    + [(kind, "dependencies", "members") for kind in ("Component", "System", "Domain", "API")],
)
def test_people_have_members_and_things_have_dependencies(reader, kind, tab, other):
    url = make_entity("x", kind=kind).get_absolute_url()
    assert f"{url}{tab}/" in [a["href"] for a in select(reader.get(url), ".tabs a")]
    assert reader.get(f"{url}{tab}/").status_code == 200
    assert reader.get(f"{url}{other}/").status_code == 404


def test_links_are_links_only_where_a_link_is_safe(reader):
    entity = make_entity(
        "shop",
        links=[
            {"url": "https://example.com/a", "title": "Docs"},
            {"url": "mailto:a@example.com"},
            {"url": "javascript:alert(1)", "title": "Click"},
            {"url": " JaVaScRiPt:alert(1)"},
            {"url": "data:text/html,x", "title": BAD},
            {"url": "https://[bad", "title": "Broken"},
        ],
    )
    page = reader.get(entity.get_absolute_url())
    hrefs = [a["href"] for a in select(page, "#links a")]
    assert hrefs == ["https://example.com/a", "mailto:a@example.com"]
    assert "Click" in page.text
    assert BAD not in page.text


def test_about_tells_the_source_the_change_and_the_run(reader):
    location = Location.objects.create(type="file", target="/srv/a.yaml", read_at=timezone.now())
    run = ImportRun.objects.create(state=ImportRun.State.SUCCEEDED)
    with time_machine.travel(dt.datetime(2026, 3, 1, tzinfo=dt.UTC), tick=False):
        entity = make_entity(
            "shop", source="/srv/a.yaml", source_line=12, location=location, run=run
        )
    page = reader.get(entity.get_absolute_url())
    about = " ".join(texts(page, "#about"))
    assert "/srv/a.yaml:12" in about
    assert f"import {run.pk}" in about
    assert "2026-03-01" in select(page, "#about time")[0]["datetime"]


def test_a_source_that_is_an_address_is_a_link(reader):
    entity = make_entity("shop", source="https://example.com/a.yaml", source_line=3)
    link = select(reader.get(entity.get_absolute_url()), "#about a.external")[0]
    assert link["href"] == "https://example.com/a.yaml"
    assert link.get_text().startswith("https://example.com/a.yaml:3")


def test_a_refused_newer_file_is_a_warning_with_its_reasons(reader):
    entity = make_entity("shop")
    make_issue(entity.ref, "owner is missing", BAD, file="shop.yaml", line=4)
    page = reader.get(entity.get_absolute_url())
    notice = texts(page, ".notice")[0]
    assert "this is the last good version" in notice
    assert "shop.yaml:4" in notice
    assert "Line 1: owner is missing" in notice
    assert BAD not in page.text


def test_a_refusal_that_a_later_run_cleared_is_no_warning(reader):
    location = Location.objects.create(type="file", target="/srv/a.yaml")
    entity = make_entity("shop")
    issue = make_issue(entity.ref, "owner is missing")
    issue.run.locations.add(location)
    assert "last good version" in reader.get(entity.get_absolute_url()).text
    failed = ImportRun.objects.create(state=ImportRun.State.FAILED)
    failed.locations.add(location)
    ImportRun.objects.create(state=ImportRun.State.SUCCEEDED)
    assert "last good version" in reader.get(entity.get_absolute_url()).text
    clean = ImportRun.objects.create(state=ImportRun.State.SUCCEEDED)
    clean.locations.add(location)
    assert "last good version" not in reader.get(entity.get_absolute_url()).text


def test_a_refusal_older_than_the_entitys_own_run_is_no_warning(reader):
    issue = make_issue("component:default/shop", "owner is missing")
    run = ImportRun.objects.create(state=ImportRun.State.SUCCEEDED)
    entity = make_entity("shop", run=run)
    assert issue.run_id < run.pk
    assert "last good version" not in reader.get(entity.get_absolute_url()).text


@pytest.mark.parametrize("tab", ["", "inspect/", "dependencies/"])
def test_no_page_prints_a_secret_annotation(reader, tab):
    secrets = {
        "pagerduty.com/integration-key": KEY,
        "acme.com/API-Token": "tok-en-of-acme-1234",
        "acme.com/client-secret": "s3cr3t-value",
        "acme.com/db-password": "hunter2",
    }
    entity = make_entity(
        "shop",
        description=f"The key is {KEY}",
        annotations={**secrets, "acme.com/plain": f"plain {KEY} value"},
        labels={"copy": KEY},
        links=[{"url": f"https://example.com/?key={KEY}", "title": KEY}],
        spec={"extra": [KEY, {"deep": KEY}]},
    )
    page = reader.get(f"{entity.get_absolute_url()}{tab}")
    for secret in secrets.values():
        assert secret not in page.text
    if tab == "inspect/":
        shown = yaml.safe_load(texts_raw(page))
        assert shown["metadata"]["annotations"] == {
            "pagerduty.com/integration-key": "****cdef",
            "acme.com/API-Token": "****1234",
            "acme.com/client-secret": "****alue",
            "acme.com/db-password": "****",
            "acme.com/plain": "plain ****cdef value",
        }


def texts_raw(page):
    return select(page, "pre code")[0].get_text()


def test_inspect_shows_the_whole_descriptor_as_yaml(reader):
    entity = make_entity(
        "shop", spec={"x": {"y": [1, "1", "1e3", "no", None]}, "text": "a\nb\n"}, tags=("java",)
    )
    shown = texts_raw(reader.get(f"{entity.get_absolute_url()}inspect/"))
    assert yaml.safe_load(shown) == entity.descriptor
    assert "- '1e3'" in shown
    assert "text: |\n" in shown


def test_inspect_says_what_it_leaves_out_of_a_very_long_text(reader):
    entity = make_entity("rest", kind="API", spec={"definition": "x" * 50_000})
    page = reader.get(f"{entity.get_absolute_url()}inspect/")
    assert "[30,000 of 50,000 characters are not shown here]" in page.text


def test_an_api_has_its_definition_as_text_and_as_a_file(reader):
    text = f'openapi: "3.1"\ninfo: {{key: {KEY}}}\n{BAD}\n'
    entity = make_entity(
        "rest",
        kind="API",
        type="openapi",
        annotations={"a/key": KEY},
        spec={"definition": text},
    )
    page = reader.get(f"{entity.get_absolute_url()}api/")
    assert texts_raw(page) == text.replace(KEY, "****cdef")
    assert BAD not in page.text
    answer = reader.get(select(page, "main a.button")[0]["href"])
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="rest.yaml"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer.text == text.replace(KEY, "****cdef")


def test_a_definition_that_is_cut_says_so_and_the_file_has_all_of_it(reader):
    entity = make_entity("rest", kind="API", spec={"definition": "x" * 250_000})
    page = reader.get(f"{entity.get_absolute_url()}api/")
    assert "250,000 characters; the first 200,000 are shown here" in page.text
    assert len(reader.get(f"{entity.get_absolute_url()}api/download/").content) == 250_000


@pytest.mark.parametrize("tab", ["api/", "api/download/"])
def test_what_is_no_api_has_no_definition(reader, tab):
    entity = make_entity("shop", spec={"definition": "text"})
    assert reader.get(f"{entity.get_absolute_url()}{tab}").status_code == 404


def test_cards_come_first_and_their_actions_stand_in_the_header(reader):
    cards.register(make_card(only="shop"))
    shop, cart = make_entity("shop"), make_entity("cart", relations=(("dependsOn", "api:a"),))
    page = reader.get(shop.get_absolute_url())
    assert texts(page, ".columns__main > *")[0] == "shop"
    assert texts(page, ".page-header__actions a") == ["Rain"]
    assert not select(reader.get(cart.get_absolute_url()), ".sun")


def test_a_card_that_fails_takes_nothing_down_and_is_not_shown_as_fine(reader, caplog):
    def fail(request, entity):
        raise RuntimeError("no answer")

    cards.register(make_card("a", "Storm", render=fail, actions=fail))
    cards.register(make_card("b"))
    page = reader.get(make_entity("shop").get_absolute_url())
    assert page.status_code == 200
    assert "Storm could not be shown, so its state is not known" in page.text
    assert texts(page, ".sun") == ["shop"]
    assert "A card failed" in caplog.text


def test_asks_the_database_as_often_for_one_neighbour_as_for_fifty(
    reader, django_assert_num_queries
):
    make_entity("web", kind="Group")
    entity = make_entity("shop", owner="web", relations=(("dependsOn", "api:default/gone"),))
    entity.declared.create(type="partOf", target_ref="system:default/store")
    # user, entity, edges at both ends, near names
    with django_assert_num_queries(4):
        reader.get(entity.get_absolute_url())
    for number in range(50):
        make_entity(f"e-{number}", relations=(("dependsOn", entity.ref),))
        Relation.objects.create(
            source=entity, type="dependsOn", target_ref=f"api:default/g{number}"
        )
    with django_assert_num_queries(4):
        reader.get(entity.get_absolute_url())


def test_only_staff_with_the_right_is_led_to_the_form(client):
    entity = make_entity("shop")
    address = f"/admin/catalog/entity/{entity.pk}/change/"
    for fields, expected in (
        ({}, False),
        ({"is_staff": True}, False),
        ({"permissions": ("catalog.change_entity",)}, False),
        ({"is_staff": True, "permissions": ("catalog.change_entity",)}, True),
        ({"is_staff": True, "is_superuser": True}, True),
    ):
        client.force_login(make_user(**fields))
        assert (address in client.get(entity.get_absolute_url()).text) is expected


def test_escapes_everything_it_prints(reader):
    entity = make_entity(
        "shop",
        title=BAD,
        description=BAD,
        type=BAD,
        lifecycle=BAD,
        labels={BAD: BAD},
        links=[{"url": f"https://example.com/{BAD}", "title": BAD, "icon": BAD}],
        annotations={
            BAD: BAD,
            "backstage.io/view-url": "javascript:alert(1)",
            "backstage.io/source-location": f"url:https://example.com/{BAD}",
        },
        spec={BAD: BAD, "profile": {"displayName": BAD, "email": f"{BAD}@x"}},
        source=f"/srv/{BAD}",
        tags=(BAD,),
    )
    make_entity(
        "other", title=BAD, kind="API", relations=(("dependsOn", entity.ref),), description=BAD
    )
    Relation.objects.create(source=entity, type="dependsOn", target_ref=f"api:default/{BAD}")
    Entity.objects.filter(pk=entity.pk).update(system_ref=f"system:default/{BAD}")
    for tab in ("", "inspect/", "dependencies/"):
        page = reader.get(f"{entity.get_absolute_url()}{tab}")
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert not select(page, 'a[href^="javascript"]')
    assert page.text.count("&lt;script&gt;") > 2


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("/catalog/default/component/chekout-api/", ["checkout-api"]),
        ("/catalog/default/api/checkout-api/", ["checkout-api"]),
        ("/catalog/other/component/checkout-api/", ["checkout-api"]),
        ("/catalog/default/component/zzz/", []),
    ],
)
def test_a_missing_entity_is_404_with_near_names(reader, address, near):
    make_entity("checkout-api")
    page = reader.get(address)
    assert page.status_code == 404
    assert texts(page, "#near a") == near
    assert select(page, "main form[role=search] input[name=q]")


def test_a_missing_entity_that_an_import_refused_says_why(reader):
    make_issue("component:default/shop", "owner is missing", file="shop.yaml")
    page = reader.get("/catalog/default/component/shop/")
    assert page.status_code == 404
    assert "owner is missing" in " ".join(texts(page, ".notice"))


def test_an_unknown_kind_is_404_and_lists_the_kinds(reader):
    page = reader.get("/catalog/default/widget/shop/")
    assert page.status_code == 404
    assert "There is no kind “widget”" in page.text
    assert "/catalog/?kind=component" in [a["href"] for a in select(page, "a.chip")]


@pytest.mark.parametrize("name", ["%00", "a%00b", "%F0%9F", "x" * 3000, "..", "%3Cscript%3E"])
@pytest.mark.parametrize("tab", ["", "inspect/", "api/"])
def test_no_name_breaks_the_page(reader, name, tab):
    answer = reader.get(f"/catalog/default/component/{name}/{tab}", follow=True)
    assert answer.status_code == 404
    assert "<script>" not in answer.text.lower()


@pytest.mark.parametrize("method", ["post", "put", "delete", "trace", "patch"])
@pytest.mark.parametrize(
    "tab", ["", "inspect/", "dependencies/", "members/", "api/", "api/download/"]
)
def test_answers_only_reading(reader, method, tab):
    url = make_entity("shop").get_absolute_url()
    assert getattr(reader, method)(f"{url}{tab}").status_code == 405


def test_head_answers_like_get_without_a_body(reader):
    answer = reader.head(make_entity("shop").get_absolute_url())
    assert answer.status_code == 200
    assert answer.content == b""


def open_to_all():
    return [m for m in settings.MIDDLEWARE if not m.endswith("LoginRequiredMiddleware")]


@pytest.mark.parametrize("path", ["/", "/catalog/", "/catalog/default/component/shop/"])
def test_a_stranger_signs_in_first_where_that_is_required(client, path):
    make_entity("shop")
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"] == f"/sign-in/?next={path}"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/catalog/",
        "/catalog/default/component/shop/",
        "/catalog/default/component/shop/inspect/",
    ],
)
def test_a_stranger_may_read_where_no_sign_in_is_required(client, settings, path):
    settings.MIDDLEWARE = open_to_all()
    make_entity("shop")
    answer = client.get(path)
    assert answer.status_code == 200
    assert "Sign in" in answer.text
