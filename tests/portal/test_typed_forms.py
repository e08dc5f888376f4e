"""A form that is refused before its view sees it: what was typed comes back, ready to be sent."""

import pytest
from django.test import Client
from django.urls import reverse

from catalog.models import Entity
from tests.catalog.pages import select
from tests.catalog.sources import component
from tests.factories import make_user
from tests.pagerduty_card.mirror import make_mapped_entity

pytestmark = pytest.mark.django_db

RIGHTS = ("catalog.add_entity", "catalog.view_entity", "catalog.change_entity")


@pytest.fixture
def browser():
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("ana", permissions=RIGHTS, is_staff=True))
    return client


def sent_again(browser, page):
    form = {field["name"]: field["value"] for field in select(page, "form input")}
    form |= {area["name"]: area.text.removeprefix("\n") for area in select(page, "form textarea")}
    return browser.post(select(page, "form")[0]["action"], form)


@pytest.mark.parametrize("is_signed_out", [False, True])
def test_a_descriptor_is_not_lost_with_a_cookie_or_a_session(browser, is_signed_out):
    address = reverse("admin:catalog_entity_add")
    page = browser.get(address)
    token = select(page, "input[name=csrfmiddlewaretoken]")[0]["value"]
    typed = {"descriptor_text": component("typed"), "_save": "Save", "csrfmiddlewaretoken": token}
    user = Client()
    if is_signed_out:
        del browser.cookies["sessionid"]
    else:
        del browser.cookies["csrftoken"]
    page = browser.post(address, typed)
    assert page.status_code == 403
    assert "nothing that you typed is lost" in page.text
    assert ("You were signed out" in page.text) == is_signed_out
    assert "name: typed" in select(page, "textarea")[0].text
    assert not Entity.objects.exists()
    if is_signed_out:  # in another tab, with which the token of this page grows old
        user.force_login(make_user("bo", permissions=RIGHTS, is_staff=True))
        browser.cookies["sessionid"] = user.cookies["sessionid"].value
    assert sent_again(browser, page).status_code == 302
    assert Entity.objects.get().ref == "component:default/typed"


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"descriptor_text": "a\n" * 50}, {"sec-fetch-site": "cross-site"}),
        ({"descriptor_text": "a\n" * 50}, {"origin": "https://elsewhere.example"}),
        ({"old_password": "secret", "text": "a\n" * 50}, {}),
        ({"action": "delete_orphans"}, {}),
    ],
)
def test_nothing_comes_back_of_another_site_of_passwords_and_of_a_mere_button(
    browser, fields, headers
):
    page = browser.post(reverse("admin:catalog_entity_add"), fields, headers=headers)
    assert page.status_code == 403
    assert not select(page, "form")
    assert "secret" not in page.text


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "FOO"])
@pytest.mark.parametrize("view", ["pagerduty_card:trigger", "catalog:register"])
def test_what_no_form_sends_is_refused_without_a_word_of_one(view, method):
    rights = ("pagerduty_card.trigger_incident", "catalog.add_location")
    entity = make_mapped_entity()
    address = reverse(view, kwargs=entity.url_kwargs if view.endswith("trigger") else None)
    for is_strict, status in ((True, 403), (False, 405)):
        client = Client(enforce_csrf_checks=is_strict)
        client.force_login(make_user(permissions=rights))
        answer = client.generic(method, address)
        assert answer.status_code == status
        assert "form" not in answer.text


def test_choices_of_a_mapping_are_kept_and_a_mere_button_leads_to_the_sign_in():
    chosen = {"pick": [f"component:default/c{n}|P{n}" for n in range(10)], "step": "preview"}
    page = Client().post(reverse("pagerduty:mapping"), chosen)
    assert page.status_code == 403
    values = [field["value"] for field in select(page, "input[name=pick]")]
    assert values == chosen["pick"]
    page = Client().post(reverse("pagerduty:mapping"), {"step": "preview"})
    assert page.status_code == 302
