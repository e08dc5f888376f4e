"""What the index prints beside its rows: kinds, filters, columns, orders, exports. No queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from django.urls import reverse

from catalog import cards
from catalog.kinds import Kind
from catalog.masking import DEFAULT_MASKER
from catalog.search.facets import Flag, IndexFacet, label_of_flag
from catalog.search.filters import FACET_KEYS, FLAG_KEYS, IndexFilters, label_of, name_of
from catalog.search.text_search import DEFAULT_SORT, Match

SHOWN_CHOICES = 8
_OPEN = {"state", "type", "owner", "lifecycle", "tag"}
_LABELS = {"tag": "Tags"}
_EXPORTS = {"csv": "CSV", "json": "JSON", "yaml": "YAML"}
# What each kind's list shows after the name; other kinds and several at once show the first.
_COLUMNS = (("Type", "type"), ("Owner", "owner"), ("Lifecycle", "lifecycle"))
_COLUMNS_OF = {
    Kind.COMPONENT: (("System", "system"), *_COLUMNS),
    Kind.API: (("System", "system"), *_COLUMNS),
    Kind.RESOURCE: (("System", "system"), ("Type", "type"), ("Owner", "owner")),
    Kind.SYSTEM: (("Owner", "owner"),),
    Kind.DOMAIN: (("Owner", "owner"),),
    Kind.GROUP: (("Type", "type"),),
    Kind.TEMPLATE: (("Type", "type"), ("Owner", "owner")),
    Kind.AI_RESOURCE: (("System", "system"), *_COLUMNS),
    Kind.USER: (),
    Kind.LOCATION: (("Type", "type"),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KindChoice:
    """A kind to narrow the index to; ``query`` is the address's query that does it."""

    label: str
    icon: str
    count: int
    query: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the index; ``query`` is empty when one cannot sort by it.

    Attributes:
        key: What it shows.
        aria_sort: ``ascending`` or ``descending`` for the column in force, else empty.
    """

    key: str
    label: str
    query: str
    aria_sort: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkbox:
    """A checkbox of a filter; ``count`` is None when it was not counted."""

    key: str
    value: str
    label: str
    count: int | None
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetList:
    """The checkboxes of one filter.

    Attributes:
        chosen: How many are ticked.
        more: How many values are not shown; with ``is_cut`` there are more than that.
        more_query: The address's query that shows them; empty when all are shown.
    """

    key: str
    label: str
    boxes: Sequence[Checkbox]
    chosen: int
    is_open: bool
    more: int
    is_cut: bool
    more_query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A typo that the search looked past.

    Attributes:
        pairs: Each word that nothing contains, with the word looked for instead.
        insist_query: The address's query that looks for what was typed.
    """

    pairs: Sequence[tuple[str, str]]
    insist_query: str


def kind_choices(filters: IndexFilters, counts: Mapping[str, int]) -> list[KindChoice]:
    """The kinds that the other filters leave, and all of them together first.

    A kind's link keeps every filter but the type, which is the kind's own.
    """
    base = filters.without("kind").without("type")
    asked = {Kind.from_segment(value) for value in filters.of("kind")}
    chosen = [
        KindChoice(
            label=kind.label,
            icon=kind.icon,
            count=counts.get(kind, 0),
            query=base.with_value("kind", kind.lower()).query_string,
            is_current=kind in asked,
        )
        for kind in Kind
        if counts.get(kind) or kind in asked
    ]
    everything = KindChoice(
        label="All",
        icon="catalog",
        count=sum(counts.values()),
        query=base.query_string,
        is_current=not filters.of("kind"),
    )
    return [everything, *chosen]


def facet_lists(filters: IndexFilters, facets: Sequence[IndexFacet], more: str) -> list[FacetList]:
    """The filters as lists of checkboxes: the chosen values and the eight most frequent.

    Args:
        filters: What is asked for.
        facets: What was counted.
        more: The filter of which all values are shown.
    """
    return [_facet_list(filters, facet, shows_all=facet.key == more) for facet in facets]


def _facet_list(filters: IndexFilters, facet: IndexFacet, *, shows_all: bool) -> FacetList:
    asked = set(filters.columns_of(facet.key))
    most = len(facet.choices) if shows_all else max(SHOWN_CHOICES, len(asked))
    left = iter(sorted(facet.choices, key=lambda choice: choice.value not in asked))
    # Looking for secrets takes time: only in what is shown.
    shown = (
        choice
        for choice in left
        if choice.value in asked or not _names_secret(facet.key, choice.value)
    )
    boxes = [
        Checkbox(
            key=facet.key,
            value=choice.value,
            label=choice.label,
            count=choice.count,
            is_chosen=choice.value in asked,
        )
        for choice in islice(shown, most)
    ]
    more = sum(1 for _ in left)
    query = filters.query_string
    more_query = f"{query}{'' if query == '?' else '&'}more={facet.key}"
    return FacetList(
        key=facet.key,
        label=facet.label or _LABELS.get(facet.key, facet.key.capitalize()),
        boxes=boxes,
        chosen=len(asked),
        is_open=bool(asked) or shows_all or facet.key in _OPEN,
        more=more,
        is_cut=facet.is_cut,
        more_query=more_query if more else "",
    )


