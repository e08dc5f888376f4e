"""What a view of an entity's page costs: nothing asked of PagerDuty, and few queries."""

import datetime as dt

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import make_entity, make_user
from tests.pagerduty_card.mirror import (
    link_service,
    make_attempt,
    make_change,
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_on_call,
    make_past_incident,
    make_service,
)

pytestmark = pytest.mark.django_db
BOUND = 15
KEPT = 5  # session, account, rights, the entity, and the rows of its card as one digest


@pytest.fixture
def pager(client, settings):
    settings.PAGERDUTY_TOKEN = "test-token-0123456789"
    client.force_login(make_user("demo", permissions=["pagerduty_card.trigger_incident"]))
    return client


def queries_of(client, entity):
    with CaptureQueriesContext(connection) as queries:
        response = client.get(entity.get_absolute_url())
    assert response.status_code == 200
    return len(queries)


def make_eventful(*, rows):
    """An entity of whose service everything is known that the card can tell, so many of each."""
    service = make_service(history_since=timezone.now() - dt.timedelta(days=60))
    entity = make_mapped_entity()
    make_entity(name="neighbour", spec={"dependsOn": ["component:checkout-api"]})
    make_more(service, entity, rows)
    return entity, service


def make_more(service, entity, rows):
    for number in range(rows):
        make_incident(service)
        make_change(service)
        make_past_incident(service, ack_min=5)
        make_on_call(service.policy, from_h=4 * number - 2, to_h=4 * number + 2)
        make_attempt(entity)
    make_feeds()  # as every write of the mirror goes with: the card is drawn anew


def test_one_of_everything_or_fifty_cost_the_same_few_queries(pager):
    entity, service = make_eventful(rows=1)
    one = queries_of(pager, entity)
    make_more(service, entity, 49)
    cache.clear()
    assert queries_of(pager, entity) == one
    assert one <= BOUND


def test_an_entity_that_only_a_link_maps_costs_as_few(pager):
    service, _ = make_service(), make_feeds()
    entity = make_entity(name="linked")
    link_service(entity, service.pd_id)
    assert queries_of(pager, entity) <= BOUND


def test_a_page_that_is_kept_costs_few_whoever_reads_it_and_when(pager):
    service = make_service()
    make_feeds()
    entity = make_mapped_entity()
    make_incident(service)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert queries_of(pager, entity) > KEPT
        clock.shift(20)
        pager.force_login(make_user("other", permissions=["pagerduty_card.trigger_incident"]))
        assert queries_of(pager, entity) == KEPT


def test_a_lost_session_cache_costs_no_more_than_the_session(pager):
    service = make_service()
    make_feeds()
    entity = make_mapped_entity()
    make_incident(service)
    kept = queries_of(pager, entity)
    cache.clear()  # of the session and of the card's drawing
    assert queries_of(pager, entity) <= kept + 1
