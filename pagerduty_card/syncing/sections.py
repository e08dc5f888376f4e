"""The sections of an account, each asked for with as few requests as it takes, and stored.

PagerDuty is asked outside of transactions. Whatever goes wrong leaves as a ``PagerDutyError``, and
the rows stay as they were. ``on_call`` holds those about people.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from itertools import pairwise

from django.db import transaction
from django.utils import timezone

from pagerduty_card import domain
from pagerduty_card.accounts import Account
from pagerduty_card.domain import ApiChangeEvent
from pagerduty_card.errors import PagerDutyError, TooMany
from pagerduty_card.mirror import directory
from pagerduty_card.mirror.incidents import (
    CHANGES_KEPT_FOR,
    store_changes,
    store_incidents,
    store_maintenance,
)
from pagerduty_card.models import Feed, Service
from pagerduty_card.syncing.batches import answers_in_batches
from pagerduty_card.syncing.mapped_services import MAX_SINGLY, named_services
from pagerduty_card.wire.client import PagerDutyClient
from pagerduty_card.wire.paged_lists import MAX_IDS_IN_QUERY

# Senders of changes set the time themselves and may be late.
_CHANGES_OVERLAP = timedelta(hours=1)
_CHANGES_MAX_PAGES = 5
_CHANGES_MAX_PAGES_SINCE = 20
# Services that an account's list misses are asked for singly before they are forgotten.
_MAX_CONFIRMED_GONE = 10


def sync_services(account: Account, client: PagerDutyClient) -> None:
    """Mirror all services with their integrations, and the policies of those that are mapped."""
    asked_at = timezone.now()
    services = client.services()
    named = named_services(account.name)
    directory.store_services(account.name, services, asked_at=asked_at, named=named)
    bare = {
        service.policy.id
        for service in services
        if service.policy and service.policy.levels is None and named.has(service)
    }
    if bare:
        policies = client.escalation_policies()
        directory.store_policies(account.name, [one for one in policies if one.id in bare])
    _forget_gone(account, client, {service.id for service in services})
    directory.forget_unused(account.name)
    Feed.objects.mark_good(account.name, Feed.Kind.SERVICES, asked_at=asked_at)


def _forget_gone(account: Account, client: PagerDutyClient, listed: Collection[str]) -> None:
    """Delete services that PagerDuty has no more.

    One that the list missed is asked for singly: a list read page by page may skip a service
    while another is deleted.
    """
    rows = Service.objects.of_account(account.name).order_by("pk").only("pd_id")
    missing = [row for row in rows if row.pd_id not in listed]
    for service in missing[:_MAX_CONFIRMED_GONE]:
        try:
            client.service(service.pd_id)
        except PagerDutyError as exc:
            if exc.reason != "not_found":
                raise
            directory.forget_services(rows.filter(pk=service.pk))


def sync_incidents(account: Account, client: PagerDutyClient) -> None:
    """Mirror every open incident."""
    asked_at = timezone.now()
    try:
        incidents = client.open_incidents()
    except TooMany:
        incidents = _open_incidents_by_service(account, client)
    # An event of a webhook must see neither without the other.
    with transaction.atomic():
        store_incidents(account.name, incidents, asked_at=asked_at)
        Feed.objects.mark_good(account.name, Feed.Kind.INCIDENTS, asked_at=asked_at)


def _open_incidents_by_service(
    account: Account, client: PagerDutyClient
) -> list[domain.ApiIncident]:
    """Where an account has more than PagerDuty lists: those of mapped services, some at once."""
    mapped = Service.objects.of_account(account.name).mapped().order_by("pk")
    ids = list(mapped.values_list("pd_id", flat=True))
    answers = answers_in_batches(ids, MAX_IDS_IN_QUERY, client.open_incidents)
    return [incident for _, answer in answers for incident in answer]


def sync_maintenance(account: Account, client: PagerDutyClient) -> None:
    """Mirror until when mapped services are in maintenance.

    Of a service whose window is gone the status is asked for too: the mirrored one is of the last
    list of services, which may still have been made in the window.
    """
    asked_at = timezone.now()
    windows = client.maintenance_windows()
    mapped = Service.objects.of_account(account.name).mapped()
    in_one = mapped.filter(maintenance_until__isnull=False)
    before = set(in_one.values_list("pd_id", flat=True))
    store_maintenance(account.name, windows)
    ended = before - set(in_one.values_list("pd_id", flat=True))
    still = mapped.filter(pd_id__in=ended, status=domain.ServiceStatus.MAINTENANCE)
    for pd_id in list(still.values_list("pd_id", flat=True)[:MAX_SINGLY]):
        directory.store_services(account.name, [client.service(pd_id)], asked_at=asked_at)
    Feed.objects.mark_good(account.name, Feed.Kind.MAINTENANCE, asked_at=asked_at)


def sync_changes(account: Account, client: PagerDutyClient) -> None:
    """Mirror the changes since the last answer, and all recent ones of services new to it."""
    asked_at = timezone.now()
    feed = Feed.objects.filter(
        account=account.name, kind=Feed.Kind.CHANGES, service_pd_id=""
    ).first()
    window = asked_at - CHANGES_KEPT_FOR
    since, covered, pages, last = window, window, _CHANGES_MAX_PAGES, None
    if feed and feed.asked_at and feed.covers_since:
        mapped = Service.objects.of_account(account.name).mapped()
        new = mapped.filter(mirrored_at__gt=feed.asked_at).order_by("pk")
        pd_ids = list(new.values_list("pd_id", flat=True)[: MAX_SINGLY + 1])
        if len(pd_ids) <= MAX_SINGLY:
            covered = max(feed.covers_since, window)
            for pd_id in pd_ids:
                covered = max(covered, _all_changes_of(account, client, pd_id, window))
            last = feed.asked_at
            since, pages = last - _CHANGES_OVERLAP, _CHANGES_MAX_PAGES_SINCE
    changes, more = client.change_events(since=since, max_pages=pages)
    store_changes(account.name, changes)
    if more:
        reach = reaches_back_to(changes, asked_at)
        # Nothing is missing where this answer and the rows of the last one meet.
        covered = covered if last and reach <= last else reach
    Feed.objects.mark_good(account.name, Feed.Kind.CHANGES, asked_at=asked_at, covers_since=covered)


def _all_changes_of(
    account: Account, client: PagerDutyClient, pd_id: str, since: datetime
) -> datetime:
    asked_at = timezone.now()
    changes, more = client.change_events(
        since=since, service_id=pd_id, max_pages=_CHANGES_MAX_PAGES
    )
    store_changes(account.name, changes, pd_id)
    return reaches_back_to(changes, asked_at) if more else since


def reaches_back_to(changes: Iterable[ApiChangeEvent], asked_at: datetime) -> datetime:
    """How far back a list that was cut off reaches (UTC), if it came newest first."""
    times = [change.at for change in changes]
    is_newest_first = all(one >= other for one, other in pairwise(times))
    return times[-1] if times and is_newest_first else asked_at


def asked_at_of(account: Account) -> dict[str, datetime | None]:
    """When the last good answer to each account-wide section was asked for (UTC)."""
    return dict(
        Feed.objects.filter(account=account.name, service_pd_id="").values_list("kind", "asked_at")
    )