def _names_secret(key: str, value: str) -> bool:
    return key in ("owner", "system") and DEFAULT_MASKER.hides_ref(value)


def flag_choices(filters: IndexFilters, flags: Sequence[Flag]) -> list[Checkbox]:
    """What an entity may be or not be, as checkboxes."""
    return [
        Checkbox(
            key=flag.key,
            value=flag.value,
            label=flag.label,
            count=flag.count,
            is_chosen=flag.value in filters.of(flag.key),
        )
        for flag in flags
    ]


def correction(filters: IndexFilters, match: Match) -> Correction | None:
    """What to say of a typo; nothing when there was none."""
    if not match.corrected:
        return None
    query = filters.query_string
    return Correction(pairs=match.corrected, insist_query=f"{query}&exact=1")


def columns(filters: IndexFilters, *, has_badges: bool) -> list[Column]:
    """The index's columns for the kind shown; one that can be sorted by links to that order."""
    kinds = {Kind.from_segment(value) for value in filters.of("kind")}
    kind = next(iter(kinds)) if len(kinds) == 1 else None
    shown = [("Name", "name"), *([("State", "state")] if has_badges else [])]
    shown += [
        (label, key)
        for label, key in (_COLUMNS_OF.get(kind, _COLUMNS) if kind else _COLUMNS)
        if key != "type" or len(filters.of("type")) != 1
    ]
    shown += [("About", "about")]
    sortable = {"name", "type", "owner", "lifecycle"} | (
        {"state"} if cards.card_with_states() else set()
    )
    return [
        Column(
            key=key,
            label=label,
            query=filters.sorted_by(key).query_string if key in sortable else "",
            aria_sort=_aria_sort(filters, key) if key in sortable else "",
        )
        for label, key in shown
    ]


def _aria_sort(filters: IndexFilters, sort: str) -> str:
    current = filters.sort or ("" if filters.q else DEFAULT_SORT)
    if sort != current:
        return ""
    return "descending" if filters.descending else "ascending"


def orders(filters: IndexFilters) -> list[tuple[str, str]]:
    """The orders a person may choose from, the one in force always among them."""
    known = {
        "": "best match" if filters.q else "name",
        **({"name": "name"} if filters.q or filters.order == "name" else {}),
        "kind": "kind",
        "type": "type",
        "owner": "owner",
        "lifecycle": "lifecycle",
        "changed": "recently changed",
        **({"state": f"{card.title} state"} if (card := cards.card_with_states()) else {}),
    }
    if filters.order not in known:
        known[filters.order] = f"{known.get(filters.sort, filters.sort)}, reversed"
    return list(known.items())


def nothing_found(filters: IndexFilters, match: Match) -> str:
    """A sentence that says which filters left nothing, and what text was looked for."""
    asked = [f"text “{match.phrase if match.corrected else filters.q}”"] if filters.q else []
    for key in FACET_KEYS:
        word = f" {'or' if key != 'tag' or filters.any_tag else 'and'} "
        values = [f"{name_of(key)} “{label_of(key, value)}”" for value in filters.of(key)]
        asked += [word.join(values)] if values else []
    asked += [f"“{label_of_flag(key, value)}”" for key in FLAG_KEYS for value in filters.of(key)]
    return f"No entity has {', '.join(asked)}."


def chips(filters: IndexFilters, facets: Sequence[IndexFacet]) -> list[tuple[str, str, str]]:
    """For each filter in force: its name, its value, and the address's query without it.

    A value is called as its box is.
    """
    labels = {(facet.key, one.value): one.label for facet in facets for one in facet.choices}
    text = [("text", filters.q, filters.without("q").query_string)] if filters.q else []
    return [
        *text,
        *(
            (
                name_of(key),
                labels.get((key, column), label_of(key, value)),
                filters.without(key, value).query_string,
            )
            for key in FACET_KEYS
            for value, column in zip(filters.of(key), filters.columns_of(key), strict=True)
        ),
        *(
            ("", label_of_flag(key, value), filters.without(key, value).query_string)
            for key in FLAG_KEYS
            for value in filters.of(key)
        ),
    ]


def exports(filters: IndexFilters) -> list[tuple[str, str]]:
    """The formats of the export with their addresses."""
    query = filters.query_string
    base = f"{reverse('catalog:export')}{query}{'' if query == '?' else '&'}format="
    return [(label, base + format_) for format_, label in _EXPORTS.items()]
