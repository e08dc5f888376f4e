"""What PagerDuty's webhooks delivered: kept until applied, and some days longer to judge the next.

Only ``webhooks`` writes these rows. They are also the memory of what an incident was last said to
be, so that neither an older event nor an older answer takes back a newer one.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Filters of deliveries."""

    def waiting(self) -> Self:
        """Those that are not applied yet, in the order in which they came."""
        return self.filter(state=Delivery.State.WAITING).order_by("pk")

    def of_thing(self, account: str, resource_type: str, pd_id: str) -> Self:
        """Applied events of one incident or service."""
        return self.filter(
            account=account,
            resource_type=resource_type,
            pd_id=pd_id,
            state=Delivery.State.APPLIED,
        )

    def delivered_after(
        self, account: str, resource_type: str, asked_at: datetime
    ) -> dict[str, datetime]:
        """When the things last changed whose events came after an answer was asked for.

        Returns:
            By PagerDuty's id, when the last of it happened (UTC, PagerDuty's clock).
        """
        found = (
            self.filter(
                account=account,
                resource_type=resource_type,
                state=Delivery.State.APPLIED,
                received_at__gt=asked_at,
                occurred_at__isnull=False,
            )
            .order_by()
            .values_list("pd_id")
            .annotate(last=models.Max("occurred_at"))
        )
        return dict(found)

    def last_received(self, accounts: Collection[str]) -> dict[str, datetime]:
        """When the last one came, by account (UTC)."""
        found = self.filter(account__in=accounts).order_by().values_list("account")
        return dict(found.annotate(last=models.Max("received_at")))


class Delivery(models.Model):
    """One event of a webhook, stored as it came.

    Attributes:
        event_id: PagerDuty's id of the event; a digest of the body where there is none.
        event_type, resource_type: As PagerDuty wrote them; empty until the event was read.
        pd_id: The incident or service that it tells of; empty until it was read.
        occurred_at: When it happened, by PagerDuty's clock (UTC).
        received_at: When it came, by ours (UTC).
        body: The text that was signed; emptied once it is applied or left out.
        attempts: How often applying it failed.
        detail: Why it was left out or could not be applied.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waiting to be applied"
        APPLIED = "applied", "applied"
        OLDER = "older", "left out: something newer was known"
        IGNORED = "ignored", "left out: nothing here follows from it"
        FAILED = "failed", "could not be applied"

    account = models.CharField(max_length=64)
    event_id = models.CharField(max_length=80)
    event_type = models.CharField(max_length=80, blank=True)
    resource_type = models.CharField(max_length=40, blank=True)
    pd_id = models.CharField(max_length=64, blank=True)
    occurred_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    body = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    detail = models.CharField(max_length=200, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-received_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["account", "event_id"], name="delivery_once")
        ]
        indexes = [
            models.Index(fields=["account", "received_at"], name="delivery_newest"),
            models.Index(fields=["account", "resource_type", "pd_id"], name="delivery_thing"),
            models.Index(
                fields=["id"], name="delivery_waiting", condition=models.Q(state="waiting")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.event_type} {self.pd_id}".rstrip()

    @staticmethod
    def kept() -> timedelta:
        """How long a delivery is kept; PagerDuty repeats one for two days at most."""
        return timedelta(days=settings.PAGERDUTY_DELIVERY_DAYS)


class Inbox(models.Model):
    """What is known of one account's webhooks beside their events.

    Whoever writes the account's incidents, or its services, locks this row first: an answer and an
    event that come at the same time are then stored one after the other, on every database.

    Attributes:
        refused_count, refused_at: Deliveries with a missing or wrong signature, written once a
            minute.
        subscription: ``enabled``, ``disabled`` (switched off), ``suspended`` (PagerDuty gave up
            for a while), ``absent``, or ``unknown`` with its reason in ``detail``; empty before
            the first look.
        looked_at: When PagerDuty was last asked about it (UTC).
        enabled_since: Since when it has been seen enabled without interruption (UTC).
    """

    account = models.CharField(max_length=64, unique=True)
    refused_count = models.PositiveIntegerField(default=0)
    refused_at = models.DateTimeField(null=True)
    subscription = models.CharField(max_length=16, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    looked_at = models.DateTimeField(null=True)
    enabled_since = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "inboxes"
        ordering = ["account"]

    def __str__(self) -> str:
        return self.account

    @classmethod
    def lock(cls, account: str) -> "Inbox":
        """The account's row, locked until the transaction ends; made when it is missing."""
        return cls.objects.select_for_update().get_or_create(account=account)[0]
