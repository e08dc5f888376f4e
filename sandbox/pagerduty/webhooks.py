"""Webhooks v3 of the sandbox: subscriptions, and signed events to addresses of this machine.

Source: https://developer.pagerduty.com/docs/webhooks-overview
"""

import hashlib
import hmac
import http.client
import json
import re
import secrets
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.pagerduty.account import Account
from sandbox.pagerduty.errors import InvalidInput, NotFound
from sandbox.pagerduty.references import Json, reference
from sandbox.pagerduty.routing import Reply
from sandbox.pagerduty.webhook_events import (
    Snapshot,
    agent,
    event_types,
    incident_data,
    new_notes,
    note_data,
    snapshot,
)

PATH = "/webhook_subscriptions"
# Signs what the first subscription is sent; a portal with PAGERDUTY_SANDBOX on expects it.
FIRST_SECRET = "sandbox-webhook-secret"  # noqa: S105 - public, as the sandbox's token is
HOSTS = {"127.0.0.1", "localhost"}
TIMEOUT_S = 5
MAX_REFUSALS = 3
MAX_ATTEMPTS = 10
_ONE = re.compile(f"{PATH}/([A-Z0-9]+)(/enable|/ping)?")


@dataclass(slots=True, kw_only=True)
class Subscription:
    """Where events are sent."""

    id: str
    url: str
    secret: str
    events: list[str]
    description: str = ""
    is_active: bool = True
    is_suspended: bool = False
    refused_in_a_row: int = 0
    waiting: "deque[Outgoing]" = field(default_factory=deque)

    def as_json(self, *, with_secret: bool = False) -> Json:
        """As PagerDuty writes it; the secret only where it was made."""
        return {
            "id": self.id,
            "type": "webhook_subscription",
            "active": self.is_active,
            "delivery_method": {
                "id": f"{self.id}D",
                "type": "http_delivery_method",
                "url": self.url,
                "secret": self.secret if with_secret else None,
                "temporarily_disabled": self.is_suspended,
                "custom_headers": [],
            },
            "description": self.description,
            "events": self.events,
            "filter": {"type": "account_reference"},
        }


@dataclass(slots=True, kw_only=True)
class Outgoing:
    """One delivery that is on its way."""

    id: str
    body: bytes
    attempts: int = 0
    due_at: float = 0.0


class Webhooks:
    """The subscriptions, and the incidents as they were when webhooks were queued last.

    Attributes:
        subscriptions: In the order in which they were made.
    """

    def __init__(self, url: str = "") -> None:
        """With an address there is one subscription from the start."""
        self._url = url
        self._lock = threading.RLock()
        self.subscriptions: list[Subscription] = []
        self._snapshots: dict[str, Snapshot] | None = None

    def reset(self) -> None:
        """Start again: nothing is queued, and incidents that are open already cause no webhook."""
        with self._lock:
            self._snapshots = None
            self.subscriptions = []
            if self._url:
                self.add(self._url, ALL_EVENTS, secret=FIRST_SECRET)

    def add(
        self, url: str, events: list[str], *, description: str = "", secret: str = ""
    ) -> Subscription:
        """Add a subscription."""
        made = Subscription(
            id=f"PWH{len(self.subscriptions) + 1:07d}{secrets.token_hex(2).upper()}",
            url=url,
            secret=secret or secrets.token_hex(32),
            events=list(events),
            description=description,
        )
        with self._lock:
            self.subscriptions.append(made)
        return made

    def watch(self, account: Account, now: datetime) -> None:
        """Compare the incidents with what they were, and queue an event for each difference."""
        present = {incident.id: snapshot(incident) for incident in account.incidents}
        if self._snapshots is not None:
            for incident in account.incidents:
                before = self._snapshots.get(incident.id)
                for type_ in event_types(before, present[incident.id]):
                    self.queue(type_, "incident", incident_data(incident), now, agent(incident))
                for note in new_notes(before, incident):
                    data = note_data(incident, note)
                    self.queue("incident.annotated", "incident_note", data, now, reference(note.by))
        self._snapshots = present

    def queue(
        self, type_: str, resource_type: str, data: Json, at: datetime, agent: Json | None = None
    ) -> None:
        """Queue an event for every active subscription to its type."""
        event = {
            "id": f"01{uuid.uuid4().hex[:24].upper()}",
            "event_type": type_,
            "resource_type": resource_type,
            "occurred_at": at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "agent": agent,
            "client": None,
            "data": data,
        }
        body = json.dumps({"event": event}).encode()
        with self._lock:
            for one in self.subscriptions:
                if one.is_active and not one.is_suspended and type_ in (*one.events, PING):
                    one.waiting.append(Outgoing(id=str(uuid.uuid4()), body=body))

    def send_due(self, stopping: threading.Event) -> None:
        """Send what is due, in order for each subscription; what is not accepted is sent again."""
        with self._lock:
            subscriptions = list(self.subscriptions)
        for one in subscriptions:
            while one.waiting and not stopping.is_set():
                outgoing = one.waiting[0]
                if outgoing.due_at > time.monotonic():
                    break
                self._record(one, outgoing, _post(one, outgoing))

    def _record(self, one: Subscription, outgoing: Outgoing, status: int) -> None:
        with self._lock:
            if not one.waiting or one.waiting[0] is not outgoing:
                return
            outgoing.attempts += 1
            if 200 <= status < 300:
                one.refused_in_a_row = 0
                one.waiting.popleft()
            elif 400 <= status < 500 and status != 429:
                one.waiting.popleft()
                one.refused_in_a_row += 1
                if one.refused_in_a_row >= MAX_REFUSALS:
                    one.is_suspended = True
                    one.waiting.clear()
            elif outgoing.attempts >= MAX_ATTEMPTS:
                one.waiting.popleft()
            else:
                outgoing.due_at = time.monotonic() + min(0.25 * 2**outgoing.attempts, 30)


