"""One service, with a handful of small requests."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from pagerduty_card.accounts import Account
from pagerduty_card.domain import ServiceStatus
from pagerduty_card.errors import PagerDutyError
from pagerduty_card.mirror import directory, rota
from pagerduty_card.mirror.incidents import (
    CHANGES_KEPT_FOR,
    store_changes,
    store_incidents,
    store_maintenance,
)
from pagerduty_card.models import Feed, Service
from pagerduty_card.reporting import Report, log_failure
from pagerduty_card.syncing.sections import reaches_back_to
from pagerduty_card.wire.client import PagerDutyClient


def sync_service(account: Account, client: PagerDutyClient, service_pd_id: str) -> Report:
    """Mirror one service with four or five small requests; it counts as mapped from then on."""
    report = Report(account=account.name)
    asked_at = timezone.now()
    try:
        service = client.service(service_pd_id)
    except PagerDutyError as exc:
        report.note_failed(Feed.Kind.SERVICES, exc, service_pd_id)
    else:
        directory.store_services(account.name, [service], asked_at=asked_at)
        report.note_good(Feed.Kind.SERVICES, asked_at, service_pd_id)
    row = (
        Service.objects.of_account(account.name)
        .filter(pd_id=service_pd_id)
        .select_related("policy")
        .first()
    )
    absent = report.failed.get(Feed.Kind.SERVICES)
    if absent and absent.reason == "token":
        # Refused everywhere: what was not even asked for is not newer for the same reason.
        for kind in (Feed.Kind.INCIDENTS, Feed.Kind.ON_CALL, Feed.Kind.CHANGES):
            report.note_failed(kind, absent, service_pd_id)
    elif row is not None and row.is_mapped and (absent is None or absent.reason != "not_found"):
        _sync_rest_of_service(report, account, client, row)
    report.requests = client.requests_sent
    return report


def _sync_rest_of_service(
    report: Report, account: Account, client: PagerDutyClient, row: Service
) -> None:
    def incidents(asked_at: datetime) -> None:
        found = client.open_incidents([row.pd_id])
        with transaction.atomic():
            store_incidents(account.name, found, asked_at=asked_at, service_pd_id=row.pd_id)
            report.note_good(Feed.Kind.INCIDENTS, asked_at, row.pd_id)

    def on_calls(asked_at: datetime) -> None:
        if row.policy:
            policies = [row.policy.pd_id]
            found = client.on_calls(policies, since=asked_at, until=asked_at + rota.SHIFTS_AHEAD)
            rota.store_on_calls(
                account.name, found, asked_at=asked_at, policy_pd_ids=policies, with_next=True
            )
        report.note_good(Feed.Kind.ON_CALL, asked_at, row.pd_id)
        report.note_good(Feed.Kind.SHIFTS, asked_at, row.pd_id)

    def changes(asked_at: datetime) -> None:
        since = asked_at - CHANGES_KEPT_FOR
        found, more = client.change_events(since=since, service_id=row.pd_id)
        store_changes(account.name, found, row.pd_id)
        covers_since = reaches_back_to(found, asked_at) if more else since
        report.note_good(Feed.Kind.CHANGES, asked_at, row.pd_id, covers_since)

    def maintenance(asked_at: datetime) -> None:
        del asked_at
        if row.status == ServiceStatus.MAINTENANCE or row.maintenance_until:
            windows = client.maintenance_windows([row.pd_id])
            store_maintenance(account.name, windows, row.pd_id)

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
