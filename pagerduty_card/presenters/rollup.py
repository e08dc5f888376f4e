"""Several entities summed up: how many in which state, the worst of them, who is on call. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from catalog.cards import CardState
from catalog.links import EntityLink, link_to_entity
from catalog.models import Entity
from pagerduty_card.presenters.incidents import IncidentLine
from pagerduty_card.presenters.on_call import OnCallView
from pagerduty_card.presenters.states import MARKS, Mark, mark_of
from pagerduty_card.states import ServiceState, State

WORST_SHOWN = 5
NOBODY = CardState(slug="nobody", label="Nobody on call")
# What entities may be, worst first: the states of the card, and "nobody on call", which may be
# true beside any of them.
_ALARM, *_OTHERS = (CardState(slug=one.value, label=MARKS[one].word) for one in State)
STATES = (_ALARM, NOBODY, *_OTHERS)
# What somebody should look at.
TROUBLE = (State.ALARM, NOBODY.slug, State.UNKNOWN, State.WARNING)


class Standing(Protocol):
    """How one entity stands: see ``estate.EntityStanding``."""

    @property
    def state(self) -> ServiceState:
        """Of the worst of its services."""

    @property
    def open_count(self) -> int:
        """Open incidents, as far as they are known."""

    @property
    def is_nobody_on_call(self) -> bool:
        """PagerDuty said so for one of its services."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChip:
    """How many are in a state, and the address of the index that shows them."""

    mark: Mark
    count: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupLine:
    """One of the worst."""

    entity: EntityLink
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupView:
    """Several entities.

    Attributes:
        total: How many name a service.
        chips: One for each state that any is in, worst first.
        nobody: How many have nobody on call, as PagerDuty said.
        nobody_url: The index with these.
        old: How many are as last known, which is not confirmed now.
        open_count: Open incidents of all of them, as far as they are known.
        doubtful: Of how many not all is known that is open, whatever their worst state.
        as_of: When the oldest of those was known (UTC); None if that is not known either.
        lines: The worst that somebody should look at; none are in trouble if there is none.
        trouble: How many somebody should look at.
        trouble_url: The index with these, worst first.
    """

    total: int
    chips: tuple[StateChip, ...]
    nobody: int
    nobody_url: str
    old: int
    as_of: datetime | None
    open_count: int
    doubtful: int
    lines: tuple[RollupLine, ...]
    trouble: int
    trouble_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnView:
    """What the reader and the reader's groups own.

    Attributes:
        rollup: All of it.
        incidents: The first, worst first.
        open_count: How many there are, as far as they are known.
        on_call: Of the policies looked at first: those of the entities in the worst states.
    """

    rollup: RollupView
    incidents: tuple[IncidentLine, ...]
    open_count: int
    on_call: tuple[OnCallView, ...]

    @property
    def is_all_known(self) -> bool:
        """Whether PagerDuty said of all of it lately what is open."""
        return not self.rollup.doubtful


def slugs_of(standing: Standing) -> set[str]:
    """Every state of ``STATES`` that an entity is in."""
    slugs: set[str] = {*standing.state.states}
    return slugs | {NOBODY.slug} if standing.is_nobody_on_call else slugs


def worst_first(standings: Mapping[int, Standing]) -> list[int]:
    """The entities that somebody should look at, by primary key, worst first."""
    return sorted(
        (pk for pk, one in standings.items() if not slugs_of(one).isdisjoint(TROUBLE)),
        key=lambda pk: _badness(standings[pk], pk),
    )


def _badness(standing: Standing, pk: int) -> tuple[int, int, int]:
    slugs = slugs_of(standing)
    place = next(place for place, state in enumerate(STATES) if state.slug in slugs)
    return place, -standing.open_count, pk


def present_rollup(
    standings: Mapping[int, Standing],
    worst: Sequence[Entity],
    *,
    doubtful: int,
    address_of: Callable[..., str],
) -> RollupView:
    """Sum up several entities.

    Args:
        standings: Of those that name a service, by primary key; at least one.
        worst: The rows of the first of ``worst_first``, in that order.
        doubtful: Of how many of them PagerDuty has not said lately what is open.
        address_of: From slugs of states to the index with those in any of them.
    """
    found = [slugs_of(one) for one in standings.values()]
    counts = {state.slug: sum(state.slug in slugs for slugs in found) for state in STATES}
    old = [one.state.as_of for one in standings.values() if one.state.is_old]
    known = [at for at in old if at]
    return RollupView(
        total=len(standings),
        chips=tuple(
            StateChip(
                mark=mark_of(state, is_old=_is_any_old(state, standings.values())),
                count=counts[state],
                url=address_of(state),
            )
            for state in State
            if counts[state]
        ),
        nobody=counts[NOBODY.slug],
        nobody_url=address_of(NOBODY.slug),
        old=len(old),
        as_of=min(known) if known and len(known) == len(old) else None,
        open_count=sum(one.open_count for one in standings.values()),
        doubtful=doubtful,
        lines=tuple(
            RollupLine(entity=link_to_entity(row), standing=standings[row.pk]) for row in worst
        ),
        trouble=sum(not slugs.isdisjoint(TROUBLE) for slugs in found),
        trouble_url=f"{address_of(*TROUBLE)}&sort=state",
    )


def _is_any_old(state: State, standings: Iterable[Standing]) -> bool:
    """Whether the state is not a confirmed one of all that are in it."""
    return any(one.state.is_old and state in one.state.states for one in standings)
