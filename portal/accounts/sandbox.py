"""Accounts and groups that were made or given rights beside the sandbox, which anybody may enter.

Demo accounts cannot sign in without the sandbox; those that they made or changed can.
"""

from django.contrib.auth.models import Group, User

from portal.accounts.models import AccountEvent, AccountEventQuerySet
from portal.accounts.recording import record

Kind = AccountEvent.Kind


def unconfirmed() -> list[User | Group]:
    """The accounts that may sign in and the groups with rights that nobody has confirmed since."""
    people = User.objects.filter(
        pk__in=_unconfirmed_ids(Kind.ACCOUNT_CREATED, Kind.ACCOUNT_CHANGED), is_active=True
    )
    groups = Group.objects.filter(
        pk__in=_unconfirmed_ids(Kind.GROUP_CREATED, Kind.GROUP_CHANGED), permissions__isnull=False
    )
    can_sign_in = [one for one in people.order_by("username") if one.has_usable_password()]
    return [*can_sign_in, *groups.order_by("name").distinct()]


def confirm(found: User | Group) -> None:
    """Record that the account or the group is as its operator wants it."""
    record(
        Kind.ACCOUNT_CONFIRMED if isinstance(found, User) else Kind.GROUP_CONFIRMED, account=found
    )


def _unconfirmed_ids(made: AccountEvent.Kind, changed: AccountEvent.Kind) -> set[int]:
    confirmed = Kind.ACCOUNT_CONFIRMED if made == Kind.ACCOUNT_CREATED else Kind.GROUP_CONFIRMED
    last: dict[int, bool] = {}
    events: AccountEventQuerySet = AccountEvent.objects.filter(kind__in=[made, changed, confirmed])
    for key, kind, in_sandbox in events.order_by("pk").values_list(
        "account_id", "kind", "in_sandbox"
    ):
        if key is not None and (in_sandbox or kind == confirmed):
            last[key] = kind != confirmed
    return {key for key, is_open in last.items() if is_open}
