"""Whether PagerDuty's webhooks come: subscription, last delivery, signatures, what waits.

Reads the database, and asks PagerDuty nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q

from pagerduty_card.accounts import Account
from pagerduty_card.doctor.findings import START_WORKER, Step, Verdict, step
from pagerduty_card.models import Incident
from pagerduty_card.models.inbox import Delivery, Inbox
from pagerduty_card.webhooks import subscribing

# The worker takes a delivery within seconds.
_WAITS_TOO_LONG = timedelta(minutes=1)
# A webhook comes within seconds; polling may be first by chance.
_COMES_WITHIN = timedelta(minutes=2)
_REFUSALS_TOLD = timedelta(days=1)
_COMMAND = "manage.py pagerduty_webhook"


def examine_webhooks(accounts: Sequence[Account], now: datetime) -> dict[str, list[Step]]:
    """The steps of each account; four queries for all.

    Args:
        accounts: Which.
        now: The instant (UTC).

    Returns:
        By name of the account.
    """
    given = [account for account in accounts if account.webhook_secrets]
    names = [account.name for account in given]
    rows = Inbox.objects.filter(account__in=[account.name for account in accounts])
    inboxes = {row.account: row for row in rows}
    found = {one.name: [_not_set_up(inboxes.get(one.name), one, now)] for one in accounts}
    if not given:
        return found
    last = Delivery.objects.last_received(names)
    counts = _counted(names, now)
    missed = _missed(names, inboxes, now)
    for account in given:
        inbox = inboxes.get(account.name) or Inbox(account=account.name)
        found[account.name] = [
            _subscription(inbox, account),
            _deliveries(last.get(account.name), missed.get(account.name, 0), account),
            *_signatures(inbox, now),
            *_backlog(*counts.get(account.name, (0, 0))),
        ]
    return found


def _counted(names: Sequence[str], now: datetime) -> dict[str, tuple[int, int]]:
    """How many wait for too long, and how many could not be applied, by account."""
    waits = Q(state=Delivery.State.WAITING, received_at__lt=now - _WAITS_TOO_LONG)
    rows = Delivery.objects.filter(account__in=names).order_by().values_list("account")
    counted = rows.annotate(
        waiting=Count("pk", filter=waits),
        failed=Count("pk", filter=Q(state=Delivery.State.FAILED)),
    )
    return {account: (waiting, failed) for account, waiting, failed in counted}


def _missed(names: Sequence[str], inboxes: dict[str, Inbox], now: datetime) -> dict[str, int]:
    """Open incidents of each account that only polling brought, though webhooks were on."""
    begun = {
        name: inboxes[name].enabled_since
        for name in names
        if name in inboxes and inboxes[name].enabled_since
    }
    wanted = Q(pk=None)
    for name, at in begun.items():
        wanted |= Q(
            service__account=name,
            created_at__gt=max(at, now - Delivery.kept()) if at else now,
            created_at__lt=now - _COMES_WITHIN,
        )
    told = Delivery.objects.filter(account=OuterRef("service__account"), pd_id=OuterRef("pd_id"))
    silent = Incident.objects.filter(wanted).exclude(Exists(told))
    rows = silent.order_by().values_list("service__account").annotate(count=Count("pk"))
    return dict(rows)


def _not_set_up(inbox: Inbox | None, account: Account, now: datetime) -> Step:
    if inbox and inbox.refused_at and inbox.refused_at > now - _REFUSALS_TOLD:
        return step(
            "Webhooks",
            Verdict.WRONG,
            "Deliveries come, but no secret is configured, so they are refused.",
            f"If PagerDuty sends them, set {account.name_of('webhook_secrets')} to the secret "
            f"that {_COMMAND} create showed, and restart the portal; else there is nothing to do.",
            inbox.refused_at,
        )
    return step(
        "Webhooks",
        Verdict.OK,
        "Not set up: incidents come by polling, every half minute.",
        f"{_COMMAND} create makes them come within a second.",
    )


def _subscription(inbox: Inbox, account: Account) -> Step:
    what, at = "Webhooks", inbox.looked_at
    option = f" --account {account.name}"
    match inbox.subscription:
        case subscribing.ENABLED:
            return step(what, Verdict.OK, "PagerDuty's subscription is enabled.", at=at)
        case subscribing.SUSPENDED:
            text = "PagerDuty gave up on the subscription after refused deliveries."
            return step(what, Verdict.WRONG, text, f"Run {_COMMAND} enable{option}.", at)
        case subscribing.DISABLED:
            text = "PagerDuty's subscription is switched off."
            return step(what, Verdict.WRONG, text, f"Run {_COMMAND} enable{option}.", at)
        case subscribing.ABSENT:
            text = f"A secret is configured, but PagerDuty sends nothing to {_address(account)}."
            return step(what, Verdict.WRONG, text, f"Run {_COMMAND} create{option}.", at)
        case subscribing.UNKNOWN:
            text = f"PagerDuty did not tell of the subscription: {inbox.detail}"
            return step(what, Verdict.UNKNOWN, text, at=at)
    return step(
        what,
        Verdict.UNKNOWN,
        "PagerDuty has not been asked about the subscription yet.",
        f"Run {_COMMAND} status{option}.",
    )


def _address(account: Account) -> str:
    return subscribing.address_of(account)


def _deliveries(last: datetime | None, missed: int, account: Account) -> Step:
    what = "Deliveries"
    if missed:
        text = (
            f"{'1 open incident' if missed == 1 else f'{missed} open incidents'} came by polling "
            f"alone. {'Last delivery.' if last else 'No delivery ever came.'}"
        )
        advice = f"Let PagerDuty reach {_address(account)}, then run {_COMMAND} enable."
        return step(what, Verdict.WRONG, text, advice, last)
    if last is None:
        text = "None has come yet."
        return step(what, Verdict.UNKNOWN, text, "Trigger an incident, or send a test event.")
    return step(what, Verdict.OK, "Last delivery.", at=last)


def _signatures(inbox: Inbox, now: datetime) -> Iterable[Step]:
    count = inbox.refused_count
    if inbox.refused_at and inbox.refused_at > now - _REFUSALS_TOLD:
        yield step(
            "Signatures",
            Verdict.WARNING,
            # Those of the last minute are not written yet.
            f"At least {'1 delivery' if count == 1 else f'{count} deliveries'} with a missing or "
            "wrong signature so far.",
            "If PagerDuty sent them, the secret here is not the subscription's: delete it, create "
            "another, and configure what that shows.",
            inbox.refused_at,
        )


def _backlog(waiting: int, failed: int) -> Iterable[Step]:
    if waiting:
        text = f"{waiting} wait to be applied for over a minute."
        yield step("Backlog", Verdict.WRONG, text, START_WORKER)
    if failed:
        yield step(
            "Unread",
            Verdict.WARNING,
            f"{failed} of the last {Delivery.kept().days} days could not be applied; polling tells "
            "what they would have.",
            "The admin lists them under deliveries, with the reason.",
        )
