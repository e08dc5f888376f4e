"""What was typed into the form that pages stays, whatever happened before it was sent."""

import json
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pagerduty_card.mapping.remapping import remap
from pagerduty_card.models import Integration, TriggeredIncident
from tests.factories import make_user
from tests.pagerduty_card import pages
from tests.pagerduty_card.factories import EVENTS
from tests.pagerduty_card.mirror import make_feeds, make_mapped_entity, make_service
from tests.pages import soup_of, words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("token")]
url_of = partial(pages.url_of, name="trigger")
TRIGGER = "pagerduty_card.trigger_incident"
TEXT = "Ledger is stuck"
DOORS = pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "dialog"])


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def browser():
    """A browser whose forms need their CSRF token, with dee signed in."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_user("dee", permissions=(TRIGGER,)))
    return browser


@pytest.fixture
def entity():
    make_service("PA", name="ledger-a", key="a" * 32)
    make_service("PB", name="ledger-b", key="b" * 32)
    make_feeds()
    return make_mapped_entity("ledger", service_id="PA")


def fields_of(answer):
    """What a browser sends of the form in the answer, the CSRF token included."""
    form = soup_of(answer).select_one("main form.form, .stack form.form")
    fields = {one["name"]: one.get("value", "") for one in form.select("input[type=hidden]")}
    fields |= {one["name"]: one.text.lstrip("\r\n") for one in form.select("textarea")}
    return fields | {"severity": "critical"}


def typed_into(browser, entity):
    return {**fields_of(browser.get(url_of(entity))), "description": TEXT, "details": "since 3"}


def accept(http):
    http.post(f"{EVENTS}/enqueue", status=202, json={"status": "success", "message": "ok"})


def sign_in(browser, answer, name="dee"):
    """Follow to the sign-in page, and sign in there."""
    page = browser.get(answer["Location"])
    fields = fields_of(page) | {"username": name, "password": "secret"}
    return page, browser.post(reverse("sign-in"), fields, follow=True)


@pytest.mark.parametrize("is_open_to_all", [False, True])
def test_after_the_session_ended_the_text_is_there_again_and_nothing_was_sent(
    browser, entity, http, settings, is_open_to_all
):
    if is_open_to_all:
        settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "LoginRequired" not in one]
    form = typed_into(browser, entity)
    del browser.cookies["sessionid"]
    answer = browser.post(url_of(entity), form)
    assert answer.status_code == 302
    assert TEXT not in answer["Location"]
    page, back = sign_in(browser, answer)
    assert "Nobody has been paged. You are signed out." in words(soup_of(page).main)
    assert back.redirect_chain[-1][0] == url_of(entity)
    assert "Nobody has been paged You were signed out" in words(soup_of(back).main)
    again = fields_of(back)
    assert [again["description"], again["details"]] == [TEXT, "since 3"]
    assert soup_of(back).select_one("option[selected]")["value"] == "critical"
    assert not TriggeredIncident.objects.exists()
    accept(http)
    assert browser.post(url_of(entity), again).status_code == 303
    assert fields_of(browser.get(url_of(entity)))["description"] == ""


def test_the_text_is_for_its_writer_alone(browser, entity):
    form = typed_into(browser, entity)
    del browser.cookies["sessionid"]
    answer = browser.post(url_of(entity), form)
    make_user("eve", permissions=(TRIGGER,))
    _, back = sign_in(browser, answer, "eve")
    assert fields_of(back)["description"] == ""
    assert TEXT not in back.text


def test_the_text_waits_an_hour_and_is_bounded(browser, entity):
    form = typed_into(browser, entity) | {"details": "x" * 10_001}
    del browser.cookies["sessionid"]
    answer = browser.post(url_of(entity), form)
    page, back = sign_in(browser, answer)
    assert "Only the first 10,000 characters" in page.text
    assert fields_of(back)["description"] == TEXT
    assert len(fields_of(back)["details"]) == 10_000
    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
        assert fields_of(browser.get(url_of(entity)))["description"] == ""


@DOORS
def test_who_is_signed_out_with_a_form_that_cannot_be_kept_can_copy_the_text(
    browser, entity, headers
):
    form = typed_into(browser, entity) | {"key": "invented"}
    del browser.cookies["sessionid"]
    answer = browser.post(url_of(entity), form, headers=headers)
    assert "sessionid" not in browser.cookies
    assert "Nobody has been paged You are signed out" in words(soup_of(answer))
    assert fields_of(answer)["description"] == TEXT


@DOORS
def test_with_an_old_csrf_token_the_form_comes_back_and_can_be_sent(browser, entity, http, headers):
    form = typed_into(browser, entity)
    browser.force_login(User.objects.get())  # in another tab: the token is another one now
    del browser.cookies["csrftoken"]
    answer = browser.post(url_of(entity), form, headers=headers)
    assert answer.status_code == (422 if headers else 403)
    assert "Nobody has been paged The page was out of date" in words(soup_of(answer))
    again = fields_of(answer)
    assert [again["description"], again["details"]] == [TEXT, "since 3"]
    accept(http)
    assert browser.post(url_of(entity), again).status_code == 303


def test_signed_out_and_with_an_old_csrf_token_one_click_leads_to_the_sign_in(browser, entity):
    form = typed_into(browser, entity)
    browser.cookies.clear()
    answer = browser.post(url_of(entity), form)
    assert "Nobody has been paged You are signed out." in words(soup_of(answer).main)
    _, back = sign_in(browser, browser.post(url_of(entity), fields_of(answer)))
    assert fields_of(back)["description"] == TEXT


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example.com"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_what_may_be_another_sites_form_is_not_made_ready_to_be_sent(browser, entity, headers):
    form = typed_into(browser, entity) | {"csrfmiddlewaretoken": ""}
    answer = browser.post(url_of(entity), form, headers=headers)
    assert answer.status_code == 403
    assert fields_of(answer)["description"] == TEXT
    assert soup_of(answer).select("main button[type=submit]") == []


def lose_the_right(entity):
    User.objects.get().user_permissions.clear()


def remove_the_entity(entity):
    entity.delete()


def lose_the_annotation(entity):
    entity.descriptor["metadata"]["annotations"] = {}
    entity.save()
    remap([entity.pk])


def lose_the_key(entity):
    Integration.objects.all().delete()
    remap([entity.pk])


@DOORS
@pytest.mark.parametrize(
    ("happened", "status", "said"),
    [
        (lose_the_right, 403, "Can page the on-call of a service"),
        (remove_the_entity, 404, "ledger is no longer in the catalog."),
        (lose_the_annotation, 404, "ledger names no PagerDuty service any more."),
        (lose_the_key, 409, "ledger names no service now that can be paged from here."),
    ],
)
def test_where_the_form_cannot_be_sent_any_more_its_text_can_be_copied(
    browser, entity, headers, happened, status, said
):
    form = typed_into(browser, entity)
    happened(entity)
    answer = browser.post(url_of(entity), form, headers=headers)
    assert answer.status_code == (422 if headers else status)
    page = words(soup_of(answer))
    assert "Nobody has been paged" in page
    assert said in page
    assert [fields_of(answer)[name] for name in ("description", "details")] == [TEXT, "since 3"]
    assert soup_of(answer).select("main form.form button[type=submit]") == []
    assert not TriggeredIncident.objects.exists()


def map_to(entity, *pd_ids):
    entity.descriptor["metadata"]["annotations"]["pagerduty.com/service-id"] = ",".join(pd_ids)
    entity.save()
    remap([entity.pk])


@DOORS
def test_a_form_for_another_service_pages_the_one_of_now_with_one_more_click(
    browser, entity, http, headers
):
    form = typed_into(browser, entity)
    map_to(entity, "PB")
    answer = browser.post(url_of(entity), form, headers=headers)
    assert answer.status_code == 422
    page = words(soup_of(answer))
    assert "Nobody has been paged The form was for ledger-a. ledger now names ledger-b" in page
    assert "Select a valid choice" not in page
    accept(http)
    again = fields_of(answer)
    assert [again["description"], again["service"]] == [TEXT, "default/PB"]
    assert browser.post(url_of(entity), again).status_code == 303
    assert json.loads(http.calls[0].request.body)["routing_key"] == "b" * 32


def test_of_several_services_of_now_one_is_to_be_chosen(browser, entity):
    form = typed_into(browser, entity)
    make_service("PC", name="ledger-c", key="c" * 32)
    map_to(entity, "PB", "PC")
    page = soup_of(browser.post(url_of(entity), form))
    assert "now names ledger-b and ledger-c: choose one" in words(page.main)
    assert page.select("main input[type=radio][checked]") == []
    assert page.select_one("textarea[name=description]").text.strip() == TEXT


@pytest.mark.parametrize("happened", [remove_the_entity, lambda entity: map_to(entity, "PB")])
def test_a_form_that_was_sent_before_is_not_said_to_have_paged_nobody(
    browser, entity, http, happened
):
    form = typed_into(browser, entity)
    accept(http)
    assert browser.post(url_of(entity), form).status_code == 303
    happened(entity)
    answer = browser.post(url_of(entity), form)
    page = words(soup_of(answer).main)
    assert "Nothing more was sent" in page
    assert "This form was sent before, for ledger-a." in page
    assert "Nobody has been paged" not in page
    assert fields_of(answer)["description"] == TEXT
    assert fields_of(answer).get("key") != form["key"]
