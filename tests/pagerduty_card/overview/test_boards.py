"""The boards: all open incidents, everybody on call, and the number beside the navigation."""

import datetime as dt

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pagerduty_card.models import Incident
from tests import pages
from tests.factories import make_entity, make_user
from tests.pagerduty_card.mirror import (
    make_feeds,
    make_incident,
    make_on_call,
    make_policy,
    make_responder,
    make_service,
)

pytestmark = pytest.mark.django_db
INCIDENTS, ON_CALL, COUNT = "/incidents/", "/on-call/", "/incidents/count/"


@pytest.fixture
def reader(client, token):
    client.force_login(make_user("ana"))
    return client


def make_mapped(name, service="PCHKOUT", *, owner="checkout-team", **fields):
    return make_entity(
        name, owner=owner, annotations={"pagerduty.com/service-id": service}, **fields
    )


def text_of(client, address):
    """What a page says, its blanks made one."""
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(response.text.replace("\xa0", " ").split())


def titles(html, *among):
    """The texts in the order in which the page has them."""
    return sorted((one for one in among if one in html), key=html.index)


# Incidents ------------------------------------------------------------------------------------


def test_incidents_are_in_the_card_s_order(reader):
    service = make_service()
    make_mapped("checkout-api")
    make_feeds()
    make_incident(service, title="Acknowledged one", status="acknowledged", priority="P1")
    make_incident(service, title="Low one", urgency="low")
    make_incident(service, title="Second priority", priority="P2")
    make_incident(service, title="First priority", priority="P1")
    make_incident(service, title="High one")
    html = text_of(reader, INCIDENTS)

    shown = ["First priority", "Second priority", "High one", "Low one", "Acknowledged one"]
    assert titles(html, *shown) == shown
    assert "5 open incidents" in html
    assert "as of <time" in html


def test_a_row_says_everything_of_its_incident(reader):
    service = make_service()
    make_entity("checkout-team", kind="Group", title="Team Checkout", type="team")
    make_mapped("checkout-api", title="Checkout API")
    make_feeds()
    soon = timezone.now() + dt.timedelta(minutes=10)
    make_incident(
        service,
        number=4711,
        title="Payments time out",
        status="acknowledged",
        priority="P1",
        assignees=[{"name": "Ana Lima", "url": "https://meridian.pagerduty.com/users/PANA"}],
        acknowledgements=[{"name": "Bo Chen", "url": "", "at": timezone.now().isoformat()}],
        pending_actions=[{"type": "escalate", "at": soon.isoformat()}],
    )
    html = text_of(reader, INCIDENTS)

    assert 'href="https://meridian.pagerduty.com/incidents/Q4711"' in html
    for words in ("Payments time out", "#4711", "P1", "high urgency", "Acknowledged", "Ana Lima"):
        assert words in html
    assert "acknowledged by <bdi>Bo Chen</bdi>" in html
    assert "escalates <time" in html
    assert 'href="/catalog/default/component/checkout-api/"' in html
    assert 'href="/catalog/default/group/checkout-team/"' in html
    assert "Team Checkout" in html


def test_an_incident_names_every_entity_of_its_service_once(reader):
    service = make_service()
    make_mapped("checkout-api")
    make_mapped("checkout-web", owner="web-team")
    make_feeds()
    make_incident(service, title="Payments time out")
    html = text_of(reader, INCIDENTS)

    assert html.count("Payments time out") == 1
    assert titles(html, ">checkout-api</a>", ">checkout-web</a>")
    assert "1 open incident<" in html


