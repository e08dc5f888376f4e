"""Finding entities: the ranked text search, the index's filters, and near names.

The search is a ranked ``LIKE`` over indexed columns, the same on SQLite and PostgreSQL.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce, Length, Lower, NullIf
from django.http import QueryDict

from catalog.kinds import Kind
from catalog.models import Entity, Tag
from catalog.querysets import EntityQuerySet
from catalog.refs import EntityRef, InvalidRefError

MAX_TEXT = 200
MAX_WORDS = 8
MAX_VALUES = 20
FACET_LIMIT = 200
CANDIDATE_LIMIT = 400
NEAR_ENOUGH = 0.6
DEFAULT_SORT = "name"
# Lists show the title where there is one, so they are sorted by it too.
SHOWN_NAME = Lower(Coalesce(NullIf("title", Value("")), "name"))
SORTS: dict[str, tuple[str | Lower, ...]] = {
    "name": (SHOWN_NAME, "name", "namespace", "kind"),
    "kind": ("kind", "name", "namespace"),
    "type": ("type", "name", "namespace", "kind"),
    "owner": ("owner_ref", "name", "namespace", "kind"),
    "lifecycle": ("lifecycle", "name", "namespace", "kind"),
    "changed": ("-changed_at", "name", "namespace", "kind"),
}
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


def search_entities(text: str, entities: EntityQuerySet | None = None) -> EntityQuerySet:
    """Find the entities that contain every word of the text, best first.

    A word is looked for, without regard to case, in name, title, description, tags and owner.
    Matches of the name come first (the whole name, its beginning, a part of it), then the title,
    then the rest; ties by the name shown. ``%`` and ``_`` are ordinary characters.

    Args:
        text: What a person typed; beyond 200 characters and eight words it is not read.
        entities: Where to look; all entities when not given. Empty text finds all of them.
    """
    found = matching(text, Entity.objects.all() if entities is None else entities)
    phrase = " ".join(words_of(text))
    if not phrase:
        return found.order_by(*SORTS[DEFAULT_SORT])
    return found.annotate(
        rank=Case(
            When(name__iexact=phrase, then=Value(0)),
            When(title__iexact=phrase, then=Value(0)),
            When(name__istartswith=phrase, then=Value(1)),
            When(name__icontains=phrase, then=Value(2)),
            When(title__icontains=phrase, then=Value(3)),
            default=Value(4),
            output_field=IntegerField(),
        )
    ).order_by("rank", *SORTS[DEFAULT_SORT])


def matching(text: str, entities: EntityQuerySet) -> EntityQuerySet:
    """The entities that contain every word of the text, in no order."""
    for word in words_of(text):
        tagged = Tag.objects.filter(name__icontains=word).values("entity_id")
        entities = entities.filter(
            Q(name__icontains=word)
            | Q(title__icontains=word)
            | Q(description__icontains=word)
            | Q(owner_ref__icontains=word)
            | Q(pk__in=tagged)
        )
    return entities


def words_of(text: str) -> list[str]:
    """The words the search looks for."""
    return clean(text).split()[:MAX_WORDS]


def clean(text: str) -> str:
    """The text without what no database stores (NUL), cut to 200 characters."""
    return text.replace("\x00", "").strip()[:MAX_TEXT]


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


def near_names(wanted: EntityRef, *, limit: int = 5) -> list[Entity]:
    """The entities a mistyped reference may have meant, best first. Two queries at most.

    The same name elsewhere comes first, then names that share letters, the same kind before
    others.
    """
    name = clean(wanted.name)
    if not name or len(wanted.name) > MAX_TEXT:
        return []
    pieces = {name[at : at + 3] for at in range(max(len(name) - 2, 1))}
    shared = sum(
        (
            Case(When(name__icontains=piece, then=1), default=0, output_field=IntegerField())
            for piece in sorted(pieces)[:40]
        ),
        start=Value(0, output_field=IntegerField()),
    )
    candidates = (
        Entity.objects.for_list()
        .prefetch_related(None)
        .annotate(shared=shared)
        .filter(shared__gt=0)
        .order_by("-shared", Length("name"), "name")[:CANDIDATE_LIMIT]
    )
    ranked = sorted(
        ((_likeness(wanted, entity.entity_ref), entity) for entity in candidates),
        key=lambda pair: (-pair[0], pair[1].ref),
    )
    return [entity for likeness, entity in ranked if likeness >= NEAR_ENOUGH][:limit]


def near_refs(missing: Sequence[EntityRef]) -> dict[str, str]:
    """For each reference that leads nowhere, the one it most likely meant, where there is one.

    One query whatever the number; only entities of the same kind whose name begins with the same
    letter, or ends alike, are looked at, four hundred at most.
    """
    if not missing:
        return {}
    nearby = Q()
    for ref in missing:
        if name := clean(ref.name):
            kind = Kind.from_segment(ref.kind)
            alike = Q(name__istartswith=name[:2]) | Q(name__iendswith=name[-4:])
            nearby |= (alike & Q(kind=kind)) if kind else Q(name__iexact=name)
    if not nearby:
        return {}
    rows = Entity.objects.filter(nearby).order_by("name").values_list("ref", flat=True)
    candidates = [EntityRef.parse(ref) for ref in rows[:CANDIDATE_LIMIT]]
    found = {}
    for ref in missing:
        best = max(candidates, key=lambda other: _likeness(ref, other), default=None)
        if best and _likeness(ref, best) >= NEAR_ENOUGH:
            found[str(ref)] = str(best)
    return found


def _likeness(wanted: EntityRef, other: EntityRef) -> float:
    """How alike two references are, 0 to 1.4: the names, and a little for the same place."""
    names = SequenceMatcher(None, wanted.name, other.name).ratio()
    same_kind = 0.1 if wanted.kind == other.kind else 0
    same_namespace = 0.1 if wanted.namespace == other.namespace else 0
    same_name = 0.2 if wanted.name == other.name else 0
    return names + same_kind + same_namespace + same_name if names >= NEAR_ENOUGH else 0.0
