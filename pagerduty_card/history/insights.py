"""PagerDuty's own analytics and standards of one service; nothing where it has none. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pagerduty_card.history.strip import Figure, length
from pagerduty_card.models import Feed
from pagerduty_card.presenters.freshness import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardLine:
    """One standard of the account, and whether the service keeps it."""

    name: str
    description: str
    is_passing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightsView:
    """What PagerDuty itself reckons.

    Attributes:
        figures: Of its analytics; empty without them.
        days: Over how many days.
        figures_at: When they were read (UTC).
        standards: Those that are not kept first; empty without them.
        score: ``2 of 3``; empty without standards.
        standards_at: When they were read (UTC).
    """

    figures: tuple[Figure, ...] = ()
    days: int = 0
    figures_at: datetime | None = None
    standards: tuple[StandardLine, ...] = ()
    score: str = ""
    standards_at: datetime | None = None


# Whoever lacks the plan or the permission now does not see what it told before.
_REFUSED = frozenset({"ability", "permission", "token"})


def present_insights(
    figures: Mapping[str, dict[str, Any]], answers: Mapping[str, Answer]
) -> InsightsView | None:
    """Build the panel, or None where PagerDuty tells neither.

    Args:
        figures: ``Insight.figures`` by kind; a kind that is not stored is missing.
        answers: How far each kind may be believed.
    """
    metrics = _believed(Feed.Kind.ANALYTICS, figures, answers)
    scores = _believed(Feed.Kind.STANDARDS, figures, answers)
    if not metrics and not scores:
        return None
    lines = [
        StandardLine(name=one["name"], description=one["description"], is_passing=one["is_passing"])
        for one in scores.get("standards", ())
    ]
    return InsightsView(
        figures=tuple(_figures(metrics)),
        days=metrics.get("days", 0),
        figures_at=answers[Feed.Kind.ANALYTICS].at if metrics else None,
        standards=tuple(sorted(lines, key=lambda line: line.is_passing)),
        score=f"{scores['passing']} of {scores['total']}" if scores else "",
        standards_at=answers[Feed.Kind.STANDARDS].at if scores else None,
    )


def _believed(
    kind: str, figures: Mapping[str, dict[str, Any]], answers: Mapping[str, Answer]
) -> dict[str, Any]:
    answer = answers[kind]
    is_refused = answer.explanation is not None and answer.explanation.reason in _REFUSED
    return {} if answer.is_unknown or is_refused else figures.get(kind, {})


def _figures(metrics: Mapping[str, Any]) -> list[Figure]:
    found = []
    for label, key, is_time in (
        ("Incidents", "incidents", False),
        ("Mean time to acknowledge", "mean_ack_s", True),
        ("Mean time to resolve", "mean_resolve_s", True),
        ("Interruptions", "interruptions", False),
        ("Of them off hours", "off_hour_interruptions", False),
    ):
        value = metrics.get(key)
        if value is not None:
            text = length(timedelta(seconds=value)) if is_time else str(value)
            found.append(Figure(label=label, value=text, basis=""))
    return found
