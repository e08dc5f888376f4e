"""Request ids, the reader's time zone, and the headers every page has."""

import logging

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.logging import LineFormatter, RequestIdFilter


def test_each_response_has_its_own_request_id(client):
    first, second = (client.get(reverse("live"))["X-Request-ID"] for _ in range(2))
    assert first != second
    assert len(first) == 32


def test_the_proxys_request_id_is_kept(client):
    response = client.get(reverse("live"), headers={"X-Request-ID": "proxy-12345678"})
    assert response["X-Request-ID"] == "proxy-12345678"


@pytest.mark.parametrize("hostile", ["x", "a b c d e f g h", "<script>alert(1)</script>", "é" * 9])
def test_a_request_id_that_is_not_one_is_replaced(client, hostile):
    response = client.get(reverse("live"), headers={"X-Request-ID": hostile})
    assert response["X-Request-ID"] != hostile


@pytest.mark.django_db
@pytest.mark.parametrize(
    "cookie", ["Not/AZone", "../../etc/passwd", "/etc/passwd", "x" * 5000, "Europe%2FBerlin%00"]
)
def test_a_cookie_that_names_no_zone_is_ignored(client, cookie):
    client.cookies["tz"] = cookie
    assert client.get(reverse("sign-in")).status_code == 200


@pytest.mark.django_db
def test_the_zone_of_one_reader_does_not_stay_for_the_next(client):
    client.cookies["tz"] = "Asia%2FTokyo"
    client.get(reverse("sign-in"))
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.django_db
def test_pages_carry_a_policy_that_allows_nothing_inline(client):
    policy = client.get(reverse("sign-in"))["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["admin:index", "admin:catalog_entity_changelist"])
def test_the_admin_has_the_policy_too_but_for_its_one_inline_style(admin_client, name):
    policy = admin_client.get(reverse(name))["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in f"{policy};"
    assert "style-src 'self' 'unsafe-inline'" in policy


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/", "/catalog/", "/styleguide/", "/admin/", "/sign-in/", "/healthz/live", "/no/"]
)
def test_no_cache_keeps_what_one_reader_saw(admin_client, address):
    assert "private" in admin_client.get(address)["Cache-Control"]
    assert "no-store" in admin_client.get(address)["Cache-Control"]


def test_a_log_line_stays_one_line_and_carries_its_fields():
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "INFO", "msg": "paged\nroot: fake line", "entity": "a\nb"}
    )
    RequestIdFilter().filter(record)
    line = LineFormatter().format(record)
    assert "\n" not in line
    assert "entity='a\\nb'" in line
    assert "[-]" in line
