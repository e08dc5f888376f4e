"""The mirror read for the whole catalog at once: each service's state, count and on-call.

By the card's own rules, which are asked once for all services that they answer alike: those whose
freshness is the account's, and of them those of one status, one window and as many open incidents.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db.models import Exists, OuterRef

from pagerduty_card.accounts import all_accounts
from pagerduty_card.freshness import (
    ALWAYS,
    BEGINNING,
    CountsSince,
    Freshness,
    Judgement,
    counts_since,
    judge,
    of_feeds,
)
from pagerduty_card.mapping.naming import Named, digest_of
from pagerduty_card.mapping.resolving import LISTED_WITHIN, ProblemKind
from pagerduty_card.models import EscalationPolicy, Feed, Integration, OnCall, Service
from pagerduty_card.states import NOTHING_KNOWN, IncidentCounts, ServiceState, service_state

# What a state and "nobody on call" follow from.
_KINDS = (
    Feed.Kind.SERVICES.value,
    Feed.Kind.INCIDENTS.value,
    Feed.Kind.ON_CALL.value,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One reason why open incidents are not known, and of what.

    Attributes:
        account: Name of the account.
        problem: A ``ProblemKind`` of the entities that name the service; empty for a feed's.
        kind: The ``Feed.Kind`` whose freshness is the reason.
        freshness: Of the service with the oldest answer.
        services: Primary keys of the services whose incidents are old or unknown.
        entities: Primary keys of those that name them, or name what is not mirrored.
    """

    account: str
    problem: str
    kind: str
    freshness: Freshness
    services: tuple[int, ...]
    entities: tuple[int, ...]


