"""Every request the client sends, held against PagerDuty's published OpenAPI.

The tests' own JSON is held against it too, so that the fakes cannot drift from PagerDuty.
"""

import datetime as dt
import json
import os
import re
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema
import pytest

from pagerduty_card.doctor.probing import LISTS
from pagerduty_card.domain import ApiLink, Severity
from pagerduty_card.wire.alerts import TriggerEvent
from pagerduty_card.wire.client import PagerDutyClient
from tests.pagerduty_card.factories import (
    API,
    EVENTS,
    KEY,
    alert_json,
    change_json,
    incident_json,
    log_entry_json,
    maintenance_json,
    make_account,
    metrics_json,
    on_call_json,
    page_of,
    policy_json,
    score_json,
    service_json,
)
from tests.pagerduty_card.openapi import document_of, validate_answer, validate_request

FOLDER = os.environ.get("PAGERDUTY_OPENAPI_DIR", "")
pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(not FOLDER, reason="PAGERDUTY_OPENAPI_DIR is not set"),
]

NOW = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)
EVENT = TriggerEvent(
    routing_key=KEY,
    dedup_key="switchboard-1",
    summary="Payments time out",
    source="component:default/checkout-api",
    severity=Severity.ERROR,
    event_class="manual trigger",
    custom_details={"triggered by": "Ana Lima"},
    client="Switchboard",
    client_url="https://portal.example.com/x/",
    links=(ApiLink(href="https://portal.example.com/x/", text="checkout-api"),),
)
CALLS = {
    "services": lambda client: client.services(),
    "service": lambda client: client.service("PCHKOUT"),
    "open incidents": lambda client: client.open_incidents(),
    "open incidents of services": lambda client: client.open_incidents(["PCHKOUT", "PB"]),
    "incidents by key": lambda client: client.incidents_by_key("switchboard-1"),
    "alerts of an incident": lambda client: client.oldest_alerts("PINC7"),
    "on call now": lambda client: client.on_calls(["PPOLCHK"]),
    "on call next": lambda client: client.on_calls(since=NOW, until=NOW + dt.timedelta(hours=24)),
    "policies": lambda client: client.escalation_policies(),
    "changes": lambda client: client.change_events(since=NOW),
    "changes of a service": lambda client: client.change_events(since=NOW, service_id="PCHKOUT"),
    "maintenance": lambda client: client.maintenance_windows(["PCHKOUT"]),
    "resolved incidents": lambda client: client.resolved_incidents(["PCHKOUT", "PB"], since=NOW),
    "acknowledgements": lambda client: client.acknowledgements(since=NOW, until=NOW),
    "standards": lambda client: client.standards(["PCHKOUT", "PB"]),
    **{
        f"probe of {path}": lambda client, path=path: client.probe(path, needs="")
        for path in LISTS.values()
    },
}
ANSWERS = {
    "/services": page_of("services", service_json()),
    "/services/PCHKOUT": {"service": service_json()},
    "/incidents": page_of("incidents", incident_json()),
    "/incidents/PINC7/alerts": page_of("alerts", alert_json("switchboard-1")),
    "/oncalls": page_of("oncalls", on_call_json()),
    "/escalation_policies": page_of("escalation_policies", policy_json()),
    "/change_events": page_of("change_events", change_json()),
    "/services/PCHKOUT/change_events": page_of("change_events", change_json()),
    "/maintenance_windows": page_of("maintenance_windows", maintenance_json()),
    "/log_entries": page_of("log_entries", log_entry_json()),
    "/standards/scores/technical_services": {"resources": [score_json()]},
}


def resolved(document, node):
    while "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[unquote(part).replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def operation_of(document, method, path):
    """The operation, with the parameters of its path, for an address that was sent."""
    for template, item in document["paths"].items():
        pattern = "/".join(
            "[^/]+" if part.startswith("{") else re.escape(part) for part in template.split("/")
        )
        if re.fullmatch(pattern, path) and method.lower() in item:
            operation = item[method.lower()]
            given = [*item.get("parameters", []), *operation.get("parameters", [])]
            return operation, [resolved(document, one) for one in given]
    pytest.fail(f"PagerDuty has no {method} {path}")


def values_fit(document, parameter, values):
    schema = resolved(document, parameter.get("schema", {}))
    allowed = schema.get("enum") or resolved(document, schema.get("items", {})).get("enum")
    for value in values:
        if allowed and parameter["name"] != "sort_by":
            assert value in allowed, f"{parameter['name']}={value}"
        if schema.get("type") == "integer":
            assert value.isdecimal()
        if schema.get("type") == "boolean":
            assert value in {"true", "false"}
        if schema.get("format") == "date-time":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value)


