"""The Inspect page: what is in force, who says so, where it was read."""

import html

import pytest
from django.utils import timezone

from catalog.models import ImportRun, Location
from tests.catalog.overlays import set_overlay
from tests.catalog.pages import select, texts
from tests.catalog.sources import component, imported, write
from tests.factories import make_entity, make_issue, make_user

pytestmark = pytest.mark.django_db
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def reader(client):
    client.force_login(make_user())
    return client


@pytest.fixture
def shop():
    location = Location.objects.create(type="file", target="/srv", read_at=timezone.now())
    run = ImportRun.objects.create()
    return make_entity(
        "shop",
        owner="web",
        annotations={"pagerduty.com/integration-key": KEY},
        source="/srv/shop.yaml",
        source_line=3,
        location=location,
        run=run,
        first_run=run,
    )


def inspect(client, entity):
    return client.get(f"{entity.get_absolute_url()}inspect/")


def test_says_where_it_was_read_when_and_by_which_run(reader, shop):
    page = inspect(reader, shop)
    facts = " ".join(texts(page, "#provenance dl"))
    assert "/srv/shop.yaml:3" in facts
    assert "Last read now" in facts
    assert f"Last written byimport {shop.run_id}" in facts
    links = [link["href"] for link in select(page, "#provenance a")]
    assert f"{shop.get_absolute_url()}history/" in links
    assert not any("/admin/" in link for link in links)


def test_each_value_has_its_origin(reader, shop):
    set_overlay(shop, "owner", "", "ops", user=make_user("ana", first_name="Ana"))
    page = inspect(reader, shop)
    rows = {row.split()[0]: row for row in texts(page, "#origins tbody tr")}
    assert "ops instead of web" in rows["spec.owner"]
    assert "overlay by Ana, now" in rows["spec.owner"]
    key = rows['metadata.annotations["pagerduty.com/integration-key"]']
    assert "****cdef" in key
    assert "/srv/shop.yaml:3" in key
    assert "with the overlays over it" in page.text


def test_no_secret_is_printed_neither_the_files_nor_the_one_over_it(reader, shop):
    set_overlay(shop, "annotation", "pagerduty.com/integration-key", KEY[::-1], user=None)
    set_overlay(shop, "annotation", "note", f"{KEY} and {KEY[::-1]}", user=None)
    for page in (inspect(reader, shop), reader.get(f"{shop.get_absolute_url()}history/")):
        text = html.unescape(page.text)
        assert KEY not in text
        assert KEY[::-1] not in text
        assert "****cdef" in text


def test_standing_issues_are_told(reader, shop):
    make_issue(shop.ref, "spec.owner is missing", file="/srv/shop.yaml")
    assert "spec.owner is missing" in inspect(reader, shop).text


def test_what_stands_for_the_whole_file_is_told_too(reader, shop):
    make_issue("", "cannot be read", file=shop.source, kind="unreadable", document=None)
    assert "cannot be read" in inspect(reader, shop).text


def test_an_entity_whose_location_was_unregistered_says_so(reader):
    page = inspect(reader, make_entity("shop", source="/srv/a.yaml"))
    assert "Its location was unregistered" in page.text
    assert "in the admin" not in " ".join(texts(page, ".notice"))


def test_an_entity_of_the_admin_says_so(reader):
    page = inspect(reader, make_entity("shop", type="", lifecycle=""))
    assert "made in the admin" in page.text
    assert "no annotations, no links and no owner" in page.text


def test_costs_the_same_however_much_is_laid_over(reader, shop, django_assert_max_num_queries):
    with django_assert_max_num_queries(20) as few:
        inspect(reader, shop)
    user = make_user()
    for number in range(20):
        set_overlay(shop, "annotation", f"k-{number}", "v", user=user)
    with django_assert_max_num_queries(len(few)):
        inspect(reader, shop)


@pytest.mark.parametrize("may_see", [True, False])
def test_the_location_is_a_link_for_those_who_may_see_it(client, tmp_path, may_see):
    permissions = ("catalog.view_location",) if may_see else ()
    client.force_login(make_user(permissions=permissions))
    imported(write(tmp_path / "all.yaml", component("shop")))
    page = client.get("/catalog/default/component/shop/inspect/")

    assert str(tmp_path) in page.text
    assert bool(select(page, "#provenance a[href^='/catalog/locations/']")) is may_see
