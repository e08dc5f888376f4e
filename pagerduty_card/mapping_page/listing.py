"""The lists of the mapping page: which rows pass the filters, and what each says. No writing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from django.http import QueryDict

from catalog import versions
from catalog.graph import Node
from catalog.kinds import Kind
from catalog.links import EntityLink, link_to
from catalog.masking import DEFAULT_MASKER
from catalog.refs import EntityRef
from pagerduty_card.mapping_page.choosing import tick_value
from pagerduty_card.mapping_page.current_mappings import (
    USUAL_KINDS,
    CurrentMappings,
    EntityFacts,
    ServiceFacts,
)
from pagerduty_card.mapping_page.suggesting import Suggestion, Sureness

USUAL, ALL = "", "all"
_MAX_OTHERS = 3


class View(StrEnum):
    """The lists."""

    ENTITIES = "entities"
    SERVICES = "services"
    MAPPED = "mapped"
    PROBLEMS = "problems"

    @property
    def label(self) -> str:
        """What it lists."""
        return {
            View.ENTITIES: "Entities without a service",
            View.SERVICES: "Services without an entity",
            View.MAPPED: "Mapped",
            View.PROBLEMS: "Problems",
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is narrowed to.

    Attributes:
        kind: A kind; empty: the usual ones; ``all``.
        team: Reference of an owner, or the name of a PagerDuty team.
        account: Name of an account.
        sure: Only rows with a suggestion at least so sure; None: all rows.
    """

    view: View
    text: str = ""
    kind: str = USUAL
    team: str = ""
    account: str = ""
    sure: Sureness | None = None

    @classmethod
    def from_query(cls, query: QueryDict) -> "Filters":
        """Of an address; what means nothing is left out."""
        view, sure = query.get("view", ""), query.get("sure", "")
        by_name = {one.name.lower(): one for one in Sureness}
        return cls(
            view=View(view) if view in set(View) else View.ENTITIES,
            text=query.get("q", "").replace("\x00", "").strip()[:200],
            kind=kind if (kind := query.get("kind", "")) in {*Kind.values, ALL} else USUAL,
            team=query.get("team", "").replace("\x00", "")[:500],
            account=query.get("account", "").replace("\x00", "")[:64],
            sure=by_name.get(sure),
        )

    @property
    def is_active(self) -> bool:
        """Whether anything is left out that another filter would show."""
        return bool(self.text or self.kind or self.team or self.account or self.sure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One suggestion as a row shows it.

    Attributes:
        value: What ticking it sends.
        typed: What choosing it in the field beside types.
        claimed: Who else has it or may want it, in words; empty for nobody.
        is_ticked: Whether the row comes ticked: sure enough for what was asked, and nobody else's.
    """

    name: str
    value: str
    typed: str
    sureness: Sureness
    reason: str
    claimed: str = ""
    is_ticked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entity or one service of a list.

    Attributes:
        key: Names the row's field.
        link: To the entity; None for a service.
        url: Of the service in PagerDuty.
        meta: What else tells it apart.
    """

    key: str
    name: str
    meta: Sequence[str]
    link: EntityLink | None = None
    url: str = ""
    offers: Sequence[Offer] = field(default_factory=tuple)


@dataclass(frozen=True, slots=False, kw_only=True)
class Listing:
    """One list of all current mappings, narrowed."""

    current: CurrentMappings
    filters: Filters

    @cached_property
    def entities(self) -> list[EntityFacts]:
        """Those that pass, in the order of lists; of the views that list entities."""
        source = {
            View.ENTITIES: lambda: self.current.bare_entities,
            View.MAPPED: lambda: self.current.mapped,
            View.PROBLEMS: lambda: self.current.with_problems,
            View.SERVICES: lambda: list[EntityFacts](),
        }[self.filters.view]()
        passing = [one for one in source if self._passes(one)]
        if self.filters.sure is None or self.filters.view is not View.ENTITIES:
            return passing
        return [one for one in passing if self._best.get(one.pk, -1) >= self.filters.sure.least]

    @cached_property
    def services(self) -> list[ServiceFacts]:
        """Those that pass, by name; of the view that lists services."""
        given = self.filters
        text = given.text.lower()
        passing = [
            one
            for one in self.current.bare_services
            if (not text or text in f"{one.name} {one.pd_id}".lower())
            and (not given.account or one.account == given.account)
            and (not given.team or given.team in one.teams)
        ]
        if given.sure is None:
            return passing
        return [one for one in passing if self._best.get(one.pk, -1) >= given.sure.least]

    @cached_property
    def _best(self) -> dict[int, int]:
        """The best suggestion's score for every row of the view; kept until either side changes."""
        current, view = self.current, self.filters.view
        parts = (view.value, sorted(current.services.values()), sorted(current.keys.items()))
        return versions.cached("mapping-best", parts, current.version, self._read_best)

    def _read_best(self) -> dict[int, int]:
        found = (
            [(one.pk, self.for_service(one, 1)) for one in self.current.bare_services]
            if self.filters.view is View.SERVICES
            else [(one.pk, self.for_entity(one, 1)) for one in self.current.bare_entities]
        )
        return {pk: suggestions[0].score for pk, suggestions in found if suggestions}

    def for_entity(self, one: EntityFacts, limit: int = 3) -> list[Suggestion]:
        """Services that it may mean, without those it maps to."""
        asked = self.current.candidate_of_entity(one)
        has = self.current.services_of.get(one.pk, ())
        found = self.current.service_index.suggest(asked, limit=limit + len(has))
        return [suggestion for suggestion in found if suggestion.pk not in has][:limit]

    def for_service(self, one: ServiceFacts, limit: int = 3) -> list[Suggestion]:
        """Entities that may mean it."""
        asked = self.current.candidate_of_service(one)
        return self.current.entity_index.suggest(asked, limit=limit)

    def _passes(self, one: EntityFacts) -> bool:
        given = self.filters
        if given.view is View.ENTITIES or given.kind != USUAL:
            usual = given.kind == USUAL and one.kind in _USUAL
            if not usual and given.kind not in {ALL, one.kind}:
                return False
        text = given.text.lower()
        # The kind has a filter of its own; somebody who writes a colon writes a reference.
        own = one.ref if ":" in text else f"{one.ref.partition(':')[2]} {one.title}".lower()
        return (
            (not given.team or one.owner_ref == given.team)
            and (not given.account or self._is_of_account(one))
            and (not text or text in own or self._names(one, text))
        )

    def _is_of_account(self, one: EntityFacts) -> bool:
        return any(n.account == self.filters.account for n in self.current.named.get(one.pk, ()))

    def _names(self, one: EntityFacts, text: str) -> bool:
        """Whether a service that it names has the text."""
        named = self.current.named.get(one.pk, ())
        found = (self.current.services[pk] for pk in self.current.services_of.get(one.pk, ()))
        return any(text in n.pd_id.lower() for n in named) or any(
            text in service.name.lower() for service in found
        )

    @property
    def teams(self) -> list[tuple[str, str]]:
        """Owners or teams to choose among, value and name, by name: all, for no text finds them."""
        if self.filters.view is View.SERVICES:
            names = {team for one in self.current.bare_services for team in one.teams}
            found = [(name, name) for name in names]
        else:
            refs = {one.owner_ref for one in self.current.entities.values() if one.owner_ref}
            found = [
                (ref, self.current.team_name(ref))
                for ref in refs
                if not DEFAULT_MASKER.hides_ref(ref)
            ]
        return sorted(found, key=lambda pair: (pair[1].lower(), pair[0]))

    def entity_rows(self, shown: Iterable[EntityFacts]) -> list[Row]:
        """The rows of entities, each with the services it may mean."""
        rows = []
        for one in shown:
            offers = []
            for suggestion in self.for_entity(one):
                service = self.current.services[suggestion.pk]
                claimed = self._claimed(service, one)
                offers.append(
                    Offer(
                        name=service.name,
                        value=tick_value(one, service),
                        typed=service.place,
                        sureness=suggestion.sureness,
                        reason=suggestion.reason,
                        claimed=claimed,
                        is_ticked=not claimed and self._is_sure(suggestion),
                    )
                )
            rows.append(
                Row(
                    key=one.ref,
                    name=one.shown,
                    link=link_of(one),
                    meta=[t for t in (one.kind, self.current.team_name(one.owner_ref)) if t],
                    offers=offers,
                )
            )
        return rows

    def service_rows(self, shown: Iterable[ServiceFacts]) -> list[Row]:
        """The rows of services, each with the entities that may mean it."""
        rows = []
        for one in shown:
            offers = []
            for suggestion in self.for_service(one):
                entity = self.current.entities[suggestion.pk]
                offers.append(
                    Offer(
                        name=entity.shown,
                        value=tick_value(entity, one),
                        typed=entity.ref,
                        sureness=suggestion.sureness,
                        reason=suggestion.reason,
                        is_ticked=self._is_sure(suggestion),
                    )
                )
            account = f"account {one.account}" if len(self.current.accounts) > 1 else ""
            rows.append(
                Row(
                    key=one.place,
                    name=one.name,
                    url=one.url,
                    meta=[text for text in (one.pd_id, account, ", ".join(one.teams)) if text],
                    offers=offers,
                )
            )
        return rows

    def _is_sure(self, suggestion: Suggestion) -> bool:
        return self.filters.sure is not None and suggestion.score >= self.filters.sure.least

    def _claimed(self, service: ServiceFacts, one: EntityFacts) -> str:
        having = [
            self.current.entities[pk].shown for pk in self.current.entities_of.get(service.pk, ())
        ]
        asked = self.current.candidate_of_service(service)
        wanting = [
            self.current.entities[pk].shown
            for pk in self.current.entity_index.with_same_core(asked)
            if pk != one.pk
        ]
        told = []
        if having:
            told.append(f"already the service of {few(having)}")
        if wanting:
            told.append(f"{few(wanting)} may mean it too")
        return "; ".join(told)


_USUAL = {kind.value for kind in USUAL_KINDS}


def link_of(one: EntityFacts) -> EntityLink:
    """A link to an entity."""
    ref = EntityRef.parse(one.ref)
    return link_to(Node(ref=ref, name=one.name, title=one.title), default_kind=ref.kind)


def few(names: Sequence[str]) -> str:
    """The first three names, and how many more there are."""
    more = len(names) - _MAX_OTHERS
    return ", ".join(names[:_MAX_OTHERS]) + (f" and {more} more" if more > 0 else "")
