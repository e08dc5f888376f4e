"""The sandbox without its sockets: an account, a clock, and what events do to them."""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.pagerduty import alerts, incidents
from sandbox.pagerduty.account import Account
from sandbox.pagerduty.alerts import AcceptedEvent
from sandbox.pagerduty.example_account import example_account
from sandbox.pagerduty.faults import Faults
from sandbox.pagerduty.oauth import Grants
from sandbox.pagerduty.quota import Quota
from sandbox.pagerduty.request_log import RequestLog, mask
from sandbox.pagerduty.resources import (
    Change,
    Integration,
    Person,
    Service,
)
from sandbox.pagerduty.webhooks import Webhooks

TOKEN = "sandbox-token"  # noqa: S105 - opens nothing but this process
REST_PER_MINUTE = 960
EVENTS_PER_MINUTE = 120


def utc_now() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)


class State:
    """One account and everything that happens to it; every method may be called from any thread.

    Args:
        make_account: Makes the account for an instant; called again by ``reset``.
        now: The clock, aware UTC; a test gives one that stands still.
        incident_delay_s: Seconds between an accepted event and what it does.
        requests_per_minute: Of REST v2, for one token.
        webhook_url: Where events are sent from the start; empty for nowhere.

    Attributes:
        lock: Held while the account is read or changed.
        faults: Those that are set.
        requests: The log of requests.
        token: The REST API token that is accepted.
        webhooks: The subscriptions and what is sent to them.
    """

    def __init__(
        self,
        make_account: Callable[[datetime], Account] = example_account,
        *,
        now: Callable[[], datetime] = utc_now,
        incident_delay_s: float = 1.0,
        requests_per_minute: int = REST_PER_MINUTE,
        webhook_url: str = "",
    ) -> None:
        self.lock = threading.RLock()
        self.now = now
        self.token = TOKEN
        self.incident_delay_s = incident_delay_s
        self.faults = Faults()
        self.requests = RequestLog()
        self.webhooks = Webhooks(webhook_url)
        self._make_account = make_account
        self._requests_per_minute = requests_per_minute
        self.reset()

    def reset(self) -> None:
        """Start again: a new account, no faults, an empty log of requests."""
        with self.lock:
            self.account = self._make_account(self.now())
            self.quota = Quota(self._requests_per_minute, self.now)
            self.events_quota = Quota(EVENTS_PER_MINUTE, self.now)
            self.grants = Grants(self.now)
            self.faults.clear()
            self.requests.clear()
            self._accepted: list[AcceptedEvent] = []
            self._keys = {
                integration.key: (service, integration)
                for service in self.account.services
                for integration in service.integrations
                if integration.takes_events
            }
            self.advance()
            self.webhooks.reset()

    def advance(self) -> datetime:
        """Catch up with the clock: due events, escalations, acknowledgements that ran out.

        Returns:
            The instant that was caught up with.
        """
        with self.lock:
            now = self.now()
            due = [event for event in self._accepted if event.due_at <= now]
            self._accepted = [event for event in self._accepted if event.due_at > now]
            for event in due:
                alerts.process(self.account, event)
            for incident in self.account.incidents:
                if incident.is_open:
                    incidents.escalate(incident, now)
            return now

    def queue_webhooks(self) -> None:
        """Queue a webhook for everything that has happened since the last call."""
        with self.lock:
            if self.webhooks.subscriptions:
                self.webhooks.watch(self.account, self.advance())

    def person_by_token(self, token: str) -> Person | None:
        """The user whose own token it is: the account's, a hyphen, and the user's id."""
        start, _, id_ = token.rpartition("-")
        if start != self.token:
            return None
        return next((person for person in self.account.people if person.id == id_), None)

    def find_key(self, routing_key: object) -> tuple[Service, Integration] | None:
        """The service and integration a routing key belongs to."""
        return self._keys.get(routing_key) if isinstance(routing_key, str) else None

    def accept(self, event: dict[str, Any], service: Service, integration: Integration) -> str:
        """Accept a valid alert event; it is processed after ``incident_delay_s``.

        Returns:
            The deduplication key, made up when the event had none.
        """
        dedup_key = str(event.get("dedup_key") or uuid.uuid4().hex)
        with self.lock:
            self._accepted.append(
                AcceptedEvent(
                    due_at=self.now() + timedelta(seconds=self.incident_delay_s),
                    service=service,
                    integration=integration,
                    action=event["event_action"],
                    dedup_key=dedup_key,
                    payload=event.get("payload") or {},
                )
            )
        return dedup_key

    def accept_change(
        self, event: dict[str, Any], service: Service, integration: Integration
    ) -> None:
        """Accept a valid change event; it is listed at once."""
        payload = event["payload"]
        with self.lock:
            changes = self.account.changes
            changes.append(
                Change(
                    id=f"01SANDBOX{len(changes) + 1:017d}",
                    summary=payload["summary"],
                    at=_instant(payload.get("timestamp")) or self.now(),
                    source=str(payload.get("source") or ""),
                    service=service,
                    integration=integration,
                    links=event.get("links") or [],
                    images=event.get("images") or [],
                    custom_details=payload.get("custom_details") or {},
                )
            )

    def as_json(self) -> dict[str, Any]:
        """What ``/sandbox/state`` shows; keys are masked."""
        with self.lock:
            now = self.advance()
            opened = self.account.open_by_service()
            return {
                "now": now.isoformat(),
                "incident_delay_s": self.incident_delay_s,
                "events_waiting": len(self._accepted),
                "faults": self.faults.as_json(),
                "requests": self.requests.counts(),
                "services": [
                    {
                        "id": service.id,
                        "name": service.name,
                        "keys": [
                            f"{integration.name} {mask(integration.key)}"
                            for integration in service.integrations
                            if integration.takes_events
                        ],
                        "is_disabled": service.is_disabled,
                        "in_maintenance": self.account.in_maintenance(service, now),
                        "open_incidents": [
                            {
                                "id": incident.id,
                                "number": incident.number,
                                "title": incident.title,
                                "status": incident.status,
                                "dedup_keys": incident.keys,
                                "events": sum(alert.event_count for alert in incident.alerts),
                                "assignees": [person.name for person in incident.assignees],
                            }
                            for incident in opened.get(service.id, ())
                        ],
                    }
                    for service in self.account.services
                ],
            }


def _instant(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
