"""A fault of the portal in one part of the card: that part is unknown, the others stay."""

import logging
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from pagerduty_card.presenters.freshness import Answer, Explanation
from portal import clock

T = TypeVar("T")
logger = logging.getLogger(__name__)


class CardPart(StrEnum):
    """A card and its parts, as their failures name them."""

    CARD = "the card"
    INCIDENTS = "the open incidents"
    ON_CALL = "who is on call"
    CHANGES = "the recent changes"
    HISTORY = "the history"
    STATE = "the state of the service"
    NEXT_LEVEL = "whom an incident reaches next"
    ATTEMPTS = "the attempts to page from here"


def guarded(part: CardPart, make: Callable[[], T], otherwise: Callable[[Answer], T]) -> T:
    """Make one part of the card, or what stands in its place where that fails.

    Args:
        part: Which one; the reader is shown its name, as in "couldn't show the changes".
        make: Loads or words it.
        otherwise: What to show instead, from an answer that says why nothing is known.
    """
    try:
        return make()
    except Exception:  # whatever one part raises must not take the others with it
        logger.exception("A part of the card failed", extra={"part": part.value})
        clock.expire()
        return otherwise(failure_of(part))


def failure_of(part: CardPart) -> Answer:
    """The answer of a part that failed."""
    return Answer.unknown(explain_failure(part))


def explain_failure(part: CardPart) -> Explanation:
    """Why a part that failed is not known."""
    return Explanation(
        reason="portal_fault",
        why=f"The portal couldn't show {part}: this is an error of the portal, not of PagerDuty.",
        advice="Look in PagerDuty meanwhile, and ask an administrator: the portal's log has more.",
    )
