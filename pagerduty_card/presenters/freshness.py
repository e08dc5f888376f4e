"""The three answers of every section of the card: known, known but old, unknown. Pure.

A section may say "none" or "fine" only when its ``Answer`` is not unknown, because only then
did PagerDuty say exactly that.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pagerduty_card.configuration import SETTING
from pagerduty_card.freshness import Freshness
from pagerduty_card.models import Feed

# Older than this is "old" even if the last attempt did not fail: nobody is asking any more.
OLD_AFTER: dict[str, timedelta] = {
    Feed.Kind.INCIDENTS: timedelta(minutes=5),
    Feed.Kind.CHANGES: timedelta(minutes=5),
    Feed.Kind.ON_CALL: timedelta(minutes=5),
    Feed.Kind.SERVICES: timedelta(minutes=25),  # mirrored every ten
    Feed.Kind.SHIFTS: timedelta(hours=3),
    Feed.Kind.MAINTENANCE: timedelta(minutes=10),
    Feed.Kind.HISTORY: timedelta(minutes=30),
    Feed.Kind.ACKNOWLEDGEMENTS: timedelta(minutes=30),
    Feed.Kind.ANALYTICS: timedelta(days=2),  # PagerDuty itself reckons once a day
    Feed.Kind.STANDARDS: timedelta(days=2),
}
# Older than this, a page that is looked at asks for a refresh: the worker would have been quicker.
# What is not here a page does not ask for.
_REFRESH_AFTER: dict[str, timedelta] = {
    Feed.Kind.INCIDENTS: timedelta(seconds=45),
    Feed.Kind.CHANGES: timedelta(seconds=120),
    Feed.Kind.ON_CALL: timedelta(seconds=120),
    Feed.Kind.SERVICES: timedelta(minutes=25),
}


class Standing(StrEnum):
    """The three answers, and no fourth."""

    KNOWN = "known"
    OLD = "old"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What of the reader changes the words.

    Attributes:
        is_admin: Whether settings may be named: the reader can change them.
    """

    is_admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why something is not known.

    Attributes:
        reason: Machine word, see ``errors.PagerDutyError``; ``not_asked`` and ``nobody_asks`` are
            the portal's own.
        why: What happened, one sentence.
        advice: What to do, or whose turn it is.
        place: Where the mistake is written, for example ``teams/a.yaml:12``; empty if it is none.
    """

    reason: str
    why: str
    advice: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How far a section of the card may be believed.

    Attributes:
        standing: Which of the three.
        at: When the last good answer was stored (UTC); None if and only if unknown.
        asked_at: When it was asked for (UTC): it knows nothing of what happened later.
        explanation: Why it is not newer, or not known; None if and only if known.
        is_due: Whether somebody who looks at it should ask PagerDuty again.
    """

    standing: Standing
    at: datetime | None
    asked_at: datetime | None
    explanation: Explanation | None
    is_due: bool

    @property
    def is_known(self) -> bool:
        """Recent and good."""
        return self.standing is Standing.KNOWN

    @property
    def is_old(self) -> bool:
        """Good, but not recent or not confirmed by the last attempt."""
        return self.standing is Standing.OLD

    @property
    def is_unknown(self) -> bool:
        """Nothing may be said."""
        return self.standing is Standing.UNKNOWN

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
            standing=Standing.UNKNOWN, at=None, asked_at=None, explanation=explanation, is_due=True
        )


def judge(kind: str, stored: Freshness, *, now: datetime, reader: Reader) -> Answer:
    """Say how far one section of one service may be believed.

    Args:
        kind: The section, a ``Feed.Kind``.
        stored: What the mirror knows of the section's freshness.
        now: The instant of reading (UTC).
        reader: Who reads.
    """
    good_at = stored.succeeded_at
    if good_at is None:
        if stored.failed_at is None:
            return Answer.unknown(NOT_ASKED)
        return Answer.unknown(explain(stored.reason, stored.detail, reader=reader))
    age = now - good_at
    is_due = kind in _REFRESH_AFTER and age > _REFRESH_AFTER[kind]
    words: Explanation | None = None
    if stored.failed_at is not None:
        words = explain(stored.reason, stored.detail, reader=reader)
    elif age > OLD_AFTER[kind]:
        words, is_due = _NOBODY_ASKS if kind in _REFRESH_AFTER else _NO_WORKER_ASKS, True
    return Answer(
        standing=Standing.OLD if words else Standing.KNOWN,
        at=good_at,
        asked_at=stored.asked_at,
        explanation=words,
        is_due=is_due,
    )


NOT_ASKED = Explanation(
    reason="not_asked",
    why="PagerDuty has not been asked yet.",
    advice="The portal asks by itself; refresh to ask now.",
)
_NOBODY_ASKS = Explanation(
    reason="nobody_asks",
    why="PagerDuty has not been asked since.",
    advice="Refresh to ask now. If this stays, the portal's worker is not running.",
)
_NO_WORKER_ASKS = Explanation(
    reason="nobody_asks",
    why="PagerDuty has not been asked since.",
    advice="Only the portal's worker asks for this: it is not running, or it is behind.",
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
    "not_found": _Words(
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
        reason: Machine word, see ``errors.PagerDutyError``; any other is shown as it is.
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
