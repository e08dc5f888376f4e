"""The past of an entity's services, loaded from stored rows and presented; nothing here asks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from pagerduty_card.freshness import Freshness
from pagerduty_card.history.insights import InsightsView, present_insights
from pagerduty_card.history.strip import (
    HistoryView,
    Knowledge,
    Occurrence,
    merged,
    present_history,
    starts_at,
)
from pagerduty_card.history.timeline import Entry, entries_of
from pagerduty_card.models import ChangeEvent, Feed, Incident, Insight, PastIncident, Service
from pagerduty_card.presenters.freshness import Answer, Moment, present_answer

ON_CARD = 30  # days


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


def since_of(days: int, moment: Moment) -> datetime:
    """When the first of so many days begins for the reader (UTC)."""
    today = moment.now.astimezone(moment.zone).date()
    return starts_at(today - timedelta(days=days - 1), moment.zone)


def view_of(
    service: Service,
    ended: Iterable[Occurrence],
    still_open: Iterable[Incident],
    answers: Mapping[str, Answer],
    *,
    acknowledged_since: datetime | None,
    days: int,
    moment: Moment,
    url: str = "",
) -> HistoryView:
    """Strip and figures of one service.

    Args:
        service: The mirrored service.
        ended: Of ``occurrences``.
        still_open: Its open incidents.
        answers: How far each section may be believed, by ``Feed.Kind``.
        acknowledged_since: How far back acknowledgements of the account are known (UTC).
        days: How many, today included.
        moment: When it is read, and in which zone.
        url: The page with all of it.
    """
    opened = [Occurrence(pd_id=one.pd_id, created_at=one.created_at) for one in still_open]
    open_ids = {one.pd_id for one in opened}
    # Without an end, and not open as far as is known: it has just ended, and its turn will come.
    whole = [one for one in ended if one.resolved_at or one.pd_id in open_ids]
    return present_history(
        merged(whole, opened),
        Knowledge(
            ended=answers[Feed.Kind.HISTORY],
            opened=answers[Feed.Kind.INCIDENTS],
            taken=answers[Feed.Kind.ACKNOWLEDGEMENTS],
            ended_since=service.history_since,
            taken_since=_taken_since(service, acknowledged_since),
        ),
        days=days,
        moment=moment,
        url=url,
    )


def load_past(
    service: Service,
    freshness: Mapping[str, Freshness],
    *,
    days: int,
    moment: Moment,
) -> Past:
    """Load everything about one service's past, in four queries.

    Args:
        service: The mirrored service.
        freshness: What the mirror knows of each section, by ``Feed.Kind``.
        days: How many, today included.
        moment: Who reads, when, and in which zone.
    """
    since = since_of(days, moment)
    ended = list(
        PastIncident.objects.filter(service=service)
        .filter(Q(created_at__gte=since) | Q(resolved_at__gte=since) | Q(created_at__isnull=True))
        .order_by()
    )
    still_open = list(Incident.objects.of_services([service]))
    answers = {kind: present_answer(kind, freshness[kind], moment) for kind in Feed.Kind.values}
    view = view_of(
        service,
        [
            one
            for row in ended
            if (one := _occurrence(row.pd_id, row.created_at, row.acknowledged_at, row.resolved_at))
        ],
        still_open,
        answers,
        acknowledged_since=freshness[Feed.Kind.ACKNOWLEDGEMENTS].covers_since,
        days=days,
        moment=moment,
    )
    figures: dict[str, dict[str, Any]] = dict(
        Insight.objects.filter(service=service).values_list("kind", "figures")
    )
    return Past(
        view=view,
        insights=present_insights(figures, answers),
        entries=entries_of(
            ChangeEvent.objects.of_services([service]), ended, still_open, since=since
        ),
        changes=answers[Feed.Kind.CHANGES],
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


def _taken_since(service: Service, of_account: datetime | None) -> datetime | None:
    own = service.acknowledged_since
    return max(of_account, own) if of_account and own else of_account
