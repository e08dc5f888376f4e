"""How many passwords may be tried, counted from the record, so by all processes together.

Each try is written down before the password is hashed, and counts as a failure until it turns out
right: however many come at once, no more than the limit are hashed. A person who signed in from
their network lately is counted there alone: whoever tries passwords for their name elsewhere does
not lock them out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from portal.accounts import recording
from portal.accounts.models import AccountEvent, AccountEventQuerySet

PERIOD = timedelta(minutes=15)
FAILURES_PER_NAME = 10
# An office may share one address.
FAILURES_PER_NETWORK = 30
KNOWN_FOR = timedelta(days=30)
# The number of PostgreSQL's advisory lock; any that no other program takes.
_LOCK = 0x5357_4244_5349_474E


@contextmanager
def one_try(name: str) -> Iterator[timedelta | None]:
    """Try one password of the current request in the block.

    A ``ValidationError`` from the block says that it was wrong; any other error says nothing about
    it, so it does not count.

    Args:
        name: As it was typed.

    Yields:
        How long this name must not be tried from this network, after which the block tries nothing;
        None: it may be tried now.
    """
    tried = recording.failure_of(name)
    with transaction.atomic():
        # SQLite has one writer at a time anyway.
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        wait = _wait_for(name, tried.network)
        if not wait:
            tried.save()
    if wait:
        yield wait
        return
    is_wrong = False
    try:
        yield None
    except ValidationError:
        is_wrong = True
        recording.log(tried)
        raise
    finally:
        if not is_wrong:
            tried.delete()


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
    failures = events.filter(kind=AccountEvent.Kind.SIGN_IN_FAILED, at__gt=now - PERIOD)
    oldest = failures.order_by("-at").values_list("at", flat=True)[limit - 1 : limit].first()
    return oldest + PERIOD if oldest else None
