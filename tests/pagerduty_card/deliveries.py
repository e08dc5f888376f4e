"""Events as PagerDuty's webhooks send them, signed: plain functions, every field by keyword."""

import datetime as dt
import itertools
import json

from django.test import TestCase
from django.utils import timezone

from pagerduty_card.webhooks.signatures import HEADER, sign
from tests.pagerduty_card.factories import APP, reference_json

SECRET = "webhook-secret-value-4711"
_numbers = itertools.count(1)


def incident_data(number=4711, **fields):
    id_ = f"PINC{number}"
    return {
        "id": id_,
        "type": "incident",
        "self": f"https://api.pagerduty.com/incidents/{id_}",
        "html_url": f"{APP}/incidents/{id_}",
        "number": number,
        "status": "triggered",
        "incident_key": None,
        "created_at": "2026-11-01T09:00:00Z",
        "title": "Payments time out",
        "service": reference_json("PCHKOUT", "service", "checkout-api"),
        "assignees": [reference_json("PANA", "user", "Ana Lima")],
        "escalation_policy": reference_json("PPOLCHK", "escalation_policy", "Checkout escalation"),
        "teams": [],
        "priority": reference_json("PP1", "priority", "P1"),
        "urgency": "high",
        "conference_bridge": None,
        "resolve_reason": None,
        **fields,
    }


def event_json(type_="incident.triggered", *, at=None, data=None, **fields):
    """A whole body; ``at`` is when it happened, now by default."""
    statuses = {"incident.acknowledged": "acknowledged", "incident.resolved": "resolved"}
    status = statuses.get(type_, "triggered")
    return {
        "event": {
            "id": f"01EVENT{next(_numbers):019d}",
            "event_type": type_,
            "resource_type": type_.partition(".")[0],
            "occurred_at": (at or timezone.now()).astimezone(dt.UTC).isoformat(),
            "agent": reference_json("PANA", "user", "Ana Lima"),
            "client": None,
            "data": incident_data(status=status) if data is None else data,
            **fields,
        }
    }


def post(client, body, *, account="default", secret=SECRET, header=None):
    """Send a body, signed unless ``header`` says otherwise; what waits for its commit is done."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {HEADER: sign(secret, raw) if header is None else header}
    address = f"/pagerduty/webhooks/{account}/"
    with TestCase.captureOnCommitCallbacks(execute=True):
        return client.post(address, raw, content_type="application/json", headers=headers)
