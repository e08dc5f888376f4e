"""Several entities summed up: how many in which state, the worst of them, who is on call. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog.cards import CardState
from catalog.links import EntityLink, link_to_entity
from catalog.models import Entity
from pagerduty_card.overview.loading import EntitySummary
from pagerduty_card.presenters.incidents import IncidentLine
from pagerduty_card.presenters.on_call import OnCallView
from pagerduty_card.presenters.states import MARKS, Mark, mark_of
from pagerduty_card.states import State

WORST_SHOWN = 5
NOBODY = CardState(slug="nobody", label="Nobody on call")
# What entities may be, worst first: the states of the card, and "nobody on call", which may be
# true beside any of them.
_ALARM, *_OTHERS = (CardState(slug=one.value, label=MARKS[one].word) for one in State)
STATES = (_ALARM, NOBODY, *_OTHERS)
# What somebody should look at.
TROUBLE = (State.ALARM, NOBODY.slug, State.UNKNOWN, State.WARNING)


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
    summary: EntitySummary


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
        uncertain: Of how many open incidents are unknown or out of date, whatever their state.
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
    uncertain: int
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
        return not self.rollup.uncertain


def slugs_of(summary: EntitySummary) -> set[str]:
    """Every state of ``STATES`` that an entity is in."""
    slugs: set[str] = {*summary.state.states}
    return slugs | {NOBODY.slug} if summary.is_nobody_on_call else slugs


def worst_first(summaries: Mapping[int, EntitySummary]) -> list[int]:
    """The entities that somebody should look at, by primary key, worst first."""
    return sorted(
        (pk for pk, one in summaries.items() if not slugs_of(one).isdisjoint(TROUBLE)),
        key=lambda pk: _badness(summaries[pk], pk),
    )


def _badness(summary: EntitySummary, pk: int) -> tuple[int, int, int]:
    slugs = slugs_of(summary)
    place = next(place for place, state in enumerate(STATES) if state.slug in slugs)
    return place, -summary.open_count, pk


def present_rollup(
    summaries: Mapping[int, EntitySummary],
    worst: Sequence[Entity],
    *,
    uncertain: int,
    address_of: Callable[..., str],
) -> RollupView:
    """Sum up several entities.

    Args:
        summaries: Of those that name a service, by primary key; at least one.
        worst: The rows of the first of ``worst_first``, in that order.
        uncertain: Of how many of them it is unknown or out of date what is open.
        address_of: From slugs of states to the index with those in any of them.
    """
    found = [slugs_of(one) for one in summaries.values()]
    counts = {state.slug: sum(state.slug in slugs for slugs in found) for state in STATES}
    old = [one.state.as_of for one in summaries.values() if one.state.is_old]
    known = [at for at in old if at]
    return RollupView(
        total=len(summaries),
        chips=tuple(
            StateChip(
                mark=mark_of(state, is_old=_is_any_old(state, summaries.values())),
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
        open_count=sum(one.open_count for one in summaries.values()),
        uncertain=uncertain,
        lines=tuple(
            RollupLine(entity=link_to_entity(row), summary=summaries[row.pk]) for row in worst
        ),
        trouble=sum(not slugs.isdisjoint(TROUBLE) for slugs in found),
        trouble_url=f"{address_of(*TROUBLE)}&sort=state",
    )


def _is_any_old(state: State, summaries: Iterable[EntitySummary]) -> bool:
    """Whether the state is not a confirmed one of all that are in it."""
    return any(one.state.is_old and state in one.state.states for one in summaries)
