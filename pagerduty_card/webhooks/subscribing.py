"""The account's subscription to webhooks: made, looked at, switched on again, deleted, noted."""

from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from pagerduty_card.accounts import Account, configured_accounts
from pagerduty_card.errors import PagerDutyError
from pagerduty_card.models.inbox import Inbox
from pagerduty_card.webhooks.applying import INCIDENT_EVENTS, SERVICE_EVENTS
from pagerduty_card.wire.subscriptions import Subscription, SubscriptionClient
from portal.local_hosts import is_local_host

ENABLED, DISABLED, SUSPENDED = "enabled", "disabled", "suspended"
ABSENT, UNKNOWN = "absent", "unknown"
EVENTS = (*INCIDENT_EVENTS, *SERVICE_EVENTS)


class AlreadyThere(Exception):
    """There is a subscription for the portal's address already; ``.subscription``."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__(subscription.id)
        self.subscription = subscription


def address_of(account: Account) -> str:
    """Where PagerDuty delivers this account's events."""
    return f"{settings.PORTAL_URL}{reverse('pagerduty:webhook', args=[account.name])}"


def is_reachable(account: Account) -> bool:
    """Whether PagerDuty could reach that address: not one of this machine alone."""
    host = urlsplit(address_of(account)).hostname or ""
    return settings.PAGERDUTY_SANDBOX or not is_local_host(host)


def create(account: Account) -> Subscription:
    """Make the subscription.

    Returns:
        It, with its secret: nobody can ask for that again.

    Raises:
        AlreadyThere: There is one for this address.
        PagerDutyError: PagerDuty did not make it.
    """
    with SubscriptionClient(account) as client:
        existing = _find(account, client)
        if existing:
            raise AlreadyThere(existing)
        made = client.create(
            url=address_of(account), events=EVENTS, description=settings.PORTAL_NAME
        )
    _note(account, made)
    return made


def look(account: Account) -> Subscription | None:
    """Ask PagerDuty for the subscription and note what it says, for the doctor.

    Raises:
        PagerDutyError: PagerDuty did not say; that is noted too.
    """
    try:
        with SubscriptionClient(account) as client:
            found = _find(account, client)
    except PagerDutyError as exc:
        _note(account, None, error=exc)
        raise
    _note(account, found)
    return found


def enable(account: Account) -> Subscription | None:
    """Switch the subscription on, whoever switched it off; None when there is none.

    Raises:
        PagerDutyError: PagerDuty did not do it.
    """
    with SubscriptionClient(account) as client:
        found = _find(account, client)
        if found and not found.is_active:
            found = client.activate(found.id)
        if found and found.is_suspended:
            found = client.enable(found.id)
    _note(account, found)
    return found


def delete(account: Account) -> Subscription | None:
    """Delete the subscription; None when there is none.

    Raises:
        PagerDutyError: PagerDuty did not do it.
    """
    with SubscriptionClient(account) as client:
        found = _find(account, client)
        if found:
            client.delete(found.id)
    _note(account, None)
    return found


def look_at_all() -> None:
    """Look at the subscription of every account that has a secret; for the worker."""
    for account in configured_accounts().values():
        if account.webhook_secrets:
            try:
                look(account)
            except PagerDutyError:
                continue  # noted, and the doctor says so


def state_of(subscription: Subscription | None) -> str:
    """One of the words of ``Inbox.subscription``."""
    if subscription is None:
        return ABSENT
    if not subscription.is_active:
        return DISABLED
    return SUSPENDED if subscription.is_suspended else ENABLED


def _find(account: Account, client: SubscriptionClient) -> Subscription | None:
    address = address_of(account)
    return next((one for one in client.subscriptions() if one.url == address), None)


def _note(
    account: Account, found: Subscription | None, *, error: PagerDutyError | None = None
) -> None:
    now = timezone.now()
    inbox, _ = Inbox.objects.get_or_create(account=account.name)
    inbox.subscription = UNKNOWN if error else state_of(found)
    inbox.detail = error.detail[:300] if error else ""
    inbox.looked_at = now
    if inbox.subscription == ENABLED:
        inbox.enabled_since = inbox.enabled_since or now
    elif not error:
        inbox.enabled_since = None
    inbox.save(update_fields=["subscription", "detail", "looked_at", "enabled_since"])
