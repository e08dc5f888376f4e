"""A fault of the portal in one part of the card costs that part alone, and never a page."""

import pytest
from bs4 import BeautifulSoup
from django.urls import reverse

from pagerduty_card.models import TriggeredIncident
from tests.factories import make_user
from tests.pagerduty_card.mirror import (
    make_feeds,
    make_mapped_entity,
    make_on_call,
    make_policy,
    make_service,
)

pytestmark = pytest.mark.django_db
ENQUEUE = "https://events.pagerduty.com/v2/enqueue"
FAULT = "a fault that only the log may show"
# Each is called for every drawing of the card.
PARTS = [
    "pagerduty_card.history.loading.present_history",
    "pagerduty_card.card.drawing.present_block",
]


@pytest.fixture(autouse=True)
def _settings(settings):
    settings.PAGERDUTY_TOKEN = "test-token-0123456789"


@pytest.fixture
def pager(client):
    client.force_login(make_user("dee", permissions=("pagerduty_card.trigger_incident",)))
    return client


@pytest.fixture
def entity():
    entity = make_mapped_entity()
    make_feeds()
    policy = make_policy()
    make_service(policy=policy)
    make_on_call(policy, "Ana Lima")
    return entity


@pytest.fixture(params=PARTS)
def broken(request, monkeypatch):
    """The part that fails."""

    def fail(*_args, **_kwargs):
        raise RuntimeError(FAULT)

    monkeypatch.setattr(request.param, fail)
    return request.param


def url_of(entity, name="trigger"):
    return reverse(f"pagerduty_card:{name}", kwargs=entity.url_kwargs)


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "dialog"])
def test_pages_once_whatever_part_of_the_card_fails(pager, entity, http, broken, headers, caplog):
    http.post(ENQUEUE, status=202, json={"status": "success", "message": "ok", "dedup_key": "x"})
    shown = pager.get(url_of(entity), headers=headers)
    assert shown.status_code == 200
    key = BeautifulSoup(shown.text, "html.parser").select_one("input[name=key]")["value"]
    typed = {"service": "default/PCHKOUT", "description": "down", "severity": "error", "key": key}
    answer = pager.post(url_of(entity), typed, headers=headers)
    assert answer.status_code == (204 if headers else 303)
    assert len(http.calls) == 1
    assert TriggeredIncident.objects.get().state == TriggeredIncident.State.ACCEPTED


def test_says_what_the_form_could_not_find_out(pager, entity, broken, caplog):
    shown = pager.get(url_of(entity)).text
    assert "It is not known who would be paged." in shown
    assert "You can still page." in shown
    assert FAULT not in shown
    assert FAULT in caplog.text
