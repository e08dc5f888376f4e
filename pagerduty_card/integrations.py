"""Integrations of services as values; which type the Events API v2 accepts. No Django, no HTTP."""

from dataclasses import dataclass, field
from typing import Any, Self

from pagerduty_card.fields import as_object, id_of, name_of, text

# The type of integration whose key the Events API v2 accepts, of whichever tool it is.
EVENTS_V2 = "events_api_v2_inbound_integration"
# PagerDuty's id of the vendor Backstage; its integrations are of the type above.
BACKSTAGE_VENDOR = "PRO19CT"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiIntegration:
    """An integration of a service.

    Attributes:
        key: Its integration key, a secret; empty when it has none. The Events API v2 accepts it
            as a routing key where ``type`` is ``EVENTS_V2`` alone.
        type: For example ``nagios_inbound_integration``; empty when not told.
        vendor_id: PagerDuty's id of the tool it is for; empty without one.

    Source: https://developer.pagerduty.com/api-reference/ (schema ``Integration``)
    """

    id: str
    name: str
    key: str = field(repr=False)
    type: str = ""
    vendor_id: str = ""

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse an integration or a reference to one, which carries no key."""
        raw = as_object(raw, "integration")
        vendor = raw.get("vendor")
        return cls(
            id=id_of(raw),
            name=name_of(raw),
            key=text(raw, "integration_key").strip(),
            type=text(raw, "type").removesuffix("_reference"),
            vendor_id=text(vendor, "id") if isinstance(vendor, dict) else "",
        )
