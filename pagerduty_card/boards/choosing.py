"""The filters of a board: what the address asks for, what is left, and how many of each. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlencode

from django.http import QueryDict

from catalog.search.text_search import clean

PAGE_SIZE = 25
MAX_VALUES = 20
SHOWN_CHOICES = 8


class Row(Protocol):
    """What a row is filtered by."""

    @property
    def text(self) -> str:
        """All words to find it by, folded."""

    @property
    def values(self) -> Mapping[str, Mapping[str, str]]:
        """By filter, the values it has and what each is called."""


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A value of a filter: how many rows have it among those that pass the other filters."""

    key: str
    value: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One filter; ``more`` values are not shown, and the text finds them as well."""

    key: str
    label: str
    boxes: tuple[Box, ...]
    chosen: int
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen(Generic[R]):
    """The rows that pass.

    Attributes:
        total: How many there are without any filter.
        chips: For each filter in force its label, its value and the address's query without it.
        query: Of the address, with its question mark, without the page.
    """

    rows: Sequence[R]
    total: int
    q: str
    facets: tuple[Facet, ...]
    chips: tuple[tuple[str, str, str], ...]
    query: str

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter is in force."""
        return bool(self.chips)


def choose(
    rows: Sequence[R],
    query: QueryDict,
    filters: Mapping[str, str],
    names: Mapping[str, Mapping[str, str]],
) -> Chosen[R]:
    """Keep the rows that the address asks for: any value of a filter, and all filters.

    Args:
        rows: All, in their order.
        query: Of the address.
        filters: Labels by filter key, in the order in which they are shown.
        names: By filter key, what values are called that perhaps no row has.
    """
    q = clean(query.get("q", ""))
    words = q.casefold().split()
    asked = {key: values for key in filters if (values := _asked(query, key))}
    found = [row for row in rows if all(word in row.text for word in words)] if words else rows
    passed = [row for row in found if _passes(row, asked)] if asked else found
    facets = []
    for key, label in filters.items():
        others = [row for row in found if _passes(row, asked, but=key)] if key in asked else passed
        facet = _facet(key, label, others, asked.get(key, ()), rows, names.get(key, {}))
        # A value that all have chooses nothing; one that some have does, though it is the only one.
        if facet.chosen or any(box.count < len(others) for box in facet.boxes):
            facets.append(facet)
    pairs = [("q", q)] if q else []
    pairs += [(key, value) for key, values in asked.items() for value in values]
    labels = {(box.key, box.value): box.label for facet in facets for box in facet.boxes}
    return Chosen(
        rows=passed,
        total=len(rows),
        q=q,
        facets=tuple(facets),
        chips=tuple(
            (
                filters.get(key, "Text"),
                labels.get((key, value), value),
                f"?{urlencode([pair for pair in pairs if pair != (key, value)])}",
            )
            for key, value in pairs
        ),
        query=f"?{urlencode(pairs)}",
    )


def folded(words: Iterable[str]) -> str:
    """The words as a row is searched in them."""
    return "\n".join(words).casefold()


def _asked(query: QueryDict, key: str) -> tuple[str, ...]:
    values = dict.fromkeys(clean(value) for value in query.getlist(key))
    return tuple(value for value in values if value)[:MAX_VALUES]


def _passes(row: Row, asked: Mapping[str, Sequence[str]], *, but: str = "") -> bool:
    return all(
        key == but or any(value in row.values.get(key, ()) for value in values)
        for key, values in asked.items()
    )


def _facet(
    key: str,
    label: str,
    rows: Sequence[Row],
    asked: Sequence[str],
    all_rows: Sequence[Row],
    known: Mapping[str, str],
) -> Facet:
    counts = Counter(value for row in rows for value in row.values.get(key, ()))
    names = {value: known.get(value, value) for value in asked}
    for row in all_rows if asked else rows:
        names.update(row.values.get(key, {}))
    boxes = [
        Box(
            key=key,
            value=value,
            label=names[value],
            count=counts[value],
            is_chosen=value in asked,
        )
        for value in names
        if counts[value] or value in asked
    ]
    boxes.sort(key=lambda box: (not box.is_chosen, -box.count, box.label.casefold()))
    shown = boxes[: max(SHOWN_CHOICES, len(asked))]
    return Facet(
        key=key,
        label=label,
        boxes=tuple(shown),
        chosen=len(asked),
        more=len(boxes) - len(shown),
    )
