"""Writes the record: receivers of Django's signals about sign-ins, accounts, groups and rights.

Passwords that are tried are written by ``limits``, before they are hashed.

Django's own models have no other place that every writer passes: the admin, commands, and what
other packages bring.
"""

import logging
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from portal.accounts.models import AccountEvent, digest_of
from portal.client_address import client_address, network_of

logger = logging.getLogger(__name__)

Kind = AccountEvent.Kind
_request: ContextVar[HttpRequest | None] = ContextVar("request_of_the_record", default=None)
_FLAGS = ("is_active", "is_staff", "is_superuser")
_WATCHED = ("username", "email", *_FLAGS)


def remember_request(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: keep the request, so that the record knows by whom and from where."""

    def middleware(request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return get_response(request)
        finally:
            _request.reset(token)

    return middleware


def record(kind: AccountEvent.Kind, *, account: User | Group, detail: str = "") -> None:
    """Write a row and a log line, see :func:`event_of`."""
    event = event_of(kind, account=account, detail=detail)
    event.save()
    log(event)


def event_of(
    kind: AccountEvent.Kind, *, account: User | Group | None, name: str = "", detail: str = ""
) -> AccountEvent:
    """Make a row that is not saved yet, with who does it and from where.

    Args:
        kind: What happened.
        account: Which account or group; None if no account has the name that was typed.
        name: The name that was typed; it is kept as a digest alone.
        detail: What was changed, without any secret.
    """
    request = _request.get()
    address = client_address(request) if request else ""
    user = getattr(request, "user", None)
    shown = str(account) if account else ""
    return AccountEvent(
        kind=kind,
        account=shown,
        account_id=account.pk if account else None,
        name_digest=digest_of(shown or name),
        by=user.get_username() if user and user.is_authenticated else "",
        address=address,
        network=network_of(address),
        detail=detail,
        in_sandbox=settings.PAGERDUTY_SANDBOX,
    )


def log(event: AccountEvent) -> None:
    """Write the log line of a row."""
    level = logging.WARNING if event.kind == Kind.SIGN_IN_FAILED else logging.INFO
    fields = {name: getattr(event, name) for name in ("account", "by", "address", "detail")}
    extra = {name: value for name, value in fields.items() if value}
    logger.log(level, Kind(event.kind).label, extra=extra)


def failure_of(name: str) -> AccountEvent:
    """Make the row of a wrong password for the name that was typed; it is not saved yet."""
    account = User.objects.filter(username=name).first()
    return event_of(Kind.SIGN_IN_FAILED, account=account, name=name)


@receiver(user_logged_in)
def _signed_in(user: User, **_: object) -> None:
    record(Kind.SIGNED_IN, account=user)


@receiver(user_logged_out)
def _signed_out(user: User | None, **_: object) -> None:
    if user is not None:
        record(Kind.SIGNED_OUT, account=user)


# The attribute of an account that is being saved which holds its stored row.
_BEFORE = "_before"


@receiver(pre_save, sender=User)
def _remember(instance: User, update_fields: Iterable[str] | None = None, **_: object) -> None:
    """Keep the stored row beside the one that is to be written."""
    before = None
    if instance.pk and set(update_fields or ["all"]) != {"last_login"}:
        before = User.objects.filter(pk=instance.pk).first()
    setattr(instance, _BEFORE, before)


@receiver(post_save, sender=User)
def _saved(instance: User, *, created: bool, **_: object) -> None:
    before: User | None = getattr(instance, _BEFORE, None)
    if created:
        flags = [name for name in _FLAGS[1:] if getattr(instance, name)]
        record(Kind.ACCOUNT_CREATED, account=instance, detail=", ".join(flags))
    elif before is not None and (changes := _changes(before, instance)):
        record(Kind.ACCOUNT_CHANGED, account=instance, detail="; ".join(changes))


def _changes(before: User, after: User) -> list[str]:
    changes = [
        f"{name}: {getattr(before, name)} -> {getattr(after, name)}"
        for name in _WATCHED
        if getattr(before, name) != getattr(after, name)
    ]
    # With no password in clear, the same password was hashed by a newer rule as somebody signed in.
    is_typed = getattr(after, "_password", None) is not None or not after.has_usable_password()
    if before.password != after.password and is_typed:
        changes.append("password")
    return changes


@receiver(post_save, sender=Group)
def _group_saved(instance: Group, *, created: bool, **_: object) -> None:
    record(Kind.GROUP_CREATED if created else Kind.GROUP_CHANGED, account=instance)


@receiver(post_delete, sender=User)
def _deleted(instance: User, **_: object) -> None:
    record(Kind.ACCOUNT_DELETED, account=instance)


@receiver(post_delete, sender=Group)
def _group_deleted(instance: Group, **_: object) -> None:
    record(Kind.GROUP_DELETED, account=instance)


@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def _rights_changed(
    instance: User | Group | Permission,
    action: str,
    *,
    reverse: bool,
    model: type[User | Group | Permission],
    pk_set: set[int] | None,
    **_: object,
) -> None:
    """Record who got or lost what, from whichever end of the relation it was written."""
    words = {"post_add": "added", "post_remove": "removed", "pre_clear": "all removed"}
    if action not in words or (pk_set is not None and not pk_set):
        return
    others: Iterable[User | Group | Permission]
    if model is Permission:
        others = Permission.objects.select_related("content_type").filter(pk__in=pk_set or [])
    else:
        others = model._default_manager.filter(pk__in=pk_set or [])
    if reverse:
        # Cleared from that end, nobody is named: the row says of what.
        for one in others:
            _record_rights(one, f"{words[action]}: {_name(instance)}")
        if not pk_set:
            _record_rights(instance, f"{words[action]}: {model._meta.verbose_name_plural}")
    else:
        names = ", ".join(sorted(_name(one) for one in others))
        what = names or str(model._meta.verbose_name_plural)
        _record_rights(instance, f"{words[action]}: {what}")


def _record_rights(of: Any, detail: str) -> None:
    if isinstance(of, User | Group):
        kind = Kind.ACCOUNT_CHANGED if isinstance(of, User) else Kind.GROUP_CHANGED
        record(kind, account=of, detail=detail)


def _name(one: Any) -> str:
    if isinstance(one, Permission):
        return f"{one.content_type.app_label}.{one.codename}"
    return f"group {one}" if isinstance(one, Group) else str(one)
