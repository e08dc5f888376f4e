"""What the portal tells PagerDuty. No Django, no HTTP."""

from dataclasses import dataclass, field
from typing import Any

from pagerduty_card.domain import ApiLink, Severity


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
