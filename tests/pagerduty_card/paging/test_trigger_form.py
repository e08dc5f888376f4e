"""The form that pages somebody, through its door: what it says first, and what it does."""

import datetime as dt
import json
from functools import partial

import pytest
import requests
import responses
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pagerduty_card.models import Feed, Service, TriggeredIncident
from tests.factories import make_user
from tests.pagerduty_card import pages
from tests.pagerduty_card.mirror import (
    KEY,
    link_service,
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_on_call,
    make_policy,
    make_service,
)
from tests.pages import soup_of, words

url_of = partial(pages.url_of, name="trigger")
pytestmark = pytest.mark.django_db
TRIGGER = "pagerduty_card.trigger_incident"
ENQUEUE = "https://events.pagerduty.com/v2/enqueue"
HTMX = {"HX-Request": "true"}
ACCEPTED = {"status": "success", "message": "Event processed", "dedup_key": "x"}


@pytest.fixture(autouse=True)
def _settings(settings, monkeypatch):
    settings.PAGERDUTY_TOKEN = "test-token-0123456789"
    settings.PORTAL_URL = "https://portal.example.com"
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def pager(client):
    client.force_login(
        make_user(
            "dee",
            first_name="Dee",
            last_name="Okafor",
            email="dee@example.com",
            permissions=(TRIGGER,),
        )
    )
    return client


@pytest.fixture
def entity():
    """checkout-api with Ana on level 1 and Bo on level 2, nothing open."""
    entity = make_mapped_entity()
    make_feeds()
    policy = make_policy()
    make_service(policy=policy)
    make_on_call(policy, "Ana Lima", level=1)
    make_on_call(policy, "Bo Chen", level=2)
    return entity


def fields_of(answer):
    """What a browser would send of the form in the answer."""
    form = soup_of(answer).select_one("main form.form, .stack form.form")
    fields = {}
    for one in form.select("input[name]"):
        if one.get("type") != "radio" or one.has_attr("checked"):
            fields[one["name"]] = one.get("value", "")
    for one in form.select("textarea"):
        fields[one["name"]] = one.text.removeprefix("\n").removeprefix("\r\n")
    for one in form.select("select"):
        chosen = one.select_one("option[selected]") or one.option
        fields[one["name"]] = chosen["value"]
    fields.pop("csrfmiddlewaretoken")
    return fields


def filled(client, entity, **typed):
    return {**fields_of(client.get(url_of(entity))), "description": "Ledger is stuck", **typed}


def accept(http):
    http.post(ENQUEUE, status=202, json=ACCEPTED)


def test_says_who_would_be_paged_and_what_goes_along(pager, entity):
    page = words(soup_of(pager.get(url_of(entity))).main)
    assert "Pages Ana Lima now, by PagerDuty's rules." in page
    assert "dee@example.com" in page
    assert "Bo Chen" not in page


def test_is_a_page_without_htmx_and_a_fragment_with_it(pager, entity):
    page = pager.get(url_of(entity))
    assert page.text.startswith("<!doctype html>")
    assert "hx-post" not in page.text.split("<main", 1)[1]
    fragment = pager.get(url_of(entity), headers=HTMX)
    assert "<html" not in fragment.text
    form = soup_of(fragment).form
    assert form["action"] == form["hx-post"] == url_of(entity)
    assert form["hx-target"] == "closest [data-dialog-body]"


def test_error_is_the_severity_unless_chosen_and_description_has_the_focus(pager, entity):
    form = soup_of(pager.get(url_of(entity))).select_one("form.form")
    assert form.select_one("option[selected]")["value"] == "error"
    assert form.select_one("textarea[autofocus]")["name"] == "description"
    # A browser would cut a pasted text without a word.
    assert not form.select("textarea[maxlength]")


def test_says_that_nobody_is_on_call(pager):
    entity = make_mapped_entity()
    make_feeds()
    make_service()
    assert "Nobody is on call: PagerDuty would page nobody." in pager.get(url_of(entity)).text


