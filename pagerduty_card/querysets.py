"""The query vocabulary of the PagerDuty mirror."""

from typing import Self

from django.db import models


class ServiceQuerySet(models.QuerySet["Service"]):
    """Filters of services."""

    def of_account(self, account: str) -> Self:
        """Services of one account."""
        return self.filter(account=account)

    def with_key(self, integration_key: str) -> Self:
        """The services that have an integration with exactly this key."""
        return self.filter(integrations__integration_key=integration_key).distinct()


class IncidentQuerySet(models.QuerySet["Incident"]):
    """Filters of open incidents."""


class OnCallQuerySet(models.QuerySet["OnCall"]):
    """Filters of on-call rows."""


class FeedQuerySet(models.QuerySet["Feed"]):
    """Look-ups of freshness."""


class TriggeredIncidentQuerySet(models.QuerySet["TriggeredIncident"]):
    """Filters of the audit."""
