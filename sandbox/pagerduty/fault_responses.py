"""Responses while a fault is set: another one, or the right one with something wrong in it."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sandbox.pagerduty.api import HttpRequest, HttpResponse, failure, json_response
from sandbox.pagerduty.faults import Fault, Kind

HUGE_BYTES = 10 * 1024 * 1024
HTML = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"


def replacement(fault: Fault, request: HttpRequest) -> HttpResponse | None:
    """The response that is sent without doing anything; None where the request is answered."""
    if fault.kind == Kind.STATUS:
        return failure(fault.status, is_event=request.is_event, shape=fault.shape)
    if fault.kind == Kind.BARE_STATUS:
        return HttpResponse(status=fault.status, body=b"")
    if fault.kind == Kind.HTML:
        return HttpResponse(status=200, body=HTML, headers={"Content-Type": "text/html"})
    if fault.kind == Kind.EMPTY_OBJECT:
        return json_response(200, {})
    if fault.kind == Kind.HUGE_BODY:
        return json_response(200, {"filler": "x" * HUGE_BYTES})
    return None


def altered_request(fault: Fault, request: HttpRequest) -> HttpRequest:
    """The request that is answered in place of the given one: endless pages have no offset.

    A suppressed alert is answered like the end of an alert that is not open, which changes nothing.
    """
    if fault.kind == Kind.SUPPRESSED:
        event = json.loads(request.body) | {"event_action": "resolve"}
        return replace(request, body=json.dumps(event).encode())
    if fault.kind != Kind.ENDLESS_MORE:
        return request
    path, _, query = request.target.partition("?")
    pairs = [(name, value) for name, value in parse_qsl(query) if name != "offset"]
    return replace(request, target=f"{path}?{urlencode(pairs)}")


def altered_response(fault: Fault, response: HttpResponse) -> HttpResponse:
    """The response to a request that was answered, changed as the fault says."""
    if fault.kind == Kind.CUT_JSON:
        return replace(response, body=response.body[: len(response.body) // 2])
    change = _CHANGES.get(fault.kind)
    if change is None:
        return response
    return replace(response, body=json.dumps(change(json.loads(response.body))).encode())


def _in_records(body: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """Change every value of every record, and leave what is around the records."""

    def of(value: object) -> object:
        if isinstance(value, list):
            return [of(item) for item in value]
        if isinstance(value, dict):
            return {name: change(inner) for name, inner in value.items()}
        return value

    return {name: of(value) for name, value in body.items()}


def _wrong_type(value: object) -> object:
    if isinstance(value, str):
        return 7
    if isinstance(value, bool | int | float):
        return "seven"
    if isinstance(value, list):
        return "several"
    return [] if value is None else 7


def _null(_value: object) -> None:
    return None


def _unknown_value(value: object, name: str = "") -> object:
    if isinstance(value, list):
        return [_unknown_value(item, name) for item in value]
    if isinstance(value, dict):
        return {key: _unknown_value(inner, key) for key, inner in value.items()}
    return _UNKNOWN_VALUES.get(name, value)


_UNKNOWN_VALUES = {"status": "pondering", "urgency": "colossal", "assigned_via": "telepathy"}


def _endless(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "more": True}


_CHANGES: dict[Kind, Callable[[Any], Any]] = {
    Kind.WRONG_TYPES: lambda body: _in_records(body, _wrong_type),
    Kind.NULLS: lambda body: _in_records(body, _null),
    Kind.UNKNOWN_VALUES: _unknown_value,
    Kind.ENDLESS_MORE: _endless,
}
