"""The entities that pass the index's filters."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from django.db.models import Case, Q, Value, When

from catalog import cards
from catalog.models import Entity, EntityQuerySet, ImportIssue, Overlay, Tag
from catalog.search.expressions import Among, Unordered
from catalog.search.filters import COLUMNS, FLAG_KEYS, IndexFilters, IndexReader
from catalog.search.text_search import SORTS, Match


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The entities that pass, as a query that is not run yet.

    Attributes:
        filters: What the index is asked for.
        match: What their text was found in.
        reader: Whose entities are meant.
        states: Which entities are in which of a card's states; None where that is not known.
        within: What belongs to each entity that ``within`` names, as primary keys.
    """

    filters: IndexFilters
    match: Match
    reader: IndexReader
    states: cards.EntityStates | None = None
    within: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @property
    def is_state_unknown(self) -> bool:
        """Whether a state is asked for while no states are known: then nothing passes."""
        return bool(self.filters.of("state")) and self.states is None

    def narrow(
        self, *, without: Collection[str] = (), among: EntityQuerySet | None = None
    ) -> EntityQuerySet:
        """The entities that pass every filter but those left out, in no order.

        Args:
            without: Keys of the filters left out.
            among: The few to begin with, on SQLite too, which would rather begin with a column.
        """
        entities = Entity.objects.order_by() if among is None else among
        for key, name in COLUMNS.items():
            if key not in without and (asked := self.filters.columns_of(key)):
                column = name
                if among is not None:
                    column = f"of_{key}"
                    entities = entities.alias(**{column: Unordered(name)})
                entities = entities.filter(**{f"{column}__in": asked})
        if "tag" not in without:
            entities = self._with_tags(entities)
        is_first = among is None
        if "state" not in without and (slugs := self.filters.of("state")):
            in_state = [*self.states.of(slugs)] if self.states else []
            entities = entities.filter(Among("pk", in_state, is_first=is_first))
        for key in FLAG_KEYS:
            for value in () if key in without else self.filters.of(key):
                if key == "within":
                    parts = self.within.get(value, ())
                    entities = entities.filter(Among("pk", parts, is_first=is_first))
                else:
                    entities = flagged(entities, key, value, self.reader)
        return self.match.narrow(entities, is_first=is_first)

    def in_order(self) -> EntityQuerySet:
        """The entities that pass, in the order asked for."""
        if not self.filters.sort:
            return self.match.rank(self.narrow())
        order = SORTS[self.filters.sort]
        entities = self.narrow()
        if self.filters.sort == "state" and self.states:
            entities = entities.alias(severity=_severity(self.states))
            order = ("severity", *order)
        return entities.order_by(*(map(_reversed, order) if self.filters.descending else order))

    @property
    def depends_on(self) -> tuple[object, ...]:
        """What the selection depends on beside the catalog: the reader only where asked for."""
        of_user = self.filters.of("user")
        return (
            self.match.words,
            sorted((key, sorted(self.filters.columns_of(key))) for key in self.filters.values),
            self.filters.any_tag and len(self.filters.of("tag")) > 1,
            sorted(self.reader.starred) if "starred" in of_user else (),
            sorted(self.reader.owner_refs) if "owned" in of_user else (),
            [card.slug for card in cards.all_cards()],
            self.states.digest if self.states and self.filters.of("state") else "",
        )

    @property
    def order_depends_on(self) -> tuple[object, ...]:
        """What the order of the selection depends on beside the catalog."""
        digest = self.states.digest if self.states and self.filters.sort == "state" else ""
        return (self.depends_on, self.filters.order, digest)

    def _with_tags(self, entities: EntityQuerySet) -> EntityQuerySet:
        tagged = [
            Tag.objects.filter(name=tag).order_by().values("entity_id")
            for tag in self.filters.of("tag")
        ]
        if tagged and self.filters.any_tag:
            return entities.filter(reduce(or_, (Q(pk__in=rows) for rows in tagged)))
        for rows in tagged:
            entities = entities.filter(pk__in=rows)
        return entities


def flagged(entities: EntityQuerySet, key: str, value: str, reader: IndexReader) -> EntityQuerySet:
    """The entities that a flag is true of: owned, starred, in error; none for an unknown flag."""
    if key == "has":
        return cards.find(value, entities)
    # The few that a flag is true of are found first, whatever else is asked: as a list of keys,
    # that is what a database looks them up by.
    found = _flagged(key, value, reader)
    return entities.none() if found is None else entities.filter(pk__in=found.values("pk"))


def _flagged(key: str, value: str, reader: IndexReader) -> EntityQuerySet | None:
    rows = Entity.objects.order_by()
    match key, value:
        case "user", "starred":
            return rows.filter(ref__in=reader.starred)
        case "user", "owned":
            return rows.filter(owner_ref__in=reader.owner_refs)
        case "is", "error":
            wrong = ImportIssue.objects.exclude(kind=ImportIssue.Kind.WARNING).exclude(ref="")
            return rows.filter(ref__in=wrong.order_by().values("ref"))
        case "is", "orphan":
            return rows.filter(orphaned_at__isnull=False)
        case "is", "local":
            return rows.filter(location=None, source="")
        case "is", "overlaid":
            return rows.filter(ref__in=Overlay.objects.order_by().values("entity_id"))
    return None


def _severity(known: cards.EntityStates) -> Case:
    """The place of an entity's worst state among a card's states; behind them where it has none."""
    card = cards.card_with_states()
    states = card.states if card else ()
    return Case(
        *(
            When(Among("pk", [*known.of([state.slug])], is_first=False), then=Value(place))
            for place, state in enumerate(states)
        ),
        default=Value(len(states)),
    )


def _reversed(order: str) -> str:
    return order[1:] if order.startswith("-") else f"-{order}"
