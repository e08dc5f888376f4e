"""Each misbehaviour of the sandbox, as a client sees it on the wire."""

import http.client
import json
import socket
import threading
import time

import pytest

from sandbox.pagerduty.example_organisation import KEYS
from sandbox.pagerduty.faults import WORDS, BadFault, Faults, Kind
from sandbox.pagerduty.server import serve
from tests.sandbox.pagerduty.client import HEADERS, ask, ask_whole, incidents_of, send

pytestmark = pytest.mark.real_http


@pytest.fixture
def sandbox():
    with serve(incident_delay_s=0) as server:
        yield server


def raw(sandbox, target="/abilities", timeout_s=5):
    """Status, headers and body as bytes, as far as they come."""
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=timeout_s)
    try:
        connection.request("GET", target, headers=HEADERS)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 429, 500, 503])
def test_a_status_comes_with_pagerdutys_error(sandbox, status):
    sandbox.state.faults.add("/services", status, times=1)
    answered, body = ask(sandbox, "/services")
    assert answered == status
    assert set(body["error"]) == {"message", "code"}
    assert ask(sandbox, "/services")[0] == 200


def test_events_fail_in_their_own_words(sandbox):
    sandbox.state.faults.add("/v2/enqueue", 503, times=1)
    status, body = send(sandbox, "trigger", key=KEYS["PFRAUDC"])
    assert (status, body["status"]) == (503, "internal error")
    assert incidents_of(sandbox, "PFRAUDC", "&statuses[]=triggered") == []


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ("object", {"error": {"message": "Access Denied", "code": 2010}}),
        ("list", {"error": ["Access Denied"]}),
        ("string", {"error": "Access Denied"}),
        ("top", {"message": "Access Denied", "code": 2010}),
    ],
)
def test_an_error_comes_in_the_shape_that_was_asked_for(sandbox, shape, body):
    faults = [{"path": "/", "kind": "403", "times": 2, "shape": shape}]
    assert ask(sandbox, "/sandbox/faults", "PUT", {}, faults)[1][0]["shape"] == shape
    assert ask(sandbox, "/services") == (403, body)
    assert send(sandbox, "trigger", key=KEYS["PFRAUDC"]) == (403, body)


def test_429_comes_with_and_without_headers(sandbox):
    sandbox.state.faults.add("/services", 429, times=1)
    sandbox.state.faults.add("/services", Kind.BARE_STATUS, status=429, times=1)
    status, headers, body = ask_whole(sandbox, "/services")
    assert (status, headers["ratelimit-remaining"], body["error"]["code"]) == (429, "0", 2020)
    status, headers, body = ask_whole(sandbox, "/services")
    assert (status, headers.get("ratelimit-remaining"), body) == (429, None, None)


def test_latency_answers_late(sandbox):
    sandbox.state.faults.add("/abilities", Kind.LATENCY, delay_s=0.3)
    start = time.monotonic()
    assert ask(sandbox, "/abilities")[0] == 200
    assert time.monotonic() - start >= 0.3


def test_json_is_cut_off(sandbox):
    whole = raw(sandbox)[2]
    sandbox.state.faults.add("/abilities", Kind.CUT_JSON)
    status, _, body = raw(sandbox)
    assert (status, body) == (200, whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(body)


def test_html_comes_instead_of_json(sandbox):
    sandbox.state.faults.add("/abilities", Kind.HTML)
    status, headers, body = raw(sandbox)
    assert (status, headers["Content-Type"]) == (200, "text/html")
    assert b"<html>" in body


def test_an_empty_object_comes_instead_of_a_list(sandbox):
    sandbox.state.faults.add("/services", Kind.EMPTY_OBJECT)
    assert ask(sandbox, "/services") == (200, {})


def test_types_are_wrong(sandbox):
    sandbox.state.faults.add("/services", Kind.WRONG_TYPES)
    [service, *_] = ask(sandbox, "/services")[1]["services"]
    assert (service["name"], service["teams"]) == (7, "several")


def test_values_are_null(sandbox):
    sandbox.state.faults.add("/services", Kind.NULLS)
    [service, *_] = ask(sandbox, "/services")[1]["services"]
    assert set(service.values()) == {None}


def test_words_are_new(sandbox):
    sandbox.state.faults.add("/incidents", Kind.UNKNOWN_VALUES)
    [incident, *_] = ask(sandbox, "/incidents")[1]["incidents"]
    assert (incident["status"], incident["urgency"]) == ("pondering", "colossal")


def test_there_is_more_after_every_page(sandbox):
    sandbox.state.faults.add("/priorities", Kind.ENDLESS_MORE)
    for offset in (0, 100, 20_000):
        _, body = ask(sandbox, f"/priorities?limit=100&offset={offset}")
        assert body["more"] is True
        assert len(body["priorities"]) == 4


def test_the_body_is_huge(sandbox):
    sandbox.state.faults.add("/abilities", Kind.HUGE_BODY)
    assert len(raw(sandbox)[2]) > 10_000_000


def test_it_hangs_before_the_answer(sandbox):
    sandbox.state.faults.add("/abilities", Kind.HANG)
    with pytest.raises(TimeoutError):
        raw(sandbox, timeout_s=0.3)


def test_it_hangs_in_the_middle_of_the_body(sandbox):
    sandbox.state.faults.add("/abilities", Kind.HANG_IN_BODY)
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=0.3)
    connection.request("GET", "/abilities", headers=HEADERS)
    answer = connection.getresponse()
    assert answer.status == 200
    with pytest.raises(TimeoutError):
        answer.read()
    connection.close()


