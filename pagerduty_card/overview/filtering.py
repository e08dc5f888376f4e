"""The filters of a board: what the address asks for, what is left, and how many of each. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.http import QueryDict

from catalog.search.text_search import clean
from portal.numbers import whole_number

PAGE_SIZE = 25
MAX_VALUES = 20
SHOWN_CHOICES = 8


class Filterable(Protocol):
    """A row of a board, as far as filters read it."""

    @property
    def text(self) -> str:
        """All words to find it by, folded."""

    @property
    def values(self) -> Mapping[str, Collection[str]]:
        """By filter, the values it has."""


R = TypeVar("R", bound=Filterable)
# By filter, what its values are called.
Labels = dict[str, dict[str, str]]


class BoardQuery(NamedTuple):
    """What an address asks a board for; whatever else the address has makes no difference.

    Attributes:
        q: The text, cleaned.
        page: From 1.
        values: By filter key, the values of which any is enough; filters without one left out.
    """

    q: str
    page: int
    values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterValue:
    """A value of a filter: how many rows have it among those that pass the other filters."""

    key: str
    value: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One filter; ``more`` values are not shown, and the text finds them as well."""

    key: str
    label: str
    boxes: tuple[FilterValue, ...]
    chosen: int
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filtered(Generic[R]):
    """The rows that pass.

    Attributes:
        rows: Those of the page asked for.
        number: Of that page, from 1.
        passed: How many rows pass, on all pages.
        total: How many there are without any filter.
        chips: For each filter in force its label, its value and the address's query without it.
        query: Of the address, with its question mark, without the page.
    """

    rows: Sequence[R]
    number: int
    passed: int
    total: int
    q: str
    facets: tuple[Filter, ...]
    chips: tuple[tuple[str, str, str], ...]
    query: str

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter is in force."""
        return bool(self.chips)

    @property
    def page(self) -> Page[R]:
        """The page asked for, with its neighbours."""
        pages: Paginator[Any] = Paginator(range(self.passed), PAGE_SIZE)
        return Page(self.rows, self.number, pages)


def read_query(query: QueryDict, filters: Iterable[str]) -> BoardQuery:
    """Read what the address asks for.

    Args:
        query: Of the address.
        filters: The keys of the board's filters.
    """
    return BoardQuery(
        q=clean(query.get("q", "")),
        page=whole_number(query.get("page", "")) or 1,
        values={key: values for key in filters if (values := _asked(query, key))},
    )


def apply_filters(
    rows: Sequence[R],
    query: BoardQuery,
    filters: Mapping[str, str],
    labels: Mapping[str, Mapping[str, str]],
) -> Filtered[R]:
    """Keep the rows that the address asks for: any value of a filter, all filters, one page.

    Args:
        rows: All, in their order.
        query: Of ``read_query``, for these filters.
        filters: Labels by filter key, in the order in which they are shown.
        labels: By filter key, what its values are called.
    """
    q, asked = query.q, query.values
    words = q.casefold().split()
    found = [row for row in rows if all(word in row.text for word in words)] if words else rows
    passed = [row for row in found if _passes(row, asked)] if asked else found
    facets = []
    for key, label in filters.items():
        others = [row for row in found if _passes(row, asked, but=key)] if key in asked else passed
        facet = _filter(key, label, others, asked.get(key, ()), labels.get(key, {}))
        # A value that all have chooses nothing; one that some have does, though it is the only one.
        if facet.chosen or any(box.count < len(others) for box in facet.boxes):
            facets.append(facet)
    page = Paginator(passed, PAGE_SIZE).get_page(query.page)
    pairs = [("q", q)] if q else []
    pairs += [(key, value) for key, values in asked.items() for value in values]
    return Filtered(
        rows=list(page.object_list),
        number=page.number,
        passed=len(passed),
        total=len(rows),
        q=q,
        facets=tuple(facets),
        chips=tuple(
            (
                filters.get(key, "Text"),
                labels.get(key, {}).get(value, value),
                f"?{urlencode([pair for pair in pairs if pair != (key, value)])}",
            )
            for key, value in pairs
        ),
        query=f"?{urlencode(pairs)}",
    )


def keep_labels(
    values: Mapping[str, Mapping[str, str]], labels: Labels
) -> dict[str, tuple[str, ...]]:
    """The values of a row, by filter; what they are called goes into ``labels``."""
    for key, named in values.items():
        labels.setdefault(key, {}).update(named)
    return {key: tuple(named) for key, named in values.items()}


def folded(words: Iterable[str]) -> str:
    """The words as a row is searched in them."""
    return "\n".join(words).casefold()


def _asked(query: QueryDict, key: str) -> tuple[str, ...]:
    values = dict.fromkeys(clean(value) for value in query.getlist(key))
    return tuple(value for value in values if value)[:MAX_VALUES]


def _passes(row: Filterable, asked: Mapping[str, Sequence[str]], *, but: str = "") -> bool:
    return all(
        key == but or any(value in row.values.get(key, ()) for value in values)
        for key, values in asked.items()
    )


def _filter(
    key: str,
    label: str,
    rows: Sequence[Filterable],
    asked: Sequence[str],
    labels: Mapping[str, str],
) -> Filter:
    counts = Counter(value for row in rows for value in row.values.get(key, ()))
    boxes = [
        FilterValue(
            key=key,
            value=value,
            label=labels.get(value, value),
            count=counts[value],
            is_chosen=value in asked,
        )
        for value in dict.fromkeys((*asked, *counts))
    ]
    boxes.sort(key=lambda box: (not box.is_chosen, -box.count, box.label.casefold()))
    shown = boxes[: max(SHOWN_CHOICES, len(asked))]
    return Filter(
        key=key,
        label=label,
        boxes=tuple(shown),
        chosen=len(asked),
        more=len(boxes) - len(shown),
    )
