"""What a page that is looked at needs now; many viewers cause one request."""

import hashlib
import time
from datetime import timedelta

from django.core.cache import caches
from django.utils import timezone

from catalog.models import Entity
from pagerduty_card.accounts import Account, get_account
from pagerduty_card.errors import NotConfigured
from pagerduty_card.mapping.resolving import Mapped, resolve, targets_of
from pagerduty_card.models import Feed, TriggeredIncident
from pagerduty_card.reconciling import reconcile
from pagerduty_card.syncing import accounts, services
from pagerduty_card.wire.client import PagerDutyClient
from portal.leases import lease

PAGE_BUDGET_S = 4.0
PAGE_SEARCH_BUDGET_S = 8.0  # for a key on a service that is not mirrored: all services are listed
PAGE_INTERVAL_S = 10
PAGE_INTERVAL_AWAITING_S = 2
# A key that no service had a moment ago is of none now either: to look takes all services.
_LISTED_AGAIN_AFTER = timedelta(minutes=2)


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
        accounts.forget_future(account)
        budget_s = PAGE_SEARCH_BUDGET_S if searches else PAGE_BUDGET_S
        with PagerDutyClient(account, total_budget_s=budget_s) as client:
            # First the incidents that are awaited: one that is found belongs on the card at once.
            is_found = awaits and reconcile(client, attempts)
            for mapped in group:
                _refresh_once(account, client, entity, mapped, 0 if is_found else interval_s)
    # What was read of it before is of another mirror.
    entity.refresh_from_db(fields=["mappings"])


def _refresh_once(
    account: Account, client: PagerDutyClient, entity: Entity, mapped: Mapped, interval_s: int
) -> None:
    """Refresh one target unless somebody just did or is doing so."""
    earliest = timezone.now() - timedelta(seconds=interval_s)
    if all(mapped.freshness[kind].is_asked_since(earliest) for kind in Feed.OF_PAGE):
        return
    # A key is a secret also to whoever reads the cache.
    named = (
        mapped.service_pd_id or hashlib.sha256(mapped.target.integration_key.encode()).hexdigest()
    )
    recent = f"pagerduty:refreshed:{account.name}:{named}"
    shared = caches["shared"]
    refreshed_at: float = shared.get(recent, 0.0)
    # One that is yet to come is of a clock that was put back since.
    if 0 <= time.time() - refreshed_at < interval_s:
        return
    with lease(f"pagerduty:refreshing:{account.name}:{named}") as is_held:
        if not is_held:
            return
        try:
            _refresh(account, client, entity, mapped)
        finally:
            shared.set(recent, time.time(), PAGE_INTERVAL_S)


def _refresh(account: Account, client: PagerDutyClient, entity: Entity, mapped: Mapped) -> None:
    pd_id = mapped.service_pd_id
    if not pd_id:
        earliest = timezone.now() - _LISTED_AGAIN_AFTER
        if mapped.freshness[Feed.Kind.SERVICES].is_asked_since(earliest):
            return
        accounts.sync_account(account, client, kinds=[Feed.Kind.SERVICES])
        by_key = entity.mappings.filter(service_pd_id="", service__isnull=False)
        pd_id = by_key.values_list("service__pd_id", flat=True).first() or ""
    if pd_id:
        services.sync_service(account, client, pd_id)
