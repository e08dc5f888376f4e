"""What holds for every page: axe finds nothing, nothing scrolls sideways, keys and times work."""

import datetime as dt
import re

import pytest
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import expect

from pagerduty_card.models import Feed, OnCall
from tests.e2e.conftest import OVERFLOW, violations

pytestmark = [pytest.mark.e2e, pytest.mark.real_http, pytest.mark.django_db(transaction=True)]

ENTITY = "/catalog/default/component/checkout-api/"
WORKER = "/catalog/default/component/invoice-worker/"
GROUP = "/catalog/default/group/checkout-team/"
PAGES = {
    "home": "/",
    "index": "/catalog/",
    "index of a kind": "/catalog/?kind=component",
    "index with a filter that finds nothing": "/catalog/?q=zzzz",
    "entity": ENTITY,
    "entity nobody knows the state of": "/catalog/default/component/delivery-tracker/",
    "dependencies": f"{ENTITY}dependencies/",
    "system with parts": "/catalog/default/system/checkout/",
    "group": GROUP,
    "members": f"{GROUP}members/",
    "ownership": f"{GROUP}ownership/",
    "definition": "/catalog/default/api/checkout-rest/api/",
    "inspect": f"{ENTITY}inspect/",
    "entity with overlays and issues": WORKER,
    "inspect of overlays": f"{WORKER}inspect/",
    "history": f"{WORKER}history/",
    "orphan with a long title": "/catalog/default/component/left-over/",
    "history of what is gone": "/catalog/default/component/gone/history/",
    "locations": "/catalog/locations/",
    "location": "/catalog/locations/7/",
    "unregister": "/catalog/locations/7/unregister/",
    "register": "/catalog/locations/register/",
    "issues": "/catalog/issues/",
    "unresolved references": "/catalog/issues/?kind=unresolved",
    "card": f"{ENTITY}pagerduty/",
    "past of the service": f"{ENTITY}pagerduty/history/?days=90",
    "trigger form": f"{ENTITY}pagerduty/trigger/",
    "incidents": "/incidents/",
    "incidents that no filter leaves": "/incidents/?q=zzzz",
    "on call": "/on-call/",
    "own account": "/account/password/",
    "style guide": "/styleguide/",
    "no such page": "/nothing/here/",
}
DESK = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def desk(open_page):
    """A page on a desk, without motion."""
    return open_page(**DESK, reduced_motion="reduce")


def test_no_page_breaks_a_rule_scrolls_sideways_or_reports_an_error(desk):
    told, wrong = [], []
    desk.on("console", lambda message: told.append(message.text) if message.type == "error" else 0)
    desk.on("pageerror", lambda error: told.append(str(error)))
    for name, address in PAGES.items():
        desk.goto(address)
        wrong += violations(desk, name, is_all_colours=name in {"entity", "style guide"})
        for width in (320, 768, 1280):
            desk.set_viewport_size({"width": width, "height": 844})
            if desk.evaluate(OVERFLOW):
                wrong.append(f"{name}: scrolls sideways at {width}")
        desk.set_viewport_size(DESK["viewport"])
        desk.wait_for_function("!document.querySelector('.htmx-request')")
        if name in {"no such page", "history of what is gone"}:
            told.pop()  # its own status is one

    assert not wrong, "\n".join(wrong)
    assert told == []


def test_the_open_dialog_breaks_no_rule_either(desk, no_violations):
    desk.goto(ENTITY)
    desk.get_by_role("link", name="Page on-call").first.click()
    expect(desk.get_by_role("dialog", name="Page on-call")).to_be_visible()

    no_violations(desk, "dialog", is_all_colours=True)


def test_what_tells_of_trouble_breaks_no_rule(desk, no_violations, pagerduty):
    """PagerDuty is away since two hours, nobody is on call, and a page was not taken."""
    pagerduty.state.faults.add("/", "status", status=503)
    OnCall.objects.all().delete()
    ages = {name: F(name) - dt.timedelta(hours=2) for name in ("asked_at", "succeeded_at")}
    Feed.objects.update(**ages, failed_at=timezone.now(), reason="unreachable")
    desk.goto(ENTITY)
    desk.keyboard.press("p")
    dialog = desk.get_by_role("dialog", name="Page on-call")
    dialog.get_by_label("What is wrong?").fill("Half of the orders are lost")
    dialog.get_by_role("button", name="Trigger incident").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Nobody has been paged yet")
    no_violations(desk, "dialog", is_all_colours=True)

    desk.keyboard.press("Escape")
    expect(desk.locator("#pagerduty-card")).to_contain_text("Nobody has been paged yet")
    no_violations(desk, "card", is_all_colours=True)
    for address in (f"{ENTITY}pagerduty/history/", "/catalog/"):
        desk.goto(address)
        expect(desk.locator(".banner", has_text="Nobody has been paged yet")).to_be_visible()
        no_violations(desk, address)


