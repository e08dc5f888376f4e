"""The values of each filter of the index, each with the number of entities it would show.

Kinds, types, lifecycles and namespaces are counted together, once, within one index; every facet
leaves its own filter out. What was counted is kept in the cache under the catalog's version: as
long as nothing is written it is true. A cache that is empty or broken costs the counting alone.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from django.db.models import Count, QuerySet, Value

from catalog import cards, versions
from catalog.graph import nodes_of
from catalog.masking import DEFAULT_MASKER
from catalog.models import Entity, Tag
from catalog.search.expressions import Among, Unordered
from catalog.search.filters import COLUMNS, FLAG_KEYS, IndexFilters, label_of
from catalog.search.selection import Selection, flagged

FACET_LIMIT = 200
# Counted together: the columns of the index ``entity_facets``. Rows are counted, not keys: keys are
# not in the index on PostgreSQL.
_TOGETHER = ("kind", "type", "lifecycle", "namespace")
_FLAGS = {
    ("user", "owned"): "Owned by me or my groups",
    ("user", "starred"): "Starred by me",
    ("is", "error"): "Has errors",
    ("is", "orphan"): "Orphaned",
    ("is", "local"): "Local, from no file",
    ("is", "overlaid"): "With overlays",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetChoice:
    """A value of a facet.

    Attributes:
        count: How many entities have it; None when it was asked for and not counted.
    """

    value: str
    label: str
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFacet:
    """The values that a filter can take among the entities the other filters leave.

    Attributes:
        choices: At most 200 and those asked for, the most frequent first.
        is_cut: There are more values than that.
        label: What the filter is called where its key does not say it.
    """

    key: str
    choices: Sequence[FacetChoice]
    is_cut: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Something an entity is or is not, as a filter.

    Attributes:
        count: How many of the entities that pass all filters are.
    """

    key: str
    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexCounts:
    """Every number of the index.

    Attributes:
        total: Entities that pass all filters.
        kinds: By kind, the entities that pass the filters but kind and type.
        facets: One for each filter with values, the kind's left out.
        flags: Those that somebody could choose, and those chosen.
    """

    total: int
    kinds: dict[str, int]
    facets: Sequence[IndexFacet]
    flags: Sequence[Flag]


def count(selection: Selection, *, version: int) -> IndexCounts:
    """Count what the filters leave.

    No query when it was counted before, else ten at most.

    Args:
        selection: What the index is asked for.
        version: The catalog's, read before anything else.
    """
    asked = selection.depends_on
    counts = versions.cached("facets", asked, version, lambda: _count_shared(selection))
    if states := _count_states(selection, version):
        counts = replace(counts, facets=[states, *counts.facets])
    reader = selection.reader
    if not reader.is_known:
        return counts
    own = versions.cached(
        "flags",
        (asked, sorted(reader.starred), sorted(reader.owner_refs)),
        version,
        lambda: _count_flags(selection, [pair for pair in _FLAGS if pair[0] == "user"]),
    )
    return replace(counts, flags=[*own, *counts.flags])


def label_of_flag(key: str, value: str) -> str:
    """What a flag is called, as a sentence's part; the value itself when it is not known."""
    if key == "within":
        return f"Belongs to {label_of(key, value)}"
    if key == "has":
        return next(
            (f"Has {card.title}" for card in cards.all_cards() if card.slug == value), value
        )
    return _FLAGS.get((key, value), value)


def _count_states(selection: Selection, version: int) -> IndexFacet | None:
    """How many of what the other filters leave are in each state; None where that is not known.

    One query. States change without the catalog: they are counted again for another digest.
    """
    card, states = cards.card_with_states(), selection.states
    if card is None or states is None:
        return None
    slugs = [state.slug for state in card.states]
    others = replace(selection, filters=selection.filters.without("state"))

    def read() -> dict[str, int]:
        among = others.narrow().filter(Among("pk", [*states.of(slugs)]))
        left = set(among.values_list("pk", flat=True))
        return {slug: len(left.intersection(states.of([slug]))) for slug in slugs}

    counted = versions.cached("states", (others.depends_on, states.digest), version, read)
    asked = selection.filters.of("state")
    shown = [slug for slug in slugs if counted[slug]]
    choices = [
        FacetChoice(value=slug, label=label_of("state", slug), count=counted.get(slug, 0))
        for slug in dict.fromkeys((*shown, *asked))
    ]
    return IndexFacet(key="state", choices=choices, label=card.title) if choices else None


def _count_shared(selection: Selection) -> IndexCounts:
    filters = selection.filters
    together = _count_together(selection)
    total = sum(n for _, n in _passing(together, filters, without=()))
    facets = [
        _facet(filters, key, _summed(together, filters, key)) for key in _TOGETHER if key != "kind"
    ]
    named = {key: _of_column(selection, key) for key in ("owner", "system")}
    titles = _titles({ref for found in named.values() for ref, _ in found})
    facets += [_facet(filters, key, found, titles) for key, found in named.items()]
    facets.append(_facet(filters, "tag", _of_tags(selection)))
    order = ("type", "owner", "lifecycle", "tag", "system", "namespace")
    pairs = [("has", card.slug) for card in cards.all_cards()]
    pairs += [pair for pair in _FLAGS if pair[0] == "is"]
    return IndexCounts(
        total=total,
        kinds=dict(_summed(together, filters.without("type"), "kind")),
        facets=[
            facet
            for facet in sorted(facets, key=lambda one: order.index(one.key))
            if _is_choice(facet, filters)
        ],
        flags=_count_flags(selection, pairs),
    )


