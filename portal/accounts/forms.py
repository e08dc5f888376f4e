"""The two forms that take a password, both limited."""

import logging
import math
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm

from portal.accounts import limits
from portal.client_address import client_address

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
        if not name:
            return super().clean()
        with limits.one_try(name) as wait:
            if wait:
                self.wait = wait
                address = client_address(self.request) if self.request else ""
                logger.warning("sign-in refused: too many failures", extra={"address": address})
                raise _too_many(wait)
            return super().clean()


class OwnPasswordForm(PasswordChangeForm):
    """Changes one's own password; a wrong old one counts like a failed sign-in."""

    def clean_old_password(self) -> str:
        """The old password, if it is right.

        Raises:
            ValidationError: It is wrong, or was wrong too often.
        """
        with limits.one_try(self.user.get_username()) as wait:
            if wait:
                raise _too_many(wait)
            return str(super().clean_old_password())
