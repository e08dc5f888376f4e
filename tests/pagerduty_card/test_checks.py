"""What ``manage.py check`` says about PagerDuty's configuration."""

import pytest
from django.core import checks

from pagerduty_card.accounts import all_accounts
from tests.pagerduty_card.factories import TOKEN


def found(*, deploy=False):
    messages = checks.run_checks(include_deployment_checks=deploy)
    assert all(one.hint for one in messages if (one.id or "").startswith("pagerduty_card."))
    return {one.id: one for one in messages if (one.id or "").startswith("pagerduty_card.")}


@pytest.mark.django_db
def test_a_token_and_nothing_else_is_fine(token):
    assert found(deploy=True) == {}


def test_a_missing_token_is_said_with_the_way_to_one():
    message = found()["pagerduty_card.W001"]
    assert "PAGERDUTY_TOKEN" in message.hint
    assert "PAGERDUTY_SANDBOX" in message.hint


def test_an_unknown_region_is_an_error(token, settings):
    settings.PAGERDUTY_REGION = "mars"
    message = found()["pagerduty_card.E001"]
    assert "'mars'" in message.msg
    assert "eu or us" in message.hint


@pytest.mark.parametrize("variable", ["PAGERDUTY_API_BASE_URL", "PAGERDUTY_EVENTS_BASE_URL"])
@pytest.mark.parametrize(
    ("url", "is_error"),
    [
        ("http://pagerduty.example", True),
        ("ftp://pagerduty.example", True),
        ("pagerduty.example", True),
        ("https://", True),
        ("http://[broken", True),
        ("https://pagerduty.example", False),
        ("http://127.0.0.1:8900", False),
        ("http://localhost:8900", False),
        ("http://127.0.0.1.evil.example", True),
    ],
)
def test_an_address_must_be_https_or_this_machine(token, settings, variable, url, is_error):
    setattr(settings, variable, url)
    messages = found()
    assert ("pagerduty_card.E002" in messages) is is_error
    if is_error:
        assert variable in messages["pagerduty_card.E002"].msg


def test_an_unknown_region_is_one_mistake(token, settings):
    settings.PAGERDUTY_REGION = "asia"
    assert list(found()) == ["pagerduty_card.E001"]


@pytest.mark.parametrize(
    ("variable", "url", "used", "right"),
    [
        ("EVENTS", "https://relay.example", "https://relay.example/v2", ""),
        ("EVENTS", " https://relay.example/pd/v2/ ", "https://relay.example/pd/v2", ""),
        (
            "EVENTS",
            "https://events.eu.pagerduty.com/v2/enqueue",
            "https://events.eu.pagerduty.com/v2",
            "",
        ),
        ("EVENTS", "https://relay.example/pd", "", "https://relay.example/pd/v2"),
        ("EVENTS", "https://relay.example/pd/V1", "", "Write https://relay.example/pd/v2, or"),
        ("EVENTS", "https://relay.example/v1/enqueue", "", "Write https://relay.example/v2, or"),
        ("EVENTS", "https://events.pagerduty.com/v1", "", "Write https://events.pagerduty.com/v2,"),
        ("EVENTS", "https://api.pagerduty.com", "", "https://events.pagerduty.com/v2"),
        (
            "EVENTS",
            "https://events.eu.pagerduty.com/generic/2010-04-15/create_event.json",
            "",
            "https://events.eu.pagerduty.com/v2",
        ),
        ("EVENTS", "https://me:secret@relay.example/v2", "", "Leave PAGERDUTY_EVENTS_BASE_URL"),
        ("API", " https://relay.example/pd/ ", "https://relay.example/pd", ""),
        ("API", "https://meridian.pagerduty.com/api", "", "https://api.pagerduty.com,"),
        ("API", "https://meridian.eu.pagerduty.com", "", "https://api.eu.pagerduty.com,"),
        ("API", "https://api.pagerduty.com/v2", "", "https://api.pagerduty.com,"),
    ],
)
def test_an_address_is_understood_or_refused_with_the_right_one(
    token, settings, variable, url, used, right
):
    setattr(settings, f"PAGERDUTY_{variable}_BASE_URL", url)
    settings.PAGERDUTY_REGION = "eu" if ".eu." in used else "us"
    message = found().get("pagerduty_card.E009")
    account = all_accounts()["default"]
    assert bool(message) is bool(right)
    if message:
        assert message.msg.startswith(f"PAGERDUTY_{variable}_BASE_URL ")
        assert right in message.hint
        assert "secret" not in message.msg + message.hint
    if variable == "EVENTS":
        assert account.events_base_url == used
    else:
        assert account.is_configured is bool(used)
        assert not used or account.api_base_url == used


def test_the_sandbox_on_another_host_needs_no_https(settings):
    settings.PAGERDUTY_SANDBOX = True
    settings.PAGERDUTY_SANDBOX_URL = "http://sandbox:8900"
    assert found() == {}


@pytest.mark.parametrize(
    ("url", "is_warned"), [("http://127.0.0.1:8900", True), ("http://sandbox:8900", False)]
)
def test_a_sandbox_that_is_not_installed_is_named(settings, tmp_path, url, is_warned):
    settings.PAGERDUTY_SANDBOX, settings.PAGERDUTY_SANDBOX_URL = True, url
    assert found() == {}
    settings.BASE_DIR = tmp_path
    assert set(found()) == ({"pagerduty_card.W003"} if is_warned else set())


def test_the_sandbox_is_no_way_to_run_in_production(settings):
    settings.PAGERDUTY_SANDBOX = True
    assert "pagerduty_card.W002" not in found()
    assert "pagerduty_card.W002" in found(deploy=True)


def test_sandbox_and_token_together_are_refused_without_printing_the_token(token, settings):
    settings.PAGERDUTY_SANDBOX = True
    message = found()["pagerduty_card.E003"]
    assert TOKEN not in f"{message.msg} {message.hint}"
