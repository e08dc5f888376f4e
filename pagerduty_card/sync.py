"""PagerDuty to mirror: a whole account in bulk, one service, or what a page needs now.

With ``webhooks`` the only writer of the mirror. Each section stands alone: one that fails keeps
its last good rows, says why in its ``Feed``, and stops no other. PagerDuty is asked outside of
transactions.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from itertools import pairwise

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from catalog.models import Entity
from pagerduty_card import mirror
from pagerduty_card.accounts import Account, get_account
from pagerduty_card.client import PagerDutyClient
from pagerduty_card.domain import ChangeEvent, ServiceStatus
from pagerduty_card.errors import NotConfigured, PagerDutyError
from pagerduty_card.mapping import Mapped, resolve, targets_of
from pagerduty_card.models import EscalationPolicy, Feed, OnCall, Service, TriggeredIncident
from pagerduty_card.reconciling import reconcile
from pagerduty_card.reporting import Report, log_failure

logger = logging.getLogger(__name__)

# How often each section of an account is asked for, in the order in which they are.
CADENCE = {
    Feed.Kind.SERVICES: timedelta(minutes=10),
    Feed.Kind.INCIDENTS: timedelta(seconds=30),
    Feed.Kind.ON_CALL: timedelta(seconds=60),
    Feed.Kind.CHANGES: timedelta(seconds=60),
}
# A turn that comes this much early still counts. The worker looks for work every 10 s at most, so
# that turns are up to that much late, and the next one on time would be missed.
_TOLERANCE = timedelta(seconds=12)
# How far ahead shifts are asked for, and how often: they rarely move.
SHIFTS_AHEAD = timedelta(hours=24)
_SHIFTS_EVERY = timedelta(minutes=10)
# Senders of changes set the time themselves and may be late.
_CHANGES_OVERLAP = timedelta(hours=1)
_CHANGES_MAX_PAGES = 5
# Services that an account's list misses are asked for singly before they are forgotten.
_MAX_CONFIRMED_GONE = 10

PAGE_BUDGET_S = 4.0
PAGE_SEARCH_BUDGET_S = 8.0  # for a key on a service that is not mirrored: all services are listed
PAGE_INTERVAL_S = 10
PAGE_INTERVAL_AWAITING_S = 2
_FLIGHT_ENDS_AFTER_S = 30  # should the process die


def sync_account(
    account: Account, client: PagerDutyClient, *, kinds: Collection[str] | None = None
) -> Report:
    """Mirror a whole account with as few requests as it takes.

    Args:
        account: Which one.
        client: Asks; its quota rules decide whether it may.
        kinds: The sections; None means all.
    """
    report = Report(account=account.name)
    sections: dict[str, Callable[[Account, PagerDutyClient], None]] = {
        Feed.Kind.SERVICES: _sync_services,
        Feed.Kind.INCIDENTS: _sync_incidents,
        Feed.Kind.ON_CALL: _sync_on_calls,
        Feed.Kind.CHANGES: _sync_changes,
    }
    refused: PagerDutyError | None = None
    for kind, section in sections.items():
        if kinds is not None and kind not in kinds:
            continue
        try:
            if refused:
                raise refused
            section(account, client)
        except PagerDutyError as exc:
            report.note_failed(kind, exc)
            # The token is refused everywhere: one request says so, four would not say more.
            refused = exc if exc.reason == "token" else None
        else:
            report.done.append(str(kind))
    if not refused:
        reconcile(client, TriggeredIncident.objects.all())
    report.requests = client.requests_sent
    logger.info(
        "pagerduty mirrored",
        extra={
            "account": account.name,
            "done": report.done,
            "failed": {kind: exc.reason for kind, exc in report.failed.items()},
            "requests": report.requests,
        },
    )
    return report


def sync_due(account: Account) -> Report:
    """Mirror those sections of the account whose turn it is; for the worker, every 30 s."""
    with PagerDutyClient(account, background=True) as client:
        return sync_account(account, client, kinds=due_kinds(account, timezone.now()))


def due_kinds(account: Account, now: datetime) -> list[str]:
    """The sections whose last good answer is older than their cadence, or that need another look.

    On-call is also due when a shift has ended since, or a policy became known since.
    """
    asked = _asked(account)
    due = []
    for kind, cadence in CADENCE.items():
        at = asked.get(kind)
        if at is None or now - at >= cadence - _TOLERANCE:
            due.append(kind.value)
    at = asked.get(Feed.Kind.ON_CALL)
    if at and Feed.Kind.ON_CALL.value not in due and _on_call_moved(account, at, now):
        due.append(Feed.Kind.ON_CALL.value)
    return due


def sync_service(account: Account, client: PagerDutyClient, service_pd_id: str) -> Report:
    """Mirror one service with four or five small requests."""
    report = Report(account=account.name)
    asked_at = timezone.now()
    try:
        service = client.service(service_pd_id)
    except PagerDutyError as exc:
        report.note_failed(Feed.Kind.SERVICES, exc, service_pd_id)
    else:
        mirror.store_services(account.name, [service], asked_at=asked_at)
        report.note_good(Feed.Kind.SERVICES, asked_at, service_pd_id)
    row = (
        Service.objects.of_account(account.name)
        .filter(pd_id=service_pd_id)
        .select_related("policy")
        .first()
    )
    absent = report.failed.get(Feed.Kind.SERVICES)
    if row is not None and (absent is None or absent.reason not in {"token", "not_found"}):
        _sync_rest_of_service(report, account, client, row)
    report.requests = client.requests_sent
    return report


def refresh_for_page(entity: Entity) -> None:
    """Refresh the mirror of the entity's services for somebody who looks at them.

    Many viewers cause one request: at most one refresh of a service is under way, and none within
    10 seconds of the last (2 seconds while a triggered incident is awaited). Takes about 4 seconds
    at most for each account the entity names, 8 where a key must be searched for. Never raises a
    ``PagerDutyError``: what went wrong is in the feeds.
    """
    attempts = TriggeredIncident.objects.of_entity(entity)
    awaits = attempts.filter(state=TriggeredIncident.State.ACCEPTED).exists()
    interval_s = PAGE_INTERVAL_AWAITING_S if awaits else PAGE_INTERVAL_S
    by_account: dict[str, list[Mapped]] = {}
    for mapped in resolve(targets_of(entity)):
        by_account.setdefault(mapped.target.account, []).append(mapped)
    for name, group in by_account.items():
        try:
            account = get_account(name)
        except NotConfigured:
            continue  # the card says so by itself
        searches = any(not mapped.service_pd_id for mapped in group)
        budget_s = PAGE_SEARCH_BUDGET_S if searches else PAGE_BUDGET_S
        with PagerDutyClient(account, total_budget_s=budget_s) as client:
            # First the incidents that are awaited: one that is found belongs on the card at once.
            is_found = awaits and reconcile(client, attempts)
            for mapped in group:
                _refresh_once(account, client, mapped, 0 if is_found else interval_s)


def _refresh_once(
    account: Account, client: PagerDutyClient, mapped: Mapped, interval_s: int
) -> None:
    """Refresh one target unless somebody just did or is doing so."""
    earliest = timezone.now() - timedelta(seconds=interval_s)
    if all(one.is_asked_since(earliest) for one in mapped.freshness.values()):
        return
    # A key is a secret also to whoever reads the cache.
    named = (
        mapped.service_pd_id or hashlib.sha256(mapped.target.integration_key.encode()).hexdigest()
    )
    flight = f"pagerduty:refreshing:{account.name}:{named}"
    recent = f"pagerduty:refreshed:{account.name}:{named}"
    refreshed_at: float = cache.get(recent, 0.0)
    if time.time() - refreshed_at < interval_s or not cache.add(flight, 1, _FLIGHT_ENDS_AFTER_S):
        return
    try:
        if not mapped.service_pd_id:
            sync_account(account, client, kinds=[Feed.Kind.SERVICES])
            mapped = resolve([mapped.target])[0]
        if mapped.service_pd_id:
            sync_service(account, client, mapped.service_pd_id)
    finally:
        cache.set(recent, time.time(), PAGE_INTERVAL_S)
        cache.delete(flight)


def _sync_services(account: Account, client: PagerDutyClient) -> None:
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


def _sync_incidents(account: Account, client: PagerDutyClient) -> None:
    asked_at = timezone.now()
    incidents = client.open_incidents()
    # An event of a webhook must see neither without the other.
    with transaction.atomic():
        mirror.store_incidents(account.name, incidents, asked_at=asked_at)
        Feed.objects.mark_good(account.name, Feed.Kind.INCIDENTS, asked_at=asked_at)


def _sync_on_calls(account: Account, client: PagerDutyClient) -> None:
    asked_at = timezone.now()
    turn = f"pagerduty:shifts:{account.name}"
    last = _asked(account).get(Feed.Kind.ON_CALL)
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


def _sync_changes(account: Account, client: PagerDutyClient) -> None:
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
        covers_since=_reaches_back_to(changes, asked_at) if more else covered,
    )


def _new_since(at: datetime, account: Account) -> bool:
    return Service.objects.of_account(account.name).filter(mirrored_at__gt=at).exists()


def _reaches_back_to(changes: Iterable[ChangeEvent], asked_at: datetime) -> datetime:
    """How far back a list that was cut off reaches, if it came newest first."""
    times = [change.at for change in changes]
    is_newest_first = all(one >= other for one, other in pairwise(times))
    return times[-1] if times and is_newest_first else asked_at


def _sync_rest_of_service(
    report: Report, account: Account, client: PagerDutyClient, row: Service
) -> None:
    def incidents(asked_at: datetime) -> None:
        found = client.open_incidents([row.pd_id])
        with transaction.atomic():
            mirror.store_incidents(account.name, found, asked_at=asked_at, service_pd_id=row.pd_id)
            report.note_good(Feed.Kind.INCIDENTS, asked_at, row.pd_id)

    def on_calls(asked_at: datetime) -> None:
        policies = [row.policy.pd_id] if row.policy else []
        found = (
            client.on_calls(policies, since=asked_at, until=asked_at + SHIFTS_AHEAD)
            if policies
            else []
        )
        if policies:
            mirror.store_on_calls(
                account.name,
                found,
                asked_at=asked_at,
                with_next=True,
                policy_pd_ids=policies,
            )
        report.note_good(Feed.Kind.ON_CALL, asked_at, row.pd_id)

    def changes(asked_at: datetime) -> None:
        since = asked_at - mirror.CHANGES_KEPT
        found, more = client.change_events(since=since, service_id=row.pd_id)
        mirror.store_changes(account.name, found, row.pd_id)
        covers_since = _reaches_back_to(found, asked_at) if more else since
        report.note_good(Feed.Kind.CHANGES, asked_at, row.pd_id, covers_since)

    def maintenance(asked_at: datetime) -> None:
        del asked_at
        if row.status == ServiceStatus.MAINTENANCE or row.maintenance_until:
            windows = client.maintenance_windows([row.pd_id])
            mirror.store_maintenance(account.name, windows, row.pd_id)

    for kind, section in (
        (Feed.Kind.INCIDENTS, incidents),
        (Feed.Kind.ON_CALL, on_calls),
        (Feed.Kind.CHANGES, changes),
        (None, maintenance),
    ):
        try:
            section(timezone.now())
        except PagerDutyError as exc:
            if kind is None:
                log_failure(account.name, "maintenance", exc)
            else:
                report.note_failed(kind, exc, row.pd_id)


def _asked(account: Account) -> dict[str, datetime | None]:
    return dict(
        Feed.objects.filter(account=account.name, service_pd_id="").values_list("kind", "asked_at")
    )


def _on_call_moved(account: Account, asked_at: datetime, now: datetime) -> bool:
    handover = OnCall.objects.next_handover(account.name, asked_at)
    policies = EscalationPolicy.objects.filter(account=account.name, mirrored_at__gt=asked_at)
    return bool(handover and handover <= now) or policies.exists()
