"""The client: what it sends, and how it reads every answer PagerDuty can give."""

import datetime as dt
import json
import logging
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from responses import matchers

from pagerduty_card.domain import ApiLink, Severity
from pagerduty_card.errors import (
    Refused,
    Rejected,
    Throttled,
    Unreachable,
    Unreadable,
)
from pagerduty_card.wire.alerts import TriggerEvent
from pagerduty_card.wire.client import PagerDutyClient
from tests.pagerduty_card.factories import (
    API,
    EVENTS,
    GET_HEADERS,
    KEY,
    TOKEN,
    announce,
    change_json,
    incident_json,
    maintenance_json,
    make_account,
    on_call_json,
    page_of,
    policy_json,
    query_of,
    service_json,
)

NOW = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)


@pytest.fixture
def client():
    with PagerDutyClient(make_account()) as client:
        yield client


def make_event(**fields):
    return TriggerEvent(
        **{
            "routing_key": KEY,
            "dedup_key": "switchboard-1",
            "summary": "Payments time out",
            "source": "component:default/checkout-api",
            "severity": Severity.ERROR,
            "event_class": "manual trigger",
            "custom_details": {"triggered by": "Ana Lima"},
            "client": "Switchboard",
            "client_url": "https://portal.example.com/x/",
            "links": (ApiLink(href="https://portal.example.com/x/", text="checkout-api"),),
            **fields,
        }
    )


def test_sends_the_headers_pagerduty_demands_also_on_a_get(client, http):
    announce(http, "/services/PCHKOUT", {"service": service_json()}, match=[GET_HEADERS])
    assert client.service("PCHKOUT").name == "checkout-api"
    assert http.calls[0].request.headers["User-Agent"].startswith("Switchboard/")


