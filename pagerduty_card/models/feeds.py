"""How fresh each section of the mirror is."""

from typing import ClassVar

from django.db import models

from pagerduty_card.querysets import FeedQuerySet


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