def test_says_when_a_later_level_is_paged_first(pager):
    entity = make_mapped_entity()
    make_feeds()
    policy = make_policy()
    make_service(policy=policy)
    make_on_call(policy, "Kai Larsen", level=2)
    text = words(soup_of(pager.get(url_of(entity))).main)
    assert "Pages Kai Larsen now: nobody is on call before level 2." in text


@pytest.mark.parametrize(
    ("status", "said"),
    [("maintenance", "in maintenance"), ("disabled", "disabled")],
)
def test_does_not_name_as_paged_whom_a_service_that_pages_nobody_has_on_call(
    pager, entity, status, said
):
    Service.objects.update(status=status)
    page = words(soup_of(pager.get(url_of(entity))).main)
    assert f"The service is {said}" in page
    assert f"Pages nobody: the service is {said}. On call: Ana Lima." in page
    assert "Pages Ana" not in page


def test_asks_whether_it_is_one_of_the_open_incidents(pager, entity):
    incident = make_incident(Service.objects.get(), title="Payments time out")
    page = soup_of(pager.get(url_of(entity)))
    assert "Is it one of these?" in words(page)
    assert page.select_one(f'a[href="{incident.url}"]')


def test_warns_of_old_and_of_unknown_data(pager, entity):
    assert "may be out of date" not in pager.get(url_of(entity)).text
    make_feeds(age_s=301)
    text = words(soup_of(pager.get(url_of(entity))).main)
    assert "may be out of date As of 5 minutes ago" in text
    assert "Pages Ana Lima, as PagerDuty last said." in text
    assert "Pages Ana Lima now" not in text
    make_feeds(Feed.Kind.ON_CALL, is_good=False, failed_s=3, reason="unreachable")
    text = words(soup_of(pager.get(url_of(entity))).main)
    assert "It is not known who would be paged." in text
    assert "PagerDuty did not answer." in text


def test_says_that_the_service_itself_may_have_changed_since(pager, entity):
    make_feeds(Feed.Kind.SERVICES, age_s=7200)
    text = words(soup_of(pager.get(url_of(entity))).main)
    assert "may be out of date As of 2 hours ago" in text
    assert "Pages Ana Lima, as PagerDuty last said." in text


def test_pages_and_goes_back_to_the_entity(pager, entity, http):
    accept(http)
    answer = pager.post(
        url_of(entity), filled(pager, entity, severity="critical", details="since 3")
    )
    assert answer.status_code == 303
    assert answer["Location"] == entity.get_absolute_url()
    sent = json.loads(http.calls[0].request.body)
    assert sent["routing_key"] == KEY
    assert sent["payload"]["summary"] == "Ledger is stuck"
    assert sent["payload"]["severity"] == "critical"
    assert sent["payload"]["custom_details"]["e-mail"] == "dee@example.com"
    page = words(soup_of(pager.get(entity.get_absolute_url())).main)
    assert "Accepted by PagerDuty" in page
    assert "looking for the incident" in page


def test_in_the_dialog_it_closes_and_the_card_then_asks(pager, entity, http):
    accept(http)
    answer = pager.post(url_of(entity), filled(pager, entity), headers=HTMX)
    assert answer.status_code == 204
    assert "dialog:close" in answer["HX-Trigger"]
    page = soup_of(pager.get(entity.get_absolute_url()))
    assert "close from:#dialog" in page.select_one("#pagerduty-card")["hx-trigger"]
    assert "Accepted by PagerDuty, looking for the incident" in page.text


def test_the_card_tells_of_a_try_that_failed_in_the_dialog(pager, entity, http):
    http.post(ENQUEUE, status=503)
    shown = soup_of(pager.get(entity.get_absolute_url())).select_one("#pagerduty-card")
    answer = pager.post(url_of(entity), filled(pager, entity), headers=HTMX)
    assert answer.status_code == 422
    assert "Nobody has been paged yet" in answer.text
    have = shown.select_one("[name=have]")["value"]
    news = pager.get(shown["hx-get"], {"have": have}, headers=HTMX)
    assert "The portal keeps trying until" in news.text


