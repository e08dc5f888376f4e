"""The index's filters, as the address says them, and what each could be set to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, QuerySet
from django.db.models.expressions import OrderBy
from django.db.models.functions import Lower
from django.http import QueryDict

from catalog.kinds import Kind
from catalog.models import Entity, Tag
from catalog.querysets import EntityQuerySet
from catalog.refs import EntityRef, InvalidRefError
from catalog.search import DEFAULT_SORT, SORTS, clean, matching, search_entities

MAX_VALUES = 20
FACET_LIMIT = 200
# Backstage's names of the same filters, so that bookmarks and links carry over.
PEER_NAMES = {
    "kind": "kind",
    "type": "type",
    "owners": "owner",
    "lifecycles": "lifecycle",
    "tags": "tag",
    "text": "q",
}
FILTER_KEYS = ("kind", "type", "owner", "lifecycle", "system", "tag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value of a facet.

    Attributes:
        count: How many entities have it; None when it was asked for and not counted.
    """

    value: str
    label: str
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """The values that a filter can take among the entities the other filters leave.

    Attributes:
        choices: At most 200, the most frequent ones, sorted by label.
        is_cut: There are more values than shown.
    """

    key: str
    choices: Sequence[Choice]
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the index is asked for; everything of it is in the address.

    Attributes:
        q: Text to search for.
        values: Values by filter key, as asked for; several owners, types, kinds, systems or
            lifecycles mean any of them, several tags all of them.
        sort: A key of ``SORTS``, or empty: by name, or by relevance when there is a text.
        descending: The sort reversed.
    """

    q: str = ""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str = ""
    descending: bool = False

    @classmethod
    def from_query(cls, query: QueryDict) -> "Filters":
        """Read the filters from an address; whatever is not understood is left out.

        Source of the ``filters[...]`` names: the address of Backstage's catalog page.
        """
        given: dict[str, list[str]] = {}
        for key in query:
            is_peers = key.startswith("filters[")
            name = PEER_NAMES.get(key[8:].partition("]")[0], "") if is_peers else key
            if name != "q" and name not in FILTER_KEYS:
                continue
            texts = [clean(text) for text in query.getlist(key)]
            texts = [text for text in texts if text and not (is_peers and text == "all")]
            given.setdefault(name, []).extend(texts)
        sort = query.get("sort", "")
        return cls(
            q=(given.pop("q", None) or [""])[0],
            values={
                key: tuple(dict.fromkeys(given[key]))[:MAX_VALUES]
                for key in FILTER_KEYS
                if given.get(key)
            },
            sort=sort.removeprefix("-") if sort.removeprefix("-") in SORTS else "",
            descending=sort.startswith("-") and sort[1:] in SORTS,
        )

    def of(self, key: str) -> tuple[str, ...]:
        """The values asked for, none when the filter is not set."""
        return self.values.get(key, ())

    def columns_of(self, key: str) -> list[str]:
        """The values asked for as the columns hold them: references canonical, kinds as spelt."""
        return _asked_values(key, self.of(key))

    @property
    def is_active(self) -> bool:
        """Whether anything narrows the index."""
        return bool(self.q or self.values)

    @property
    def order(self) -> str:
        """The sort as in the address."""
        return f"-{self.sort}" if self.descending else self.sort

    def without(self, key: str, value: str | None = None) -> "Filters":
        """The same without one filter, or without one of its values."""
        if key == "q":
            return replace(self, q="")
        kept = tuple(v for v in self.of(key) if value is not None and v != value)
        values = {k: v for k, v in self.values.items() if k != key}
        return replace(self, values={**values, key: kept} if kept else values)

    def with_value(self, key: str, value: str) -> "Filters":
        """The same with exactly this value of one filter."""
        return replace(self, values={**self.values, key: (value,)})

    def sorted_by(self, sort: str) -> "Filters":
        """The same in another order; the order it already has is reversed."""
        is_same = sort == (self.sort or ("" if self.q else DEFAULT_SORT))
        return replace(self, sort=sort, descending=is_same and not self.descending)

    @property
    def query_string(self) -> str:
        """The address's query, with its question mark; the page number is left out."""
        pairs = [("q", self.q)] if self.q else []
        pairs += [(key, value) for key in FILTER_KEYS for value in self.of(key)]
        pairs += [("sort", self.order)] if self.sort else []
        return f"?{urlencode(pairs)}"

    def narrow(self, entities: EntityQuerySet, *, without: str = "") -> EntityQuerySet:
        """The entities that pass every filter but one, in no order."""
        for key in FILTER_KEYS:
            if key != without and (values := self.of(key)):
                entities = _narrow_one(entities, key, values)
        return matching(self.q, entities)

    def find(self) -> EntityQuerySet:
        """The entities that pass, in the order asked for."""
        entities = self.narrow(Entity.objects.all())
        if not self.sort:
            return (
                search_entities(self.q, entities) if self.q else entities.order_by(*SORTS["name"])
            )
        first, *rest = SORTS[self.sort]
        return entities.order_by(_reversed(first) if self.descending else first, *rest)

    def kind_counts(self) -> dict[str, int]:
        """How many entities of each kind pass the other filters; the type is the kind's own."""
        passed = self.without("type").narrow(Entity.objects.all(), without="kind")
        counts = passed.order_by().values_list("kind").annotate(n=Count("pk"))
        return dict(counts)

    def facet(self, key: str) -> Facet:
        """The values of one filter among the entities that pass the others. One query."""
        passed = self.narrow(Entity.objects.all(), without=key).order_by()
        if key == "tag":
            tags = Tag.objects.order_by()
            if self.without("tag").is_active:
                tags = tags.filter(entity__in=passed.values("pk"))
            found = _most_frequent(tags, "name")
        else:
            column = _COLUMNS[key]
            found = _most_frequent(passed.exclude(**{column: ""}), column)
        is_cut = len(found) > FACET_LIMIT
        kept: dict[str, int | None] = dict(found[:FACET_LIMIT])
        for value in self.columns_of(key):  # what is asked for is always among the choices
            kept.setdefault(value, None if is_cut else 0)
        choices = [
            Choice(value=value, label=label_of(key, value), count=counted)
            for value, counted in kept.items()
        ]
        return Facet(
            key=key,
            choices=sorted(choices, key=lambda choice: choice.label.lower()),
            is_cut=is_cut,
        )


