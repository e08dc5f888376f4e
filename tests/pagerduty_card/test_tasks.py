"""What the worker does for PagerDuty."""

import pytest

from pagerduty_card import tasks as pagerduty_tasks
from pagerduty_card.models import Feed, Incident
from portal.tasks import all_periodic, run_once
from tests.factories import make_user
from tests.pagerduty_card.factories import announce_account, incident_json, service_json
from tests.pagerduty_card.mirror import name_services

LANES = {
    "pagerduty_card.tasks.sync_accounts": 30,
    "pagerduty_card.tasks.sync_incidents": 20,
}


@pytest.mark.parametrize(("name", "period_s"), LANES.items())
def test_each_lane_is_on_the_schedule(name, period_s):
    (periodic,) = [one for one in all_periodic() if one.name == name]
    assert periodic.period_s == period_s
    assert periodic.run is getattr(pagerduty_tasks, name.rpartition(".")[2])


@pytest.mark.django_db
def test_the_worker_mirrors_what_is_due(http, token):
    name_services("PCHKOUT")
    announce_account(http, services=(service_json(),), incidents=(incident_json(),))
    for _ in range(2):
        for name in LANES:
            assert run_once(name)
    assert Incident.objects.get().number == 4711
    assert len(http.calls) == 10


@pytest.mark.django_db
def test_the_header_has_its_number_from_the_worker(client, http, token):
    name_services("PCHKOUT")
    announce_account(http, services=(service_json(),), incidents=(incident_json(),))
    for name in LANES:
        run_once(name)
    run_once("pagerduty_card.tasks.sync_incidents")
    client.force_login(make_user())
    html = client.get("/styleguide/").text
    assert html.count("1 open incident<") == 2  # in the navigation, and beside a phone's menu


@pytest.mark.django_db
@pytest.mark.parametrize("name", LANES)
def test_without_a_token_nothing_is_asked(http, name):
    assert run_once(name)
    assert len(http.calls) == 0
    assert not Feed.objects.exists()