def test_the_same_form_sent_twice_pages_once(pager, entity, http):
    accept(http)
    form = filled(pager, entity)
    assert [pager.post(url_of(entity), form).status_code for _ in range(2)] == [303, 303]
    assert len(http.calls) == 1
    assert TriggeredIncident.objects.count() == 1


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "dialog"])
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 202, "json": ACCEPTED}, "Accepted by PagerDuty, looking for the incident."),
        ({"status": 503}, "Nobody has been paged yet."),
        ({"body": requests.ReadTimeout("slow")}, "it is not known whether anybody was paged."),
    ],
    ids=["delivered", "waiting", "unsure"],
)
def test_the_same_text_from_a_form_that_was_renewed_is_held_once(
    pager, entity, http, answer, said, headers
):
    http.post(ENQUEUE, **answer)
    pager.post(url_of(entity), filled(pager, entity))
    sent = len(http.calls)
    # Back fetches the form anew, so its key is another one; the browser fills in what was typed.
    form = filled(pager, entity, details="since 3")
    held = pager.post(url_of(entity), form, headers=headers)
    assert held.status_code == 422
    assert len(http.calls) == sent
    notice = soup_of(held).select_one("[role=alert]")
    first = TriggeredIncident.objects.get()
    at = f"{first.triggered_at:%H:%M} UTC"
    assert f"You sent \u201cLedger is stuck\u201d for checkout-api at {at}." in words(notice)
    assert said in words(notice)
    link = f"{entity.get_absolute_url()}#attempt-{first.pk}"
    assert notice.a["href"] == link
    assert soup_of(pager.get(entity.get_absolute_url())).select(f"#attempt-{first.pk}")
    first.incident_number, first.incident_url = 7, "https://meridian.pagerduty.com/incidents/Q7"
    first.save()
    held = pager.post(url_of(entity), form, headers=headers)
    assert soup_of(held).select_one("[role=alert] a")["href"] == first.incident_url
    again = fields_of(held)
    assert {**again, "key": ""} == {**form, "key": ""}
    pager.post(url_of(entity), again, headers=headers)
    assert len(http.calls) > sent
    assert TriggeredIncident.objects.count() == 2


def test_the_same_text_after_a_refusal_is_not_held(pager, entity, http):
    http.post(ENQUEUE, status=403)
    pager.post(url_of(entity), filled(pager, entity))
    http.replace("POST", ENQUEUE, status=202, json=ACCEPTED)
    assert pager.post(url_of(entity), filled(pager, entity)).status_code == 303


@pytest.mark.parametrize(
    "unclear", [{"body": requests.ReadTimeout("slow")}, {"status": 500}], ids=["lost", "500"]
)
def test_what_may_have_been_taken_is_not_said_to_have_paged_nobody_when_a_later_try_is_refused(
    pager, entity, http, unclear
):
    http.post(ENQUEUE, **unclear)
    refusal = {"status": "invalid event", "message": "Event object is invalid", "errors": ["Full"]}
    http.post(ENQUEUE, status=400, json=refusal)
    form = filled(pager, entity)
    answer = pager.post(url_of(entity), form)
    assert answer.status_code == 422
    text = words(soup_of(answer).select_one("[role=alert]"))
    assert "it is not known whether anybody was paged" in text
    assert "Full" in text
    assert "Nobody has been paged" not in text
    assert "it is not known whether anybody was paged" in pager.get("/catalog/").text
    assert len(http.calls) == 2
    held = pager.post(url_of(entity), filled(pager, entity))
    assert "you sent this page a short time ago" in held.text
    assert len(http.calls) == 2


def test_a_second_click_while_the_first_is_being_sent_does_not_speak_of_success(
    pager, entity, http
):
    form = filled(pager, entity)
    pages = []

    def answer(request):
        pages.append(pager.post(url_of(entity), form, follow=True))
        return 503, {}, ""

    http.add_callback("POST", ENQUEUE, answer)
    pager.post(url_of(entity), form)
    page = words(soup_of(pages[0]).main)
    assert "Being sent to PagerDuty" in page
    assert "Accepted by PagerDuty" not in page


