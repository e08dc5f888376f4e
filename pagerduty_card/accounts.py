"""PagerDuty accounts, regions and credentials, from the settings. No HTTP."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings

from pagerduty_card import configuration
from pagerduty_card.addresses import Address, Api, read_address
from pagerduty_card.configuration import SETTING, Written
from pagerduty_card.credentials import credential_mistake, region_of_token
from pagerduty_card.errors import NotConfigured

DEFAULT_ACCOUNT = "default"
OWN_SETTING = "PAGERDUTY_TOKEN"
SANDBOX_WEBHOOK_SECRET = "sandbox-webhook-secret"  # noqa: S105 - signs what the sandbox sends

# What every read of the portal needs, each named by the endpoint's documentation.
SCOPES = {
    "services.read": "services, their changes and maintenance windows",
    "incidents.read": "open incidents",
    "oncalls.read": "who is on call",
    "escalation_policies.read": "escalation policies",
    "change_events.read": "recent changes",
}
# Asked for with them; without one, only PagerDuty's own figures are not shown.
SCOPES_OF_FIGURES = ("analytics.write", "standards.read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The hosts of one PagerDuty service region.

    Source: https://support.pagerduty.com/main/docs/service-regions
    """

    api_base_url: str
    events_base_url: str
    # One host serves both regions; the scope ``as_account-<region>.<subdomain>`` tells which.
    identity_base_url: str = "https://identity.pagerduty.com"


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
class OAuthClient:
    """Client credentials of an app with Scoped OAuth.

    Attributes:
        client_secret: Not part of ``repr``.
        subdomain: Of the PagerDuty account, for example ``meridian``.
        scopes: Those to ask for, ``as_account-...`` aside.
        identity_base_url: Where tokens are given, without a trailing slash.
    """

    client_id: str
    client_secret: str = field(repr=False)
    subdomain: str
    scopes: tuple[str, ...]
    identity_base_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressMistake:
    """An address that is not PagerDuty's.

    Attributes:
        text: One sentence, which names the setting.
        hint: What to write instead.
    """

    api: Api
    text: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One PagerDuty account the portal may talk to.

    Attributes:
        name: As written in ``pagerduty.com/account``; the default account is ``default``.
        token: REST API token; empty with OAuth, and when none is configured. Not part of ``repr``.
        api_base_url: REST v2, without a trailing slash.
        events_base_url: Events v2 up to and including ``/v2``, without a trailing slash; empty
            when the region is not known, so that nobody is paged in the wrong one, or when the
            address is mistaken.
        region: ``us`` or ``eu``, or what else was written.
        oauth: Client credentials; None with a token.
        setting: Where its credentials are configured, for a reader who can change it.
        problem: Why PagerDuty cannot be asked, one sentence without secrets; empty when it can.
        webhook_secrets: What its webhooks are signed with; none: none are taken. Not in ``repr``.
        address_mistakes: What is wrong with its addresses; nothing is sent to those.
    """

    name: str
    token: str = field(default="", repr=False)
    api_base_url: str
    events_base_url: str
    region: str = "us"
    oauth: OAuthClient | None = None
    setting: str = OWN_SETTING
    problem: str = ""
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    address_mistakes: tuple[AddressMistake, ...] = ()

    @property
    def is_configured(self) -> bool:
        """Whether there are credentials to ask PagerDuty with."""
        return not self.problem

    @property
    def is_own(self) -> bool:
        """Whether settings of its own configure it, not ``PAGERDUTY_ACCOUNTS``."""
        return self.setting == OWN_SETTING

    def name_of(self, field_name: str) -> str:
        """How a field is called where the account is configured, for example ``region``."""
        return _name_of(self.name, self.setting, field_name)

    @property
    def is_unset(self) -> bool:
        """Whether it is the default account and nobody tried to configure it."""
        return bool(self.problem) and self.is_own and not settings.PAGERDUTY_TOKEN

    @property
    def digest(self) -> str:
        """Names the credentials in cache keys; two accounts with one token share one quota."""
        whose = (
            f"{self.oauth.client_id} {self.region} {self.oauth.subdomain}"
            if self.oauth
            else self.token
        )
        # A cache key is printed by tools and logs: it holds a digest, not the token.
        return hashlib.sha256(f"{self.api_base_url} {whose}".encode()).hexdigest()[:32]


def all_accounts() -> dict[str, Account]:
    """Every account by name; the default one is there even without credentials.

    An account with a mistake in its configuration is there too, with its ``problem``.
    """
    written = configuration.read(settings.PAGERDUTY_ACCOUNTS)
    accounts = {one.name: _further_account(one, written) for one in written.accounts}
    if DEFAULT_ACCOUNT in accounts and not has_own_token():
        return accounts
    return {**accounts, DEFAULT_ACCOUNT: _own_account(accounts)}


def has_own_token() -> bool:
    """Whether the settings beside ``PAGERDUTY_ACCOUNTS`` make a default account."""
    return bool(settings.PAGERDUTY_TOKEN or settings.PAGERDUTY_SANDBOX)


def configured_accounts() -> dict[str, Account]:
    """The accounts that PagerDuty can be asked about, by name."""
    return {name: one for name, one in all_accounts().items() if one.is_configured}


def names_of(accounts: Mapping[str, Account]) -> str:
    """The accounts for a sentence: those with credentials, or the default one for none."""
    return ", ".join(sorted(n for n, a in accounts.items() if a.is_configured)) or DEFAULT_ACCOUNT


def get_account(name: str = "") -> Account:
    """The account an annotation names, or the default one for an empty name.

    Raises:
        NotConfigured: There is no account of that name, or it has no usable credentials; the
            detail says which and what to set.
    """
    accounts = all_accounts()
    account = accounts.get(name or DEFAULT_ACCOUNT)
    if account is None:
        raise NotConfigured(
            f"No PagerDuty account is called {name!r}; configured: {names_of(accounts)}."
        )
    if account.problem:
        raise NotConfigured(account.problem)
    return account


def region_of(address: str) -> str:
    """The region whose host of PagerDuty an address names; empty for any other host."""
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return ""
    for name, region in REGIONS.items():
        if host in {
            urlsplit(one).hostname for one in (region.api_base_url, region.events_base_url)
        }:
            return name
    return ""


def is_bearer(token: str) -> bool:
    """Whether a token is one of OAuth's, to be sent as ``Bearer``."""
    return bool(region_of_token(token))


