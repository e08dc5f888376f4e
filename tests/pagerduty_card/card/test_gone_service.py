"""A service that PagerDuty denies, or that was in maintenance: an empty list is not good news."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from pagerduty_card.models import Feed
from tests.factories import make_user
from tests.pagerduty_card.mirror import (
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_on_call,
    make_policy,
    make_service,
)
from tests.pages import soup_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client, settings):
    settings.PAGERDUTY_TOKEN = "test-token-0123456789"
    client.force_login(make_user("dee"))
    return client


def card_of(client, entity):
    soup = soup_of(client.get(entity.get_absolute_url()))
    return " ".join(soup.select_one("#pagerduty-card").get_text(" ").split())


def deny(pd_id="PCHKOUT"):
    """PagerDuty answered 404 when a page asked for this service alone."""
    Feed.objects.create(
        account="default",
        kind=Feed.Kind.SERVICES,
        service_pd_id=pd_id,
        failed_at=timezone.now(),
        reason="not_found",
        detail="Not Found",
    )


def test_no_board_calls_what_is_known_of_a_denied_service_merely_old(reader):
    make_mapped_entity()
    make_service()
    make_feeds()
    deny()
    soup = soup_of(reader.get("/incidents/"))
    said = " ".join(soup.select_one("main").get_text(" ").split())
    assert "The open incidents of 1 service are not known" in said
    assert "are old" not in said


def test_a_service_that_pagerduty_denies_is_never_fine(reader):
    entity = make_mapped_entity()
    make_service()
    make_feeds()
    assert "OK" in card_of(reader, entity)
    deny()
    card = card_of(reader, entity)
    assert "UNKNOWN" in card
    assert " OK " not in card
    assert card.count("PagerDuty has no such service any more.") == 1
    assert "It is written in examples/catalog/checkout.yaml:12" in card
    assert "Nothing is open" not in card
    index = reader.get(reverse("catalog:index"))
    assert "PagerDuty: UNKNOWN" in index.text


def test_the_open_incidents_of_a_service_that_pagerduty_denies_stay_an_alarm(reader):
    entity = make_mapped_entity()
    make_incident(make_service())
    make_feeds()
    deny()
    card = card_of(reader, entity)
    assert "ALARM" in card
    assert "nobody is known to be paged for it" in card
    assert card.count("PagerDuty has no such service any more.") == 1
    assert "It is written in examples/catalog/checkout.yaml:12" in card


def test_nobody_is_said_to_be_paged_by_a_service_that_pagerduty_denies(client, settings):
    settings.PAGERDUTY_TOKEN = "test-token-0123456789"
    client.force_login(make_user("kai", permissions=("pagerduty_card.trigger_incident",)))
    entity = make_mapped_entity()
    policy = make_policy()
    make_service(policy=policy)
    make_on_call(policy, "Ana Lima")
    make_feeds()
    deny()
    address = reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)
    form = soup_of(client.get(address)).main.get_text(" ")
    assert "It is not known who would be paged." in form
    assert "PagerDuty denies the service" in form
    assert "Ana Lima" not in form
    assert "Ana Lima" not in card_of(client, entity)


@pytest.mark.parametrize("age_s", [3600 * 5, 20])
def test_a_maintenance_that_has_ended_is_not_fine_while_nobody_asked_about_the_service(
    reader, age_s
):
    entity = make_mapped_entity()
    ended = timezone.now() - dt.timedelta(hours=1)
    make_service(status="maintenance", maintenance_until=ended)
    make_feeds(age_s=3600 * 5)
    Feed.objects.filter(kind=Feed.Kind.INCIDENTS).delete()
    make_feeds(Feed.Kind.INCIDENTS, age_s=age_s)
    assert " UNKNOWN " in card_of(reader, entity)
