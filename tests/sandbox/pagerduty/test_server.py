"""The sandbox as a client meets it: over real sockets, with a clock that stands still."""

import urllib.error
import urllib.request

import pytest

from sandbox.pagerduty.example_organisation import KEYS
from sandbox.pagerduty.generated_account import generated_account
from sandbox.pagerduty.server import serve
from tests.sandbox.pagerduty.client import (
    HEADERS,
    Clock,
    ask,
    ask_whole,
    incidents_of,
    send,
)

pytestmark = pytest.mark.real_http


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sandbox(clock):
    with serve(now=clock) as server:
        yield server


# Incidents ------------------------------------------------------------------------------------
def test_a_trigger_becomes_an_incident_that_is_acknowledged_and_resolved(sandbox, clock):
    key = KEYS["PFRAUDC"]
    status, body = send(sandbox, "trigger", key=key, dedup_key="model-down")
    assert (status, body["dedup_key"]) == (202, "model-down")

    clock.pass_(seconds=2)
    [incident] = ask(sandbox, "/incidents?incident_key=model-down")[1]["incidents"]
    assert incident["status"] == "triggered"
    assert incident["title"] == "It burns"
    assert [a["assignee"]["summary"] for a in incident["assignments"]] == ["Bo Chen"]
    assert incident["pending_actions"] == [{"type": "escalate", "at": "2026-11-23T08:15:01Z"}]
    assert ask(sandbox, "/services/PFRAUDC")[1]["service"]["status"] == "critical"

    send(sandbox, "acknowledge", key=key, dedup_key="model-down")
    clock.pass_(seconds=2)
    incident = ask(sandbox, f"/incidents/{incident['id']}")[1]["incident"]
    assert incident["status"] == "acknowledged"
    assert incident["acknowledgements"][0]["acknowledger"]["summary"] == "fraud-check"
    assert incident["pending_actions"] == []
    assert ask(sandbox, "/services/PFRAUDC")[1]["service"]["status"] == "warning"

    send(sandbox, "resolve", key=key, dedup_key="model-down")
    clock.pass_(seconds=2)
    incident = ask(sandbox, f"/incidents/{incident['id']}")[1]["incident"]
    assert (incident["status"], incident["assignments"]) == ("resolved", [])
    assert incident["resolved_at"] == "2026-11-23T08:00:05Z"
    assert ask(sandbox, "/services/PFRAUDC")[1]["service"]["status"] == "active"


def test_an_accepted_trigger_is_no_incident_yet(sandbox, clock):
    send(sandbox, "trigger", key=KEYS["PFRAUDC"])
    assert incidents_of(sandbox, "PFRAUDC", "&statuses[]=triggered") == []
    clock.pass_(seconds=1)
    assert len(incidents_of(sandbox, "PFRAUDC", "&statuses[]=triggered")) == 1


def test_the_same_dedup_key_makes_one_incident_until_it_is_resolved(sandbox, clock):
    for action in ("trigger", "trigger", "trigger"):
        send(sandbox, action, key=KEYS["PMOBBFF"])
        clock.pass_(seconds=1)
    [incident] = incidents_of(sandbox, "PMOBBFF", "&statuses[]=triggered")
    services = {s["id"]: s for s in ask(sandbox, "/sandbox/state")[1]["services"]}
    assert services["PMOBBFF"]["open_incidents"][0]["events"] == 3

    for action in ("resolve", "trigger"):
        send(sandbox, action, key=KEYS["PMOBBFF"])
        clock.pass_(seconds=1)
    [again] = incidents_of(sandbox, "PMOBBFF", "&statuses[]=triggered")
    assert again["id"] != incident["id"]


def test_the_same_dedup_key_on_another_service_is_another_incident(sandbox, clock):
    send(sandbox, "trigger", key=KEYS["PMOBBFF"])
    send(sandbox, "trigger", key=KEYS["PFRAUDC"])
    clock.pass_(seconds=1)
    assert len(ask(sandbox, "/incidents?incident_key=alarm")[1]["incidents"]) == 2


