"""Who is on call now, and who takes over when, of every policy of a mapped service.

Both are asked for by policies, some at once: PagerDuty lists 10,000 entries at most, and an account
has policies that nobody here needs. Coming shifts are many where shifts are short, so they come in
batches: a sweep over all policies takes as many turns as it must, and what changed goes first.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from pagerduty_card.accounts import Account
from pagerduty_card.domain import ApiOnCall
from pagerduty_card.mirror import rota
from pagerduty_card.models import EscalationPolicy, Feed, OnCall, Service
from pagerduty_card.syncing.batches import answers_in_batches
from pagerduty_card.wire.client import PagerDutyClient
from pagerduty_card.wire.paged_lists import MAX_IDS_IN_QUERY

# Policies in one question about shifts: about so many fill a page where shifts last some days.
_POLICIES_AT_ONCE = 20
# Requests that one turn spends on shifts: until they are known, and afterwards.
REQUESTS_AT_FIRST, REQUESTS_PER_TURN = 100, 20
# A sweep takes no more turns than this, whatever it costs.
_TURNS_AT_MOST = 200
_SWEEP_GIVEN_UP_AFTER = timedelta(hours=3)
# More changed policies than this are left to the next sweep.
_MAX_CHANGED = 100


@dataclass(kw_only=True)
class _Sweep:
    """A round over all policies of an account that is under way."""

    begun_at: datetime
    done: str = ""  # the last policy's id that was stored
    requests: int = 0


# By account. A process that ends loses its sweep, and the next begins anew.
_sweeps: dict[str, _Sweep] = {}


def forget_all() -> None:
    """Drop the sweeps that are under way."""
    _sweeps.clear()


def sync_on_calls(account: Account, client: PagerDutyClient) -> None:
    """Mirror who is on call now."""
    begun_at = timezone.now()
    for _ in _each(account, client, _policies_of(account), MAX_IDS_IN_QUERY, with_next=False):
        pass
    Feed.objects.mark_good(account.name, Feed.Kind.ON_CALL, asked_at=begun_at)


def has_moved(account: Account, asked_at: datetime, now: datetime) -> bool:
    """Whether a shift ended, or a policy or a service became known, since ``asked_at`` (UTC)."""
    handover = OnCall.objects.next_handover(account.name, asked_at)
    return (
        bool(handover and handover <= now)
        or EscalationPolicy.objects.filter(account=account.name, mirrored_at__gt=asked_at).exists()
        or Service.objects.of_account(account.name)
        .filter(mirrored_at__gt=asked_at, is_mapped=True)
        .exists()
    )


def sync_shifts(account: Account, client: PagerDutyClient) -> int:
    """Mirror a portion of the coming shifts.

    Returns:
        How many requests the sweep has taken so far.
    """
    feed = _feed(account)
    is_covered = _sync_changed(account, client, feed)
    sweep, now = _sweeps.get(account.name), timezone.now()
    if sweep is None or now - sweep.begun_at > _SWEEP_GIVEN_UP_AFTER:
        if is_covered and feed and feed.asked_at and now - feed.asked_at < _interval(feed):
            return feed.requests
        sweep = _sweeps[account.name] = _Sweep(begun_at=now)
    at_most = REQUESTS_AT_FIRST
    if feed and feed.asked_at:
        at_most = max(REQUESTS_PER_TURN, math.ceil(feed.requests / _TURNS_AT_MOST))
    left = [pd_id for pd_id in _policies_of(account) if pd_id > sweep.done]
    before = client.requests_sent
    counted = sweep.requests
    for asked in _each(account, client, left, _POLICIES_AT_ONCE, with_next=True):
        sweep.done = asked[-1]
        sweep.requests = counted + client.requests_sent - before
        if client.requests_sent - before >= at_most and asked[-1] != left[-1]:
            return sweep.requests
    del _sweeps[account.name]
    Feed.objects.mark_good(account.name, Feed.Kind.SHIFTS, asked_at=sweep.begun_at)
    return sweep.requests


def wants_shifts(account: Account, now: datetime) -> bool:
    """Whether a sweep is under way or due, or a policy became known or changed."""
    feed = _feed(account)
    return (
        account.name in _sweeps
        or feed is None
        or feed.asked_at is None
        or now - feed.asked_at >= _interval(feed)
        or bool(_changed(account, feed))
    )


def _interval(feed: Feed) -> timedelta:
    """From the begin of one sweep to the next: ten minutes, more where a sweep is dear."""
    return max(timedelta(minutes=10), timedelta(minutes=feed.requests / (2 * REQUESTS_PER_TURN)))


def _feed(account: Account) -> Feed | None:
    feeds = Feed.objects.filter(account=account.name, kind=Feed.Kind.SHIFTS, service_pd_id="")
    return feeds.first()


def _sync_changed(account: Account, client: PagerDutyClient, feed: Feed | None) -> bool:
    """Ask at once about policies that changed since the last sweep, and say so of their services.

    There the sweep's answer says nothing any more; the services' own answers stand in for it.

    Returns:
        Whether that did for all of them; with too many, only a sweep does.
    """
    changed = _changed(account, feed)
    if len(changed) > _MAX_CHANGED:
        return False
    if not changed:
        return True
    asked_at = timezone.now()
    for _ in _each(account, client, sorted(changed), _POLICIES_AT_ONCE, with_next=True):
        pass
    for services in changed.values():
        for pd_id in services:
            Feed.objects.mark_good(account.name, Feed.Kind.SHIFTS, pd_id, asked_at=asked_at)
    return True


def _changed(account: Account, feed: Feed | None) -> dict[str, list[str]]:
    """Services by policy whose shifts, as they are known, are of before the policy changed."""
    if feed is None or feed.asked_at is None:
        return {}
    own = dict(
        Feed.objects.filter(account=account.name, kind=Feed.Kind.SHIFTS, asked_at__gt=feed.asked_at)
        .exclude(service_pd_id="")
        .values_list("service_pd_id", "asked_at")
    )
    mapped = Service.objects.of_account(account.name).mapped().order_by()
    found: dict[str, list[str]] = {}
    for rows in (
        mapped.filter(policy__mirrored_at__gt=feed.asked_at),
        mapped.filter(mirrored_at__gt=feed.asked_at, policy__isnull=False),
    ):
        places = rows.values_list("policy__pd_id", "pd_id", "policy__mirrored_at", "mirrored_at")
        for policy, service, policy_since, since in places:
            known_at = own.get(service)
            if known_at is None or known_at < max(policy_since, since):
                found.setdefault(policy, []).append(service)
    return found


def _policies_of(account: Account) -> list[str]:
    """PagerDuty's ids of the policies of mapped services, in order."""
    policies = EscalationPolicy.objects.filter(
        account=account.name, services__is_mapped=True
    ).order_by("pd_id")
    return list(policies.values_list("pd_id", flat=True).distinct())


def _each(
    account: Account,
    client: PagerDutyClient,
    policies: Sequence[str],
    size: int,
    *,
    with_next: bool,
) -> Iterator[Sequence[str]]:
    """Ask about policies and store each answer by itself: all of them together may be very many."""
    if not policies:
        # Nothing to ask about; whether PagerDuty would answer is to be known all the same.
        client.probe("/oncalls", needs="oncalls.read")
    asked_at = timezone.now()

    def ask(some: Sequence[str]) -> list[ApiOnCall]:
        nonlocal asked_at
        asked_at = timezone.now()
        if with_next:
            return client.on_calls(some, since=asked_at, until=asked_at + rota.SHIFTS_AHEAD)
        return client.on_calls(some)

    for some, found in answers_in_batches(policies, size, ask):
        rota.store_on_calls(
            account.name, found, asked_at=asked_at, policy_pd_ids=some, with_next=with_next
        )
        yield some
