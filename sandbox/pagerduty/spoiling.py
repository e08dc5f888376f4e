"""Answers spoilt on purpose: what is sent instead of the truth while a fault is set."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sandbox.pagerduty.api import Asked, Response, as_response, failure
from sandbox.pagerduty.faults import Fault, Kind

HUGE_BYTES = 10 * 1024 * 1024
HTML = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"


def instead(fault: Fault, asked: Asked) -> Response | None:
    """The answer that is given without doing anything; None when the work is done."""
    if fault.kind == Kind.STATUS:
        return failure(fault.status, is_event=asked.is_event)
    if fault.kind == Kind.BARE_STATUS:
        return Response(status=fault.status, body=b"")
    if fault.kind == Kind.HTML:
        return Response(status=200, body=HTML, headers={"Content-Type": "text/html"})
    if fault.kind == Kind.EMPTY_OBJECT:
        return as_response(200, {})
    if fault.kind == Kind.HUGE_BODY:
        return as_response(200, {"filler": "x" * HUGE_BYTES})
    return None


def bend(fault: Fault, asked: Asked) -> Asked:
    """The request that is answered in place of the one that came: endless pages have no offset."""
    if fault.kind != Kind.ENDLESS_MORE:
        return asked
    path, _, query = asked.target.partition("?")
    pairs = [(name, value) for name, value in parse_qsl(query) if name != "offset"]
    return replace(asked, target=f"{path}?{urlencode(pairs)}")


def spoil(fault: Fault, response: Response) -> Response:
    """The answer after the work was done, changed the way the fault wants it."""
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


def _wrong(value: object) -> object:
    if isinstance(value, str):
        return 7
    if isinstance(value, bool | int | float):
        return "seven"
    if isinstance(value, list):
        return "several"
    return [] if value is None else 7


def _null(_value: object) -> None:
    return None


def _unheard_of(value: object, name: str = "") -> object:
    if isinstance(value, list):
        return [_unheard_of(item, name) for item in value]
    if isinstance(value, dict):
        return {key: _unheard_of(inner, key) for key, inner in value.items()}
    return _NOVELTIES.get(name, value)


_NOVELTIES = {"status": "pondering", "urgency": "colossal", "assigned_via": "telepathy"}


def _endless(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "more": True}


_CHANGES: dict[Kind, Callable[[Any], Any]] = {
    Kind.WRONG_TYPES: lambda body: _in_records(body, _wrong),
    Kind.NULLS: lambda body: _in_records(body, _null),
    Kind.UNKNOWN_VALUES: _unheard_of,
    Kind.ENDLESS_MORE: _endless,
}