def _reversed(order: str | Lower) -> str | OrderBy:
    if not isinstance(order, str):
        return order.desc()
    return order[1:] if order.startswith("-") else f"-{order}"


def _most_frequent(rows: QuerySet[Any], column: str) -> list[tuple[str, int]]:
    """The column's values with their counts, most frequent first: one more than is shown."""
    counts = rows.values_list(column).annotate(n=Count("pk")).order_by("-n", column)
    return list(counts[: FACET_LIMIT + 1])


_COLUMNS = {
    "type": "type",
    "owner": "owner_ref",
    "lifecycle": "lifecycle",
    "system": "system_ref",
}


def label_of(key: str, value: str) -> str:
    """What a filter's value is called: a reference in its short form, a kind as it is spelt."""
    if key == "kind":
        kind = Kind.from_segment(value)
        return kind.label if kind else value
    if key in {"owner", "system"}:
        default = "group" if key == "owner" else "system"
        try:
            return EntityRef.parse(value, default_kind=default).short(default)
        except InvalidRefError:
            return value
    return value


def _asked_values(key: str, values: Iterable[str]) -> list[str]:
    if key == "kind":
        return [kind.value if (kind := Kind.from_segment(v)) else v for v in values]
    if key in {"owner", "system"}:
        return [_canonical(v, "group" if key == "owner" else "system") for v in values]
    return list(values)


def _canonical(text: str, default_kind: str) -> str:
    try:
        return str(EntityRef.parse(text, default_kind=default_kind))
    except InvalidRefError:
        return text


def _narrow_one(entities: EntityQuerySet, key: str, values: Sequence[str]) -> EntityQuerySet:
    asked = _asked_values(key, values)
    if key == "kind":
        return entities.filter(kind__in=asked)
    if key == "tag":
        for tag in asked:
            entities = entities.filter(pk__in=Tag.objects.filter(name=tag).values("entity_id"))
        return entities
    return entities.filter(**{f"{_COLUMNS[key]}__in": asked})