@pytest.mark.parametrize("service_id", ["PPRICIN", "PSEARCH"])
def test_a_disabled_service_and_one_in_maintenance_make_no_incident(sandbox, clock, service_id):
    assert send(sandbox, "trigger", key=KEYS[service_id])[0] == 202
    clock.pass_(seconds=5)
    assert incidents_of(sandbox, service_id, "&statuses[]=triggered") == []


def test_maintenance_ends_with_the_clock(sandbox, clock):
    assert ask(sandbox, "/services/PSEARCH")[1]["service"]["status"] == "maintenance"
    clock.pass_(hours=3)
    assert ask(sandbox, "/services/PSEARCH")[1]["service"]["status"] == "active"


def test_severity_decides_urgency_unless_the_service_does(sandbox, clock):
    send(sandbox, "trigger", key=KEYS["PFRAUDC"], severity="info")
    send(sandbox, "trigger", key=KEYS["PPAYGTW"], severity="info")
    clock.pass_(seconds=1)
    [low] = incidents_of(sandbox, "PFRAUDC", "&statuses[]=triggered&urgencies[]=low")
    assert low["pending_actions"] == []
    [high] = incidents_of(sandbox, "PPAYGTW", "&incident_key=alarm&urgencies[]=high")
    assert high["title"] == "It burns"


def test_nobody_answering_escalates_level_by_level_and_stays_at_the_last(sandbox, clock):
    send(sandbox, "trigger", key=KEYS["PFRAUDC"])
    clock.pass_(seconds=1)
    people = []
    for _ in range(4):
        [incident] = incidents_of(sandbox, "PFRAUDC", "&statuses[]=triggered")
        people += [a["assignee"]["summary"] for a in incident["assignments"]]
        clock.pass_(minutes=15)
    assert people == ["Bo Chen", "Cy Diaz", "Lea Moreau", "Lea Moreau"]
    assert incident["pending_actions"] == []


def test_an_acknowledgement_runs_out_and_the_incident_escalates_again(sandbox, clock):
    for action in ("trigger", "acknowledge"):
        send(sandbox, action, key=KEYS["PCHKOUT"])
        clock.pass_(seconds=2)
    [incident] = ask(sandbox, "/incidents?incident_key=alarm")[1]["incidents"]
    [step] = incident["pending_actions"]
    assert (incident["status"], step["type"]) == ("acknowledged", "unacknowledge")
    clock.pass_(hours=24)
    [incident] = ask(sandbox, "/incidents?incident_key=alarm")[1]["incidents"]
    [step] = incident["pending_actions"]
    assert (incident["status"], step["type"]) == ("triggered", "escalate")


def test_an_empty_first_level_pages_the_second(sandbox, clock):
    send(sandbox, "trigger", key=KEYS["PAUTHSV"])
    clock.pass_(seconds=1)
    [incident] = incidents_of(sandbox, "PAUTHSV", "&statuses[]=triggered")
    assert incident["assignments"][0]["assignee"]["summary"] == "Kai Larsen"


def test_the_start_is_the_one_the_examples_tell_of(sandbox):
    states = {s["id"]: s["status"] for s in ask(sandbox, "/services?limit=100")[1]["services"]}
    assert states == {
        "PCHKOUT": "critical",
        "PPAYGTW": "warning",
        "PFRAUDC": "active",
        "PWEBSHP": "active",
        "PMOBBFF": "active",
        "PCARTSV": "critical",
        "PSEARCH": "maintenance",
        "PPRICIN": "disabled",
        "PORDERS": "critical",
        "PWAREHS": "critical",
        "PWAREUS": "active",
        "PAUTHSV": "active",
    }
    opened = "&statuses[]=triggered&statuses[]=acknowledged"
    assert len(incidents_of(sandbox, "PORDERS", opened)) == 12
    statuses = [i["status"] for i in incidents_of(sandbox, "PCHKOUT", opened)]
    assert sorted(statuses) == ["acknowledged", "acknowledged", "triggered"]
    assert len(ask(sandbox, "/services/PCHKOUT/change_events")[1]["change_events"]) == 5


