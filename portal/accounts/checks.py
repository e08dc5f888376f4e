"""System checks about accounts."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from portal.accounts.sandbox import unconfirmed

_SHOWN = 10


@register(Tags.security, deploy=True)
def check_accounts_of_the_sandbox(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Name what was made or given rights while admin could sign in with the password admin."""
    del app_configs, kwargs
    if settings.PAGERDUTY_SANDBOX:
        return []
    try:
        found = [str(one) for one in unconfirmed()]
    except (DatabaseError, ImproperlyConfigured):
        return []  # no database yet, so no accounts either
    if not found:
        return []
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return [
        checks.Warning(
            "Made or changed while the sandbox was on, when anybody could sign in as admin: "
            f"{', '.join(found[:_SHOWN])}{more}.",
            hint="Delete what is not yours, in the admin under Users and Groups. Confirm the rest: "
            "manage.py confirm_accounts NAME ...",
            id="accounts.W001",
        )
    ]
