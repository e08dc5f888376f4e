"""The past of an entity's services, loaded from stored rows and presented; nothing here asks."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import urlencode

from django.core.cache import cache
from django.db.models import Q
from django.urls import reverse

from catalog.models import Entity
from pagerduty_card.freshness import Freshness
from pagerduty_card.mapping.resolving import Mapped
from pagerduty_card.models import ChangeEvent, Feed, Incident, Insight, PastIncident, Service
from pagerduty_card.presenters.freshness import Answer, Reader, present_answer
from pagerduty_card.presenters.history import (
    HistoryView,
    Knowledge,
    Occurrence,
    merged,
    present_history,
    starts_at,
)
from pagerduty_card.presenters.insights import InsightsView, present_insights
from pagerduty_card.presenters.timeline import Entry, entries_of

ON_CARD = 30  # days
_KEPT_S = 15 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """All that the page of one service's history shows.

    Attributes:
        entries: Of the time line, newest first.
        changes: How far the changes may be believed.
        changes_since: How far back they are known (UTC); None: that is not known.
    """

    view: HistoryView
    insights: InsightsView | None
    entries: Sequence[Entry]
    changes: Answer
    changes_since: datetime | None


def occurrences(services: Iterable[Service], since: datetime) -> dict[int, list[Occurrence]]:
    """The incidents of history by service, of those that began since, in one query (UTC).

    An acknowledgement whose incident has not ended is among them, whenever it began.
    """
    rows = (
        PastIncident.objects.filter(service__in=[service.pk for service in services])
        .filter(Q(created_at__gte=since) | Q(created_at__isnull=True))
        .order_by()
        .values_list("service_id", "pd_id", "created_at", "acknowledged_at", "resolved_at")
    )
    found: dict[int, list[Occurrence]] = {}
    for service_id, pd_id, created_at, acknowledged_at, resolved_at in rows:
        if one := _occurrence(pd_id, created_at, acknowledged_at, resolved_at):
            found.setdefault(service_id, []).append(one)
    return found


def since_of(days: int, now: datetime, zone: tzinfo) -> datetime:
    """When the first of so many days begins for the reader (UTC)."""
    return starts_at(now.astimezone(zone).date() - timedelta(days=days - 1), zone)


def view_of(
    service: Service,
    ended: Iterable[Occurrence],
    still_open: Iterable[Incident],
    freshness: Mapping[str, Freshness],
    *,
    days: int,
    reader: Reader,
    now: datetime,
    zone: tzinfo,
    url: str,
) -> HistoryView:
    """Strip and figures of one service.

    Args:
        service: The mirrored service.
        ended: Of ``occurrences``.
        still_open: Its open incidents.
        freshness: What the mirror knows of each section, by ``Feed.Kind``.
        days: How many, today included.
        reader: Who reads.
        now: The instant of reading (UTC).
        zone: The reader's time zone.
        url: The page with all of it.
    """
    opened = [Occurrence(pd_id=one.pd_id, created_at=one.created_at) for one in still_open]
    open_ids = {one.pd_id for one in opened}
    # Without an end, and not open as far as is known: it has just ended, and its turn will come.
    whole = [one for one in ended if one.resolved_at or one.pd_id in open_ids]
    return present_history(
        merged(whole, opened),
        Knowledge(
            ended=_judged(Feed.Kind.HISTORY, freshness, now, reader),
            opened=_judged(Feed.Kind.INCIDENTS, freshness, now, reader),
            taken=_judged(Feed.Kind.ACKNOWLEDGEMENTS, freshness, now, reader),
            ended_since=service.history_since,
            taken_since=_taken_since(service, freshness),
        ),
        days=days,
        now=now,
        zone=zone,
        url=url,
    )


class RecentPast:
    """The last days of an entity's services, as the card shows them.

    One query for all services, and none while PagerDuty has told nothing new of their past.
    """

    def __init__(
        self,
        mapped: Iterable[Mapped],
        entity: Entity,
        *,
        reader: Reader,
        now: datetime,
        zone: tzinfo,
    ) -> None:
        """Load.

        Args:
            mapped: The services that the entity names.
            entity: Whose card it is.
            reader: Who reads.
            now: The instant of reading (UTC).
            zone: The reader's time zone.
        """
        self._page = reverse("pagerduty_card:history", kwargs=entity.url_kwargs)
        self._reader, self._now, self._zone = reader, now, zone
        since = since_of(ON_CARD, now, zone)
        known = [one for one in mapped if one.service and one.service.history_since]
        told = [
            (
                one.service.pk,
                one.service.history_since,
                one.freshness[Feed.Kind.HISTORY].succeeded_at,
                one.freshness[Feed.Kind.ACKNOWLEDGEMENTS].succeeded_at,
            )
            for one in known
            if one.service
        ]
        self._found: dict[int, list[Occurrence]] = {}
        if told:
            key = hashlib.sha256(repr((since, told)).encode()).hexdigest()
            found: dict[int, list[Occurrence]] | None = cache.get_or_set(
                f"pagerduty-past:{key}",
                lambda: occurrences([one.service for one in known if one.service], since),
                timeout=_KEPT_S,
            )
            self._found = found or {}

    def view(
        self,
        service: Service,
        still_open: Iterable[Incident],
        freshness: Mapping[str, Freshness],
        value: str,
    ) -> HistoryView:
        """Strip and figures of one of the services; ``value`` names it on the page of all."""
        return view_of(
            service,
            self._found.get(service.pk, []),
            still_open,
            freshness,
            days=ON_CARD,
            reader=self._reader,
            now=self._now,
            zone=self._zone,
            url=f"{self._page}?{urlencode({'service': value})}",
        )


def load_past(
    service: Service,
    freshness: Mapping[str, Freshness],
    *,
    days: int,
    reader: Reader,
    now: datetime,
    zone: tzinfo,
) -> Past:
    """Load everything about one service's past, in four queries.

    Args:
        service: The mirrored service.
        freshness: What the mirror knows of each section, by ``Feed.Kind``.
        days: How many, today included.
        reader: Who reads.
        now: The instant of reading (UTC).
        zone: The reader's time zone.
    """
    since = since_of(days, now, zone)
    ended = list(
        PastIncident.objects.filter(service=service)
        .filter(Q(created_at__gte=since) | Q(resolved_at__gte=since) | Q(created_at__isnull=True))
        .order_by()
    )
    still_open = list(Incident.objects.of_services([service]))
    changes = _judged(Feed.Kind.CHANGES, freshness, now, reader)
    view = view_of(
        service,
        [
            one
            for row in ended
            if (one := _occurrence(row.pd_id, row.created_at, row.acknowledged_at, row.resolved_at))
        ],
        still_open,
        freshness,
        days=days,
        reader=reader,
        now=now,
        zone=zone,
        url="",
    )
    figures: dict[str, dict[str, Any]] = dict(
        Insight.objects.filter(service=service).values_list("kind", "figures")
    )
    kinds = (Feed.Kind.ANALYTICS.value, Feed.Kind.STANDARDS.value)
    return Past(
        view=view,
        insights=present_insights(
            figures, {kind: _judged(kind, freshness, now, reader) for kind in kinds}
        ),
        entries=entries_of(
            ChangeEvent.objects.of_services([service]), ended, still_open, since=since
        ),
        changes=changes,
        changes_since=freshness[Feed.Kind.CHANGES].covers_since,
    )


def _occurrence(
    pd_id: str,
    created_at: datetime | None,
    acknowledged_at: datetime | None,
    resolved_at: datetime | None,
) -> Occurrence | None:
    # One that is known by its acknowledgement alone is open: its row there tells when it began.
    begun_at = created_at or acknowledged_at
    if begun_at is None:
        return None
    return Occurrence(
        pd_id=pd_id,
        created_at=begun_at,
        acknowledged_at=acknowledged_at,
        resolved_at=resolved_at,
    )


def _taken_since(service: Service, freshness: Mapping[str, Freshness]) -> datetime | None:
    of_account = freshness[Feed.Kind.ACKNOWLEDGEMENTS].covers_since
    own = service.acknowledged_since
    return max(of_account, own) if of_account and own else of_account


def _judged(kind: str, freshness: Mapping[str, Freshness], now: datetime, reader: Reader) -> Answer:
    return present_answer(kind, freshness[kind], now=now, reader=reader)