# Lists ----------------------------------------------------------------------------------------
def test_a_list_comes_in_pages_of_twenty_five(clock):
    def make_account(now):
        return generated_account(services=3, incidents=30, now=now)

    with serve(now=clock, make_account=make_account) as server:
        target = "/incidents?date_range=all&statuses[]=triggered&statuses[]=acknowledged"
        _, first = ask(server, target)
        _, rest = ask(server, f"{target}&offset=25&total=true")
    assert (len(first["incidents"]), first["limit"], first["more"]) == (25, 25, True)
    assert first["total"] is None
    assert (len(rest["incidents"]), rest["offset"], rest["more"], rest["total"]) == (
        5,
        25,
        False,
        30,
    )
    seen = [incident["id"] for incident in first["incidents"] + rest["incidents"]]
    assert len(set(seen)) == 30


def test_incidents_older_than_a_month_need_date_range_all(sandbox):
    target = "/incidents?service_ids[]=PCARTSV&statuses[]=triggered"
    assert ask(sandbox, target)[1]["incidents"] == []
    assert len(incidents_of(sandbox, "PCARTSV", "&statuses[]=triggered")) == 1


def test_incidents_are_sorted_upwards_unless_told_otherwise(sandbox):
    def numbers(query):
        target = f"/incidents?date_range=all&limit=100&service_ids[]=PORDERS{query}"
        return [i["incident_number"] for i in ask(sandbox, target)[1]["incidents"]]

    assert numbers("") == sorted(numbers(""))
    assert numbers("&sort_by=created_at") == sorted(numbers(""))
    assert numbers("&sort_by=created_at:desc") == sorted(numbers(""), reverse=True)


@pytest.mark.parametrize(
    "target",
    [
        "/incidents?limit=101",
        "/incidents?limit=100&offset=9901",
        "/incidents?since=yesterday",
        "/incidents?since=2020-01-01T00:00:00Z",
        "/incidents?statuses[]=open",
        "/incidents?sort_by=title",
        "/services?include[]=everything",
        "/change_events?since=2026-11-01T00:00:00%2B01:00",
        "/oncalls?until=2030-01-01T00:00:00Z",
    ],
)
def test_a_request_that_makes_no_sense_is_400_with_a_reason(sandbox, target):
    status, body = ask(sandbox, target)
    assert status == 400
    assert body["error"]["code"] == 2001
    assert body["error"]["errors"]


@pytest.mark.parametrize("path", ["/services/PWRONG1", "/incidents/X", "/services/", "/nothing"])
def test_what_there_is_not_is_404(sandbox, path):
    assert ask(sandbox, path)[0] == 404


def test_sub_objects_are_references_unless_included(sandbox):
    _, plain = ask(sandbox, "/services/PCHKOUT")
    assert plain["service"]["integrations"][0]["type"].endswith("_reference")
    assert KEYS["PCHKOUT"] not in str(plain)
    _, full = ask(sandbox, "/services/PCHKOUT?include[]=integrations")
    keys = [one.get("integration_key") for one in full["service"]["integrations"]]
    assert KEYS["PCHKOUT"] in keys


