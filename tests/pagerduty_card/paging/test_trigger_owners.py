"""Paging kept to the owners, where the operator wants it so."""

import json

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import checks
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pagerduty_card import rights
from pagerduty_card.domain import Severity
from pagerduty_card.mapping.resolving import resolve, targets_of
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.paging import triggering
from tests.factories import make_entity, make_user
from tests.pagerduty_card.factories import EVENTS
from tests.pagerduty_card.mirror import (
    link_service,
    make_feeds,
    make_on_call,
    make_policy,
    make_service,
)
from tests.pages import soup_of, words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("token")]

TRIGGER = "pagerduty_card.trigger_incident"
ACCEPTED = {"status": 202, "json": {"status": "success", "message": "Event processed"}}


@pytest.fixture(autouse=True)
def _owners_only(settings):
    settings.PAGERDUTY_TRIGGER_OWNERS_ONLY = True


@pytest.fixture
def entity():
    """checkout-api, owned by checkout-team, which is below payments; ann is in payments."""
    make_entity("payments", kind="Group", spec={"type": "unit", "children": ["checkout-team"]})
    make_entity(
        "checkout-team",
        kind="Group",
        spec={"type": "team", "parent": "payments", "children": []},
        relations=(("childOf", "group:default/payments"),),
    )
    make_entity(
        "ann",
        kind="User",
        spec={"memberOf": ["payments"]},
        relations=(("memberOf", "group:default/payments"),),
    )
    make_entity("cyd", kind="User", spec={"memberOf": []})
    policy = make_policy()
    make_service(policy=policy)
    make_feeds()
    make_on_call(policy, "Ana Lima", level=1)
    return make_entity(
        "checkout-api",
        owner="group:default/checkout-team",
        annotations={"pagerduty.com/service-id": "PCHKOUT"},
    )


def address(entity):
    return reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)


def signed_in(client, name, **fields):
    user = make_user(name, **{"permissions": (TRIGGER,), **fields})
    client.force_login(user)
    return user


@pytest.mark.parametrize(
    ("name", "fields", "may"),
    [
        ("ann", {}, True),  # of the group above the owner
        ("cyd", {}, False),  # in the catalog, and of no owner
        ("nobody-there", {}, False),  # not in the catalog at all
        ("root", {"is_superuser": True}, True),
        ("ann", {"permissions": ()}, False),  # an owner without the right to page
    ],
)
def test_only_owners_and_superusers_have_the_button(client, entity, name, fields, may):
    signed_in(client, name, **fields)
    page = soup_of(client.get(entity.get_absolute_url()))
    assert bool(page.select(f'a[href="{address(entity)}"]')) is may
    assert client.get(address(entity)).status_code == (200 if may else 403)


def test_the_card_says_who_may_and_how_to_reach_somebody(client, entity):
    signed_in(client, "cyd")
    card = words(soup_of(client.get(entity.get_absolute_url())).select_one("#pagerduty-card"))
    assert "Only the owners, checkout-team, may page from here." in card
    assert "Reach the people under On call directly" in card


def test_who_has_no_right_to_page_at_all_is_told_nothing_of_owners(client, entity):
    signed_in(client, "cyd", permissions=())
    assert "Only the owners" not in client.get(entity.get_absolute_url()).text


def test_the_forms_page_says_it_and_whom_to_reach(client, entity):
    signed_in(client, "cyd")
    page = soup_of(client.get(address(entity)))
    assert "Only the owners, checkout-team, may page from here." in words(page.main)
    assert page.select_one('main a[href^="mailto:ana.lima@example.com"]')
    assert page.select("main form.form") == []


def test_what_was_typed_is_not_lost_when_ownership_went_meanwhile(client, entity, http):
    signed_in(client, "ann")
    form = soup_of(client.get(address(entity))).select_one("main form.form")
    key = form.select_one("input[name=key]")["value"]
    entity.owner_ref = "group:default/others"
    entity.save()
    fields = {"key": key, "description": "Ledger is stuck", "severity": "error"}
    answer = client.post(address(entity), {**fields, "service": "default/PCHKOUT"})
    assert answer.status_code == 403
    page = soup_of(answer)
    assert page.select_one("textarea[name=description]").text.strip() == "Ledger is stuck"
    assert page.select("main form.form button[type=submit]") == []
    assert "Only the owners, others, may page from here." in words(page.main)
    assert not TriggeredIncident.objects.exists()


