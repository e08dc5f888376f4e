"""Mistakes between a proxy and the settings are named on the page and in the log."""

import pytest
from django.test import Client
from django.urls import reverse

from portal.logging import RequestIdFilter

FORWARDED = {"x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.1"}


@pytest.fixture
def _https(settings):
    settings.SECURE_SSL_REDIRECT = True


@pytest.mark.usefixtures("_https")
@pytest.mark.parametrize(
    "headers",
    [
        FORWARDED,
        {"x-forwarded-proto": "HTTPS, http"},
        {"x-forwarded-ssl": "on"},
        {"forwarded": "for=192.0.2.1;proto=https"},
    ],
)
def test_a_proxy_that_is_not_trusted_is_named_instead_of_a_redirect_to_itself(headers, caplog):
    client = Client(headers=headers)
    for _time in range(2):
        page = client.get(reverse("sign-in"))
        assert page.status_code == 503
        assert "PORTAL_BEHIND_PROXY=true" in page.text
    assert caplog.text.count("set PORTAL_BEHIND_PROXY=true") == 1
    assert client.get(reverse("live")).status_code == 200


@pytest.mark.usefixtures("_https")
@pytest.mark.parametrize(
    ("headers", "status"), [(FORWARDED, 503), ({"host": "other.example.com"}, 400)]
)
def test_what_is_answered_before_a_page_has_a_request_id_too(caplog, headers, status):
    with caplog.filtering(RequestIdFilter()):
        page = Client(headers=headers).get(reverse("sign-in"))
    assert page.status_code == status
    assert f"<code>{page['X-Request-ID']}</code>" in page.text
    assert {record.request_id for record in caplog.records} == {page["X-Request-ID"]}


@pytest.mark.django_db
@pytest.mark.usefixtures("_https")
@pytest.mark.parametrize(
    ("headers", "is_trusted", "status", "logged"),
    [
        ({}, False, 301, ""),
        ({"x-forwarded-for": "192.0.2.1"}, False, 301, ""),
        ({"x-forwarded-proto": "http"}, False, 301, ""),
        (FORWARDED, True, 200, ""),
        (FORWARDED | {"x-forwarded-proto": "http"}, True, 301, ""),
        ({}, True, 301, ""),
        ({"x-forwarded-for": "192.0.2.1"}, True, 301, "the proxy sends no X-Forwarded-Proto"),
    ],
)
def test_others_are_redirected_or_answered(settings, caplog, headers, is_trusted, status, logged):
    if is_trusted:
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    client = Client(headers=headers)
    assert client.get(reverse("sign-in")).status_code == status
    assert (logged in caplog.text) if logged else ("portal.proxy" not in caplog.text)


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["origin", "referer"])
def test_a_form_of_another_address_names_what_does_not_agree(settings, caplog, header):
    settings.PORTAL_URL = "http://127.0.0.1:8000"
    client = Client(enforce_csrf_checks=True)
    client.get(reverse("sign-in"))
    page = client.post(
        reverse("sign-in"),
        {"username": "ana", "password": "hunter2"},
        headers={header: "https://portal.example.com" + ("/?x=1" if header == "referer" else "")},
        secure=header == "referer",
    )
    assert page.status_code == 403
    assert "PORTAL_URL" in page.text
    assert "portal.example.com" not in page.text
    (record,) = [one for one in caplog.records if one.name == "portal.proxy"]
    assert (record.host_header, record.portal_url) == ("testserver", "http://127.0.0.1:8000")
    assert record.origin == "https://portal.example.com"
    assert "hunter2" not in caplog.text


def test_a_form_that_is_out_of_date_says_so():
    page = Client(enforce_csrf_checks=True).post(reverse("sign-out"))
    assert page.status_code == 403
    assert "This form is out of date" in page.text
