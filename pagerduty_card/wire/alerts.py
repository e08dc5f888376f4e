"""Alerts: what the portal sends, and what PagerDuty reports of them. No Django, no HTTP."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from pagerduty_card.domain import ApiLink, Severity
from pagerduty_card.fields import as_object, required_instant, required_text, text


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerEvent:
    """An alert to send through the Events API v2.

    Attributes:
        routing_key: Integration key of the service, a secret.
        dedup_key: At most 255 characters; the same key never opens a second incident.
        summary: 1 to 1024 characters.
        custom_details: Shown with the alert as it is.

    Source: https://developer.pagerduty.com/docs/events-api-v2-trigger-events
    """

    routing_key: str = field(repr=False)
    dedup_key: str
    summary: str
    source: str
    severity: Severity
    event_class: str
    custom_details: dict[str, str]
    client: str
    client_url: str
    links: tuple[ApiLink, ...]

    def to_api(self) -> dict[str, Any]:
        """The request's body."""
        return {
            "routing_key": self.routing_key,
            "event_action": "trigger",
            "dedup_key": self.dedup_key,
            "client": self.client,
            "client_url": self.client_url,
            "links": [{"href": link.href, "text": link.text} for link in self.links],
            "payload": {
                "summary": self.summary,
                "source": self.source,
                "severity": str(self.severity),
                "class": self.event_class,
                "custom_details": self.custom_details,
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAlert:
    """An alert of an incident.

    Attributes:
        key: Its ``dedup_key``; empty where PagerDuty does not tell.
        status: As PagerDuty wrote it: ``triggered``, ``resolved``, or one to come.
    """

    key: str
    status: str
    is_suppressed: bool
    created_at: datetime

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse an alert."""
        raw = as_object(raw, "alert")
        return cls(
            key=text(raw, "alert_key"),
            status=required_text(raw, "status"),
            is_suppressed=raw.get("suppressed") is True,
            created_at=required_instant(raw, "created_at"),
        )