def test_a_service_has_integrations_of_many_types(sandbox):
    _, body = ask(sandbox, "/services?limit=100&include[]=integrations")
    of_services = [service["integrations"] for service in body["services"]]
    assert {len(integrations) for integrations in of_services} == set(range(3, 11))
    places = {
        next(n for n, one in enumerate(found) if one["name"].endswith(" portal"))
        for found in of_services
    }
    assert len(places) > 3

    every = [one for found in of_services for one in found]
    types = {one["type"].removesuffix("_inbound_integration") for one in every}
    assert {"events_api_v2", "generic_events_api", "nagios", "event_transformer_api"} <= types
    emails = [one for one in every if one["type"] == "generic_email_inbound_integration"]
    assert [one for one in emails if one["integration_email"] and "integration_key" not in one]
    [*keys] = [one["integration_key"] for one in every if "integration_key" in one]
    assert (len(set(keys)), {len(key) for key in keys}) == (len(keys), {32})
    assert "Backstage" in {one["vendor"]["summary"] for one in every if one["vendor"]}


def test_events_take_the_keys_of_their_own_type_alone(sandbox):
    _, body = ask(sandbox, "/services/PMOBBFF?include[]=integrations")
    keys = {one["type"]: one.get("integration_key") for one in body["service"]["integrations"]}
    assert send(sandbox, "trigger", key=keys["events_api_v2_inbound_integration"])[0] == 202
    status, refused = send(
        sandbox, "trigger", key=keys["event_transformer_api_inbound_integration"]
    )
    assert (status, refused["errors"]) == (400, ["Invalid routing key"])


def test_services_are_found_by_name_and_by_part_of_a_name(sandbox):
    def names(query):
        return [s["name"] for s in ask(sandbox, f"/services?{query}")[1]["services"]]

    assert names("query=SYNC") == ["warehouse-sync-eu", "warehouse-sync-us"]
    assert names("name=cart-service") == ["cart-service"]
    assert names("name=cart") == []


def test_change_events_arrive_at_once_and_page_nobody(sandbox):
    event = {"routing_key": KEYS["PMOBBFF"], "payload": {"summary": "Deploy 12"}}
    assert ask(sandbox, "/v2/change/enqueue", "POST", HEADERS, event)[0] == 202
    [change] = ask(sandbox, "/services/PMOBBFF/change_events")[1]["change_events"]
    assert (change["summary"], change["timestamp"]) == ("Deploy 12", "2026-11-23T08:00:00Z")
    assert incidents_of(sandbox, "PMOBBFF", "&statuses[]=triggered") == []


# Writes ---------------------------------------------------------------------------------------
PERSON = {**HEADERS, "From": "ana.lima@meridian.example"}


def test_an_incident_is_created_acknowledged_and_resolved_by_a_user(sandbox):
    new = {"title": "Made by hand", "service": {"id": "PMOBBFF"}, "urgency": "low"}
    status, body = ask(sandbox, "/incidents", "POST", PERSON, {"incident": new})
    assert (status, body["incident"]["status"]) == (201, "triggered")
    id_ = body["incident"]["id"]

    change = {"incident": {"status": "acknowledged"}}
    status, body = ask(sandbox, f"/incidents/{id_}", "PUT", PERSON, change)
    assert status == 200
    [acknowledgement] = body["incident"]["acknowledgements"]
    assert acknowledgement["acknowledger"]["summary"] == "Ana Lima"

    changes = {"incidents": [{"id": id_, "status": "resolved"}]}
    status, body = ask(sandbox, "/incidents", "PUT", PERSON, changes)
    assert (status, [i["status"] for i in body["incidents"]]) == (200, ["resolved"])
    assert ask(sandbox, "/incidents", "PUT", PERSON, changes)[1]["error"]["code"] == 1001


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("POST", "/incidents", {"incident": {"service": {"id": "PMOBBFF"}}}, 400),
        ("POST", "/incidents", {"incident": {"title": "x", "service": {"id": "PNONE"}}}, 400),
        ("PUT", "/incidents", {"incidents": "all"}, 400),
        ("PUT", "/incidents", {"incidents": [{}] * 251}, 413),
        ("PUT", "/incidents/Q0000000004600", {"incident": {"status": "closed"}}, 400),
        ("PUT", "/incidents/QNONE", {"incident": {"status": "resolved"}}, 404),
        ("DELETE", "/incidents", {}, 404),
        ("PUT", "/services/PCHKOUT", {}, 400),
        ("PUT", "/services/PCHKOUT", {"service": {"name": "x"}}, 400),
    ],
)
def test_a_write_that_makes_no_sense_is_refused(sandbox, method, target, body, status):
    before = ask(sandbox, "/incidents?date_range=all&limit=100")
    answered, refusal = ask(sandbox, target, method, PERSON, body)
    assert answered == status
    assert set(refusal["error"]) >= {"message", "code"}
    assert ask(sandbox, "/incidents?date_range=all&limit=100") == before


