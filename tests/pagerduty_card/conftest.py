"""What tests of PagerDuty share: an account with a token."""

import pytest

from pagerduty_card import quota, tokens
from tests.pagerduty_card.factories import TOKEN


@pytest.fixture(autouse=True)
def _nothing_kept():
    """Tokens of OAuth and cool-downs are kept by the process: none outlives its test."""
    for kept in (tokens, quota):
        kept.forget_all()
    yield
    for kept in (tokens, quota):
        kept.forget_all()


@pytest.fixture
def token(settings):
    """The default account has a token."""
    settings.PAGERDUTY_TOKEN = TOKEN
    return TOKEN
