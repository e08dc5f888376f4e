"""What belongs together summed up: systems, domains, groups, and the reader's teams."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.versions import bump
from pagerduty_card.models import Feed
from tests.catalog.pages import select, texts
from tests.factories import make_entity, make_user
from tests.pagerduty_card.mirror import (
    link_service,
    make_feeds,
    make_incident,
    make_on_call,
    make_policy,
    make_service,
)

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
SYSTEM = "/catalog/default/system/checkout/"
PANEL = "#pagerduty-rollup"
OWN = "#pagerduty-own"


@pytest.fixture
def reader(client):
    client.force_login(make_user("ana"))
    return client


@pytest.fixture
def checkout():
    return make_entity("checkout", kind="System")


@pytest.fixture
def web():
    """The reader's team."""
    make_entity("ana", kind="User", relations=(("memberOf", "group:default/web"),))
    return make_entity("web", kind="Group")


def add(name, *incidents, on_call="Ana Lima", policy=None, **fields):
    """An entity on a service of its own, with open incidents of these statuses."""
    owned = {key: fields.pop(key) for key in ("owner", "system") if key in fields}
    service = make_service(f"P{name.upper()}", key="", policy=policy, **fields)
    if on_call and not policy:
        make_on_call(service.policy, on_call)
    for status in incidents:
        make_incident(service, status=status, title=f"{name} is {status}")
    annotations = {"pagerduty.com/service-id": service.pd_id}
    return make_entity(name, annotations=annotations, **owned)


def chips(page, panel):
    return {" ".join(a.get_text().split()): a["href"] for a in select(page, f"{panel} a.chip")}


def test_a_system_says_how_its_parts_are_and_leads_to_them(reader, checkout):
    add("api", "triggered", "acknowledged", system="checkout")
    add("cart", "acknowledged", system="checkout")
    add("mail", system="checkout")
    add("other", "triggered", system="elsewhere")
    make_entity("plain", system="checkout")
    make_feeds()
    page = reader.get(SYSTEM)
    found = chips(page, PANEL)
    assert list(found) == ["Alarm 1", "Warning 1", "OK 1"]
    for chip, names in {"Alarm 1": ["api"], "Warning 1": ["cart"], "OK 1": ["mail"]}.items():
        assert texts(reader.get(found[chip]), "th .index-table__link") == names
    rows = select(page, f"{PANEL} .row")
    assert [" ".join(row.get_text(" ").split()) for row in rows] == [
        "api 2 open ALARM",
        "cart 1 open WARNING",
    ]
    assert rows[0].select_one("a")["href"] == "/catalog/default/component/api/"


def test_the_first_five_of_many_lead_to_all_worst_first(reader, checkout):
    for number in range(6):
        add(f"s{number}", "acknowledged", system="checkout")
    add("z", "triggered", system="checkout")
    make_feeds()
    page = reader.get(SYSTEM)
    assert len(select(page, f"{PANEL} .row")) == 5
    assert texts(page, f"{PANEL} .row__title")[0] == "z"
    (link,) = [a for a in select(page, f"{PANEL} p a") if "All 7" in a.get_text()]
    listed = texts(reader.get(link["href"]), "th .index-table__link")
    assert listed == ["z", *(f"s{number}" for number in range(6))]


def test_nobody_on_call_is_a_red_line(reader, checkout):
    add("api", on_call="", system="checkout")
    make_feeds()
    page = reader.get(SYSTEM)
    (notice,) = select(page, f"{PANEL} .notice[data-tone=critical]")
    assert "Nobody is on call for 1 of these entities" in " ".join(notice.get_text().split())
    assert texts(reader.get(notice.a["href"]), "th .index-table__link") == ["api"]


def test_what_is_not_known_is_unknown_and_nothing_is_called_fine(reader, checkout):
    add("api", system="checkout")
    page = reader.get(SYSTEM)
    assert list(chips(page, PANEL)) == ["Unknown 1"]
    assert "nothing is open" not in page.text
    assert texts(page, f"{PANEL} .row .badge") == ["UNKNOWN"]


def test_an_ok_that_is_not_confirmed_is_not_green(reader, checkout):
    add("api", system="checkout")
    make_feeds(age_s=3600)
    page = reader.get(SYSTEM)
    assert select(page, f"{PANEL} .chip")[0]["data-tone"] == "faint"
    assert "1 of them as of an hour ago: not confirmed since" in texts(page, f"{PANEL} .age")[0]
    assert "nothing is open" not in page.text


def test_all_fine_is_one_calm_sentence(reader, checkout):
    add("api", system="checkout")
    make_feeds()
    page = reader.get(SYSTEM)
    assert list(chips(page, PANEL)) == ["OK 1"]
    assert texts(page, f"{PANEL} p") == ["PagerDuty said that nothing is open for any of them."]
    assert not select(page, f"{PANEL} .row")


def test_nothing_mapped_is_no_panel(reader, checkout):
    make_entity("plain", system="checkout")
    make_feeds()
    assert not select(reader.get(SYSTEM), PANEL)


def test_a_system_on_a_service_of_its_own_shows_its_card_too(reader):
    service = make_service()
    make_entity("checkout", kind="System", annotations={"pagerduty.com/service-id": service.pd_id})
    add("api", "triggered", system="checkout")
    make_feeds()
    page = reader.get(SYSTEM)
    assert select(page, f".card, {PANEL}")[0]["class"] == ["card"]
    assert list(chips(page, PANEL)) == ["Alarm 1"]


