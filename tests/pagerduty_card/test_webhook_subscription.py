"""The subscription: the command that manages it, and what the doctor says of webhooks."""

import contextlib
import datetime as dt
import json
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from pagerduty_card import tasks
from pagerduty_card.models import Delivery, Inbox
from tests.factories import make_user
from tests.pagerduty_card.deliveries import SECRET, event_json, post
from tests.pagerduty_card.factories import API, TOKEN, make_account
from tests.pagerduty_card.mirror import make_feeds, make_incident, make_service
from tests.pagerduty_card.openapi import needs_openapi, validate_answer, validate_request

pytestmark = pytest.mark.django_db
PATH = f"{API}/webhook_subscriptions"
ADDRESS = "https://portal.example.com/pagerduty/webhooks/default/"
SHOWN = "shown-once-0123456789"


@pytest.fixture(autouse=True)
def _configured(settings):
    settings.PAGERDUTY_TOKEN = TOKEN
    settings.PAGERDUTY_WEBHOOK_SECRETS = [SECRET]
    settings.PORTAL_URL = "https://portal.example.com"


def subscription_json(*, url=ADDRESS, active=True, suspended=False, secret=None, **fields):
    return {
        "id": "PWH0001",
        "type": "webhook_subscription",
        "active": active,
        "delivery_method": {
            "id": "PDM0001",
            "type": "http_delivery_method",
            "url": url,
            "secret": secret,
            "temporarily_disabled": suspended,
            "custom_headers": [],
        },
        "description": "Switchboard",
        "events": ["incident.triggered"],
        "filter": {"type": "account_reference"},
        **fields,
    }


def announce(http, *rows):
    body = {"webhook_subscriptions": list(rows), "limit": 100, "offset": 0, "more": False}
    http.get(PATH, json=body)


def one(**fields):
    return {"webhook_subscription": subscription_json(**fields)}


