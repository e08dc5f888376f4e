"""The three answers of every section of the card, in words. Pure; ``freshness`` has the rule.

A section may say "none" or "fine" only when its ``Answer`` is not unknown, because only then
did PagerDuty say exactly that.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from pagerduty_card.configuration import SETTING
from pagerduty_card.freshness import (
    CLOCK,
    CLOCK_PUT_BACK,
    NO_WORKER_ASKS,
    NOBODY_ASKS,
    NOT_ASKED,
    NOT_FOUND,
    Certainty,
    Freshness,
    Judgement,
    judge,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What of the reader changes the words.

    Attributes:
        is_admin: Whether settings may be named: the reader can change them.
    """

    is_admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Who looks, in which time zone, at what time.

    Attributes:
        now: The instant of reading (UTC).
        zone: The reader's time zone: it makes days and office hours.
    """

    now: datetime
    zone: tzinfo = UTC
    reader: Reader = Reader()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why something is not known.

    Attributes:
        reason: Machine word, see ``errors.PagerDutyError``; ``freshness`` has the portal's own.
        why: What happened, one sentence.
        advice: What to do, or whose turn it is.
        place: Where the mistake is written, for example ``teams/a.yaml:12``; empty if it is none.
    """

    reason: str
    why: str
    advice: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Judgement):
    """How far a section of the card may be believed, and why.

    Attributes:
        explanation: Why it is not newer, or not known; None if and only if known.
    """

    explanation: Explanation | None

    @property
    def why(self) -> str:
        """The explanation's sentence; empty when known."""
        return self.explanation.why if self.explanation else ""

    @property
    def advice(self) -> str:
        """The explanation's advice; empty when known."""
        return self.explanation.advice if self.explanation else ""

    @classmethod
    def unknown(cls, explanation: Explanation) -> "Answer":
        """Nothing may be said, for this reason."""
        return cls(
            certainty=Certainty.UNKNOWN,
            at=None,
            asked_at=None,
            reason=explanation.reason,
            is_due=True,
            explanation=explanation,
        )


def present_answer(kind: str, stored: Freshness, moment: Moment) -> Answer:
    """Judge one section of one service, and say why it is not known or not newer.

    Args:
        kind: The section, a ``Feed.Kind``.
        stored: What the mirror knows of the section's freshness.
        moment: Who reads, and when.
    """
    found = judge(kind, stored, now=moment.now)
    explanation = None
    if not found.is_known:
        explanation = explain(found.reason, stored.detail, reader=moment.reader)
    return Answer(
        certainty=found.certainty,
        at=found.at,
        asked_at=found.asked_at,
        reason=found.reason,
        is_due=found.is_due,
        explanation=explanation,
    )


_TRIES_AGAIN = "The portal tries again by itself."
_ADMINISTRATOR = "Ask an administrator of this portal."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What is said for one reason; ``{detail}`` may be empty, ``{said}`` quotes it.

    Attributes:
        admin_why, admin_advice: For a reader who can change settings, where it differs.
    """

    why: str
    advice: str
    admin_why: str = ""
    admin_advice: str = ""


_WORDS = {
    NOT_ASKED: _Words(
        why="PagerDuty has not been asked yet.",
        advice="The portal asks by itself; refresh to ask now.",
    ),
    NOBODY_ASKS: _Words(
        why="PagerDuty has not been asked since.",
        advice="Refresh to ask now. If this stays, the portal's worker is not running.",
    ),
    NO_WORKER_ASKS: _Words(
        why="PagerDuty has not been asked since.",
        advice="Only the portal's worker asks for this: it is not running, or it is behind.",
    ),
    "throttled": _Words(
        why="PagerDuty limits how often it may be asked, and the limit is reached.",
        advice="The portal asks again when the limit ends.",
    ),
    "permission": _Words(
        why="The token may not read this.{said}",
        advice=_ADMINISTRATOR,
        admin_advice="Give the token's user or key the missing permission in PagerDuty.",
    ),
    "ability": _Words(
        why="The PagerDuty plan does not include this.{said}",
        advice="Somebody who manages the PagerDuty account can change the plan.",
    ),
    CLOCK_PUT_BACK: _Words(
        why="The portal's clock was put back since PagerDuty was asked.",
        advice="The portal asks again by itself; refresh to ask now.",
    ),
    CLOCK: _Words(
        why="The portal's clock is wrong, so it cannot tell whose shift it is. {detail}",
        advice="Look in PagerDuty who is on call, and ask an administrator to set the clock.",
        admin_advice="Set this machine's clock, best by NTP.",
    ),
    NOT_FOUND: _Words(
        why="PagerDuty has no such service any more.",
        advice="Correct the service id where it is written.",
    ),
    "wrong_address": _Words(
        why="PagerDuty has nothing at the address the portal asked.",
        advice=_ADMINISTRATOR,
        admin_why="{detail}",
        admin_advice="Correct PAGERDUTY_API_BASE_URL, or the account's api_base_url, and restart "
        "the portal.",
    ),
    "rejected": _Words(
        why="PagerDuty did not accept the portal's question.{said}",
        advice="This is a defect of the portal: tell an administrator.",
        admin_advice="This is a defect of the portal: the log has more, to report it.",
    ),
    "unreadable": _Words(
        why="PagerDuty's answer could not be read.",
        advice=f"{_TRIES_AGAIN} An administrator finds more in the log.",
        admin_why="PagerDuty's answer could not be read: {detail}",
        admin_advice=f"{_TRIES_AGAIN} The log has more.",
    ),
}


def explain(reason: str, detail: str = "", *, reader: Reader) -> Explanation:
    """Put a failure into words: what happened, and whose turn it is.

    Args:
        reason: Machine word of ``Explanation.reason``; one without words is shown as it is.
        detail: PagerDuty's or the portal's own words; may be empty.
        reader: Only an administrator is told the name of a setting.
    """
    if reason == "token":
        why, advice = _of_token(detail, reader)
    elif reason == "not_configured":
        why, advice = _of_configuration(detail, reader)
    elif reason == "unreachable":
        why, advice = detail or "PagerDuty did not answer.", _TRIES_AGAIN
    elif words := _WORDS.get(reason):
        # Without a detail there is nothing more to tell an administrator.
        why = (words.admin_why if reader.is_admin and detail else "") or words.why
        why = why.format(detail=detail, said=f" PagerDuty says: {detail}" if detail else "")
        advice = (words.admin_advice if reader.is_admin else "") or words.advice
    else:
        why = f"PagerDuty gave no usable answer ({reason or 'no reason'})."
        advice = _TRIES_AGAIN
    return Explanation(reason=reason, why=why, advice=advice)


def _of_configuration(detail: str, reader: Reader) -> tuple[str, str]:
    if not reader.is_admin:
        return "The portal is not connected to PagerDuty.", _ADMINISTRATOR
    return (
        detail or "No PagerDuty token is configured.",
        "Correct the setting and restart the portal.",
    )


def _of_token(detail: str, reader: Reader) -> tuple[str, str]:
    if not reader.is_admin:
        why, advice = "PagerDuty does not accept the token.", _ADMINISTRATOR
    elif SETTING in detail:
        # One account of several: the detail names which.
        why, advice = detail, "Correct the credentials there and restart the portal."
    else:
        why = "PagerDuty does not accept the token."
        advice = "Put a valid REST API token into PAGERDUTY_TOKEN and restart the portal."
    return why, advice
