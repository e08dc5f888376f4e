"""The sandbox's tokens for client credentials, and the real client over real sockets with them."""

import datetime as dt
import json
import urllib.error
import urllib.parse
import urllib.request

import pytest
import time_machine

from pagerduty_card.accounts import get_account
from pagerduty_card.errors import Refused
from pagerduty_card.wire import tokens
from pagerduty_card.wire.client import PagerDutyClient
from tests.sandbox.pagerduty.client import HEADERS, ask

pytestmark = pytest.mark.real_http
FORM = {
    "grant_type": "client_credentials",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "scope": "as_account-us.meridian services.read incidents.read fish.read",
}


@pytest.fixture
def sandbox(sandbox, settings):
    settings.PAGERDUTY_ACCOUNTS = (
        "[{name: apps, client_id: sandbox-client, client_secret: sandbox-secret, "
        "subdomain: meridian}]"
    )
    return sandbox


def token(server, **fields):
    data = urllib.parse.urlencode({**FORM, **fields}).encode()
    request = urllib.request.Request(f"{server.url}/oauth/token", data=data)
    try:
        answer = urllib.request.urlopen(request, timeout=5)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        return answer.status, json.loads(answer.read())


def test_a_token_has_the_scopes_that_exist_and_opens_those_lists_only(sandbox):
    status, body = token(sandbox)
    assert status == 200
    assert body["scope"] == "as_account-us.meridian incidents.read services.read"
    assert body["expires_in"] == 86_400
    headers = {**HEADERS, "Authorization": f"Bearer {body['access_token']}"}
    assert ask(sandbox, "/services", headers=headers)[0] == 200
    assert ask(sandbox, "/oncalls", headers=headers)[0] == 403
    assert ask(sandbox, "/oncalls")[0] == 200  # the API key may do everything


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "services.read"}, 400, "invalid_scope"),
    ],
)
def test_what_it_does_not_know_gets_none(sandbox, fields, status, error):
    assert token(sandbox, **fields)[0] == status
    assert token(sandbox, **fields)[1]["error"] == error


def test_a_token_without_any_scope_reads_nothing(sandbox):
    body = token(sandbox, scope="as_account-us.meridian")[1]
    headers = {**HEADERS, "Authorization": f"Bearer {body['access_token']}"}
    assert ask(sandbox, "/services", headers=headers)[0] == 403


def test_the_secret_is_not_in_what_it_remembers(sandbox):
    token(sandbox)
    assert "sandbox-secret" not in str(sandbox.state.requests.all())


def test_the_client_reads_with_a_token_and_renews_one_that_was_taken_back(sandbox):
    with PagerDutyClient(get_account("apps")) as client:
        assert client.services()
        with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=2)):
            sandbox.state.grants.revoke_all()
            assert client.services()
    assert sandbox.state.requests.count("/oauth/token") == 2
    assert tokens.last_grant(get_account("apps")).missing == []


def test_a_scope_that_was_not_granted_closes_its_section_only(sandbox):
    sandbox.state.grants.available = frozenset({"services.read", "incidents.read"})
    with PagerDutyClient(get_account("apps")) as client:
        assert client.services()
        assert client.open_incidents()
        with pytest.raises(Refused, match=r"oncalls\.read") as caught:
            client.on_calls()
    assert caught.value.reason == "permission"
