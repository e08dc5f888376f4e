"""The whole catalog at one instant: no more is claimed than the card would claim."""

import datetime as dt
import pickle
import random

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog import versions
from pagerduty_card.models import Feed, Service
from pagerduty_card.overview.rollups import entity_states
from pagerduty_card.overview.snapshot import Snapshot, open_count
from pagerduty_card.presenters.freshness import Moment, present_answer
from pagerduty_card.presenters.on_call import present_on_call
from pagerduty_card.states import IncidentCounts, State
from tests.factories import make_entity
from tests.pagerduty_card.mirror import (
    KEY,
    link_service,
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_on_call,
    make_policy,
    make_responder,
    make_service,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _account(token):
    pass


def overview():
    return Snapshot(timezone.now()).overview


def summary_of(entity):
    return overview().entities[entity.pk]


def state_of(entity):
    return summary_of(entity).state.main


def in_states():
    return {slug: set(keys) for slug, keys in entity_states().keys.items()}


def test_a_service_with_nothing_open_is_ok_because_pagerduty_said_so():
    service = make_service()
    make_feeds()
    entity = make_mapped_entity()
    found = overview()

    assert found.entities[entity.pk].state.main is State.OK
    assert found.services[entity.pk] == (service.pk,)
    assert (found.open_count, found.issues) == (0, ())
    assert in_states()["ok"] == {entity.pk}


def test_an_entity_that_names_no_service_is_not_in_it():
    make_feeds()
    entity = make_entity("library", annotations={"pagerduty.com/account": "default"})

    assert entity.pk not in overview().entities


def test_the_worst_of_several_services_is_the_entity_s():
    make_service("PEU", name="eu", key="")
    us = make_service("PUS", name="us", key="")
    make_feeds()
    make_incident(us)
    make_incident(us, status="acknowledged")
    entity = make_mapped_entity(service_id=" PEU, ,PUS,PEU")
    summary = summary_of(entity)

    assert summary.state.main is State.ALARM
    assert summary.state.counts == IncidentCounts(triggered=1, acknowledged=1)
    assert summary.open_count == 2
    assert len(overview().services[entity.pk]) == 2


def test_an_incident_of_a_service_that_two_entities_name_counts_once():
    service = make_service()
    make_feeds()
    make_incident(service)
    first, second = make_mapped_entity("first"), make_mapped_entity("second")
    found = overview()

    assert found.open_count == 1
    assert [found.entities[one.pk].open_count for one in (first, second)] == [1, 1]
    assert found.entities_by_service() == {service.pk: [first.pk, second.pk]}


def test_an_incident_of_a_service_that_no_entity_names_does_not_count():
    make_incident(make_service("POTHER", key=""))
    make_service(key="")
    make_feeds()
    make_mapped_entity()

    assert overview().open_count == 0


def test_a_service_is_found_by_key_by_link_and_in_its_account_alone():
    service = make_service()
    make_service("PCHKOUT", account="other", key="")
    make_feeds()
    by_key = make_mapped_entity("by-key", integration_key=KEY)
    linked = make_entity("linked")
    link_service(linked, "PCHKOUT", label="eu")
    versions.bump()
    found = overview().services

    assert found[by_key.pk] == found[linked.pk] == (service.pk,)


def test_a_list_of_ids_longer_than_the_annotation_s_row_is_read_whole():
    make_service("PLAST", key="")
    make_feeds()
    ids = ",".join([f"PSERVICE{number:04}" for number in range(60)] + ["PLAST"])
    entity = make_mapped_entity(service_id=ids)
    assert len(overview().services[entity.pk]) == 1


@pytest.mark.parametrize(
    "annotations", [{"service_id": "PNOSUCH"}, {"integration_key": "0" * 32}], ids=["id", "key"]
)
def test_what_pagerduty_does_not_have_is_unknown_and_an_issue(annotations):
    make_feeds()
    entity = make_mapped_entity(**annotations)
    found = overview()

    assert found.entities[entity.pk].state.main is State.UNKNOWN
    assert found.issues
    assert [issue.entities for issue in found.issues] == [(entity.pk,)]
    assert found.issues[0].problem


def test_one_missing_service_beside_one_that_is_fine_is_not_fine():
    make_service("PTHERE", key="")
    make_feeds()
    entity = make_mapped_entity(service_id="PTHERE,PGONE")
    assert state_of(entity) is State.UNKNOWN


def test_a_policy_that_changed_since_the_answer_has_nobody_s_absence_claimed():
    make_on_call(make_policy())
    make_service("POLD", key="")
    changed = make_policy(mirrored_at=timezone.now())
    make_service("PNEW", key="", policy=changed)
    make_feeds()
    known = make_mapped_entity("known", service_id="POLD")
    unknown = make_mapped_entity("unknown", service_id="PNEW")
    assert summary_of(known).is_nobody_on_call
    assert not summary_of(unknown).is_nobody_on_call


def test_an_account_nobody_configured_is_an_issue_of_its_own():
    make_service()
    make_feeds()
    entity = make_mapped_entity(service_id="PCHKOUT", account="payments")

    assert state_of(entity) is State.UNKNOWN
    assert overview().issues[0].problem == "unknown_account"


def test_one_missing_service_leaves_the_alarm_of_the_other_the_worst():
    make_incident(make_service())
    make_feeds()
    assert state_of(make_mapped_entity(service_id="PCHKOUT,PNOSUCH")) is State.ALARM


def test_before_the_first_answer_everything_is_unknown_and_no_count_is_known():
    make_service()
    entity = make_mapped_entity()
    found = overview()

    assert found.entities[entity.pk].state.main is State.UNKNOWN
    assert found.issues
    assert found.as_of is None


def test_an_answer_from_before_the_service_was_mirrored_says_nothing_of_it():
    make_service(mirrored_at=timezone.now())
    make_service("POLD", key="")
    make_feeds(age_s=20)
    new, old = make_mapped_entity("new"), make_mapped_entity("old", service_id="POLD")

    assert state_of(new) is State.UNKNOWN
    assert state_of(old) is State.OK


def test_a_service_s_own_answer_counts_where_the_account_s_does_not():
    make_service(mirrored_at=timezone.now() - dt.timedelta(seconds=10))
    make_feeds(age_s=20)
    make_feeds(age_s=5, service_pd_id="PCHKOUT")
    assert state_of(make_mapped_entity()) is State.OK


def test_what_pagerduty_did_not_answer_since_is_old_and_not_counted_as_known():
    make_service()
    make_feeds()
    make_feeds("incidents", age_s=90, failed_s=10, reason="unreachable")
    entity = make_mapped_entity()
    found = overview()

    assert found.entities[entity.pk].state.is_old
    assert found.issues
    assert found.issues[0].freshness.reason == "unreachable"
    assert len(found.issues[0].services) == 1


def test_time_alone_makes_it_old():
    with time_machine.travel("2026-11-01 09:00:00+00:00", tick=False) as clock:
        make_service()
        make_feeds()
        entity = make_mapped_entity()
        assert not summary_of(entity).state.is_old
        clock.shift(600)
        assert summary_of(entity).state.is_old
        assert overview().issues


def test_nobody_on_call_is_what_pagerduty_said_of_every_level():
    make_service(key="")
    held = make_service("PHELD", key="")
    make_on_call(held.policy, level=2)
    make_feeds()
    nobody = make_mapped_entity()
    somebody = make_mapped_entity("held", service_id="PHELD")
    found = overview()

    assert in_states()["nobody"] == {nobody.pk}
    assert not found.entities[somebody.pk].is_nobody_on_call


def test_nobody_is_not_claimed_where_it_is_not_known():
    make_service(key="")
    make_feeds("services", "incidents")
    entity = make_mapped_entity()
    assert not summary_of(entity).is_nobody_on_call

    make_feeds("on_call", age_s=3600)
    assert not summary_of(entity).is_nobody_on_call


def test_nobody_is_not_claimed_after_a_shift_that_ended_since_the_answer():
    service = make_service()
    make_feeds(age_s=60)
    make_on_call(service.policy, from_h=-4, to_h=-0.005)
    assert not summary_of(make_mapped_entity()).is_nobody_on_call


def test_nobody_is_said_exactly_where_the_card_says_it():
    bounds = [None, -4, -1, 0, 1, 4]
    randomly = random.Random(4711)
    with time_machine.travel("2026-11-01 09:00:00+00:00", tick=False):
        who = make_responder()
        for number in range(80):
            service = make_service(f"P{number}", key="")
            for _ in range(randomly.choice([0, 1, 1, 2, 3])):
                make_on_call(
                    service.policy,
                    who,
                    level=randomly.choice([1, 2, 3]),
                    from_h=randomly.choice(bounds),
                    to_h=randomly.choice(bounds),
                )
            make_mapped_entity(f"entity-{number}", service_id=service.pd_id)
        make_feeds()
        found, now = overview(), timezone.now()
        services = Service.objects.select_related("policy")
        fresh = Feed.objects.freshness(services)
        on_card = {
            service.pk
            for service in services
            if present_on_call(
                service.policy,
                list(service.policy.on_calls.select_related("responder")),
                present_answer("on_call", fresh[service.pk]["on_call"], Moment(now=now)),
                subject="",
                moment=Moment(now=now),
            ).is_nobody
        }
    assert found.nobody_on_call == on_card
    assert 10 < len(on_card) < 70


def test_a_service_without_a_policy_has_nobody_s_absence_claimed():
    service = make_service()
    service.policy = None
    service.save()
    make_feeds()
    assert not summary_of(make_mapped_entity()).is_nobody_on_call


def test_incidents_of_a_service_that_was_never_answered_for_do_not_count():
    make_incident(make_service(mirrored_at=timezone.now()))
    make_feeds()
    entity = make_mapped_entity()
    found = overview()

    assert (found.open_count, found.entities[entity.pk].open_count) == (0, 0)
    assert found.issues


def test_the_whole_is_as_old_as_its_oldest_answer():
    make_service()
    make_service("PEU", account="eu", key="")
    make_feeds(age_s=200, account="eu")
    make_feeds(age_s=20)
    make_mapped_entity()
    make_mapped_entity("far-away", service_id="PEU", account="eu")
    now = timezone.now()

    assert 199 < (now - overview().as_of).total_seconds() < 260


def test_an_issue_is_as_old_as_the_oldest_answer_it_rests_on():
    make_service("PA", key="")
    make_service("PB", key="")
    make_feeds(age_s=1000)
    make_feeds("incidents", service_pd_id="PA", age_s=400)
    make_mapped_entity(service_id="PA,PB")
    now = timezone.now()
    (issue,) = overview().issues
    assert (now - issue.freshness.succeeded_at).total_seconds() > 999


def test_maintenance_and_an_alarm_are_both_found():
    service = make_service(
        status="maintenance", maintenance_until=timezone.now() + dt.timedelta(hours=1)
    )
    make_feeds()
    make_incident(service)
    entity = make_mapped_entity()

    assert in_states()["alarm"] == in_states()["maintenance"] == {entity.pk}


def test_an_answer_is_seen_at_once():
    with time_machine.travel("2026-11-01 09:00:00+00:00", tick=False):
        service = make_service()
        make_feeds()
        make_mapped_entity()
        assert overview().open_count == 0
        make_incident(service)
        make_feeds("incidents", age_s=0)
        assert overview().open_count == 1


def test_a_write_of_the_catalog_is_seen_at_once():
    make_service()
    make_feeds()
    overview()
    entity = make_mapped_entity()
    assert state_of(entity) is State.OK


def test_readers_within_seconds_cost_one_query(django_assert_num_queries):
    make_incident(make_service())
    make_feeds()
    make_mapped_entity()
    with time_machine.travel("2026-11-01 09:00:00+00:00", tick=False):
        first = overview()
        with django_assert_num_queries(1):
            second = overview()
        assert second == first


def test_a_service_deleted_while_the_rows_are_read_leaves_its_entity_unknown():
    """The mappings are read before the services, and another process writes in between."""
    service = make_service()
    make_feeds()
    entity = make_mapped_entity()

    left = [service]

    def delete_before_services(execute, sql, params, many, context):
        if left and 'FROM "pagerduty_card_service"' in sql:
            left.pop().delete()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(delete_before_services):
        assert state_of(entity) is State.UNKNOWN


def fill(count):
    policies = [make_policy(f"policy {number}") for number in range(count)]
    for number, policy in enumerate(policies):
        service = make_service(f"PS{number}", key=f"{number:032}", policy=policy)
        make_mapped_entity(f"entity-{number}", service_id=f"PS{number}")
        make_mapped_entity(f"keyed-{number}", integration_key=f"{number:032}")
        if number % 5 == 0:
            make_incident(service)
            make_on_call(policy, to_h=-2)
        elif number % 5 == 1:
            make_on_call(policy)
    make_feeds()


def queries_of_a_drawing():
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        overview()
    return len(queries)


def test_ten_services_or_a_hundred_are_drawn_in_the_same_few_queries():
    fill(10)
    few = queries_of_a_drawing()
    for number in range(10, 100):
        make_service(f"PS{number}", key=f"{number:032}")
        make_mapped_entity(f"entity-{number}", service_id=f"PS{number}")
    make_feeds()
    assert queries_of_a_drawing() == few <= 5


def test_the_count_of_the_header_comes_from_the_cache_and_is_none_when_it_is_old():
    with time_machine.travel("2026-11-01 09:00:00+00:00", tick=False) as clock:
        make_incident(make_service())
        make_feeds()
        make_mapped_entity()
        assert open_count(timezone.now()) is None
        overview()
        counted = open_count(timezone.now())
        assert (counted.count, counted.is_known) == (1, True)
        clock.shift(120)
        assert open_count(timezone.now()) is None


def test_no_integration_key_is_kept_in_the_cache(monkeypatch):
    kept = []
    monkeypatch.setattr(
        type(cache._connections["default"]),
        "set",
        lambda self, key, value, *args, **kwargs: kept.append(pickle.dumps((key, value))),
    )
    make_service()
    make_feeds()
    make_mapped_entity(integration_key=KEY)
    overview()

    assert kept
    assert not any(KEY.encode() in one for one in kept)