def test_no_netrc_of_the_machine_replaces_the_token(client, http, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.pagerduty.com login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    announce(http, "/services/PCHKOUT", {"service": service_json()}, match=[GET_HEADERS])
    assert client.service("PCHKOUT").id == "PCHKOUT"


def test_lists_services_with_policies_and_integrations(client, http):
    announce(http, "/services", page_of("services", service_json()))
    (service,) = client.services()
    assert query_of(http.calls[0]) == [
        "include[]=escalation_policies",
        "include[]=integrations",
        "include[]=teams",
        "sort_by=name:asc",
        "limit=100",
        "offset=0",
    ]
    assert [one.key for one in service.integrations] == [KEY]
    assert [len(level.targets) for level in service.policy.levels] == [1, 1]


def test_follows_more_to_the_last_page(client, http):
    for offset, more in ((0, True), (100, True), (200, False)):
        announce(
            http,
            "/services",
            page_of("services", service_json(f"P{offset}"), more=more, offset=offset),
            match=[matchers.query_param_matcher({"offset": str(offset)}, strict_match=False)],
        )
    assert [service.id for service in client.services()] == ["P0", "P100", "P200"]


def announce_pages_without_end(http, path, key, record):
    def page(request):
        offset = parse_qs(urlsplit(request.url).query)["offset"][0]
        return 200, {}, json.dumps(page_of(key, record(f"P{offset}"), more=True))

    http.add_callback("GET", f"{API}{path}", page)


def test_a_list_that_never_ends_is_refused_at_pagerdutys_own_limit(client, http):
    announce_pages_without_end(http, "/escalation_policies", "escalation_policies", policy_json)
    with pytest.raises(Unreadable, match="10000"):
        client.escalation_policies()
    assert len(http.calls) == 100
    assert "offset=9900" in query_of(http.calls[-1])


def test_a_list_that_repeats_its_page_is_given_up_at_the_second(client, http):
    announce(http, "/services", page_of("services", service_json(), more=True))
    with pytest.raises(Unreadable, match="same page"):
        client.services()
    assert len(http.calls) == 2


def test_more_on_an_empty_page_is_refused(client, http):
    announce(http, "/services", page_of("services", more=True))
    with pytest.raises(Unreadable):
        client.services()
    assert len(http.calls) == 1


def test_one_service_whose_id_is_too_long_to_keep_costs_no_other(client, http, caplog):
    rows = [service_json("P" * 33), service_json("PCHKOUT")]
    announce(http, "/services", page_of("services", *rows))
    assert [service.id for service in client.services()] == ["PCHKOUT"]
    assert "one record was left out: an id has 33 characters" in str(caplog.records[0].what)


def test_an_incident_whose_id_is_too_long_to_keep_is_there_all_the_same(client, http):
    rows = [incident_json(number, id=f"{'Q' * 40}{number}") for number in (1, 2)]
    announce(http, "/incidents", page_of("incidents", *rows))
    ids = {incident.id for incident in client.open_incidents()}
    assert len(ids) == 2
    assert all(len(one) <= 32 for one in ids)


def test_asks_for_open_incidents_of_any_age_newest_first(client, http):
    announce(http, "/incidents", page_of("incidents", incident_json()))
    (incident,) = client.open_incidents(["PCHKOUT", "PB"])
    assert incident.number == 4711
    query = query_of(http.calls[0])
    for wanted in (
        "statuses[]=triggered",
        "statuses[]=acknowledged",
        "date_range=all",
        "sort_by=created_at:desc",
        "service_ids[]=PCHKOUT",
        "service_ids[]=PB",
        "limit=100",
    ):
        assert wanted in query


def test_finds_incidents_by_their_dedup_key_escaped(client, http):
    announce(http, "/incidents", page_of("incidents", incident_json()))
    assert [one.number for one in client.incidents_by_key("a&b=c d")] == [4711]
    assert "incident_key=a&b=c d" in query_of(http.calls[0])
    assert "date_range=all" in query_of(http.calls[0])


def test_escapes_a_service_id_in_the_address(client, http):
    announce(http, "/services/..%2Fusers%3Fa=b".replace("=", "%3D"), {"service": service_json()})
    assert client.service("../users?a=b").id == "PCHKOUT"


def test_asks_who_is_on_call_now_or_also_next(client, http):
    announce(http, "/oncalls", page_of("oncalls", on_call_json()))
    client.on_calls(["PPOLCHK"])
    client.on_calls(since=NOW, until=NOW + dt.timedelta(hours=24))
    assert query_of(http.calls[0]) == [
        "escalation_policy_ids[]=PPOLCHK",
        "include[]=users",
        "time_zone=UTC",
        "limit=100",
        "offset=0",
    ]
    for wanted in (
        "since=2026-11-01T09:00:00Z",
        "until=2026-11-02T09:00:00Z",
    ):
        assert wanted in query_of(http.calls[1])


def test_reads_changes_and_says_when_there_are_more(client, http):
    announce(http, "/change_events", page_of("change_events", change_json(), more=True))
    changes, more = client.change_events(since=NOW)
    assert [change.summary for change in changes] == ["Deploy 8f3c1"]
    assert more
    assert "since=2026-11-01T09:00:00Z" in query_of(http.calls[0])


def test_reads_policies_and_maintenance(client, http):
    announce(http, "/escalation_policies", page_of("escalation_policies", policy_json()))
    announce(http, "/maintenance_windows", page_of("maintenance_windows", maintenance_json()))
    assert client.escalation_policies()[0].levels[0].delay_s == 900
    assert client.maintenance_windows()[0].ends_at.hour == 12
    assert "filter=ongoing" in query_of(http.calls[1])


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        ({"status": 401, "json": {"error": {"message": "x", "code": 2006}}}, Refused, "token"),
        ({"status": 402, "json": {"error": {"message": "x"}}}, Refused, "ability"),
        ({"status": 403, "json": {"error": {"message": "x"}}}, Refused, "permission"),
        ({"status": 404, "json": {"error": {"message": "x"}}}, Refused, "wrong_address"),
        ({"status": 404, "body": ""}, Refused, "wrong_address"),
        ({"status": 400, "json": {"error": {"message": "Bad"}}}, Rejected, "rejected"),
        ({"status": 408, "body": ""}, Unreachable, "unreachable"),
        ({"status": 500, "body": "<html>"}, Unreachable, "unreachable"),
        ({"status": 503, "body": ""}, Unreachable, "unreachable"),
        ({"body": requests.ConnectionError("reset")}, Unreachable, "unreachable"),
        ({"body": requests.ReadTimeout("slow")}, Unreachable, "unreachable"),
        ({"status": 429, "json": {"error": {"code": 2020}}}, Throttled, "throttled"),
        ({"status": 429, "body": ""}, Throttled, "throttled"),
        ({"status": 200, "json": {}}, Unreadable, "unreadable"),
        ({"status": 200, "json": []}, Unreadable, "unreadable"),
        ({"status": 200, "json": {"services": []}}, Unreadable, "unreadable"),
        ({"status": 200, "json": {"services": {}, "more": False}}, Unreadable, "unreadable"),
        (
            {"status": 200, "json": {"services": [{"id": 7}], "more": False}},
            Unreadable,
            "unreadable",
        ),
        ({"status": 200, "json": {"services": [None], "more": False}}, Unreadable, "unreadable"),
        ({"status": 200, "body": '{"services": [{"id'}, Unreadable, "unreadable"),
        ({"status": 200, "body": "<html>sign in</html>"}, Unreadable, "unreadable"),
        ({"status": 200, "body": ""}, Unreadable, "unreadable"),
        ({"status": 204, "body": ""}, Unreadable, "unreadable"),
        (
            {"status": 302, "headers": {"Location": "https://evil.example/"}},
            Unreadable,
            "unreadable",
        ),
    ],
)
def test_every_answer_that_is_not_data_is_an_error_with_a_reaction(
    client, http, answer, error, reason
):
    http.get(f"{API}/services", **answer)
    with pytest.raises(error) as caught:
        client.services()
    assert caught.value.reason == reason


