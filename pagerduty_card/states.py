"""The state of a service: rules over plain values alone, no rows, no words.

Nothing unknown becomes OK, and an OK that is not confirmed says so. ``presenters.states`` has the
words.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Self

from pagerduty_card.domain import IncidentStatus, ServiceStatus
from pagerduty_card.freshness import Judgement


class State(StrEnum):
    """The states, worst first. The values stand in addresses of the index."""

    ALARM = "alarm"
    UNKNOWN = "unknown"
    WARNING = "warning"
    MAINTENANCE = "maintenance"
    DISABLED = "disabled"
    OK = "ok"

    @property
    def rank(self) -> int:
        """0 is worst."""
        return _RANKS[self]


_RANKS = {state: rank for rank, state in enumerate(State)}


class IncidentCounts(NamedTuple):
    """How many incidents of a service are open, by status.

    Attributes:
        other: Of a status that this portal has never heard of.
    """

    triggered: int = 0
    acknowledged: int = 0
    other: int = 0

    @classmethod
    def of(cls, statuses: Iterable[str]) -> Self:
        """Count statuses as PagerDuty wrote them."""
        given = list(statuses)
        triggered = given.count(IncidentStatus.TRIGGERED)
        acknowledged = given.count(IncidentStatus.ACKNOWLEDGED)
        return cls(triggered, acknowledged, len(given) - triggered - acknowledged)

    @property
    def total(self) -> int:
        """All that are open."""
        return sum(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """The state of one service at one instant.

    Attributes:
        states: The main one, and behind it what else is true, such as maintenance during an alarm.
        rank: Of the worst of them; 0 is worst. Orders several services.
        until: End of the maintenance window (UTC); None if there is none or it is not known.
        counts: Of its open incidents; none where they are not known.
        is_old: The state is the last known one, not a confirmed one.
        as_of: When the open incidents were last known (UTC); None if they never were.
    """

    states: tuple[State, ...]
    rank: int
    until: datetime | None
    counts: IncidentCounts
    is_old: bool
    as_of: datetime | None

    @property
    def main(self) -> State:
        """The state that is said first."""
        return self.states[0]


# Of a service of which nothing is known.
NOTHING_KNOWN = ServiceState(
    states=(State.UNKNOWN,),
    rank=State.UNKNOWN.rank,
    until=None,
    counts=IncidentCounts(),
    is_old=False,
    as_of=None,
)
# What PagerDuty's own status of a service says of its open incidents.
_OF_STATUS = {
    ServiceStatus.CRITICAL.value: State.ALARM,
    ServiceStatus.WARNING.value: State.WARNING,
}
_STATUSES = frozenset(ServiceStatus) - {ServiceStatus.UNKNOWN}


def service_state(
    *,
    status: str,
    maintenance_until: datetime | None,
    counts: IncidentCounts,
    service: Judgement,
    incidents: Judgement,
    now: datetime,
) -> ServiceState:
    """Sum up one service: its open incidents decide where they are known, its status elsewhere.

    Args:
        status: Of the service, as PagerDuty wrote it.
        maintenance_until: End of its maintenance window (UTC), ongoing or over, if one is known.
        counts: Of its open incidents, as stored.
        service: How far the status may be believed.
        incidents: How far the counts may be believed.
        now: The instant of reading (UTC).
    """
    if incidents.is_unknown:
        counts = IncidentCounts()
    main = _main_state(status, counts, service, incidents)
    # OK also says that the service is on and not in maintenance, which its own row tells.
    is_unconfirmed = main is State.OK and (incidents.is_old or service.is_old)
    # A window is known by itself: the status may have been told before it began.
    is_window = maintenance_until is not None and maintenance_until > now
    is_in_maintenance = not service.is_unknown and status == ServiceStatus.MAINTENANCE
    is_over = bool(  # the window ended after PagerDuty last told the status
        maintenance_until and service.at and service.at < maintenance_until <= now
    )
    beside = []
    if is_window or (is_in_maintenance and not is_over):
        beside.append(State.MAINTENANCE)
    if not service.is_unknown and status == ServiceStatus.DISABLED:
        beside.append(State.DISABLED)
    if main is not State.OK:
        states = [main, *beside]
    elif beside:
        states = beside
    elif is_unconfirmed and is_in_maintenance:
        states = [State.UNKNOWN]  # it was in maintenance then, and nobody has asked since
    else:
        states = [State.OK]
    if incidents.is_unknown:
        states.reverse()  # maintenance is what PagerDuty said; the incidents are what it did not
    known_at = [incidents.at, service.at] if is_unconfirmed else [incidents.at]
    return ServiceState(
        states=tuple(states),
        rank=min(state.rank for state in states),
        until=maintenance_until if is_window else None,
        counts=counts,
        is_old=incidents.is_old or is_unconfirmed,
        as_of=min((at for at in known_at if at), default=None),
    )


def _main_state(
    status: str, counts: IncidentCounts, service: Judgement, incidents: Judgement
) -> State:
    if counts.triggered:
        return State.ALARM
    if counts.other:
        return State.UNKNOWN
    if counts.acknowledged:
        return State.WARNING
    if service.is_not_found:
        return State.UNKNOWN  # a list without its incidents says nothing of a service that is gone
    is_status_newer = service.at and (incidents.at is None or service.at > incidents.at)
    if is_status_newer and status in _OF_STATUS:
        return _OF_STATUS[status]
    if incidents.is_unknown or service.is_unknown or status not in _STATUSES:
        return State.UNKNOWN
    return State.OK
