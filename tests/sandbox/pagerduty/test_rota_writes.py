"""Overrides, maintenance windows and tokens of users in the sandbox."""

import pytest

from sandbox.pagerduty.example_organisation import KEYS
from sandbox.pagerduty.server import serve
from tests.sandbox.pagerduty.client import HEADERS, Clock, ask, incidents_of, send

pytestmark = pytest.mark.real_http

PERSON = {**HEADERS, "From": "ana.lima@meridian.example"}
MINE = {**HEADERS, "Authorization": "Token token=sandbox-token-PKAILAR"}
OVERRIDES = "/schedules/PSCHKP1/overrides"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sandbox(clock):
    with serve(now=clock, incident_delay_s=0) as server:
        yield server


def override(sandbox, start, end, user_id="PKAILAR", path=OVERRIDES):
    """The only outcome of an override between two times of the clock's day."""
    user = {"id": user_id, "type": "user_reference"}
    given = {"start": f"2026-11-23T{start}Z", "end": f"2026-11-23T{end}Z", "user": user}
    status, [outcome] = ask(sandbox, path, "POST", HEADERS, {"overrides": [given]})
    assert status == 201
    return outcome


def on_call(sandbox, policy="PPOLCHK", query="", level=1):
    target = f"/oncalls?limit=100&escalation_policy_ids[]={policy}{query}"
    return [
        (one["user"]["summary"], one["start"][11:16], one["end"][11:16])
        for one in ask(sandbox, target)[1]["oncalls"]
        if one["escalation_level"] == level
    ]


def window(**fields):
    given = {
        "type": "maintenance_window",
        "start_time": "2026-11-23T07:00:00Z",
        "end_time": "2026-11-23T10:00:00Z",
        "description": "Upgrade",
        "services": [{"id": "PFRAUDC", "type": "service_reference"}],
    }
    return {"maintenance_window": given | fields}


# Overrides ------------------------------------------------------------------------------------
def test_an_override_changes_who_is_on_call_and_paged(sandbox, clock):
    assert on_call(sandbox) == [("Bo Chen", "08:00", "16:00")]
    assert override(sandbox, "10:00:00", "12:00:00")["status"] == 201
    assert on_call(sandbox, query="&until=2026-11-23T16:00:00Z") == [
        ("Bo Chen", "08:00", "10:00"),
        ("Kai Larsen", "10:00", "12:00"),
        ("Bo Chen", "12:00", "16:00"),
    ]
    clock.pass_(hours=2)
    assert on_call(sandbox) == [("Kai Larsen", "10:00", "12:00")]
    send(sandbox, "trigger", key=KEYS["PFRAUDC"])
    [incident] = ask(sandbox, "/incidents?incident_key=alarm")[1]["incidents"]
    assert incident["assignments"][0]["assignee"]["summary"] == "Kai Larsen"
    clock.pass_(hours=2)
    assert on_call(sandbox) == [("Bo Chen", "12:00", "16:00")]


def test_a_later_override_goes_before_an_earlier_one(sandbox):
    override(sandbox, "10:00:00", "14:00:00")
    override(sandbox, "11:00:00", "12:00:00", "PLEAMOR")
    assert on_call(sandbox, query="&until=2026-11-23T16:00:00Z") == [
        ("Bo Chen", "08:00", "10:00"),
        ("Kai Larsen", "10:00", "11:00"),
        ("Lea Moreau", "11:00", "12:00"),
        ("Kai Larsen", "12:00", "14:00"),
        ("Bo Chen", "14:00", "16:00"),
    ]
    schedule = ask(sandbox, "/schedules/PSCHKP1?until=2026-11-23T16:00:00Z")[1]["schedule"]
    counts = {
        name: len(schedule[name]["rendered_schedule_entries"])
        for name in ("overrides_subschedule", "final_schedule")
    }
    assert counts == {"overrides_subschedule": 2, "final_schedule": 5}


def test_an_override_covers_an_empty_schedule(sandbox):
    assert on_call(sandbox, "PPOLEMP") == []
    override(sandbox, "08:00:00", "09:00:00", path="/schedules/PSPLAT1/overrides")
    assert on_call(sandbox, "PPOLEMP") == [("Kai Larsen", "08:00", "09:00")]