def test_an_incident_of_no_entity_s_service_is_not_shown(reader):
    make_incident(make_service("POTHER", key=""), title="Of nobody")
    make_service(key="")
    make_mapped("checkout-api")
    make_feeds()
    assert "Of nobody" not in text_of(reader, INCIDENTS)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("status=acknowledged", {"Disk full"}),
        ("status=acknowledged&status=triggered", {"Disk full", "Payments", "Mails"}),
        ("urgency=low", {"Mails"}),
        ("priority=P1", {"Payments"}),
        ("priority=-", {"Disk full", "Mails"}),
        ("owner=group:default/mail-team", {"Mails"}),
        ("kind=resource", {"Disk full"}),
        ("account=eu", {"Mails"}),
        ("q=PAY", {"Payments"}),
        ("q=%234712", {"Disk full"}),
        ("q=mailer", {"Mails"}),
        ("q=bo chen", {"Payments"}),
        ("status=triggered&urgency=high", {"Payments"}),
        ("urgency=nonsense", set()),
    ],
)
def test_filters_narrow_the_incidents(reader, settings, query, shown):
    settings.PAGERDUTY_ACCOUNTS = "- {name: eu, region: eu, token: test-token-0123456789}"
    first, second = make_service(), make_service("PDB", name="database", key="")
    third = make_service("PMAIL", name="mailer", account="eu", key="")
    make_mapped("checkout-api")
    make_mapped("orders", "PDB", kind="Resource")
    make_entity(
        "letters",
        owner="mail-team",
        annotations={"pagerduty.com/service-id": "PMAIL", "pagerduty.com/account": "eu"},
    )
    make_feeds()
    make_feeds(account="eu")
    make_incident(
        first, title="Payments", number=4711, priority="P1", assignees=[{"name": "Bo Chen"}]
    )
    make_incident(second, title="Disk full", number=4712, status="acknowledged")
    make_incident(third, title="Mails", number=4713, urgency="low")
    html = text_of(reader, f"{INCIDENTS}?{query}")
    rows = html.partition('class="index__found')[2]

    assert set(titles(rows, "Payments", "Disk full", "Mails")) == shown
    assert f"{len(shown)} of 3 open incidents" in rows
    assert "Clear all filters" in rows


def test_a_filter_s_counts_are_those_the_other_filters_leave(reader):
    service = make_service()
    make_mapped("checkout-api")
    make_feeds()
    make_incident(service)
    make_incident(service, urgency="low")
    make_incident(service, urgency="low", status="acknowledged")
    html = text_of(reader, f"{INCIDENTS}?status=triggered")
    facets = html.partition('id="facet-status"')[2].partition("index__found")[0]
    status, urgency = facets.split('id="facet-urgency"')

    assert '<span>Triggered</span> <span class="count">2</span>' in status
    assert '<span>Acknowledged</span> <span class="count">1</span>' in status
    assert '<span>low</span> <span class="count">1</span>' in urgency


def test_mine_are_those_of_my_groups(reader):
    make_entity("ana", kind="User", type="", spec={"memberOf": ["checkout-team"]})
    make_entity("checkout-team", kind="Group", type="team", spec={"children": []})
    ana = make_entity(
        "anna", kind="User", type="", relations=(("memberOf", "group:default/checkout-team"),)
    )
    reader.force_login(make_user("anna"))
    first, second = make_service(), make_service("PDB", key="")
    make_mapped("checkout-api")
    make_mapped("orders", "PDB", owner="other-team")
    make_feeds()
    make_incident(first, title="Of mine")
    make_incident(second, title="Of others")
    html = text_of(reader, f"{INCIDENTS}?mine=1")

    assert ana.name
    assert titles(html, "Of mine", "Of others") == ["Of mine"]


@pytest.mark.parametrize(("owner", "is_offered"), [("other-team", True), ("checkout-team", False)])
def test_mine_is_offered_where_it_leaves_something_out(reader, owner, is_offered):
    make_entity("checkout-team", kind="Group", type="team", spec={"children": []})
    make_entity(
        "anna", kind="User", type="", relations=(("memberOf", "group:default/checkout-team"),)
    )
    reader.force_login(make_user("anna"))
    make_mapped("checkout-api")
    make_mapped("orders", "PDB", owner=owner)
    make_feeds()
    for service in (make_service(), make_service("PDB", key="")):
        make_incident(service)
    for address in (INCIDENTS, ON_CALL):
        assert ("Mine and my teams" in text_of(reader, address)) is is_offered


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"{INCIDENTS}?mine=1", "Whose: Mine and my teams&#x27;"),
        (f"{ON_CALL}?state=nobody", "On call: Nobody on call"),
    ],
)
def test_a_filter_that_leaves_nothing_is_called_by_its_name(reader, address, said):
    assert said in text_of(reader, address)


def test_nothing_open_is_said_calmly_where_all_is_known(reader):
    make_service()
    make_mapped("checkout-api")
    make_feeds()
    html = text_of(reader, INCIDENTS)

    assert ">0 open incidents <" in html
    assert "Nothing open, as of <time" in html
    assert "20 seconds ago" in html


