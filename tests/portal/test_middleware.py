"""Request ids, the reader's time zone, and the headers every page has."""

import logging
import os
import subprocess
import sys
from pathlib import Path

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
def test_a_cookie_or_header_that_names_no_zone_is_ignored(client, cookie):
    client.cookies["tz"] = cookie
    assert client.get(reverse("sign-in")).status_code == 200
    assert client.get(reverse("sign-in"), headers={"X-Zone": cookie}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cookie", "name"),
    [
        ("America%2FBogota", "UTC\u221205:00"),
        ("Asia%2FKathmandu", "UTC+05:45"),
        ("Asia%2FTokyo", "JST"),
    ],
)
def test_a_zone_without_a_name_is_told_by_its_difference(client, cookie, name):
    client.cookies["tz"] = cookie
    assert f"times in {name}" in client.get(reverse("sign-in")).text


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
def test_the_debug_page_of_an_unknown_host_may_have_its_style(client, settings):
    settings.DEBUG, settings.ALLOWED_HOSTS = True, ["portal.example.com"]
    response = client.get(reverse("sign-in"), headers={"host": "other.example.com"})
    assert response.status_code == 400
    assert "<style>" in response.text
    assert "Content-Security-Policy" not in response


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
    assert admin_client.get(address)["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "microphone=()" in admin_client.get(address)["Permissions-Policy"]


@pytest.mark.parametrize(
    ("given", "hsts"),
    [
        ({}, "max-age=31536000"),
        (
            {"SECURE_HSTS_INCLUDE_SUBDOMAINS": "yes", "SECURE_HSTS_PRELOAD": "yes"},
            "max-age=31536000; includeSubDomains; preload",
        ),
    ],
)
def test_https_binds_no_other_host_unless_asked_to_and_cookies_come_from_this_host_alone(
    tmp_path, given, hsts
):
    script = """
import django; django.setup()
from django.conf import settings
from django.test import Client
answer = Client(HTTP_HOST="portal.example.com").get("/healthz/live", secure=True)
print(answer["Strict-Transport-Security"])
print(settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).resolve().parents[2],
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "PORTAL_VAR_DIR": str(tmp_path),
            "SECRET_KEY": "x" * 50,
            "PORTAL_URL": "https://portal.example.com",
            "ALLOWED_HOSTS": "portal.example.com",
            **given,
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split("\n")[:2] == [hsts, "__Host-sessionid __Host-csrftoken"]


def test_a_log_line_stays_one_line_and_carries_its_fields():
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "INFO", "msg": "paged\nroot: fake line", "entity": "a\nb"}
    )
    RequestIdFilter().filter(record)
    line = LineFormatter().format(record)
    assert "\n" not in line
    assert "entity='a\\nb'" in line
    assert "[-]" in line
