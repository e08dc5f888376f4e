"""How many passwords may be tried, counted from the record, so by all processes together.

Counting asks before any password is hashed. A person who signed in from their network lately is
counted there alone: whoever tries passwords for their name elsewhere does not lock them out.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from portal.accounts.models import AccountEvent, AccountEventQuerySet

PERIOD = timedelta(minutes=15)
FAILURES_PER_NAME = 10
# An office may share one address.
FAILURES_PER_NETWORK = 30
KNOWN_FOR = timedelta(days=30)


def wait_for(name: str, network: str) -> timedelta | None:
    """How long this name must not be tried from this network; None: it may be tried now.

    Args:
        name: As it was typed.
        network: See ``portal.client_address.network_of``; one that is unknown is not limited.
    """
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
