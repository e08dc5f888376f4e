"""What a person does to an incident of the sandbox, and what is then read."""

import pytest

from sandbox.pagerduty.example_organisation import KEYS
from sandbox.pagerduty.server import serve
from tests.sandbox.pagerduty.client import HEADERS, Clock, ask, send

pytestmark = pytest.mark.real_http

PERSON = {**HEADERS, "From": "ana.lima@meridian.example"}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sandbox(clock):
    with serve(now=clock, incident_delay_s=0) as server:
        yield server


@pytest.fixture
def incident_id(sandbox):
    return triggered(sandbox, "alarm")


def triggered(sandbox, dedup_key, service_id="PFRAUDC"):
    send(sandbox, "trigger", key=KEYS[service_id], dedup_key=dedup_key)
    [incident] = ask(sandbox, f"/incidents?incident_key={dedup_key}")[1]["incidents"]
    return incident["id"]


def read(sandbox, id_):
    return ask(sandbox, f"/incidents/{id_}")[1]["incident"]


def change(sandbox, id_, **fields):
    body = {"incident": {"type": "incident_reference", **fields}}
    return ask(sandbox, f"/incidents/{id_}", "PUT", PERSON, body)


def names(incident):
    return [one["assignee"]["summary"] for one in incident["assignments"]]


def kinds(sandbox, id_):
    found = ask(sandbox, f"/incidents/{id_}/log_entries")[1]["log_entries"]
    return [one["type"].removesuffix("_log_entry") for one in found]


def test_an_incident_assigned_to_people_never_escalates(sandbox, incident_id, clock):
    change(sandbox, incident_id, status="acknowledged")
    assignments = [{"assignee": {"id": id_, "type": "user_reference"}} for id_ in ("PKAILAR",)]
    status, body = change(sandbox, incident_id, assignments=assignments)
    assert (status, names(body["incident"])) == (200, ["Kai Larsen"])
    assert body["incident"]["status"] == "triggered"
    assert body["incident"]["assigned_via"] == "direct_assignment"
    clock.pass_(hours=5)
    assert names(read(sandbox, incident_id)) == ["Kai Larsen"]


def test_an_incident_is_escalated_to_a_level(sandbox, incident_id):
    _, body = change(sandbox, incident_id, escalation_level=3)
    assert names(body["incident"]) == ["Lea Moreau"]
    assert change(sandbox, incident_id, escalation_level=4)[0] == 400
    assert kinds(sandbox, incident_id)[0] == "escalate"


def test_a_level_without_anybody_on_call_is_refused(sandbox):
    id_ = triggered(sandbox, "sign-in", "PAUTHSV")
    status, body = change(sandbox, id_, escalation_level=1)
    assert (status, body["error"]["code"]) == (400, 1015)


def test_an_incident_goes_to_another_policy(sandbox, incident_id):
    policy = {"id": "PPOLSTF", "type": "escalation_policy_reference"}
    _, body = change(sandbox, incident_id, escalation_policy=policy)
    assert body["incident"]["escalation_policy"]["summary"] == "Storefront escalation"
    assert names(body["incident"]) == ["Eli Novak"]


def test_title_urgency_and_priority_are_changed(sandbox, incident_id):
    priority = {"id": "PPRIO02", "type": "priority_reference"}
    _, body = change(sandbox, incident_id, title="Worse", urgency="low", priority=priority)
    found = body["incident"]
    assert (found["title"], found["urgency"], found["pending_actions"]) == ("Worse", "low", [])
    assert found["priority"]["summary"] == "P2"
    assert change(sandbox, incident_id, priority="P1")[1]["incident"]["priority"]["summary"] == "P1"
    assert change(sandbox, incident_id, priority=None)[1]["incident"]["priority"] is None
    status, refused = change(sandbox, incident_id, priority={"id": "PNONE"})
    assert (status, refused["error"]["code"]) == (400, 1020)


def test_whoever_resolves_second_is_told_so(sandbox, incident_id):
    assert change(sandbox, incident_id, status="resolved", resolution="Restarted")[0] == 200
    status, body = change(sandbox, incident_id, status="resolved")
    assert (status, body["error"]["code"]) == (400, 1001)
    [entry, *_] = ask(sandbox, f"/incidents/{incident_id}/log_entries")[1]["log_entries"]
    assert (entry["type"], entry["note"]) == ("resolve_log_entry", "Restarted")