def test_a_404_denies_the_one_service_that_was_asked_for(client, http):
    announce(http, "/services/PGONE", status=404)
    with pytest.raises(Refused) as caught:
        client.service("PGONE")
    assert caught.value.reason == "not_found"


def test_names_the_permission_that_is_missing(client, http):
    announce(http, "/incidents", {"error": {"message": "Access Denied", "code": 2010}}, status=403)
    with pytest.raises(Refused) as caught:
        client.open_incidents()
    assert caught.value.detail == "Access Denied. It needs the permission incidents.read."


def test_keeps_pagerdutys_request_id_with_the_error(client, http):
    announce(http, "/services", status=500, headers={"X-Request-Id": "req-1"})
    with pytest.raises(Unreachable) as caught:
        client.services()
    assert caught.value.request_id == "req-1"


@pytest.mark.parametrize("status", [502, 503, 504])
def test_repeats_a_get_once_when_a_gateway_fails(client, http, status):
    first = announce(http, "/services", status=status)
    second = announce(http, "/services", page_of("services", service_json()))
    assert len(client.services()) == 1
    assert (first.call_count, second.call_count) == (1, 1)


def test_what_took_too_long_is_not_asked_again_at_once(client, http):
    hung = http.get(f"{API}/services", body=requests.ReadTimeout())
    with pytest.raises(Unreachable, match="in time"):
        client.services()
    assert hung.call_count == 1


def test_an_answer_that_is_too_large_is_given_up(client, http, monkeypatch):
    monkeypatch.setattr("pagerduty_card.wire.transport.MAX_ANSWER_BYTES", 1000)
    announce(http, "/services", page_of("services", *[service_json()] * 10))
    with pytest.raises(Unreadable, match="too large"):
        client.services()


def test_the_time_budget_is_for_the_whole_call(http):
    announce_pages_without_end(http, "/services", "services", service_json)
    client = PagerDutyClient(make_account(), total_budget_s=0.05)
    with client, pytest.raises(Unreachable, match="in time"):
        client.services()
    assert len(http.calls) < 100


def test_after_429_further_reading_waits_until_the_reset(http):
    announce(http, "/services", status=429, headers={"ratelimit-reset": "20"})
    with PagerDutyClient(make_account()) as client, pytest.raises(Throttled) as caught:
        client.services()
    assert caught.value.retry_after_s == 20
    with PagerDutyClient(make_account()) as other, pytest.raises(Throttled) as again:
        other.open_incidents()
    assert 0 < again.value.retry_after_s <= 20
    assert len(http.calls) == 1


def test_one_accounts_cool_down_does_not_hold_up_another(http):
    announce(http, "/services", status=429)
    announce(http, "/incidents", page_of("incidents"))
    with PagerDutyClient(make_account()) as client, pytest.raises(Throttled):
        client.services()
    with PagerDutyClient(make_account(name="eu", token="another-token")) as other:
        assert other.open_incidents() == []


