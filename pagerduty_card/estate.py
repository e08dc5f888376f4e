"""The whole catalog at one instant: how every entity that names a PagerDuty service stands.

Boards, the index, roll-ups and the header read it. It is drawn once in a few seconds for all of
them, from the mirror alone and by the rules of the card; it never claims more than the feeds allow.
"""

import hashlib
import pickle
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Max

from catalog import versions
from pagerduty_card.accounts import all_accounts
from pagerduty_card.mapping import naming
from pagerduty_card.models import Feed
from pagerduty_card.states import ServiceState, State
from pagerduty_card.survey import Doubt, survey
from portal.logging import NO_REQUEST, current_request_id
from portal.single_value_cache import SingleValueCache

# For so long one drawing serves everybody, unless a feed or the catalog is written.
KEPT_S = 5
# The header counts without asking the database; a count that is older than this is none.
COUNT_KEPT = timedelta(seconds=60)
_COUNT_KEY = "pagerduty-estate:open"
# Another number whenever what is kept has another form: portals of two versions may share a cache.
_KEY = "pagerduty-estate:2"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityStanding:
    """How one entity stands.

    Attributes:
        state: Of the worst of its services.
        open_count: Open incidents of all its services, as far as they are known.
        is_nobody_on_call: PagerDuty said so for one of its services.
        services: Primary keys of its services; fewer than it names where some are not mirrored.
    """

    state: ServiceState
    open_count: int
    is_nobody_on_call: bool
    services: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCount:
    """How many incidents are open in the catalog.

    Attributes:
        is_known: Whether there are no more and no fewer.
        is_doubtful: Whether some service's incidents are old or unknown. If it is only that an
            entity names a service which PagerDuty does not have, they are not.
    """

    count: int
    is_known: bool
    is_doubtful: bool
    drawn_at: datetime


class Standings(Mapping[int, EntityStanding]):
    """Standings by entity, kept as plain tuples: ten thousand are read in milliseconds."""

    def __init__(
        self,
        states: tuple[ServiceState, ...],
        rows: dict[int, tuple[int, int, bool, tuple[int, ...]]],
    ) -> None:
        """Take the states, and by entity: its state's place, open incidents, nobody, services."""
        self._states = states
        self._rows = rows

    def __getitem__(self, entity: int) -> EntityStanding:
        state, open_count, is_nobody, services = self._rows[entity]
        return EntityStanding(
            state=self._states[state],
            open_count=open_count,
            is_nobody_on_call=is_nobody,
            services=services,
        )

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def in_state(self, state: State) -> frozenset[int]:
        """The entities in this state, be it the main one or one beside it."""
        places = {place for place, one in enumerate(self._states) if state in one.states}
        return frozenset(entity for entity, row in self._rows.items() if row[0] in places)

    def nobody_on_call(self) -> frozenset[int]:
        """The entities with a service for which PagerDuty says that nobody is on call."""
        return frozenset(entity for entity, row in self._rows.items() if row[2])

    def by_service(self) -> dict[int, list[int]]:
        """The entities of each service, by primary keys."""
        found: dict[int, list[int]] = {}
        for entity, row in self._rows.items():
            for service in row[3]:
                found.setdefault(service, []).append(entity)
        return found


