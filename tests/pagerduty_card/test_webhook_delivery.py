"""Webhooks over real sockets: the sandbox sends what happens, the portal shows it."""

import json
import time
from contextlib import contextmanager

import pytest
from django.test import Client

from pagerduty_card import tasks
from pagerduty_card.accounts import SANDBOX_WEBHOOK_SECRET
from pagerduty_card.models import Delivery, Incident
from sandbox.pagerduty.example_organisation import KEYS
from sandbox.pagerduty.server import serve
from tests.pagerduty_card.deliveries import post
from tests.pagerduty_card.mirror import make_feeds, make_mapped_entity, make_service
from tests.pagerduty_card.openapi import needs_openapi, validate_answer
from tests.pagerduty_card.receiver import receiver
from tests.sandbox.pagerduty.client import HEADERS, ask, send

pytestmark = [pytest.mark.real_http]
EVENTS = ["incident.triggered", "incident.acknowledged", "incident.resolved"]
PERSON = {**HEADERS, "From": "ana.lima@meridian.example"}


@contextmanager
def sandbox_telling(url):
    with serve(incident_delay_s=0, webhook_url=url) as server:
        time.sleep(0.3)  # what is there already is not told
        yield server


def wait_for(condition, seconds=10):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.02)
    pytest.fail("it did not come")


def types(deliveries):
    return [json.loads(one.body)["event"]["event_type"] for one in deliveries]


class TestTheSandbox:
    def test_trigger_acknowledge_and_resolve_are_told_in_order_and_signed(self):
        with receiver() as portal, sandbox_telling(portal.url) as server:
            key = KEYS["PCHKOUT"]
            for number, action in enumerate(["trigger", "acknowledge", "resolve"], start=1):
                send(server, action, key=key)
                wait_for(lambda number=number: len(portal.deliveries) >= number)
        assert types(portal.deliveries) == EVENTS
        event = json.loads(portal.deliveries[0].body)["event"]
        assert event["resource_type"] == "incident"
        # As PagerDuty has it where an incident has alerts.
        assert event["data"]["incident_key"] is None
        assert {"X-Webhook-Id", "X-PagerDuty-Signature"} <= set(portal.deliveries[0].headers)

    def test_what_a_person_does_is_told(self):
        with receiver() as portal, sandbox_telling(portal.url) as server:
            send(server, "trigger", key=KEYS["PMOBBFF"])
            wait_for(lambda: portal.deliveries)
            [incident] = ask(server, "/incidents?incident_key=alarm")[1]["incidents"]
            path = f"/incidents/{incident['id']}"
            for number, fields in enumerate(
                (
                    {"assignments": [{"assignee": {"id": "PANALIM"}}]},
                    {"escalation_policy": {"id": "PPOLCHK"}},
                    {"escalation_level": 3},
                    {"priority": "P1"},
                ),
                start=2,
            ):
                ask(server, path, "PUT", PERSON, {"incident": fields})
                wait_for(lambda number=number: len(portal.deliveries) >= number)
            ask(server, f"{path}/notes", "POST", PERSON, {"note": {"content": "Looking"}})
            wait_for(lambda: len(portal.deliveries) >= 6)
        assert types(portal.deliveries)[1:] == [
            "incident.reassigned",
            "incident.delegated",
            "incident.escalated",
            "incident.priority_updated",
            "incident.annotated",
        ]
        note = json.loads(portal.deliveries[-1].body)["event"]
        assert (note["resource_type"], note["data"]["content"]) == ("incident_note", "Looking")

    def test_a_portal_that_is_away_is_tried_again(self):
        with receiver(statuses=[503, 500]) as portal, sandbox_telling(portal.url) as server:
            send(server, "trigger", key=KEYS["PCHKOUT"])
            wait_for(lambda: len(portal.deliveries) == 3)
        assert len({one.headers["X-Webhook-Id"] for one in portal.deliveries}) == 1

    def test_after_three_refusals_it_gives_up_until_it_is_enabled(self):
        with receiver(statuses=[403] * 3) as portal, sandbox_telling(portal.url) as server:
            for number in range(3):
                send(server, "trigger", key=KEYS["PCHKOUT"], dedup_key=f"alarm-{number}")
            (one,) = ask(server, "/webhook_subscriptions")[1]["webhook_subscriptions"]

            def look():
                return ask(server, f"/webhook_subscriptions/{one['id']}")[1]

            method = "delivery_method"
            wait_for(lambda: look()["webhook_subscription"][method]["temporarily_disabled"])
            ask(server, f"/webhook_subscriptions/{one['id']}/enable", "POST")
            send(server, "trigger", key=KEYS["PCHKOUT"], dedup_key="alarm-4")
            wait_for(lambda: len(portal.deliveries) == 4)

    def test_only_this_machine_is_told(self):
        with serve() as server:
            body = {
                "webhook_subscription": {
                    "type": "webhook_subscription",
                    "delivery_method": {
                        "type": "http_delivery_method",
                        "url": "https://example.com/",
                    },
                    "events": EVENTS,
                    "filter": {"type": "account_reference"},
                }
            }
            assert ask(server, "/webhook_subscriptions", "POST", body=body)[0] == 400


@pytest.mark.contract
@needs_openapi
def test_the_sandbox_answers_about_subscriptions_as_published():
    subscription = {
        "type": "webhook_subscription",
        "delivery_method": {"type": "http_delivery_method", "url": "http://127.0.0.1:1/"},
        "events": EVENTS,
        "filter": {"type": "account_reference"},
    }
    path = "/webhook_subscriptions"
    with serve() as server:
        status, body = ask(server, path, "POST", body={"webhook_subscription": subscription})
        validate_answer("POST", path, status, body)
        made = body["webhook_subscription"]
        assert made["delivery_method"]["secret"]
        one = f"{path}/{made['id']}"
        status, body = ask(server, path)
        validate_answer("GET", path, status, body)
        assert body["webhook_subscriptions"][0]["delivery_method"]["secret"] is None
        change = {"webhook_subscription": {"active": False}}
        for method, target, sent in [
            ("GET", one, None),
            ("PUT", one, change),
            ("POST", f"{one}/enable", None),
            ("POST", f"{one}/ping", None),
        ]:
            status, body = ask(server, target, method, body=sent)
            validate_answer(method, target, status, body)
        assert ask(server, one, "DELETE") == (204, None)
        assert ask(server, one)[0] == 404


@pytest.mark.django_db
def test_what_the_sandbox_sends_is_on_the_card(settings):
    """The bytes that went over the socket, handed to the portal's door."""
    settings.PAGERDUTY_SANDBOX = True
    entity = make_mapped_entity()
    make_service()
    make_feeds(age_s=60)
    client = Client()
    with receiver() as portal, sandbox_telling(portal.url) as server:
        send(server, "trigger", key=KEYS["PCHKOUT"], summary="Payments time out")
        wait_for(lambda: portal.deliveries)
        send(server, "resolve", key=KEYS["PCHKOUT"])
        wait_for(lambda: len(portal.deliveries) == 2)
    seen = []
    for one in portal.deliveries:
        header = one.headers["X-PagerDuty-Signature"]
        assert post(client, one.body, header=header).status_code == 202
        tasks.apply_deliveries()
        seen.append(list(Incident.objects.values_list("title", flat=True)))
    assert SANDBOX_WEBHOOK_SECRET not in str(list(Delivery.objects.values()))
    assert seen == [["Payments time out"], []]
    assert entity.pk
