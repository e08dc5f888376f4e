"""A webhook's body read: the event, and the incident in it. No database.

Source: https://developer.pagerduty.com/docs/webhooks-overview
"""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pagerduty_card.domain import ApiIncident, Reference
from pagerduty_card.errors import Unreadable
from pagerduty_card.fields import (
    as_object,
    instant,
    objects_of,
    required_instant,
    required_text,
    text,
)

_MAX_ID_LENGTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        type: For example ``incident.triggered``.
        resource_type: For example ``incident``.
        occurred_at: By PagerDuty's clock (UTC).
        agent: Who did it; None where PagerDuty names nobody.
        data: The thing as it was then, or what was added to it, by its own ``type``.
    """

    type: str
    resource_type: str
    occurred_at: datetime
    agent: Reference | None
    data: dict[str, Any]


def id_in(body: bytes) -> str:
    """What tells a delivery from another: the event's id, or a digest of a body without one."""
    try:
        found = json.loads(body)["event"]["id"]
    except (ValueError, RecursionError, KeyError, TypeError, IndexError):
        found = None
    if isinstance(found, str) and found.isprintable() and 0 < len(found) <= _MAX_ID_LENGTH:
        return found
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def read(body: str) -> Event:
    """Read a delivery's body.

    Raises:
        Unreadable: It is no JSON, or no event.
    """
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("the body is not JSON") from None
    raw = as_object(as_object(whole, "the body").get("event"), "event")
    agent = raw.get("agent")
    data = raw.get("data")
    return Event(
        type=required_text(raw, "event_type"),
        resource_type=text(raw, "resource_type"),
        occurred_at=required_instant(raw, "occurred_at"),
        agent=_reference(agent),
        data=data if isinstance(data, dict) else {},
    )


def _reference(raw: Any) -> Reference | None:
    """What is named, if it is: an event without its agent is still an event."""
    try:
        return Reference.from_api(raw)
    except Unreadable:
        return None


def incident_of(event: Event) -> ApiIncident:
    """The incident as the event tells it.

    A webhook names neither who acknowledged nor what happens next: both are empty.

    Raises:
        Unreadable: What the portal cannot do without is missing.
    """
    raw = event.data
    as_rest_has_it = {
        **raw,
        "incident_number": raw.get("number"),
        "created_at": (instant(raw, "created_at") or event.occurred_at).isoformat(),
        "assignments": [{"assignee": one} for one in objects_of(raw.get("assignees"))],
        "acknowledgements": [],
        "pending_actions": [],
    }
    return replace(ApiIncident.from_api(as_rest_has_it), changed_at=event.occurred_at)