def test_the_sign_in_page_breaks_no_rule(desk, no_violations):
    desk.context.clear_cookies()
    desk.goto("/sign-in/")

    no_violations(desk, "sign-in")


def test_targets_are_large_enough_for_a_thumb(open_page):
    page = open_page(**PHONE)
    page.goto(ENTITY)
    small = page.evaluate(
        """() => [...document.querySelectorAll(".button, .tabs a, .chip, input, select")]
          .filter((one) => one.checkVisibility() && one.type !== "hidden")
          .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect().height])
          .filter(([, height]) => height < 44)"""
    )

    assert small == []


def test_the_index_of_a_phone_shows_an_entity_at_once_and_the_rest_on_demand(open_page):
    page = open_page(**PHONE)
    page.goto("/catalog/")
    expect(page.get_by_label("Text")).to_be_visible()
    expect(page.locator("#facet-owner")).not_to_be_visible()
    assert page.locator(".index-table tbody tr").first.bounding_box()["y"] < 844 - 100

    last = page.get_by_role("navigation", name="Kinds").get_by_role("link").last
    last.focus()
    expect(last).to_be_in_viewport(ratio=1)
    page.get_by_text("Filters and order").click()
    expect(page.locator("#facet-owner")).to_be_visible()


def test_the_index_of_a_desk_shows_every_filter_and_one_line_for_each_entity(open_page):
    page = open_page(**DESK)
    page.goto("/catalog/")
    # Ticking a box sends the form, and the page behind is gone before the box could be read.
    page.locator("#facet-type").get_by_label("service").click()

    expect(page).to_have_url(re.compile("type=service"))
    expect(page.locator("#facet-type").get_by_label("service")).to_be_checked()
    expect(page.get_by_role("status").get_by_text("4 of the catalog")).to_be_visible()
    for row in page.locator(".index-table tbody tr").all():
        assert row.bounding_box()["height"] < 44


def test_page_on_call_stays_at_the_bottom_of_a_phone(open_page):
    page = open_page(**PHONE)
    page.goto(ENTITY)
    button = page.get_by_role("link", name="Page on-call").first
    for place in (0, 10_000):
        page.mouse.wheel(0, place)
        box = button.bounding_box()
        assert 844 - 80 < box["y"] + box["height"] <= 844

    # A phone's page at 400 %: the bar would take a third of it.
    page.set_viewport_size({"width": 320, "height": 256})
    assert button.evaluate("one => getComputedStyle(one.parentElement).position") == "static"
    name = page.get_by_role("link", name="Switchboard").bounding_box()
    number = page.locator(".masthead__number").bounding_box()
    assert name["x"] + name["width"] + 4 <= number["x"]


def test_the_printed_card_keeps_state_age_and_people_and_drops_the_controls(open_page):
    page = open_page()
    page.goto(ENTITY)
    page.emulate_media(media="print")
    card = page.locator("#pagerduty-card")

    expect(card.get_by_text("ALARM")).to_be_visible()
    expect(card.get_by_text("as of").first).to_be_visible()
    expect(card.get_by_text("Lea Moreau").last).to_be_visible()
    expect(page.get_by_role("link", name="Page on-call")).to_be_hidden()
    expect(page.get_by_role("searchbox")).to_be_hidden()


def test_keys_lead_around_and_stay_quiet_while_typing(open_page):
    page = open_page()
    page.goto(ENTITY)
    page.keyboard.press("?")
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shortcuts).to_contain_text("Search the catalog")
    expect(shortcuts).to_contain_text("Page on-call")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox").first).to_be_focused()
    page.keyboard.type("gc?")
    expect(shortcuts).to_be_hidden()
    assert page.url.endswith(ENTITY)
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page).to_have_url(page.url.split("/catalog/")[0] + "/catalog/")


def test_the_search_of_every_page_answers_while_one_types(desk, no_violations):
    desk.goto(ENTITY)
    desk.locator(".masthead__search label").click()
    desk.keyboard.type("deliv")
    found = desk.locator("#search-results").get_by_role("link")
    expect(found.first).to_contain_text("delivery-tracker")
    expect(found.last).to_contain_text("result")
    expect(desk.locator("[data-said]")).to_have_text(re.compile(r"^\s*1 result\s*$"))
    no_violations(desk, "quick search")

    for key, place in (("Down", found.first), ("Down", found.last), ("Up", found.first)):
        desk.keyboard.press(f"Arrow{key}")
        expect(place).to_be_focused()
    desk.keyboard.press("Escape")
    expect(desk.locator("#site-search")).to_be_focused()
    desk.keyboard.press("Escape")
    expect(desk.locator("#search-results")).to_be_hidden()
    desk.keyboard.press("Control+k")
    expect(desk.locator("#site-search")).to_be_focused()
    desk.keyboard.type("deliv")
    desk.keyboard.press("Enter")
    expect(desk).to_have_url(re.compile(r"/catalog/\?q=.*deliv"))