@dataclass(frozen=True, kw_only=True)
class Estate:
    """All entities that name a PagerDuty service, at one instant.

    Attributes:
        stamp: Another one whenever anything changed that this follows from.
        drawn_at: The instant (UTC), a few seconds ago at most.
        entities: By primary key, every entity that names a service.
        open_count: Open incidents of all their services, each once.
        is_open_count_known: Whether every service's incidents are known now.
        as_of: When the oldest answer that counts came (UTC); None if none did.
        doubts: Why what is not known is not known.
        silent: Primary keys of the services of which PagerDuty says that nobody is on call.
        unheard: Of those of which it never said who is.
    """

    stamp: str
    drawn_at: datetime
    entities: Standings
    open_count: int
    as_of: datetime | None
    doubts: tuple[Doubt, ...]
    silent: frozenset[int]
    unheard: frozenset[int]
    _in_state: dict[State, frozenset[int]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_open_count_known(self) -> bool:
        """Whether there are no more and no fewer open incidents than ``open_count``."""
        return not self.doubts

    def in_state(self, state: State) -> frozenset[int]:
        """The entities in a state; an alarm during maintenance is in both."""
        if state not in self._in_state:
            self._in_state[state] = self.entities.in_state(state)
        return self._in_state[state]

    @cached_property
    def nobody_on_call(self) -> frozenset[int]:
        """The entities with a service of which PagerDuty says that nobody is on call."""
        return self.entities.nobody_on_call()

    @cached_property
    def doubtful(self) -> frozenset[int]:
        """The entities of which it is not known, or not lately, what all is open."""
        return frozenset(entity for doubt in self.doubts for entity in doubt.entities)

    @cached_property
    def by_service(self) -> Mapping[int, list[int]]:
        """The entities of each service, by primary keys; every service that is named."""
        return self.entities.by_service()


# By its stamp, a digest of its content: unpickling it for each reader would take longer than all
# else.
_cached: SingleValueCache[str, Estate] = SingleValueCache()


# What this request has read: all parts of a page show one drawing, and read it once.
_of_request: ContextVar[tuple[str, datetime, Estate] | None] = ContextVar(
    "pagerduty_estate", default=None
)


def estate(now: datetime) -> Estate:
    """The catalog as it stands; the same one throughout a request.

    Two queries when it was drawn within seconds and nothing was written since; else eight at most,
    however many entities and services there are.

    Args:
        now: The instant of reading (UTC).
    """
    request = current_request_id.get()
    held = _of_request.get()
    # A client may give several requests one id, so it does not hold for long.
    is_held = held and held[0] == request and abs(now - held[1]).total_seconds() < KEPT_S
    if held and is_held:
        return held[2]
    found = _read(now)
    if request != NO_REQUEST:
        _of_request.set((request, now, found))
    return found


def _read(now: datetime) -> Estate:
    # Read before the rows: what is written meanwhile is under another key.
    version = versions.current()
    told = _told(version)
    key = f"{_KEY}:{_digest(repr((told, int(now.timestamp()) // KEPT_S)))}"
    stamp = cache.get(key)
    found = _held(stamp) if isinstance(stamp, str) else None
    return found or _draw(key, told, version, now)


def open_count(now: datetime) -> OpenCount | None:
    """How many incidents are open, from the cache alone; None when nobody drew it lately."""
    kept = cache.get(_COUNT_KEY)
    if not isinstance(kept, OpenCount) or abs(now - kept.drawn_at) > COUNT_KEPT:
        return None
    return kept


def _told(version: int) -> tuple[Any, ...]:
    """All that an estate follows from but time: whoever writes the mirror marks a feed. A query."""
    feeds = (
        Feed.objects.order_by("account", "kind")
        .values_list("account", "kind")
        .annotate(Count("pk"))
        .annotate(Max("asked_at"), Max("succeeded_at"), Max("failed_at"), Max("told_at"))
    )
    accounts = sorted((name, one.problem) for name, one in all_accounts().items())
    return version, list(feeds), accounts


def _held(stamp: str) -> Estate | None:
    if (latest := _cached.get(stamp)) is not None:
        return latest
    body = cache.get(_body_key(stamp))
    return _cached.set(stamp, _loaded(stamp, body)) if body is not None else None


def _draw(key: str, told: tuple[Any, ...], version: int, now: datetime) -> Estate:
    found = survey(naming.named_services(version), now)
    states: dict[ServiceState, int] = {}
    rows = {}
    for entity, pks in found.entities.items():
        state = found.state_of(entity)
        services = [found.services[pk] for pk in pks]
        rows[entity] = (
            states.setdefault(state, len(states)),
            sum(one.open_count for one in services),
            any(one.is_nobody_on_call for one in services),
            pks,
        )
    count = sum(one.open_count for one in found.services.values())
    silent = frozenset(pk for pk, one in found.services.items() if one.is_nobody_on_call)
    unheard = frozenset(pk for pk, one in found.services.items() if not one.is_on_call_known)
    content = (tuple(states), rows, count, found.as_of, found.doubts, silent, unheard)
    stamp = _digest(repr(told), pickle.dumps(content))
    body = (now, content)
    cache.set(_body_key(stamp), body, timeout=KEPT_S * 4)
    cache.set(key, stamp, timeout=KEPT_S * 2)
    made = _cached.set(stamp, _loaded(stamp, body))
    counted = OpenCount(
        count=made.open_count,
        is_known=made.is_open_count_known,
        is_doubtful=any(not doubt.problem for doubt in made.doubts),
        drawn_at=now,
    )
    cache.set(_COUNT_KEY, counted, timeout=COUNT_KEPT.total_seconds())
    return made


def _loaded(stamp: str, body: Any) -> Estate:
    drawn_at, (states, rows, count, as_of, doubts, silent, unheard) = body
    return Estate(
        stamp=stamp,
        drawn_at=drawn_at,
        entities=Standings(states, rows),
        open_count=count,
        as_of=as_of,
        doubts=doubts,
        silent=silent,
        unheard=unheard,
    )


def _body_key(stamp: str) -> str:
    return f"{_KEY}:drawn:{stamp}"


def _digest(text: str, more: bytes = b"") -> str:
    return hashlib.sha256(text.encode() + more).hexdigest()
