"""Attempts to page somebody, as the card tells of them. Pure."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta

from pagerduty_card.models import TriggeredIncident
from pagerduty_card.presenters.on_call import Link

# How long the card speaks of an attempt to page: of one that went well only until it is seen.
_TOLD_WELL = timedelta(minutes=5)
ATTEMPTS_TOLD_FOR = timedelta(hours=1)
# The worker comes round every 20 s: one that has not tried for so long is not running.
_STALLED_AFTER = timedelta(seconds=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLine:
    """An attempt to page somebody from this entity's page.

    Attributes:
        is_pending: The answer or the incident in the list may still come within seconds.
        until: Until when the portal goes on trying (UTC); None: it does not.
        tried_at: When it last did (UTC).
        is_stalled: It should have tried again since, and has not.
    """

    tone: str
    title: str
    text: str
    who: str
    at: datetime
    description: str
    incident: Link
    assignees: tuple[Link, ...]
    is_pending: bool
    until: datetime | None
    tried_at: datetime
    is_stalled: bool


def present_attempt(
    row: TriggeredIncident, listed: Container[int], now: datetime
) -> AttemptLine | None:
    """Word one attempt; None for one that is no news any more.

    Args:
        row: The attempt.
        listed: Numbers of the incidents that the card lists.
        now: The instant of reading (UTC).
    """
    states = TriggeredIncident.State
    age = now - row.triggered_at
    if age > (_TOLD_WELL if row.state == states.CREATED else ATTEMPTS_TOLD_FOR):
        return None
    state = row.state_at(now)
    is_retried = row.is_retried(now) and state in {states.RETRYING, states.UNSURE}
    mark = _ATTEMPTS.get(states(state)) if state in states.values else None
    tone, title, text = mark or ("unknown", f"The page is in an unknown state ({state})", "")
    if state in {states.FAILED, states.RETRYING} and row.answer:
        text = f"{row.answer} {text}"
    return AttemptLine(
        tone=tone,
        title=title,
        text=text,
        who=row.triggered_by_name,
        at=row.triggered_at,
        description=row.description,
        incident=Link(
            text=f"#{row.incident_number}" if row.incident_number else "", url=row.incident_url
        ),
        assignees=tuple(
            Link(text=str(who.get("name") or "somebody"), url=str(who.get("url") or ""))
            for who in row.assignees
        ),
        is_pending=state in {states.SENDING, states.ACCEPTED}
        # Found, but the list of open incidents is from before: it will come with the next answer.
        or (
            state == states.CREATED
            and row.incident_number not in listed
            and age <= TriggeredIncident.APPEARS_WITHIN
        ),
        until=row.retry_until if is_retried else None,
        tried_at=row.tried_at,
        is_stalled=is_retried and now - row.tried_at > _STALLED_AFTER,
    )


_ATTEMPTS = {
    TriggeredIncident.State.SENDING: ("info", "Being sent to PagerDuty", ""),
    TriggeredIncident.State.ACCEPTED: (
        "info",
        "Accepted by PagerDuty, looking for the incident",
        "",
    ),
    TriggeredIncident.State.CREATED: ("good", "Incident created", ""),
    TriggeredIncident.State.NOT_SEEN: (
        "warning",
        "Accepted by PagerDuty, but no incident has appeared",
        (
            "It is not known that anybody was paged. PagerDuty may have held it back: "
            "look at the service there, and reach the on-call person directly."
        ),
    ),
    TriggeredIncident.State.RETRYING: (
        "critical",
        "Nobody has been paged yet",
        "Do not wait for it: reach the on-call person directly.",
    ),
    TriggeredIncident.State.FAILED: (
        "critical",
        "Nobody has been paged",
        "Page again, or reach the on-call person directly.",
    ),
    TriggeredIncident.State.UNSURE: (
        "warning",
        "PagerDuty did not answer: it may have been taken, or not",
        (
            "It is not known that anybody was paged. Look for the incident in PagerDuty, or reach "
            "the on-call person directly."
        ),
    ),
}