def test_an_owner_pages(client, entity, http):
    http.post(f"{EVENTS}/enqueue", **ACCEPTED)
    signed_in(client, "ann")
    form = soup_of(client.get(address(entity))).select_one("main form.form")
    key = form.select_one("input[name=key]")["value"]
    fields = {"key": key, "description": "Ledger is stuck", "severity": "error"}
    assert client.post(address(entity), {**fields, "service": "default/PCHKOUT"}).status_code == 303
    assert json.loads(http.calls[0].request.body)["payload"]["summary"] == "Ledger is stuck"


def test_no_other_door_leads_past_it(entity, http):
    with pytest.raises(triggering.NotAllowed, match="Only the owners"):
        triggering.trigger(
            entity=entity,
            service_target=resolve(targets_of(entity))[0],
            description="x",
            severity=Severity.INFO,
            details="",
            dedup_key="switchboard-1",
            user=make_user("cyd", permissions=(TRIGGER,)),
        )
    assert len(http.calls) == 0


def test_what_nobody_owns_only_a_superuser_may_page_for(entity):
    entity.owner_ref = ""
    refusal = rights.refusal_of(make_user("ann", permissions=(TRIGGER,)), entity, [])
    assert refusal == "Only the owners may page from here, and nobody owns this."
    assert rights.refusal_of(make_user("root", is_superuser=True), entity, []) == ""


def test_without_the_setting_whoever_has_the_right_may_page(client, entity, settings):
    settings.PAGERDUTY_TRIGGER_OWNERS_ONLY = False
    signed_in(client, "cyd")
    assert client.get(address(entity)).status_code == 200


def test_the_entitys_page_asks_once_who_the_reader_is(client, entity, settings):
    signed_in(client, "cyd")
    cost = {}
    with time_machine.travel(timezone.now(), tick=False):  # one drawing of the card for all
        for is_owners_only in (False, True):
            settings.PAGERDUTY_TRIGGER_OWNERS_ONLY = is_owners_only
            client.get(entity.get_absolute_url())
            with CaptureQueriesContext(connection) as queries:
                client.get(entity.get_absolute_url())
            cost[is_owners_only] = len(queries)
    # Of the kept card, what it names is asked for again.
    assert cost[True] <= min(cost[False] + 4, 9)


@pytest.fixture
def mine(entity):
    """An entity that cyd owns and whose descriptor names the service of checkout-api."""
    return make_entity(
        "mine", owner="user:default/cyd", annotations={"pagerduty.com/service-id": "PCHKOUT"}
    )


def test_naming_a_service_in_a_descriptor_gives_nobody_the_right_to_page_it(client, mine):
    signed_in(client, "cyd")
    card = words(soup_of(client.get(mine.get_absolute_url())).select_one("#pagerduty-card"))
    assert "Only who also owns checkout-api, which names the same PagerDuty service" in card
    assert client.get(address(mine)).status_code == 403
    sent = client.post(address(mine), {"description": "x", "service": "default/PCHKOUT"})
    assert sent.status_code == 403
    with pytest.raises(triggering.NotAllowed, match="checkout-team"):
        triggering.trigger(
            entity=mine,
            service_target=resolve(targets_of(mine))[0],
            description="x",
            severity=Severity.INFO,
            details="",
            dedup_key="switchboard-2",
            user=User.objects.get(username="cyd"),
        )
    assert not TriggeredIncident.objects.exists()


@pytest.mark.parametrize("how", ["link", "same owner", "no owner"])
def test_a_link_or_one_owner_of_all_lets_them_page(client, entity, mine, how):
    signed_in(client, "cyd")
    if how == "link":
        link_service(mine, "PCHKOUT")
    else:
        entity.owner_ref = "user:default/cyd" if how == "same owner" else ""
        entity.save()
    assert client.get(address(mine)).status_code == 200


def test_a_second_service_of_its_own_can_be_paged_and_the_others_cannot(client, mine, http):
    make_service("POWN", name="own")
    link_service(mine, "POWN")
    cyd = signed_in(client, "cyd")
    form = soup_of(client.get(address(mine))).select_one("main form.form")
    fields = {"key": form.select_one("input[name=key]")["value"], "severity": "error"}
    refused = client.post(
        address(mine), {**fields, "description": "Stuck", "service": "default/PCHKOUT"}
    )
    assert "Nobody has been paged. Only who also owns checkout-api" in refused.text
    assert "Stuck" in refused.text
    assert not TriggeredIncident.objects.filter(triggered_by=cyd).exists()


def test_the_check_says_that_groups_of_every_file_count(settings):
    def named():
        found = checks.run_checks(include_deployment_checks=True)
        return "pagerduty_card.W004" in {one.id for one in found}

    assert named()
    settings.CATALOG_PEOPLE_LOCATIONS = ["/srv/org"]
    assert not named()