def test_background_work_leaves_a_fifth_of_the_quota_to_people(http):
    low = {"ratelimit-limit": "960", "ratelimit-remaining": "100", "ratelimit-reset": "30"}
    announce(http, "/incidents", page_of("incidents"), headers=low)
    with PagerDutyClient(make_account(), background=True) as worker:
        assert worker.open_incidents() == []
        with pytest.raises(Throttled):
            worker.open_incidents()
    with PagerDutyClient(make_account()) as person:
        assert person.open_incidents() == []


def test_a_cool_down_of_reading_does_not_keep_anybody_from_paging(client, http):
    announce(http, "/services", status=429)
    http.post(f"{EVENTS}/enqueue", json={"status": "success", "message": "ok"}, status=202)
    with pytest.raises(Throttled):
        client.services()
    assert client.enqueue(make_event()) == "ok"


def test_sends_an_event_without_the_token(client, http):
    http.post(
        f"{EVENTS}/enqueue",
        json={"status": "success", "message": "Event processed", "dedup_key": "switchboard-1"},
        status=202,
        match=[matchers.header_matcher({"Content-Type": "application/json"})],
    )
    assert client.enqueue(make_event()) == "Event processed"
    request = http.calls[0].request
    assert "Authorization" not in request.headers
    assert json.loads(request.body) == {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "switchboard-1",
        "client": "Switchboard",
        "client_url": "https://portal.example.com/x/",
        "links": [{"href": "https://portal.example.com/x/", "text": "checkout-api"}],
        "payload": {
            "summary": "Payments time out",
            "source": "component:default/checkout-api",
            "severity": "error",
            "class": "manual trigger",
            "custom_details": {"triggered by": "Ana Lima"},
        },
    }


def test_sends_events_to_the_accounts_own_host(http):
    http.post("https://events.eu.pagerduty.com/v2/enqueue", json={"status": "success"}, status=202)
    account = make_account(events_base_url="https://events.eu.pagerduty.com/v2")
    with PagerDutyClient(account) as client:
        client.enqueue(make_event())
    assert len(http.calls) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"status": "invalid event", "message": "Event object is invalid",
             "errors": [f"routing_key {KEY} is unknown", "'summary' is too long"]},
            "Event object is invalid: routing_key ****4711 is unknown; 'summary' is too long",
        ),
        ({"message": "Invalid event", "errors": ["invalid event."]}, "Invalid event"),
        ({"message": "Invalid event:", "errors": "no summary"}, "Invalid event: no summary"),
        ({"error": ["at most 50 item(s)"]}, "at most 50 item(s)"),
        ({"error": "No such\nkey\u202e"}, "No such key"),
        ({"error": {"summary": ["is blank"], "code": 7}}, "summary: is blank"),
        ({"errors": {"payload": {"source": ["is blank"]}}}, "payload: source: is blank"),
        (["first", "second"], "first: second"),
        ("a text", "a text"),
        ({"code": 2001}, "PagerDuty answered 400."),
        ([[[[[["too deep"]]]]]], "PagerDuty answered 400."),
        (
            {"message": "x" * 140 + KEY, "errors": ["y" * 1000] * 500},
            "x" * 140 + f"****4711: {'y' * 150}\u2026 \u2026",
        ),
    ],
)  # fmt: skip
def test_a_refusal_carries_pagerdutys_words_whatever_their_shape(client, http, body, words):
    http.post(f"{EVENTS}/enqueue", json=body, status=400)
    with pytest.raises(Rejected) as caught:
        client.enqueue(make_event())
    assert caught.value.detail == words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<html><head><title>400 Bad&nbsp;Request</title><body>" + "z" * 9000, "400 Bad Request"),
        ("<html>nothing to say", "PagerDuty answered 400."),
        ("upstream says no", "upstream says no"),
        ("", "PagerDuty answered 400."),
        ("[" * 100_000, "PagerDuty answered 400."),
    ],
)
def test_a_refusal_that_is_no_json_is_one_short_line(client, http, content, words):
    http.post(f"{EVENTS}/enqueue", body=content, status=400)
    with pytest.raises(Rejected) as caught:
        client.enqueue(make_event())
    assert caught.value.detail == words


