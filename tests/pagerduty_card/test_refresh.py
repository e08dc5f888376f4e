"""The card asks PagerDuty again: against the sandbox, over real HTTP."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from pagerduty_card.models import Feed, TriggeredIncident
from sandbox.pagerduty import server
from tests.factories import make_user
from tests.pagerduty_card.mirror import make_attempt, make_feeds, make_mapped_entity, make_service
from tests.pagerduty_card.pages import url_of
from tests.pages import soup_of, words

pytestmark = [pytest.mark.django_db, pytest.mark.real_http]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def pagerduty(settings):
    with server.serve(port=0) as sandbox:
        settings.PAGERDUTY_SANDBOX = True
        settings.PAGERDUTY_SANDBOX_URL = sandbox.url
        yield sandbox


@pytest.fixture
def nowhere(settings):
    """PagerDuty cannot be reached."""
    settings.PAGERDUTY_SANDBOX = True
    settings.PAGERDUTY_SANDBOX_URL = "http://127.0.0.1:9"


@pytest.fixture
def reader(client):
    client.force_login(
        make_user("reader", permissions=("pagerduty_card.trigger_incident",), first_name="Dee")
    )
    return client


@pytest.fixture
def entity():
    return make_mapped_entity("checkout-api", service_id="PCHKOUT")


def card_in(answer):
    return soup_of(answer).select_one("#pagerduty-card")


def test_a_page_that_knows_nothing_asks_after_it_is_shown_and_then_knows(reader, entity, pagerduty):
    first = card_in(reader.get(url_of(entity, "card"), headers=HTMX))
    assert "UNKNOWN" in words(first)
    assert "load" in first.select_one("form.age")["hx-trigger"]
    answer = card_in(reader.post(url_of(entity, "refresh"), headers=HTMX))
    assert "ALARM" in words(answer)
    assert "1 triggered, 2 acknowledged" in words(answer)
    assert len(answer.select(".ladder__level")) == 3
    assert "load" not in answer.select_one("form.age")["hx-trigger"]


def test_without_htmx_it_goes_back_to_where_the_button_was(reader, entity, pagerduty):
    answer = reader.post(url_of(entity, "refresh"))
    assert answer.status_code == 303
    assert answer["Location"] == entity.get_absolute_url()
    answer = reader.post(url_of(entity, "refresh"), {"alone": "1"})
    assert answer["Location"] == url_of(entity, "card")


def test_only_post_asks(reader, entity):
    assert reader.get(url_of(entity, "refresh")).status_code == 405


def test_many_viewers_cause_one_request(reader, entity, pagerduty):
    reader.post(url_of(entity, "refresh"), headers=HTMX)
    asked = Feed.objects.get(kind="incidents", service_pd_id="PCHKOUT").asked_at
    for _ in range(5):
        reader.post(url_of(entity, "refresh"), headers=HTMX)
    assert Feed.objects.get(kind="incidents", service_pd_id="PCHKOUT").asked_at == asked


def test_a_failed_refresh_keeps_what_was_known_and_does_not_ask_again_by_itself(
    reader, entity, nowhere
):
    make_feeds(age_s=300)
    make_service()
    card = card_in(reader.post(url_of(entity, "refresh"), headers=HTMX))
    assert "No connection to PagerDuty." in words(card)
    assert "Nothing was open 5 minutes ago." in words(card).replace("\xa0", " ").replace(" .", ".")
    assert card.select_one(".card__state .badge")["data-tone"] == "faint"
    assert "load" not in card.select_one("form.age")["hx-trigger"]


def test_a_page_sent_is_followed_until_its_incident_has_a_number(reader, entity, pagerduty):
    reader.post(url_of(entity, "refresh"), headers=HTMX)
    form = soup_of(reader.get(url_of(entity, "trigger")))
    sent = reader.post(
        url_of(entity, "trigger"),
        {
            "service": "default/PCHKOUT",
            "severity": "error",
            "description": "Ledger is stuck",
            "key": form.select_one("[name=key]")["value"],
        },
        headers=HTMX,
    )
    assert sent.status_code == 204
    shown = card_in(reader.get(url_of(entity, "card"), headers=HTMX))
    assert "looking for the incident" in words(shown)
    assert "load delay:2s" in shown.select_one("form.age")["hx-trigger"]
    for later_s in (3, 6, 9, 30):
        with time_machine.travel(timezone.now() + dt.timedelta(seconds=later_s), tick=True):
            card = card_in(reader.post(url_of(entity, "refresh"), headers=HTMX))
        if "load" not in card.select_one("form.age")["hx-trigger"]:
            break
    attempt = TriggeredIncident.objects.get()
    assert attempt.state == TriggeredIncident.State.CREATED
    assert f"#{attempt.incident_number}" in words(card)
    assert "2 triggered, 2 acknowledged" in words(card)
    assert "Ledger is stuck" in words(card.select_one(".rows"))
    assert "load" not in card.select_one("form.age")["hx-trigger"]


def test_stops_looking_after_a_minute_and_says_so(reader, entity, nowhere):
    make_feeds()
    make_service()
    make_attempt(entity, age_s=58)
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=4), tick=True):
        card = card_in(reader.post(url_of(entity, "refresh"), headers=HTMX))
    assert "its incident cannot be looked for No connection" in words(card)
    assert "load delay" not in card.select_one("form.age")["hx-trigger"]