def test_acknowledging_a_resolved_incident_opens_it_again(sandbox, incident_id):
    change(sandbox, incident_id, status="resolved")
    _, body = change(sandbox, incident_id, status="acknowledged")
    assert (body["incident"]["status"], body["incident"]["resolved_at"]) == ("acknowledged", None)
    assert names(body["incident"]) == ["Bo Chen"]


def test_a_snoozed_incident_is_triggered_again(sandbox, incident_id, clock):
    path = f"/incidents/{incident_id}/snooze"
    status, body = ask(sandbox, path, "POST", PERSON, {"duration": 3600})
    assert (status, body["incident"]["status"]) == (201, "acknowledged")
    assert body["incident"]["pending_actions"] == [
        {"type": "unacknowledge", "at": "2026-11-23T09:00:00Z"}
    ]
    clock.pass_(hours=1)
    assert read(sandbox, incident_id)["status"] == "triggered"
    assert kinds(sandbox, incident_id) == ["unacknowledge", "snooze", "acknowledge", "trigger"]
    for duration in (0, 604_801, "1 h", None):
        assert ask(sandbox, path, "POST", PERSON, {"duration": duration})[0] == 400


def test_notes_are_kept_the_latest_first(sandbox, incident_id):
    path = f"/incidents/{incident_id}/notes"
    for content in ("Looking", "Found it"):
        status, body = ask(sandbox, path, "POST", PERSON, {"note": {"content": content}})
        assert (status, body["note"]["content"]) == (200, content)
    notes = ask(sandbox, path)[1]["notes"]
    assert [(n["content"], n["user"]["summary"]) for n in notes] == [
        ("Found it", "Ana Lima"),
        ("Looking", "Ana Lima"),
    ]
    assert kinds(sandbox, incident_id)[:2] == ["annotate", "annotate"]
    assert ask(sandbox, path, "POST", PERSON, {"note": {"content": " "}})[0] == 400


def test_merging_moves_the_alerts_and_resolves_the_others(sandbox, incident_id):
    other = triggered(sandbox, "second")
    body = {"source_incidents": [{"id": other, "type": "incident_reference"}]}
    status, merged = ask(sandbox, f"/incidents/{incident_id}/merge", "PUT", PERSON, body)
    assert (status, merged["incident"]["id"]) == (200, incident_id)
    assert read(sandbox, incident_id)["alert_counts"]["all"] == 2
    source = read(sandbox, other)
    assert (source["status"], source["resolve_reason"]["incident"]["id"]) == (
        "resolved",
        incident_id,
    )
    [found] = ask(sandbox, "/incidents?incident_key=second")[1]["incidents"]
    assert found["id"] == incident_id
    path = f"/incidents/{other}/merge"
    body = {"source_incidents": [{"id": incident_id, "type": "incident_reference"}]}
    assert ask(sandbox, path, "PUT", PERSON, body)[1]["error"]["code"] == 1001


def test_an_incident_without_alerts_cannot_be_merged(sandbox, incident_id):
    new = {"type": "incident", "title": "By hand", "service": {"id": "PFRAUDC"}}
    made = ask(sandbox, "/incidents", "POST", PERSON, {"incident": new})[1]["incident"]
    assert made["is_mergeable"] is False
    body = {"source_incidents": [{"id": made["id"], "type": "incident_reference"}]}
    assert ask(sandbox, f"/incidents/{incident_id}/merge", "PUT", PERSON, body)[0] == 400


def test_whoever_assigns_a_new_incident_to_themselves_has_it(sandbox):
    new = {
        "type": "incident",
        "title": "Mine",
        "service": {"id": "PFRAUDC", "type": "service_reference"},
        "priority": "P3",
        "assignments": [{"assignee": {"id": "PANALIM", "type": "user_reference"}}],
    }
    _, body = ask(sandbox, "/incidents", "POST", PERSON, {"incident": new})
    assert (body["incident"]["status"], names(body["incident"])) == ("acknowledged", ["Ana Lima"])
    assert body["incident"]["priority"]["summary"] == "P3"


@pytest.mark.parametrize(
    "fields",
    [
        {"assignments": []},
        {"assignments": [{"assignee": {"id": "PNOBODY"}}]},
        {"assignments": "all"},
        {"escalation_policy": {"id": "PNONE"}},
        {"escalation_policy": {"id": "PPOLSTF"}, "assignments": [{"assignee": {"id": "PANALIM"}}]},
        {"escalation_level": "first"},
        {"urgency": "medium"},
        {"title": " "},
        {"status": "closed"},
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(sandbox, incident_id, fields):
    before = read(sandbox, incident_id)
    assert change(sandbox, incident_id, **fields)[0] == 400
    assert read(sandbox, incident_id) == before
