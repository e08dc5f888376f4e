"""Which services of an account some entity maps to, and what follows when that changes."""

from collections.abc import Iterable

from django.db.models import Count, Max
from django.utils import timezone

from catalog import versions
from pagerduty_card.accounts import Account
from pagerduty_card.errors import PagerDutyError
from pagerduty_card.mapping.targets import digest_of
from pagerduty_card.mirror import directory
from pagerduty_card.mirror.directory import NamedServices
from pagerduty_card.models import Feed, Integration, Mapping, Service
from pagerduty_card.wire.client import PagerDutyClient

# Services that become mapped are asked for one by one up to so many; more, and all are listed.
MAX_SINGLY = 20

# What was found in order when an account was last looked at, by this process.
_in_order: dict[str, object] = {}


def named_services(account: str) -> NamedServices:
    """What the entities of the catalog name in one account; one query."""
    rows = Mapping.objects.filter(account=account).order_by()
    ids, digests = set(), set()
    for pd_id, digest in rows.values_list("service_pd_id", "key_digest").distinct():
        if pd_id:
            ids.add(pd_id)
        else:
            digests.add(digest)
    return NamedServices(ids=frozenset(ids), key_digests=frozenset(digests))


def follow_catalog(account: Account, client: PagerDutyClient) -> bool:
    """Bring which services are mapped to what the catalog says now; nothing while it is the same.

    Those nobody names any more lose what was kept of them. Those that are newly named are asked
    for at once, each with one request, and are mapped with the answer.

    Returns:
        Whether all services have to be listed, because too many are newly named.

    Raises:
        PagerDutyError: One that is newly named could not be asked for; the next turn tries again.
    """
    stamp = _stamp(account.name)
    if _in_order.get(account.name) == stamp:
        return False
    named = named_services(account.name)
    by_key = set()
    if named.key_digests:
        keys = Integration.objects.filter(service__account=account.name).order_by()
        by_key = {
            service
            for service, key in keys.values_list("service_id", "integration_key")
            if digest_of(key) in named.key_digests
        }
    gone, new = [], []
    rows = Service.objects.of_account(account.name).order_by("pk")
    for row in rows.only("pd_id", "is_mapped"):
        is_named = row.pd_id in named.ids or row.pk in by_key
        if is_named and not row.is_mapped:
            new.append(row.pd_id)
        elif row.is_mapped and not is_named:
            gone.append(row)
    directory.unmap(account.name, gone)
    if len(new) > MAX_SINGLY:
        return True
    _ask(account, client, new)
    _in_order[account.name] = stamp
    return False


def forget_all() -> None:
    """Look at every account anew."""
    _in_order.clear()


def _ask(account: Account, client: PagerDutyClient, pd_ids: Iterable[str]) -> None:
    for pd_id in pd_ids:
        asked_at = timezone.now()
        try:
            service = client.service(pd_id)
        except PagerDutyError as exc:
            if exc.reason != "not_found":
                raise
            continue  # the list of services decides whether it is gone
        directory.store_services(account.name, [service], asked_at=asked_at)
        Feed.objects.mark_good(account.name, Feed.Kind.SERVICES, pd_id, asked_at=asked_at)


def _stamp(account: str) -> object:
    """Differs as soon as the mapping may: the catalog, with its links, or the services changed."""
    services = Service.objects.of_account(account).aggregate(Count("pk"), Max("pk"))
    return versions.current(), tuple(services.values())
