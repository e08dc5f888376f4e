"""Whether the sandbox answers what PagerDuty's published OpenAPI says."""

import copy
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.pagerduty.example_organisation import KEYS
from sandbox.pagerduty.reads import ROUTES
from sandbox.pagerduty.server import serve
from tests.pagerduty_card.openapi import (
    ContractViolation,
    needs_openapi,
    validate_answer,
    validate_request,
)
from tests.sandbox.pagerduty.client import HEADERS, ask, send

pytestmark = [pytest.mark.contract, pytest.mark.real_http, needs_openapi]

PERSON = {**HEADERS, "From": "ana.lima@meridian.example"}
MINE = {**HEADERS, "Authorization": "Token token=sandbox-token-PANALIM"}


@pytest.fixture(scope="module")
def sandbox():
    with serve(incident_delay_s=0) as server:
        yield server


INCIDENT_INCLUDES = [
    "acknowledgers",
    "agents",
    "assignees",
    "conference_bridge",
    "escalation_policies",
    "first_trigger_log_entries",
    "priorities",
    "services",
    "teams",
    "users",
]
SERVICE_INCLUDES = [
    "escalation_policies",
    "teams",
    "integrations",
    "auto_pause_notifications_parameters",
]


def with_each(path, includes):
    """The path plain, with each include, and with all of them."""
    sign = "&" if "?" in path else "?"
    yield path
    for include in includes:
        yield f"{path}{sign}include[]={include}"
    yield path + sign + "&".join(f"include[]={include}" for include in includes)


TARGETS = [
    *with_each("/services?limit=100", SERVICE_INCLUDES),
    *with_each("/services/PSEARCH", SERVICE_INCLUDES),
    "/services?query=sync&total=true&sort_by=name:desc&limit=1",
    "/services/PCHKOUT/change_events?limit=3",
    *with_each("/services/PCHKOUT/integrations/PICHKOU", ["services", "vendors"]),
    *with_each("/incidents?date_range=all&limit=100", INCIDENT_INCLUDES),
    *with_each("/incidents/Q0000000004600", INCIDENT_INCLUDES),
    "/incidents?statuses[]=resolved",
    *with_each("/incidents/Q0000000004600/alerts", ["services", "incidents"]),
    "/incidents/Q0000000004600/alerts/QA000000000001",
    *with_each("/incidents/Q0000000004600/log_entries", ["incidents", "services", "teams"]),
    "/incidents/Q0000000004600/notes",
    "/incidents?incident_key=nothing",
    *with_each("/oncalls?limit=100", ["escalation_policies", "users", "schedules"]),
    "/oncalls?escalation_policy_ids[]=PPOLEMP&earliest=true",
    *with_each("/escalation_policies", ["services", "teams", "targets"]),
    *with_each("/escalation_policies/PPOLEMP", ["services", "teams", "targets"]),
    *with_each("/schedules", ["schedule_layers", "overrides_subschedule", "final_schedule"]),
    "/schedules/PSPLAT1",
    "/schedules/PSCHKP1/overrides?since=2026-01-01T00:00:00Z&until=2036-01-01T00:00:00Z",
    "/schedules/PSCHKP1",
    *with_each("/users", ["contact_methods", "notification_rules", "teams"]),
    *with_each("/users/me", ["contact_methods", "notification_rules", "teams"]),
    *with_each("/users/PANALIM", ["contact_methods", "notification_rules", "teams"]),
    "/change_events?limit=100",
    *with_each("/maintenance_windows", ["teams", "services", "users"]),
    "/maintenance_windows/PMW0001",
    "/maintenance_windows?filter=ongoing&service_ids[]=PSEARCH",
    "/log_entries?limit=100",
    "/log_entries?is_overview=true&since=2026-01-01T00:00:00Z&until=2036-01-01T00:00:00Z",
    "/standards/scores/technical_services?ids=PCHKOUT&ids=PPRICIN",
    "/priorities",
    "/abilities",
    "/abilities/teams",
    "/teams",
    "/teams/PTCHECK",
]


@pytest.mark.parametrize("target", TARGETS)
def test_every_read_answers_what_is_published(sandbox, target):
    parts = urlsplit(target)
    includes = parse_qs(parts.query).get("include[]", [])
    headers = MINE if parts.path == "/users/me" else HEADERS
    validate_request("GET", sandbox.url + target, headers)

    status, body = ask(sandbox, target, headers=headers)

    assert status in {200, 204}
    validate_answer("GET", parts.path, status, body, includes)