def test_a_refused_form_sent_again_with_another_text_sends_what_it_says_now(pager, entity, http):
    refusal = {"status": "invalid event", "message": "Event object is invalid", "errors": []}
    http.post(ENQUEUE, status=400, json=refusal)
    form = filled(pager, entity)
    pager.post(url_of(entity), form)
    answer = pager.post(url_of(entity), {**form, "description": "Now the queue too"})
    assert "Nobody has been paged" in answer.text
    assert "Sending again sends what the form says now." in answer.text
    accept(http)
    assert pager.post(url_of(entity), fields_of(answer)).status_code == 303
    sent = json.loads(http.calls[-1].request.body)
    assert sent["payload"]["summary"] == "Now the queue too"


@pytest.mark.parametrize("name", ["card", "refresh", "trigger"])
def test_a_name_with_a_nul_is_not_found(pager, name):
    kwargs = {"namespace": "default", "kind": "component", "name": "a\0b"}
    address = reverse(f"pagerduty_card:{name}", kwargs=kwargs)
    answer = pager.post(address) if name == "refresh" else pager.get(address)
    assert answer.status_code == 404


def test_the_same_form_sent_again_with_another_text_says_that_nothing_more_was_sent(
    pager, entity, http
):
    accept(http)
    form = filled(pager, entity)
    pager.post(url_of(entity), form)
    answer = pager.post(url_of(entity), {**form, "description": "Now the queue too"})
    assert answer.status_code == 422
    assert "Nothing more was sent" in answer.text
    again = fields_of(answer)
    assert again["description"] == "Now the queue too"
    assert pager.post(url_of(entity), again).status_code == 303
    assert len(http.calls) == 2


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("", "Say what is wrong"),
        ("  \r\n ", "Say what is wrong"),
        ("x" * 1025, "at most 1024 characters"),
    ],
)
def test_a_description_must_have_1_to_1024_characters(pager, entity, description, said):
    form = filled(pager, entity, description=description, details="since\r\n3")
    answer = pager.post(url_of(entity), form)
    assert answer.status_code == 422
    assert said in answer.text
    assert fields_of(answer)["details"].replace("\r\n", "\n") == "since\n3"
    assert fields_of(answer)["key"] == form["key"]
    assert not TriggeredIncident.objects.exists()


def test_a_line_break_counts_as_one_of_the_1024_characters(pager, entity, http):
    accept(http)
    answer = pager.post(url_of(entity), filled(pager, entity, description="x\r\n" * 511 + "ab"))
    assert answer.status_code == 303


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_severity_that_does_not_exist_is_refused(pager, entity, headers):
    answer = pager.post(url_of(entity), filled(pager, entity, severity="doom"), headers=headers)
    assert answer.status_code == 422
    assert fields_of(answer)["description"] == "Ledger is stuck"
    assert "Choose a severity." in answer.text


def test_a_key_that_is_foreign_or_invented_is_refused_and_renewed(pager, entity, http, client):
    other = make_mapped_entity("payment-gateway")
    for key in ("", "invented", fields_of(pager.get(url_of(other)))["key"]):
        answer = pager.post(url_of(entity), filled(pager, entity, key=key))
        assert answer.status_code == 422
        assert "Nothing was sent" in answer.text
    mine = filled(pager, entity)
    client.force_login(make_user("eve", permissions=(TRIGGER,)))
    answer = client.post(url_of(entity), mine)
    assert answer.status_code == 422
    accept(http)
    renewed = fields_of(answer)
    assert renewed["description"] == "Ledger is stuck"
    assert client.post(url_of(entity), renewed).status_code == 303


def test_pagerdutys_own_words_come_with_the_form_and_what_was_typed(pager, entity, http):
    http.post(
        ENQUEUE,
        status=400,
        json={
            "status": "invalid event",
            "message": "Event object is invalid",
            "errors": ["Length is incorrect"],
        },
    )
    form = filled(pager, entity)
    answer = pager.post(url_of(entity), form)
    assert answer.status_code == 422
    assert "Length is incorrect" in words(soup_of(answer))
    assert "Nobody has been paged" in answer.text
    assert fields_of(answer)["description"] == "Ledger is stuck"
    assert fields_of(answer)["key"] != form["key"]


