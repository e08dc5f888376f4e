"""How many incidents are open stands beside each service, and is what counting them would give."""

import datetime as dt
import json
import random
from importlib import import_module

import pytest
import time_machine
from django.apps import apps
from django.utils import timezone

from catalog import versions
from catalog.models import Entity
from pagerduty_card import tasks
from pagerduty_card.models import Delivery, Feed, Service
from pagerduty_card.states import IncidentCounts
from pagerduty_card.syncing import accounts, services
from pagerduty_card.webhooks.applying import INCIDENT_EVENTS
from pagerduty_card.wire.client import PagerDutyClient
from tests.pagerduty_card.deliveries import SECRET, event_json, incident_data, post
from tests.pagerduty_card.factories import (
    API,
    TOKEN,
    MayBeAsked,
    announce_service,
    incident_json,
    make_account,
    page_of,
    reference_json,
    service_json,
)
from tests.pagerduty_card.mirror import make_incident, make_service, name_services

pytestmark = pytest.mark.django_db

SERVICES = ("PCHKOUT", "PB", "PC")
OPEN = ("triggered", "triggered", "acknowledged", "tomorrow")


@pytest.fixture(autouse=True)
def _configured(settings):
    settings.PAGERDUTY_TOKEN = TOKEN
    settings.PAGERDUTY_WEBHOOK_SECRETS = [SECRET]


def stored():
    return {service.pk: service.open_counts for service in Service.objects.all()}


def counted():
    return {
        service.pk: IncidentCounts.of(service.incidents.values_list("status", flat=True))
        for service in Service.objects.all()
    }


class Happenings:
    """What may happen to the mirror, each by its own door, at random."""

    def __init__(self, client, http, randomly, clock):
        self.client, self.http, self.randomly, self.clock = client, http, randomly, clock

    def steps(self):
        """Each of them several times, in any order; yields the name of what just happened."""
        often = [
            self.account_is_asked,
            self.account_is_asked_while_an_event_comes,
            self.service_is_asked,
            *[self.event_comes] * 3,
        ]
        now_and_then = [
            self.service_is_deleted,
            self.services_are_listed,
            self.catalog_names_others,
        ]
        steps = [*often * 6, *now_and_then * 4]
        for step in self.randomly.sample(steps, len(steps)):
            self.clock.shift(self.randomly.randint(1, 90))
            step()
            self.http.reset()
            yield step.__name__

    def incidents(self, *pd_ids):
        numbers = self.randomly.sample(range(1, 9), self.randomly.randint(0, 6))
        return [
            incident_json(number, status=self.randomly.choice(OPEN), service=self.of(*pd_ids))
            for number in numbers
        ]

    def of(self, *pd_ids):
        pd_id = self.randomly.choice(pd_ids or SERVICES)
        return reference_json(pd_id, "service", pd_id)

    def ask(self, kind):
        with PagerDutyClient(make_account()) as client:
            accounts.sync_account(make_account(), client, kinds=[kind])

    def account_is_asked(self):
        self.http.get(f"{API}/incidents", json=page_of("incidents", *self.incidents()))
        self.ask(Feed.Kind.INCIDENTS)

    def account_is_asked_while_an_event_comes(self):
        def answer(request):
            self.clock.shift(2)
            self.event_comes()
            return 200, {}, body

        body = json.dumps(page_of("incidents", *self.incidents()))
        self.http.add_callback("GET", f"{API}/incidents", answer)
        self.ask(Feed.Kind.INCIDENTS)

    def service_is_asked(self):
        pd_id = self.randomly.choice(SERVICES)
        announce_service(
            self.http, service=service_json(pd_id, pd_id), incidents=self.incidents(pd_id)
        )
        with PagerDutyClient(make_account()) as client:
            services.sync_service(make_account(), client, pd_id)

    def event_comes(self):
        type_ = self.randomly.choice(INCIDENT_EVENTS)
        status = "resolved" if type_ == "incident.resolved" else self.randomly.choice(OPEN)
        at = timezone.now() - dt.timedelta(seconds=self.randomly.randint(0, 200))
        data = incident_data(self.randomly.randint(1, 8), status=status, service=self.of())
        post(self.client, event_json(type_, at=at, data=data))
        tasks.apply_deliveries()

    def service_is_deleted(self):
        data = {**self.of(), "type": "service"}
        post(self.client, event_json("service.deleted", data=data))
        tasks.apply_deliveries()

    def services_are_listed(self):
        listed = self.randomly.sample(SERVICES, self.randomly.randint(1, 3))
        found = [service_json(pd_id, pd_id, integrations=[]) for pd_id in listed]
        self.http.get(f"{API}/services", json=page_of("services", *found))
        for pd_id in SERVICES:
            self.http.add(MayBeAsked("GET", f"{API}/services/{pd_id}", json={}, status=404))
        self.ask(Feed.Kind.SERVICES)

    def catalog_names_others(self):
        Entity.objects.all().delete()
        name_services(*self.randomly.sample(SERVICES, self.randomly.randint(1, 3)))
        versions.bump()
        self.services_are_listed()


@pytest.mark.parametrize("seed", range(3))
def test_stored_counts_are_what_is_there_whatever_happened(client, http, seed):
    name_services(*SERVICES)
    seen = set()
    with time_machine.travel("2026-11-01 09:00:00+00:00", tick=False) as clock:
        for step in Happenings(client, http, random.Random(seed), clock).steps():
            assert stored() == counted(), step
            seen.update(stored().values())
    assert len(seen) > 10
    assert all(any(counts[place] for counts in seen) for place in range(3))
    assert set(Delivery.objects.values_list("state", flat=True)) >= {"applied", "older"}


def test_the_migration_counts_what_is_stored():
    many, one, none = (make_service(pd_id, key="") for pd_id in SERVICES)
    for status in ("triggered", "acknowledged", "acknowledged", "tomorrow", ""):
        make_incident(many, status=status)
    make_incident(one)
    Service.objects.update(open_triggered=0, open_acknowledged=0, open_other=0)
    import_module("pagerduty_card.migrations.0007_open_counts").count(apps, None)
    assert stored() == {
        many.pk: IncidentCounts(triggered=1, acknowledged=2, other=2),
        one.pk: IncidentCounts(triggered=1),
        none.pk: IncidentCounts(),
    }
