"""The past over real sockets: read from the sandbox, mirrored, and shown."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from pagerduty_card.accounts import get_account
from pagerduty_card.models import Feed, Insight, PastIncident, Service
from pagerduty_card.syncing import accounts as syncing
from pagerduty_card.syncing.past import HISTORY_KEPT_FOR
from pagerduty_card.wire.client import PagerDutyClient
from sandbox.pagerduty.example_account import example_account
from sandbox.pagerduty.generated_account import generated_account
from tests.factories import make_user
from tests.pagerduty_card.mirror import make_mapped_entity
from tests.pages import soup_of

pytestmark = [pytest.mark.django_db, pytest.mark.real_http]
NOW = dt.datetime(2026, 11, 18, 12, tzinfo=dt.UTC)


@pytest.fixture
def entity():
    return make_mapped_entity()


def mirror():
    with PagerDutyClient(get_account(), background=True) as client:
        return syncing.sync_account(get_account(), client)


def page(client, entity):
    client.force_login(make_user("reader"))
    response = client.get(reverse("pagerduty_card:history", kwargs=entity.url_kwargs) + "?days=90")
    return soup_of(response)


def test_ninety_days_of_a_service_are_there_after_one_turn(sandbox, entity, client):
    report = mirror()
    assert not report.failed
    service = Service.objects.get(pd_id="PCHKOUT")
    assert service.history_since <= timezone.now() - HISTORY_KEPT_FOR + dt.timedelta(minutes=1)
    ended = [
        incident
        for incident in sandbox.state.account.incidents
        if incident.service.id == "PCHKOUT" and not incident.is_open
    ]
    rows = PastIncident.objects.filter(resolved_at__isnull=False)
    assert rows.count() == len(ended) > 20
    taken = [one for one in ended if any(entry.kind == "acknowledge" for entry in one.log_entries)]
    assert rows.filter(acknowledged_at__isnull=False).count() == len(taken)
    assert len(taken) < len(ended)
    shown = page(client, entity)
    assert len(shown.select(".strip__day")) == 90
    assert not shown.select(".strip__day--unknown")
    assert f"median of {len(ended)}" in shown.select_one(".figures").get_text(" ")
    assert shown.select_one("#insights")


@pytest.mark.parametrize(("status", "reason"), [(402, "ability"), (403, "permission")])
def test_an_account_without_the_plan_or_permission_misses_nothing_else(
    sandbox, entity, client, status, reason
):
    sandbox.state.faults.add("/analytics", status)
    sandbox.state.faults.add("/standards", status)
    report = mirror()
    assert {kind: exc.reason for kind, exc in report.failed.items()} == {
        Feed.Kind.ANALYTICS: reason,
        Feed.Kind.STANDARDS: reason,
    }
    assert Feed.objects.get(kind=Feed.Kind.STANDARDS, service_pd_id="").reason == reason
    assert not Insight.objects.exists()
    shown = page(client, entity)
    assert shown.select_one("#insights") is None
    assert len(shown.select(".strip__day")) == 90


def test_a_past_that_cannot_be_read_is_not_a_quiet_one(sandbox, entity, client):
    sandbox.state.faults.add("/incidents.*resolved", 500)
    assert "history" in mirror().failed
    shown = page(client, entity)
    assert not shown.select(".strip__day")
    assert "Not known" in shown.select_one("#strip").get_text()


def test_the_past_of_a_made_up_company_is_the_same_each_time():
    def past(account):
        return [
            (one.service.id, one.title, one.created_at, one.resolved_at)
            for one in account.incidents
            if not one.is_open
        ]

    for make in (example_account, lambda now: generated_account(services=40, now=now)):
        once = past(make(NOW))
        assert once == past(make(NOW))
        assert len(once) >= 80
        oldest = min(created_at for _, _, created_at, _ in once)
        assert NOW - dt.timedelta(days=92) < oldest < NOW - dt.timedelta(days=80)
