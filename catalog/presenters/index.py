"""What the index prints beside its rows: kinds, columns, orders, filters in force. No queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.filters import FILTER_KEYS, Facet, Filters, label_of
from catalog.kinds import Kind
from catalog.search import DEFAULT_SORT


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
        aria_sort: ``ascending`` or ``descending`` for the column in force, else empty.
    """

    label: str
    query: str
    aria_sort: str


def kind_choices(filters: Filters, counts: Mapping[str, int]) -> list[KindChoice]:
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


def columns(filters: Filters, *, has_badges: bool) -> list[Column]:
    """The index's columns; a column that can be sorted by links to that order."""
    shown = [("Name", "name"), *([("State", "")] if has_badges else [])]
    shown += [("Type", "type"), ("Owner", "owner"), ("Lifecycle", "lifecycle"), ("About", "")]
    return [
        Column(
            label=label,
            query=filters.sorted_by(sort).query_string if sort else "",
            aria_sort=_aria_sort(filters, sort) if sort else "",
        )
        for label, sort in shown
    ]


def _aria_sort(filters: Filters, sort: str) -> str:
    current = filters.sort or ("" if filters.q else DEFAULT_SORT)
    if sort != current:
        return ""
    return "descending" if filters.descending else "ascending"


def orders(filters: Filters) -> list[tuple[str, str]]:
    """The orders a person may choose from, the one in force always among them."""
    known = {
        "": "best match" if filters.q else "name",
        **({"name": "name"} if filters.q or filters.order == "name" else {}),
        "kind": "kind",
        "type": "type",
        "owner": "owner",
        "lifecycle": "lifecycle",
        "changed": "recently changed",
    }
    if filters.order not in known:
        known[filters.order] = f"{known.get(filters.sort, filters.sort)}, reversed"
    return list(known.items())


def nothing_found(filters: Filters) -> str:
    """A sentence that says which filters left nothing."""
    asked = [f"text “{filters.q}”"] if filters.q else []
    for key in FILTER_KEYS:
        asked += [f"{key} “{label_of(key, value)}”" for value in filters.of(key)]
    return f"No entity has {', '.join(asked)}."


def chips(filters: Filters) -> list[tuple[str, str, str]]:
    """For each filter in force: its name, its value, and the address's query without it."""
    return [
        (key, label_of(key, value), filters.without(key, value).query_string)
        for key in FILTER_KEYS
        for value in filters.of(key)
    ]


def facet_choice(filters: Filters, facet: Facet) -> tuple[Facet, str, Sequence[str]]:
    """A facet, the value its list shows as chosen, and the further values that stay in force."""
    asked = filters.columns_of(facet.key)
    return facet, asked[0] if asked else "", asked[1:]
