"""OAuth client credentials: a token asked for, kept, renewed, and what was granted with it."""

import pickle
import threading
from urllib.parse import parse_qs

import pytest
import time_machine
from responses import matchers

from pagerduty_card.accounts import SCOPES, SCOPES_OF_FIGURES, get_account
from pagerduty_card.errors import PagerDutyError, Refused, Throttled, Unreachable, Unreadable
from pagerduty_card.wire import tokens
from pagerduty_card.wire.client import PagerDutyClient
from tests.pagerduty_card.factories import page_of

TOKEN_URL = "https://identity.pagerduty.com/oauth/token"
SERVICES = "https://api.eu.pagerduty.com/services"
SECRET = "client-secret-value-4711"
START = "2026-11-01 09:00:00+00:00"


@pytest.fixture(autouse=True)
def _apps(settings):
    settings.PAGERDUTY_ACCOUNTS = (
        f"[{{name: apps, client_id: abc, client_secret: {SECRET}, subdomain: meridian, "
        "region: eu}]"
    )


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as travelled:
        yield travelled


def give(http, token="pdus+_first", scope=None, without="", **fields):
    """Announce one token."""
    body = {
        "access_token": token,
        "scope": "as_account-eu.meridian " + " ".join(SCOPES if scope is None else scope),
        "token_type": "bearer",
        "expires_in": 86_400,
        **fields,
    }
    return http.post(
        TOKEN_URL,
        json={key: value for key, value in body.items() if value != "" and key != without},
    )


def answer(http, token="pdus+_first", status=200):
    """Announce one list of services for exactly this token."""
    return http.get(
        SERVICES,
        json=page_of("services") if status == 200 else {"error": {"message": "No", "code": 2006}},
        status=status,
        match=[matchers.header_matcher({"Authorization": f"Bearer {token}"})],
    )


def read():
    with PagerDutyClient(get_account("apps")) as client:
        client.services()


def test_a_token_is_asked_for_as_the_documentation_says_and_sent_as_bearer(http):
    give(http)
    answer(http)
    read()
    asked = http.calls[0].request
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["abc"],
        "client_secret": [SECRET],
        "scope": ["as_account-eu.meridian " + " ".join([*SCOPES, *SCOPES_OF_FIGURES])],
    }
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in asked.headers


def test_one_token_serves_until_shortly_before_it_expires(http, clock):
    first = give(http)
    old = answer(http)
    read()
    clock.shift(86_400 - tokens.RENEW_BEFORE_S - 1)
    read()
    assert first.call_count == 1
    clock.shift(2)
    second = give(http, "pdus+_second")
    new = answer(http, "pdus+_second")
    read()
    assert (first.call_count, second.call_count, old.call_count, new.call_count) == (1, 1, 2, 1)


def test_a_short_life_is_renewed_at_nine_tenths(http, clock):
    give(http, expires_in=100)
    answer(http)
    read()
    clock.shift(89)
    read()
    clock.shift(2)
    give(http, "pdus+_second")
    answer(http, "pdus+_second")
    read()


def test_a_renewal_that_fails_leaves_the_old_token_to_its_end(http, clock):
    give(http)
    answer(http)
    read()
    clock.shift(86_400 - 60)
    http.post(TOKEN_URL, status=503)
    read()
    clock.shift(61)
    with pytest.raises(Unreachable):
        read()


def test_a_401_renews_once_and_asks_again(http, clock):
    give(http)
    answer(http)
    read()
    clock.shift(600)
    answer(http, status=401)
    give(http, "pdus+_second")
    good = answer(http, "pdus+_second")
    read()
    assert good.call_count == 1


def test_a_401_for_a_token_that_another_request_has_replaced_takes_the_new_one(http, clock):
    give(http)
    answer(http)
    read()
    clock.shift(600)
    asked = []

    def refuse(request):
        asked.append(request)
        if len(asked) == 1:
            read()  # meanwhile another request is refused too, and renews
        return 401, {}, ""

    http.remove("GET", SERVICES)
    first = matchers.header_matcher({"Authorization": "Bearer pdus+_first"})
    http.add_callback("GET", SERVICES, refuse, match=[first])
    given = give(http, "pdus+_second")
    answer(http, "pdus+_second")
    read()
    assert (len(asked), given.call_count) == (2, 1)