def test_no_read_route_is_left_out():
    asked = {urlsplit(target).path for target in TARGETS}
    assert [p.pattern for p, _ in ROUTES if not any(p.fullmatch(path) for path in asked)] == []


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/services/PWRONG1", 404),
        ("/incidents?limit=1000", 400),
        ("/incidents?statuses[]=open", 400),
        ("/services?include[]=everything", 400),
        ("/change_events?since=2026-11-01T00:00:00", 400),
        ("/abilities/time_travel", 402),
        ("/oncalls?until=2001-01-01T00:00:00Z", 400),
    ],
)
def test_every_refusal_is_worded_as_published(sandbox, target, status):
    answered, body = ask(sandbox, target)
    assert answered == status
    validate_answer("GET", urlsplit(target).path, status, body)
    assert body["error"]["code"]


def test_a_wrong_token_is_refused_as_published(sandbox):
    status, body = ask(sandbox, "/services", headers={**HEADERS, "Authorization": "Token token=x"})
    assert (status, body["error"]["code"]) == (401, 2006)
    validate_answer("GET", "/services", status, body)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 429])
def test_a_fault_with_a_status_is_worded_as_published(sandbox, status):
    sandbox.state.faults.add("/incidents", status, times=1)
    answered, body = ask(sandbox, "/incidents")
    assert answered == status
    validate_answer("GET", "/incidents", status, body)


def test_events_answer_what_is_published(sandbox):
    trigger = {
        "routing_key": KEYS["PFRAUDC"],
        "event_action": "trigger",
        "dedup_key": "contract",
        "payload": {"summary": "Broken", "source": "test", "severity": "error"},
        "client": "Switchboard",
        "client_url": "http://127.0.0.1:8000/",
        "links": [{"href": "https://wiki.meridian.example/", "text": "Runbook"}],
    }
    resolve = {**{k: trigger[k] for k in ("routing_key", "dedup_key")}, "event_action": "resolve"}
    change = {"routing_key": KEYS["PFRAUDC"], "payload": {"summary": "Deploy 1"}}
    for path, event, status in (
        ("/v2/enqueue", trigger, 202),
        ("/v2/enqueue", resolve, 202),
        ("/v2/change/enqueue", change, 202),
        ("/v2/enqueue", {**trigger, "routing_key": "0" * 32}, 400),
    ):
        validate_request("POST", sandbox.url + path, HEADERS, event)
        answered, body = ask(sandbox, path, "POST", HEADERS, event)
        assert answered == status
        validate_answer("POST", path, status, body)


def test_writes_answer_what_is_published(sandbox):
    body = {
        "incident": {
            "type": "incident",
            "title": "Made by hand",
            "service": {"id": "PMOBBFF", "type": "service_reference"},
        }
    }
    validate_request("POST", f"{sandbox.url}/incidents", PERSON, body)
    status, made = ask(sandbox, "/incidents", "POST", PERSON, body)
    validate_answer("POST", "/incidents", status, made)
    assert status == 201

    id_ = made["incident"]["id"]
    change = {"incident": {"type": "incident_reference", "status": "acknowledged"}}
    status, taken = ask(sandbox, f"/incidents/{id_}", "PUT", PERSON, change)
    validate_answer("PUT", f"/incidents/{id_}", status, taken)
    assert taken["incident"]["acknowledgements"][0]["acknowledger"]["summary"] == "Ana Lima"

    change = {"incidents": [{"id": id_, "type": "incident_reference", "status": "resolved"}]}
    status, closed = ask(sandbox, "/incidents", "PUT", PERSON, change)
    validate_answer("PUT", "/incidents", status, closed)
    assert closed["incidents"][0]["status"] == "resolved"


