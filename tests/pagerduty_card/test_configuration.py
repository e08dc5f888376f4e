"""``PAGERDUTY_ACCOUNTS``: what it may say, and what is said of mistakes in it."""

import pytest
from django.core import checks

from pagerduty_card.accounts import SCOPES, SCOPES_OF_FIGURES, all_accounts, get_account
from pagerduty_card.errors import NotConfigured
from tests.pagerduty_card.factories import TOKEN

SECRET = "very-secret-value-4711"


def found():
    messages = checks.run_checks()
    ours = [one for one in messages if (one.id or "").startswith("pagerduty_card.")]
    assert all(one.hint for one in ours)
    assert SECRET not in " ".join(f"{one.msg} {one.hint}" for one in ours)
    return {one.id: one for one in ours}


def test_nothing_is_the_default_account_alone(token):
    assert set(all_accounts()) == {"default"}


def test_inline_yaml_makes_several_accounts_beside_the_default_one(token, settings):
    settings.PAGERDUTY_ACCOUNTS = (
        f"[{{name: eu, region: EU, token: {SECRET}}}, {{name: lab, token: other-token}}]"
    )
    accounts = all_accounts()
    assert set(accounts) == {"default", "eu", "lab"}
    assert accounts["default"].token == TOKEN
    eu = get_account("eu")
    assert eu.token == SECRET
    assert eu.api_base_url == "https://api.eu.pagerduty.com"
    assert eu.events_base_url == "https://events.eu.pagerduty.com/v2"
    assert accounts["lab"].api_base_url == "https://api.pagerduty.com"
    assert SECRET not in repr(accounts)
    assert found() == {}


def test_a_file_and_token_files_beside_it(settings, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "eu").write_text(f"{SECRET}\n")
    (tmp_path / "accounts.yaml").write_text(
        "accounts:\n- name: eu\n  token_file: secrets/eu\n  api_base_url: https://proxy.example/\n"
        "  events_base_url: https://events.proxy.example/v2/\n"
    )
    settings.PAGERDUTY_ACCOUNTS = str(tmp_path / "accounts.yaml")
    eu = get_account("eu")
    assert eu.token == SECRET
    assert (eu.api_base_url, eu.events_base_url) == (
        "https://proxy.example",
        "https://events.proxy.example/v2",
    )
    assert found() == {}


