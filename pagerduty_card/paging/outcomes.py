"""What the person who sent the form is told beside what became of the attempt. Pure."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from pagerduty_card.models import TriggeredIncident
from pagerduty_card.presenters.outcomes import present_outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """Something to think of first, or what became of an attempt.

    Attributes:
        going_on: What the portal still does by itself; empty if nothing.
        as_of: Of when it is what is shown (UTC), where that is long ago; None elsewhere.
    """

    tone: str
    title: str
    text: str
    going_on: str = ""
    as_of: datetime | None = None


def present_to_sender(
    attempt: TriggeredIncident, *, is_same_text: bool, now: datetime
) -> Caution | None:
    """Say what became of an attempt that did not go as the person may believe, and what to do now.

    Args:
        attempt: As it stands after sending.
        is_same_text: Whether the attempt says what the form says now, of the same service. A form
            sent again never sends another text: PagerDuty would take it for the same alert.
        now: The instant of reading, in the reader's zone.

    Returns:
        None if the form's text was taken, or is just being sent.
    """
    states = TriggeredIncident.State
    if attempt.state not in {states.UNSURE, states.FAILED, states.RETRYING}:
        if is_same_text:
            return None
        return Caution(
            tone="warning",
            title="Nothing more was sent",
            text=f"This form was sent before, for {attempt.service_name}: "
            f"\u201c{attempt.description}\u201d If this is a further problem, send it now.",
        )
    outcome = present_outcome(attempt, now)
    if not attempt.may_resend:  # it is over: the form has a new key
        again = "What you typed is still here."
        if not is_same_text:
            again = "Sending again sends what the form says now."
    elif is_same_text:
        again = "What you typed is still here, to send it again."
    else:
        again = f"Sending again sends the first text, \u201c{attempt.description}\u201d"
    if attempt.state == states.UNSURE:
        again += (
            " If PagerDuty did get the first page and its incident is resolved by then, sending "
            "again pages a second time."
        )
    return Caution(
        tone=outcome.tone,
        title=outcome.title,
        text=" ".join(filter(None, [outcome.text, again])),
        going_on=outcome.going_on,
    )


def present_rejection(words: str) -> str:
    """Say in PagerDuty's own words why it did not want the alert."""
    return f"Nobody has been paged. PagerDuty did not accept this: {words}"


def present_throttle(retry_in_s: float, *, now: datetime) -> str:
    """Say when the next page may be sent, for a person who sent too many.

    Args:
        retry_in_s: Seconds until then.
        now: The instant of reading, in the reader's zone.
    """
    at = now + timedelta(seconds=retry_in_s)
    minutes = math.ceil(retry_in_s / 60)
    return (
        "Nobody has been paged: you have paged too often in a short time. You can page again at "
        f"{at:%H:%M} {at.tzname()}, in {minutes} minute{'' if minutes == 1 else 's'}."
    )
