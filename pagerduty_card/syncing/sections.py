"""The sections of an account, each asked for with as few requests as it takes, and stored.

PagerDuty is asked outside of transactions. Whatever goes wrong leaves as a ``PagerDutyError``, and
the rows stay as they were.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from itertools import pairwise

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from pagerduty_card import mirror
from pagerduty_card.accounts import Account
from pagerduty_card.client import PagerDutyClient
from pagerduty_card.domain import ChangeEvent
from pagerduty_card.errors import PagerDutyError
from pagerduty_card.models import EscalationPolicy, Feed, Service
from pagerduty_card.reporting import log_failure

# How far ahead shifts are asked for, and how often: they rarely move.
SHIFTS_AHEAD = timedelta(hours=24)
_SHIFTS_EVERY = timedelta(minutes=10)
# Senders of changes set the time themselves and may be late.
_CHANGES_OVERLAP = timedelta(hours=1)
_CHANGES_MAX_PAGES = 5
# Services that an account's list misses are asked for singly before they are forgotten.
_MAX_CONFIRMED_GONE = 10


def sync_services(account: Account, client: PagerDutyClient) -> None:
    """Mirror the services with their policies and integrations, and their maintenance."""
    asked_at = timezone.now()
    services = client.services()
    mirror.store_services(account.name, services, asked_at=asked_at)
    if any(service.policy and service.policy.levels is None for service in services):
        mirror.store_policies(account.name, client.escalation_policies())
    _forget_gone(account, client, {service.id for service in services})
    Feed.objects.mark_good(account.name, Feed.Kind.SERVICES, asked_at=asked_at)
    # Without this the status of a service still tells that it is in maintenance, not until when.
    try:
        windows = client.maintenance_windows()
    except PagerDutyError as exc:
        log_failure(account.name, "maintenance", exc)
    else:
        mirror.store_maintenance(account.name, windows)


def _forget_gone(account: Account, client: PagerDutyClient, listed: Collection[str]) -> None:
    """Delete services that PagerDuty has no more.

    One that the list missed is asked for singly: a list read page by page may skip a service
    while another is deleted.
    """
    missing = Service.objects.of_account(account.name).exclude(pd_id__in=listed)
    for service in missing.order_by("pk")[:_MAX_CONFIRMED_GONE]:
        try:
            client.service(service.pd_id)
        except PagerDutyError as exc:
            if exc.reason != "not_found":
                raise
            service.delete()


def sync_incidents(account: Account, client: PagerDutyClient) -> None:
    """Mirror every open incident."""
    asked_at = timezone.now()
    incidents = client.open_incidents()
    # An event of a webhook must see neither without the other.
    with transaction.atomic():
        mirror.store_incidents(account.name, incidents, asked_at=asked_at)
        Feed.objects.mark_good(account.name, Feed.Kind.INCIDENTS, asked_at=asked_at)


def sync_on_calls(account: Account, client: PagerDutyClient) -> None:
    """Mirror who is on call now and, now and then, who is next."""
    asked_at = timezone.now()
    turn = f"pagerduty:shifts:{account.name}"
    last = asked_at_of(account).get(Feed.Kind.ON_CALL)
    with_next = (
        last is None
        or not cache.get(turn)
        or EscalationPolicy.objects.filter(account=account.name, mirrored_at__gt=last).exists()
    )
    if with_next:
        on_calls = client.on_calls(since=asked_at, until=asked_at + SHIFTS_AHEAD)
    else:
        on_calls = client.on_calls()
    mirror.store_on_calls(account.name, on_calls, asked_at=asked_at, with_next=with_next)
    if with_next:
        cache.set(turn, 1, _SHIFTS_EVERY.total_seconds())
    Feed.objects.mark_good(account.name, Feed.Kind.ON_CALL, asked_at=asked_at)


def sync_changes(account: Account, client: PagerDutyClient) -> None:
    """Mirror the changes since the last answer."""
    asked_at = timezone.now()
    feed = Feed.objects.filter(
        account=account.name, kind=Feed.Kind.CHANGES, service_pd_id=""
    ).first()
    window = asked_at - mirror.CHANGES_KEPT
    since, covered = window, window
    if feed and feed.asked_at and feed.covers_since and not _new_since(feed.asked_at, account):
        since, covered = feed.asked_at - _CHANGES_OVERLAP, max(feed.covers_since, window)
    changes, more = client.change_events(since=since, max_pages=_CHANGES_MAX_PAGES)
    mirror.store_changes(account.name, changes)
    Feed.objects.mark_good(
        account.name,
        Feed.Kind.CHANGES,
        asked_at=asked_at,
        covers_since=reaches_back_to(changes, asked_at) if more else covered,
    )


def _new_since(at: datetime, account: Account) -> bool:
    return Service.objects.of_account(account.name).filter(mirrored_at__gt=at).exists()


def reaches_back_to(changes: Iterable[ChangeEvent], asked_at: datetime) -> datetime:
    """How far back a list that was cut off reaches (UTC), if it came newest first."""
    times = [change.at for change in changes]
    is_newest_first = all(one >= other for one, other in pairwise(times))
    return times[-1] if times and is_newest_first else asked_at


def asked_at_of(account: Account) -> dict[str, datetime | None]:
    """When the last good answer to each account-wide section was asked for (UTC)."""
    return dict(
        Feed.objects.filter(account=account.name, service_pd_id="").values_list("kind", "asked_at")
    )