@pytest.mark.parametrize("status", [301, 401, 403, 404])
def test_the_events_api_is_never_said_to_want_a_token(client, http, status):
    http.post(f"{EVENTS}/enqueue", json={"message": "No"}, status=status)
    with pytest.raises(Refused) as caught:
        client.enqueue(make_event())
    assert "token" not in caught.value.detail
    assert f"{EVENTS} " in caught.value.detail


@pytest.mark.parametrize(
    ("answer", "error", "maybe_taken"),
    [
        ({"status": 500}, Unreachable, True),
        ({"status": 502}, Unreachable, True),
        ({"status": 503}, Unreachable, False),
        ({"status": 408}, Unreachable, False),
        ({"body": requests.ReadTimeout("slow")}, Unreachable, True),
        ({"body": requests.ConnectTimeout("slow")}, Unreachable, False),
        ({"body": requests.ConnectionError("NewConnectionError: refused")}, Unreachable, False),
        ({"body": requests.ConnectionError("Connection aborted")}, Unreachable, True),
    ],
)
def test_tells_whether_pagerduty_may_have_taken_the_event(client, http, answer, error, maybe_taken):
    http.post(f"{EVENTS}/enqueue", **answer)
    with pytest.raises(error) as caught:
        client.enqueue(make_event())
    assert caught.value.maybe_taken is maybe_taken
    assert len(http.calls) == 1  # a POST is never repeated by the transport


@pytest.mark.parametrize("answer", [{"status": 200, "body": "<html>"}, {"status": 202, "json": {}}])
def test_an_event_counts_as_taken_only_when_pagerduty_says_success(client, http, answer):
    http.post(f"{EVENTS}/enqueue", **answer)
    with pytest.raises(Unreadable):
        client.enqueue(make_event())


def test_neither_token_nor_key_is_in_errors_reprs_and_logs(client, http, caplog):
    caplog.set_level(logging.DEBUG)
    body = {"error": {"message": f"bad {TOKEN}", "errors": [TOKEN]}}
    announce(http, "/services", body, status=400)
    http.post(f"{EVENTS}/enqueue", body=requests.ConnectionError(f"to {KEY}"))
    seen = [repr(make_account()), repr(make_event())]
    for call in (client.services, lambda: client.enqueue(make_event())):
        with pytest.raises((Rejected, Unreachable)) as caught:
            call()
        seen += [repr(caught.value), str(caught.value), caught.value.detail]
    seen += [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    assert "****6789" in " ".join(seen)
    for text in seen:
        assert TOKEN not in text
        assert KEY not in text


def test_asks_at_most_a_hundred_ids_at_once(client):
    with pytest.raises(ValueError, match="100"):
        client.open_incidents([f"P{number}" for number in range(101)])


def test_counts_its_requests(client, http):
    http.get(f"{API}/incidents", json=page_of("incidents"))
    client.open_incidents()
    client.open_incidents()
    assert client.requests_sent == 2


class TestAListThatShrinksWhileItIsRead:
    """What is not in the list of open incidents counts as resolved."""

    @staticmethod
    def open_incidents(http, client, *, count, resolved_between):
        """Their numbers; after each page some of the first are resolved."""
        rows = [incident_json(number) for number in range(count, 0, -1)]
        batches = iter(resolved_between)

        def page(request):
            query = parse_qs(urlsplit(request.url).query)
            begin = int(query["offset"][0])
            given, more = rows[begin : begin + 100], begin + 100 < len(rows)
            del rows[: next(batches, 0)]
            return 200, {}, json.dumps(page_of("incidents", *given, more=more, offset=begin))

        http.add_callback("GET", f"{API}/incidents", page)
        found = [incident.number for incident in client.open_incidents()]
        assert len(found) == len(set(found))
        return set(found), {row["incident_number"] for row in rows}

    @pytest.mark.parametrize("resolved", [(1,), (5, 3), (60,), (100, 100), (150,), (240,)])
    def test_no_incident_that_is_still_open_is_passed_over(self, http, client, resolved):
        found, still_open = self.open_incidents(http, client, count=240, resolved_between=resolved)
        assert still_open <= found

    def test_a_few_that_go_cost_no_further_request(self, http, client):
        self.open_incidents(http, client, count=240, resolved_between=(4, 4, 4))
        assert len(http.calls) == 3
