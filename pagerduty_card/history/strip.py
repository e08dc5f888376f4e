"""The last thirty or ninety days of one service: incidents per day, and how soon people acted.

Pure: rows of the mirror, how far they may be believed and an instant in, frozen view models out. A
day that is not known whole is never told as a quiet one, and rests in no figure.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from statistics import median

from django.utils.dateformat import format as formatted

from pagerduty_card.freshness import NOT_ASKED
from pagerduty_card.presenters.freshness import Answer, Explanation, Moment

SPANS = (30, 90)  # days
OFFICE_HOURS = range(9, 17)
_FRIDAY = 4

# Of the drawing: a day is one unit wide in so many steps, and the highest bar so high.
_STEP, _GAP, HEIGHT = 10, 2, 40
_LEAST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One incident, open or not, as far as the figures need it (UTC)."""

    pd_id: str
    created_at: datetime
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """How far the rows of one service may be believed.

    Attributes:
        ended: The answer about resolved incidents.
        opened: The answer about open incidents.
        taken: The answer about acknowledgements.
        ended_since: How far back resolved incidents are known (UTC); None: not asked yet.
        taken_since: How far back acknowledgements are known (UTC).
    """

    ended: Answer
    opened: Answer
    taken: Answer
    ended_since: datetime | None
    taken_since: datetime | None

    def until(self, now: datetime) -> datetime:
        """Up to when (UTC): a day needs both those that ended and those that are still open."""
        old = [one.at for one in (self.ended, self.opened) if one.is_old and one.at]
        return min(old, default=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day of the strip, in the reader's zone.

    Attributes:
        count: How many incidents were opened, those still open among them.
        is_known: Whether that is all of them.
        text: The day and the count in words.
        x: Of the drawing, with ``y``, ``width`` and ``height``.
    """

    day: date
    count: int
    is_known: bool
    text: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure with what it rests on; ``value`` is empty when it is not known."""

    label: str
    value: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryView:
    """Strip and figures of one service.

    Attributes:
        days: How many, today included.
        bars: Oldest first; empty when nothing is known.
        figures: Incidents, time to acknowledge, time to resolve, off hours; likewise.
        since: The first day that is known whole (UTC), where the span begins earlier.
        cautions: What the reader has to know to read it right.
        summary: The strip in one sentence.
        url: The page with all of it.
    """

    days: int
    answer: Answer
    bars: tuple[Bar, ...] = ()
    figures: tuple[Figure, ...] = ()
    since: datetime | None = None
    cautions: tuple[str, ...] = ()
    summary: str = ""
    url: str = ""
    width: int = 0
    height: int = HEIGHT

    @property
    def has_unknown_days(self) -> bool:
        """Whether some day is not known whole."""
        return not all(bar.is_known for bar in self.bars)


def merged(ended: Iterable[Occurrence], still_open: Iterable[Occurrence]) -> list[Occurrence]:
    """Each incident once: one that was opened again is open, whatever end it had before.

    Args:
        ended: Of history, those among them whose end is not known.
        still_open: The open incidents.
    """
    by_id = {one.pd_id: one for one in ended}
    for one in still_open:
        known = by_id.get(one.pd_id)
        by_id[one.pd_id] = Occurrence(
            pd_id=one.pd_id,
            created_at=one.created_at,
            acknowledged_at=known.acknowledged_at if known else None,
        )
    return list(by_id.values())


def present_history(
    incidents: Sequence[Occurrence],
    knowledge: Knowledge,
    *,
    days: int,
    moment: Moment,
    url: str = "",
) -> HistoryView:
    """Draw the days and reckon the figures.

    Args:
        incidents: Of ``merged``.
        knowledge: How far they may be believed.
        days: How many, today included.
        moment: When it is read, and in which zone.
        url: The page with all of it.
    """
    if knowledge.ended_since is None or knowledge.ended.is_unknown:
        answer = knowledge.ended
        if not answer.is_unknown:
            answer = Answer.unknown(_NOT_READ)
        return HistoryView(days=days, answer=answer, url=url)
    now, zone = moment.now, moment.zone
    today = now.astimezone(zone).date()
    by_day: dict[date, list[Occurrence]] = defaultdict(list)
    for one in incidents:
        by_day[one.created_at.astimezone(zone).date()].append(one)
    shown = [today - timedelta(days=back) for back in reversed(range(days))]
    known = {
        day
        for day in shown
        if starts_at(day, zone) >= knowledge.ended_since
        and min(starts_at(day + timedelta(days=1), zone), now) <= knowledge.until(now)
    }
    counted = [one for day in shown if day in known for one in by_day[day]]
    since = min(known, default=None)
    return HistoryView(
        days=days,
        answer=knowledge.ended,
        bars=_bars(shown, known, {day: len(found) for day, found in by_day.items()}),
        figures=_figures(counted, knowledge, zone) if known else (),
        since=starts_at(since, zone) if since and since > shown[0] else None,
        cautions=_cautions(knowledge),
        summary=_summary(shown, known, by_day),
        url=url,
        width=days * _STEP,
    )


def starts_at(day: date, zone: tzinfo) -> datetime:
    """When a day begins in a zone (UTC)."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _bars(shown: Sequence[date], known: set[date], counts: dict[date, int]) -> tuple[Bar, ...]:
    highest = max((counts.get(day, 0) for day in known), default=0)
    bars = []
    for number, day in enumerate(shown):
        count, is_known = counts.get(day, 0), day in known
        height = max(_LEAST, round(HEIGHT * count / highest)) if is_known and count else 0
        if not is_known:
            height = HEIGHT
        bars.append(
            Bar(
                day=day,
                count=count,
                is_known=is_known,
                text=f"{_day(day)}: {_counted(count, is_known=is_known)}",
                x=number * _STEP + _GAP // 2,
                y=HEIGHT - height,
                width=_STEP - _GAP,
                height=height,
            )
        )
    return tuple(bars)


def _counted(count: int, *, is_known: bool) -> str:
    words = f"{count} incident{'' if count == 1 else 's'}"
    if is_known:
        return words if count else "no incident"
    return f"not known whole, {words} at least" if count else "not known"


def _summary(shown: Sequence[date], known: set[date], by_day: dict[date, list[Occurrence]]) -> str:
    span = f"Incidents per day, {_day(shown[0])} to {_day(shown[-1])}"
    counts = {day: len(by_day[day]) for day in known}
    total = sum(counts.values())
    parts = [f"{total} in all" if known else "not known"]
    if total:
        top = max(sorted(counts), key=lambda day: counts[day])
        parts.append(f"most on {_day(top)} ({counts[top]})")
    if known and len(known) < len(shown):
        missing = len(shown) - len(known)
        parts.append(f"{missing} day{'' if missing == 1 else 's'} not known")
    return f"{span}: {', '.join(parts)}."


def _figures(
    counted: Sequence[Occurrence], knowledge: Knowledge, zone: tzinfo
) -> tuple[Figure, ...]:
    total = len(counted)
    still_open = sum(one.resolved_at is None for one in counted)
    ended = [one.resolved_at - one.created_at for one in counted if one.resolved_at]
    off = sum(is_off_hours(one.created_at, zone) for one in counted)
    return (
        Figure(
            label="Incidents",
            value=str(total),
            basis=f"{still_open} still open" if total and knowledge.opened.is_known else "",
        ),
        _time_to_acknowledge(counted, knowledge, zone),
        Figure(
            label="Time to resolve",
            value=_median(ended) if ended else "",
            basis=f"median of {len(ended)}" if ended else "none resolved",
        ),
        Figure(
            label="Off hours",
            value=f"{round(100 * off / total)} %" if total else "",
            basis=f"{off} of {total}" if total else "no incident",
        ),
    )


def _time_to_acknowledge(
    counted: Sequence[Occurrence], knowledge: Knowledge, zone: tzinfo
) -> Figure:
    """The median over incidents that were opened since acknowledgements are known."""
    label, since = "Time to acknowledge", knowledge.taken_since
    if knowledge.taken.is_unknown or since is None:
        return Figure(label=label, value="", basis="not known yet")
    asked = [one for one in counted if one.created_at >= since]
    # Before its beginning nobody can have taken it: what says so is not believed.
    taken = [
        one.acknowledged_at - one.created_at
        for one in asked
        if one.acknowledged_at and one.acknowledged_at >= one.created_at
    ]
    if not counted:
        return Figure(label=label, value="", basis="no incident")
    if not taken:
        return Figure(label=label, value="", basis="none acknowledged" if asked else "not known")
    basis = f"median of {len(taken)}"
    if len(asked) < len(counted):
        basis += f", since {_day(since.astimezone(zone).date())}"
    return Figure(label=label, value=_median(taken), basis=basis)


def _median(spans: Sequence[timedelta]) -> str:
    return length(timedelta(seconds=median(span.total_seconds() for span in spans)))


def is_off_hours(at: datetime, zone: tzinfo) -> bool:
    """Whether an instant is outside Monday to Friday, nine to five, in a zone."""
    local = at.astimezone(zone)
    return local.weekday() > _FRIDAY or local.hour not in OFFICE_HOURS


def length(span: timedelta) -> str:
    """A span in its two largest units: ``4 min``, ``1 h 20 min``, ``2 d 3 h``; never negative."""
    minutes = max(0, round(span.total_seconds() / 60))
    if minutes < 1:
        return "under 1 min"
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{rest} min"


def _cautions(knowledge: Knowledge) -> tuple[str, ...]:
    said = []
    if knowledge.opened.is_unknown:
        said.append("Incidents that are still open are not known and not counted.")
    if knowledge.opened.is_old:
        said.append("Incidents may be missing: PagerDuty has not told lately what is open.")
    if knowledge.taken.is_old:
        said.append("Acknowledgements may be missing: PagerDuty has not told of them lately.")
    return tuple(said)


def _day(day: date) -> str:
    return formatted(day, "j M")


_NOT_READ = Explanation(
    reason=NOT_ASKED,
    why="The past of this service has not been read yet.",
    advice="The portal reads it by itself, within minutes.",
)
