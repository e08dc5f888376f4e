"""Attempts to page somebody, as the card shows them. Pure."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta

from pagerduty_card.models import TriggeredIncident
from pagerduty_card.presenters.outcomes import (
    SHOWN_FOR,
    OutcomeKind,
    PagingOutcome,
    present_outcome,
)

# How long the card shows a page that went well: only until it is seen.
_SUCCESS_SHOWN_FOR = timedelta(minutes=5)
# The worker comes round every 20 s: one that has not tried for so long is not running.
_STALLED_AFTER = timedelta(seconds=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLine:
    """An attempt to page somebody from this entity's page.

    Attributes:
        key: Part of an HTML id.
        is_pending: The answer or the incident in the list may still come within seconds.
        tried_at: When the portal last sent it or looked for it (UTC).
        is_stalled: It should have tried again since, and has not.
    """

    key: int
    outcome: PagingOutcome
    who: str
    at: datetime
    description: str
    is_pending: bool
    tried_at: datetime
    is_stalled: bool


def present_attempt(
    row: TriggeredIncident, listed: Container[int], now: datetime
) -> AttemptLine | None:
    """Word one attempt; None for one that is no news any more.

    Args:
        row: The attempt.
        listed: Numbers of the incidents that the card lists.
        now: The instant of reading, in the reader's zone.
    """
    outcome = present_outcome(row, now)
    # An age below nothing is of a clock that was put back since: how old it is, is not known.
    age = abs(now - row.triggered_at)
    if age > (_SUCCESS_SHOWN_FOR if outcome.kind is OutcomeKind.CREATED else SHOWN_FOR):
        return None
    tried_at = max(row.tried_at, row.looked_at or row.tried_at)
    return AttemptLine(
        key=row.pk,
        outcome=outcome,
        who=row.triggered_by_name,
        at=min(row.triggered_at, now),
        description=row.description,
        is_pending=outcome.kind.is_open
        # Found, but the list of open incidents is from before: it will come with the next answer.
        or (
            outcome.kind is OutcomeKind.CREATED
            and row.incident_number not in listed
            and age <= TriggeredIncident.APPEARS_WITHIN
        ),
        tried_at=min(tried_at, now),
        is_stalled=outcome.until is not None and abs(now - tried_at) > _STALLED_AFTER,
    )
