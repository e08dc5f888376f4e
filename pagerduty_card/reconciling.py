"""From an alert that PagerDuty accepted to the incident that it became."""

from collections.abc import Iterable
from datetime import timedelta

from django.core.cache import caches
from django.utils import timezone

from pagerduty_card import domain
from pagerduty_card.errors import PagerDutyError
from pagerduty_card.models import Incident, TriggeredIncident, TriggeredIncidentQuerySet
from pagerduty_card.wire.client import PagerDutyClient

# An attempt whose incident did not appear in time is looked for again this often.
_LOOK_AGAIN = timedelta(minutes=10)
_LOOKED_FOR_AGAIN = (TriggeredIncident.State.NOT_SEEN, TriggeredIncident.State.UNSURE)


def reconcile(client: PagerDutyClient, attempts: TriggeredIncidentQuerySet) -> bool:
    """Find the incidents of attempts and note number, address and whom they paged.

    An accepted one that has not appeared within 60 s becomes ``not_seen``, and is found later all
    the same, as is that of an attempt whose answer was lost. PagerDuty is not asked for one that
    failed, but its incident is taken up once it is mirrored. When PagerDuty does not answer nothing
    is concluded.

    Returns:
        Whether an incident was found.
    """
    now = timezone.now()
    is_found = False
    for attempt in attempts.filter(account=client.account.name).awaiting_incident(now):
        if attempt.state in _LOOKED_FOR_AGAIN and not caches["shared"].add(
            f"pagerduty:look-again:{attempt.pk}", 1, _LOOK_AGAIN.total_seconds()
        ):
            continue
        try:
            is_this_found = find_incident(client, attempt)
        except PagerDutyError:
            continue
        if is_this_found:
            is_found = True
        elif attempt.overdue(now):
            TriggeredIncident.objects.filter(
                pk=attempt.pk, state=TriggeredIncident.State.ACCEPTED
            ).update(state=TriggeredIncident.State.NOT_SEEN)
    return is_found


def find_incident(client: PagerDutyClient, attempt: TriggeredIncident) -> bool:
    """Look for the incident of one attempt, in the mirror and then at PagerDuty, and note it.

    Of one that failed in the mirror alone.

    Raises:
        PagerDutyError: PagerDuty did not answer, so nothing is concluded.
    """
    found = _mirrored(attempt)
    if found is None and attempt.state != TriggeredIncident.State.FAILED:
        found = _asked(client, attempt)
    if found is None:
        return False
    TriggeredIncident.objects.filter(pk=attempt.pk).update(**found)
    return True


def note_incident(account: str, incident: domain.ApiIncident) -> None:
    """Note an incident that a webhook told of in the attempt that led to it, if one did."""
    TriggeredIncident.objects.filter(account=account, dedup_key=incident.incident_key).exclude(
        state=TriggeredIncident.State.CREATED
    ).update(**_told(incident))


def _mirrored(attempt: TriggeredIncident) -> dict[str, object] | None:
    row = Incident.objects.filter(
        incident_key=attempt.dedup_key, service__account=attempt.account
    ).first()
    if row is None:
        return None
    return _found(row.number, row.url, row.assignees)


def _asked(client: PagerDutyClient, attempt: TriggeredIncident) -> dict[str, object] | None:
    for one in client.incidents_by_key(attempt.dedup_key):
        return _told(one)
    return None


def _told(incident: domain.ApiIncident) -> dict[str, object]:
    assignees = [{"name": who.name, "url": who.url} for who in incident.assignees]
    return _found(incident.number, incident.url, assignees)


def _found(number: int, url: str, assignees: Iterable[dict[str, str]]) -> dict[str, object]:
    """The columns of an attempt whose incident is there."""
    return {
        "state": TriggeredIncident.State.CREATED,
        "may_resend": False,
        "retry_until": None,
        "incident_number": number,
        "incident_url": url,
        "assignees": list(assignees),
    }
