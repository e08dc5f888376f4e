import datetime as dt

import pytest
import time_machine
import yaml
from django.conf import settings
from django.utils import timezone

from catalog import cards
from catalog.models import Entity, ImportRun, Location, Relation, SourceFile
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
    assert texts(page, ".page-header .eyebrow") == ["Component · service"]
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
    assert relation(page, "ownerOf") == ["Component 1"]
    assert texts(page, "#hasMember dt") == ["Members"]


@pytest.mark.parametrize(("number", "heading"), [(3, "Used by"), (4, "Used by 4")])
def test_neighbours_are_counted_where_one_does_not_see_how_many(reader, number, heading):
    core = make_entity("core")
    for each in range(number):
        make_entity(f"e-{each}", relations=(("dependsOn", core.ref),))
    page = reader.get(core.get_absolute_url())
    assert texts(page, "#dependencyOf dt") == [heading]
    assert len(relation(page, "dependencyOf")) == number


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
    assert "group:default/team-aplha in spec.owner: did you mean group:team-alpha?" in notice
    assert select(page, ".notice a")[0]["href"] == "/catalog/default/group/team-alpha/"
    assert not select(page, ".meta a")


def test_only_the_first_neighbours_are_shown_and_the_rest_is_a_link_away(reader):
    core = make_entity("core")
    for number in range(53):
        make_entity(f"e-{number:02}", relations=(("dependsOn", core.ref),))
    page = reader.get(core.get_absolute_url())
    assert relation(page, "dependencyOf") == [f"e-{number:02}" for number in range(12)]
    assert texts(page, "#dependencyOf dt") == ["Used by 53"]
    assert texts(page, "#dependencyOf p") == ["The first 12 of 53. See all 53"]
    link = select(page, "#dependencyOf p a")[0]["href"]
    last = reader.get(f"{link}&page=2")
    assert texts(last, "tbody th a") == ["e-50", "e-51", "e-52"]
    assert texts(last, ".pagination__count")[0].endswith("of 53")


def test_a_long_list_of_missing_names_is_cut_and_counted(reader):
    entity = make_entity(
        "shop", relations=tuple(("dependsOn", f"api:default/gone-{n:02}") for n in range(23))
    )
    page = reader.get(entity.get_absolute_url())
    assert len(select(page, ".notice li")) == 21
    assert texts(page, ".notice li")[-1] == "and 3 more"


def test_an_orphan_says_since_when_where_it_was_and_what_to_do(client):
    entity = make_entity("shop", source="/srv/a.yaml", source_line=7)
    location = Location.objects.create(type="file", target="/srv/a.yaml")
    SourceFile.objects.create(address="/srv/a.yaml", location=location)
    Entity.objects.update(orphaned_at=timezone.now() - dt.timedelta(days=2))
    client.force_login(make_user())
    page = client.get(entity.get_absolute_url())
    assert texts(page, ".page-header .badge") == ["orphan"]
    notice = texts(page, ".notice")[0].replace("\xa0", " ")
    assert "Since 2 days ago its document is no longer found in /srv/a.yaml:7" in notice
    assert "an administrator can delete it" in notice
    client.force_login(make_user(is_staff=True, is_superuser=True))
    page = client.get(entity.get_absolute_url())
    assert f"/admin/catalog/entity/{entity.pk}/delete/" in page.text


@pytest.mark.parametrize(
    ("kind", "tab", "other"),
    [("Group", "members", "dependencies"), ("User", "members", "dependencies")]
    + [(kind, "dependencies", "members") for kind in ("Component", "System", "Domain", "API")],
)
def test_people_have_members_and_things_have_dependencies(reader, kind, tab, other):
    url = make_entity("x", kind=kind).get_absolute_url()
    assert f"{url}{tab}/" in [a["href"] for a in select(reader.get(url), ".tabs a")]
    assert "Catalog changes" in texts(reader.get(url), ".tabs a")
    assert reader.get(f"{url}{tab}/").status_code == 200
    assert reader.get(f"{url}{other}/").status_code == 404


