"""Who is on call when, as PagerDuty answered, into rows. Nothing here asks."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from pagerduty_card import domain
from pagerduty_card.models import EscalationPolicy, OnCall, Responder
from pagerduty_card.rows import BATCH, write
from portal.batches import in_batches

_MAX_LEVEL = 32_767  # what the database keeps
# How far ahead shifts are asked for.
SHIFTS_AHEAD = timedelta(days=14)

_FIELDS = (
    "policy_id",
    "level",
    "responder_id",
    "schedule_name",
    "schedule_url",
    "start",
    "end",
)


@transaction.atomic
def store_on_calls(
    account: str,
    on_calls: Iterable[domain.ApiOnCall],
    *,
    asked_at: datetime,
    policy_pd_ids: Collection[str],
    with_next: bool,
) -> None:
    """Make who is on call for some policies exactly this; shifts that are over go.

    Args:
        account: Name of the account.
        on_calls: What PagerDuty answered.
        asked_at: When it was asked (UTC).
        policy_pd_ids: The policies asked about, a hundred or so.
        with_next: Whether coming shifts were asked for too; else those that are known stay.
    """
    policies = dict(
        EscalationPolicy.objects.filter(account=account, pd_id__in=policy_pd_ids).values_list(
            "pd_id", "pk"
        )
    )
    given = [one for one in on_calls if one.policy_id in policies]
    people = _store_responders(account, (one.user for one in given))
    wanted = {
        (
            policies[one.policy_id],
            min(one.level, _MAX_LEVEL),
            people[one.user.id],
            one.schedule.name[:255] if one.schedule else "",
            one.schedule.url if one.schedule else "",
            one.start,
            one.end,
        )
        for one in given
    }
    existing = OnCall.objects.filter(policy__in=policies.values()).order_by()
    if not with_next:
        existing = existing.filter(Q(start__isnull=True) | Q(start__lte=asked_at))
    stored = set()
    gone = []
    for pk, *fields in existing.values_list("pk", *_FIELDS):
        key = tuple(fields)
        # Twice there: two processes stored the same first answer.
        if key in wanted and key not in stored:
            stored.add(key)
        else:
            gone.append(pk)
    for batch in in_batches(gone):
        OnCall.objects.filter(pk__in=batch).delete()
    OnCall.objects.bulk_create(
        [OnCall(**dict(zip(_FIELDS, key, strict=True))) for key in wanted - stored],
        batch_size=BATCH,
    )


def _store_responders(account: str, users: Iterable[domain.User]) -> dict[str, int]:
    given = {user.id: user for user in users}
    rows = Responder.objects.filter(account=account, pd_id__in=given)
    existing = {row.pd_id: row for row in rows}
    write(
        Responder,
        existing,
        {
            user.id: {
                "name": user.name[:255],
                "email": user.email[:254],
                "url": user.url,
                "avatar_url": user.avatar_url,
                "time_zone": user.time_zone[:64],
            }
            for user in given.values()
        },
        lambda pd_id: Responder(account=account, pd_id=pd_id),
    )
    if len(existing) == len(given):
        return {pd_id: row.pk for pd_id, row in existing.items()}
    return dict(rows.values_list("pd_id", "pk"))
