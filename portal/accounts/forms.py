"""The two forms that take a password, both limited."""

import logging
import math
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm

from portal.accounts import limits
from portal.accounts.recording import record_failure
from portal.client_address import client_address, network_of

logger = logging.getLogger(__name__)


def _too_many(wait: timedelta) -> forms.ValidationError:
    """The error that says how long to wait."""
    minutes = math.ceil(wait.total_seconds() / 60)
    return forms.ValidationError(
        "Too many wrong passwords for this name or from this address. Try again in "
        f"{minutes} {'minute' if minutes == 1 else 'minutes'}.",
        code="limited",
    )


class SignInForm(AuthenticationForm):
    """Django's form, which looks first whether the password may be tried at all.

    Attributes:
        wait: How long to wait, if that is why it is refused.
    """

    wait: timedelta | None = None

    def clean(self) -> dict[str, Any]:
        """Refuse before a password is hashed.

        Raises:
            ValidationError: Too many failures, or not the right password.
        """
        name = str(self.cleaned_data.get("username") or "")
        address = client_address(self.request) if self.request else ""
        if not name:
            return super().clean()
        with limits.one_try(name, network_of(address)) as wait:
            if wait:
                self.wait = wait
                logger.warning("sign-in refused: too many failures", extra={"address": address})
                raise _too_many(wait)
            return super().clean()


class OwnPasswordForm(PasswordChangeForm):
    """Changes one's own password; a wrong old one counts like a failed sign-in."""

    def __init__(self, user: Any, *args: Any, address: str, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self._network = network_of(address)

    def clean_old_password(self) -> str:
        """The old password, if it is right.

        Raises:
            ValidationError: It is wrong, or was wrong too often.
        """
        name = self.user.get_username()
        with limits.one_try(name, self._network) as wait:
            if wait:
                raise _too_many(wait)
            try:
                return str(super().clean_old_password())
            except forms.ValidationError:
                record_failure(name)
                raise
