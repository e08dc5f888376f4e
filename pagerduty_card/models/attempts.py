"""The audit of every attempt to page somebody, and what an attempt comes to by the clock.

``sending`` writes it, ``reconciling`` notes the incident.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from catalog.models import Entity
from pagerduty_card.domain import Severity


class TriggeredIncidentQuerySet(models.QuerySet["TriggeredIncident"]):
    """Filters of the audit."""

    def of_entity(self, entity: Entity) -> Self:
        """Attempts made from this entity's page, newest first, also after a re-import."""
        return self.filter(entity_ref=entity.ref)

    def awaiting_incident(self, now: datetime) -> Self:
        """Attempts whose incident may still be found, for a day: PagerDuty may be late, not deaf.

        Those that failed too: where something on the way refused what PagerDuty had already taken,
        an incident with their key says so.

        Args:
            now: The instant (UTC).
        """
        state = self.model.State
        return self.filter(
            state__in=[state.ACCEPTED, state.NOT_SEEN, state.UNSURE, state.FAILED],
            triggered_at__gt=now - self.model.LOOKED_FOR,
        )

    def waiting_to_be_sent(self) -> Self:
        """Attempts the worker is to send again or to end, the one tried longest ago first."""
        state = self.model.State
        return self.filter(
            state__in=[state.RETRYING, state.UNSURE, state.SENDING], retry_until__isnull=False
        ).order_by("answered_at", "pk")

    def follow_clock(self, now: datetime) -> None:
        """Let no attempt wait longer than it may where the clock was put back meanwhile."""
        latest = now + self.model.RETRIED_FOR
        self.filter(retry_until__gt=latest).update(retry_until=latest)