def test_what_a_person_does_answers_what_is_published(sandbox):
    ids = []
    for dedup_key in ("first", "second"):
        send(sandbox, "trigger", key=KEYS["PMOBBFF"], dedup_key=dedup_key)
        [found] = ask(sandbox, f"/incidents?incident_key={dedup_key}")[1]["incidents"]
        ids.append(found["id"])
    path = f"/incidents/{ids[0]}"
    ana = {"assignee": {"id": "PANALIM", "type": "user_reference"}}
    policy = {"id": "PPOLCHK", "type": "escalation_policy_reference"}
    source = {"id": ids[1], "type": "incident_reference"}
    for method, target, body in (
        ("POST", f"{path}/snooze", {"duration": 60}),
        ("POST", f"{path}/notes", {"note": {"content": "Looking"}}),
        ("PUT", path, {"incident": {"type": "incident_reference", "assignments": [ana]}}),
        ("PUT", path, {"incident": {"type": "incident_reference", "escalation_policy": policy}}),
        ("PUT", path, {"incident": {"type": "incident_reference", "escalation_level": 2}}),
        ("PUT", path, {"incident": {"type": "incident_reference", "urgency": "low"}}),
        ("PUT", f"{path}/merge", {"source_incidents": [source]}),
    ):
        validate_request(method, sandbox.url + target, PERSON, body)
        status, answered = ask(sandbox, target, method, PERSON, body)
        assert status in {200, 201}
        validate_answer(method, target, status, answered)
    for target in (path, f"{path}/notes", f"{path}/log_entries", f"/incidents/{ids[1]}"):
        status, answered = ask(sandbox, target)
        validate_answer("GET", target, status, answered)
    made = {entry["type"] for entry in ask(sandbox, f"{path}/log_entries")[1]["log_entries"]}
    assert len(made) == 8


def test_overrides_and_windows_answer_what_is_published(sandbox):
    override = {
        "start": "2036-01-01T08:00:00Z",
        "end": "2036-01-01T12:00:00Z",
        "user": {"id": "PKAILAR", "type": "user_reference"},
    }
    window = {
        "type": "maintenance_window",
        "start_time": "2036-01-01T08:00:00Z",
        "end_time": "2036-01-01T12:00:00Z",
        "description": "Upgrade",
        "services": [{"id": "PCHKOUT", "type": "service_reference"}],
    }
    overrides = [override, {**override, "end": override["start"]}]
    for method, target, body in (
        ("POST", "/schedules/PSCHKP1/overrides", {"overrides": overrides}),
        ("POST", "/maintenance_windows", {"maintenance_window": window}),
        ("PUT", "/maintenance_windows/PMW0004", {"maintenance_window": window}),
    ):
        validate_request(method, sandbox.url + target, PERSON, body)
        status, answered = ask(sandbox, target, method, PERSON, body)
        assert status in {200, 201}
        validate_answer(method, target, status, answered)
    path = "/schedules/PSCHKP1/overrides"
    status, listed = ask(sandbox, f"{path}?since=2036-01-01T00:00:00Z&until=2036-01-02T00:00:00Z")
    validate_answer("GET", path, status, listed)
    [one] = listed["overrides"]
    for target in (f"{path}/{one['id']}", "/maintenance_windows/PMW0004"):
        status, answered = ask(sandbox, target, "DELETE", HEADERS)
        assert (status, answered) == (204, None)
        validate_answer("DELETE", target, status, answered)
    status, refused = ask(sandbox, "/maintenance_windows/PMW0003", "DELETE", HEADERS)
    validate_answer("DELETE", "/maintenance_windows/PMW0003", status, refused)
    assert status == 405


def test_grouped_alerts_answer_what_is_published(sandbox):
    for parameters in (
        {"type": "time", "config": {"timeout": 5}},
        {"type": "intelligent", "config": {"time_window": 300}},
        {"type": None},
    ):
        body = {"service": {"type": "service", "alert_grouping_parameters": parameters}}
        status, changed = ask(sandbox, "/services/PWAREUS", "PUT", HEADERS, body)
        assert status == 200
        validate_answer("PUT", "/services/PWAREUS", status, changed)
        assert changed["service"]["alert_grouping_parameters"]["type"] == parameters["type"]
    group = {"type": "time", "config": {"timeout": 5}}
    body = {"service": {"type": "service", "alert_grouping_parameters": group}}
    ask(sandbox, "/services/PWAREUS", "PUT", HEADERS, body)
    for dedup_key in ("one", "two"):
        send(sandbox, "trigger", key=KEYS["PWAREUS"], dedup_key=dedup_key)
    status, found = ask(sandbox, "/incidents?incident_key=two")
    validate_answer("GET", "/incidents", status, found)
    assert found["incidents"][0]["alert_counts"]["all"] == 2