def test_without_a_network_says_that_nobody_was_paged_and_how_to_reach_them(pager, entity, http):
    http.post(ENQUEUE, body=requests.exceptions.ConnectTimeout())
    form = filled(pager, entity)
    answer = pager.post(url_of(entity), form)
    assert answer.status_code == 422
    page = soup_of(answer)
    assert "Nobody has been paged" in words(page.main)
    assert page.select_one('a[href^="mailto:ana.lima@example.com"]')
    assert fields_of(answer)["key"] == form["key"]
    assert fields_of(answer)["description"] == "Ledger is stuck"
    http.replace(
        responses.POST,
        ENQUEUE,
        status=202,
        json={"status": "success", "message": "Event processed", "dedup_key": "x"},
    )
    assert pager.post(url_of(entity), fields_of(answer)).status_code == 303
    assert TriggeredIncident.objects.get().state == TriggeredIncident.State.ACCEPTED


def test_a_lost_answer_is_told_as_such_and_sending_again_keeps_the_key(pager, entity, http):
    http.post(ENQUEUE, body=requests.exceptions.ReadTimeout())
    form = filled(pager, entity)
    answer = pager.post(url_of(entity), form)
    assert answer.status_code == 422
    text = words(soup_of(answer).main)
    assert "it is not known whether anybody was paged" in text
    assert "sending again pages a second time" in text
    assert "Nobody has been paged" not in text
    assert fields_of(answer)["key"] == form["key"]


def test_a_sixth_page_within_ten_minutes_says_when_again(pager, entity, http):
    accept(http)
    forms = [filled(pager, entity, description=f"Problem {number}") for number in range(6)]
    for form in forms[:5]:
        assert pager.post(url_of(entity), form).status_code == 303
    answer = pager.post(url_of(entity), forms[5])
    assert answer.status_code == 422
    assert "You can page again at" in words(soup_of(answer).main)
    assert "in 10 minutes" in words(soup_of(answer).main)
    assert len(http.calls) == 5


def test_without_the_right_there_is_no_form_and_the_card_says_so(client, entity, settings):
    client.force_login(make_user("viewer"))
    assert client.get(url_of(entity)).status_code == 403
    assert client.post(url_of(entity), {"description": "x"}).status_code == 403
    (foot,) = soup_of(client.get(entity.get_absolute_url())).select(".card__foot")
    assert "An administrator can give you the permission “Can page the on-call" in words(foot)
    assert "Reach the people under On call directly" in words(foot)
    settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "LoginRequired" not in m]
    (foot,) = soup_of(Client().get(entity.get_absolute_url())).select(".card__foot")
    assert words(foot) == "Sign in to page from here."


@pytest.mark.parametrize("is_open_to_all", [False, True])
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "dialog"])
def test_signed_out_one_signs_in_and_comes_back(
    client, entity, settings, is_open_to_all, method, headers
):
    if is_open_to_all:
        settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "LoginRequired" not in m]
    answer = getattr(client, method)(url_of(entity), headers=headers)
    assert answer.status_code == 302
    assert answer["Location"] == f"{reverse('sign-in')}?next={url_of(entity)}"
    assert not TriggeredIncident.objects.exists()


def test_with_several_services_one_is_chosen_and_only_that_one_is_paged(pager, http):
    entity = make_mapped_entity("warehouse-sync", service_id="PEU,PUS")
    make_feeds()
    make_service("PEU", name="warehouse-sync-eu", key="e" * 32)
    make_service("PUS", name="warehouse-sync-us", key="u" * 32)
    page = soup_of(pager.get(url_of(entity)))
    values = [radio["value"] for radio in page.select("input[type=radio]")]
    assert values == ["default/PEU", "default/PUS"]
    assert pager.post(url_of(entity), filled(pager, entity)).status_code == 422
    assert (
        pager.post(url_of(entity), filled(pager, entity, service="default/PX")).status_code == 422
    )
    accept(http)
    assert (
        pager.post(url_of(entity), filled(pager, entity, service="default/PUS")).status_code == 303
    )
    assert json.loads(http.calls[0].request.body)["routing_key"] == "u" * 32