def _is_choice(facet: IndexFacet, filters: IndexFilters) -> bool:
    """Whether there is something to choose: a namespace that all have is none."""
    if facet.key == "namespace" and not filters.of("namespace"):
        return len(facet.choices) > 1
    return bool(facet.choices)


Cube = Sequence[tuple[dict[str, str], int]]


def _count_together(selection: Selection) -> Cube:
    """How many entities have each combination, whatever those filters say. One query."""
    entities = selection.narrow(without=_TOGETHER)
    columns = [COLUMNS[key] for key in _TOGETHER]
    rows = entities.values_list(*columns).annotate(n=Count("*")).order_by(*columns)
    return [(dict(zip(_TOGETHER, row, strict=False)), row[-1]) for row in rows]


def _passing(cube: Cube, filters: IndexFilters, *, without: Collection[str]) -> Cube:
    asked = {key: set(filters.columns_of(key)) for key in _TOGETHER if key not in without}
    wanted = {key: values for key, values in asked.items() if values}
    return [
        (values, n)
        for values, n in cube
        if all(values[key] in allowed for key, allowed in wanted.items())
    ]


def _summed(cube: Cube, filters: IndexFilters, key: str) -> list[tuple[str, int]]:
    totals: Counter[str] = Counter()
    for values, n in _passing(cube, filters, without=(key,)):
        totals[values[key]] += n
    totals.pop("", None)
    return sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))


def _of_column(selection: Selection, key: str) -> list[tuple[str, int]]:
    column = COLUMNS[key]
    passed = selection.narrow(without=(key,)).exclude(**{column: ""})
    if selection.filters.is_active:
        passed = passed.annotate(counted=Unordered(column))
        column = "counted"
    return _most_frequent(passed, column)


def _of_tags(selection: Selection) -> list[tuple[str, int]]:
    """Tags among what the other filters leave; where all tags are asked for, beside those too."""
    filters = selection.filters
    others = filters.without("tag") if filters.any_tag else filters
    tags = Tag.objects.order_by()
    if others.is_active:
        without = ("tag",) if filters.any_tag else ()
        tags = tags.filter(entity__in=selection.narrow(without=without).values("pk"))
    return _most_frequent(tags, "name")


def _most_frequent(rows: QuerySet[Any], column: str) -> list[tuple[str, int]]:
    """The column's values with their counts, most frequent first: one more than is shown."""
    counts = rows.values_list(column).annotate(n=Count("*")).order_by("-n", column)
    return list(counts[: FACET_LIMIT + 1])


def _titles(refs: Collection[str]) -> dict[str, str]:
    """The titles of entities by reference, as rows show them. One query."""
    nodes = nodes_of(refs).items()
    return {ref: DEFAULT_MASKER.text(node.title) for ref, node in nodes if node.title}


def _facet(
    filters: IndexFilters,
    key: str,
    found: Sequence[tuple[str, int]],
    titles: Mapping[str, str] = MappingProxyType({}),
) -> IndexFacet:
    is_cut = len(found) > FACET_LIMIT
    shown: dict[str, int | None] = dict(found[:FACET_LIMIT])
    for value in filters.columns_of(key):  # what is asked for is always among the choices
        shown.setdefault(value, None if is_cut else 0)
    # A title that several have tells none of them.
    bearers = Counter(titles.get(value) for value in shown)
    labels = {value: title for value, title in titles.items() if bearers[title] == 1}
    return IndexFacet(
        key=key,
        choices=[
            FacetChoice(value=value, label=labels.get(value) or label_of(key, value), count=n)
            for value, n in shown.items()
        ],
        is_cut=is_cut,
    )


def _count_flags(selection: Selection, pairs: Sequence[tuple[str, str]]) -> list[Flag]:
    """How many of the entities that pass have each flag. One query."""
    everything = Entity.objects.order_by()
    chosen = {(key, value) for key in FLAG_KEYS for value in selection.filters.of(key)}
    branches = [
        selection.narrow(among=flagged(everything, key, value, selection.reader))
        .annotate(which=Value(number))
        .values("which")
        .annotate(n=Count("*"))
        .values_list("which", "n")
        for number, (key, value) in enumerate(pairs)
    ]
    if not branches:
        return []
    counted = dict(branches[0].union(*branches[1:], all=True))
    return [
        Flag(key=key, value=value, label=label_of_flag(key, value), count=counted.get(number, 0))
        for number, (key, value) in enumerate(pairs)
        if counted.get(number) or (key, value) in chosen
    ]
