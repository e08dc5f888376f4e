"""What tests of PagerDuty share: an account with a token."""

import pytest

from pagerduty_card import tokens
from tests.pagerduty_card.factories import TOKEN


@pytest.fixture(autouse=True)
def _no_tokens():
    """Tokens of OAuth are kept by the process: none outlives its test."""
    tokens.forget_all()
    yield
    tokens.forget_all()


@pytest.fixture
def token(settings):
    """The default account has a token."""
    settings.PAGERDUTY_TOKEN = TOKEN
    return TOKEN
