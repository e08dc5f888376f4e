"""The mirror of PagerDuty and its freshness, the links to entities, and the audit of pages.

Pages read these rows. Only ``syncing`` and ``webhooks`` write the mirror, and only ``paging`` the
audit.
"""

from pagerduty_card.models.attempts import TriggeredIncident, TriggeredIncidentQuerySet
from pagerduty_card.models.events import (
    ChangeEvent,
    Incident,
    IncidentQuerySet,
    Insight,
    PastIncident,
)
from pagerduty_card.models.feeds import Feed, MirrorOrigin
from pagerduty_card.models.inbox import Delivery, Inbox
from pagerduty_card.models.links import MappingChange, ServiceLink
from pagerduty_card.models.mappings import Mapping
from pagerduty_card.models.services import (
    EscalationPolicy,
    Integration,
    OnCall,
    Responder,
    Service,
    ServiceQuerySet,
)

__all__ = [
    "ChangeEvent",
    "Delivery",
    "EscalationPolicy",
    "Feed",
    "Inbox",
    "Incident",
    "IncidentQuerySet",
    "Insight",
    "Integration",
    "Mapping",
    "MappingChange",
    "MirrorOrigin",
    "OnCall",
    "PastIncident",
    "Responder",
    "Service",
    "ServiceLink",
    "ServiceQuerySet",
    "TriggeredIncident",
    "TriggeredIncidentQuerySet",
]
