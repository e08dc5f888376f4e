"""A whole portal without the PagerDuty app; `portal/test_without_pagerduty.py` runs it.

Whatever leads to the app from a page, from the admin or from a command fails here.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.urls import NoReverseMatch, reverse

from catalog.models import Entity, Location
from tests.factories import make_issue, make_user
from tests.pages import soup_of

pytestmark = pytest.mark.django_db
EXAMPLES = Path(__file__).parents[1] / "examples" / "catalog" / "all.yaml"
BY_NAME = re.compile(
    r"^(/catalog/[^/]+/(?:api|component|domain|group|location|resource|system|user))/[^/]+"
)
LEAVES = ("/admin/logout/", "/admin/jsi18n/", "/sign-out/", "/static/")


@pytest.fixture
def boss(client):
    """A browser of somebody who may do everything, in a catalog that has everything."""
    call_command("import_catalog", EXAMPLES, verbosity=0)
    make_issue("component:default/checkout-api", "wrong", location=Location.objects.first())
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    return client


def links_of(answer):
    """The paths that a page leads to on this site."""
    for link in soup_of(answer).select("a[href], form[method=get][action], [hx-get]"):
        parts = urlsplit(link.get("href") or link.get("action") or link.get("hx-get") or "")
        if not parts.netloc and parts.path.startswith("/") and parts.scheme == "":
            yield parts.path


def test_every_kind_of_page_that_can_be_reached_is_there(boss):
    to_do, seen = ["/", "/admin/", "/styleguide/"], set()
    while to_do:
        path = to_do.pop(0)
        shape = re.sub(r"/\d+/", "/*/", BY_NAME.sub(r"\1/*", path))
        if shape in seen or path.startswith(LEAVES):
            continue
        seen.add(shape)
        answer = boss.get(path)
        assert answer.status_code in {200, 302}, path
        if not answer.streaming and answer.headers["Content-Type"].startswith("text/html"):
            to_do += links_of(answer)
    assert {"/catalog/", "/catalog/locations/*/", "/admin/catalog/entity/*/change/"} <= seen
    assert {f"/catalog/default/{one}/*/" for one in ("api", "group", "user", "system")} <= seen
    assert {f"/catalog/default/component/*/{tab}/" for tab in ("inspect", "history")} <= seen
    assert not [path for path in seen if "pagerduty" in path]


def test_forms_are_accepted(boss):
    location = Location.objects.first()
    entity = Entity.objects.get(name="checkout-api")
    for url in (
        reverse("catalog:location-refresh", args=[location.pk]),
        reverse("catalog:refresh", kwargs=entity.url_kwargs),
        reverse("catalog:star", kwargs=entity.url_kwargs),
    ):
        assert boss.post(url).status_code in {200, 204, 302, 303}, url
    assert boss.post(reverse("catalog:location-unregister", args=[location.pk])).status_code in {
        302,
        303,
    }
    assert not Location.objects.filter(pk=location.pk).exists()


def test_no_check_fails_and_no_address_of_the_card_is_left(settings):
    assert "pagerduty_card" not in settings.INSTALLED_APPS
    call_command("check")
    for name, parts in {
        "pagerduty_card:card": ("default", "component", "x"),
        "boards:incidents": (),
        "boards:on-call": (),
    }.items():
        with pytest.raises(NoReverseMatch):
            reverse(name, args=parts)