class _Row(NamedTuple):
    """A service as far as its state follows from it."""

    pk: int
    account: str
    pd_id: str
    status: str
    maintenance_until: datetime | None
    mirrored_at: datetime
    is_mapped: bool
    policy: int | None
    policy_mirrored_at: datetime | None
    open_triggered: int
    open_acknowledged: int
    open_other: int

    def counts_since(self, kind: str) -> CountsSince:
        """From when on answers of this ``Feed.Kind`` take in the service and its policy."""
        return counts_since(
            kind,
            mirrored_at=self.mirrored_at,
            is_mapped=self.is_mapped,
            policy_mirrored_at=self.policy_mirrored_at,
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """How far the sections of services are known at an instant, by ``Feed.Kind``."""

    now: datetime
    fresh: Mapping[str, Freshness]
    judged: Mapping[str, Judgement]
    _states: dict[tuple[object, ...], ServiceState] = field(default_factory=dict)

    def state_of(self, row: _Row) -> ServiceState:
        """The state of one of the services; decided once for all that are alike."""
        counts = IncidentCounts(row.open_triggered, row.open_acknowledged, row.open_other)
        key = (row.status, row.maintenance_until, counts)
        if key not in self._states:
            self._states[key] = service_state(
                status=row.status,
                maintenance_until=row.maintenance_until,
                counts=counts,
                service=self.judged[Feed.Kind.SERVICES],
                incidents=self.judged[Feed.Kind.INCIDENTS],
                now=self.now,
            )
        return self._states[key]


class _Feeds:
    """How far services are known at an instant, from all feeds of the kinds above; one query."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._by_place: dict[tuple[str, str], dict[str, Feed]] = {}
        for feed in Feed.objects.filter(kind__in=_KINDS).order_by():
            self._by_place.setdefault((feed.account, feed.service_pd_id), {})[feed.kind] = feed
        self._found: dict[tuple[str, str], _Known] = {}

    def _place_of(self, row: _Row) -> tuple[str, str]:
        """Account and service, the latter empty where the account's freshness is the service's."""
        since = max(row.mirrored_at, row.policy_mirrored_at or BEGINNING)
        is_alike = (
            row.is_mapped
            and (row.account, row.pd_id) not in self._by_place
            and all(
                feed.asked_at is None or feed.asked_at >= since
                for feed in self._by_place.get((row.account, ""), {}).values()
            )
        )
        return row.account, "" if is_alike else row.pd_id

    def of_service(self, row: _Row) -> _Known:
        """Of one service."""
        place = self._place_of(row)
        if place not in self._found:
            fresh = self._joined(place, row.counts_since)
            judged = {kind: judge(kind, one, now=self._now) for kind, one in fresh.items()}
            self._found[place] = _Known(self._now, fresh, judged)
        return self._found[place]

    def of_account(self, account: str) -> dict[str, Freshness]:
        """Of a service that every answer of the account takes in."""
        return self._joined((account, ""), lambda _kind: ALWAYS)

    def _joined(
        self, place: tuple[str, str], since: Callable[[str], CountsSince]
    ) -> dict[str, Freshness]:
        feeds = [self._by_place.get(one, {}) for one in {(place[0], ""), place}]
        return {
            kind: of_feeds([of_kind[kind] for of_kind in feeds if kind in of_kind], since(kind))
            for kind in _KINDS
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """One service.

    Attributes:
        open_count: Its open incidents as far as they are known.
        is_nobody_on_call: PagerDuty said so.
        is_on_call_known: Whether it ever said who is on call.
    """

    state: ServiceState
    open_count: int
    is_nobody_on_call: bool
    is_on_call_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the mirror says of everything that the catalog names.

    Attributes:
        entities: By primary key, its services'; fewer than it names where some are not mirrored.
        services: By primary key, every service that an entity names.
        incomplete: Entities that name a service which is not mirrored.
        as_of: When the oldest answer about open incidents came (UTC); None if none did.
        doubts: Why what is not known is not known.
    """

    entities: Mapping[int, tuple[int, ...]]
    services: Mapping[int, Surveyed]
    incomplete: frozenset[int]
    as_of: datetime | None
    doubts: tuple[Doubt, ...]

    def state_of(self, entity: int) -> ServiceState:
        """The worst state of the entity's services."""
        states = [self.services[pk].state for pk in self.entities[entity]]
        if entity in self.incomplete:
            states.append(NOTHING_KNOWN)
        return min(states, key=lambda state: state.rank)


def survey(named: Mapping[int, Iterable[Named]], now: datetime) -> Survey:
    """Read the mirror for all that the catalog names; four queries at most.

    Args:
        named: Of ``naming.named_services``.
        now: The instant of reading (UTC).
    """
    rows = _rows()
    feeds = _Feeds(now)
    found, absent = _find(named, rows)
    by_service: dict[int, list[int]] = defaultdict(list)
    for entity, pks in found.items():
        for pk in pks:
            by_service[pk].append(entity)
    wanted = [rows[pk] for pk in by_service]
    without_anybody = _policies_without_anybody(now)
    surveyed, doubtful, instants = {}, _Doubts(), []
    for row in wanted:
        known = feeds.of_service(row)
        service = known.judged[Feed.Kind.SERVICES]
        incidents = known.judged[Feed.Kind.INCIDENTS]
        on_call = known.judged[Feed.Kind.ON_CALL]
        state = known.state_of(row)
        surveyed[row.pk] = Surveyed(
            state=state,
            open_count=state.counts.total,
            is_nobody_on_call=on_call.is_known and row.policy in without_anybody,
            is_on_call_known=not on_call.is_unknown,
        )
        if incidents.at:
            instants.append(incidents.at)
        if service.is_not_found or not incidents.is_known:
            # A list of incidents says nothing of a service that is gone.
            kind = Feed.Kind.SERVICES if service.is_not_found else Feed.Kind.INCIDENTS
            doubtful.add_service(row, kind, known.fresh[kind], by_service[row.pk])
    for (account, has_id), entities in absent.items():
        doubtful.add_absent(account, entities, feeds.of_account(account), now, has_id=has_id)
    return Survey(
        entities=found,
        services=surveyed,
        incomplete=frozenset(entity for some in absent.values() for entity in some),
        as_of=min(instants, default=None),
        doubts=doubtful.all(),
    )


def _rows() -> dict[int, _Row]:
    columns = (
        *("pk", "account", "pd_id", "status", "maintenance_until", "mirrored_at", "is_mapped"),
        *("policy_id", "policy__mirrored_at", "open_triggered", "open_acknowledged", "open_other"),
    )
    found = Service.objects.order_by().values_list(*columns)
    return {row[0]: _Row(*row) for row in found.iterator(chunk_size=5000)}


def _find(
    named: Mapping[int, Iterable[Named]], rows: Mapping[int, _Row]
) -> tuple[dict[int, tuple[int, ...]], dict[tuple[str, bool], list[int]]]:
    """The services of each entity, and the entities that name what is not mirrored."""
    by_id = {(row.account, row.pd_id): row.pk for row in rows.values()}
    by_key: dict[tuple[str, str], int] = {}
    if any(one.key_digest for names in named.values() for one in names):
        keys = Integration.objects.exclude(integration_key="").order_by("-pk")
        for account, key, pk in keys.values_list(
            "service__account", "integration_key", "service_id"
        ):
            by_key[(account, digest_of(key))] = pk
    found: dict[int, tuple[int, ...]] = {}
    absent: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for entity, names in named.items():
        pks: dict[int, None] = {}
        for one in names:
            its = (
                by_id.get((one.account, one.pd_id))
                if one.pd_id
                else by_key.get((one.account, one.key_digest))
            )
            if its is None:
                absent[(one.account, bool(one.pd_id))].append(entity)
            else:
                pks[its] = None
        found[entity] = tuple(pks)
    return found, absent


def _policies_without_anybody(now: datetime) -> set[int]:
    """Policies of which PagerDuty named nobody who is on call now, on any level; one query.

    Not those with a shift that is over: it was not said who follows.
    """
    begun = OnCall.objects.begun(now).filter(policy=OuterRef("pk"))
    found = EscalationPolicy.objects.filter(~Exists(begun)).order_by()
    return set(found.values_list("pk", flat=True))


class _Doubts:
    """What is not known, by reason."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], tuple[Freshness, dict[int, None], dict[int, None]]] = {}

    def add_service(self, row: _Row, kind: str, fresh: Freshness, entities: Iterable[int]) -> None:
        """A service whose incidents are old or unknown, for what its feed says."""
        self._add((row.account, "", kind), fresh, [row.pk], entities)

    def add_absent(
        self,
        account: str,
        entities: Iterable[int],
        fresh: Mapping[str, Freshness],
        now: datetime,
        *,
        has_id: bool,
    ) -> None:
        """Entities that name a service of the account which is not mirrored."""
        known = all_accounts().get(account)
        listed = fresh[Feed.Kind.SERVICES]
        problem = ""
        if known is None:
            problem = ProblemKind.UNKNOWN_ACCOUNT
        elif known.problem:
            problem = ProblemKind.NOT_CONFIGURED
        elif listed.is_fresh(now, LISTED_WITHIN):
            problem = ProblemKind.NO_SUCH_SERVICE if has_id else ProblemKind.NO_SUCH_KEY
        self._add((account, problem, Feed.Kind.SERVICES), listed, [], entities)

    def _add(
        self,
        why: tuple[str, str, str],
        fresh: Freshness,
        services: Iterable[int],
        entities: Iterable[int],
    ) -> None:
        age = "old" if fresh.is_known else "unknown"
        key = (*why, age, fresh.reason, fresh.detail)
        oldest, all_services, all_entities = self._found.setdefault(key, (fresh, {}, {}))
        if fresh.succeeded_at and oldest.succeeded_at and fresh.succeeded_at < oldest.succeeded_at:
            self._found[key] = (fresh, all_services, all_entities)
        all_services.update(dict.fromkeys(services))
        all_entities.update(dict.fromkeys(entities))

    def all(self) -> tuple[Doubt, ...]:
        """One for each reason, the widest first."""
        made = [
            Doubt(
                account=account,
                problem=problem,
                kind=kind,
                freshness=fresh,
                services=tuple(services),
                entities=tuple(entities),
            )
            for (account, problem, kind, *_), (fresh, services, entities) in self._found.items()
        ]
        return tuple(sorted(made, key=lambda one: -len(one.entities)))
