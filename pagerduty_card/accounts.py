"""PagerDuty accounts, regions and tokens, from the settings. No HTTP."""

from dataclasses import dataclass, field

from django.conf import settings

from pagerduty_card.errors import NotConfigured

DEFAULT_ACCOUNT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The hosts of one PagerDuty service region.

    Source: https://support.pagerduty.com/main/docs/service-regions
    """

    api_base_url: str
    events_base_url: str


REGIONS = {
    "us": Region(
        api_base_url="https://api.pagerduty.com",
        events_base_url="https://events.pagerduty.com/v2",
    ),
    "eu": Region(
        api_base_url="https://api.eu.pagerduty.com",
        events_base_url="https://events.eu.pagerduty.com/v2",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One PagerDuty account the portal may talk to.

    Attributes:
        name: As written in ``pagerduty.com/account``; the default account is ``default``.
        token: REST API token; empty when none is configured. Not part of ``repr``.
        api_base_url: REST v2, without a trailing slash.
        events_base_url: Events v2 up to and including ``/v2``, without a trailing slash.
    """

    name: str
    token: str = field(repr=False)
    api_base_url: str
    events_base_url: str


def all_accounts() -> dict[str, Account]:
    """Every configured account by name; the default account is there even without a token."""
    region = REGIONS.get(settings.PAGERDUTY_REGION, REGIONS["us"])
    sandbox = settings.PAGERDUTY_SANDBOX
    account = Account(
        name=DEFAULT_ACCOUNT,
        token="sandbox-token" if sandbox else settings.PAGERDUTY_TOKEN,
        api_base_url=settings.PAGERDUTY_API_BASE_URL
        or (settings.PAGERDUTY_SANDBOX_URL if sandbox else region.api_base_url),
        events_base_url=settings.PAGERDUTY_EVENTS_BASE_URL
        or (f"{settings.PAGERDUTY_SANDBOX_URL}/v2" if sandbox else region.events_base_url),
    )
    return {account.name: account}


def get_account(name: str = "") -> Account:
    """The account an annotation names, or the default one for an empty name.

    Raises:
        NotConfigured: There is no account of that name, or it has no token; the detail says which
            and what to set.
    """
    accounts = all_accounts()
    account = accounts.get(name or DEFAULT_ACCOUNT)
    if account is None:
        known = ", ".join(sorted(accounts))
        raise NotConfigured(f"No PagerDuty account is called {name!r}; configured: {known}.")
    if not account.token:
        raise NotConfigured("No PagerDuty token is configured: set PAGERDUTY_TOKEN.")
    return account


def mask(secret: str) -> str:
    """The secret with all but its last four characters hidden; wholly hidden when it is short."""
    return f"****{secret[-4:]}" if len(secret) > 8 else "****"