def test_metrics_of_services_answer_what_is_published(sandbox):
    path = "/analytics/metrics/incidents/services"
    asked = {
        "filters": {
            "created_at_start": "2026-01-01T00:00:00Z",
            "created_at_end": "2036-01-01T00:00:00Z",
            "service_ids": ["PCHKOUT", "PPRICIN"],
        },
        "time_zone": "Etc/UTC",
    }
    validate_request("POST", f"{sandbox.url}{path}", HEADERS, asked)
    status, body = ask(sandbox, path, "POST", HEADERS, asked)
    validate_answer("POST", path, status, body)
    # The disabled service had no incident, and PagerDuty lists only those that had.
    assert [row["service_id"] for row in body["data"]] == ["PCHKOUT"]
    assert body["data"][0]["mean_seconds_to_first_ack"] > 0

    status, body = ask(sandbox, path, "POST", HEADERS, {"filters": {}})
    validate_answer("POST", path, status, body)
    assert status == 400


# The judge itself -----------------------------------------------------------------------------
def test_the_judge_refuses_answers_that_break_the_contract(sandbox):
    _, good = ask(sandbox, "/incidents?limit=2&include[]=priorities")
    for path, value in (
        (("incidents", 0, "status"), "pondering"),
        (("incidents", 0, "incident_number"), "12"),
        (("incidents", 0, "created_at"), "yesterday"),
        (("incidents", 0, "assignments"), None),
        (("incidents", 0, "service", "type"), "team_reference"),
        (("incidents", 0, "service", "html_url"), "nowhere"),
        (("incidents",), {}),
    ):
        bad = copy.deepcopy(good)
        part = bad
        for step in path[:-1]:
            part = part[step]
        part[path[-1]] = value
        with pytest.raises(ContractViolation):
            validate_answer("GET", "/incidents", 200, bad)
    with pytest.raises(ContractViolation):
        validate_answer("GET", "/incidents", 200, {})


def test_the_judge_wants_references_unless_full_objects_were_asked_for(sandbox):
    _, full = ask(sandbox, "/services?include[]=integrations")
    validate_answer("GET", "/services", 200, full, ["integrations"])
    with pytest.raises(ContractViolation, match="integrations"):
        validate_answer("GET", "/services", 200, full)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/services?limit=101", "limit 101"),
        ("/services?limit=100&offset=9999", "together"),
        ("/services?page=2", "page is not a documented parameter"),
        ("/services?include=teams", "include is not a documented parameter"),
        ("/services?include[]=team", "'team' is not one of"),
        ("/services?total=1", "true or false"),
        ("/incidents?since=2026-11-01", "instant"),
        ("/incidents/", "no such address"),
    ],
)
def test_the_judge_refuses_queries_that_break_the_contract(target, words):
    with pytest.raises(ContractViolation, match=words):
        validate_request("GET", f"https://api.pagerduty.com{target}", HEADERS)


@pytest.mark.parametrize("missing", ["Accept", "Authorization", "Content-Type"])
def test_the_judge_wants_every_header(missing):
    headers = {name: value for name, value in HEADERS.items() if name != missing}
    with pytest.raises(ContractViolation, match=missing):
        validate_request("GET", "https://api.pagerduty.com/services", headers)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"payload": None}, "payload"),
        ({"routing_key": "short"}, "routing_key has 5"),
        ({"event_action": "resolve"}, "needs a dedup_key"),
        ({"event_action": "shout"}, "shout"),
        ({"colour": "red"}, "colour is not documented"),
        ({"payload": {"summary": "x" * 1025, "source": "a", "severity": "error"}}, "1025"),
        ({"payload": {"summary": "x", "source": "a", "severity": "bad"}}, "bad"),
        ({"client_url": "portal"}, "client_url"),
    ],
)
def test_the_judge_refuses_events_that_break_the_contract(change, words):
    event = {
        "routing_key": "0" * 32,
        "event_action": "trigger",
        "payload": {"summary": "x", "source": "a", "severity": "error"},
    }
    url = "https://events.pagerduty.com/v2/enqueue"
    validate_request("POST", url, HEADERS, event)
    with pytest.raises(ContractViolation, match=words):
        validate_request("POST", url, HEADERS, {**event, **change})