@pytest.mark.parametrize(
    ("picture", "is_loaded"),
    [
        ("https://secure.gravatar.com/avatar/1.png", True),
        ("https://pictures.example.com/1.png", True),
        ("https://pictures.example.com:8443/1.png", False),
        ("https://cdn.example.com:8443/1.png", True),
        ("https://cdn.example.com/1.png", False),
        ("https://evil.example/t.png", False),
        ("https://secure.gravatar.com@evil.example/t.png", False),
        ("http://secure.gravatar.com/t.png", False),
        ("https://[bad", False),
    ],
)
def test_pictures_come_from_listed_hosts_alone(reader, settings, picture, is_loaded):
    settings.PORTAL_PICTURE_HOSTS = [
        *settings.PORTAL_PICTURE_HOSTS,
        "pictures.example.com",
        "cdn.example.com:8443",
    ]
    profile = {"displayName": "Team", "picture": picture}
    team = make_entity("team", kind="Group", spec={"type": "team", "profile": profile})
    page = reader.get(team.get_absolute_url())
    assert (picture in [one["src"] for one in select(page, "img")]) is is_loaded
    policy = page["Content-Security-Policy"]
    assert "img-src 'self' data: https://*.pagerduty.com https://*.gravatar.com;" in f"{policy};"


def test_links_are_links_only_where_a_link_is_safe(reader):
    entity = make_entity(
        "shop",
        links=[
            {"url": "https://example.com/a", "title": "Docs"},
            {"url": "mailto:a@example.com?bcc=b@example.com&body=x"},
            {"url": "https://portal.example.com@evil.example/", "title": "Ours"},
            {"url": "javascript:alert(1)", "title": "Click"},
            {"url": " JaVaScRiPt:alert(1)"},
            {"url": "data:text/html,x", "title": BAD},
            {"url": "https://[bad", "title": "Broken"},
        ],
    )
    page = reader.get(entity.get_absolute_url())
    hrefs = [a["href"] for a in select(page, "#links a")]
    assert hrefs == ["https://example.com/a", "mailto:a@example.com"]
    assert "Docs (opens in a new tab) example.com" in texts(page, "#links li")
    assert "Click" in page.text
    assert BAD not in page.text


def test_about_tells_the_source_the_change_and_the_run(reader):
    run = ImportRun.objects.create(state=ImportRun.State.SUCCEEDED)
    location = Location.objects.create(
        type="file",
        target="/srv/a.yaml",
        read_at=timezone.now() - dt.timedelta(minutes=3),
        next_refresh_at=timezone.now() + dt.timedelta(minutes=3),
    )
    with time_machine.travel(dt.datetime(2026, 3, 1, tzinfo=dt.UTC), tick=False):
        entity = make_entity(
            "shop", source="/srv/a.yaml", source_line=12, location=location, run=run
        )
    page = reader.get(entity.get_absolute_url())
    about = " ".join(texts(page, "#about"))
    assert "/srv/a.yaml:12" in about
    assert "Read 3 minutes ago" in about.replace("\xa0", " ").replace("Read3", "Read 3")
    assert f"by import {run.pk}" in about
    assert "2026-03-01" in select(page, "#about time")[1]["datetime"]


@pytest.mark.parametrize(
    ("permissions", "is_read", "is_offered"),
    [
        ((), True, False),
        (("catalog.refresh_location",), True, True),
        (("catalog.refresh_location",), False, False),
    ],
)
def test_who_may_and_what_has_a_location_is_offered_to_be_read_again(
    client, permissions, is_read, is_offered
):
    location = Location.objects.create(type="file", target="/srv/a.yaml")
    entity = make_entity("shop", source="/srv/a.yaml", location=location if is_read else None)
    client.force_login(make_user(permissions=permissions))
    page = client.get(entity.get_absolute_url())
    forms = select(page, "#about form")
    assert [form["action"] for form in forms] == (
        [f"{entity.get_absolute_url()}refresh/"] if is_offered else []
    )
    assert all(form["method"] == "post" for form in forms)


def test_the_issues_are_linked_for_those_who_may_see_them(client):
    entity = make_entity("shop")
    make_issue(entity.ref, "owner is missing")
    for permissions, expected in (((), False), (("catalog.view_importissue",), True)):
        client.force_login(make_user(permissions=permissions))
        page = client.get(entity.get_absolute_url())
        link = "/catalog/issues/?q=component%3Adefault/shop"
        assert (link in [a["href"] for a in select(page, ".notice a")]) is expected


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


def test_a_refusal_that_no_longer_stands_is_no_warning(reader):
    entity = make_entity("shop")
    issue = make_issue(entity.ref, "owner is missing")
    make_issue("component:default/other", "owner is missing")
    assert "last good version" in reader.get(entity.get_absolute_url()).text
    issue.delete()
    assert "last good version" not in reader.get(entity.get_absolute_url()).text