def test_nothing_is_said_to_be_fine_where_not_all_is_known(reader):
    make_service()
    make_service("PNEW", key="", mirrored_at=timezone.now())
    make_mapped("checkout-api")
    make_mapped("new", "PNEW")
    make_feeds()
    html = text_of(reader, INCIDENTS)

    assert "Nothing open" not in html
    assert ">0 open incidents known <" in html
    assert "The open incidents of 1 service are not known" in html
    assert "PagerDuty has not been asked yet." in html
    assert ">new</a>" in html
    assert "That does not mean that there is none" in html


@pytest.mark.parametrize("is_mapped", [False, True])
def test_a_service_that_is_not_mirrored_yet_is_not_fine_because_its_account_is(reader, is_mapped):
    make_service(is_mapped=is_mapped)
    make_mapped("checkout-api")
    make_feeds()

    assert ("Nothing open" in text_of(reader, INCIDENTS)) is is_mapped
    assert (">OK<" in text_of(reader, "/catalog/")) is is_mapped
    assert ("0 open incidents<" in text_of(reader, COUNT)) is is_mapped


@pytest.mark.parametrize(
    ("feeds", "said"),
    [
        ({"age_s": 600}, "PagerDuty has not been asked since."),
        ({"age_s": 90, "failed_s": 5, "reason": "unreachable"}, "PagerDuty did not answer."),
    ],
)
def test_old_incidents_are_shown_with_the_age_and_the_reason_above(reader, feeds, said):
    service = make_service()
    make_mapped("checkout-api")
    make_feeds()
    make_feeds("incidents", **feeds)
    make_incident(service, title="Payments time out")
    html = text_of(reader, INCIDENTS)

    assert "The open incidents of 1 service are old" in html
    assert said in html
    assert "Payments time out" in html


def test_what_is_not_known_takes_one_line_above_incidents_and_says_how_much_is_folded(reader):
    service = make_service()
    make_mapped("checkout-api")
    make_feeds()
    for name, service_id in (("one", "PNOSUCH"), ("two", "P/NOSUCH")):
        make_entity(name, annotations={"pagerduty.com/service-id": service_id})
    make_incident(service)
    [folded] = pages.soup_of(reader.get(INCIDENTS)).select("#data-issues")

    first = "The open incidents of 1 entity are not known, and there is 1 further reason"
    assert pages.words(folded.summary) == first
    assert not folded.has_attr("open")
    assert "PagerDuty has no service of the id" in pages.words(folded)
    assert "What is named is no id of a service." in pages.words(folded)


def test_incidents_of_a_service_nobody_answered_for_are_not_passed_off_as_known(reader):
    service = make_service(mirrored_at=timezone.now())
    make_mapped("checkout-api")
    make_feeds()
    make_incident(service, title="From before")
    html = text_of(reader, INCIDENTS)

    assert "From before" not in html
    assert "are not known" in html


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        ({"pagerduty.com/service-id": "PNOSUCH"}, "PagerDuty has no service of the id"),
        ({"pagerduty.com/service-id": "P/NOSUCH"}, "What is named is no id of a service."),
        ({"pagerduty.com/integration-key": "0" * 31 + "7"}, "no service with the integration key"),
        (
            {"pagerduty.com/service-id": "P1", "pagerduty.com/account": "<b>x"},
            "No PagerDuty account is called &#x27;&lt;b&gt;x&#x27;",
        ),
    ],
)
def test_what_is_named_wrongly_stands_above_the_rows(reader, annotations, said):
    make_feeds()
    make_entity("mistaken", annotations=annotations)
    html = text_of(reader, INCIDENTS)

    assert "The open incidents of 1 entity are not known" in html
    assert said in html
    assert ">mistaken</a>" in html
    assert "0007" not in html


def test_what_one_account_does_not_have_is_not_said_of_all(reader, settings):
    settings.PAGERDUTY_ACCOUNTS = "[{name: emea, token: u+eutoken0123456789}]"
    make_feeds()
    make_service("PEU", account="emea")
    make_mapped("orders", "PEU")
    make_mapped("mistaken", "PNOSUCH")
    html = text_of(reader, INCIDENTS)

    assert "The service that is named is not of the account default." in html
    assert "The account default has no service of the id that is named" in html
    assert "PagerDuty has no service" not in html


