"""The local mirror of PagerDuty, its freshness, the links to entities, and the audit of pages.

Pages read these rows; only ``syncing`` writes the mirror. The audit is in ``attempts``.
Every mirror row carries the name of its account; PagerDuty's ids are unique within one account and
one kind of object only.
"""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from catalog.models import Entity
from pagerduty_card.attempts import TriggeredIncident
from pagerduty_card.freshness import BEGINNING, NEVER
from pagerduty_card.inbox import Delivery, Inbox
from pagerduty_card.querysets import (
    ChangeEventQuerySet,
    FeedQuerySet,
    IncidentQuerySet,
    OnCallQuerySet,
    ServiceLinkQuerySet,
    ServiceQuerySet,
)

__all__ = ["Delivery", "Inbox", "TriggeredIncident"]


class EscalationPolicy(models.Model):
    """Who is paged in which order.

    Attributes:
        levels: ``[{"delay_s": int, "targets": [{"type", "id", "name", "url"}]}]`` in order;
            level 1 first.
        num_loops: How often PagerDuty starts again after the last level.
        mirrored_at: When the row was first stored or its levels last changed (UTC). On-call rows
            asked for before then may lack a level.
    """

    account = models.CharField(max_length=64)
    pd_id = models.CharField(max_length=32)
    name = models.CharField(max_length=255)
    url = models.URLField(max_length=500, blank=True)
    num_loops = models.PositiveSmallIntegerField(default=0)
    levels = models.JSONField(default=list)
    mirrored_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "escalation policies"
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["account", "pd_id"], name="policy_once")]

    def __str__(self) -> str:
        return self.name


class Service(models.Model):
    """A PagerDuty service.

    Attributes:
        status: As PagerDuty wrote it; ``domain.ServiceStatus`` reads it, unknown stays unknown.
        teams: ``[{"id", "name"}]``, those of its policy.
        is_mapped: Whether some entity maps to it. Of one that none maps to only this row and its
            integrations are kept, for whoever looks for the service to map to.
        mirrored_at: When this row was first stored, or some entity first mapped to it (UTC). An
            account-wide answer that was asked for before then says nothing about this service.
        maintenance_until: End of the ongoing maintenance window, if one is known (UTC).
        history_since: How far back its resolved incidents are known (UTC); None: not asked yet.
    """

    account = models.CharField(max_length=64)
    pd_id = models.CharField(max_length=32)
    name = models.CharField(max_length=255)
    url = models.URLField(max_length=500, blank=True)
    status = models.CharField(max_length=32)
    policy = models.ForeignKey(
        EscalationPolicy, null=True, on_delete=models.SET_NULL, related_name="services"
    )
    teams = models.JSONField(default=list)
    is_mapped = models.BooleanField(default=True, db_index=True)
    maintenance_until = models.DateTimeField(null=True, blank=True)
    mirrored_at = models.DateTimeField(default=timezone.now, editable=False)
    history_since = models.DateTimeField(null=True, editable=False)

    objects = ServiceQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["account", "pd_id"], name="service_once")]

    def __str__(self) -> str:
        return self.name

    def known_since(self, kind: str) -> datetime:
        """Since when account-wide answers of this ``Feed.Kind`` take in the service (UTC).

        Of one that no entity maps to nothing but the row itself is kept, whatever was answered.
        """
        if kind == Feed.Kind.SERVICES:
            return BEGINNING  # the row itself came with such an answer
        return max(self.mirrored_at, self.policy_since(kind))

    def policy_since(self, kind: str) -> datetime:
        """Since when answers of this ``Feed.Kind`` take in the policy as it is now (UTC)."""
        if kind != Feed.Kind.SERVICES and not self.is_mapped:
            return NEVER
        if kind in {Feed.Kind.ON_CALL, Feed.Kind.SHIFTS} and self.policy is not None:
            return self.policy.mirrored_at
        return BEGINNING


