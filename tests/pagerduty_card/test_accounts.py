"""Accounts: which hosts and which token, and what a mask shows."""

import pytest

from pagerduty_card.accounts import all_accounts, get_account
from pagerduty_card.errors import NotConfigured
from portal.secret_shapes import mask


def test_the_region_switches_all_hosts(settings):
    for region, infix in (("us", ""), ("eu", "eu.")):
        settings.PAGERDUTY_REGION = region
        account = all_accounts()["default"]
        assert account.api_base_url == f"https://api.{infix}pagerduty.com"
        assert account.events_base_url == f"https://events.{infix}pagerduty.com/v2"


def test_a_base_url_overrides_its_host_only(settings):
    settings.PAGERDUTY_REGION = "eu"
    settings.PAGERDUTY_API_BASE_URL = "https://pagerduty.proxy.example"
    account = all_accounts()["default"]
    assert account.api_base_url == "https://pagerduty.proxy.example"
    assert account.events_base_url == "https://events.eu.pagerduty.com/v2"


def test_the_sandbox_brings_its_own_token_and_hosts(settings):
    settings.PAGERDUTY_SANDBOX = True
    settings.PAGERDUTY_SANDBOX_URL = "http://127.0.0.1:8141"
    account = get_account()
    assert account.token == "sandbox-token"
    assert account.api_base_url == "http://127.0.0.1:8141"
    assert account.events_base_url == "http://127.0.0.1:8141/v2"


def test_no_token_says_which_setting_to_set():
    with pytest.raises(NotConfigured, match="PAGERDUTY_TOKEN"):
        get_account()


def test_an_unknown_account_is_named_with_those_there_are(token):
    with pytest.raises(NotConfigured, match="'eu'; configured: default"):
        get_account("eu")


def test_a_token_is_not_in_the_repr(token):
    assert token not in repr(get_account())


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("0123456789abcdef0123456789ab4711", "****4711"),
        ("0123456789abcdef4711", "****4711"),
        ("0123456789abcde4711", "****"),
        ("short", "****"),
        ("x", "****"),
        ("", "****"),
    ],
)
def test_a_mask_shows_at_most_the_last_four(secret, shown):
    assert mask(secret) == shown
