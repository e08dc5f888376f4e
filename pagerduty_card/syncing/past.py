"""What has been: incidents that ended, and when somebody first took each of them.

The ends are read for the whole account, and on top of that for each service once, as far back as
history goes, when it becomes mapped. ``Service.history_since``, ``Service.acknowledged_since`` and
``Feed.covers_since`` tell how far back the rows are whole; they never claim more than PagerDuty
answered.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from pagerduty_card import domain
from pagerduty_card.accounts import Account
from pagerduty_card.models import Feed, PastIncident, Service, ServiceQuerySet
from pagerduty_card.rows import write
from pagerduty_card.wire.client import PagerDutyClient
from pagerduty_card.wire.past import FirstAcknowledgement
from portal.batches import in_batches

# Ninety days of whichever zone, the longer ones at a change of the clocks too.
HISTORY_KEPT_FOR = timedelta(days=92)
# An end or an acknowledgement may be listed late.
_OVERLAP = timedelta(minutes=30)
_MAX_PAGES = 20
# Of a service that became mapped: so many at once, so many pages of one question, and no further
# question in the same turn after so many requests.
_SERVICES_AT_ONCE = 25
_MAX_PAGES_AT_FIRST = 50
_REQUESTS_A_TURN = 20


def sync_history(account: Account, client: PagerDutyClient) -> None:
    """Mirror the incidents that ended since the last answer; fill in services newly mapped."""
    asked_at = timezone.now()
    window = asked_at - HISTORY_KEPT_FOR
    last = _feed(account, Feed.Kind.HISTORY)
    _forget(account, window)
    if last and last.asked_at:
        since = max(last.asked_at - _OVERLAP, window)
        ended, reaches_to = client.resolved_incidents(since=since, max_pages=_MAX_PAGES)
        store_ended(account.name, ended)
        is_whole = reaches_to <= since
    else:
        is_whole = False
    if not is_whole:
        # What lies between is not known of any service: each is asked about anew.
        Service.objects.of_account(account.name).update(history_since=None)
    Feed.objects.mark_good(account.name, Feed.Kind.HISTORY, asked_at=asked_at)
    _fill_in(account, client, window)


def wants_history(account: Account, now: datetime) -> bool:
    """Whether there are services to fill in, and nothing stood in the way the last time."""
    del now
    feed = _feed(account, Feed.Kind.HISTORY)
    return bool(feed and not feed.failed_at) and _not_asked(account).exists()


def sync_acknowledgements(account: Account, client: PagerDutyClient) -> None:
    """Mirror who took incidents since the last answer, and go on with what was before.

    Of a service that became mapped since then all is read again, in as many turns as it takes; the
    others lose nothing by it.
    """
    asked_at = timezone.now()
    window = asked_at - HISTORY_KEPT_FOR
    last = _feed(account, Feed.Kind.ACKNOWLEDGEMENTS)
    mapped = Service.objects.of_account(account.name).mapped().order_by()
    covers_since = asked_at
    if last and last.asked_at and last.covers_since:
        new = mapped.filter(mirrored_at__gt=last.asked_at)
        if new.exists():
            new.update(acknowledged_since=asked_at)
        since = max(last.asked_at - _OVERLAP, window)
        taken, reaches_to = client.acknowledgements(since=since, max_pages=_MAX_PAGES)
        store_acknowledgements(account.name, taken)
        covers_since = max(last.covers_since, window) if reaches_to <= since else reaches_to
    behind = mapped.filter(acknowledged_since__isnull=False)
    least = behind.aggregate(least=Max("acknowledged_since"))["least"]
    begin = max(covers_since, least or covers_since)
    if begin > window:
        taken, reaches_to = client.acknowledgements(since=window, until=begin, max_pages=_MAX_PAGES)
        store_acknowledgements(account.name, taken)
        covers_since = min(covers_since, reaches_to)
        if least:
            behind.filter(acknowledged_since__gt=reaches_to).update(acknowledged_since=reaches_to)
    if least:
        # Known as far back as the others now: the feed tells of it too.
        behind.filter(acknowledged_since__lte=covers_since).update(acknowledged_since=None)
    Feed.objects.mark_good(
        account.name, Feed.Kind.ACKNOWLEDGEMENTS, asked_at=asked_at, covers_since=covers_since
    )


def _fill_in(account: Account, client: PagerDutyClient, window: datetime) -> None:
    """Ask about services that have no history yet, some each turn."""
    waiting = list(_not_asked(account).order_by("pk").values_list("pd_id", flat=True))
    before = client.requests_sent
    while waiting and client.requests_sent - before < _REQUESTS_A_TURN:
        batch = waiting[:_SERVICES_AT_ONCE]
        ended, reaches_to = _ended(account, client, batch, window)
        if reaches_to > window and len(batch) > 1:
            # The one with the most is asked about alone: the others need not know less for it.
            batch = [Counter(one.service_id for one in ended).most_common(1)[0][0]]
            _, reaches_to = _ended(account, client, batch, window)
        asked = Service.objects.of_account(account.name).filter(pd_id__in=batch)
        asked.update(history_since=reaches_to)
        waiting = [pd_id for pd_id in waiting if pd_id not in batch]


def _ended(
    account: Account, client: PagerDutyClient, pd_ids: Sequence[str], window: datetime
) -> tuple[list[domain.ApiIncident], datetime]:
    asked = set(pd_ids)
    found, reaches_to = client.resolved_incidents(
        pd_ids, since=window, max_pages=_MAX_PAGES_AT_FIRST
    )
    store_ended(account.name, found)
    return [one for one in found if one.service_id in asked], reaches_to


@transaction.atomic
def store_ended(account: str, incidents: Iterable[domain.ApiIncident]) -> None:
    """Store incidents that ended, of mapped services; one that ended again has its last end."""
    services = _mapped(account)
    given = {
        one.id: one
        for one in sorted(incidents, key=lambda one: one.resolved_at or one.created_at)
        if one.resolved_at
    }
    existing = _existing(account, given)
    wanted: dict[tuple[int, str], dict[str, Any]] = {
        (services[one.service_id], one.id): {
            "number": one.number,
            "title": one.title,
            "urgency": one.urgency[:32],
            "priority": one.priority[:64],
            "url": one.url,
            "created_at": one.created_at,
            "resolved_at": one.resolved_at,
        }
        for one in given.values()
        if one.service_id in services
    }
    moved = [row.pk for key, row in existing.items() if key not in wanted]
    for pks in in_batches(moved):
        PastIncident.objects.filter(pk__in=pks).delete()
    write(PastIncident, existing, wanted, _make)


@transaction.atomic
def store_acknowledgements(account: str, taken: Iterable[FirstAcknowledgement]) -> None:
    """Store when incidents of mapped services were first taken; an earlier time stays."""
    services = _mapped(account)
    first: dict[tuple[int, str], datetime] = {}
    for one in taken:
        if one.service_id in services:
            key = (services[one.service_id], one.incident_id)
            first[key] = min(one.at, first.get(key, one.at))
    existing = _existing(account, {pd_id for _, pd_id in first})
    wanted = {}
    for key, at in first.items():
        row = existing.get(key)
        known = row.acknowledged_at if row else None
        wanted[key] = {"acknowledged_at": min(at, known) if known else at}
    write(PastIncident, existing, wanted, _make)


def _make(key: tuple[int, str]) -> PastIncident:
    return PastIncident(service_id=key[0], pd_id=key[1])


def _mapped(account: str) -> dict[str, int]:
    rows = Service.objects.of_account(account).filter(is_mapped=True).order_by()
    return dict(rows.values_list("pd_id", "pk"))


def _existing(account: str, pd_ids: Collection[str]) -> dict[tuple[int, str], PastIncident]:
    found = {}
    for some in in_batches(sorted(pd_ids)):
        for row in PastIncident.objects.filter(service__account=account, pd_id__in=some).order_by():
            found[(row.service_id, row.pd_id)] = row
    return found


def _not_asked(account: Account) -> ServiceQuerySet:
    return Service.objects.of_account(account.name).filter(
        is_mapped=True, history_since__isnull=True
    )


def _feed(account: Account, kind: str) -> Feed | None:
    return Feed.objects.filter(account=account.name, kind=kind, service_pd_id="").first()


def _forget(account: Account, window: datetime) -> None:
    """Delete what ended before the window, and acknowledgements whose end never came."""
    rows = PastIncident.objects.filter(service__account=account.name).order_by()
    over = rows.filter(resolved_at__lt=window) | rows.filter(
        resolved_at__isnull=True, acknowledged_at__lt=window
    )
    for pks in in_batches(list(over.values_list("pk", flat=True))):
        PastIncident.objects.filter(pk__in=pks).delete()
