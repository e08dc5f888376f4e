"""From an alert that PagerDuty accepted to the incident that it became part of.

What is found is looked at before it is believed. An incident that PagerDuty created before the
alert was sent is not created by it: the alert was added to it, by grouping or merging. Neither is
one that was opened by another alert.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from django.utils import timezone

from pagerduty_card import domain
from pagerduty_card.accounts import Account, all_accounts, configured_accounts
from pagerduty_card.errors import PagerDutyError
from pagerduty_card.models import Incident, TriggeredIncident, TriggeredIncidentQuerySet
from pagerduty_card.wire.client import PagerDutyClient
from pagerduty_card.wire.quota import Quota

# An attempt whose incident did not appear in time is looked for again this often: at first for a
# paused alert, which becomes an incident minutes later.
_LOOK_SOON = timedelta(minutes=1)
_LOOK_AGAIN = timedelta(minutes=10)
_State = TriggeredIncident.State
_LOOKED_FOR_AGAIN = (_State.NOT_SEEN, _State.UNSURE)
_FOUND = (_State.CREATED, _State.ADDED)
# So much earlier than the sending an incident may be dated and still be created by it. By
# PagerDuty's clock alone: whole seconds, and several machines.
_SAME_CLOCK = timedelta(seconds=5)
# By the portal's clock, set right by PagerDuty's as far as an answer told that.
_CLOCK_SKEW = timedelta(seconds=60)
_ALERTS_S = 4.0


def reconcile(client: PagerDutyClient, attempts: TriggeredIncidentQuerySet) -> bool:
    """Find the incidents of attempts and note what PagerDuty reports of them.

    An accepted one that has not appeared within 60 s becomes ``not_seen``, and is found later all
    the same, as is that of an attempt whose answer was lost. PagerDuty is not asked for one that
    failed, but its incident is taken up once it is mirrored. When PagerDuty does not answer, only
    that is noted.

    Returns:
        Whether an incident was found.
    """
    now = timezone.now()
    is_found = False
    for attempt in attempts.filter(account=client.account.name).awaiting_incident(now):
        if attempt.state in _LOOKED_FOR_AGAIN:
            is_young = now - attempt.triggered_at < TriggeredIncident.RETRIED_FOR
            if attempt.is_looked_for(now, _LOOK_SOON if is_young else _LOOK_AGAIN):
                continue
        try:
            is_this_found = find_incident(client, attempt)
        except PagerDutyError:
            continue
        if is_this_found:
            is_found = True
        elif _is_overdue(client.account, attempt, now):
            TriggeredIncident.objects.filter(pk=attempt.pk, state=_State.ACCEPTED).update(
                state=_State.NOT_SEEN
            )
    return is_found


def find_incident(client: PagerDutyClient, attempt: TriggeredIncident) -> bool:
    """Look for the incident of one attempt, in the mirror and then at PagerDuty, and note it.

    Of one that failed in the mirror alone.

    Raises:
        PagerDutyError: PagerDuty did not answer: nothing is concluded, but the reason is noted.
    """
    found = _mirrored(attempt)
    if not found and attempt.state != _State.FAILED:
        try:
            found = [_Found.told(one) for one in client.incidents_by_key(attempt.dedup_key)]
        except PagerDutyError as exc:
            note_search(attempt, exc.detail or "PagerDuty did not answer.")
            raise
        note_search(attempt, "")
    if not found:
        return False
    columns = _columns(attempt, found)
    if attempt.state != _State.FAILED:
        columns |= _by_alerts(client, attempt, _newest(found))
    TriggeredIncident.objects.filter(pk=attempt.pk).update(**columns)
    return True


def note_search(attempt: TriggeredIncident, problem: str) -> None:
    """Note that the incident was looked for.

    Args:
        attempt: Whose.
        problem: Why that failed; empty: PagerDuty answered.
    """
    TriggeredIncident.objects.filter(pk=attempt.pk).update(
        looked_at=timezone.now(), search_problem=problem[:500]
    )


def note_refusal(account: str, error: PagerDutyError) -> None:
    """Note of every attempt whose incident is awaited that it cannot be looked for now."""
    now = timezone.now()
    waiting = TriggeredIncident.objects.filter(account=account).awaiting_incident(now)
    waiting.exclude(state=_State.FAILED).update(looked_at=now, search_problem=error.detail[:500])


def note_incident(account: str, incident: domain.ApiIncident) -> None:
    """Note an incident that a webhook told of in the attempt that led to it, if one did."""
    for attempt in TriggeredIncident.objects.filter(
        account=account, dedup_key=incident.incident_key
    ).exclude(state__in=_FOUND):
        found = [_Found.told(incident)]
        TriggeredIncident.objects.filter(pk=attempt.pk).update(**_columns(attempt, found))


def check_alerts(account_name: str, incident: domain.ApiIncident) -> None:
    """Correct by its alerts what a webhook alone told of the attempt that led to an incident.

    Where they cannot be read, the time of its creation decides, as when it was looked for.
    """
    account = configured_accounts().get(account_name)
    attempts = TriggeredIncident.objects.filter(
        account=account_name, dedup_key=incident.incident_key, state__in=_FOUND, alert_status=""
    )
    if account is None or not attempts:
        return
    with PagerDutyClient(account, total_budget_s=_ALERTS_S) as client:
        for attempt in attempts:
            if columns := _by_alerts(client, attempt, _Found.told(incident)):
                TriggeredIncident.objects.filter(pk=attempt.pk).update(**columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """An incident that has the key of an attempt; people as ``{"name", "url"}``."""

    pd_id: str
    number: int
    url: str
    service_id: str
    service_name: str
    created_at: datetime
    status: str
    assignees: Sequence[dict[str, str]]
    acknowledged_by: Sequence[dict[str, str]]
    merged_into: str = ""

    @classmethod
    def told(cls, incident: domain.ApiIncident) -> Self:
        return cls(
            pd_id=incident.id,
            number=incident.number,
            url=incident.url,
            service_id=incident.service_id,
            service_name=incident.service_name,
            created_at=incident.created_at,
            status=incident.status,
            assignees=_people(incident.assignees),
            acknowledged_by=_people(incident.acknowledgements),
            merged_into=incident.merged_into,
        )


def _people(
    people: Iterable[domain.Reference] | Iterable[domain.ApiAcknowledgement],
) -> list[dict[str, str]]:
    return [{"name": who.name, "url": who.url} for who in people]


def _mirrored(attempt: TriggeredIncident) -> list[_Found]:
    rows = Incident.objects.filter(
        incident_key=attempt.dedup_key, service__account=attempt.account
    ).select_related("service")
    return [
        _Found(
            pd_id=row.pd_id,
            number=row.number,
            url=row.url,
            service_id=row.service.pd_id,
            service_name=row.service.name,
            created_at=row.created_at,
            status=row.status,
            assignees=row.assignees,
            acknowledged_by=[
                {"name": one["name"], "url": one["url"]} for one in row.acknowledgements
            ],
        )
        for row in rows
    ]


def _columns(attempt: TriggeredIncident, found: Sequence[_Found]) -> dict[str, Any]:
    """The columns of an attempt whose incident is there: the newest that has its key."""
    one = _newest(found)
    is_elsewhere = bool(attempt.service_pd_id) and one.service_id != attempt.service_pd_id
    return {
        "state": _State.CREATED if _is_created_by(attempt, one.created_at) else _State.ADDED,
        "may_resend": False,
        "retry_until": None,
        "incident_number": one.number,
        "incident_url": one.url,
        "incident_status": one.status[:32],
        "incident_created_at": one.created_at,
        "incident_service": (one.service_name or one.service_id)[:255] if is_elsewhere else "",
        "assignees": list(one.assignees),
        "acknowledged_by": list(one.acknowledged_by),
        "merged_into": one.merged_into[:255],
    }


def _newest(found: Sequence[_Found]) -> _Found:
    return max(found, key=lambda each: each.created_at)


def _by_alerts(
    client: PagerDutyClient, attempt: TriggeredIncident, incident: _Found
) -> dict[str, Any]:
    """The columns that the incident's alerts tell better; none where they cannot be read."""
    try:
        alerts, are_more = client.oldest_alerts(incident.pd_id)
    except PagerDutyError:
        return {}
    own = next((one for one in alerts if one.key == attempt.dedup_key), None)
    others = [one for one in alerts if one.key != attempt.dedup_key]
    if own is None:
        # It may be among those that are not listed, or whose key PagerDuty does not tell.
        is_unknown = are_more or not others or not all(one.key for one in others)
        return {} if is_unknown else {"alert_status": "missing"}
    status = "suppressed" if own.is_suppressed else own.status
    # Older than the incident itself are alerts of one that was merged into it.
    opened_by_another = any(
        incident.created_at - _SAME_CLOCK <= one.created_at < own.created_at for one in others
    )
    return {"alert_status": status[:32]} | ({"state": _State.ADDED} if opened_by_another else {})


def _is_created_by(attempt: TriggeredIncident, created_at: datetime) -> bool:
    if attempt.sent_at:
        return created_at >= attempt.sent_at - _SAME_CLOCK
    account = all_accounts().get(attempt.account)
    return created_at >= attempt.triggered_at + _ahead(account) - _CLOCK_SKEW


def _is_overdue(account: Account, attempt: TriggeredIncident, now: datetime) -> bool:
    """Whether the incident should have appeared by now, best by PagerDuty's clock."""
    if attempt.sent_at is None:
        return attempt.overdue(now)
    return now + _ahead(account) - attempt.sent_at > TriggeredIncident.APPEARS_WITHIN


def _ahead(account: Account | None) -> timedelta:
    """How far PagerDuty's clock is ahead of the portal's, by its last answer."""
    reading = Quota(account).last_reading() if account else None
    return timedelta(seconds=(reading.skew_s or 0.0) if reading else 0.0)
