"""System checks of PagerDuty's configuration, each with an id and a hint."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from pagerduty_card import configuration
from pagerduty_card.accounts import (
    DEFAULT_ACCOUNT,
    REGIONS,
    Account,
    all_accounts,
    has_own_token,
    region_of,
)
from pagerduty_card.credentials import credential_mistake, region_of_token, token_doubt
from portal.local_hosts import is_local_host

_SHORTEST_SECRET = 16


@register(Tags.security)
def check_configuration(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Find what would keep the card from its answers, or send a token where it must not go."""
    del app_configs, kwargs
    found: list[CheckMessage] = []
    if settings.PAGERDUTY_REGION not in REGIONS:
        known = " or ".join(sorted(REGIONS))
        found.append(
            Error(
                f"PAGERDUTY_REGION is {settings.PAGERDUTY_REGION!r}, which is no region.",
                hint=f"Set it to {known}: the region in which your PagerDuty account was made.",
                id="pagerduty_card.E001",
            )
        )
    is_mistaken = settings.ENVIRONMENT.is_mistaken("PAGERDUTY_TOKEN")
    if not is_mistaken and all(one.is_unset for one in all_accounts().values()):
        found.append(
            checks.Warning(
                "No PagerDuty token is configured: cards will say so instead of showing incidents.",
                hint="Set PAGERDUTY_TOKEN (or PAGERDUTY_TOKEN_FILE) to a read-only REST API key, "
                "made in PagerDuty under Integrations, API Access Keys, or PAGERDUTY_ACCOUNTS "
                "to several accounts. To try the portal "
                "without PagerDuty set PAGERDUTY_SANDBOX=true.",
                id="pagerduty_card.W001",
            )
        )
    for account in all_accounts().values():
        found += _addresses(account)
        found += _webhook_secrets(account)
        found += _token(account)
    found += _accounts()
    if settings.PAGERDUTY_SANDBOX and settings.PAGERDUTY_TOKEN:
        found.append(
            Error(
                "PAGERDUTY_SANDBOX is on and a PAGERDUTY_TOKEN is given: which one is meant?",
                hint="The sandbox would be used and PagerDuty never asked. Remove one of the two.",
                id="pagerduty_card.E003",
            )
        )
    found += _sandbox_folder()
    return found


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Find what is right for a demonstration only, and rights that anybody can take."""
    del app_configs, kwargs
    found: list[CheckMessage] = []
    if settings.PAGERDUTY_SANDBOX:
        found.append(
            checks.Warning(
                "PAGERDUTY_SANDBOX is on: incidents, people and pages are invented.",
                hint="Set PAGERDUTY_SANDBOX=false and PAGERDUTY_TOKEN to your own token.",
                id="pagerduty_card.W002",
            )
        )
    if settings.PAGERDUTY_TRIGGER_OWNERS_ONLY and not settings.CATALOG_PEOPLE_LOCATIONS:
        found.append(
            checks.Warning(
                "PAGERDUTY_TRIGGER_OWNERS_ONLY is on, but people and groups of every file count: "
                "whoever may write one can make themselves an owner.",
                hint="Set CATALOG_PEOPLE_LOCATIONS to the files that define people and groups.",
                id="pagerduty_card.W004",
            )
        )
    return found


def _sandbox_folder() -> list[CheckMessage]:
    """A sandbox on this machine needs the folder that a production installation leaves out."""
    is_elsewhere = not is_local_host(urlsplit(settings.PAGERDUTY_SANDBOX_URL).hostname or "")
    folder = settings.BASE_DIR / "sandbox" / "pagerduty"
    if not settings.PAGERDUTY_SANDBOX or is_elsewhere or folder.is_dir():
        return []
    return [
        checks.Warning(
            "PAGERDUTY_SANDBOX is on, but this installation has no sandbox/ folder to run it from.",
            hint="Set PAGERDUTY_SANDBOX=false and PAGERDUTY_TOKEN to your own token, or set "
            "PAGERDUTY_SANDBOX_URL to the host on which a sandbox runs.",
            id="pagerduty_card.W003",
        )
    ]


def _accounts() -> list[CheckMessage]:
    """What is wrong in ``PAGERDUTY_ACCOUNTS`` and in the token beside it."""
    whole = configuration.read(settings.PAGERDUTY_ACCOUNTS)
    found: list[CheckMessage] = [
        Error(
            one.text,
            hint=one.hint,
            id=f"pagerduty_card.{'E006' if one.is_double else 'E005' if one.account else 'E004'}",
        )
        for one in whole.mistakes
    ]
    if settings.PAGERDUTY_TOKEN and (mistake := credential_mistake(settings.PAGERDUTY_TOKEN)):
        found.append(
            Error(
                f"PAGERDUTY_TOKEN {mistake}.",
                hint="Copy the token again, and nothing else with it.",
                id="pagerduty_card.E007",
            )
        )
    for account in whole.accounts:
        if (account.region or "us") not in REGIONS:
            found.append(
                Error(
                    f"region of account {account.name!r} is {account.region!r}, which is no "
                    "region.",
                    hint=f"Set it to {' or '.join(sorted(REGIONS))}.",
                    id="pagerduty_card.E001",
                )
            )
        if account.name == DEFAULT_ACCOUNT and has_own_token():
            found.append(
                Error(
                    "PAGERDUTY_ACCOUNTS has an account called 'default', and PAGERDUTY_TOKEN or "
                    "the sandbox makes one too: which one is meant?",
                    hint="Rename the one in PAGERDUTY_ACCOUNTS, or remove the other.",
                    id="pagerduty_card.E006",
                )
            )
        if settings.PAGERDUTY_SANDBOX and not _is_of_sandbox(account):
            found.append(
                Error(
                    f"PAGERDUTY_SANDBOX is on and account {account.name!r} has credentials of its "
                    "own: they would be sent to the sandbox.",
                    hint="Set PAGERDUTY_SANDBOX=false, or try several accounts with the sandbox's "
                    "own: token: sandbox-token, or client_id: sandbox-client with client_secret: "
                    "sandbox-secret.",
                    id="pagerduty_card.E003",
                )
            )
    return found


def _is_of_sandbox(account: configuration.Written) -> bool:
    return account.token in {"", "sandbox-token"} and account.client_secret in {
        "",
        "sandbox-secret",
    }


def _token(account: Account) -> list[CheckMessage]:
    """A token that is none, or one of the other region."""
    name = account.name_of("token")
    if doubt := token_doubt(account.token):
        return [
            checks.Warning(f"{name} {doubt.problem}.", hint=doubt.hint, id="pagerduty_card.W005")
        ]
    region, asked = region_of_token(account.token), region_of(account.api_base_url)
    if not region or not asked or region == asked:
        return []
    return [
        Error(
            f"{name} is of the region {region}, but would be sent to {account.api_base_url}.",
            hint=f"Set the region of the account to {region} (PAGERDUTY_REGION, or region in "
            "PAGERDUTY_ACCOUNTS), or use a token of the account that is meant.",
            id="pagerduty_card.E010",
        )
    ]


def _webhook_secrets(account: Account) -> list[CheckMessage]:
    """Secrets that are short enough to be guessed; PagerDuty makes them itself, of 64 and more."""
    name = account.name_of("webhook_secrets")
    found: list[CheckMessage] = [
        Error(
            f"{name}: secret {place} {mistake}.",
            hint="Copy each secret again, and separate them by commas.",
            id="pagerduty_card.E011",
        )
        for place, one in enumerate(account.webhook_secrets, start=1)
        if (mistake := credential_mistake(one))
    ]
    return found + [
        Error(
            f"{name}: secret {place} is shorter than {_SHORTEST_SECRET} characters: anybody could "
            "guess it and send incidents.",
            hint="Copy the secret that PagerDuty showed when the subscription was made, or make a "
            "new subscription: manage.py pagerduty_webhook.",
            id="pagerduty_card.E008",
        )
        for place, one in enumerate(account.webhook_secrets, start=1)
        if len(one) < _SHORTEST_SECRET
    ]


def _addresses(account: Account) -> list[CheckMessage]:
    """The account's addresses, each under the name it is configured by."""
    named = {"api_base_url": account.api_base_url, "events_base_url": account.events_base_url}
    if account.oauth:
        named["identity_base_url"] = account.oauth.identity_base_url
    found: list[CheckMessage] = [
        Error(one.text, hint=one.hint, id="pagerduty_card.E009") for one in account.address_mistakes
    ]
    mistaken = {one.api.value for one in account.address_mistakes}
    for name, url in named.items():
        if name not in mistaken and url:  # without one, the region is at fault
            found += _insecure(account.name_of(name), url)
    return found


def _insecure(variable: str, url: str) -> list[CheckMessage]:
    """The address must be https, except to this very machine or the sandbox."""
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme, parts.hostname or ""
    except ValueError:
        scheme, host = "", ""
    is_own = is_local_host(host) or (
        settings.PAGERDUTY_SANDBOX and url.startswith(settings.PAGERDUTY_SANDBOX_URL)
    )
    if host and (scheme == "https" or (scheme == "http" and is_own)):
        return []
    return [
        Error(
            f"{variable} is {url[:100]!r}, which is not an https address.",
            hint="Tokens and integration keys would travel readably. Write https://, or leave "
            f"{variable} unset to use the hosts of the region.",
            id="pagerduty_card.E002",
        )
    ]