def test_the_body_drips(sandbox):
    size = len(raw(sandbox, "/nothing")[2])
    sandbox.state.faults.add("/nothing", Kind.DRIP, delay_s=0.01)
    start = time.monotonic()
    assert len(raw(sandbox, "/nothing")[2]) == size
    assert time.monotonic() - start >= 0.01 * size


def test_the_connection_is_reset(sandbox):
    sandbox.state.faults.add("/abilities", Kind.RESET)
    with pytest.raises(ConnectionResetError) as broken:
        raw(sandbox)
    # A connection that only ends would be http.client's own kind of this error.
    assert broken.type is ConnectionResetError


def test_an_answer_is_lost_after_the_work_was_done(sandbox):
    sandbox.state.faults.add("/v2/enqueue", Kind.LOST_ANSWER, times=1)
    with pytest.raises((ConnectionResetError, OSError)):
        send(sandbox, "trigger", key=KEYS["PFRAUDC"], dedup_key="once")
    assert send(sandbox, "trigger", key=KEYS["PFRAUDC"], dedup_key="once")[0] == 202
    assert len(ask(sandbox, "/incidents?incident_key=once")[1]["incidents"]) == 1


def test_a_suppressed_alert_is_accepted_and_opens_no_incident(sandbox):
    sandbox.state.faults.add("/v2/enqueue", Kind.SUPPRESSED, times=1)
    for count in (0, 1):
        assert send(sandbox, "trigger", key=KEYS["PFRAUDC"], dedup_key="once")[0] == 202
        assert len(ask(sandbox, "/incidents?incident_key=once")[1]["incidents"]) == count


def test_stopping_does_not_wait_for_a_hang_and_leaves_no_thread():
    before = threading.active_count()
    with serve() as server:
        server.state.faults.add("/abilities", Kind.HANG, delay_s=60)
        host, _, port = server.url.removeprefix("http://").partition(":")
        open_one = socket.create_connection((host, int(port)))
        open_one.sendall(b"GET /abilities HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while not server.state.requests.count("/abilities"):
            time.sleep(0.01)
        start = time.monotonic()
    while threading.active_count() > before and time.monotonic() - start < 2:
        time.sleep(0.01)
    assert time.monotonic() - start < 1
    open_one.close()


# Setting them ---------------------------------------------------------------------------------
def test_faults_are_set_shown_and_taken_back_over_http(sandbox):
    faults = [
        {"path": "/incidents", "kind": "503", "times": 2},
        {"path": "/oncalls", "kind": "html"},
    ]
    status, body = ask(sandbox, "/sandbox/faults", "PUT", {}, faults)
    assert (status, [fault["kind"] for fault in body]) == (200, ["status", "html"])
    assert [ask(sandbox, "/incidents")[0] for _ in range(3)] == [503, 503, 200]
    assert len(ask(sandbox, "/sandbox/faults")[1]) == 1
    assert ask(sandbox, "/sandbox/faults", "PUT", {}, body)[0] == 200
    assert ask(sandbox, "/sandbox/faults", "DELETE") == (200, [])
    assert ask(sandbox, "/incidents")[0] == 200


def test_a_fault_can_meet_one_page_of_a_list(sandbox):
    sandbox.state.faults.add("/services.*offset=5", 500)
    assert ask(sandbox, "/services?include[]=teams&offset=0")[0] == 200
    assert ask(sandbox, "/services?include[]=teams&offset=5")[0] == 500


@pytest.mark.parametrize(
    "given",
    [
        {},
        "503",
        [1],
        [{"path": "/", "kind": "sulk"}],
        [{"path": "(", "kind": "html"}],
        [{"path": "/", "kind": "status"}],
        [{"path": "/", "kind": "html", "times": 0}],
        [{"path": "/", "kind": "latency", "delay_s": -1}],
        [{"path": "/", "kind": "html", "colour": "red"}],
        [{"path": "/", "kind": "html", "shape": "list"}],
        [{"path": "/", "kind": "400", "shape": "round"}],
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_and_changes_nothing(sandbox, given):
    sandbox.state.faults.add("/users", 500)
    status, body = ask(sandbox, "/sandbox/faults", "PUT", {}, given)
    assert status == 400
    assert body["error"]
    assert len(ask(sandbox, "/sandbox/faults")[1]) == 1


def test_every_kind_is_explained():
    assert set(WORDS) == set(Kind)
    with pytest.raises(BadFault, match="hang-in-body"):
        Faults().add("/", "sulk")