def test_a_reason_of_many_entities_names_five_and_counts_the_rest(reader):
    make_service()
    for number in range(8):
        make_mapped(f"entity-{number}")
    html = text_of(reader, INCIDENTS)

    assert "and 3 more" in html


def test_a_catalog_that_names_no_service_says_what_to_do(reader):
    html = text_of(reader, INCIDENTS)

    assert "No entity names a PagerDuty service" in html
    assert "Nothing open" not in html


def test_texts_of_pagerduty_are_texts(reader):
    service = make_service(name="<script>s</script>")
    make_mapped("checkout-api")
    make_feeds()
    make_incident(
        service,
        title="<img src=x onerror=alert(1)>",
        status="<i>new</i>",
        urgency="<u>",
        priority="<b>P0",
        url="javascript:alert(1)",
        assignees=[{"name": "<a>", "url": "javascript:alert(2)"}],
        acknowledgements=[{"name": None, "at": "yesterday"}],
    )
    html = text_of(reader, f"{INCIDENTS}?q=<img&priority=<b>P0")

    assert "1 of 1 open incident" in html
    for raw in ("<img src=x", "<script>s", "<i>new", "<b>P0", "javascript:"):
        assert raw not in html


def test_incidents_come_in_pages_that_keep_the_filters(reader):
    service = make_service()
    make_mapped("checkout-api")
    make_feeds()
    for number in range(60):
        make_incident(service, number=number + 1, title=f"Trouble {number + 1:03}")
    html = text_of(reader, f"{INCIDENTS}?status=triggered&page=3")

    assert html.count('<li class="row"') == 10
    assert "60 of 60 open incidents" in html
    assert "?status=triggered&amp;page=1" in html
    assert text_of(reader, f"{INCIDENTS}?page=999").count('<li class="row"') == 10
    assert text_of(reader, f"{INCIDENTS}?page=x").count('<li class="row"') == 25


def test_a_refresh_is_answered_with_the_living_part_alone(reader):
    make_service()
    make_mapped("checkout-api")
    make_feeds()
    for address in (INCIDENTS, ON_CALL):
        html = reader.get(address, headers={"HX-Request": "true"}).text.strip()
        assert html.startswith('<div class="index__found stack" id="board"')
        assert "<html" not in html


# On call --------------------------------------------------------------------------------------


def test_each_owner_s_policies_are_there_once_with_who_holds_them_and_who_is_next(reader):
    policy = make_policy("Checkout escalation", levels=2)
    make_service(policy=policy)
    make_service("PWEB", name="checkout-web", key="", policy=policy)
    make_mapped("checkout-api")
    make_mapped("checkout-web", "PWEB")
    make_feeds()
    make_on_call(policy, make_responder("Ana Lima", time_zone="Asia/Tokyo"))
    make_on_call(policy, "Bo Chen", from_h=4, to_h=12)
    make_on_call(policy, "Cy Diaz", level=2, from_h=None, to_h=None)
    html = text_of(reader, ON_CALL)
    board = html.partition('class="index__found')[2]

    assert board.count("<article") == 1
    assert "1 policy" in board
    assert titles(board, "Ana Lima", "Bo Chen", "Cy Diaz") == ["Ana Lima", "Bo Chen", "Cy Diaz"]
    assert "Next: <bdi>Bo Chen</bdi>, from <time" in board
    assert "JST there" in board
    assert 'href="mailto:ana.lima@example.com?subject=' in board
    assert "1 more level" in board
    assert titles(board, ">checkout-api</a>", ">checkout-web</a>", "services ")


def test_a_policy_of_two_owners_stands_under_both(reader):
    policy = make_policy()
    make_service(policy=policy)
    make_service("PWEB", key="", policy=policy)
    make_mapped("checkout-api")
    make_mapped("checkout-web", "PWEB", owner="web-team")
    make_mapped("nobodys", "PWEB", owner="")
    make_feeds()
    make_on_call(policy)
    html = text_of(reader, ON_CALL)

    assert html.count("<article") == 3
    assert titles(html, 'title="group:default/checkout-team"', "No owner</h2>")
    assert titles(text_of(reader, f"{ON_CALL}?owner=-"), ">nobodys</a>", ">checkout-api</a>") == [
        ">nobodys</a>"
    ]


