"""The boards in a browser."""

import pytest

from catalog.models import Entity
from catalog.versions import bump
from pagerduty_card.models import EscalationPolicy, Incident, Responder, Service
from tests.e2e.conftest import OVERFLOW

pytestmark = [pytest.mark.e2e, pytest.mark.real_http, pytest.mark.django_db(transaction=True)]

LONG = "x" * 200


def test_names_of_two_hundred_letters_break(open_page):
    page = open_page()
    for model in (EscalationPolicy, Responder, Service):
        model.objects.update(name=LONG)
    Incident.objects.update(title=LONG, priority=LONG[:50])
    Entity.objects.update(title=LONG)
    bump()
    for address in ("/incidents/", "/on-call/"):
        page.goto(address)
        assert page.get_by_text(LONG).count(), address
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert not page.evaluate(OVERFLOW), (address, width)