def run(*arguments):
    out = StringIO()
    call_command("pagerduty_webhook", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def doctor(*, account="default"):
    out = StringIO()
    with contextlib.suppress(SystemExit):
        call_command("pagerduty_doctor", "--offline", "--format", "json", stdout=out)
    for finding in json.loads(out.getvalue())["findings"]:
        if finding["title"] == f"Account {account}":
            return {step["what"]: step for step in finding["steps"]}
    pytest.fail("no such account")


class TestTheCommand:
    def test_create_shows_the_secret_once_and_says_where_to_put_it(self, http, caplog):
        announce(http)
        http.post(PATH, json=one(secret=SHOWN), status=201)
        said = run("create")
        assert said.count(SHOWN) == 1
        assert "PAGERDUTY_WEBHOOK_SECRETS" in said
        assert SHOWN not in caplog.text
        assert SHOWN not in str(list(Inbox.objects.values()))
        sent = json.loads(http.calls[1].request.body)["webhook_subscription"]
        assert sent["delivery_method"]["url"] == ADDRESS
        assert sent["filter"] == {"type": "account_reference"}
        assert {"incident.triggered", "incident.resolved", "service.deleted"} <= set(sent["events"])

    def test_another_account_is_told_its_own_place(self, http, settings):
        settings.PAGERDUTY_ACCOUNTS = "[{name: eu, region: eu, token: u+eutoken0123456789}]"
        eu = "https://api.eu.pagerduty.com/webhook_subscriptions"
        http.get(eu, json={"webhook_subscriptions": []})
        http.post(eu, json=one(secret=SHOWN))
        assert "webhook_secrets_file of account 'eu'" in run("create", "--account", "eu")
        assert b"/pagerduty/webhooks/eu/" in http.calls[1].request.body

    def test_there_is_one_at_most(self, http):
        announce(http, subscription_json(url="https://elsewhere.example.com/"), subscription_json())
        with pytest.raises(CommandError, match="There is one already, PWH0001"):
            run("create")

    def test_the_one_that_the_sandbox_made_needs_nothing(self, http, settings):
        settings.PAGERDUTY_SANDBOX, settings.PAGERDUTY_TOKEN = True, ""
        there = {"webhook_subscriptions": [subscription_json()], "limit": 100, "more": False}
        http.get("http://127.0.0.1:8900/webhook_subscriptions", json=there)
        with pytest.raises(CommandError, match="there is nothing to do"):
            run("create")

    def test_an_address_of_this_machine_is_of_no_use_to_pagerduty(self, http, settings):
        settings.PORTAL_URL = "http://127.0.0.1:8000"
        with pytest.raises(CommandError, match="set PORTAL_URL"):
            run("create")
        assert len(http.calls) == 0

    def test_creating_is_never_repeated_by_itself(self, http):
        announce(http)
        http.post(PATH, status=503)
        with pytest.raises(CommandError, match="PagerDuty did not do it"):
            run("create")
        assert len(http.calls) == 2

    def test_a_token_that_may_not_is_told_what_it_lacks(self, http):
        http.get(PATH, status=403, json={"error": {"message": "Access Denied", "code": 2010}})
        with pytest.raises(CommandError, match=r"webhook_subscriptions\.read"):
            run("status")
        assert Inbox.objects.get().subscription == "unknown"

    def test_status_tells_both_sides_and_no_secret(self, http, client):
        post(client, event_json("pagey.ping", data={}))
        announce(http, subscription_json())
        said = run("status")
        assert "Subscription PWH0001: enabled" in said
        assert "****4711" in said
        assert SECRET not in said
        assert "Last delivery. (now)" in said
        assert "It lacks these events: incident.acknowledged" in said

    def test_status_says_that_there_is_none(self, http):
        announce(http)
        assert f"PagerDuty has none for {ADDRESS}" in run("status")

    def test_enable_ends_a_suspension(self, http):
        announce(http, subscription_json(suspended=True))
        http.post(f"{PATH}/PWH0001/enable", json=one())
        assert "PWH0001: enabled" in run("enable")
        assert Inbox.objects.get().subscription == "enabled"

    def test_enable_switches_on_what_was_switched_off(self, http):
        announce(http, subscription_json(active=False))
        http.put(f"{PATH}/PWH0001", json=one())
        assert "PWH0001: enabled" in run("enable")

    def test_enable_without_a_subscription_says_so(self, http):
        announce(http)
        with pytest.raises(CommandError, match="create one"):
            run("enable")

    def test_delete_deletes_the_portals_own_alone(self, http):
        announce(http, subscription_json(id="PX", url="https://x.example/"), subscription_json())
        http.delete(f"{PATH}/PWH0001", status=204)
        assert "Deleted PWH0001" in run("delete")
        assert Inbox.objects.get().subscription == "absent"

    def test_an_account_nobody_configured_is_named(self):
        with pytest.raises(CommandError, match="No PagerDuty account is called 'nobody'"):
            run("status", "--account", "nobody")


@pytest.mark.contract
@needs_openapi
class TestTheContract:
    def test_every_request_and_answer_is_as_published(self, http):
        rows = [
            ("create", "POST", PATH, one(secret=SHOWN), 200, []),
            ("enable", "POST", f"{PATH}/PWH0001/enable", one(), 200, [{"suspended": True}]),
            ("enable", "PUT", f"{PATH}/PWH0001", one(), 200, [{"active": False}]),
            ("delete", "DELETE", f"{PATH}/PWH0001", None, 204, [{}]),
        ]
        for action, method, url, body, status, listed in rows:
            http.reset()
            listing = [subscription_json(**fields) for fields in listed]
            announce(http, *listing)
            http.add(method, url, json=body, status=status)
            run(action)
            for call in http.calls:
                request = call.request
                validate_request(
                    request.method,
                    request.url,
                    request.headers,
                    json.loads(request.body) if request.body else None,
                )
            if body:
                validate_answer(method, url.removeprefix(API), status, body)


class TestTheDoctor:
    def test_without_a_secret_webhooks_are_an_offer(self, settings):
        settings.PAGERDUTY_WEBHOOK_SECRETS = []
        step = doctor()["Webhooks"]
        assert step["verdict"] == "ok"
        assert "pagerduty_webhook create" in step["advice"]

    @pytest.mark.parametrize(
        ("fields", "verdict", "said"),
        [
            ({}, "ok", "enabled"),
            ({"suspended": True}, "wrong", "gave up"),
            ({"active": False}, "wrong", "switched off"),
            (None, "wrong", "sends nothing to https://portal.example.com"),
        ],
    )
    def test_the_worker_looks_at_the_subscription(self, http, fields, verdict, said):
        announce(http, *([] if fields is None else [subscription_json(**fields)]))
        tasks.look_at_subscriptions()
        step = doctor()["Webhooks"]
        assert step["verdict"] == verdict
        assert said in step["text"]

    def test_a_subscription_that_may_not_be_read_is_unknown(self, http):
        http.get(PATH, status=403, json={"error": {"message": "Access Denied", "code": 2010}})
        tasks.look_at_subscriptions()
        assert doctor()["Webhooks"]["verdict"] == "unknown"

    def test_the_last_delivery_is_told(self, client):
        assert doctor()["Deliveries"]["text"] == "None has come yet."
        post(client, event_json("pagey.ping", data={}))
        step = doctor()["Deliveries"]
        assert step["verdict"] == "ok"
        assert step["at"]

    def test_silence_is_noticed_by_what_polling_brought_alone(self, http, client):
        announce(http, subscription_json())
        tasks.look_at_subscriptions()
        now = timezone.now()
        Inbox.objects.update(enabled_since=now - dt.timedelta(hours=1))
        service = make_service()
        make_incident(service, pd_id="PEARLIER", created_at=now - dt.timedelta(hours=2))
        make_incident(service, pd_id="PJUSTNOW", created_at=now - dt.timedelta(seconds=30))
        assert doctor()["Deliveries"]["verdict"] == "unknown"
        make_incident(service, pd_id="PINC4711", created_at=now - dt.timedelta(minutes=12))
        step = doctor()["Deliveries"]
        assert step["verdict"] == "wrong"
        assert step["text"].startswith("1 open incident came by polling alone.")
        post(client, event_json())
        assert doctor()["Deliveries"]["verdict"] == "ok"

    def test_what_came_while_it_was_suspended_is_not_called_missed(self, http):
        now = timezone.now()
        for hours_ago, is_suspended in ((3, False), (2, True), (0.5, False)):
            http.reset()
            announce(http, subscription_json(suspended=is_suspended))
            with time_machine.travel(now - dt.timedelta(hours=hours_ago), tick=False):
                tasks.look_at_subscriptions()
        make_incident(make_service(), created_at=now - dt.timedelta(hours=1))
        assert doctor()["Deliveries"]["verdict"] == "unknown"

    def test_refused_signatures_are_counted_for_a_day(self, client):
        with time_machine.travel(timezone.now(), tick=False) as clock:
            for seconds in (0, 1, 61):
                clock.shift(seconds)
                post(client, event_json(), secret="another-secret-value")
            step = doctor()["Signatures"]
        assert step["verdict"] == "warning"
        assert step["text"].startswith("At least 3 deliveries with a missing or wrong signature")
        Inbox.objects.update(refused_at=timezone.now() - dt.timedelta(days=2))
        assert "Signatures" not in doctor()

    def test_what_waits_and_what_failed_is_told(self, client):
        post(client, b"no JSON")
        assert doctor()["Unread"]["verdict"] == "warning"
        old = timezone.now() - dt.timedelta(minutes=2)
        Delivery.objects.create(account="default", event_id="x", received_at=old, body="{}")
        assert doctor()["Backlog"]["verdict"] == "wrong"

    def test_the_page_says_the_same_and_no_secret(self, client):
        make_feeds()
        client.force_login(make_user("root", is_superuser=True, is_staff=True))
        post(client, event_json("pagey.ping", data={}))
        page = client.get("/pagerduty/doctor/").content.decode()
        assert "Last delivery." in page
        assert SECRET not in page

    def test_the_admin_lists_deliveries_without_their_text(self, client):
        post(client, b'{"event": "no event but a title"}')
        client.force_login(make_user("root", is_superuser=True, is_staff=True))
        row = Delivery.objects.get()
        page = client.get("/admin/pagerduty_card/delivery/")
        assert "event is not an object" in page.content.decode()
        detail = client.get(f"/admin/pagerduty_card/delivery/{row.pk}/change/").content.decode()
        assert "no event but a title" not in detail


def test_no_account_prints_its_webhook_secrets():
    assert SECRET not in repr(make_account(webhook_secrets=(SECRET,)))