PING = "pagey.ping"
ALL_EVENTS = [
    f"incident.{what}"
    for what in (
        "triggered",
        "acknowledged",
        "unacknowledged",
        "escalated",
        "reassigned",
        "delegated",
        "priority_updated",
        "annotated",
        "service_updated",
        "resolved",
        "reopened",
    )
] + ["service.updated", "service.deleted"]


def is_route(path: str) -> bool:
    """Whether an address is about subscriptions."""
    return path == PATH or bool(_ONE.fullmatch(path))


def answer(webhooks: Webhooks, method: str, path: str, body: dict[str, Any] | None) -> Reply:
    """Answer a request about subscriptions.

    Raises:
        RestError: It is refused.
    """
    if path == PATH and method == "GET":
        return Reply(200, _listing(webhooks))
    if path == PATH and method == "POST":
        return _create(webhooks, body)
    match = _ONE.fullmatch(path)
    one = next((s for s in webhooks.subscriptions if match and s.id == match.group(1)), None)
    if one is None or match is None:
        raise NotFound
    return _answer_one(webhooks, one, f"{method} {match.group(2) or ''}".strip(), body)


def _answer_one(
    webhooks: Webhooks, one: Subscription, what: str, body: dict[str, Any] | None
) -> Reply:
    change = (body or {}).get("webhook_subscription")
    match what:
        case "GET":
            pass
        case "PUT" if isinstance(change, dict) and isinstance(change.get("active"), bool):
            one.is_active = change["active"]
        case "PUT":
            raise InvalidInput("Nothing to change")
        case "POST /enable":
            one.is_suspended, one.refused_in_a_row = False, 0
        case "POST /ping":
            webhooks.queue(PING, "pagey", {"message": "Hello"}, datetime.now(UTC))
            return Reply(202, {})
        case "DELETE":
            webhooks.subscriptions.remove(one)
            return Reply(204, {})
        case _:
            raise NotFound
    return Reply(200, {"webhook_subscription": one.as_json()})


def _listing(webhooks: Webhooks) -> Json:
    return {
        "webhook_subscriptions": [one.as_json() for one in webhooks.subscriptions],
        "limit": 100,
        "offset": 0,
        "more": False,
        "total": None,
    }


def _create(webhooks: Webhooks, body: dict[str, Any] | None) -> Reply:
    given = (body or {}).get("webhook_subscription")
    asked = given if isinstance(given, dict) else {}
    method, events = asked.get("delivery_method"), asked.get("events")
    url = method.get("url") if isinstance(method, dict) else None
    problems = []
    if not isinstance(events, list) or not events or len(set(map(str, events))) != len(events):
        problems.append("Events must be a list of at least one, none of them twice")
    if asked.get("filter") != {"type": "account_reference"}:
        problems.append("The sandbox knows no filter but the account's")
    if not isinstance(url, str) or not is_here(url):
        problems.append("The sandbox sends to 127.0.0.1 alone")
    if problems or not isinstance(events, list):
        raise InvalidInput(*problems)
    made = webhooks.add(str(url), events, description=str(asked.get("description") or ""))
    return Reply(200, {"webhook_subscription": made.as_json(with_secret=True)})


def is_here(url: str) -> bool:
    """Whether an address is an http one of this machine; webhooks go to no other."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in HOSTS and port != 0


def _post(one: Subscription, outgoing: Outgoing) -> int:
    """Send one delivery; the status, or 0 without an answer."""
    if not is_here(one.url):
        return 400
    parts = urlsplit(one.url)
    signature = hmac.new(one.secret.encode(), outgoing.body, hashlib.sha256).hexdigest()
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port or 80, timeout=TIMEOUT_S
    )
    try:
        connection.request(
            "POST",
            parts.path or "/",
            outgoing.body,
            {
                "Content-Type": "application/json",
                "User-Agent": "PagerDuty-Webhook/V3.0",
                "X-PagerDuty-Signature": f"v1={signature}",
                "X-Webhook-Id": outgoing.id,
                "X-Webhook-Subscription": one.id,
            },
        )
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    else:
        return status
    finally:
        connection.close()