def test_a_write_names_a_user_of_the_account(sandbox):
    for headers in (HEADERS, {**HEADERS, "From": "nobody@meridian.example"}):
        status, body = ask(sandbox, "/incidents", "POST", headers, {"incident": {}})
        assert (status, body["error"]["code"]) == (400, 1008)


# On call --------------------------------------------------------------------------------------
def on_call(sandbox, query=""):
    target = f"/oncalls?limit=100&escalation_policy_ids[]=PPOLCHK{query}"
    return [
        (o["escalation_level"], o["user"]["summary"], o["start"], o["end"])
        for o in ask(sandbox, target)[1]["oncalls"]
    ]


def test_on_call_turns_with_the_clock(sandbox, clock):
    start, end = "2026-11-23T08:00:00Z", "2026-11-23T16:00:00Z"
    assert on_call(sandbox) == [
        (1, "Bo Chen", start, end),
        (2, "Cy Diaz", start, end),
        (3, "Lea Moreau", None, None),
    ]
    clock.pass_(hours=7, minutes=59)
    assert on_call(sandbox)[0][1] == "Bo Chen"
    clock.pass_(minutes=1)
    assert [person for _, person, _, _ in on_call(sandbox)] == ["Cy Diaz", "Ana Lima", "Lea Moreau"]


def test_on_call_tells_who_is_next(sandbox):
    found = on_call(sandbox, "&until=2026-11-23T20:00:00Z")
    assert [(level, person) for level, person, _, _ in found] == [
        (1, "Bo Chen"),
        (1, "Cy Diaz"),
        (2, "Cy Diaz"),
        (2, "Ana Lima"),
        (3, "Lea Moreau"),
    ]


def test_an_empty_schedule_has_nobody_on_call(sandbox):
    _, body = ask(sandbox, "/oncalls?escalation_policy_ids[]=PPOLEMP")
    assert [(o["escalation_level"], o["user"]["summary"]) for o in body["oncalls"]] == [
        (2, "Kai Larsen")
    ]


# Access and quota -----------------------------------------------------------------------------
@pytest.mark.parametrize("token", ["", "Token token=wrong", "Basic sandbox-token", "sandbox-token"])
def test_a_request_without_the_token_is_401(sandbox, token):
    status, body = ask(sandbox, "/services", headers={**HEADERS, "Authorization": token})
    assert (status, body["error"]["code"]) == (401, 2006)


def test_the_version_must_be_named(sandbox):
    assert ask(sandbox, "/services", headers={**HEADERS, "Accept": "application/json"})[0] == 400


def test_a_write_is_json_with_or_without_a_charset(sandbox):
    body = {"service": {"alert_grouping_parameters": {"type": None}}}
    for media_type, status in (
        ("application/json; charset=utf-8", 200),
        ("application/x-www-form-urlencoded", 400),
    ):
        headers = {**HEADERS, "Content-Type": media_type}
        assert ask(sandbox, "/services/PCHKOUT", "PUT", headers, body)[0] == status


