"""Which entity maps to which service now, for the whole catalog: what the mapping page lists.

An entity is without a service when it names none, and a service without an entity when none names
it. An entity that names something which is not there is neither; it is a problem.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from catalog import versions
from catalog.kinds import Kind
from catalog.masking import DEFAULT_MASKER
from catalog.models import Entity
from pagerduty_card.accounts import Account, all_accounts
from pagerduty_card.mapping.targets import digest_of
from pagerduty_card.mapping_page.suggesting import Candidate, Index
from pagerduty_card.models import Integration, Service
from pagerduty_card.models import Mapping as MappingRow

# Kinds that usually are what a service stands for; the others are there for who asks.
USUAL_KINDS = (Kind.COMPONENT, Kind.API, Kind.RESOURCE, Kind.SYSTEM)
_AT_ONCE = 5_000


class EntityFacts(NamedTuple):
    """An entity as far as the lists and the suggestions need it."""

    pk: int
    ref: str
    kind: str
    name: str
    title: str
    owner_ref: str
    sort_name: str
    namespace: str

    @property
    def shown(self) -> str:
        """What people call it."""
        return self.title or self.name


class ServiceFacts(NamedTuple):
    """A service as far as the lists and the suggestions need it."""

    pk: int
    account: str
    pd_id: str
    name: str
    url: str
    teams: tuple[str, ...]

    @property
    def place(self) -> str:
        """Account and id: what a choice is written as."""
        return f"{self.account}:{self.pd_id}"


class Named(NamedTuple):
    """A service as an entity names it.

    Attributes:
        pd_id: As written; empty where a key alone names it.
        service: Primary key of the stored service; None: there is none.
        key_digest: Of the integration key that is written with it; may be empty.
        problem: As stored, see ``Mapping``.
    """

    account: str
    pd_id: str
    service: int | None
    key_digest: str
    problem: str


@dataclass(frozen=True, slots=False, kw_only=True)
class CurrentMappings:
    """The whole of it at one moment.

    Attributes:
        version: The catalog's, from before it was read.
        entities: Every entity by primary key, in the order of lists.
        services: Every mirrored service by primary key, by name.
        named: What each entity names, by the entity's primary key.
        accounts: Every account by name.
        keys: Digests of the integration keys of each service.
    """

    version: int
    entities: Mapping[int, EntityFacts]
    services: Mapping[int, ServiceFacts]
    named: Mapping[int, tuple[Named, ...]]
    accounts: Mapping[str, Account]
    keys: Mapping[int, tuple[str, ...]]

    @classmethod
    def read(cls) -> "CurrentMappings":
        """Read it: four queries, and one more after the catalog was written."""
        version = versions.current()
        keys: dict[int, tuple[str, ...]] = defaultdict(tuple)
        rows = Integration.objects.exclude(integration_key="").order_by("pk")
        for service, key in rows.values_list("service_id", "integration_key"):
            keys[service] += (digest_of(key),)
        columns = ("pk", "account", "pd_id", "name", "url", "teams")
        services = Service.objects.order_by("name", "account", "pk").values_list(*columns)
        return cls(
            version=version,
            entities=versions.cached("mapping-entities", (), version, _read_entities),
            services={
                pk: ServiceFacts(pk, account, pd_id, name, url, _team_names(teams))
                for pk, account, pd_id, name, url, teams in services.iterator(chunk_size=_AT_ONCE)
            },
            named=_read_named(),
            accounts=all_accounts(),
            keys=keys,
        )

    @cached_property
    def services_of(self) -> dict[int, tuple[int, ...]]:
        """The services that each entity names and that are there."""
        return {
            entity: tuple(
                dict.fromkeys(
                    one.service
                    for one in self.named[entity]
                    if one.service is not None and one.service in self.services
                )
            )
            for entity in self.entities
            if entity in self.named
        }

    @cached_property
    def entities_of(self) -> dict[int, list[int]]:
        """The entities that name each service."""
        found: dict[int, list[int]] = defaultdict(list)
        for entity, services in self.services_of.items():
            for service in services:
                found[service].append(entity)
        return dict(found)

    @cached_property
    def bare_entities(self) -> list[EntityFacts]:
        """Those that name no service, of every kind."""
        return [one for pk, one in self.entities.items() if pk not in self.named]

    @cached_property
    def bare_services(self) -> list[ServiceFacts]:
        """Those that no entity names."""
        return [one for pk, one in self.services.items() if pk not in self.entities_of]

    @cached_property
    def with_problems(self) -> list[EntityFacts]:
        """Those that name what is not there, name one twice, or carry a key of none of theirs."""
        return [one for pk, one in self.entities.items() if self._has_problem(pk)]

    @cached_property
    def mapped(self) -> list[EntityFacts]:
        """Those that name a service, there or not."""
        return [one for pk, one in self.entities.items() if pk in self.named]

    def _has_problem(self, pk: int) -> bool:
        named = self.named.get(pk, ())
        for one in named:
            account = self.accounts.get(one.account)
            if account is None or account.problem or one.problem or one.service is None:
                return True
        return bool(named) and len(self.services_of[pk]) < len(named)

    def team_name(self, owner_ref: str) -> str:
        """What an owner is called, a secret in place of its name masked; empty for none."""
        if not owner_ref:
            return ""
        found = self._owners.get(owner_ref)
        return found.shown if found else DEFAULT_MASKER.ref(owner_ref).rpartition("/")[2]

    @cached_property
    def _owners(self) -> dict[str, EntityFacts]:
        people = {Kind.GROUP.value, Kind.USER.value}
        return {one.ref: one for one in self.entities.values() if one.kind in people}

    def candidate_of_entity(self, one: EntityFacts) -> Candidate:
        """An entity as suggestions compare it."""
        owner = self.team_name(one.owner_ref)
        named = self.named.get(one.pk, ())
        key = next((each.key_digest for each in named if each.key_digest), "")
        return Candidate(
            pk=one.pk,
            names=tuple(dict.fromkeys(name for name in (one.name, one.title) if name)),
            teams=tuple(dict.fromkeys(n for n in (owner, one.owner_ref.rpartition("/")[2]) if n)),
            keys=(key,) if key else (),
        )

    def candidate_of_service(self, one: ServiceFacts) -> Candidate:
        """A service as suggestions compare it."""
        return Candidate(
            pk=one.pk,
            names=(one.name,),
            teams=one.teams,
            keys=self.keys.get(one.pk, ()),
            is_mapped=one.pk in self.entities_of,
        )

    @cached_property
    def service_index(self) -> Index:
        """Every service, to suggest to entities: one may be that of several."""
        return Index(map(self.candidate_of_service, self.services.values()))

    @cached_property
    def entity_index(self) -> Index:
        """The entities of the usual kinds without a service, to suggest to services."""
        usual = {kind.value for kind in USUAL_KINDS}
        return Index(
            self.candidate_of_entity(one) for one in self.bare_entities if one.kind in usual
        )


def _read_entities() -> dict[int, EntityFacts]:
    columns = ("pk", *EntityFacts._fields[1:])
    rows = Entity.objects.order_by("sort_name", "pk").values_list(*columns)
    return {row[0]: EntityFacts(*row) for row in rows.iterator(chunk_size=_AT_ONCE)}


def _read_named() -> dict[int, tuple[Named, ...]]:
    found: dict[int, tuple[Named, ...]] = {}
    columns = ("entity_id", "account", "service_pd_id", "service_id", "key_digest", "problem")
    rows = MappingRow.objects.order_by("entity_id", "position").values_list(*columns)
    for entity, *named in rows.iterator(chunk_size=_AT_ONCE):
        found[entity] = (*found.get(entity, ()), Named(*named))
    return found


def _team_names(teams: object) -> tuple[str, ...]:
    if not isinstance(teams, list):
        return ()
    return tuple(str(one.get("name", "")) for one in teams if isinstance(one, dict))
