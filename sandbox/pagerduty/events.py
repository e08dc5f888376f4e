"""The rules of Events API v2: which events it accepts, and why not. Pure: no state, no HTTP.

Source: https://developer.pagerduty.com/docs/events-api-v2-overview
"""

import json
from typing import Any
from urllib.parse import urlsplit

KEY_LENGTH = 32
MAX_BYTES = 512 * 1024
MAX_ITEMS = 50
MAX_SUMMARY = 1024
MAX_DEDUP_KEY = 255
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "warning", "error", "info")


def json_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a request's body; None when there is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def problems_of(event: dict[str, Any]) -> list[str]:
    """Why an alert event is refused; an empty list when it is not."""
    problems = _key_problems(event)
    action = event.get("event_action")
    if action not in ACTIONS:
        problems.append(
            "'event_action' is missing or invalid "
            "(must be one of the following: 'trigger', 'acknowledge' or 'resolve')"
        )
    dedup_key = event.get("dedup_key")
    if dedup_key is not None and (not isinstance(dedup_key, str) or len(dedup_key) > MAX_DEDUP_KEY):
        problems.append(f"'dedup_key' must be a string of at most {MAX_DEDUP_KEY} characters")
    if action in ACTIONS[1:] and not dedup_key:
        problems.append("'dedup_key' is missing or blank")
    if action == "trigger":
        problems += _payload_problems(event.get("payload"))
        problems += _client_problems(event)
    return problems


def problems_of_change(event: dict[str, Any]) -> list[str]:
    """Why a change event is refused; an empty list when it is not."""
    payload = event.get("payload")
    problems = _key_problems(event)
    if not isinstance(payload, dict):
        return [*problems, "'payload' is missing or invalid"]
    return [*problems, *_summary_problems(payload), *_link_problems(event)]


def too_many(event: dict[str, Any]) -> list[str]:
    """The lists of an event that are too long, in PagerDuty's words."""
    return [
        f"{name} should have at most {MAX_ITEMS} item(s)"
        for name in ("links", "images")
        if isinstance(event.get(name), list) and len(event[name]) > MAX_ITEMS
    ]


def urgency_of(severity: str, rule: str) -> str:
    """The urgency of an incident: the service's, or that of the severity."""
    if rule != "severity_based":
        return rule
    return "high" if severity in {"critical", "error"} else "low"


def _key_problems(event: dict[str, Any]) -> list[str]:
    key = event.get("routing_key")
    if not isinstance(key, str) or not key:
        return ["'routing_key' is missing or blank"]
    if len(key) != KEY_LENGTH:
        return [f"Length of 'routing_key' is incorrect (should be {KEY_LENGTH} characters)"]
    return []


def _payload_problems(payload: object) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or invalid"]
    problems = _summary_problems(payload)
    if not _is_text(payload.get("source")):
        problems.append("'payload.source' is missing or blank")
    if payload.get("severity") not in SEVERITIES:
        problems.append(
            "'payload.severity' is invalid (must be one of the following: "
            "'critical', 'warning', 'error' or 'info')"
        )
    if not isinstance(payload.get("custom_details", {}), dict):
        problems.append("'payload.custom_details' is invalid (must be an object)")
    problems += [
        f"'payload.{name}' is invalid (must be a string)"
        for name in ("component", "group", "class")
        if not isinstance(payload.get(name, ""), str)
    ]
    return problems


def _summary_problems(payload: dict[str, Any]) -> list[str]:
    summary = payload.get("summary")
    if not _is_text(summary):
        return ["'payload.summary' is missing or blank"]
    if isinstance(summary, str) and len(summary) > MAX_SUMMARY:
        return [f"'payload.summary' is too long (at most {MAX_SUMMARY} characters)"]
    return []


def _client_problems(event: dict[str, Any]) -> list[str]:
    problems = _link_problems(event)
    if not isinstance(event.get("client", ""), str):
        problems.append("'client' is invalid (must be a string)")
    if not _is_address(event.get("client_url", "https://nowhere.example")):
        problems.append("'client_url' is invalid (must be an address)")
    return problems


def _link_problems(event: dict[str, Any]) -> list[str]:
    problems = []
    for name, field in (("links", "href"), ("images", "src")):
        found = event.get(name, [])
        if not isinstance(found, list) or not all(
            isinstance(item, dict) and _is_address(item.get(field)) for item in found
        ):
            problems.append(f"'{name}' is invalid (each needs '{field}', an address)")
    return problems


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_address(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return urlsplit(value).scheme in {"http", "https", "mailto"}
    except ValueError:
        return False