def test_every_answer_says_how_much_of_the_quota_is_left(clock):
    with serve(now=clock, requests_per_minute=2) as server:
        headers = [ask_whole(server, "/abilities")[1] for _ in range(2)]
        assert [h["ratelimit-remaining"] for h in headers] == ["1", "0"]
        assert headers[0]["ratelimit-limit"] == "2"
        clock.pass_(seconds=20)
        status, headers, body = ask_whole(server, "/abilities")
        assert (status, body["error"]["code"]) == (429, 2020)
        assert headers["ratelimit-reset"] == "40"
        clock.pass_(seconds=40)
        assert ask(server, "/abilities")[0] == 200


def test_a_routing_key_may_send_120_events_a_minute(sandbox):
    for _ in range(120):
        assert send(sandbox, "resolve", key=KEYS["PFRAUDC"])[0] == 202
    assert send(sandbox, "resolve", key=KEYS["PFRAUDC"])[0] == 429
    assert send(sandbox, "resolve", key=KEYS["PMOBBFF"])[0] == 202


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"routing_key": "x" * 32}, "Invalid routing key"),
        ({"routing_key": "short"}, "32 characters"),
        ({"event_action": "shout"}, "event_action"),
        ({"event_action": "resolve", "dedup_key": ""}, "dedup_key"),
        ({"dedup_key": "x" * 256}, "dedup_key"),
        ({"payload": None}, "payload"),
        ({"payload": {"summary": " ", "source": "a", "severity": "error"}}, "summary"),
        ({"payload": {"summary": "x" * 1025, "source": "a", "severity": "error"}}, "1024"),
        ({"payload": {"summary": "x", "source": "a", "severity": "fatal"}}, "severity"),
        ({"payload": {"summary": "x", "severity": "error"}}, "source"),
        ({"links": [{"text": "nowhere"}]}, "links"),
        ({"client_url": "javascript:alert(1)"}, "client_url"),
    ],
)
def test_an_event_that_is_not_one_is_refused_with_a_reason(sandbox, change, words):
    event = {
        "routing_key": KEYS["PFRAUDC"],
        "event_action": "trigger",
        "payload": {"summary": "x", "source": "a", "severity": "error"},
    }
    status, body = ask(sandbox, "/v2/enqueue", "POST", HEADERS, {**event, **change})
    assert (status, body["status"]) == (400, "invalid event")
    assert any(words in problem for problem in body["errors"])


@pytest.mark.parametrize("name", ["links", "images"])
def test_an_event_has_at_most_fifty_links(sandbox, name):
    event = {
        "routing_key": KEYS["PFRAUDC"],
        "event_action": "trigger",
        "payload": {"summary": "x", "source": "a", "severity": "error"},
        name: [{"href": "https://a.example/", "src": "https://a.example/"}] * 50,
    }
    assert ask(sandbox, "/v2/enqueue", "POST", HEADERS, event)[0] == 202
    event[name] *= 2
    refused = ask(sandbox, "/v2/enqueue", "POST", HEADERS, event)
    assert refused == (400, {"error": [f"{name} should have at most 50 item(s)"]})


def test_an_event_has_at_most_512_kilobytes(sandbox, clock):
    status, body = send(sandbox, "trigger", key=KEYS["PFRAUDC"], custom_details={"a": "x" * 2**19})
    assert (status, body["status"]) == (413, "payload too large")
    assert (
        send(sandbox, "trigger", key=KEYS["PFRAUDC"], custom_details={"a": "x" * 2**18})[0] == 202
    )


