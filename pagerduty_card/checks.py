"""System checks of PagerDuty's configuration, each with an id and a hint."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from pagerduty_card.accounts import REGIONS, all_accounts

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


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
    if not settings.PAGERDUTY_TOKEN and not settings.PAGERDUTY_SANDBOX:
        found.append(
            checks.Warning(
                "No PagerDuty token is configured: cards will say so instead of showing incidents.",
                hint="Set PAGERDUTY_TOKEN (or PAGERDUTY_TOKEN_FILE) to a read-only REST API key, "
                "made in PagerDuty under Integrations, API Access Keys. To try the portal "
                "without PagerDuty set PAGERDUTY_SANDBOX=True.",
                id="pagerduty_card.W001",
            )
        )
    for account in all_accounts().values():
        for variable, url in (
            ("PAGERDUTY_API_BASE_URL", account.api_base_url),
            ("PAGERDUTY_EVENTS_BASE_URL", account.events_base_url),
        ):
            found += _insecure(variable, url)
    if settings.PAGERDUTY_SANDBOX and settings.PAGERDUTY_TOKEN:
        found.append(
            Error(
                "PAGERDUTY_SANDBOX is on and a PAGERDUTY_TOKEN is given: which one is meant?",
                hint="The sandbox would be used and PagerDuty never asked. Remove one of the two.",
                id="pagerduty_card.E003",
            )
        )
    return found


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Find what is right for a demonstration only."""
    del app_configs, kwargs
    if not settings.PAGERDUTY_SANDBOX:
        return []
    return [
        checks.Warning(
            "PAGERDUTY_SANDBOX is on: incidents, people and pages are invented.",
            hint="Set PAGERDUTY_SANDBOX=False and PAGERDUTY_TOKEN to your own token.",
            id="pagerduty_card.W002",
        )
    ]


def _insecure(variable: str, url: str) -> list[CheckMessage]:
    """The address must be https, except to this very machine or the sandbox."""
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme, parts.hostname
    except ValueError:
        scheme, host = "", None
    is_own = host in _LOOPBACK or (
        settings.PAGERDUTY_SANDBOX and url.startswith(settings.PAGERDUTY_SANDBOX_URL)
    )
    if host and (scheme == "https" or (scheme == "http" and is_own)):
        return []
    return [
        Error(
            f"{variable} is not an https address.",
            hint="Tokens and integration keys would travel readably. Write https://, or leave "
            f"{variable} unset to use the hosts of PAGERDUTY_REGION.",
            id="pagerduty_card.E002",
        )
    ]