def test_an_override_is_removed_or_ends_now(sandbox, clock):
    later = override(sandbox, "13:00:00", "14:00:00")["override"]
    now = override(sandbox, "08:00:00", "12:00:00")["override"]
    clock.pass_(hours=1)
    assert ask(sandbox, f"{OVERRIDES}/{later['id']}", "DELETE")[0] == 204
    assert ask(sandbox, f"{OVERRIDES}/{now['id']}", "DELETE")[0] == 200
    assert on_call(sandbox) == [("Bo Chen", "09:00", "16:00")]
    assert ask(sandbox, f"{OVERRIDES}/{now['id']}", "DELETE")[0] == 400
    assert ask(sandbox, f"{OVERRIDES}/{later['id']}", "DELETE")[0] == 404


@pytest.mark.parametrize(
    ("start", "end", "user_id", "words"),
    [
        ("10:00:00", "10:00:00", "PKAILAR", "end after its start"),
        ("06:00:00", "07:00:00", "PKAILAR", "in the future"),
        ("10:00:00", "12:00:00", "PNOBODY", "User"),
        ("tomorrow", "12:00:00", "PKAILAR", "ISO 8601"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(sandbox, start, end, user_id, words):
    outcome = override(sandbox, start, end, user_id)
    assert outcome["status"] == 400
    assert words in outcome["errors"][0]


def test_another_sandbox_knows_nothing_of_an_override(sandbox, clock):
    override(sandbox, "08:00:00", "12:00:00")
    with serve(now=clock) as other:
        assert on_call(other) == [("Bo Chen", "08:00", "16:00")]


# Maintenance ----------------------------------------------------------------------------------
def test_a_window_begins_now_and_ends_when_it_is_deleted(sandbox, clock):
    status, body = ask(sandbox, "/maintenance_windows", "POST", PERSON, window())
    made = body["maintenance_window"]
    assert (status, made["start_time"]) == (201, "2026-11-23T08:00:00Z")
    assert made["created_by"]["summary"] == "Ana Lima"
    send(sandbox, "trigger", key=KEYS["PFRAUDC"])
    assert incidents_of(sandbox, "PFRAUDC", "&statuses[]=triggered") == []

    clock.pass_(minutes=5)
    path = f"/maintenance_windows/{made['id']}"
    assert ask(sandbox, path, "DELETE")[0] == 204
    assert ask(sandbox, path)[1]["maintenance_window"]["end_time"] == "2026-11-23T08:05:00Z"
    assert ask(sandbox, "/services/PFRAUDC")[1]["service"]["status"] == "active"
    assert ask(sandbox, path, "DELETE")[0] == 405
    assert ask(sandbox, path, "PUT", HEADERS, window())[0] == 400


def test_a_window_is_changed_and_one_in_the_future_removed(sandbox):
    later = window(start_time="2026-11-23T09:00:00Z")
    path = "/maintenance_windows"
    id_ = ask(sandbox, path, "POST", PERSON, later)[1]["maintenance_window"]["id"]
    changed = window(start_time="2026-11-23T09:30:00Z", description="Longer")
    _, body = ask(sandbox, f"{path}/{id_}", "PUT", HEADERS, changed)
    assert body["maintenance_window"]["start_time"] == "2026-11-23T09:30:00Z"
    assert body["maintenance_window"]["description"] == "Longer"
    assert ask(sandbox, f"{path}/{id_}", "DELETE")[0] == 204
    assert ask(sandbox, f"{path}/{id_}")[0] == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"end_time": "2026-11-23T07:30:00Z"},
        {"end_time": "soon"},
        {"services": []},
        {"services": [{"id": "PNONE", "type": "service_reference"}]},
    ],
)
def test_a_window_that_makes_no_sense_is_refused(sandbox, fields):
    assert ask(sandbox, "/maintenance_windows", "POST", PERSON, window(**fields))[0] == 400


# Users ----------------------------------------------------------------------------------------
def test_the_token_of_a_user_says_who_acts(sandbox):
    status, body = ask(sandbox, "/users/me", headers=MINE)
    assert (status, body["user"]["name"]) == (200, "Kai Larsen")
    send(sandbox, "trigger", key=KEYS["PFRAUDC"])
    [incident] = ask(sandbox, "/incidents?incident_key=alarm")[1]["incidents"]
    change = {"incident": {"type": "incident_reference", "status": "acknowledged"}}
    _, body = ask(sandbox, f"/incidents/{incident['id']}", "PUT", MINE, change)
    assert body["incident"]["last_status_change_by"]["summary"] == "Kai Larsen"


def test_the_token_of_the_account_is_nobodys(sandbox):
    status, body = ask(sandbox, "/users/me")
    assert (status, body) == (400, {"error": "An account-level access token is nobody's own"})
    wrong = {**HEADERS, "Authorization": "Token token=sandbox-token-PNOBODY"}
    assert ask(sandbox, "/users/me", headers=wrong)[0] == 401