def _own_account(others: Mapping[str, Account]) -> Account:
    """The default account, of the settings whose names begin with ``PAGERDUTY_``."""
    sandbox = settings.PAGERDUTY_SANDBOX
    token = "sandbox-token" if sandbox else settings.PAGERDUTY_TOKEN
    problem = ""
    if not token:
        problem = "No PagerDuty token is configured: set PAGERDUTY_TOKEN."
        if others:
            problem = (
                "No default PagerDuty account is configured: set PAGERDUTY_TOKEN, or name one of "
                f"{names_of(others)} in pagerduty.com/account."
            )
    elif mistake := credential_mistake(token):
        token, problem = "", f"PAGERDUTY_TOKEN {mistake}."
    secrets = [one.strip() for one in settings.PAGERDUTY_WEBHOOK_SECRETS if one.strip()]
    # As public as the sandbox's token: it signs what the sandbox sends, and opens a sandbox only.
    secrets += [SANDBOX_WEBHOOK_SECRET] if sandbox else []
    written = Written(
        name=DEFAULT_ACCOUNT,
        token=token,
        region=settings.PAGERDUTY_REGION,
        api_base_url=settings.PAGERDUTY_API_BASE_URL,
        events_base_url=settings.PAGERDUTY_EVENTS_BASE_URL,
        webhook_secrets=tuple(secrets),
    )
    return _account(
        written,
        problem=problem,
        setting=OWN_SETTING,
    )


