"""The mapping page: what it lists, what it suggests and why, and what it costs."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.versions import bump
from pagerduty_card.mapping.resolving import SERVICE_ID
from tests.catalog.overlays import set_overlay
from tests.factories import make_entity, make_user
from tests.pagerduty_card.factories import KEY, TOKEN
from tests.pagerduty_card.mapping_page import (
    URL,
    mapper,
    names_in,
    preview,
    row_of,
)
from tests.pagerduty_card.mirror import (
    link_service,
    make_feeds,
    make_mapped_entity,
    make_policy,
    make_service,
)
from tests.pages import soup_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _token(settings):
    settings.PAGERDUTY_TOKEN = TOKEN


def services(*names, **fields):
    policy = make_policy()
    for number, name in enumerate(names):
        make_service(f"PS{number}{name[:4].upper()}", name=name, key="", policy=policy, **fields)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("post", "preview/"),
        ("post", "apply/"),
        ("post", "patch/"),
        ("get", "changes/"),
        ("get", "changes/1/"),
        ("post", "changes/1/undo/"),
        ("get", "changes/1/patch/"),
    ],
)
def test_only_who_may_map_sees_any_of_it(client, method, path):
    assert getattr(client, method)(URL + path).status_code == 302
    client.force_login(make_user(permissions=("pagerduty_card.run_doctor",)))
    assert getattr(client, method)(URL + path).status_code == 403


def test_the_navigation_leads_there_only_for_those_who_may(client):
    client.force_login(make_user())
    assert URL not in client.get("/").text
    assert f'href="{URL}"' in mapper().get("/").text


def test_an_entity_is_listed_until_it_names_a_service_by_annotation_overlay_or_link():
    client = mapper()
    make_mapped_entity("annotated")
    overlaid, linked = make_entity("overlaid"), make_entity("linked")
    make_entity("bare")
    make_entity("blank", annotations={SERVICE_ID: " , "})
    set_overlay(overlaid, "annotation", SERVICE_ID, "PX", user=None)
    link_service(linked, "PX")
    assert names_in(client.get(URL)) == ["bare", "blank"]


def test_kinds_that_are_no_services_are_listed_only_when_asked_for():
    client = mapper()
    make_entity("payments", kind="Group")
    make_entity("pay", kind="System")
    assert names_in(client.get(URL)) == ["pay"]
    assert names_in(client.get(URL, {"kind": "Group"})) == ["payments"]
    assert names_in(client.get(URL, {"kind": "all"})) == ["pay", "payments"]


def test_a_service_is_listed_by_what_names_it_not_by_the_mirrors_flag():
    client = mapper()
    make_service("PFREE", name="free", key="", is_mapped=True)
    make_service("PCHKOUT", name="taken", key="", is_mapped=False)
    make_service("PKEYED", name="by key")
    make_mapped_entity()
    make_mapped_entity("keyed", integration_key=KEY)
    assert names_in(client.get(URL, {"view": "services"})) == ["free"]


def test_the_lists_are_narrowed_by_text_owner_team_and_account(settings):
    settings.PAGERDUTY_ACCOUNTS = "[{name: eu, token: u+eutoken0123456789, region: eu}]"
    client = mapper()
    make_entity("one", owner="group:default/red")
    make_entity("two", owner="group:default/blue")
    services("one", teams=[{"id": "T1", "name": "Red"}])
    services("two", account="eu")
    assert names_in(client.get(URL, {"q": "ON"})) == ["one"]
    assert names_in(client.get(URL, {"team": "group:default/blue"})) == ["two"]
    assert names_in(client.get(URL, {"view": "services", "team": "Red"})) == ["one"]
    assert names_in(client.get(URL, {"view": "services", "account": "eu"})) == ["two"]
    nothing = client.get(URL, {"q": "\x00nobody"})
    assert "Nothing passes these filters" in nothing.text
    assert "0 entities" in nothing.text


def test_every_owner_can_be_chosen():
    for number in range(301):
        make_entity(f"entity-{number}", owner=f"team-{number:03}")
    page = mapper().get(URL, {"team": "group:default/team-300"})
    assert len(soup_of(page).select("#mapping-team option")) == 302
    assert soup_of(page).select_one("#mapping-team option[selected]").text == "team-300"
    assert names_in(page) == ["entity-300"]


@pytest.mark.parametrize(
    ("entity", "service", "reason", "sure"),
    [
        ("checkout-api", "Checkout API", "the same name", "very likely"),
        ("checkout-api", "Checkout", "the same name but for api", "very likely"),
        ("CheckoutService", "checkout", "the same name but for service", "very likely"),
        ("checkout", "chekcout", "a near name", "likely"),
        ("payments-ledger", "ledger payments", "the same words in another order", "likely"),
        ("payments-ledger", "payments", "a part of the name", "perhaps"),
    ],
)
def test_a_suggestion_says_why_and_how_sure_it_is(entity, service, reason, sure):
    make_entity(entity)
    services(service)
    row = row_of(mapper().get(URL), entity)
    assert f"{service} {sure} {reason}" in row


@pytest.mark.parametrize(
    ("entity", "service"), [("shard-1", "shard-2"), ("db", "dc"), ("orders", "invoices")]
)
def test_what_is_another_thing_is_not_suggested(entity, service):
    make_entity(entity)
    services(service)
    assert "no suggestion" in row_of(mapper().get(URL), entity)


def test_the_same_team_makes_a_name_surer_and_alone_is_a_guess():
    make_entity("red", kind="Group", title="Team Red")
    make_entity("ledger-store", owner="group:default/red")
    make_entity("quince", owner="group:default/red")
    services("ledger-storage", "xylophone", "taken", teams=[{"id": "T1", "name": "Red squad"}])
    make_mapped_entity("taker", service_id="PS2TAKE")
    response = mapper().get(URL)
    assert "a near name, the same team, Team Red" in row_of(response, "ledger-store")
    row = row_of(response, "quince")
    assert row.count("xylophone perhaps the same team, Team Red") == 1
    assert "taken" not in row


def test_a_service_is_offered_the_entities_that_may_mean_it():
    make_entity("checkout-api")
    services("Checkout")
    response = mapper().get(URL, {"view": "services"})
    assert "checkout-api very likely the same name but for api" in row_of(response, "Checkout")
    pick = soup_of(response).select_one("input[name=pick]")
    assert pick["value"].startswith("component:default/")


def test_several_entities_that_claim_one_service_are_told_and_not_ticked():
    make_entity("checkout-api")
    make_entity("checkout-worker")
    make_entity("orders")
    services("checkout", "orders")
    response = mapper().get(URL, {"sure": "sure"})
    assert "checkout-worker may mean it too" in row_of(response, "checkout-api")
    ticked = [box["value"] for box in soup_of(response).select("input[name=pick][checked]")]
    assert [value.partition("|")[0] for value in ticked] == ["component:default/orders"]


def test_a_service_that_is_another_entitys_says_so():
    make_mapped_entity("checkout-ui")
    make_service("PCHKOUT", name="checkout", key="")
    make_entity("checkout-api")
    assert "already the service of checkout-ui" in row_of(mapper().get(URL), "checkout-api")


def test_only_rows_that_are_sure_enough_can_be_asked_for():
    make_entity("checkout")
    make_entity("unlike")
    services("checkout")
    response = mapper().get(URL, {"sure": "likely"})
    assert names_in(response) == ["checkout"]
    assert "1 entity" in response.text


def test_a_key_of_another_account_is_a_problem_with_its_remedy(settings):
    settings.PAGERDUTY_ACCOUNTS = "[{name: eu, token: u+eutoken0123456789, region: eu}]"
    make_feeds()
    make_service("PEU", name="zebra", account="eu")
    make_mapped_entity("keyed", integration_key=KEY)
    response = mapper().get(URL, {"view": "problems"})
    row = row_of(response, "keyed")
    assert "****4711 is of the service zebra (PEU) of the account eu, not of default" in row
    assert "examples/catalog/checkout.yaml:12" in row
    assert "zebra very likely its integration key" in row
    assert KEY not in response.text


def test_problems_are_listed_with_file_and_line_and_what_is_not_known_is_no_problem():
    client = mapper()
    make_mapped_entity("lost", service_id="PGONE")
    make_mapped_entity("elsewhere", service_id="PX", account="emea")
    unknown = client.get(URL, {"view": "problems"})
    assert "Not known yet" in row_of(unknown, "lost")
    make_feeds()
    told = client.get(URL, {"view": "problems"})
    assert "PagerDuty has no service PGONE" in row_of(told, "lost")
    assert "examples/catalog/checkout.yaml:12" in row_of(told, "lost")
    assert "no PagerDuty account is called so" in row_of(told, "elsewhere")


def test_a_key_beside_the_id_of_another_service_is_a_problem():
    make_feeds()
    make_service("PCHKOUT", key="another0key000000000000000000000")
    make_mapped_entity("mixed", service_id="PCHKOUT", integration_key=KEY)
    row = row_of(mapper().get(URL, {"view": "problems"}), "mixed")
    assert "is not one of the service checkout-api" in row


def test_a_service_that_is_named_twice_is_a_problem_and_counted():
    make_feeds()
    make_service("PCHKOUT", key=KEY)
    make_mapped_entity("once", service_id="PCHKOUT")
    make_mapped_entity("listed", service_id="PCHKOUT, PCHKOUT")
    linked = make_mapped_entity("linked", service_id="PCHKOUT")
    by_key = make_mapped_entity("by-key", integration_key=KEY)
    for entity in (linked, by_key):
        link_service(entity, "PCHKOUT")
    bump()
    response = mapper().get(URL, {"view": "problems"})
    assert names_in(response) == ["by-key", "linked", "listed"]
    for name in names_in(response):
        assert "is named twice" in row_of(response, name)


def test_a_link_that_gives_a_label_to_what_an_annotation_names_is_no_problem():
    make_feeds()
    make_service("PCHKOUT")
    labelled = make_mapped_entity("labelled", service_id="PCHKOUT")
    link_service(labelled, "PCHKOUT", label="eu")
    assert names_in(mapper().get(URL, {"view": "problems"})) == []


def test_what_is_mapped_says_how_and_who_shares_it():
    make_service()
    make_mapped_entity("annotated")
    linked, overlaid = make_entity("linked"), make_entity("overlaid", source="a.yaml")
    link_service(linked, "PCHKOUT", label="eu")
    set_overlay(overlaid, "annotation", SERVICE_ID, "PCHKOUT", user=None)
    response = mapper().get(URL, {"view": "mapped"})
    assert "named in examples/catalog/checkout.yaml:12" in row_of(response, "annotated")
    assert "shared with linked, overlaid" in row_of(response, "annotated")
    assert "eu" in row_of(response, "linked")
    assert "a link in the admin" in row_of(response, "linked")
    assert "an overlay in the admin" in row_of(response, "overlaid")


@pytest.mark.parametrize("view", ["entities", "services", "mapped", "problems"])
def test_of_nothing_the_page_does_not_say_that_all_is_done(view):
    client = mapper()
    assert "There is nothing to do" not in client.get(URL, {"view": view}).text
    make_service()
    assert "There is nothing to do" not in client.get(URL, {"view": view}).text
    make_mapped_entity()
    is_done = view != "mapped"
    assert ("There is nothing to do" in client.get(URL, {"view": view}).text) is is_done


def test_without_services_the_page_says_that_nothing_is_known_not_that_all_is_done():
    make_entity("bare")
    page = mapper().get(URL, {"view": "services"})
    assert "No PagerDuty service is known yet" in page.text
    assert "There is nothing to do" not in page.text


@pytest.mark.parametrize("view", ["entities", "services", "mapped", "problems"])
def test_one_row_or_fifteen_cost_the_same_few_queries(view):
    client = mapper()
    make_feeds()
    policy = make_policy()

    def grow(numbers):
        for number in numbers:
            make_entity(f"bare-{number}x")
            make_service(f"PF{number}", name=f"free-{number}", key="", policy=policy)
            make_service(f"PM{number}", name=f"thing-{number}", key="", policy=policy)
            make_mapped_entity(f"e{number}-mapped", service_id=f"PM{number}")
            make_mapped_entity(f"e{number}-lost", service_id=f"PGONE{number}")

    def count():
        client.get(URL, {"view": view})
        with CaptureQueriesContext(connection) as queries:
            assert client.get(URL, {"view": view}).status_code == 200
        return len(queries)

    grow(range(1))
    one = count()
    grow(range(1, 15))
    assert count() == one
    assert one <= 16


def test_hostile_names_are_shown_as_text():
    make_entity("evil", title='<script>alert("x")</script>')
    services("<img src=x onerror=alert(1)>")
    client = mapper()
    for view in ("entities", "services"):
        text = client.get(URL, {"view": view}).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    answer = preview(client, ("<b>no</b>", "<i>none</i>"))
    assert answer.status_code == 422
    assert "<b>no</b>" not in answer.text
    assert "&lt;b&gt;no&lt;/b&gt;" in answer.text