class Integration(models.Model):
    """An Events API v2 integration of a service.

    Attributes:
        integration_key: The routing key, a secret: never printed, see ``accounts.mask``.
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="integrations")
    pd_id = models.CharField(max_length=32)
    name = models.CharField(max_length=255)
    integration_key = models.CharField(max_length=64, db_index=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["service", "pd_id"], name="integration_once")
        ]

    def __str__(self) -> str:
        return self.name


class Responder(models.Model):
    """A PagerDuty user who is or was on call."""

    account = models.CharField(max_length=64)
    pd_id = models.CharField(max_length=32)
    name = models.CharField(max_length=255)
    email = models.CharField(max_length=254, blank=True)
    url = models.URLField(max_length=500, blank=True)
    avatar_url = models.URLField(max_length=500, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["account", "pd_id"], name="responder_once")]

    def __str__(self) -> str:
        return self.name


class OnCall(models.Model):
    """Somebody on call for one level of a policy, now or next.

    Attributes:
        level: 1 is paged first.
        start, end: The shift (UTC); both None for somebody who is always on call.
        schedule_name, schedule_url: Empty for a person named directly in the policy.
    """

    policy = models.ForeignKey(EscalationPolicy, on_delete=models.CASCADE, related_name="on_calls")
    level = models.PositiveSmallIntegerField()
    responder = models.ForeignKey(Responder, on_delete=models.CASCADE, related_name="on_calls")
    schedule_name = models.CharField(max_length=255, blank=True)
    schedule_url = models.URLField(max_length=500, blank=True)
    start = models.DateTimeField(null=True)
    end = models.DateTimeField(null=True)

    objects = OnCallQuerySet.as_manager()

    class Meta:
        ordering = ["level", "start", "responder__name"]
        indexes = [models.Index(fields=["policy", "level"], name="oncall_policy_level")]

    def __str__(self) -> str:
        return f"level {self.level}: {self.responder_id}"


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


class Feed(models.Model):
    """How fresh one section of the mirror is, for a whole account or for one service of it.

    Attributes:
        service_pd_id: The service the feed is of; empty for the whole account.
        asked_at: When the request of the last good answer was sent (UTC).
        succeeded_at: When the last good answer was stored (UTC); None until the first.
        failed_at: When the last attempt failed (UTC); None when the last attempt was good.
        reason, detail, request_id: Of that failure, see ``errors.PagerDutyError``.
        requests: How many requests that answer took.
        covers_since: For changes and acknowledgements, how far back the rows reach (UTC); None for
            other kinds.
        told_at: When a webhook last changed rows of the section (UTC); it makes nothing fresh.
    """

    class Kind(models.TextChoices):
        SERVICES = "services", "service"
        INCIDENTS = "incidents", "open incidents"
        CHANGES = "changes", "recent changes"
        ON_CALL = "on_call", "on call"
        SHIFTS = "shifts", "coming shifts"
        MAINTENANCE = "maintenance", "maintenance windows"
        HISTORY = "history", "resolved incidents"
        ACKNOWLEDGEMENTS = "acks", "first acknowledgements"
        ANALYTICS = "analytics", "PagerDuty's analytics"
        STANDARDS = "standards", "PagerDuty's standards"

    # What a page that is looked at asks for by itself; the rest comes with the worker alone.
    OF_PAGE: ClassVar[tuple[str, ...]] = (
        Kind.SERVICES.value,
        Kind.INCIDENTS.value,
        Kind.CHANGES.value,
        Kind.ON_CALL.value,
    )

    account = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind)
    service_pd_id = models.CharField(max_length=32, blank=True)
    asked_at = models.DateTimeField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=32, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    requests = models.PositiveIntegerField(default=0)
    covers_since = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)

    objects = FeedQuerySet.as_manager()

    class Meta:
        ordering = ["account", "kind", "service_pd_id"]
        permissions = [("run_doctor", "Can see how PagerDuty is connected, and check it")]
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "service_pd_id"], name="feed_once")
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.kind} {self.service_pd_id}".rstrip()


class ServiceLink(models.Model):
    """A link between an entity and a PagerDuty service made in the admin.

    Links that come from annotations are not rows: they follow from the entity, see ``mapping``.
    """

    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="service_links")
    account = models.CharField(
        max_length=64, blank=True, help_text="Name of the PagerDuty account; empty for the default."
    )
    service_pd_id = models.CharField(
        "service id", max_length=32, help_text="PagerDuty's id of the service, for example PABC123."
    )
    label = models.CharField(
        max_length=64, blank=True, help_text="Shown when there are several, for example eu."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ServiceLinkQuerySet.as_manager()

    class Meta:
        ordering = ["entity", "label"]
        constraints = [
            models.UniqueConstraint(fields=["entity", "account", "service_pd_id"], name="link_once")
        ]

    def __str__(self) -> str:
        return f"{self.entity_id} to {self.service_pd_id}"


class MappingChange(models.Model):
    """One application of the mapping page, as it is undone.

    Attributes:
        lines: ``[{"entity_ref", "way", "account", "service_pd_id", "service_name", "label",
            "before", "written", "left"}]``; ``way`` is ``link`` or ``overlay``. Of an overlay
            ``before`` and ``written`` are annotations by key, what lay there and what was laid,
            None for nothing. ``left``: why undoing left it as it is; empty or absent otherwise.
        undone_at, undone_by: None while it is in force.
        key: Of the preview it was applied from: sent twice, it is one application.
    """

    key = models.CharField(max_length=32, null=True, unique=True, editable=False)  # noqa: DJ001 -- unique
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    lines = models.JSONField(default=list)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-made_at", "-pk"]
        permissions = [("map_services", "Can map entities to PagerDuty services")]

    def __str__(self) -> str:
        return f"{len(self.lines)} mapped at {self.made_at:%Y-%m-%d %H:%M}"
