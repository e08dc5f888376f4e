"""The index's filters, read from the address and written to it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from django.http import QueryDict

from catalog import cards
from catalog.kinds import Kind
from catalog.refs import EntityRef, InvalidRefError
from catalog.search.text_search import DEFAULT_SORT, SORTS, clean

MAX_VALUES = 50
PAGE_SIZE = 25
MIN_LIMIT, MAX_LIMIT = 5, 100
# What each entity has one of, or none: several values mean any of them.
COLUMNS = {
    "kind": "kind",
    "type": "type",
    "owner": "owner_ref",
    "lifecycle": "lifecycle",
    "system": "system_ref",
    "namespace": "namespace",
}
# A state is what a card shows an entity in, and several mean any of them too.
FACET_KEYS = (*COLUMNS, "tag", "state")
# What an entity is or is not: several of them mean all of them.
FLAG_KEYS = ("user", "has", "is", "within")
FILTER_KEYS = (*FACET_KEYS, *FLAG_KEYS)
# Backstage's names of the same filters, so that bookmarks and links carry over.
PEER_NAMES = {
    "kind": "kind",
    "type": "type",
    "owners": "owner",
    "lifecycles": "lifecycle",
    "tags": "tag",
    "namespace": "namespace",
    "namespaces": "namespace",
    "user": "user",
    "text": "q",
}
_PEER_FLAGS = {"orphan": "orphan", "error": "error"}
_DEFAULT_KINDS = {"owner": "group", "system": "system", "within": "system"}
_TRUE = {"true", "1", "yes", "on"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReader:
    """The reader of the index: whose entities "starred" and "owned" mean.

    Attributes:
        is_known: Whether somebody is signed in.
        starred: References the reader has starred.
        owner_refs: The reader, the reader's groups and the groups below them.
    """

    is_known: bool = False
    starred: tuple[str, ...] = ()
    owner_refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFilters:
    """What the index is asked for; everything of it is in the address.

    Attributes:
        q: Text to search for.
        exact: The text is looked for as it is typed, typo or not.
        values: Values by filter key, as asked for.
        any_tag: Several tags mean any of them, not all.
        sort: A key of ``SORTS``, or empty: by name, or by relevance when there is a text.
        descending: The sort reversed.
        limit: Entities on a page, 5 to 100.
    """

    q: str = ""
    exact: bool = False
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    any_tag: bool = False
    sort: str = ""
    descending: bool = False
    limit: int = PAGE_SIZE

    @classmethod
    def from_query(cls, query: QueryDict) -> "IndexFilters":
        """Read the filters from an address; whatever is not understood is left out.

        Source of the ``filters[...]`` names: the address of Backstage's catalog page.
        """
        given: dict[str, list[str]] = {}
        for key in query:
            name, texts = _given(key, query.getlist(key))
            if name == "q" or name in FILTER_KEYS:
                given.setdefault(name, []).extend(text for text in texts if text)
        given["user"] = [text for text in given.get("user", ()) if text != "all"]
        sort = query.get("sort", "")
        return cls(
            q=(given.pop("q", None) or [""])[0],
            exact=query.get("exact", "").lower() in _TRUE,
            values={
                key: tuple(dict.fromkeys(given[key]))[:MAX_VALUES]
                for key in FILTER_KEYS
                if given.get(key)
            },
            any_tag=query.get("tags", "") == "any",
            sort=sort.removeprefix("-") if sort.removeprefix("-") in SORTS else "",
            descending=sort.startswith("-") and sort[1:] in SORTS,
            limit=_limit(query.get("limit", "")),
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

    def without(self, key: str, value: str | None = None) -> "IndexFilters":
        """The same without one filter, or without one of its values."""
        if key == "q":
            return replace(self, q="", exact=False)
        kept = tuple(v for v in self.of(key) if value is not None and v != value)
        values = {k: v for k, v in self.values.items() if k != key}
        return replace(self, values={**values, key: kept} if kept else values)

    def with_value(self, key: str, value: str) -> "IndexFilters":
        """The same with exactly this value of one filter."""
        return replace(self, values={**self.values, key: (value,)})

    def sorted_by(self, sort: str) -> "IndexFilters":
        """The same in another order; the order it already has is reversed."""
        is_same = sort == (self.sort or ("" if self.q else DEFAULT_SORT))
        return replace(self, sort=sort, descending=is_same and not self.descending)

    @property
    def query_string(self) -> str:
        """The address's query, with its question mark; the page number is left out."""
        pairs = [("q", self.q)] if self.q else []
        pairs += [("exact", "1")] if self.q and self.exact else []
        pairs += [(key, value) for key in FILTER_KEYS for value in self.of(key)]
        pairs += [("tags", "any")] if self.any_tag and self.of("tag") else []
        pairs += [("sort", self.order)] if self.sort else []
        pairs += [("limit", str(self.limit))] if self.limit != PAGE_SIZE else []
        return f"?{urlencode(pairs)}"


def name_of(key: str) -> str:
    """What a filter is called within a sentence; the states have the name of the card."""
    card = cards.card_with_states() if key == "state" else None
    return card.title if card else key


def label_of(key: str, value: str) -> str:
    """What a filter's value is called: a reference in its short form, a kind as it is spelt."""
    if key == "state":
        states = card.states if (card := cards.card_with_states()) else ()
        return next((state.label for state in states if state.slug == value), value)
    if key == "kind":
        kind = Kind.from_segment(value)
        return kind.label if kind else value
    if default := _DEFAULT_KINDS.get(key):
        try:
            return EntityRef.parse(value, default_kind=default).short(default)
        except InvalidRefError:
            return value
    return value


def _given(key: str, values: Iterable[str]) -> tuple[str, list[str]]:
    """Our name of a parameter, and its values cleaned."""
    texts = [clean(text) for text in values]
    if not key.startswith("filters["):
        return key, texts
    peers = key[8:].partition("]")[0]
    if peers in _PEER_FLAGS:
        return "is", [_PEER_FLAGS[peers] for text in texts if text.lower() in _TRUE]
    return PEER_NAMES.get(peers, ""), [text for text in texts if text != "all"]


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        return PAGE_SIZE
    return min(max(int(text), MIN_LIMIT), MAX_LIMIT)


def _asked_values(key: str, values: Iterable[str]) -> list[str]:
    if key == "kind":
        return [kind.value if (kind := Kind.from_segment(v)) else v for v in values]
    if default := _DEFAULT_KINDS.get(key):
        return [_canonical(v, default) for v in values]
    return list(values)


def _canonical(text: str, default_kind: str) -> str:
    try:
        return str(EntityRef.parse(text, default_kind=default_kind))
    except InvalidRefError:
        return text