@pytest.mark.parametrize(
    ("kind", "document", "title"),
    [
        ("unreadable", None, "Its file cannot be read; this is the last good version"),
        ("refused", None, "Its file has errors; this is the last good version"),
        ("refused", 2, "A document of its file cannot be read; this may be the last good version"),
        ("warning", None, "The file looks wrong in places"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_of_what_was_read_from_it(reader, kind, document, title):
    entity = make_entity("shop", source="/srv/a.yaml", source_line=3)
    make_entity("other", source="/srv/b.yaml")
    make_issue("", "what is wrong", kind=kind, file="/srv/a.yaml", document=document, line=None)
    notice = texts(reader.get(entity.get_absolute_url()), ".notice")[0]
    assert notice.startswith(title)
    assert "what is wrong" in notice
    assert "what is wrong" not in reader.get("/catalog/default/component/other/").text


def test_a_conflict_names_both_places_on_the_page_of_the_one_that_stays(reader):
    entity = make_entity("shop", source="/srv/a.yaml", source_line=3)
    make_issue(entity.ref, kind="conflict", file="/srv/b.yaml", line=9, holder="/srv/a.yaml:3")
    notice = texts(reader.get(entity.get_absolute_url()), ".notice")[0]
    assert "The document at /srv/a.yaml:3 came first and keeps the reference" in notice
    assert "The one at /srv/b.yaml:9 claims it too and is not taken" in notice
    assert "Rename or remove one of the two documents" in notice


@pytest.mark.parametrize("kind", ["refused", "conflict", "unreadable", "warning"])
def test_every_kind_of_issue_says_what_to_do(reader, kind):
    entity = make_entity("shop")
    make_issue(entity.ref, "what is wrong", kind=kind, file="shop.yaml", line=4)
    notice = texts(reader.get(entity.get_absolute_url()), ".notice")[0]
    assert "shop.yaml:4" in notice
    assert "what is wrong" in notice


@pytest.mark.parametrize("tab", ["", "inspect/", "dependencies/"])
def test_no_page_prints_a_secret_annotation(reader, tab):
    secrets = {
        "pagerduty.com/integration-key": KEY,
        "acme.com/API-Token": "tok-en-of-acme-of-1234",
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
            "acme.com/client-secret": "****",
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
    answer = reader.get(f"{entity.get_absolute_url()}api/download/")
    assert len(answer.content) == 250_000
    assert answer["Cache-Control"] == "private, no-store"


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
    # session, user and rights, entity, edges at both ends, version and names for what is near
    with django_assert_num_queries(7):
        reader.get(entity.get_absolute_url())
    for number in range(50):
        make_entity(f"e-{number}", relations=(("dependsOn", entity.ref),))
        Relation.objects.create(
            source=entity, type="dependsOn", target_ref=f"api:default/g{number}"
        )
    with django_assert_num_queries(5):  # the names are known for a minute
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
    "tab",
    ["", "inspect/", "dependencies/", "members/", "ownership/", "api/", "api/download/"],
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


def test_where_the_source_is_seen_stands_in_one_row_of_facts(reader):
    annotations = {
        "backstage.io/view-url": "https://example.com/view",
        "backstage.io/edit-url": "https://example.com/edit",
    }
    address = make_entity("shop", annotations=annotations).get_absolute_url()
    for page in (reader.get(address), reader.get(f"{address}inspect/")):
        facts = select(page, "#about .facts > *, #provenance .facts > *")
        assert [one.name for one in facts] == ["dt", "dd"] * (len(facts) // 2)
        assert not [one for one in facts if "visually-hidden" in one.get("class", [])]
        assert "View descriptor" in " ".join(texts(page, ".facts dd"))


def test_many_issues_leave_room_for_the_entity(client):
    entity = make_entity("shop")
    url = entity.get_absolute_url()
    cards.register(make_card())
    client.force_login(make_user())
    assert not select(client.get(url), ".more-notices")
    for number in range(25):
        make_issue(entity.ref, f"wrong {number}", file=f"/srv/{number}.yaml")

    page = client.get(url)
    assert texts(page, ".more-notices summary") == ["The descriptor has problems", "17 more issues"]
    assert not [one for one in select(page, "main .notice") if not one.find_parent("details")]
    client.force_login(make_user(is_staff=True, is_superuser=True))
    page = client.get(url)
    shown = [one for one in select(page, "main .notice") if not one.find_parent("details")]
    assert len(shown) == 3
    assert texts(page, ".more-notices summary") == ["17 more issues"]
    assert "There may be more" in page.text
    assert page.text.index("sun") < page.text.index("wrong 0")