def test_policies_with_nobody_come_first_in_red(reader):
    held, empty = make_policy("A held one"), make_policy("Z empty one")
    make_service(policy=held)
    make_service("PDB", key="", policy=empty)
    make_mapped("checkout-api")
    make_mapped("orders", "PDB", owner="zoo-team")
    make_feeds()
    make_on_call(held)
    html = text_of(reader, ON_CALL)
    board = html.partition('class="index__found')[2]

    assert titles(board, "Z empty one", "A held one") == ["Z empty one", "A held one"]
    assert 'data-tone="critical"' in board
    assert "Nobody is on call" in board
    only = text_of(reader, f"{ON_CALL}?state=nobody")
    assert titles(only, "Z empty one", "A held one") == ["Z empty one"]


def test_who_is_on_call_is_unknown_where_pagerduty_did_not_say(reader):
    make_service()
    make_mapped("checkout-api")
    make_feeds("services", "incidents")
    board = text_of(reader, ON_CALL).partition('class="index__found')[2]

    assert "PagerDuty has not been asked yet." in board
    assert "Nobody is on call" not in board
    assert 'href="?state=unknown"' in board


def test_what_a_policy_s_other_service_was_told_counts_for_nobody_else(reader):
    policy = make_policy()
    make_on_call(policy, "Ana Lima")
    make_service("PA", name="known", key="", policy=policy)
    make_service("PB", name="fresh", key="", policy=policy, is_mapped=False)
    make_mapped("checkout-api", "PA", owner="web")
    make_mapped("orders", "PB", owner="ops")
    make_feeds()

    unknown = text_of(reader, f"{ON_CALL}?state=unknown")
    assert "1 of 2 policies" in unknown
    assert titles(unknown, "orders", "checkout-api") == ["orders"]
    assert "Ana Lima" not in text_of(reader, f"{ON_CALL}?owner=group:default/ops&state=unknown")
    assert "0 of 2 policies" in text_of(reader, f"{ON_CALL}?q=Ana&owner=group:default/ops")


def test_what_one_service_of_a_policy_was_told_holds_for_an_owner_s_others_too(reader):
    policy = make_policy()
    make_on_call(policy, "Ana Lima")
    make_service("PA", name="known", key="", policy=policy)
    make_service("PB", name="fresh", key="", policy=policy, is_mapped=False)
    make_mapped("checkout-api", "PA", owner="web")
    make_mapped("orders", "PB", owner="web")
    make_feeds()
    html = text_of(reader, ON_CALL)

    assert "Ana Lima" in html
    assert "not been asked" not in html


def test_a_service_without_a_policy_has_an_unknown_row(reader):
    service = make_service()
    service.policy = None
    service.save()
    make_mapped("checkout-api")
    make_feeds()
    board = text_of(reader, ON_CALL).partition('class="index__found')[2]

    assert "PagerDuty named no escalation policy for this service." in board
    assert "Nobody is on call" not in board


def test_an_old_answer_is_shown_with_its_age_and_claims_nobody_of_nobody(reader):
    service = make_service()
    make_mapped("checkout-api")
    make_feeds()
    make_feeds("on_call", age_s=900, failed_s=5, reason="unreachable")
    make_on_call(service.policy)
    html = text_of(reader, ON_CALL)

    assert "Ana Lima" in html
    assert "PagerDuty did not answer." in html


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("q=bo+chen", {"Database"}),
        ("q=orders", {"Database"}),
        ("person=Ana+Lima", {"Checkout"}),
        ("owner=group:default/db-team", {"Database"}),
        ("kind=resource", {"Database"}),
        ("state=somebody", {"Checkout", "Database"}),
        ("state=nobody", set()),
    ],
)
def test_filters_narrow_those_on_call(reader, query, shown):
    first, second = make_policy("Checkout"), make_policy("Database")
    make_service(policy=first, name="s1")
    make_service("PDB", key="", policy=second, name="s2")
    make_mapped("shop")
    make_mapped("orders", "PDB", owner="db-team", kind="Resource")
    make_feeds()
    make_on_call(first, "Ana Lima", schedule="")
    make_on_call(second, "Bo Chen", schedule="")
    rows = text_of(reader, f"{ON_CALL}?{query}").partition('class="index__found')[2]

    assert set(titles(rows, "Checkout", "Database")) == shown
    assert f"{len(shown)} of 2 policies" in rows


