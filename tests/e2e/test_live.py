"""An open page keeps itself true: a real browser, against the sandbox, over real sockets."""

import datetime as dt
import re

import pytest
from django.db.models import F
from playwright.sync_api import expect

from pagerduty_card.accounts import get_account
from pagerduty_card.models import Feed, Integration
from pagerduty_card.syncing.accounts import sync_account
from pagerduty_card.wire.client import PagerDutyClient
from tests.e2e.conftest import PATIENCE_MS
from tests.sandbox.pagerduty.client import send

pytestmark = [pytest.mark.e2e, pytest.mark.real_http, pytest.mark.django_db(transaction=True)]

ENTITY = "/catalog/default/component/checkout-api/"
TEXT = "Card payments fail in every shop"


@pytest.fixture
def page(new_context, portal, sign_in_kai):
    """The entity's page, open, with a clock that tests put forward."""
    context = new_context(base_url=portal)
    context.set_default_timeout(PATIENCE_MS)
    sign_in_kai(context)
    opened = context.new_page()
    opened.clock.install()
    opened.goto(ENTITY)
    opened.wait_for_load_state("networkidle")
    opened.evaluate("window.isSamePage = true")
    yield opened
    assert opened.evaluate("window.isSamePage")


@pytest.fixture
def happens(pagerduty):
    """Let an incident happen in PagerDuty, and the worker bring it."""

    def happened(title=TEXT):
        taking = Integration.objects.filter(type="events_api_v2_inbound_integration")
        key = taking.get(service__pd_id="PCHKOUT").integration_key
        status, _ = send(pagerduty, "trigger", key=key, dedup_key=title, summary=title)
        assert status == 202
        with PagerDutyClient(get_account()) as client:
            for _ in range(50):
                sync_account(get_account(), client, kinds=[Feed.Kind.INCIDENTS])
                if any(title in one.title for one in client.open_incidents()):
                    sync_account(get_account(), client, kinds=[Feed.Kind.INCIDENTS])
                    return
        raise AssertionError("the sandbox made no incident")

    return happened


@pytest.fixture
def asked(page):
    """The addresses of the card that the page asks for, as it goes on."""
    found = []
    page.on(
        "request",
        lambda one: found.append(f"{one.method} {one.url}") if "/pagerduty/" in one.url else None,
    )
    return found


def hide(page, *, is_hidden):
    page.evaluate(
        """(isHidden) => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
          document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
        }""",
        is_hidden,
    )


def later(page, seconds=16):
    page.clock.fast_forward(seconds * 1000)


def test_an_incident_appears_on_an_open_page_and_focus_and_open_lists_stay(page, happens):
    card = page.locator("#pagerduty-card")
    link = card.get_by_role("link", name="Checkout escalation").first
    link.focus()
    address = link.get_attribute("href")
    more = card.locator("details").first
    more.locator("summary").click()
    link.focus()
    happens()
    later(page)

    expect(card.get_by_role("link", name=re.compile(TEXT))).to_be_visible()
    expect(page.locator("[data-said]")).to_contain_text("checkout-api: ALARM")
    assert page.evaluate("document.activeElement.getAttribute('href')") == address
    expect(card.locator("details").first).to_have_attribute("open", "")
    later(page)
    page.wait_for_load_state("networkidle")
    expect(page.locator("[data-away]")).to_be_hidden()


def test_a_page_that_shows_all_there_is_gets_nothing_and_stays_as_it_is(page):
    page.locator("#pagerduty-card h2").evaluate("element => { element.dataset.mark = 1 }")
    with page.expect_response("**/pagerduty/?have=*") as answer:
        later(page)
    assert answer.value.status in {200, 204}
    page.wait_for_timeout(200)
    expect(page.locator("#pagerduty-card h2[data-mark]")).to_be_visible()


def test_a_hidden_tab_asks_for_nothing_and_one_that_is_seen_again_asks_at_once(page, asked):
    hide(page, is_hidden=True)
    later(page, 600)
    page.wait_for_timeout(300)
    assert asked == []
    with page.expect_response("**/pagerduty/?have=*"):
        hide(page, is_hidden=False)


def test_what_is_typed_in_the_dialog_survives_and_the_card_follows_when_it_is_closed(page, happens):
    page.keyboard.press("p")
    description = page.get_by_role("dialog").get_by_label("What is wrong?")
    description.fill("Half a senten")
    happens()
    with page.expect_response("**/pagerduty/?have=*"):
        later(page)
    page.wait_for_timeout(200)
    expect(description).to_be_focused()
    expect(description).to_have_value("Half a senten")
    expect(page.locator("#pagerduty-card")).not_to_contain_text(TEXT)

    page.keyboard.press("Escape")
    later(page)
    expect(page.locator("#pagerduty-card")).to_contain_text(TEXT)
    page.keyboard.press("p")
    expect(description).to_have_value("Half a senten")
    # What is said above the text is of now, not of when it was begun.
    expect(page.get_by_role("dialog").get_by_role("link", name=re.compile(TEXT))).to_be_visible()


def test_a_card_is_not_swapped_under_a_reader_who_selects_text(page, happens):
    card = page.locator("#pagerduty-card")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#pagerduty-card h3'))")
    happens()
    with page.expect_response("**/pagerduty/?have=*"):
        later(page)
    page.wait_for_timeout(200)
    assert page.evaluate("getSelection().toString()").strip().startswith("checkout-api")
    expect(card).not_to_contain_text(TEXT)
    page.evaluate("getSelection().removeAllRanges()")
    later(page)
    expect(card).to_contain_text(TEXT)


def test_a_portal_that_is_away_is_asked_less_often_and_the_card_says_that_it_is_not_kept(
    page, asked
):
    page.route("**/pagerduty/?*", lambda route: route.abort())
    later(page)
    note = page.locator("[data-away]")
    expect(note).to_contain_text("not kept up to date now. The portal did not answer.")
    expect(page.locator("[data-failure]")).to_have_count(0)
    before = len(asked)
    page.clock.run_for(120_000)
    page.wait_for_timeout(200)
    assert 1 <= len(asked) - before <= 3

    page.unroute("**/pagerduty/?*")
    later(page, 61)
    expect(note).to_be_hidden()


def test_after_the_sign_in_ended_no_sign_in_page_is_swapped_in(page):
    page.context.clear_cookies(name="sessionid")
    later(page)
    expect(page.locator("[data-away]")).to_contain_text("You are signed out")
    expect(page.locator("#pagerduty-card h3")).to_contain_text("checkout-api")
    expect(page.get_by_label("Password")).to_have_count(0)


def test_a_card_that_falls_due_while_it_is_open_is_refreshed_without_a_reload(page, asked):
    ages = {name: F(name) - dt.timedelta(seconds=100) for name in ("asked_at", "succeeded_at")}
    Feed.objects.update(**ages)
    with page.expect_response("**/pagerduty/refresh/") as answer:
        later(page)
    assert answer.value.status == 200
    assert len([one for one in asked if one.startswith("POST")]) == 1