def test_a_star_is_set_where_it_stands_and_keeps_the_focus(open_page):
    page = open_page()
    page.goto("/catalog/?q=delivery-tracker")
    star = page.get_by_role("button", name="Star delivery-tracker")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    expect(star).to_be_focused()
    page.goto("/")
    expect(page.locator("#starred")).to_contain_text("delivery-tracker")


def test_the_second_page_speaks_in_the_reader_s_zone(open_page):
    page = open_page(timezone_id="Asia/Tokyo")
    page.goto(ENTITY)
    expect(page.locator(".footer")).to_contain_text("times in UTC")
    card = page.locator("#pagerduty-card")
    before = card.element_handle()
    card.get_by_role("button", name="Refresh").click()
    page.wait_for_function("before => !before.isConnected", arg=before)
    expect(card).to_contain_text("UTC")
    expect(card).not_to_contain_text("JST")
    page.goto("/styleguide/")

    expect(page.locator("#times")).to_contain_text("JST")
    expect(page.locator(".footer")).to_contain_text("times in JST")
    cookie = next(one for one in page.context.cookies() if one["name"] == "tz")
    assert cookie["sameSite"] == "Lax"


def test_the_chosen_theme_is_there_from_the_first_byte(open_page):
    page = open_page()
    page.goto("/styleguide/")
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("button", name="Theme: auto").click()
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("button", name="Theme: light").click()
    page.wait_for_url("**/styleguide/")

    assert 'data-theme="dark"' in page.request.get(page.url).text()
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper != "oklch(0.986 0.003 250)"


def test_keys_that_are_switched_off_do_nothing_until_they_are_switched_on(open_page):
    page = open_page()
    page.goto(ENTITY)
    for state, is_open in (("on", False), ("off", True)):
        page.get_by_role("button", name="Your menu").click()
        page.get_by_role("button", name=f"Single-key shortcuts: {state}").click()
        page.wait_for_url(f"**{ENTITY}")
        page.keyboard.press("p")
        expect(page.get_by_role("dialog", name="Page on-call")).to_be_visible(visible=is_open)


def test_the_menu_of_a_phone_opens_without_javascript(open_page):
    page = open_page(**PHONE, java_script_enabled=False)
    page.goto("/catalog/")
    expect(page.get_by_role("link", name="Catalog", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Menu", exact=True).click()

    expect(page.get_by_role("link", name="Catalog", exact=True)).to_be_visible()


def test_signing_out_takes_one_form_and_no_javascript(open_page):
    page = open_page(java_script_enabled=False)
    page.goto("/catalog/")
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_label("Password")).to_be_visible()


@pytest.mark.parametrize("page_of", ["", "inspect/"])
def test_nothing_of_the_facts_lies_on_anything_else(open_page, page_of):
    page = open_page(**PHONE)
    page.goto(WORKER + page_of)
    narrow = page.evaluate(
        """() => [...document.querySelectorAll(".facts dd")]
          .map((one) => [one.textContent.slice(0, 30), one.getBoundingClientRect().width])
          .filter(([, width]) => width < 150)"""
    )
    assert narrow == []


def test_a_phone_has_the_list_of_relations_or_a_diagram_that_says_that_it_scrolls(open_page):
    page = open_page(**PHONE)
    for address, is_drawn in ((ENTITY, False), (f"{ENTITY}dependencies/", True)):
        page.goto(address)
        expect(page.locator(".diagram")).to_be_visible(visible=is_drawn)
        expect(page.get_by_text("Scroll sideways")).to_be_visible(visible=is_drawn)
    page.set_viewport_size(DESK["viewport"])
    expect(page.locator(".diagram")).to_be_visible()
    expect(page.get_by_text("Scroll sideways")).to_be_hidden()


def test_the_mark_of_a_link_outside_stands_behind_its_text(open_page):
    page = open_page(**PHONE)
    page.goto(ENTITY)
    text, mark = page.evaluate(
        """() => {
          const link = document.querySelector("#links a");
          const range = document.createRange();
          range.selectNode(link.firstChild);
          return [range.getBoundingClientRect().right,
                  link.querySelector(".icon").getBoundingClientRect().left];
        }"""
    )
    assert mark >= text


def test_forced_colours_show_which_choice_is_in_force(open_page):
    page = open_page(**DESK, forced_colors="active")
    page.goto(f"{ENTITY}pagerduty/history/?days=90")
    styles = [
        page.get_by_role("link", name=name, exact=True).evaluate(
            "one => getComputedStyle(one).outlineStyle"
        )
        for name in ("30 days", "90 days")
    ]
    assert styles == ["none", "solid"]
