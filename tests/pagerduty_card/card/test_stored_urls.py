"""Addresses are proved where answers are parsed; what a row holds all the same runs nothing."""

import datetime as dt

import pytest
from django.apps import apps
from django.db import models
from django.urls import reverse
from django.utils import timezone

from tests.factories import make_user
from tests.pagerduty_card.mirror import (
    make_attempt,
    make_change,
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_on_call,
    make_past_incident,
    make_policy,
    make_service,
)
from tests.pages import soup_of

pytestmark = pytest.mark.django_db
ODD = "javascript:alert(1)"
WHO = [{"name": "Ana Lima", "url": ODD}]


@pytest.fixture
def entity(client, settings):
    """An entity of whose service every address, in columns and in JSON, is no web address."""
    settings.PAGERDUTY_TOKEN = "test-token-0123456789"
    client.force_login(make_user("dee", is_superuser=True, is_staff=True))
    entity = make_mapped_entity()
    targets = [{"type": "schedule_reference", "name": "Primary", "url": ODD}]
    policy = make_policy()
    policy.levels = [{"delay_s": 900, "targets": targets}]
    policy.save()
    service = make_service(policy=policy, history_since=timezone.now() - dt.timedelta(days=60))
    make_on_call(policy, "Ana Lima", from_h=-4)
    make_incident(service, assignees=WHO, acknowledgements=[{**WHO[0], "at": None}])
    make_change(service, links=[{"href": ODD, "text": "diff"}])
    make_past_incident(service)
    make_attempt(entity, state="created", incident_number=7, assignees=WHO)
    for model in apps.get_app_config("pagerduty_card").get_models():
        columns = [one.name for one in model._meta.fields if isinstance(one, models.URLField)]
        if columns:
            model.objects.update(**dict.fromkeys(columns, ODD))
    make_feeds()
    return entity


@pytest.mark.parametrize(
    "name", ["entity", "card", "history", "trigger", "incidents", "on-call", "mapping", "start"]
)
def test_no_page_links_to_what_is_no_web_address(client, entity, name):
    addresses = {
        "entity": entity.get_absolute_url(),
        "incidents": reverse("boards:incidents"),
        "on-call": reverse("boards:on-call"),
        "mapping": reverse("pagerduty:mapping"),
        "start": "/",
    }
    address = addresses.get(name) or reverse(f"pagerduty_card:{name}", kwargs=entity.url_kwargs)
    answer = client.get(address)
    assert answer.status_code == 200
    links = soup_of(answer).select("[href], [src], [action]")
    given = [one.get(name, "") for one in links for name in ("href", "src", "action")]
    assert [one for one in given if one.startswith("javascript")] == []
