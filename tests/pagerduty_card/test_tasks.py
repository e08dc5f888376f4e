"""What the worker does for PagerDuty."""

import pytest

from pagerduty_card import tasks as pagerduty_tasks
from pagerduty_card.models import Feed, Incident
from portal.tasks import all_periodic, run_once
from tests.pagerduty_card.factories import announce_account, incident_json, service_json

NAME = "pagerduty_card.tasks.sync_accounts"


def test_the_mirror_is_on_the_schedule_every_30_seconds():
    (periodic,) = [one for one in all_periodic() if one.name == NAME]
    assert periodic.period_s == 30
    assert periodic.run is pagerduty_tasks.sync_accounts


@pytest.mark.django_db
def test_the_worker_mirrors_what_is_due(http, token):
    announce_account(http, services=(service_json(),), incidents=(incident_json(),))
    assert run_once(NAME)
    assert Incident.objects.get().number == 4711
    assert run_once(NAME)
    assert len(http.calls) == 5


@pytest.mark.django_db
def test_without_a_token_nothing_is_asked(http):
    assert run_once(NAME)
    assert len(http.calls) == 0
    assert not Feed.objects.exists()
