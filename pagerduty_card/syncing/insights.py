"""What PagerDuty itself reckons of services: its analytics, and its standards.

Not every plan and not every token has them: without them nothing is missing elsewhere.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from pagerduty_card.accounts import Account
from pagerduty_card.models import Feed, Insight, Service
from pagerduty_card.rows import replace
from pagerduty_card.wire.client import PagerDutyClient
from pagerduty_card.wire.paged_lists import MAX_IDS_IN_QUERY
from pagerduty_card.wire.past import Metrics, Score
from portal.batches import in_batches

EVERY = timedelta(hours=6)
DAYS = 30
# A plan or a permission does not change by the minute; other failures pass.
_REFUSALS = frozenset({"ability", "permission", "wrong_address"})
_AFTER_OTHER_FAILURES = timedelta(minutes=15)


def sync_analytics(account: Account, client: PagerDutyClient) -> None:
    """Mirror the metrics of the last thirty days of each mapped service."""
    asked_at = timezone.now()
    if _is_held_back(account, client, Feed.Kind.ANALYTICS, asked_at):
        return
    services = _mapped(account)
    figures = {
        row.service_id: _metrics_json(row)
        for batch in in_batches(sorted(services), MAX_IDS_IN_QUERY)
        for row in client.analytics(batch, since=asked_at - timedelta(days=DAYS), until=asked_at)
    }
    _store(account, Feed.Kind.ANALYTICS, services, figures, asked_at)


def sync_standards(account: Account, client: PagerDutyClient) -> None:
    """Mirror which of the account's standards each mapped service keeps."""
    asked_at = timezone.now()
    if _is_held_back(account, client, Feed.Kind.STANDARDS, asked_at):
        return
    services = _mapped(account)
    figures = {
        row.service_id: _score_json(row)
        for batch in in_batches(sorted(services), MAX_IDS_IN_QUERY)
        for row in client.standards(batch)
    }
    _store(account, Feed.Kind.STANDARDS, services, figures, asked_at)


def _is_held_back(account: Account, client: PagerDutyClient, kind: str, now: datetime) -> bool:
    """Whether it failed lately, so that the worker lets it rest; a person's question is asked."""
    if not client.is_background:
        return False
    feed = Feed.objects.filter(account=account.name, kind=kind, service_pd_id="").first()
    if feed is None or feed.failed_at is None:
        return False
    rest = EVERY if feed.reason in _REFUSALS else _AFTER_OTHER_FAILURES
    return now - feed.failed_at < rest


def _mapped(account: Account) -> dict[str, int]:
    rows = Service.objects.of_account(account.name).filter(is_mapped=True).order_by()
    return dict(rows.values_list("pd_id", "pk"))


@transaction.atomic
def _store(
    account: Account,
    kind: str,
    services: Mapping[str, int],
    figures: Mapping[str, dict[str, Any]],
    asked_at: datetime,
) -> None:
    rows = Insight.objects.filter(service__account=account.name, kind=kind)
    replace(
        Insight,
        {row.service_id: row for row in rows},
        {services[pd_id]: {"figures": one} for pd_id, one in figures.items() if pd_id in services},
        lambda service_id: Insight(service_id=service_id, kind=kind),
    )
    Feed.objects.mark_good(account.name, kind, asked_at=asked_at)


def _metrics_json(row: Metrics) -> dict[str, Any]:
    return {
        "mean_ack_s": row.mean_ack_s,
        "mean_resolve_s": row.mean_resolve_s,
        "incidents": row.incidents,
        "interruptions": row.interruptions,
        "off_hour_interruptions": row.off_hour_interruptions,
        "days": DAYS,
    }


def _score_json(row: Score) -> dict[str, Any]:
    return {
        "passing": row.passing,
        "total": row.total,
        "standards": [
            {"name": one.name, "description": one.description, "is_passing": one.is_passing}
            for one in row.standards
        ],
    }