# Hosts ----------------------------------------------------------------------------------------
def post(url):
    """Status, type and body of an empty POST without any credentials."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, data=b"{}"), timeout=5)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.status, refused.headers.get_content_type(), refused.read()


def test_an_unknown_address_of_events_is_answered_without_json(sandbox):
    for path in ("/enqueue", "/v2/v2/enqueue", "/v2/"):
        assert post(sandbox.url + path)[:2] == (404, "text/plain")


def test_events_and_rest_can_have_a_host_of_their_own(clock):
    with serve(now=clock, incident_delay_s=0, events_port=0) as server:
        assert server.events_url != f"{server.url}/v2"
        assert post(f"{server.url}/v2/enqueue")[:2] == (401, "application/json")
        assert ask(server, "/v2/enqueue", "POST", HEADERS, {})[0] == 404
        assert post(f"{server.events.url}/incidents")[:2] == (404, "text/plain")
        assert post(f"{server.events.url}/sandbox/reset")[0] == 404

        assert send(server.events, "trigger", key=KEYS["PFRAUDC"])[0] == 202
        assert len(ask(server, "/incidents?incident_key=alarm")[1]["incidents"]) == 1


# Its own addresses ----------------------------------------------------------------------------
def test_it_remembers_what_was_asked_and_no_secret(sandbox):
    ask(sandbox, "/services?query=cart")
    send(sandbox, "trigger", key=KEYS["PFRAUDC"])
    ask(sandbox, "/services", headers={**HEADERS, "Authorization": "Token token=a-real-one"})

    assert sandbox.state.requests.count("/services") == 2
    assert sandbox.state.requests.count(method="POST") == 1
    logged = sandbox.state.requests.all("/services")[0]
    assert (logged.method, logged.query) == ("GET", "query=cart")
    for target in ("/sandbox/requests", "/sandbox/state"):
        text = str(ask(sandbox, target))
        assert not [key for key in (*KEYS.values(), "a-real-one", "sandbox-token") if key in text]
        assert "/services" in text


def test_its_page_tells_people_what_they_can_do(sandbox):
    with urllib.request.urlopen(f"{sandbox.url}/", timeout=5) as answer:
        page = answer.read().decode()
    assert "checkout-api" in page
    assert "hang-in-body" in page
    assert not [key for key in KEYS.values() if key in page]


def test_a_reset_starts_again(sandbox, clock):
    send(sandbox, "trigger", key=KEYS["PFRAUDC"])
    clock.pass_(seconds=1)
    sandbox.state.faults.add("/", 503)
    assert ask(sandbox, "/sandbox/reset", "POST")[0] == 200
    assert incidents_of(sandbox, "PFRAUDC", "&statuses[]=triggered") == []


def test_a_page_of_another_site_cannot_press_its_buttons(sandbox):
    elsewhere = {"Origin": "https://evil.example"}
    assert ask(sandbox, "/sandbox/reset", "POST", elsewhere)[0] == 403
    assert ask(sandbox, "/sandbox/reset", "POST", {"Origin": sandbox.url})[0] == 200


# Sizes ----------------------------------------------------------------------------------------
def test_a_big_world_has_what_was_asked_for(clock):
    def make_account(now):
        return generated_account(services=130, incidents=40, now=now)

    with serve(now=clock, make_account=make_account) as server:
        _, first = ask(server, "/services?limit=100&include[]=integrations&total=true")
        _, second = ask(server, "/services?limit=100&offset=100&include[]=integrations")
        target = "/incidents?date_range=all&limit=1&total=true"
        _, incidents = ask(server, f"{target}&statuses[]=triggered&statuses[]=acknowledged")
        _, on_calls = ask(server, "/oncalls?limit=1&total=true")
    services = first["services"] + second["services"]
    assert first["total"] == len(services) == 130
    keys = [
        one["integration_key"]
        for service in services
        for one in service["integrations"]
        if "integration_key" in one
    ]
    assert (len(set(keys)), {len(key) for key in keys}) == (len(keys), {32})
    assert incidents["total"] == 40
    assert on_calls["total"] == 130


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:1", 200),
        ("LOCALHOST", 200),
        ("evil.example:80", 421),
        ("127.0.0.1.evil.io", 421),
    ],
)
def test_a_foreign_name_that_leads_here_reaches_nothing(sandbox, host, status):
    request = urllib.request.Request(f"{sandbox.url}/sandbox/faults", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            found = answer.status
    except urllib.error.HTTPError as error:
        found = error.code
    assert found == status