def test_what_is_not_mirrored_stands_above_those_on_call(reader):
    make_feeds()
    make_mapped("mistaken", "PNOSUCH")
    html = text_of(reader, ON_CALL)

    assert "Who is on call for 1 entity is not known" in html
    assert "PagerDuty has no service of the id" in html
    assert "It is not known who is on call" in html


# What both cost, and who may see them ------------------------------------------------------------


def fill(first, last):
    for number in range(first, last):
        policy = make_policy(f"Policy {number}")
        service = make_service(f"PS{number}", key=f"{number:032}", policy=policy)
        make_mapped(f"entity-{number}", f"PS{number}", owner=f"team-{number % 7}")
        make_incident(service)
        make_on_call(policy, f"Person {number}")
        make_on_call(policy, f"Next {number}", from_h=4, to_h=8)
    make_feeds()


@pytest.mark.parametrize("address", [INCIDENTS, ON_CALL])
def test_ten_services_or_forty_cost_the_same_few_queries(reader, address):
    def queries():
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            assert reader.get(address).status_code == 200
        return len(captured)

    fill(0, 10)
    few = queries()
    fill(10, 40)
    assert queries() == few
    assert few <= 24


def test_rows_are_read_once_for_all_and_anew_after_an_answer(reader, client, time_machine):
    time_machine.move_to(timezone.now(), tick=False)  # what all share is kept for some seconds
    service = make_service()
    make_mapped("checkout-api", owner="user:default/bo")
    make_entity("bo", kind="User", type="")
    make_feeds()
    incident = make_incident(service, title="Payments time out")
    assert "Payments time out" not in text_of(reader, f"{INCIDENTS}?mine=1")
    assert "0 of 1 policy" in text_of(reader, f"{ON_CALL}?mine=1")
    client.force_login(make_user("bo"))
    with CaptureQueriesContext(connection) as queries:
        html = text_of(client, f"{INCIDENTS}?mine=1")
    assert "Payments time out" in html
    # Those of the reader's page alone.
    read = [one["sql"] for one in queries if 'FROM "pagerduty_card_incident"' in one["sql"]]
    assert len(read) == 1
    assert '"pagerduty_card_incident"."id" IN' in read[0]
    assert "1 of 1 policy" in text_of(client, f"{ON_CALL}?mine=1")

    Incident.objects.filter(pk=incident.pk).update(title="Payments are refused")
    make_feeds("incidents", age_s=1)
    assert "Payments are refused" in text_of(client, INCIDENTS)


@pytest.mark.parametrize("address", [INCIDENTS, ON_CALL])
def test_only_what_a_board_reads_of_its_address_makes_another_entry_of_the_cache(
    reader, address, time_machine, monkeypatch
):
    time_machine.move_to(timezone.now(), tick=False)
    make_service()
    make_mapped("checkout-api")
    make_feeds()
    text_of(reader, f"{address}?q=checkout&owner=&page=1")
    written = []
    monkeypatch.setattr("catalog.versions.keep", lambda *args: written.append(args[0]))
    for same in ("q=checkout&nonce=1", "nonce=2&page=x&q=+checkout&mine="):
        text_of(reader, f"{address}?{same}")
    assert [key for key in written if "board" in key] == []
    for other in ("q=other", "q=checkout&owner=other", "q=checkout&page=2"):
        text_of(reader, f"{address}?{other}")
    assert len({key for key in written if "board" in key}) == 3


@pytest.mark.parametrize("address", [INCIDENTS, ON_CALL])
def test_a_stranger_signs_in_first(client, token, address):
    response = client.get(address)

    assert response.status_code == 302
    assert "/sign-in/" in response["Location"]


@pytest.mark.parametrize("address", [INCIDENTS, ON_CALL])
def test_a_stranger_reads_where_nobody_need_sign_in(client, token, settings, address):
    settings.PORTAL_LOGIN_REQUIRED = False
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "LoginRequired" not in one]
    make_incident(make_service())
    make_mapped("checkout-api")
    make_feeds()

    assert "1 open incident<" in text_of(client, address).partition('class="nav-badge"')[2]


@pytest.mark.parametrize("address", [INCIDENTS, ON_CALL, COUNT])
def test_a_board_is_only_read(reader, address):
    assert reader.post(address).status_code == 405


