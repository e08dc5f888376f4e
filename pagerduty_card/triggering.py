"""The one use case that pages a person."""

from django.contrib.auth.models import AbstractBaseUser

from catalog.models import Entity
from pagerduty_card.domain import Severity
from pagerduty_card.mapping import Mapped
from pagerduty_card.models import TriggeredIncident


class NotAllowed(Exception):
    """The person may not trigger incidents."""


class TooMany(Exception):
    """The person has triggered too many incidents lately.

    Attributes:
        retry_in_s: Seconds until the next one is allowed.
    """

    def __init__(self, retry_in_s: float) -> None:
        super().__init__(f"too many, next in {retry_in_s:.0f} s")
        self.retry_in_s = retry_in_s


class CannotPage(Exception):
    """The service has no integration to page through; the message says so."""


def trigger(
    *,
    entity: Entity,
    service_target: Mapped,
    description: str,
    severity: Severity,
    details: str,
    dedup_key: str,
    user: AbstractBaseUser,
) -> TriggeredIncident:
    """Page the on-call of a service, once for each ``dedup_key``."""
    raise NotImplementedError


def new_dedup_key(entity: Entity) -> str:
    """A key for one showing of the form."""
    raise NotImplementedError
