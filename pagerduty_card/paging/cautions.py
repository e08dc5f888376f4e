"""Warnings of the form that pages, and what it says where nothing was sent. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from catalog.links import entity_url
from catalog.refs import EntityRef
from pagerduty_card.card.values import ServiceBlock
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.presenters.on_call import ExternalLink
from pagerduty_card.presenters.outcomes import present_outcome
from pagerduty_card.states import State
from portal.zones import zone_name

COPY = "Copy what you typed, and page from PagerDuty itself."


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """Something to think of first, or what became of an attempt.

    Attributes:
        going_on: What the portal still does by itself; empty if nothing.
        as_of: Of when it is what is shown (UTC), where that is long ago; None elsewhere.
        incident: Of an earlier attempt that it is about; None if there is none.
        attempt_url: Where that attempt is shown until its incident is known; empty: nowhere.
    """

    tone: str
    title: str
    text: str
    going_on: str = ""
    as_of: datetime | None = None
    incident: ExternalLink | None = None
    attempt_url: str = ""


_OF_STATES = {
    State.MAINTENANCE: Caution(
        tone="warning",
        title="The service is in maintenance",
        text="PagerDuty makes no incident and pages nobody while it lasts.",
    ),
    State.DISABLED: Caution(
        tone="warning",
        title="The service is disabled",
        text="PagerDuty makes no incident and pages nobody until it is enabled again.",
    ),
}
_NOBODY = Caution(
    tone="critical", title="Nobody is on call", text="Reach the owners another way as well."
)


def present_warnings(block: ServiceBlock) -> tuple[Caution, ...]:
    """Warn of what would make a page of the service useless or double."""
    warnings = [one for state, one in _OF_STATES.items() if state in block.verdict.states]
    if block.on_call and block.on_call.is_nobody:
        warnings.append(_NOBODY)
    answers = [
        section.answer for section in (block.incidents, block.on_call) if section is not None
    ]
    if block.own:
        answers.append(block.own)
    if not answers or any(answer.is_unknown for answer in answers):
        unknown = next((answer.why for answer in answers if answer.is_unknown), "")
        warnings.append(present_unknown(unknown or (block.problem.why if block.problem else "")))
    elif old := next((answer for answer in answers if answer.is_old), None):
        warnings.append(
            Caution(
                tone="warning",
                title="What is shown here may be out of date",
                text=old.why,
                as_of=old.at,
            )
        )
    return tuple(warnings)


def present_unknown(why: str) -> Caution:
    """Say that the state of a service is not known, and why."""
    return Caution(tone="unknown", title="The state of the service is not known", text=why)


def present_unsent(why: str, earlier: TriggeredIncident | None) -> Caution:
    """Say that this form was not sent. "Nobody has been paged" only if it was never sent before.

    Args:
        why: Why it was not sent; may be empty.
        earlier: The attempt that the same form led to before, if any.
    """
    if earlier is None:
        return Caution(tone="critical", title="Nobody has been paged", text=why.strip())
    return Caution(
        tone="warning",
        title="Nothing more was sent",
        text=f"{why} This form was sent before, for {earlier.service_name}. The entity's page "
        "shows what became of that.".strip(),
    )


def present_refusal(
    refusal: str, typed: Mapping[str, Any] | None, earlier: TriggeredIncident | None
) -> Caution:
    """Say that the person may not page, and that what they typed was not sent."""
    if typed is None:
        return Caution(tone="warning", title="You may not page from here", text=refusal)
    return present_unsent(f"{refusal} {COPY}", earlier)


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


def present_repeat(attempt: TriggeredIncident, *, now: datetime) -> Caution:
    """Say that the person sent the same text before, when, and what came of it.

    Args:
        attempt: The earlier one.
        now: The instant of reading, in the reader's zone.
    """
    outcome = present_outcome(attempt, now)
    at = attempt.triggered_at.astimezone(now.tzinfo)
    sent = (
        f"You sent \u201c{attempt.description}\u201d for {attempt.service_name} at "
        f"{at:%H:%M} {zone_name(at)}. {outcome.title}."
    )
    page = entity_url(EntityRef.parse(attempt.entity_ref))
    return Caution(
        tone="warning",
        title="Nothing more was sent: you sent this page a short time ago",
        text=" ".join(filter(None, [sent, outcome.text, "Send the form again to page anyway."])),
        going_on=outcome.going_on,
        incident=outcome.incident if outcome.incident.url else None,
        attempt_url=f"{page}#attempt-{attempt.pk}" if page else "",
    )


def present_rejection(words: str) -> str:
    """Say in PagerDuty's own words why it did not want the alert."""
    return f"Nobody has been paged. PagerDuty did not accept this: \u201c{words}\u201d"


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
        f"{at:%H:%M} {zone_name(at)}, in {minutes} minute{'' if minutes == 1 else 's'}."
    )
