"""PagerDuty's states in the catalog's lists: column, filter, order, export."""

import csv
import datetime as dt
import io

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.columns import entity_columns
from catalog.models import Entity
from catalog.versions import bump
from pagerduty_card.mapping.remapping import remap_all
from pagerduty_card.models import Feed, OnCall, Service, ServiceLink
from pagerduty_card.overview import rollups
from tests.catalog.pages import select, texts
from tests.factories import descriptor_of, make_entity, make_user
from tests.pagerduty_card.mirror import (
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_on_call,
    make_policy,
    make_service,
)

INDEX = "/catalog/"
NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client):
    client.force_login(make_user("ana"))
    return client


def names(page):
    return texts(page, "th .index-table__link")


def counts(page):
    boxes = [" ".join(one.get_text().split()) for one in select(page, "#facet-state li")]
    return dict(box.rsplit(" ", 1) for box in boxes)


def add(name, *, on_call=True, incident="", **fields):
    """An entity on a service of its own; with somebody on call, with an incident or without."""
    service = make_service(f"P{name.upper()}", key="", **fields)
    if on_call:
        make_on_call(service.policy)
    if incident:
        make_incident(service, status=incident)
    return make_mapped_entity(name, service_id=service.pd_id)


def add_one_of_each():
    add("alarm", incident="triggered")
    add("warning", incident="acknowledged")
    add("windowed", status="maintenance")
    add("off", status="disabled")
    add("fine")
    add("alone", on_call=False)
    make_mapped_entity("lost", service_id="PGONE")
    make_entity("plain")
    make_feeds()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("state=alarm", ["alarm"]),
        ("state=warning", ["warning"]),
        ("state=maintenance", ["windowed"]),
        ("state=disabled", ["off"]),
        ("state=ok", ["alone", "fine"]),
        ("state=unknown", ["lost"]),
        ("state=nobody", ["alone"]),
        ("state=alarm&state=unknown", ["alarm", "lost"]),
        ("state=ok&q=fin", ["fine"]),
    ],
)
def test_the_index_lists_the_entities_in_a_state(reader, asked, found):
    add_one_of_each()
    assert names(reader.get(f"{INDEX}?{asked}")) == found


def test_each_state_is_counted_under_pagerdutys_name_worst_first(reader):
    add_one_of_each()
    page = reader.get(INDEX)
    assert texts(page, "#facet-state summary") == ["PagerDuty"]
    assert list(counts(page).items()) == [
        ("Alarm", "1"),
        ("Nobody on call", "1"),
        ("Unknown", "1"),
        ("Warning", "1"),
        ("Maintenance", "1"),
        ("Disabled", "1"),
        ("OK", "2"),
    ]


def test_the_list_is_in_the_order_of_the_states(reader):
    add_one_of_each()
    assert names(reader.get(f"{INDEX}?sort=state")) == [
        *("alarm", "alone", "lost", "warning", "windowed", "off", "fine", "plain"),
    ]


def test_the_column_says_that_nobody_is_on_call(reader):
    add("alone", on_call=False)
    add("fine")
    make_feeds()
    cells = texts(reader.get(INDEX), "td.index-table__state")
    assert cells == ["OK Nobody on call", "OK"]


def test_nobody_is_not_said_where_pagerduty_did_not_say_it(reader):
    add("alone", on_call=False)
    make_feeds(*(kind for kind in Feed.Kind.values if kind != Feed.Kind.ON_CALL))
    page = reader.get(INDEX)
    assert "Nobody on call" not in page.text
    assert names(reader.get(f"{INDEX}?state=nobody")) == []


def test_a_proxy_that_gives_every_request_one_id_keeps_nobody_from_what_is_new(reader):
    add("shop")
    make_feeds()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        same = {"headers": {"X-Request-ID": "always-the-same"}}
        assert "shop" in names(reader.get(f"{INDEX}?state=ok", **same))
        clock.shift(4 * 60)
        make_incident(Service.objects.get())
        make_feeds()
        assert "shop" in names(reader.get(f"{INDEX}?state=alarm", **same))


def test_a_state_that_changes_shows_without_a_write_to_the_catalog(reader):
    entity = add("shop")
    make_feeds()
    assert names(reader.get(f"{INDEX}?state=ok")) == ["shop"]
    make_incident(Service.objects.get())
    make_feeds(age_s=1)
    assert names(reader.get(f"{INDEX}?state=ok")) == []
    assert names(reader.get(f"{INDEX}?state=alarm")) == [entity.name]


def test_an_answer_that_changes_no_state_leaves_what_was_counted(reader):
    add("shop")
    make_feeds(age_s=20)
    before = rollups.entity_states().digest
    make_feeds(age_s=1)
    assert rollups.entity_states().digest == before
    OnCall.objects.all().delete()
    make_feeds(age_s=0)
    assert rollups.entity_states().digest != before


def test_what_nobody_asked_for_is_unknown_and_never_fine(reader):
    add("shop")
    assert counts(reader.get(INDEX)) == {"Unknown": "1"}
    assert names(reader.get(f"{INDEX}?state=ok")) == []


def test_the_export_honours_the_state(reader):
    add_one_of_each()
    answer = reader.get(f"{INDEX}export/?state=alarm&state=nobody&format=csv")
    rows = csv.DictReader(io.StringIO(answer.getvalue().decode()))
    assert [row["name"] for row in rows] == ["alarm", "alone"]


def test_states_that_cannot_be_loaded_are_reported_and_list_nothing(reader, monkeypatch):
    add("shop")
    make_feeds()
    monkeypatch.setattr(rollups, "Snapshot", lambda now: 1 / 0)
    page = reader.get(f"{INDEX}?state=ok")
    assert (page.status_code, names(page)) == (200, [])
    assert "PagerDuty could not say how these entities are" in page.text
    assert reader.get(f"{INDEX}export/?state=ok&format=csv").status_code == 503


@time_machine.travel(NOON, tick=False)  # states are loaded anew every few seconds
def test_one_service_or_a_thousand_cost_the_index_the_same_queries(reader):
    policy = make_policy()
    make_on_call(policy)

    def more(numbers):
        services = Service.objects.bulk_create(
            Service(
                account="default",
                pd_id=f"P{number}",
                name=f"s-{number}",
                status="active",
                policy=policy,
                mirrored_at=policy.mirrored_at,
            )
            for number in numbers
        )
        entities = Entity.objects.bulk_create(
            Entity(
                ref=f"component:default/{service.name}",
                digest=service.name,
                changed_at=timezone.now(),
                **entity_columns(descriptor_of(name=service.name)),
            )
            for service in services
        )
        ServiceLink.objects.bulk_create(
            ServiceLink(entity=entity, service_pd_id=service.pd_id)
            for entity, service in zip(entities, services, strict=True)
        )
        remap_all()
        make_incident(services[0])
        bump()
        make_feeds(age_s=1)

    def cost(asked):
        with CaptureQueriesContext(connection) as queries:
            page = reader.get(f"{INDEX}?{asked}")
        assert page.status_code == 200
        assert names(page)
        return len(queries)

    def costs():
        return [cost("limit=10"), cost("state=ok&state=alarm&sort=state&limit=10"), cost("limit=9")]

    more(range(10))
    few = costs()
    more(range(10, 1000))
    assert costs() == few
    assert few == [21, 16, 11]
