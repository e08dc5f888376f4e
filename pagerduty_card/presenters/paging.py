"""What the trigger form says first: who would be paged, and what to think of. Pure."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from pagerduty_card.models import TriggeredIncident
from pagerduty_card.presenters.card import ServiceBlock
from pagerduty_card.presenters.incidents import IncidentLine
from pagerduty_card.presenters.on_call import PersonOnCall
from pagerduty_card.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """Something to think of first, or what became of an attempt.

    Attributes:
        until: Until when the portal goes on trying by itself (UTC); None: it does not.
        as_of: Of when it is what is shown (UTC), where that is long ago; None elsewhere.
    """

    tone: str
    title: str
    text: str
    until: datetime | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PagingView:
    """One service the form can page.

    Attributes:
        value: The form's value for this service.
        who: Those PagerDuty would page at once; empty if nobody, or if it is not known.
        sentence: The same in words.
        open_incidents: What may be the same problem, worst first.
    """

    value: str
    service_name: str
    label: str
    who: tuple[PersonOnCall, ...]
    sentence: str
    service_url: str
    warnings: tuple[Caution, ...]
    open_incidents: tuple[IncidentLine, ...]

    @property
    def choice(self) -> str:
        """The service in the form's list of choices."""
        return f"{self.service_name} ({self.label})" if self.label else self.service_name


def present_paging(block: ServiceBlock, *, value: str) -> PagingView:
    """Say whom one service would page, and warn of what would make the page useless or double.

    Args:
        block: The service as the card shows it.
        value: The form's value for it.
    """
    on_call = block.on_call
    return PagingView(
        value=value,
        service_name=block.title,
        label=block.label,
        who=on_call.paged_first if on_call else (),
        sentence=_sentence(block),
        service_url=block.url,
        warnings=tuple(_warnings(block)),
        open_incidents=block.incidents.lines if block.incidents else (),
    )


def _sentence(block: ServiceBlock) -> str:
    on_call = block.on_call
    names = " and ".join(one.name for one in on_call.paged_first) if on_call else ""
    if held_back := block.state.held_back:
        return f"Pages nobody: the service is {held_back}.{f' On call: {names}.' if names else ''}"
    if on_call is None or on_call.is_paging_unknown:
        return "It is not known who would be paged."
    is_old = on_call.answer.is_old or block.own  # what the service's policy is, is old too
    last = ", as PagerDuty last said" if is_old else ""
    if on_call.is_nobody:
        return f"Nobody is on call{last}: PagerDuty would page nobody."
    level = on_call.paged_level
    rule = f": nobody is on call before level {level}" if level > 1 else ", by PagerDuty's rules"
    return f"Pages {names}{last or f' now{rule}'}."


def _warnings(block: ServiceBlock) -> list[Caution]:
    warnings = []
    if State.MAINTENANCE in block.verdict.states:
        warnings.append(
            Caution(
                tone="warning",
                title="The service is in maintenance",
                text="PagerDuty makes no incident and pages nobody while it lasts.",
            )
        )
    if State.DISABLED in block.verdict.states:
        warnings.append(
            Caution(
                tone="warning",
                title="The service is disabled",
                text="PagerDuty makes no incident and pages nobody until it is enabled again.",
            )
        )
    if block.on_call and block.on_call.is_nobody:
        warnings.append(
            Caution(
                tone="critical",
                title="Nobody is on call",
                text="Reach the owners another way as well.",
            )
        )
    answers = [
        section.answer for section in (block.incidents, block.on_call) if section is not None
    ]
    if block.own:
        answers.append(block.own)
    if not answers or any(answer.is_unknown for answer in answers):
        unknown = next((answer.why for answer in answers if answer.is_unknown), "")
        warnings.append(
            Caution(
                tone="unknown",
                title="The state of the service is not known",
                text=unknown or (block.problem.why if block.problem else ""),
            )
        )
    elif any(answer.is_old for answer in answers):
        old = next(answer for answer in answers if answer.is_old)
        warnings.append(
            Caution(
                tone="warning",
                title="What is shown here may be out of date",
                text=old.why,
                as_of=old.at,
            )
        )
    return warnings


def present_outcome(attempt: TriggeredIncident, *, is_same_text: bool) -> Caution | None:
    """Say what became of an attempt that did not go as the person may believe, and what to do now.

    Args:
        attempt: As it stands after sending.
        is_same_text: Whether the attempt says what the form says now, of the same service. A form
            sent again never sends another text: PagerDuty would take it for the same alert.

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
    again = (
        "What you typed is still here; sending again cannot page twice."
        if is_same_text
        else "Sending again sends what the form says now."
        if not attempt.may_resend  # it is over: the form has a new key
        else f"Sending again sends the first text, \u201c{attempt.description}\u201d, and cannot "
        "page twice."
    )
    if attempt.state == states.UNSURE:
        return Caution(
            tone="warning",
            title="PagerDuty did not answer: it may have been taken, or not",
            text=f"It is not known that anybody was paged. {again}",
            until=attempt.retry_until,
        )
    return Caution(
        tone="critical",
        title="Nobody has been paged yet"
        if attempt.state == states.RETRYING
        else "Nobody has been paged",
        text=f"{attempt.answer} {again}".strip(),
        until=attempt.retry_until,
    )


def present_rejection(errors: tuple[str, ...], detail: str) -> str:
    """Say in PagerDuty's own words why it did not want the alert."""
    words = " ".join(errors) or detail
    return f"Nobody has been paged. PagerDuty did not accept this: {words}".strip()


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
