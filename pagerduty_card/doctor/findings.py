"""The words of the doctor: findings of steps, each with a verdict and what to do. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pagerduty_card.presenters.freshness import Reader

PERMISSION = "pagerduty_card.run_doctor"
# Whoever reads this may change settings.
READER = Reader(is_admin=True)
CHECK = "Press Check now on the page Doctor, or run pagerduty_doctor without --offline,"
START_WORKER = "Start the worker (python manage.py run_huey), or run sync_pagerduty --once."


class Verdict(StrEnum):
    """How a step came out, worst last."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    WRONG = "wrong"

    @property
    def tone(self) -> str:
        """Of the badge."""
        return _TONES[self]

    @property
    def icon(self) -> str:
        """Of the badge: never colour alone."""
        return _ICONS[self]


_RANKS = list(Verdict)
_TONES = {
    Verdict.OK: "good",
    Verdict.UNKNOWN: "unknown",
    Verdict.WARNING: "warning",
    Verdict.WRONG: "critical",
}
_ICONS = {
    Verdict.OK: "check",
    Verdict.UNKNOWN: "state-unknown",
    Verdict.WARNING: "warning",
    Verdict.WRONG: "incidents",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing looked at.

    Attributes:
        what: A few words.
        text: What was found, secrets masked.
        advice: What to do; empty when nothing is to be done.
        at: Of which instant it tells (UTC); None: of now.
    """

    what: str
    verdict: Verdict
    text: str
    advice: str = ""
    at: datetime | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether something has to be done."""
        return self.verdict is Verdict.WRONG

    def to_json(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "what": self.what,
            "verdict": self.verdict.value,
            "text": self.text,
            "advice": self.advice,
            "at": self.at.isoformat() if self.at else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The steps about one thing: the portal, an account, one service of an entity.

    Attributes:
        title: What it is about.
        key: Unique on the page; part of an HTML id.
    """

    title: str
    key: str
    steps: tuple[Step, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst step's."""
        return worst_of(one.verdict for one in self.steps)

    def to_json(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "title": self.title,
            "verdict": self.verdict.value,
            "steps": [one.to_json() for one in self.steps],
        }


def step(
    what: str, verdict: Verdict, text: str, advice: str = "", at: datetime | None = None
) -> Step:
    """Make a step of its words."""
    return Step(what=what, verdict=verdict, text=text, advice=advice, at=at)


def worst_of(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of several; ``ok`` for none."""
    return max(verdicts, key=_RANKS.index, default=Verdict.OK)
