"""Services, the policies that say who is paged, and who is on call for them.

Every row carries the name of its account; PagerDuty's ids are unique within one account and one
kind of object only.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from pagerduty_card.freshness import OF_POLICY, CountsSince, counts_since
from pagerduty_card.states import IncidentCounts

# More ids than this make a statement slower than reading all rows does.
_FEW = 500


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


class ServiceQuerySet(models.QuerySet["Service"]):
    """Filters of services."""

    def of_account(self, account: str) -> Self:
        """Services of one account."""
        return self.filter(account=account)

    def mapped(self) -> Self:
        """Services that some entity maps to."""
        return self.filter(is_mapped=True)

    def among(self, pd_ids: Collection[str]) -> Self:
        """Services with these ids; where there are many, more than those may come."""
        return self.filter(pd_id__in=pd_ids) if len(pd_ids) <= _FEW else self.all()

    def counted(self) -> dict[str, int]:
        """How many there are by account, one query."""
        found = self.order_by().values_list("account").annotate(models.Count("pk"))
        return dict(found)

    def with_keys(self, pks: Collection[int]) -> dict[int, "Service"]:
        """These services by primary key, with policy and ``found_integrations``; one query."""
        rows = self.filter(pk__in=pks).select_related("policy")
        ordered = rows.order_by("pk", "integrations__name", "integrations__pk")
        columns = ("name", "type", "vendor_pd_id", "integration_key")
        found: dict[int, Service] = {}
        for row in ordered.annotate(
            **{f"one_{name}": F(f"integrations__{name}") for name in columns}
        ):
            service = found.setdefault(row.pk, row)
            if service is row:
                service.found_integrations = []
            one = Integration(**{name: getattr(row, f"one_{name}") or "" for name in columns})
            if one.integration_key:
                service.found_integrations.append(one)
        return found


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
        open_triggered, open_acknowledged, open_other: How many of its incidents are open, by
            status; ``mirror.incidents.count_open_incidents`` writes them with the incidents.
        history_since: How far back its resolved incidents are known (UTC); None: not asked yet.
        acknowledged_since: How far back its first acknowledgements are known (UTC), where it became
            mapped late; None: as far as those of the account.
        found_integrations: Those with a key, by name; of a row of ``with_keys`` alone.
    """

    found_integrations: list["Integration"]

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
    open_triggered = models.PositiveIntegerField(default=0, editable=False)
    open_acknowledged = models.PositiveIntegerField(default=0, editable=False)
    open_other = models.PositiveIntegerField(default=0, editable=False)
    mirrored_at = models.DateTimeField(default=timezone.now, editable=False)
    history_since = models.DateTimeField(null=True, editable=False)
    acknowledged_since = models.DateTimeField(null=True, editable=False)

    objects = ServiceQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["account", "pd_id"], name="service_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def open_counts(self) -> IncidentCounts:
        """How many of its incidents are open, as far as they are known."""
        return IncidentCounts(self.open_triggered, self.open_acknowledged, self.open_other)

    def counts_since(self, kind: str) -> CountsSince:
        """From when on answers of this ``Feed.Kind`` take in the service and its policy."""
        policy = self.policy if kind in OF_POLICY else None  # else it is not loaded for nothing
        return counts_since(
            kind,
            mirrored_at=self.mirrored_at,
            is_mapped=self.is_mapped,
            policy_mirrored_at=policy.mirrored_at if policy else None,
        )


class Integration(models.Model):
    """An integration of a service that has a key; ``mapping.keys`` has the rule which one pages.

    Attributes:
        integration_key: A secret: never printed, see ``portal.secret_shapes.mask``.
        type: As PagerDuty wrote it; empty where it was stored before types were.
        vendor_pd_id: PagerDuty's id of the tool it is for; empty without one.
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="integrations")
    pd_id = models.CharField(max_length=32)
    name = models.CharField(max_length=255)
    integration_key = models.CharField(max_length=64, db_index=True)
    type = models.CharField(max_length=64, blank=True)
    vendor_pd_id = models.CharField(max_length=32, blank=True)

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


class OnCallQuerySet(models.QuerySet["OnCall"]):
    """Filters of on-call rows; a row without start or end is open on that side."""

    def of_services(self, services: Iterable["Service"]) -> Self:
        """Rows of the services' policies, with the person."""
        policies = {service.policy_id for service in services if service.policy_id}
        return self.filter(policy__in=policies).select_related("responder")

    def current(self, now: datetime) -> Self:
        """Who is on call at ``now``."""
        return self.filter(
            Q(start__isnull=True) | Q(start__lte=now), Q(end__isnull=True) | Q(end__gt=now)
        )

    def begun(self, now: datetime) -> Self:
        """Shifts that are not all to come: somebody's now, or over."""
        return self.filter(Q(start__isnull=True) | Q(start__lte=now) | Q(end__lte=now))

    def next_handover(self, account: str, now: datetime) -> datetime | None:
        """When the earliest of the account's present shifts ends (UTC); None: none ends."""
        present = Q(start__isnull=True) | Q(start__lte=now)
        found = self.filter(present, policy__account=account, end__gt=now)
        # By the index on the end: of very many rows the first few are looked at.
        return found.order_by("end").values_list("end", flat=True).first()


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
