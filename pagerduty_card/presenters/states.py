"""States in words, tones and icons: the one table of them. Pure; ``states`` has the rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pagerduty_card.states import IncidentCounts, ServiceState, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A state in word, shape and colour together.

    Attributes:
        tone: A tone of the badge component.
        icon: A name of the icon sprite.
    """

    word: str
    tone: str
    icon: str


MARKS: Mapping[State, Mark] = {
    State.ALARM: Mark(word="Alarm", tone="critical", icon="state-alarm"),
    State.UNKNOWN: Mark(word="Unknown", tone="unknown", icon="state-unknown"),
    State.WARNING: Mark(word="Warning", tone="warning", icon="state-warning"),
    State.MAINTENANCE: Mark(word="Maintenance", tone="info", icon="state-maintenance"),
    State.DISABLED: Mark(word="Disabled", tone="faint", icon="state-disabled"),
    State.OK: Mark(word="OK", tone="good", icon="state-ok"),
}
# An OK that is not confirmed is never green.
OLD_OK = Mark(word=MARKS[State.OK].word, tone="faint", icon=MARKS[State.OK].icon)
_HELD_BACK = {State.DISABLED: "disabled", State.MAINTENANCE: "in maintenance"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StateView:
    """What a service's header says.

    Attributes:
        marks: The state, and behind it what else is true, such as maintenance during an alarm.
        until: End of a maintenance window (UTC); None if there is none or it is not known.
        counts: "1 triggered, 2 acknowledged"; empty when nothing is open or it is not known.
        held_back: What keeps PagerDuty from making a new incident; empty if nothing is known to.
        is_old: The state is the last known one, not a confirmed one.
        as_of: When the open incidents were last known (UTC); None if they never were.
    """

    marks: tuple[Mark, ...]
    until: datetime | None
    counts: str
    held_back: str
    is_old: bool
    as_of: datetime | None

    @property
    def mark(self) -> Mark:
        """The state itself."""
        return self.marks[0]

    @property
    def words(self) -> str:
        """The state in words alone, for a title: ``ALARM: 1 triggered``."""
        words = ", ".join(mark.word for mark in self.marks)
        return f"{words}: {self.counts}" if self.counts else words


def present_state(found: ServiceState, by_status: Mapping[str, int] | None = None) -> StateView:
    """Put the state of a service into words; those of a header are in capitals.

    Args:
        found: The state.
        by_status: Its open incidents by status as PagerDuty calls it, where their rows are at hand.
    """
    return StateView(
        marks=tuple(_in_capitals(mark_of(state, is_old=found.is_old)) for state in found.states),
        until=found.until,
        counts=_counted(by_status or _words_of(found.counts)),
        held_back=next((_HELD_BACK[one] for one in found.states if one in _HELD_BACK), ""),
        is_old=found.is_old,
        as_of=found.as_of,
    )


# Of a service of which nothing is known.
NOT_KNOWN = StateView(
    marks=(Mark(word="UNKNOWN", tone="unknown", icon="state-unknown"),),
    until=None,
    counts="",
    held_back="",
    is_old=False,
    as_of=None,
)


def mark_of(state: State, *, is_old: bool) -> Mark:
    """The mark of a state; ``is_old`` tells that it is not a confirmed one."""
    return OLD_OK if state is State.OK and is_old else MARKS[state]


def _in_capitals(mark: Mark) -> Mark:
    return Mark(word=mark.word.upper(), tone=mark.tone, icon=mark.icon)


def _words_of(counts: IncidentCounts) -> Mapping[str, int]:
    return {
        "triggered": counts.triggered,
        "of unknown status": counts.other,
        "acknowledged": counts.acknowledged,
    }


def _counted(by_status: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in by_status.items() if number)
