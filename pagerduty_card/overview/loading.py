"""Loads the state of every entity that names a PagerDuty service, by the card's rules.

The rules are asked once for all services that they answer alike: those whose freshness is the
account's, and of them those of one status, one window and as many open incidents.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Set
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
from pagerduty_card.mapping.mistakes import ProblemKind
from pagerduty_card.mapping.resolving import LISTED_WITHIN
from pagerduty_card.models import Feed, OnCall, Service
from pagerduty_card.models import Mapping as MappingRow
from pagerduty_card.overview.data_issues import DataIssue, DataIssues
from pagerduty_card.states import NOTHING_KNOWN, IncidentCounts, ServiceState, service_state

# The sections from which a state and "nobody on call" follow.
_KINDS = (
    Feed.Kind.SERVICES.value,
    Feed.Kind.INCIDENTS.value,
    Feed.Kind.ON_CALL.value,
)


class EntitySummary(NamedTuple):
    """The state of one entity.

    Attributes:
        state: Of the worst of its services.
        open_count: Open incidents of all its services, as far as they are known.
        is_nobody_on_call: PagerDuty said so for one of its services.
    """

    state: ServiceState
    open_count: int
    is_nobody_on_call: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The state of all that the catalog names in PagerDuty, at one moment.

    Attributes:
        entities: By primary key, every entity that names a service; those alike share one object,
            so that thousands are read from the cache in a few milliseconds.
        services: Primary keys of each entity's services; fewer than it names where some are not
            stored.
        open_count: Open incidents of all their services, each once.
        as_of: When the oldest answer about open incidents came (UTC); None if none did.
        issues: Why open incidents are unknown or out of date; empty if all are known.
        incidents_unknown: Primary keys of the services whose incidents PagerDuty never told.
        nobody_on_call: Primary keys of those for which it says that nobody is on call.
        on_call_unknown: Primary keys of those for which it never said who is.
    """

    entities: Mapping[int, EntitySummary]
    services: Mapping[int, tuple[int, ...]]
    open_count: int
    as_of: datetime | None
    issues: tuple[DataIssue, ...]
    incidents_unknown: frozenset[int]
    nobody_on_call: frozenset[int]
    on_call_unknown: frozenset[int]

    def entities_with_issues(self) -> frozenset[int]:
        """The entities whose open incidents are unknown or out of date."""
        return frozenset(entity for issue in self.issues for entity in issue.entities)

    def entities_by_service(self) -> dict[int, list[int]]:
        """The entities of every service that is named, by primary keys."""
        return _inverted(self.services)


class _Row(NamedTuple):
    """The columns of a service from which its state follows.

    Attributes:
        has_on_call: Whether PagerDuty named anybody who is on call now, on any level of its policy,
            or whose shift is over: then it was not said who follows.
    """

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
    has_on_call: bool

    def counts_since(self, kind: str) -> CountsSince:
        """From when on answers of this ``Feed.Kind`` take in the service and its policy."""
        return counts_since(
            kind,
            mirrored_at=self.mirrored_at,
            is_mapped=self.is_mapped,
            policy_mirrored_at=self.policy_mirrored_at,
        )


@dataclass(frozen=True, slots=True)
class _Sections:
    """How far the sections of services are known, by ``Feed.Kind``."""

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
    """How far services are known, from all feeds of the kinds above; one query."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._by_owner: dict[tuple[str, str], dict[str, Feed]] = {}
        for feed in Feed.objects.filter(kind__in=_KINDS).order_by():
            self._by_owner.setdefault((feed.account, feed.service_pd_id), {})[feed.kind] = feed
        self._found: dict[tuple[str, str], _Sections] = {}

    def _owner_of(self, row: _Row) -> tuple[str, str]:
        """Account and service, the latter empty where the account's freshness is the service's."""
        since = max(row.mirrored_at, row.policy_mirrored_at or BEGINNING)
        is_alike = (
            row.is_mapped
            and (row.account, row.pd_id) not in self._by_owner
            and all(
                feed.asked_at is None or feed.asked_at >= since
                for feed in self._by_owner.get((row.account, ""), {}).values()
            )
        )
        return row.account, "" if is_alike else row.pd_id

    def of_service(self, row: _Row) -> _Sections:
        """Of one service."""
        owner = self._owner_of(row)
        if owner not in self._found:
            fresh = self._joined(owner, row.counts_since)
            judged = {kind: judge(kind, one, now=self._now) for kind, one in fresh.items()}
            self._found[owner] = _Sections(self._now, fresh, judged)
        return self._found[owner]

    def of_list(self, account: str) -> Freshness:
        """Of the account's list of services."""
        return self._joined((account, ""), lambda _kind: ALWAYS)[Feed.Kind.SERVICES]

    def _joined(
        self, owner: tuple[str, str], since: Callable[[str], CountsSince]
    ) -> dict[str, Freshness]:
        feeds = [self._by_owner.get(one, {}) for one in {(owner[0], ""), owner}]
        return {
            kind: of_feeds([of_kind[kind] for of_kind in feeds if kind in of_kind], since(kind))
            for kind in _KINDS
        }