def test_services_of_several_accounts_are_told_apart_and_paged_where_they_are(
    pager, http, settings
):
    settings.PAGERDUTY_ACCOUNTS = "[{name: eu, region: eu, token: token-of-the-eu-account-4712}]"
    entity = make_mapped_entity("warehouse-sync", service_id="PSAME")
    link_service(entity, "PSAME", label="us prod")
    link_service(entity, "PSAME", account="eu", label="eu prod")
    make_service("PSAME", name="warehouse", key="u" * 32)
    make_service("PSAME", account="eu", name="warehouse", key="e" * 32)
    make_feeds()
    make_feeds(account="eu")
    page = soup_of(pager.get(url_of(entity)))
    labels = [words(one.find_parent("label")) for one in page.select("input[type=radio]")]
    assert labels == ["warehouse (us prod)", "warehouse (eu prod)"]
    http.post(
        "https://events.eu.pagerduty.com/v2/enqueue",
        status=202,
        json={"status": "success", "message": "Event processed", "dedup_key": "x"},
    )
    answer = pager.post(url_of(entity), filled(pager, entity, service="eu/PSAME"))
    assert answer.status_code == 303
    assert json.loads(http.calls[0].request.body)["routing_key"] == "e" * 32
    assert TriggeredIncident.objects.get().account == "eu"


def test_the_card_shows_several_services_worst_first_with_their_labels(pager):
    entity = make_mapped_entity("warehouse-sync", service_id="PUS")
    link_service(entity, "PUS", label="us")
    link_service(entity, "PEU", label="eu")
    make_service("PUS", name="warehouse", key="u" * 32)
    make_incident(make_service("PEU", name="warehouse", key="e" * 32))
    make_feeds()
    card = soup_of(pager.get(entity.get_absolute_url())).select_one("#pagerduty-card")
    blocks = [words(one) for one in card.select("article.card__service > header")]
    assert ["eu" in blocks[0], "us" in blocks[1]] == [True, True]
    assert "ALARM" in blocks[0]


def test_the_same_form_sent_again_for_another_service_says_that_nothing_more_was_sent(pager, http):
    entity = make_mapped_entity("warehouse-sync", service_id="PEU,PUS")
    make_feeds()
    make_service("PEU", name="warehouse-sync-eu", key="e" * 32)
    make_service("PUS", name="warehouse-sync-us", key="u" * 32)
    accept(http)
    form = filled(pager, entity, service="default/PEU")
    assert pager.post(url_of(entity), form).status_code == 303
    answer = pager.post(url_of(entity), {**form, "service": "default/PUS"})
    assert answer.status_code == 422
    assert "Nothing more was sent" in answer.text
    assert "for warehouse-sync-eu" in answer.text
    assert len(http.calls) == 1


def test_of_several_services_the_people_of_the_chosen_one_are_to_be_reached(pager, http):
    entity = make_mapped_entity("warehouse-sync", service_id="PEU,PUS")
    make_feeds()
    eu, us = make_policy("PPEU"), make_policy("PPUS")
    make_service("PEU", name="warehouse-sync-eu", key="e" * 32, policy=eu)
    make_service("PUS", name="warehouse-sync-us", key="u" * 32, policy=us)
    make_on_call(eu, "Ana Lima", level=1)
    make_on_call(us, "Bo Chen", level=1)
    http.post(ENQUEUE, status=503)
    answer = pager.post(url_of(entity), filled(pager, entity, service="default/PUS"))
    assert "Nobody has been paged yet" in answer.text
    reached = [link["href"] for link in soup_of(answer).select('main a[href^="mailto:"]')]
    assert [one.split("?")[0] for one in reached] == ["mailto:bo.chen@example.com"]


