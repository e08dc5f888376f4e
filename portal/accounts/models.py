"""The record of accounts: who signed in, who failed to, and who was given which rights by whom."""

from typing import ClassVar, Self

from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac


class AccountEventQuerySet(models.QuerySet["AccountEvent"]):
    """Filters of the record."""

    def about(self, name: str) -> Self:
        """Those about the account with this name, or about a name that no account has."""
        return self.filter(name_digest=digest_of(name))


class AccountEvent(models.Model):
    """One thing that happened to an account or a group; written once and never changed.

    A password that is being tried counts as wrong until it turns out right: then its row goes.

    Attributes:
        account: Name of the account or group. Empty if a failed sign-in named no account: people
            type their password there.
        account_id: Primary key of the account or group, which may be gone.
        name_digest: Digest of the name as it was typed, in any case of letters.
        by: Name of the account that did it. Empty: it happened on the command line, or by itself.
        address: IP address of the client, empty if unknown.
        network: What attempts are counted by, see ``portal.client_address.network_of``.
        detail: What was changed; never a password.
        in_sandbox: Whether the sandbox was on, which anybody may enter.
    """

    class Kind(models.TextChoices):
        """What happened."""

        SIGNED_IN = "signed_in", "signed in"
        SIGN_IN_FAILED = "sign_in_failed", "sign-in failed"
        SIGNED_OUT = "signed_out", "signed out"
        SESSIONS_ENDED = "sessions_ended", "signed out everywhere"
        ACCOUNT_CREATED = "account_created", "account created"
        ACCOUNT_CHANGED = "account_changed", "account changed"
        ACCOUNT_DELETED = "account_deleted", "account deleted"
        ACCOUNT_CONFIRMED = "account_confirmed", "account confirmed"
        GROUP_CREATED = "group_created", "group created"
        GROUP_CHANGED = "group_changed", "group changed"
        GROUP_DELETED = "group_deleted", "group deleted"
        GROUP_CONFIRMED = "group_confirmed", "group confirmed"

    at = models.DateTimeField(default=timezone.now, db_index=True)
    kind = models.CharField(max_length=20, choices=Kind)
    account = models.CharField(max_length=150, blank=True)
    account_id = models.BigIntegerField(null=True, blank=True)
    name_digest = models.CharField(max_length=64, blank=True, editable=False)
    by = models.CharField(max_length=150, blank=True)
    address = models.CharField(max_length=45, blank=True)
    network = models.CharField(max_length=50, blank=True, editable=False)
    detail = models.TextField(blank=True)
    in_sandbox = models.BooleanField(default=False)

    objects = AccountEventQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["name_digest", "kind", "at"], name="account_event_name"),
            models.Index(fields=["network", "kind", "at"], name="account_event_network"),
        ]

    def __str__(self) -> str:
        return f"{self.account or 'unknown name'}: {self.get_kind_display()}"


def digest_of(name: str) -> str:
    """What stands for a name in the record: the same for every case of its letters."""
    return salted_hmac("accounts.name", name.casefold(), algorithm="sha256").hexdigest()
