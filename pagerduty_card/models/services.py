"""Services, the policies that say who is paged, and who is on call for them.

Every row carries the name of its account; PagerDuty's ids are unique within one account and one
kind of object only.
"""

from datetime import datetime

from django.db import models
from django.utils import timezone

from pagerduty_card.freshness import BEGINNING, NEVER
from pagerduty_card.models.feeds import Feed
from pagerduty_card.querysets import OnCallQuerySet, ServiceQuerySet


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
        acknowledged_since: How far back its first acknowledgements are known (UTC), where it became
            mapped late; None: as far as those of the account.
        found_keys: Its integration keys, secrets; of a row of ``found_by`` alone.
    """

    found_keys: list[str]

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
    acknowledged_since = models.DateTimeField(null=True, editable=False)

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
        indexes = [
            models.Index(fields=["policy", "level"], name="oncall_policy_level"),
            models.Index(fields=["end"], name="oncall_end"),
        ]

    def __str__(self) -> str:
        return f"level {self.level}: {self.responder_id}"
