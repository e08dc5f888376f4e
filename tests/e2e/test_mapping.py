"""The mapping page in a browser: its rules of accessibility, and that choices are kept."""

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import expect

pytestmark = [pytest.mark.e2e, pytest.mark.real_http, pytest.mark.django_db(transaction=True)]

URL = "/pagerduty/mapping/"
LISTS = [f"{URL}?view={view}" for view in ("entities", "services", "mapped", "problems")]
DESK = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 600}, "has_touch": True, "is_mobile": True}
BELOW_THE_BAR = """() => {
  const [one, bar] = [document.activeElement, document.querySelector(".mapping__actions")];
  const isListed = one.closest("tbody") !== null;
  return isListed && one.getBoundingClientRect().bottom > bar.getBoundingClientRect().top;
}"""


@pytest.fixture
def open_mapping(open_page, kai):
    """Open the list of entities without a service, as somebody who may map."""
    kai.user_permissions.add(Permission.objects.get(codename="map_services"))

    def opened(**options):
        page = open_page(**options, reduced_motion="reduce")
        page.goto(URL)
        return page

    return opened


def test_no_list_and_no_preview_breaks_a_rule_or_scrolls_sideways(open_mapping, no_violations):
    page = open_mapping(**DESK)
    for address in LISTS:
        page.goto(address)
        no_violations(page, address)
    page.goto(URL)
    page.get_by_label("Service for LLL").fill("PNONE")
    page.get_by_label("Service for checkout-rest").fill("PCHKOUT")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Not understood")).to_be_visible()
    no_violations(page, "preview")


def test_who_comes_back_from_the_preview_finds_all_that_was_chosen(open_mapping):
    page = open_mapping(**DESK)
    page.get_by_role("checkbox").first.check()
    page.get_by_label("Service for checkout-rest").fill("nobody's")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Preview")).to_be_visible()
    page.go_back()

    expect(page.get_by_label("Service for checkout-rest")).to_have_value("nobody's")
    expect(page.get_by_role("checkbox").first).to_be_checked()


def test_the_bar_at_the_bottom_hides_nothing_that_has_the_focus(open_mapping):
    page = open_mapping(**PHONE)
    page.get_by_label("Suggestion").focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        assert not page.evaluate(BELOW_THE_BAR), page.evaluate("document.activeElement.outerHTML")