class TriggeredIncident(models.Model):
    """The audit of one attempt to page somebody. No routing key is in it.

    The row is written before PagerDuty is called and completed after; ``dedup_key`` is unique, so
    the same form submitted twice is one attempt.

    Attributes:
        entity_ref: Canonical reference, kept when the entity goes.
        key_digest: Of the integration key it was sent with, see ``mapping.targets.digest_of``.
            Empty in rows of earlier versions.
        key_masked: The last four characters of that key, behind asterisks.
        answer: PagerDuty's words, free of secrets.
        attempts: How often it was submitted.
        may_resend: Whether the same form submitted again sends the same alert again.
        answered_at: When the last try began, then when it was answered (UTC).
        retry_until: Until when the worker goes on trying (UTC); None: it does not.
        sent_at: When it was first sent, by PagerDuty's clock (UTC); None where no answer told the
            time of that clock. ``triggered_at`` is the same by the portal's clock.
        looked_at: When its incident was last looked for (UTC); None: never.
        search_problem: Why that last search failed; empty: PagerDuty answered that it has none.
        incident_number, incident_url, assignees: Of the incident, once it was found.
        incident_status, incident_created_at, acknowledged_by: As PagerDuty reported them when it
            was found; people as ``[{"name", "url"}]``.
        incident_service: The service it is on, where that is not the one that was paged.
        alert_status: Of the attempt's own alert within that incident: ``triggered``, ``resolved``,
            ``suppressed``, ``missing`` where the incident has other alerts alone; empty: not known.
        merged_into: The incident it was merged into, as PagerDuty names it.
    """

    class State(models.TextChoices):
        SENDING = "sending", "being sent"
        ACCEPTED = "accepted", "accepted by PagerDuty, incident not seen yet"
        CREATED = "created", "incident created"
        ADDED = "added", "added to an incident that was open before"
        NOT_SEEN = "not_seen", "accepted, but no incident appeared"
        RETRYING = "retrying", "not taken yet, being tried again"
        FAILED = "failed", "failed: nobody was paged"
        UNSURE = "unsure", "no answer: PagerDuty may have taken it"

    # Long enough for PagerDuty to make an incident of an accepted event.
    APPEARS_WITHIN: ClassVar[timedelta] = timedelta(seconds=60)
    # How long an accepted attempt without an incident is still looked for.
    LOOKED_FOR: ClassVar[timedelta] = timedelta(days=1)
    # A process that still sends after this long is dead.
    SENT_WITHIN: ClassVar[timedelta] = timedelta(seconds=30)
    # How long the worker tries to send what was not taken.
    RETRIED_FOR: ClassVar[timedelta] = timedelta(minutes=15)

    dedup_key = models.CharField(max_length=255, unique=True)
    entity = models.ForeignKey(
        Entity, null=True, on_delete=models.SET_NULL, related_name="triggered_incidents"
    )
    entity_ref = models.CharField(max_length=200, db_index=True)
    account = models.CharField(max_length=64)
    service_pd_id = models.CharField(max_length=32, db_index=True)
    service_name = models.CharField(max_length=255)
    key_digest = models.CharField(max_length=32, blank=True, editable=False)
    key_masked = models.CharField(max_length=16, blank=True)
    triggered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    triggered_by_name = models.CharField(max_length=255)
    triggered_at = models.DateTimeField(default=timezone.now)
    description = models.CharField(max_length=1024)
    severity = models.CharField(max_length=16, choices=[(s.value, s.value) for s in Severity])
    details = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.SENDING)
    attempts = models.PositiveSmallIntegerField(default=1)
    may_resend = models.BooleanField(default=False)
    retry_until = models.DateTimeField(null=True)
    answer = models.CharField(max_length=500, blank=True)
    answered_at = models.DateTimeField(null=True)
    incident_number = models.PositiveIntegerField(null=True)
    incident_url = models.URLField(max_length=500, blank=True)
    assignees = models.JSONField(default=list)
    sent_at = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)
    search_problem = models.CharField(max_length=500, blank=True)
    incident_status = models.CharField(max_length=32, blank=True)
    incident_created_at = models.DateTimeField(null=True)
    incident_service = models.CharField(max_length=255, blank=True)
    acknowledged_by = models.JSONField(default=list)
    merged_into = models.CharField(max_length=255, blank=True)
    alert_status = models.CharField(max_length=32, blank=True)

    objects = TriggeredIncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-triggered_at", "-pk"]
        permissions = [("trigger_incident", "Can page the on-call of a service")]
        indexes = [models.Index(fields=["-triggered_at"], name="triggered_newest")]

    def __str__(self) -> str:
        return f"{self.triggered_by_name} paged {self.service_name}"

    @property
    def is_accepted(self) -> bool:
        """Whether PagerDuty accepted the event."""
        state = self.State
        return self.state in {state.ACCEPTED, state.CREATED, state.ADDED, state.NOT_SEEN}

    @property
    def tried_at(self) -> datetime:
        """When the last try began or was answered (UTC)."""
        return self.answered_at or self.triggered_at

    def is_lost(self, now: datetime) -> bool:
        """Whether whoever was sending it is gone, and what came of that is not known."""
        return self.state == self.State.SENDING and _are_apart(self.tried_at, now, self.SENT_WITHIN)

    def retried_until(self, now: datetime) -> datetime | None:
        """Until when the worker is still to send it (UTC); None: it is not, or not any more."""
        if self.retry_until is None or self.retry_until <= now:
            return None
        return min(self.retry_until, now + self.RETRIED_FOR)

    def state_at(self, now: datetime) -> str:
        """The state by the clock: true also while no worker runs that would write it down."""
        if self.is_lost(now):
            return self.State.UNSURE
        if self.state == self.State.RETRYING and not self.retried_until(now):
            return self.State.FAILED
        return self.state

    def overdue(self, now: datetime) -> bool:
        """Whether the incident of an accepted event should have appeared by ``now``."""
        return self.state == self.State.ACCEPTED and _are_apart(
            self.tried_at, now, self.APPEARS_WITHIN
        )

    def is_looked_for(self, now: datetime, within: timedelta) -> bool:
        """Whether its incident was looked for lately."""
        return self.looked_at is not None and not _are_apart(self.looked_at, now, within)


def _are_apart(then: datetime, now: datetime, at_most: timedelta) -> bool:
    """Whether two instants are further apart; one to come is of a clock that was put back since."""
    return abs(now - then) > at_most
