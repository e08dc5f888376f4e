"""Open incidents wait for nothing else that is asked of PagerDuty."""

import datetime as dt
import re
import threading
import time
from io import StringIO

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.cache import caches
from django.core.management import call_command
from django.utils import timezone

from pagerduty_card import tasks
from pagerduty_card.management.commands import sync_pagerduty
from pagerduty_card.models import Feed, Incident
from pagerduty_card.syncing import accounts
from pagerduty_card.syncing.accounts import SECTIONS, Lane
from portal import leases
from portal.leases import HELD_S, lease
from portal.tasks import run_once
from tests.pagerduty_card.factories import (
    API,
    TOKEN,
    announce,
    announce_account,
    incident_json,
    make_account,
    page_of,
    service_json,
)
from tests.pagerduty_card.mirror import (
    make_attempt,
    make_feeds,
    make_mapped_entity,
    make_service,
    name_services,
)

START = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)
INCIDENTS = f"{tasks.__name__}.sync_incidents"
REST = f"{tasks.__name__}.sync_accounts"


def lane_of(kind):
    (section,) = [one for one in SECTIONS if one.kind == kind]
    return section.lane


def test_open_incidents_have_a_lane_to_themselves():
    assert [one.kind for one in SECTIONS if one.lane is Lane.INCIDENTS] == [Feed.Kind.INCIDENTS]
    assert lane_of(Feed.Kind.SERVICES) is Lane.REST


def test_a_section_is_due_in_its_own_lane_only(db):
    everything = set(accounts.due_kinds(make_account(), timezone.now()))
    of_lanes = [set(accounts.due_kinds(make_account(), timezone.now(), [lane])) for lane in Lane]
    assert of_lanes[0] == {Feed.Kind.INCIDENTS}
    assert of_lanes[0] | of_lanes[1] == everything
    assert not of_lanes[0] & of_lanes[1]


def test_the_worker_has_threads_for_both_lanes_beside_everything_that_may_take_long():
    assert django_settings.HUEY.get("immediate")  # of the tests; below, the product's own
    from portal import settings as product

    assert product.HUEY["consumer"]["workers"] >= len(Lane) + 4


@pytest.mark.django_db
class TestTurns:
    @pytest.fixture(autouse=True)
    def _company(self, token):
        make_service()
        name_services("PCHKOUT")

    def test_incidents_are_asked_for_while_the_other_lane_is_still_at_it(self, http):
        attempt = make_attempt(make_mapped_entity())
        found = incident_json(incident_key=attempt.dedup_key)
        announce(http, "/incidents", page_of("incidents", found))
        with lease(accounts.turn_of(make_account(), Lane.REST)) as is_held:
            assert is_held
            assert run_once(INCIDENTS)
        assert Incident.objects.get().number == 4711
        attempt.refresh_from_db()
        assert attempt.incident_number == 4711

    def test_a_turn_of_a_lane_that_is_still_under_way_is_not_joined(self, http):
        with lease(accounts.turn_of(make_account(), Lane.INCIDENTS)):
            assert run_once(INCIDENTS)
        assert len(http.calls) == 0

    def test_what_a_killed_worker_was_at_goes_on_after_a_minute(self, http, monkeypatch):
        announce(http, "/incidents", page_of("incidents", incident_json()))
        shared = caches["shared"]
        killed_at = time.monotonic()
        held = (f"work:{INCIDENTS}", accounts.turn_of(make_account(), Lane.INCIDENTS))
        for holder, name in zip(("one", "two"), held, strict=True):
            shared.add(f"lease:{name}", str(leases._Value.of(holder)), 3600)
        monkeypatch.setattr(leases.time, "monotonic", lambda: killed_at + 30)
        run_once(INCIDENTS)
        assert len(http.calls) == 0
        monkeypatch.setattr(leases.time, "monotonic", lambda: killed_at + HELD_S + 1)
        run_once(INCIDENTS)
        assert Incident.objects.exists()

    def test_open_incidents_are_never_older_than_45_seconds_between_two_turns(self):
        (section,) = [one for one in SECTIONS if one.kind == Feed.Kind.INCIDENTS]
        # However much they cost: the longest interval, one beat late, and a slow answer.
        assert section.interval(10_000) <= dt.timedelta(seconds=30)
        make_feeds(Feed.Kind.INCIDENTS, age_s=20)
        Feed.objects.update(requests=100)
        assert accounts.due_kinds(make_account(), timezone.now(), [Lane.INCIDENTS])


@pytest.mark.django_db(transaction=True)
class TestTheCommand:
    """It gives each account and lane a thread, so these tests commit what they write."""

    def test_one_account_waits_for_no_other_and_no_lane_for_the_other(self, http, settings):
        http.assert_all_requests_are_fired = False
        settings.PAGERDUTY_TOKEN = TOKEN
        settings.PAGERDUTY_ACCOUNTS = "[{name: eu, region: eu, token: token-of-the-eu-4712}]"
        release, all_asked = threading.Event(), threading.Event()
        asked = set()

        def hang(request):
            asked.add((request.url.split("/")[2], "/incidents" in request.url))
            if len(asked) == 4:
                all_asked.set()
            release.wait(30)
            return 500, {}, ""

        for base in (API, "https://api.eu.pagerduty.com"):
            for method in ("GET", "POST"):
                http.add_callback(method, re.compile(f"{base}/.*"), callback=hang)
        command = sync_pagerduty.Command()
        running = threading.Thread(
            target=call_command, args=(command,), kwargs={"stdout": StringIO()}
        )
        running.start()
        try:
            assert all_asked.wait(20)
        finally:
            command.stopping.set()
            release.set()
            running.join(30)
        assert not running.is_alive()


@pytest.mark.django_db
class TestOnce:
    def test_what_the_limit_held_up_is_asked_for_after_it(self, http, token, monkeypatch):
        http.assert_all_requests_are_fired = False
        name_services("PCHKOUT")
        announce_account(http, services=(service_json(),), incidents=(incident_json(),))
        http.remove("GET", f"{API}/incidents")
        http.get(f"{API}/incidents", status=429, headers={"ratelimit-reset": "20"})
        http.get(f"{API}/incidents", json=page_of("incidents", incident_json()))
        waited = []
        with time_machine.travel(START, tick=False) as clock:

            def sleep(seconds):
                waited.append(seconds)
                clock.shift(seconds)

            monkeypatch.setattr(sync_pagerduty.time, "sleep", sleep)
            out = StringIO()
            call_command("sync_pagerduty", "--once", stdout=out, stderr=StringIO())
        assert waited == [20]
        assert "waiting 20 s for PagerDuty's limit" in out.getvalue()
        assert Incident.objects.get().number == 4711