def load(now: datetime) -> Overview:
    """Load the state of all that the catalog names; three queries.

    Args:
        now: The instant of reading (UTC).
    """
    services_of, absent = _mappings()
    entities_of = _inverted(services_of)
    rows = [row for row in _rows(now) if row.pk in entities_of]
    feeds = _Feeds(now)
    issues = DataIssues()
    states: dict[int, ServiceState] = {}
    incidents_unknown, nobody_on_call, on_call_unknown = set(), set(), set()
    instants = []
    for row in rows:
        known = feeds.of_service(row)
        incidents, on_call = known.judged[Feed.Kind.INCIDENTS], known.judged[Feed.Kind.ON_CALL]
        states[row.pk] = known.state_of(row)
        if on_call.is_unknown:
            on_call_unknown.add(row.pk)
        elif on_call.is_known and row.policy and not row.has_on_call:
            nobody_on_call.add(row.pk)
        if incidents.at:
            instants.append(incidents.at)
        else:
            incidents_unknown.add(row.pk)
        is_gone = known.judged[Feed.Kind.SERVICES].is_not_found
        if is_gone or not incidents.is_known:
            # A list of incidents says nothing of a service that is gone.
            kind = Feed.Kind.SERVICES if is_gone else Feed.Kind.INCIDENTS
            its = entities_of[row.pk]
            issues.add(row.account, "", kind, known.fresh[kind], services=[row.pk], entities=its)
    for (account, mistake), its in absent.items():
        listed = feeds.of_list(account)
        problem = _problem(account, mistake, listed, now)
        issues.add(account, problem, Feed.Kind.SERVICES, listed, entities=its)
    incomplete = {entity for its in absent.values() for entity in its}
    # A service may have been deleted after the mappings were read.
    stored = {e: tuple(pk for pk in pks if pk in states) for e, pks in services_of.items()}
    return Overview(
        entities=_summaries(stored, incomplete, states, nobody_on_call),
        services=stored,
        open_count=sum(state.counts.total for state in states.values()),
        as_of=min(instants, default=None),
        issues=issues.all(),
        incidents_unknown=frozenset(incidents_unknown),
        nobody_on_call=frozenset(nobody_on_call),
        on_call_unknown=frozenset(on_call_unknown),
    )


def _mappings() -> tuple[dict[int, dict[int, None]], dict[tuple[str, str], list[int]]]:
    """The stored services of each entity, and those that name others, by account and problem."""
    services_of: dict[int, dict[int, None]] = {}
    absent: dict[tuple[str, str], list[int]] = defaultdict(list)
    rows = MappingRow.objects.order_by("entity", "position")
    for entity, service, account, problem in rows.values_list(
        "entity_id", "service_id", "account", "problem"
    ):
        services = services_of.setdefault(entity, {})
        if service:
            services[service] = None
        else:
            absent[(account, problem)].append(entity)
    return services_of, absent


def _inverted(services_of: Mapping[int, Iterable[int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entity, services in services_of.items():
        for service in services:
            found.setdefault(service, []).append(entity)
    return found


def _rows(now: datetime) -> Iterable[_Row]:
    columns = (
        *("pk", "account", "pd_id", "status", "maintenance_until", "mirrored_at", "is_mapped"),
        *("policy_id", "policy__mirrored_at", "open_triggered", "open_acknowledged", "open_other"),
    )
    on_call = Exists(OnCall.objects.begun(now).filter(policy=OuterRef("policy")))
    found = Service.objects.order_by().values_list(*columns, on_call)
    return map(_Row._make, found.iterator(chunk_size=5000))


def _problem(account: str, stored: str, listed: Freshness, now: datetime) -> str:
    """Why a service that is named is not there, as a ``ProblemKind``; empty: not listed lately.

    ``stored`` is what the mapping says; it holds only for a list that is new enough.
    """
    configured = all_accounts().get(account)
    if configured is None:
        return ProblemKind.UNKNOWN_ACCOUNT
    if configured.problem:
        return ProblemKind.NOT_CONFIGURED
    is_certain = stored == ProblemKind.ODD_SERVICE_ID or listed.is_fresh(now, LISTED_WITHIN)
    return stored if is_certain else ""


def _summaries(
    services: Mapping[int, Sequence[int]],
    incomplete: Container[int],
    states: Mapping[int, ServiceState],
    nobody_on_call: Set[int],
) -> dict[int, EntitySummary]:
    found = {}
    alike: dict[tuple[int, int, bool], EntitySummary] = {}
    for entity, pks in services.items():
        known = [states[pk] for pk in pks]
        count = sum(state.counts.total for state in known)
        if entity in incomplete or not known:
            known.append(NOTHING_KNOWN)
        worst = min(known, key=lambda state: state.rank)
        is_nobody = not nobody_on_call.isdisjoint(pks)
        one = EntitySummary(worst, count, is_nobody)
        found[entity] = alike.setdefault((id(worst), count, is_nobody), one)
    return found
