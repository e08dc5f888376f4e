"""While the database is away: what happened, how to go on, and nothing lost of what was typed."""

import logging

import pytest
from django.db import OperationalError, connections
from django.test import Client
from django.urls import reverse

from pagerduty_card.paging import sending
from portal.logging import RequestIdFilter
from tests.factories import make_user
from tests.pagerduty_card.factories import EVENTS, KEY, TOKEN
from tests.pagerduty_card.mirror import make_mapped_entity, make_service
from tests.pages import soup_of, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor():
    """One that gets the error page, as a person does."""
    return Client(raise_request_exception=False)


@pytest.fixture
def take_away(monkeypatch):
    """Let every further question to the database fail."""

    def refuse(*_, **__):
        raise OperationalError("connection to server at db.internal failed: hunter2secret")

    return lambda: monkeypatch.setattr(type(connections["default"]), "cursor", refuse)


@pytest.fixture
def form(visitor, settings):
    """The form that pages, as a person has filled it in; the address that it is sent to."""
    settings.PAGERDUTY_TOKEN = TOKEN
    make_service(key=KEY)
    entity = make_mapped_entity()
    visitor.force_login(make_user(permissions=("pagerduty_card.trigger_incident",)))
    url = reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)
    key = visitor.get(url).context["form"]["key"].value()
    return url, {
        "service": "default/PCHKOUT",
        "description": "Payments <b>time out</b>",
        "severity": "error",
        "details": "since 09:00\nin Paris",
        "key": key,
    }


@pytest.mark.parametrize("address", ["/", "/catalog/", "/incidents/", "/no-such-page", "/admin/"])
def test_every_page_says_so_and_leads_to_pagerduty(visitor, take_away, settings, address):
    settings.PAGERDUTY_TOKEN = TOKEN
    visitor.force_login(make_user())
    take_away()
    response = visitor.get(address)
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "no-store" in response["Cache-Control"]
    page = soup_of(response)
    assert "The portal's database does not answer" in words(page.h1)
    assert page.find("a", href="https://app.pagerduty.com")
    assert response["X-Request-ID"] in words(page.main)
    assert "hunter2secret" not in response.text


def test_health_is_told_without_it(visitor, take_away):
    take_away()
    assert visitor.get("/healthz/live").status_code == 200
    assert visitor.get("/healthz/ready").json()["database"] == "not reachable"
    assert visitor.get("/healthz/work").status_code == 503


def test_the_addresses_are_those_of_the_accounts(visitor, take_away, settings):
    settings.PAGERDUTY_ACCOUNTS = (
        f"[{{name: eu, region: eu, token: {TOKEN}}}, {{name: apps, client_id: abc, "
        "client_secret: client-secret-value-4711, subdomain: meridian}]"
    )
    visitor.force_login(make_user())
    take_away()
    page = soup_of(visitor.get("/"))
    assert page.find("a", href="https://app.eu.pagerduty.com")
    assert page.find("a", href="https://meridian.pagerduty.com")
    assert not page.find("a", href="https://app.pagerduty.com")


def test_a_form_that_pages_says_that_nobody_was_and_keeps_what_was_typed(visitor, take_away, form):
    url, typed = form
    take_away()
    response = visitor.post(url, typed)
    assert response.status_code == 503
    page = soup_of(response)
    assert "Nobody was paged." in words(page)
    again = page.find("form", method="post")
    assert again["action"] == url
    kept = {one["name"]: one.get("value") for one in again.find_all("input")}
    kept |= {one["name"]: one.text.removeprefix("\n") for one in again.find_all("textarea")}
    assert kept == typed


def test_a_dialog_gets_the_sentences_as_text(visitor, take_away, form):
    url, typed = form
    take_away()
    response = visitor.post(url, typed, headers={"HX-Request": "true"})
    assert response.status_code == 503
    assert response["Content-Type"].startswith("text/plain")
    assert "Nobody was paged." in response.text
    assert "https://app.pagerduty.com" in response.text


def test_once_it_was_sent_nobody_claims_that_nobody_was_paged(visitor, form, http, monkeypatch):
    url, typed = form
    http.post(f"{EVENTS}/enqueue", status=202, json={"status": "success"})

    def refuse(*_):
        raise OperationalError("the connection was lost")

    monkeypatch.setattr(sending, "_note_accepted", refuse)
    text = words(soup_of(visitor.post(url, typed)))
    assert "It is not known whether anybody was paged" in text
    assert "Nobody was paged" not in text


def test_a_password_is_not_kept_on_a_page(visitor, take_away):
    take_away()
    response = visitor.post("/sign-in/", {"username": "bob smith", "password": "pass word"})
    assert response.status_code == 503
    assert "pass word" not in response.text


def test_another_failure_is_still_the_portals_own(visitor, monkeypatch, caplog):
    def fail(*_, **__):
        raise RuntimeError("broken")

    monkeypatch.setattr("django.contrib.auth.views.LoginView.get_context_data", fail)
    response = visitor.get("/sign-in/")
    assert response.status_code == 500
    assert "Something broke" in response.text
    assert response["X-Request-ID"] in response.text


@pytest.mark.parametrize(("address", "status"), [("/no-such-page", 404), ("/healthz/work", 503)])
def test_django_logs_what_a_view_returned_with_the_requests_id(visitor, caplog, address, status):
    visitor.force_login(make_user())
    with caplog.at_level(logging.WARNING, "django.request"):
        response = visitor.get(address)
    assert response.status_code == status
    (line,) = [one for one in caplog.records if one.name == "django.request"]
    assert RequestIdFilter().filter(line)
    assert line.request_id == response["X-Request-ID"]
    if status == 404:
        assert response["X-Request-ID"] in response.text
