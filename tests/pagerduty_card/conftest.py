"""What tests of PagerDuty share: an account with a token, and the sandbox as the account."""

import contextlib

import pytest
from django.core.cache import cache, caches
from django.db import transaction

from pagerduty_card.syncing import mapped_services, on_call
from pagerduty_card.wire import quota, tokens
from sandbox.pagerduty.server import serve
from tests.pagerduty_card.factories import TOKEN


def forget_all():
    """Forget what a process keeps by itself: tokens and cool-downs, for example."""
    for keeper in (tokens, quota, on_call, mapped_services):
        keeper.forget_all()


@contextlib.contextmanager
def undone():
    """Undo what is written inside, and forget what a process or all of them keep beside it."""
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        forget_all()
        for kept in (cache, caches["shared"]):
            kept.clear()


@pytest.fixture(autouse=True)
def _nothing_kept():
    """What a process keeps by itself outlives no test."""
    forget_all()
    yield
    forget_all()


@pytest.fixture
def token(settings):
    """The default account has a token."""
    settings.PAGERDUTY_TOKEN = TOKEN
    return TOKEN


@pytest.fixture
def sandbox(settings):
    """The sandbox over real HTTP, as the PagerDuty that the portal asks."""
    settings.PAGERDUTY_SANDBOX = True
    with serve(incident_delay_s=0) as server:
        settings.PAGERDUTY_SANDBOX_URL = server.url
        yield server
