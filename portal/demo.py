"""Demo accounts: they exist only while the sandbox is on, for browsers of this machine.

Their passwords are public, so no password of theirs is ever stored: this backend accepts them, and
the settings name the backend only together with the sandbox. Once the sandbox is off, neither
password nor session opens anything.
"""

import logging
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission, User
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from portal.local_hosts import is_from_this_machine, public_hosts
from portal.permissions import OneQueryBackend

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAccount:
    """One account whose name is its password.

    Attributes:
        permissions: ``app_label.codename`` of each right.
    """

    username: str
    first_name: str
    email: str
    permissions: tuple[str, ...] = ()
    is_superuser: bool = False
    may: str = field(default="look")


ACCOUNTS = {
    account.username: account
    for account in (
        DemoAccount(
            username="demo",
            first_name="Ana",
            email="ana.lima@meridian.example",
            permissions=(
                "pagerduty_card.trigger_incident",
                "catalog.view_location",
                "catalog.refresh_location",
            ),
            may="look and page, and have the catalog read again",
        ),
        DemoAccount(username="viewer", first_name="Viewer", email="viewer@meridian.example"),
        DemoAccount(
            username="admin",
            first_name="Admin",
            email="admin@meridian.example",
            is_superuser=True,
            may="do everything",
        ),
    )
}


class NameIsTakenError(Exception):
    """A real account with a password of its own has the name of a demo account."""


def ensure_account(account: DemoAccount) -> User:
    """Create the account, or give it back the rights of a demo account.

    Raises:
        NameIsTakenError: A real account has that name; it is left as it is.
    """
    user, created = User.objects.get_or_create(
        username=account.username,
        defaults={
            "first_name": account.first_name,
            "email": account.email,
            "is_staff": account.is_superuser,
            "is_superuser": account.is_superuser,
            "password": make_password(None),
        },
    )
    if not created and user.has_usable_password():
        raise NameIsTakenError(account.username)
    for name in account.permissions:
        app_label, codename = name.split(".")
        # An app that is not installed has no such right.
        user.user_permissions.add(
            *Permission.objects.filter(content_type__app_label=app_label, codename=codename)
        )
    return user


class DemoBackend(OneQueryBackend):
    """Accepts ``demo``, ``viewer`` and ``admin`` with their names as passwords."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the demo account, or None for any other name, password or machine."""
        del kwargs
        account = ACCOUNTS.get(username or "")
        if account is None or not constant_time_compare(password or "", account.username):
            return None
        if request is None or public_hosts() or not is_from_this_machine(request):
            logger.warning(
                "demo account refused: it opens a portal on this machine only",
                extra={"account": account.username},
            )
            return None
        try:
            user = ensure_account(account)
        except NameIsTakenError:
            return None
        return user if self.user_can_authenticate(user) else None