def test_a_401_after_the_renewal_is_the_end(http, clock):
    give(http)
    answer(http)
    read()
    clock.shift(600)
    answer(http, status=401)
    second = give(http, "pdus+_second")
    answer(http, "pdus+_second", status=401)
    with pytest.raises(Refused, match="PAGERDUTY_ACCOUNTS, account apps") as caught:
        read()
    assert caught.value.reason == "token"
    # A token that was refused when it was new is not renewed again and again.
    with pytest.raises(Refused):
        read()
    assert second.call_count == 1


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (
            {"status": 401, "json": {"error": "invalid_client", "error_description": SECRET}},
            Refused,
            "invalid_client",
        ),
        ({"status": 400, "json": {"error": "invalid_scope"}}, Refused, "invalid_scope"),
        ({"status": 403, "body": "<html>"}, Refused, "status 403"),
        ({"status": 429, "headers": {"ratelimit-reset": "7"}}, Throttled, "no more tokens"),
        ({"status": 500}, Unreachable, "500"),
        ({"status": 408}, Unreachable, "408"),
        ({"status": 302, "headers": {"Location": "https://evil.example"}}, Unreadable, "302"),
        ({"body": "<html>"}, Unreadable, "no access_token"),
        ({"json": {}}, Unreadable, "no access_token"),
        ({"json": {"access_token": "a b"}}, Unreadable, "no access_token"),
        ({"json": {"access_token": 5}}, Unreadable, "no access_token"),
        ({"json": {"access_token": "abc", "token_type": "mac"}}, Unreadable, "no bearer"),
    ],
)
def test_an_answer_without_a_token_says_what_to_do_and_no_secret(http, caplog, given, error, said):
    http.post(TOKEN_URL, **given)
    with pytest.raises(error, match=said) as caught:
        read()
    assert SECRET not in caught.value.detail
    assert SECRET not in caplog.text + str([vars(one) for one in caplog.records])


def test_a_failure_is_not_asked_about_again_at_once(http, clock):
    refused = http.post(TOKEN_URL, status=401, json={"error": "invalid_client"})
    for _ in range(4):
        with pytest.raises(Refused):
            read()
    assert refused.call_count == 1
    clock.shift(16)
    with pytest.raises(Refused):
        read()
    assert refused.call_count == 2


@pytest.mark.parametrize("expires_in", ["", None, "soon", -5, True, 1e12])
def test_a_life_that_is_not_told_is_believed_for_an_hour(http, clock, expires_in):
    give(http, expires_in=expires_in)
    answer(http)
    read()
    grant = tokens.last_grant(get_account("apps"))
    assert grant.expires_at - grant.given_at == tokens.DEFAULT_LIFETIME_S


def test_scopes_that_were_not_granted_are_named_and_logged(http, caplog):
    give(http, scope=["services.read", "incidents.read"])
    answer(http)
    read()
    missing = ["change_events.read", "escalation_policies.read", "oncalls.read"]
    assert tokens.last_grant(get_account("apps")).missing == missing
    (line,) = [one for one in caplog.records if "fewer scopes" in one.message]
    assert line.missing == missing
    assert "pdus+_first" not in str(vars(line))


def test_an_answer_that_names_no_scopes_granted_what_was_asked_for(http):
    give(http, without="scope")
    answer(http)
    read()
    assert tokens.last_grant(get_account("apps")).missing == []


def test_many_threads_cause_one_request(http):
    asked = threading.Event()

    def slowly(request):
        asked.wait(0.3)
        return 200, {}, '{"access_token": "pdus+_first", "expires_in": 86400}'

    http.add_callback("POST", TOKEN_URL, callback=slowly)
    answer(http)
    failures = []

    def run():
        try:
            read()
        except PagerDutyError as exc:
            failures.append(exc)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len([call for call in http.calls if call.request.url == TOKEN_URL]) == 1


def test_a_token_of_oauth_given_as_token_is_sent_as_bearer(http, settings):
    settings.PAGERDUTY_ACCOUNTS = "[{name: eu, region: eu, token: pdus+_static_token}]"
    answer(http, "pdus+_static_token")
    with PagerDutyClient(get_account("eu")) as client:
        client.services()


def test_no_token_and_no_secret_is_kept_in_the_cache(http):
    give(http)
    answer(http)
    read()
    kept = pickle.dumps(tokens.last_grant(get_account("apps")))
    assert b"services.read" in kept
    assert b"pdus+_first" not in kept
    assert SECRET.encode() not in kept