def test_a_domain_sums_up_its_systems_parts(reader):
    make_entity("commerce", kind="Domain")
    make_entity("checkout", kind="System", relations=(("partOf", "domain:default/commerce"),))
    add("api", "triggered", system="checkout")
    make_feeds()
    assert list(chips(reader.get("/catalog/default/domain/commerce/"), PANEL)) == ["Alarm 1"]


def test_a_group_sums_up_what_groups_below_own(reader):
    make_entity("eng", kind="Group", relations=(("parentOf", "group:default/web"),))
    make_entity("web", kind="Group")
    add("api", "triggered", owner="web")
    add("ci", owner="eng")
    make_feeds()
    page = reader.get("/catalog/default/group/eng/")
    found = chips(page, PANEL)
    assert list(found) == ["Alarm 1", "OK 1"]
    assert texts(reader.get(found["Alarm 1"]), "th .index-table__link") == ["api"]


def test_the_first_page_shows_what_is_open_for_my_teams_worst_first(reader, web):
    add("api", "acknowledged", "triggered", owner="web")
    add("other", "triggered", owner="ops")
    make_feeds()
    page = reader.get("/")
    assert texts(page, f"{OWN} .row__title") == [
        "api is triggered (opens in a new tab)",
        "api is acknowledged (opens in a new tab)",
    ]
    assert texts(page, f"{OWN} h3")[0] == "Open incidents 2"
    found = chips(page, OWN)
    assert list(found) == ["Alarm 1"]
    assert texts(reader.get(found["Alarm 1"]), "th .index-table__link") == ["api"]


def test_the_first_page_says_who_is_on_call_for_my_teams_until_when(reader, web):
    add("api", owner="web")
    add("cart", on_call="Bo Chen", owner="web")
    add("other", on_call="Cy Diaz", owner="ops")
    make_feeds()
    page = reader.get("/")
    assert sorted(texts(page, f"{OWN} .person__name")) == ["Ana Lima", "Bo Chen"]
    assert all("until" in line for line in texts(page, f"{OWN} .person__meta"))
    assert "Nothing is open for what your teams own." in page.text


def test_the_first_page_says_that_nobody_is_on_call(reader, web):
    add("api", on_call="", owner="web")
    make_feeds()
    page = reader.get("/")
    assert "An incident would page nobody." in page.text
    assert select(page, f"{OWN} .notice[data-tone=critical]")


def test_the_first_page_calls_nothing_fine_that_is_not_known(reader, web):
    add("api", owner="web")
    make_feeds(Feed.Kind.SERVICES)
    page = reader.get("/")
    assert "Nothing is open" not in page.text
    assert "Whether more is open for 1 of 1 entity" in page.text
    assert texts(page, f"{OWN} h3")[0] == "Open incidents 0 known"
    assert "PagerDuty has not been asked yet." in page.text


@pytest.mark.parametrize("address", ["/", SYSTEM])
def test_an_alarm_on_one_service_does_not_hide_that_another_is_not_known(
    reader, web, checkout, address
):
    entity = add("api", "triggered", owner="web", system="checkout")
    make_feeds()
    link_service(entity, "PGONE", label="eu")
    bump()
    page = reader.get(address)
    assert list(chips(page, OWN if address == "/" else PANEL)) == ["Alarm 1"]
    assert "Whether more is open for 1 of 1 entity" in page.text
    if address == "/":
        assert texts(page, f"{OWN} h3")[0] == "Open incidents 1 known"


def test_all_that_is_disabled_is_not_said_to_be_calm_before_pagerduty_said_so(reader, checkout):
    add("api", system="checkout", status="disabled")
    make_feeds(Feed.Kind.SERVICES, Feed.Kind.ON_CALL)
    assert "nothing is open" not in reader.get(SYSTEM).text
    make_feeds()
    assert "PagerDuty said that nothing is open for any of them." in reader.get(SYSTEM).text


def test_the_first_page_of_somebody_whose_teams_name_no_service_is_as_it_was(reader, web):
    make_entity("plain", owner="web")
    make_feeds()
    page = reader.get("/")
    assert not select(page, OWN)
    assert texts(page, "#own .row__title") == ["plain"]


def test_the_first_page_of_a_reader_without_an_account_is_as_it_was(client, settings):
    without = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if one != without]
    add("api", "triggered", owner="web")
    make_feeds()
    page = client.get("/")
    assert page.status_code == 200
    assert not select(page, OWN)


@pytest.mark.parametrize("address", ["/", SYSTEM, "/catalog/default/group/web/"])
@time_machine.travel(NOON, tick=False)  # states are loaded anew every few seconds
def test_eight_parts_or_twenty_eight_cost_the_same_queries(reader, web, checkout, address):
    policy = make_policy()
    make_on_call(policy)

    def cost():
        make_feeds(age_s=1)
        with CaptureQueriesContext(connection) as queries:
            assert reader.get(address).status_code == 200
        return len(queries)

    for number in range(8):
        add(f"s{number}", "triggered", policy=policy, owner="web", system="checkout")
    cost()
    make_entity("written")
    few = cost()
    for number in range(8, 28):
        add(f"s{number}", "triggered", policy=policy, owner="web", system="checkout")
    assert cost() == few
