"""What was mirrored from another API is not shown as this account's."""

import pytest
from django.core.management import call_command

from pagerduty_card.models import EscalationPolicy, Feed, Mapping, Service
from tests.factories import make_user
from tests.pagerduty_card.mirror import (
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_on_call,
    make_policy,
    make_service,
)
from tests.pagerduty_card.pages import url_of
from tests.pages import soup_of, words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("token")]


def card_of(client, entity):
    return words(soup_of(client.get(url_of(entity, "card"))).select_one("#pagerduty-card"))


def test_what_another_api_said_is_forgotten_when_the_database_is_prepared(client, settings):
    client.force_login(make_user())
    entity = make_mapped_entity()
    make_feeds()
    policy = make_policy()
    service = make_service(policy=policy)
    make_on_call(policy, "Bo Chen")
    make_incident(service)
    make_service("PEU", account="eu", policy=make_policy(account="eu"))
    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)  # the same API as before
    assert "Bo Chen" in card_of(client, entity)

    settings.PAGERDUTY_API_BASE_URL = "https://api.eu.pagerduty.com"
    settings.PAGERDUTY_REGION = "eu"
    call_command("migrate", verbosity=0)
    assert list(Service.objects.values_list("account", flat=True)) == ["eu"]
    assert not Feed.objects.filter(account="default").exists()
    assert not EscalationPolicy.objects.filter(account="default").exists()
    assert Mapping.objects.get(entity=entity).service is None
    card = card_of(client, entity)
    assert "Bo Chen" not in card
    assert "OK" not in card.split()
