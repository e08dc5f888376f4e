"""How many passwords may be tried, counted from the record, so by all processes together.

Each try is written down before the password is hashed, and counts as a failure until it turns out
right: however many come at once, no more than the limit are hashed. A person who signed in from
their network lately is counted there alone: whoever tries passwords for their name elsewhere does
not lock them out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from portal.accounts.models import AccountEvent, AccountEventQuerySet, digest_of

PERIOD = timedelta(minutes=15)
FAILURES_PER_NAME = 10
# An office may share one address.
FAILURES_PER_NETWORK = 30
KNOWN_FOR = timedelta(days=30)
# The number of PostgreSQL's advisory lock; any that no other program takes.
_LOCK = 0x5357_4244_5349_474E
_FAILED = (AccountEvent.Kind.SIGN_IN_TRIED, AccountEvent.Kind.SIGN_IN_FAILED)

# The try that is being made, whose row becomes that of its failure.
current_try: ContextVar[AccountEvent | None] = ContextVar("current_try", default=None)


@contextmanager
def one_try(name: str, network: str) -> Iterator[timedelta | None]:
    """Try one password in the block, which ends with an error unless it is right.

    Args:
        name: As it was typed.
        network: See ``portal.client_address.network_of``; one that is unknown is not limited.

    Yields:
        How long this name must not be tried from this network; None: it may be tried now.
    """
    with transaction.atomic():
        # SQLite has one writer at a time anyway.
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        wait = _wait_for(name, network)
        tried = wait or AccountEvent.objects.create(
            kind=AccountEvent.Kind.SIGN_IN_TRIED, name_digest=digest_of(name), network=network
        )
    if not isinstance(tried, AccountEvent):
        yield wait
        return
    token = current_try.set(tried)
    try:
        yield None
    finally:
        current_try.reset(token)
    AccountEvent.objects.filter(pk=tried.pk, kind=AccountEvent.Kind.SIGN_IN_TRIED).delete()


def _wait_for(name: str, network: str) -> timedelta | None:
    now = timezone.now()
    named = AccountEvent.objects.about(name)
    here = AccountEvent.objects.filter(network=network)
    signed_in = named.filter(kind=AccountEvent.Kind.SIGNED_IN, network=network)
    if network and signed_in.filter(at__gt=now - KNOWN_FOR).exists():
        ends = [_end(named.filter(network=network), FAILURES_PER_NAME, now)]
    else:
        ends = [_end(named, FAILURES_PER_NAME, now)]
        ends += [_end(here, FAILURES_PER_NETWORK, now)] if network else []
    until = max((end for end in ends if end), default=None)
    return until - now if until else None


def _end(events: AccountEventQuerySet, limit: int, now: datetime) -> datetime | None:
    """When the name or network may be tried again (UTC); None: now, its failures are fewer."""
    failures = events.filter(kind__in=_FAILED, at__gt=now - PERIOD)
    oldest = failures.order_by("-at").values_list("at", flat=True)[limit - 1 : limit].first()
    return oldest + PERIOD if oldest else None
