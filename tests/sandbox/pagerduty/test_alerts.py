"""Alerts of the sandbox's incidents, and how they are grouped."""

import pytest

from sandbox.pagerduty.example_organisation import KEYS
from sandbox.pagerduty.server import serve
from tests.sandbox.pagerduty.client import HEADERS, Clock, ask, incidents_of, send

pytestmark = pytest.mark.real_http

OPEN = "&statuses[]=triggered&statuses[]=acknowledged"
PERSON = {**HEADERS, "From": "ana.lima@meridian.example"}
KEY = KEYS["PFRAUDC"]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sandbox(clock):
    with serve(now=clock, incident_delay_s=0) as server:
        yield server


def group(sandbox, kind, **config):
    """Turn alert grouping of one service on."""
    parameters = {"type": kind, "config": config}
    body = {"service": {"type": "service", "alert_grouping_parameters": parameters}}
    return ask(sandbox, "/services/PFRAUDC", "PUT", HEADERS, body)


def trigger(sandbox, dedup_key, **payload):
    assert send(sandbox, "trigger", key=KEY, dedup_key=dedup_key, **payload)[0] == 202


def opened(sandbox):
    return incidents_of(sandbox, "PFRAUDC", OPEN)


def test_an_incident_with_alerts_has_no_key_and_is_found(sandbox):
    trigger(sandbox, "disk")
    [incident] = ask(sandbox, "/incidents?incident_key=disk")[1]["incidents"]
    assert incident["incident_key"] is None
    assert incident["alert_counts"] == {"all": 1, "triggered": 1, "resolved": 0}

    [alert] = ask(sandbox, f"/incidents/{incident['id']}/alerts")[1]["alerts"]
    assert (alert["alert_key"], alert["status"]) == ("disk", "triggered")
    assert (alert["summary"], alert["severity"]) == ("It burns", "error")
    one = ask(sandbox, f"/incidents/{incident['id']}/alerts/{alert['id']}")[1]["alert"]
    assert one["integration"]["summary"] == "fraud-check portal"


def test_an_incident_made_by_a_user_keeps_its_key(sandbox):
    new = {"title": "By hand", "service": {"id": "PMOBBFF"}, "incident_key": "mine"}
    made = ask(sandbox, "/incidents", "POST", PERSON, {"incident": new})[1]["incident"]
    assert (made["incident_key"], made["alert_counts"]["all"]) == ("mine", 0)
    assert ask(sandbox, f"/incidents/{made['id']}/alerts")[1]["alerts"] == []
    status, refused = ask(sandbox, "/incidents", "POST", PERSON, {"incident": new})
    assert (status, "already exists" in str(refused)) == (400, True)


def test_every_alert_makes_an_incident_without_grouping(sandbox):
    trigger(sandbox, "one")
    trigger(sandbox, "two")
    assert len(opened(sandbox)) == 2
    [service] = ask(sandbox, "/services?name=fraud-check")[1]["services"]
    assert service["alert_grouping_parameters"]["type"] is None


def test_an_alert_joins_an_acknowledged_incident_by_time(sandbox, clock):
    assert group(sandbox, "time", timeout=10)[0] == 200
    trigger(sandbox, "one")
    send(sandbox, "acknowledge", key=KEY, dedup_key="one")
    clock.pass_(minutes=9)
    trigger(sandbox, "two", summary="Something else")
    [incident] = ask(sandbox, "/incidents?incident_key=two")[1]["incidents"]
    assert (incident["title"], incident["status"]) == ("It burns", "acknowledged")
    assert incident["created_at"] == "2026-11-23T08:00:00Z"
    assert incident["alert_grouping"] == {
        "grouping_type": "basic",
        "started_at": "2026-11-23T08:00:00Z",
        "ended_at": "2026-11-23T08:10:00Z",
        "alert_grouping_active": True,
    }
    clock.pass_(minutes=2)
    trigger(sandbox, "three")
    assert len(opened(sandbox)) == 2


def test_without_a_limit_time_groups_until_the_end(sandbox, clock):
    group(sandbox, "time", timeout=0)
    trigger(sandbox, "one")
    clock.pass_(hours=30)
    trigger(sandbox, "two")
    assert [i["alert_counts"]["all"] for i in opened(sandbox)] == [2]


def test_content_groups_alerts_with_equal_fields(sandbox, clock):
    fields = ["source", "custom_details.host"]
    group(sandbox, "content_based", aggregate="all", fields=fields, time_window=600)
    trigger(sandbox, "one", source="db", custom_details={"host": "a"})
    trigger(sandbox, "two", source="db", custom_details={"host": "b"})
    clock.pass_(minutes=9)
    trigger(sandbox, "three", source="db", custom_details={"host": "a"})
    clock.pass_(minutes=9)
    trigger(sandbox, "four", source="db", custom_details={"host": "a"})
    assert [i["alert_counts"]["all"] for i in opened(sandbox)] == [3, 1]


def test_intelligent_grouping_joins_titles_that_are_alike(sandbox, clock):
    group(sandbox, "intelligent", time_window=300)
    trigger(sandbox, "one", summary="Disk of replica 1 is full")
    trigger(sandbox, "two", summary="Disk of replica 2 is full")
    trigger(sandbox, "three", summary="Payments time out")
    assert [i["alert_counts"]["all"] for i in opened(sandbox)] == [2, 1]
    clock.pass_(minutes=6)
    trigger(sandbox, "four", summary="Disk of replica 3 is full")
    assert len(opened(sandbox)) == 3


def test_an_incident_ends_with_the_last_of_its_alerts(sandbox):
    group(sandbox, "time")
    trigger(sandbox, "one")
    trigger(sandbox, "two")
    send(sandbox, "resolve", key=KEY, dedup_key="one")
    [incident] = opened(sandbox)
    assert incident["alert_counts"] == {"all": 2, "triggered": 1, "resolved": 1}
    path = f"/incidents/{incident['id']}/alerts"
    [left] = ask(sandbox, f"{path}?statuses[]=triggered")[1]["alerts"]
    assert left["alert_key"] == "two"
    send(sandbox, "resolve", key=KEY, dedup_key="two")
    assert opened(sandbox) == []
    newest = ask(sandbox, f"{path}?sort_by=created_at:desc&alert_key=one")[1]["alerts"]
    assert [alert["status"] for alert in newest] == ["resolved"]


def test_resolving_an_incident_resolves_its_alerts(sandbox):
    trigger(sandbox, "one")
    [incident] = opened(sandbox)
    change = {"incident": {"type": "incident_reference", "status": "resolved"}}
    ask(sandbox, f"/incidents/{incident['id']}", "PUT", PERSON, change)
    [alert] = ask(sandbox, f"/incidents/{incident['id']}/alerts")[1]["alerts"]
    assert alert["status"] == "resolved"


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("clever", {}),
        ("time", {"timeout": "long"}),
        ("content_based", {"aggregate": "all"}),
        ("content_based", {"aggregate": "some", "fields": ["source"]}),
    ],
)
def test_grouping_that_makes_no_sense_is_refused(sandbox, kind, config):
    assert group(sandbox, kind, **config)[0] == 400
    assert group(sandbox, None)[0] == 200
