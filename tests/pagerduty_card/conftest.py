"""What tests of PagerDuty share: an account with a token."""

import pytest

from tests.pagerduty_card.factories import TOKEN


@pytest.fixture
def token(settings):
    """The default account has a token."""
    settings.PAGERDUTY_TOKEN = TOKEN
    return TOKEN