def _further_account(written: Written, whole: configuration.Configuration) -> Account:
    """An account of ``PAGERDUTY_ACCOUNTS``."""
    mistake = whole.mistake_of(written.name)
    return _account(
        written,
        problem=f"{SETTING}: {mistake.text}" if mistake and not mistake.is_double else "",
        setting=f"{SETTING}, account {written.name}",
    )


def _name_of(account: str, setting: str, field_name: str) -> str:
    """How a field of an account is called, given where its credentials are configured."""
    if setting == OWN_SETTING:
        return f"PAGERDUTY_{field_name.upper()}"
    return f"{field_name} of account {account!r}"


def _account(written: Written, *, problem: str, setting: str) -> Account:
    """The account with the addresses that follow from its region, the sandbox and what is written.

    Args:
        written: As configured.
        problem: Why it cannot be asked, as far as is known.
        setting: Where its credentials are configured.
    """
    name_of = partial(_name_of, written.name, setting)
    name = written.region or "us"
    region = REGIONS.get(name)
    if region is None and not problem:
        problem = f"{name_of('region')} is {name!r}, which is no region."
    sandbox = settings.PAGERDUTY_SANDBOX_URL.rstrip("/") if settings.PAGERDUTY_SANDBOX else ""
    addresses = {api: read_address(api, getattr(written, api.value)) for api in Api}
    rest_url = addresses[Api.REST].url or sandbox or (region.api_base_url if region else "")
    events_url = addresses[Api.EVENTS].url or (
        f"{sandbox}/v2" if sandbox else region.events_base_url if region else ""
    )
    mistakes = _address_mistakes(addresses, name_of) or _mixed_regions(
        rest_url, events_url, name_of
    )
    oauth = None
    if written.client_id and not written.token:
        oauth = OAuthClient(
            client_id=written.client_id,
            client_secret=written.client_secret,
            subdomain=written.subdomain,
            scopes=written.scopes or (*SCOPES, *SCOPES_OF_FIGURES),
            identity_base_url=addresses[Api.IDENTITY].url
            or sandbox
            or (region or REGIONS["us"]).identity_base_url,
        )
    return Account(
        name=written.name,
        token=written.token,
        api_base_url=rest_url,
        # With a mistake nowhere, for the usual host may be that of a stranger.
        events_base_url="" if any(one.api is Api.EVENTS for one in mistakes) else events_url,
        region=name,
        oauth=oauth,
        setting=setting,
        problem=problem or _unasked(mistakes),
        address_mistakes=mistakes,
        webhook_secrets=written.webhook_secrets,
    )


def _address_mistakes(
    addresses: Mapping[Api, Address], name_of: Callable[[str], str]
) -> tuple[AddressMistake, ...]:
    return tuple(
        AddressMistake(
            api=api,
            text=f"{name_of(api.value)} {one.mistake}.",
            hint=(f"Write {one.right}, or leave" if one.right else "Leave")
            + f" {name_of(api.value)} unset to use the address of the region.",
        )
        for api, one in addresses.items()
        if one.mistake
    )


def _mixed_regions(
    rest_url: str, events_url: str, name_of: Callable[[str], str]
) -> tuple[AddressMistake, ...]:
    """The REST API of one region and the Events API of the other, where its keys are unknown."""
    of_rest, of_events = region_of(rest_url), region_of(events_url)
    if not of_rest or not of_events or of_rest == of_events:
        return ()
    return (
        AddressMistake(
            api=Api.EVENTS,
            text=f"The REST API at {rest_url} is of the region {of_rest}, the Events API at "
            f"{events_url} of the region {of_events}.",
            hint=f"Set {name_of('region')} to the region in which your PagerDuty account was made, "
            f"and leave {name_of(Api.REST.value)} and {name_of(Api.EVENTS.value)} unset.",
        ),
    )


def _unasked(mistakes: Collection[AddressMistake]) -> str:
    """Why PagerDuty cannot be asked for the sake of its addresses; empty when it can."""
    of_rest = (one for one in mistakes if one.api is not Api.EVENTS)
    return next((f"{one.text} {one.hint}" for one in of_rest), "")
