"""Who may read what: a page added tomorrow asks for a sign-in like the others."""

import re
from collections.abc import Iterable, Iterator

import pytest
from django.urls import URLResolver, get_resolver

from tests.factories import make_entity

pytestmark = pytest.mark.django_db

# What a machine asks for (the hook with a token of its own), and what somebody needs who is not
# signed in yet.
OPEN = {
    "/sign-in/",
    "/healthz/live",
    "/healthz/ready",
    "/healthz/work",
    "/catalog/hooks/refresh/",
    "/pagerduty/webhooks/1/",
    "/preference/",
}
READABLE = {"/", "/catalog/", "/styleguide/"}


def routes(found: Iterable[object], before: str = "") -> Iterator[str]:
    for one in found:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, route)
        else:
            yield route


def addresses() -> list[str]:
    """Every address of the site, with something in the place of each argument."""
    found = []
    for route in routes(get_resolver().url_patterns):
        address = re.sub(r"\(\?P<app_label>(\w+)[^)]*\)", r"\1", route)
        address = re.sub(r"\(\?P<\w+>\.\*\)", "x", address)
        address = re.sub(r"<(\w+:)?\w+>", "1", address)
        found.append("/" + address.replace("^", "").replace("$", ""))
    return found


def test_every_page_but_a_few_asks_to_sign_in(client):
    asked = addresses()
    assert {*OPEN, *READABLE, "/catalog/1/1/1/pagerduty/trigger/"} <= set(asked)
    open_ones = set()
    for address in asked:
        answer = client.get(address)
        if answer.status_code != 302 or not re.match(
            r"/(sign-in|admin/login)/\?", answer["Location"]
        ):
            open_ones.add(address)
    assert open_ones == OPEN


def test_where_no_sign_in_is_asked_for_the_pages_are_open_and_the_admin_is_not(client, settings):
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "LoginRequired" not in one]
    entity = make_entity("checkout-api")
    for address in (*READABLE, entity.get_absolute_url()):
        assert client.get(address).status_code == 200
    for address in addresses():
        if address.startswith("/admin/") and address not in OPEN:
            assert client.get(address).status_code == 302, address
