"""Which services of an account some entity maps to, and what follows when that changes."""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Count, Max, Min
from django.utils import timezone

from catalog import versions
from catalog.models import Annotation, Entity
from pagerduty_card.accounts import DEFAULT_ACCOUNT, Account
from pagerduty_card.errors import PagerDutyError
from pagerduty_card.mapping.resolving import ACCOUNT, INTEGRATION_KEY, SERVICE_ID
from pagerduty_card.mirror import directory
from pagerduty_card.mirror.directory import Wanted
from pagerduty_card.models import Feed, Integration, Service, ServiceLink
from pagerduty_card.wire.client import PagerDutyClient

# Services that become mapped are asked for one by one up to so many; more, and all are listed.
MAX_SINGLY = 20
_CUT_AT = 500  # an annotation's row holds this much of its value

# What was found in order when an account was last looked at, by this process.
_in_order: dict[str, object] = {}


def wanted_of(account: str) -> Wanted:
    """What the entities of the catalog name in one account; three queries however many."""
    written: dict[int, dict[str, str]] = defaultdict(dict)
    rows = Annotation.objects.filter(key__in=(SERVICE_ID, INTEGRATION_KEY, ACCOUNT)).order_by()
    cut = set()
    for pk, key, value in rows.values_list("entity_id", "key", "value"):
        written[pk][key] = value.strip()
        if len(value) == _CUT_AT:
            cut.add(pk)
    for entity in Entity.objects.filter(pk__in=cut).order_by() if cut else ():
        whole = entity.annotations
        written[entity.pk] = {
            key: str(whole.get(key) or "").strip() for key in (SERVICE_ID, INTEGRATION_KEY, ACCOUNT)
        }
    ids, keys = set(), set()
    for found in written.values():
        if (found.get(ACCOUNT) or DEFAULT_ACCOUNT) != account:
            continue
        named = {word.strip() for word in found.get(SERVICE_ID, "").split(",")} - {""}
        ids |= named
        if not named and found.get(INTEGRATION_KEY):
            keys.add(found[INTEGRATION_KEY])
    for name, pd_id in ServiceLink.objects.order_by().values_list("account", "service_pd_id"):
        if (name.strip() or DEFAULT_ACCOUNT) == account:
            ids.add(pd_id.strip())
    return Wanted(ids=frozenset(ids - {""}), keys=frozenset(keys))


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
    wanted = wanted_of(account.name)
    by_key = set()
    if wanted.keys:
        keys = Integration.objects.filter(service__account=account.name).order_by()
        by_key = {
            service
            for service, key in keys.values_list("service_id", "integration_key")
            if key in wanted.keys
        }
    gone, new = [], []
    rows = Service.objects.of_account(account.name).order_by("pk")
    for row in rows.only("pd_id", "is_mapped"):
        is_named = row.pd_id in wanted.ids or row.pk in by_key
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
    """Differs as soon as the mapping may: the catalog, the links, or the services changed."""
    links = ServiceLink.objects.aggregate(Count("pk"), Max("pk"), Min("pk"))
    services = Service.objects.of_account(account).aggregate(Count("pk"), Max("pk"))
    return versions.current(), tuple(links.values()), tuple(services.values())
