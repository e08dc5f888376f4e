"""What happens to a service: incidents, open and past, changes, and PagerDuty's figures of them."""

from collections.abc import Iterable
from typing import Self

from django.db import models

from pagerduty_card.models.services import Service


class IncidentQuerySet(models.QuerySet["Incident"]):
    """Filters of open incidents."""

    def of_services(self, services: Iterable[Service]) -> Self:
        """Open incidents of these services."""
        return self.filter(service__in=list(services)).order_by()


class Incident(models.Model):
    """An open incident; a resolved one has no row.

    Attributes:
        priority: Name, for example ``P1``; empty when the account has no priorities.
        incident_key: The ``dedup_key`` of the alert that opened it, if PagerDuty tells.
        assignees: ``[{"name", "url"}]``.
        acknowledgements: ``[{"name", "url", "at"}]``, ``at`` ISO 8601 UTC.
        pending_actions: ``[{"type", "at"}]`` in time order, ``at`` ISO 8601 UTC.
        changed_at: Of what is stored, by PagerDuty's clock (UTC); None where it did not tell.
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="incidents")
    pd_id = models.CharField(max_length=32)
    number = models.PositiveIntegerField()
    title = models.TextField()
    status = models.CharField(max_length=32)
    urgency = models.CharField(max_length=32)
    priority = models.CharField(max_length=64, blank=True)
    url = models.URLField(max_length=500, blank=True)
    incident_key = models.CharField(max_length=255, blank=True, db_index=True)
    created_at = models.DateTimeField()
    assignees = models.JSONField(default=list)
    acknowledgements = models.JSONField(default=list)
    pending_actions = models.JSONField(default=list)
    changed_at = models.DateTimeField(null=True)

    objects = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["service", "pd_id"], name="incident_once")]

    def __str__(self) -> str:
        return f"#{self.number} {self.title}"


class PastIncident(models.Model):
    """An incident as history keeps it: one row from its first acknowledgement or its end on.

    Attributes:
        priority: Name, for example ``P1``; empty when the account has no priorities.
        acknowledged_at: When somebody first took it (UTC); None: nobody did, or it is not known.
        created_at, resolved_at: UTC; both None while only its acknowledgement is known. A row with
            ``resolved_at`` counts; any other waits for its end.
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="past_incidents")
    pd_id = models.CharField(max_length=32)
    number = models.PositiveIntegerField(null=True)
    title = models.TextField(blank=True)
    urgency = models.CharField(max_length=32, blank=True)
    priority = models.CharField(max_length=64, blank=True)
    url = models.URLField(max_length=500, blank=True)
    created_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-resolved_at"]
        constraints = [models.UniqueConstraint(fields=["service", "pd_id"], name="past_once")]
        indexes = [models.Index(fields=["service", "-resolved_at"], name="past_newest")]

    def __str__(self) -> str:
        return f"#{self.number} {self.title}"


class Insight(models.Model):
    """What PagerDuty itself reckons about a service, where the account's plan has it.

    Attributes:
        kind: ``Feed.Kind.ANALYTICS`` or ``Feed.Kind.STANDARDS``.
        figures: Analytics: ``{"mean_ack_s", "mean_resolve_s", "incidents", "interruptions",
            "off_hour_interruptions", "days"}``, numbers or None. Standards: ``{"passing", "total",
            "standards": [{"name", "description", "is_passing"}]}``.
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="insights")
    kind = models.CharField(max_length=16)
    figures = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "kind"], name="insight_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.service_id}"


class ChangeEventQuerySet(models.QuerySet["ChangeEvent"]):
    """Filters of recent changes."""

    def of_services(self, services: Iterable[Service]) -> Self:
        """Changes that name these services, newest first."""
        return self.filter(service__in=list(services)).order_by("-at", "pk")


class ChangeEvent(models.Model):
    """A change somebody told PagerDuty about, one row for each service it names.

    Attributes:
        links: ``[{"href", "text"}]``; only http and https.
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="changes")
    pd_id = models.CharField(max_length=64)
    summary = models.TextField()
    source = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
    url = models.URLField(max_length=500, blank=True)
    links = models.JSONField(default=list)

    objects = ChangeEventQuerySet.as_manager()

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["service", "pd_id"], name="change_once")]
        indexes = [models.Index(fields=["service", "-at"], name="change_newest")]

    def __str__(self) -> str:
        return self.summary
