"""From nothing to a paged person, the ways people really go."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.e2e, pytest.mark.real_http, pytest.mark.django_db(transaction=True)]

ENTITY = "/catalog/default/component/checkout-api/"
TEXT = "Card payments fail in every shop"


def sign_in(page, portal):
    page.goto(f"{portal}/")
    page.get_by_label("Username").fill("kai.larsen")
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Sign in").click()


def find_checkout(page, portal):
    page.goto(f"{portal}/catalog/?q=checkout-api")
    page.get_by_role("main").get_by_role("link", name="checkout-api", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("checkout-api")


def paged(pagerduty):
    """The descriptions of every incident PagerDuty was asked to open."""
    return [incident.title for incident in pagerduty.state.account.incidents]


def test_signs_in_finds_the_service_and_pages_its_on_call_from_the_dialog(open_page, portal):
    page = open_page()
    page.context.clear_cookies()
    sign_in(page, portal)
    find_checkout(page, portal)
    page.get_by_role("link", name="Page on-call").first.click()
    dialog = page.get_by_role("dialog", name="Page on-call")
    expect(dialog.get_by_label("What is wrong?")).to_be_focused()
    dialog.get_by_label("What is wrong?").fill(TEXT)
    dialog.get_by_role("button", name="Trigger incident").click()

    expect(dialog).to_be_hidden()
    card = page.locator("#pagerduty-card")
    expect(card.get_by_role("link", name=re.compile(TEXT))).to_be_visible(timeout=15_000)
    assert page.url == f"{portal}{ENTITY}"
    expect(page.locator("[data-said]")).to_contain_text("Created incident #")
    outcome = card.locator("[data-outcome]").first
    expect(outcome).to_be_focused()

    # Only the part that shows what came of it takes the focus, and once.
    page.evaluate(
        "document.querySelector('#dialog').insertAdjacentHTML('afterend', '<p id=other>')"
    )
    settle = "id => htmx.trigger(id, 'htmx:afterSettle', {target: document.querySelector(id)})"
    elsewhere = page.get_by_role("searchbox").first
    elsewhere.focus()
    page.evaluate("htmx.trigger(document.body, 'dialog:close')")
    page.evaluate(settle, "#other")
    expect(elsewhere).to_be_focused()
    page.evaluate(settle, "#pagerduty-card")
    expect(outcome).to_be_focused()
    elsewhere.focus()
    page.evaluate(settle, "#pagerduty-card")
    expect(elsewhere).to_be_focused()


def test_pages_the_on_call_without_javascript(open_page, portal):
    page = open_page(java_script_enabled=False)
    page.context.clear_cookies()
    sign_in(page, portal)
    find_checkout(page, portal)
    page.get_by_role("link", name="Page on-call").first.click()
    expect(page).to_have_url(f"{portal}{ENTITY}pagerduty/trigger/")
    page.get_by_label("What is wrong?").fill(TEXT)
    page.get_by_role("button", name="Trigger incident").click()

    expect(page).to_have_url(f"{portal}{ENTITY}")
    expect(page.get_by_role("status").first).to_contain_text("Accepted by PagerDuty")
    expect(page.locator("#messages [tabindex]")).to_be_focused()
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator("#pagerduty-card")).to_contain_text(TEXT)


def test_reaches_the_form_by_keyboard_and_keeps_what_was_typed(open_page):
    page = open_page()
    page.goto(ENTITY)
    button = page.get_by_role("link", name="Page on-call").first
    for _ in range(40):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            break
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    description = page.get_by_role("dialog").get_by_label("What is wrong?")
    expect(description).to_be_focused()
    page.keyboard.type(TEXT)

    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(description).to_have_value(TEXT)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_says_what_is_missing_in_the_dialog_and_sends_nothing(open_page, pagerduty):
    page = open_page()
    before = len(paged(pagerduty))
    page.goto(ENTITY)
    page.keyboard.press("p")
    dialog = page.get_by_role("dialog", name="Page on-call")
    dialog.get_by_role("button", name="Trigger incident").click()

    expect(dialog).to_contain_text("Say what is wrong")
    expect(dialog.get_by_label("What is wrong?")).to_be_focused()
    dialog.get_by_text("Cancel").click()
    expect(dialog).to_be_hidden()
    assert page.url.endswith(ENTITY)
    assert len(paged(pagerduty)) == before


def test_a_double_click_pages_once(open_page, pagerduty):
    page = open_page()
    page.goto(ENTITY)
    page.get_by_role("link", name="Page on-call").first.click()
    dialog = page.get_by_role("dialog", name="Page on-call")
    dialog.get_by_label("What is wrong?").fill(TEXT)
    dialog.get_by_role("button", name="Trigger incident").dblclick()

    card = page.locator("#pagerduty-card")
    expect(card.get_by_role("link", name=re.compile(TEXT))).to_be_visible(timeout=15_000)
    assert paged(pagerduty).count(TEXT) == 1
    events = [one for one in pagerduty.state.requests.all() if one.path.endswith("/enqueue")]
    assert len(events) == 1


def test_a_form_on_its_way_is_not_sent_again(open_page):
    page = open_page()
    page.goto(f"{ENTITY}pagerduty/trigger/")
    page.get_by_label("What is wrong?").fill(TEXT)
    held = []
    page.route("**/trigger/", lambda route: held.append(route))
    page.locator("main form").evaluate(
        "form => [0, 200].forEach((pause) => setTimeout(() => form.requestSubmit(), pause))"
    )
    page.wait_for_timeout(600)
    assert len(held) == 1

    held[0].continue_()
    expect(page).to_have_url(re.compile(f"{ENTITY}$"))


PHONE = {"viewport": {"width": 390, "height": 664}, "has_touch": True, "is_mobile": True}


def test_a_page_that_was_not_taken_is_told_where_the_eye_is(open_page, pagerduty):
    page = open_page(**PHONE)
    page.goto(ENTITY)
    page.get_by_role("link", name="Page on-call").first.tap()
    dialog = page.get_by_role("dialog", name="Page on-call")
    dialog.get_by_label("Details").fill("Since the last deploy")
    dialog.get_by_label("What is wrong?").fill(TEXT)
    pagerduty.state.faults.add("/v2/enqueue", "status", status=503)
    dialog.get_by_role("button", name="Trigger incident").tap()

    told = dialog.get_by_text("Nobody has been paged yet")
    expect(told).to_be_in_viewport(ratio=1)
    expect(dialog.get_by_role("alert")).to_be_focused()
    expect(dialog.get_by_label("What is wrong?")).to_have_value(TEXT)


def test_a_portal_that_does_not_answer_says_so_and_keeps_what_was_typed(open_page):
    page = open_page(**PHONE)
    page.goto(ENTITY)
    page.get_by_role("link", name="Page on-call").first.click()
    dialog = page.get_by_role("dialog", name="Page on-call")
    dialog.get_by_label("What is wrong?").fill(TEXT)
    dialog.evaluate("one => one.scrollTo(0, one.scrollHeight)")
    page.route("**/trigger/", lambda route: route.abort())
    dialog.get_by_role("button", name="Trigger incident").click()

    expect(dialog.get_by_role("alert")).to_contain_text("The portal did not answer")
    expect(dialog.get_by_role("alert")).to_be_in_viewport(ratio=1)
    expect(dialog.get_by_label("What is wrong?")).to_have_value(TEXT)
    page.unroute("**/trigger/")
    dialog.get_by_role("button", name="Trigger incident").click()
    expect(dialog).to_be_hidden()


def test_signed_out_meanwhile_what_was_typed_is_sent_after_signing_in_elsewhere(open_page, portal):
    page = open_page()
    page.goto(ENTITY)
    page.get_by_role("link", name="Page on-call").first.click()
    dialog = page.get_by_role("dialog", name="Page on-call")
    dialog.get_by_label("What is wrong?").fill(TEXT)
    page.context.clear_cookies(name="sessionid")
    dialog.get_by_role("button", name="Trigger incident").click()

    expect(dialog.get_by_role("alert")).to_contain_text("signed out")
    expect(dialog.get_by_label("What is wrong?")).to_have_value(TEXT)
    sign_in(page.context.new_page(), portal)
    dialog.get_by_role("button", name="Trigger incident").click()
    expect(dialog).to_be_hidden()