@pytest.mark.parametrize("name", CALLS)
def test_a_reading_request_is_as_published(http, name):
    http.assert_all_requests_are_fired = False
    for path, body in ANSWERS.items():
        http.get(f"{API}{path}", json=body)
    with PagerDutyClient(make_account()) as client:
        CALLS[name](client)
    (call,) = http.calls
    document = document_of("rest-v2.json")
    address = urlsplit(call.request.url)
    _, parameters = operation_of(document, "GET", address.path)
    by_name = {one["name"]: one for one in parameters if one["in"] == "query"}
    query = {}
    for key, value in parse_qsl(address.query, strict_parsing=True):
        query.setdefault(key, []).append(value)
    assert set(query) <= set(by_name)
    for key, values in query.items():
        is_list = by_name[key]["schema"].get("type") == "array"
        assert len(values) == 1 or key.endswith("[]") or is_list
        values_fit(document, by_name[key], values)
    if "sort_by" in query:
        assert re.fullmatch(r"\w+:(asc|desc)", query["sort_by"][0])
    if "limit" in query:
        assert int(query["limit"][0]) <= 100
    headers = call.request.headers
    for parameter in parameters:
        if parameter["in"] == "header" and parameter.get("required"):
            values_fit(document, parameter, [headers[parameter["name"]]])
    assert headers["Content-Type"] == "application/json"
    assert headers["Accept"] == "application/vnd.pagerduty+json;version=2"
    assert headers["Authorization"].startswith("Token token=")


def test_the_question_for_metrics_and_its_answer_are_as_published(http):
    path = "/analytics/metrics/incidents/services"
    answer = {"data": [metrics_json()], "time_zone": "Etc/UTC"}
    http.post(f"{API}{path}", json=answer)
    with PagerDutyClient(make_account()) as client:
        (metrics,) = client.analytics(["PCHKOUT"], since=NOW, until=NOW)
    request = http.calls[0].request
    validate_request("POST", request.url, request.headers, request.body)
    validate_answer("POST", path, 200, answer)
    assert metrics.mean_ack_s == 63


@pytest.mark.parametrize("scope", LISTS)
def test_a_scope_is_the_one_that_the_list_is_documented_to_need(scope):
    operation, _ = operation_of(document_of("rest-v2.json"), "GET", LISTS[scope])
    assert f"Scoped OAuth requires: `{scope}`" in operation["description"]


def test_an_event_is_as_published(http):
    http.post(f"{EVENTS}/enqueue", json={"status": "success", "message": "ok"}, status=202)
    with PagerDutyClient(make_account()) as client:
        client.enqueue(EVENT)
    document = document_of("events-v2.json")
    operation, _ = operation_of(document, "POST", "/enqueue")
    content = operation["requestBody"]["content"]
    request = http.calls[0].request
    body = json.loads(request.body)
    schema = content[request.headers["Content-Type"]]["schema"]
    validator(document, schema).validate(body)
    # What the document does not say but PagerDuty demands.
    payload = resolved(document, schema["properties"]["payload"])
    assert set(payload["required"]) <= set(body["payload"])
    assert set(body) <= set(schema["properties"])
    assert set(body["payload"]) <= set(payload["properties"])
    assert len(body["routing_key"]) == 32
    assert body["payload"]["severity"] in {"critical", "error", "warning", "info"}


def validator(document, schema):
    """A validator that knows what PagerDuty's prose says beside its OpenAPI.

    Any field that is not required may be null, and where ``include[]`` was asked for, the whole
    object stands in the place of its reference.
    """
    known = jsonschema.Draft202012Validator.VALIDATORS

    def type_or_null(validator, types, instance, schema):
        if instance is not None:
            yield from known["type"](validator, types, instance, schema)

    def value_or_reference(validator, allowed, instance, schema):
        if instance is not None and f"{instance}_reference" not in allowed:
            yield from known["enum"](validator, allowed, instance, schema)

    def required_is_there(validator, names, instance, schema):
        yield from known["required"](validator, names, instance, schema)
        for name in names if isinstance(instance, dict) else ():
            if instance.get(name, "") is None:
                yield jsonschema.ValidationError(f"{name} is null")

    tolerant = jsonschema.validators.extend(
        jsonschema.Draft202012Validator,
        {
            "type": type_or_null,
            "enum": value_or_reference,
            "required": required_is_there,
            # Several of the published alternatives cannot be told apart.
            "oneOf": known["anyOf"],
        },
    )
    return tolerant({"components": document.get("components", {}), **schema})


@pytest.mark.parametrize("path", ANSWERS)
def test_the_answers_of_the_tests_are_as_published(path):
    document = document_of("rest-v2.json")
    operation, _ = operation_of(document, "GET", path)
    answer = resolved(document, operation["responses"]["200"])
    schema = answer["content"]["application/json"]["schema"]
    errors = [
        f"{'/'.join(str(part) for part in error.absolute_path)}: {error.message[:200]}"
        for error in validator(document, schema).iter_errors(ANSWERS[path])
    ]
    assert errors == []