def test_client_credentials_ask_for_what_the_portal_needs(settings, tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    settings.PAGERDUTY_ACCOUNTS = (
        f"- name: apps\n  client_id: abc\n  client_secret_file: {tmp_path}/secret\n"
        "  subdomain: Meridian\n  region: eu\n"
    )
    apps = get_account("apps")
    assert apps.token == ""
    assert apps.oauth.client_secret == SECRET
    assert apps.oauth.subdomain == "meridian"
    assert set(apps.oauth.scopes) == {*SCOPES, *SCOPES_OF_FIGURES}
    assert apps.oauth.identity_base_url == "https://identity.pagerduty.com"
    assert SECRET not in repr(apps)
    assert found() == {}


@pytest.mark.parametrize(
    "written", ["services.read, incidents.read", "[services.read, incidents.read]"]
)
def test_scopes_may_be_a_list_or_words(settings, written):
    quoted = written if written.startswith("[") else f'"{written}"'
    settings.PAGERDUTY_ACCOUNTS = (
        f"[{{name: apps, client_id: a, client_secret: b, subdomain: c, scopes: {quoted}}}]"
    )
    assert get_account("apps").oauth.scopes == ("services.read", "incidents.read")


def test_yaml_makes_no_number_and_no_truth_of_a_token_or_a_name(settings):
    settings.PAGERDUTY_ACCOUNTS = "[{name: no, token: 0123456789}]"
    assert get_account("no").token == "0123456789"


def test_the_default_account_may_be_written_there(settings):
    settings.PAGERDUTY_ACCOUNTS = "[{name: default, token: token-of-the-file, region: eu}]"
    assert get_account().token == "token-of-the-file"
    assert get_account().region == "eu"
    assert found() == {}


def test_two_default_accounts_are_an_error_and_the_token_is_used(token, settings):
    settings.PAGERDUTY_ACCOUNTS = f"[{{name: default, token: {SECRET}}}]"
    assert "which one is meant" in found()["pagerduty_card.E006"].msg
    assert get_account().token == TOKEN


def test_without_a_default_account_the_others_are_named(settings):
    settings.PAGERDUTY_ACCOUNTS = "[{name: eu, token: token-of-eu}, {name: us, token: token-of-us}]"
    with pytest.raises(NotConfigured, match="name one of eu, us in"):
        get_account()
    with pytest.raises(NotConfigured, match="'mars'; configured: eu, us"):
        get_account("mars")
    assert found() == {}


@pytest.mark.parametrize(
    ("written", "id_", "said"),
    [
        ("[{name: eu, token: [}", "E004", "is not YAML in line 1"),
        (f"[{{name: eu, token: '{SECRET}]", "E004", "is not YAML"),
        ("{eu: {token: x}}", "E004", "is not a list"),
        ("/nowhere/accounts.yaml", "E004", "cannot be read: No such file"),
        ("[eu]", "E004", "Item 1"),
        (f"[{{token: {SECRET}}}]", "E004", "no usable name"),
        (f"[{{name: a b, token: {SECRET}}}]", "E004", "no usable name"),
        (f"[{{name: eu, token: {SECRET}}}, {{name: eu, token: {SECRET}}}]", "E006", "two accounts"),
        ("[{name: eu}]", "E005", "neither a token nor"),
        (f"[{{name: eu, token: {SECRET}, tokn: x}}]", "E005", "unknown field 'tokn'"),
        (f"[{{name: eu, token: [{SECRET}]}}]", "E005", "token of account 'eu' is not a text"),
        (f"[{{name: eu, token: {SECRET}, token_file: x}}]", "E005", "both token and token_file"),
        ("[{name: eu, token_file: /nowhere/token}]", "E005", "/nowhere/token: No such file"),
        (f"[{{name: eu, token: {SECRET}, client_id: a}}]", "E005", "which one is meant"),
        (f"[{{name: eu, client_id: a, client_secret: {SECRET}}}]", "E005", "lack subdomain"),
        ("[{name: eu, client_id: a, subdomain: b}]", "E005", "lack client_secret"),
        (
            f"[{{name: eu, client_id: a, client_secret: {SECRET}, subdomain: 'https://b.c'}}]",
            "E005",
            "is no subdomain",
        ),
        (f"[{{name: eu, token: {SECRET} more}}]", "E005", "characters that no token has"),
        (f'[{{name: eu, token: "{SECRET}\\u00e9"}}]', "E005", "characters that no token has"),
        (f"[{{name: eu, token: {SECRET}, scopes: {{}}}}]", "E005", "not a list of scopes"),
        (f"[{{name: eu, token: {SECRET}, region: mars}}]", "E001", "'mars'"),
        (f"[{{name: eu, token: {SECRET}, api_base_url: 'http://a.example'}}]", "E002", "'eu'"),
        (f"[{{name: eu, token: {SECRET}, events_base_url: 'http://a.example'}}]", "E002", "'eu'"),
    ],
)
def test_a_mistake_is_a_check_with_a_hint_and_without_the_secret(
    token, settings, written, id_, said
):
    settings.PAGERDUTY_ACCOUNTS = written
    assert said in found()[f"pagerduty_card.{id_}"].msg
    assert get_account().token == TOKEN  # the others go on


def test_an_account_with_a_mistake_is_known_and_says_it(token, settings):
    settings.PAGERDUTY_ACCOUNTS = "[{name: eu, token_file: /nowhere/token}]"
    with pytest.raises(NotConfigured, match="token_file of account 'eu' cannot be read"):
        get_account("eu")


def test_an_identity_host_must_be_https(token, settings):
    settings.PAGERDUTY_ACCOUNTS = (
        "[{name: eu, client_id: a, client_secret: b, subdomain: c, "
        "identity_base_url: 'http://identity.example'}]"
    )
    assert "identity_base_url of account 'eu'" in found()["pagerduty_card.E002"].msg


@pytest.mark.parametrize("written", ["bad token", "tok\nen", "tøken", '"token"', "'token'"])
def test_a_token_that_cannot_be_sent_is_said_at_start(settings, written):
    settings.PAGERDUTY_TOKEN = written
    messages = found()
    assert "characters that no token has" in messages["pagerduty_card.E007"].msg
    with pytest.raises(NotConfigured, match="PAGERDUTY_TOKEN has characters"):
        get_account()


def test_the_sandbox_and_real_credentials_are_refused(settings):
    settings.PAGERDUTY_SANDBOX = True
    settings.PAGERDUTY_ACCOUNTS = f"[{{name: eu, token: {SECRET}}}]"
    assert "'eu' has credentials of its own" in found()["pagerduty_card.E003"].msg


def test_the_sandbox_stands_for_several_accounts(settings):
    settings.PAGERDUTY_SANDBOX = True
    settings.PAGERDUTY_SANDBOX_URL = "http://127.0.0.1:8141"
    settings.PAGERDUTY_ACCOUNTS = (
        "[{name: eu, token: sandbox-token, region: eu}, {name: apps, client_id: sandbox-client, "
        "client_secret: sandbox-secret, subdomain: meridian}]"
    )
    assert found() == {}
    eu, apps = get_account("eu"), get_account("apps")
    assert (eu.api_base_url, eu.events_base_url) == (
        "http://127.0.0.1:8141",
        "http://127.0.0.1:8141/v2",
    )
    assert apps.oauth.identity_base_url == "http://127.0.0.1:8141"