def test_without_services_there_is_no_number_of_incidents_and_none_is_shown_as_zero(reader):
    page = text_of(reader, INCIDENTS)
    assert "Number of open incidents not known" in page
    assert "0 open incidents" not in page
    badge = badge_of(text_of(reader, INCIDENTS))
    assert ">?<" in badge
    assert "no entity names a PagerDuty service" in badge
    assert "0 polic" not in text_of(reader, ON_CALL)


# The number in the header -------------------------------------------------------------------------


def badge_of(html):
    found = html.partition('class="nav-badge"')
    return found[2].partition("</a>")[0] if found[1] else ""


def test_the_header_counts_without_a_query_once_anybody_looked(reader):
    with time_machine.travel("2026-11-01 09:00:00+00:00", tick=False):
        make_incident(make_service())
        make_mapped("checkout-api")
        make_feeds()
        cold = badge_of(text_of(reader, "/styleguide/"))
        asked = text_of(reader, COUNT)
        with CaptureQueriesContext(connection) as queries:
            warm = badge_of(text_of(reader, "/styleguide/"))
    assert 'hx-get="/incidents/count/"' in cold
    assert '<span aria-hidden="true">?</span>' in cold
    for html in (asked, warm):
        assert '<span aria-hidden="true">1</span>' in html
        assert "1 open incident<" in html
        assert "hx-get" not in html
    assert not [one for one in queries if "pagerduty_card" in one["sql"]]


def test_the_header_never_says_none_where_it_is_not_known(reader):
    make_service(mirrored_at=timezone.now())
    make_mapped("checkout-api")
    make_feeds()
    assert '<span aria-hidden="true">?</span>' in text_of(reader, COUNT)

    make_incident(make_service("PDB", key=""))
    make_mapped("orders", "PDB")
    make_feeds(age_s=10)
    html = text_of(reader, COUNT)
    assert '<span aria-hidden="true">1?</span>' in html
    assert "not all is known" in html


def test_the_header_says_none_where_pagerduty_said_so(reader):
    make_service()
    make_mapped("checkout-api")
    make_feeds()
    assert '<span aria-hidden="true">0</span>' in text_of(reader, COUNT)


def test_a_stranger_is_told_no_number(client, token):
    make_incident(make_service())
    make_mapped("checkout-api")
    make_feeds()
    html = client.get("/nothing/here/").text

    assert "nav-badge" not in html


def test_keys_lead_to_the_boards_and_each_to_one_place(reader):
    reader.force_login(make_user("admin", is_staff=True, is_superuser=True))
    html = text_of(reader, INCIDENTS)
    nav = html.partition('aria-label="Site"')[2].partition("</nav>")[0]

    assert 'href="/incidents/" aria-current="page" data-shortcut="g i"' in nav
    assert 'href="/on-call/" data-shortcut="g o"' in nav
    keys = [part.partition('"')[0] for part in nav.split('data-shortcut="')[1:]]
    assert len(keys) == len(set(keys))


def test_no_board_writes_anything(reader):
    make_incident(make_service())
    make_mapped("checkout-api")
    make_feeds()
    with CaptureQueriesContext(connection) as queries:
        reader.get(INCIDENTS)
        reader.get(ON_CALL)
    assert not [one for one in queries if one["sql"].startswith(("INSERT", "DELETE"))]
    assert Incident.objects.count() == 1


def test_a_mistaken_annotation_leaves_the_count_of_others_known(reader):
    make_incident(make_service())
    make_mapped("checkout-api")
    make_mapped("mistaken", "PNOSUCH")
    make_feeds()
    html = text_of(reader, COUNT)

    assert '<span aria-hidden="true">1</span>' in html
    assert "1 open incident known" in html


def test_a_refresh_brings_the_number_of_the_header_along(reader):
    make_incident(make_service())
    make_mapped("checkout-api")
    make_feeds()
    html = reader.get(INCIDENTS, headers={"HX-Request": "true"}).text

    assert 'id="open-incidents" hx-swap-oob="true"' in html
    assert "hx-swap-oob" not in reader.get(INCIDENTS).text


def test_what_was_typed_into_a_filter_is_outside_of_what_is_refreshed(reader):
    make_service()
    make_mapped("checkout-api")
    make_feeds()
    for address in (INCIDENTS, ON_CALL):
        assert "<input" not in reader.get(address, headers={"HX-Request": "true"}).text