def test_without_a_key_the_page_says_that_nobody_can_be_paged_from_here(pager):
    entity = make_mapped_entity()
    make_feeds()
    make_service(key="")
    answer = pager.get(url_of(entity))
    assert "Nobody can be paged from here" in answer.text
    assert pager.post(url_of(entity), {"description": "x"}).status_code == 409


def test_a_service_that_does_not_exist_is_told_as_what_it_is(pager):
    entity = make_mapped_entity(service_id="PWRONG1")
    make_feeds()
    text = words(soup_of(pager.get(url_of(entity))).main)
    assert "Nobody can be paged from here" in text
    assert "PagerDuty has no service PWRONG1." in text
    assert "examples/catalog/checkout.yaml:12" in text
    assert "integration" not in text


def test_only_get_and_post_are_answered(pager, entity):
    assert pager.put(url_of(entity)).status_code == 405
    assert pager.delete(url_of(entity)).status_code == 405
    assert pager.trace(url_of(entity)).status_code == 405


def test_forms_need_the_csrf_token(entity):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user("dee", permissions=(TRIGGER,)))
    assert strict.post(url_of(entity), {"description": "x"}).status_code == 403
    assert strict.post(pages.url_of(entity, "refresh")).status_code == 403


def test_an_old_shift_is_not_who_would_be_paged(pager):
    entity = make_mapped_entity()
    make_feeds(Feed.Kind.INCIDENTS, Feed.Kind.SERVICES, Feed.Kind.CHANGES)
    make_feeds(Feed.Kind.ON_CALL, age_s=7200)
    policy = make_policy(levels=1)
    make_service(policy=policy)
    make_on_call(policy, "Ana Lima", to_h=-1)
    text = words(soup_of(pager.get(url_of(entity))).main)
    assert "It is not known who would be paged." in text
    assert "Pages Ana" not in text
    assert timezone.now() - dt.timedelta(hours=1) > Feed.objects.get(kind="on_call").succeeded_at


@pytest.mark.parametrize(
    ("field", "typed", "kept", "said"),
    [
        ("description", "RTL \u202eevil", "RTL evil", "U+202E (right-to-left override)"),
        ("description", "a\u200bb\u2066c\x07", "abc", "U+200B (zero width space), U+2066"),
        ("description", "one\u2028two", "one\ntwo", "U+2028 (line separator)"),
        ("details", "x\x00y", "xy", "U+0000 (control character)"),
        ("details", "".join(map(chr, range(0x202A, 0x202F))) + "z", "z", "and others"),
    ],
)
def test_characters_that_nobody_sees_are_refused_and_taken_out(
    http, pager, entity, field, typed, kept, said
):
    http.post(ENQUEUE, json={"status": "success"}, status=202)
    fields = fields_of(pager.get(url_of(entity))) | {"description": "Payments time out"}
    answer = pager.post(url_of(entity), fields | {field: typed})
    assert (answer.status_code, len(http.calls)) == (422, 0)
    assert said in answer.text
    fields = fields_of(answer)
    assert fields[field].strip() == kept
    assert pager.post(url_of(entity), fields).status_code == 303
    assert len(http.calls) == 1


def test_what_scripts_and_emoji_need_is_sent_and_blanks_alone_are_not(http, pager, entity):
    http.post(ENQUEUE, json={"status": "success"}, status=202)
    fields = fields_of(pager.get(url_of(entity)))
    for blank in ("\u200d \u200c", "\u3164\uffa0", "\u2800", "\ufe0f\u0300"):
        answer = pager.post(url_of(entity), fields | {"description": blank})
        assert (answer.status_code, len(http.calls)) == (422, 0)
        assert "Say what is wrong" in answer.text
    text = (
        "e\u0301 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f468\u200d\U0001f4bb\nnext"
    )
    assert pager.post(url_of(entity), fields | {"description": text}).status_code == 303
    assert json.loads(http.calls[0].request.body)["payload"]["summary"] == text
