"""Who is in no file any more is marked wherever they are listed, and not counted without a word."""

import pytest
from django.utils import timezone

from tests.catalog.pages import select, texts
from tests.factories import make_entity

pytestmark = pytest.mark.django_db
GROUP = "/catalog/default/group/platform/"


@pytest.fixture
def _team(client, settings):
    """platform, of which jane has left, and a component that both own; more below is nobody's."""
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "LoginRequired" not in one]
    make_entity("platform", kind="Group", spec={"type": "team", "children": []})
    for name, orphaned_at in (("jane", timezone.now()), ("mary", None)):
        make_entity(
            name,
            kind="User",
            spec={"memberOf": ["platform"]},
            relations=(("memberOf", "group:default/platform"),),
            orphaned_at=orphaned_at,
        )
    make_entity("shop", owner="user:default/jane")


def marked(client, address, rows):
    """Who of both is in a listed row with an orphan's mark."""
    headers = {"HX-Request": "true"} if address.startswith("/search/") else {}
    marks = [
        row.get_text(" ")
        for row in select(client.get(address, headers=headers), rows)
        if any(badge.get_text(strip=True) == "orphan" for badge in row.select(".badge"))
    ]
    return [name for name in ("jane", "mary") if any(name in text for text in marks)]


@pytest.mark.usefixtures("_team")
@pytest.mark.parametrize(
    ("address", "rows"),
    [
        (f"{GROUP}members/", "tbody tr"),
        (f"{GROUP}members/?type=hasMember", "tbody tr"),
        (GROUP, "#hasMember li"),
        ("/catalog/default/component/shop/", ".meta span:has(> a)"),
        ("/search/?q=jane", "li"),
        ("/catalog/?kind=user", "tbody tr"),
    ],
)
def test_an_orphan_is_marked_wherever_it_is_listed(client, address, rows):
    assert marked(client, address, rows) == ["jane"]


@pytest.mark.usefixtures("_team")
def test_a_count_of_members_says_how_many_are_orphans(client):
    (count,) = texts(client.get(f"{GROUP}members/"), ".list-count")
    assert count == "2 members, 1 of them orphaned: no file has it any more"
    assert "(1 orphaned)" in client.get(GROUP).text
