"""The page of issues: everything that is wrong now, and unresolved references."""

import pytest
from django.urls import reverse
from django.utils import timezone

from catalog.models import Location
from tests.catalog.pages import select, texts
from tests.factories import make_entity, make_issue, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _reader(client):
    client.force_login(make_user(permissions=("catalog.view_importissue", "catalog.view_location")))


def get(client, **query):
    return client.get(reverse("catalog:issues"), query)


def make_location(target):
    return Location.objects.create(type="file", target=target)


def test_says_when_there_is_nothing_to_do_and_when_nothing_was_checked(client):
    for kind in ("", "unresolved"):
        assert "Nothing was imported yet, so nothing was checked." in get(client, kind=kind).text
    location = make_location("/srv/a")
    for kind in ("", "unresolved"):
        said = "1 of 1 location could not be read to the end"
        assert said in texts(get(client, kind=kind), ".empty")[0]
    location.read_at = timezone.now()
    location.save()
    make_entity("shop")
    assert "There is nothing to do" in get(client).text
    assert "There is nothing to do" in get(client, kind="unresolved").text
    assert "Clear the filters" in get(client, q="x").text


@pytest.mark.parametrize("location", ["9" * 30, "9" * 5_000, "²", "-1", "x"])
def test_a_location_that_is_none_filters_nothing(client, location):
    make_issue("component:default/shop", "wrong")
    for kind in ("", "unresolved"):
        assert get(client, kind=kind, location=location).status_code == 200
    assert "component:default/shop" in get(client, location=location).text


def test_all_includes_references_to_nothing_after_the_issues(client):
    for number in range(27):
        make_issue(f"component:default/c{number}", "wrong", document=number)
    for number in range(3):
        make_entity(f"user-of-{number}", relations=(("dependsOn", f"resource:default/r{number}"),))
    first, second = get(client), get(client, page=2)
    assert texts(first, "nav[aria-label='Kinds of issues'] a")[0] == "All 30"
    assert [len(select(page, ".issue")) for page in (first, second)] == [25, 2]
    assert [len(select(page, "tbody tr")) for page in (first, second)] == [0, 3]
    assert len(select(get(client, q="r1"), "tbody tr")) == 1


def test_a_refused_document_leads_to_no_page_that_is_not_there(client):
    make_issue("component:default/bad service!", "wrong")
    make_entity("shop")
    make_issue("component:default/shop", "wrong", document=2)
    links = [link["href"] for link in select(get(client), ".issue a")]
    assert [link for link in links if "/component/" in link] == ["/catalog/default/component/shop/"]


def test_shows_each_issue_whole(client):
    found = make_location("/srv/a")
    make_entity("shop")
    make_issue(
        "component:default/shop",
        "first reason",
        "second reason",
        kind="conflict",
        location=found,
        file="/srv/a/x.yaml",
        holder="/srv/b/y.yaml:7",
    )
    (text,) = texts(get(client), ".issue")
    for part in (
        "conflict",
        "component:default/shop",
        "/srv/a/x.yaml:1",
        "/srv/b/y.yaml:7",
        "Line 1, column 1: first reason",
        "Line 2, column 1: second reason",
        "First seen",
        "under /srv/a",
    ):
        assert part in text
    assert select(get(client), ".issue a[href='/catalog/default/component/shop/']")


def test_filters_by_kind_location_and_text_with_counts(client):
    a, b = make_location("/srv/a"), make_location("/srv/b")
    make_issue("component:default/one", "no owner", location=a, file="/srv/a/x.yaml")
    make_issue("component:default/two", "no name", location=b, file="/srv/b/x.yaml")
    make_issue("", "no such file", kind="unreadable", location=b, file="/srv/b", document=None)
    chips = texts(get(client), "nav[aria-label='Kinds of issues'] a")
    assert chips[:4] == ["All 3", "Refused 2", "Conflict 0", "Cannot be read 1"]
    assert len(select(get(client, kind="refused"), ".issue")) == 2
    assert len(select(get(client, location=b.pk), ".issue")) == 2
    assert len(select(get(client, q="OWNER"), ".issue")) == 1
    assert len(select(get(client, q="srv/b/"), ".issue")) == 1
    assert len(select(get(client, kind="refused", location=b.pk, q="name"), ".issue")) == 1
    assert get(client, location="x", kind="nonsense", page="nonsense").status_code == 200
    assert get(client, q="\x00").status_code == 200
    chips = texts(get(client, location=b.pk), "nav[aria-label='Kinds of issues'] a")
    assert chips[:2] == ["All 2", "Refused 1"]


def test_pages_and_says_the_total(client, django_assert_max_num_queries):
    for number in range(30):
        make_issue(f"component:default/c{number}", "wrong", document=number)
    with django_assert_max_num_queries(12):
        response = get(client)
    assert "30 issues" in texts(response, ".list-count")
    assert len(select(response, ".issue")) == 25
    assert len(select(get(client, page=2), ".issue")) == 5


def test_masks_secrets_of_the_entity(client):
    secret = "0123456789abcdef0123456789abcdef"
    make_entity("shop", annotations={"pagerduty.com/integration-key": secret})
    make_issue("component:default/shop", f"found {secret}")
    assert secret not in get(client).text
    assert "****cdef" in get(client).text


def test_lists_unresolved_references_with_what_was_meant(client):
    make_entity("team-alpha", kind="Group")
    make_entity("shop", owner="group:team-aplha", source="/srv/a.yaml", source_line=4)
    make_entity("cart", owner="group:team-alpha", relations=(("dependsOn", "component:zzz"),))
    response = get(client, kind="unresolved")
    rows = texts(response, "tbody tr")
    assert len(rows) == 2
    assert "2 unresolved references" in texts(response, ".list-count")
    assert "component:default/zzz cart depends on no close match" in rows[0]
    assert "group:default/team-aplha shop /srv/a.yaml:4 owned by" in rows[1]
    assert "group:default/team-alpha" in rows[1]
    assert texts(get(client), ".chip-line a")[-1] == "Unresolved references 2"
    assert len(select(get(client, kind="unresolved", q="zzz"), "tbody tr")) == 1
    saved_before = get(client, kind="dangling")
    assert texts(saved_before, "tbody tr") == rows
    assert "Unresolved" in texts(saved_before, ".chip-line [aria-current]")[0]


def test_counts_references_anew_when_the_catalog_changed(client):
    make_entity("shop", owner="group:nobody")
    assert texts(get(client), ".chip-line a")[-1] == "Unresolved references 1"
    make_entity("nobody", kind="Group")
    assert texts(get(client), ".chip-line a")[-1] == "Unresolved references 0"
