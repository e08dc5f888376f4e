"""Every reference and every word of the catalog, kept in memory to find what is nearest to a typo.

Each process reads them when they are first needed and again after the catalog was written; nothing
is read where nothing is misspelt.
"""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rapidfuzz import fuzz, process

from catalog import versions
from catalog.models import Entity, SearchText, Tag

T = TypeVar("T")
NEAR_WORD = 75
_SHORTEST_WORD = 3
_AT_ONCE = 5_000
_WORD = re.compile(r"[^\W\d_][\w+#]*(?:[-.][\w+#]+)*")
_PARTS = re.compile(r"[-._]")


@dataclass(slots=True)
class _Kept(Generic[T]):
    """Something read from the whole catalog, and the version it was read at."""

    read: Callable[[], T]
    version: int = -1
    value: T | None = None

    def get(self) -> T:
        current = versions.current()
        if self.value is None or self.version != current:
            # Two threads may read at once: each sets a whole value.
            self.value, self.version = self.read(), current
        return self.value


@dataclass(frozen=True, slots=True)
class Names:
    """The entities of one kind; the two lists go together.

    Attributes:
        names: In lower case.
        namespaces: Of each.
    """

    names: list[str] = field(default_factory=list)
    namespaces: list[str] = field(default_factory=list)


def _read_names() -> dict[str, Names]:
    found: dict[str, Names] = {}
    refs = Entity.objects.order_by().values_list("ref", flat=True)
    for ref in refs.iterator(chunk_size=_AT_ONCE):
        kind, _, place = ref.partition(":")
        namespace, _, name = place.partition("/")
        of_kind = found.setdefault(kind, Names())
        of_kind.names.append(name)
        of_kind.namespaces.append(sys.intern(namespace))
    return found


def _read_words() -> list[str]:
    """The words of names, titles and tags; numbers are none."""
    words: set[str] = set()
    names = SearchText.objects.values_list("name", "title").iterator(chunk_size=_AT_ONCE)
    for name, title in names:
        words.update(_words(name), _words(title))
    for tag in Tag.objects.order_by().values_list("name", flat=True).distinct():
        words.update(_words(tag))
    return sorted(words)


def _words(text: str) -> Iterable[str]:
    for word in _WORD.findall(text):
        yield word
        if "-" in word or "." in word or "_" in word:
            yield from (part for part in _PARTS.split(word) if len(part) >= _SHORTEST_WORD)


_names = _Kept(_read_names)
_all_words = _Kept(_read_words)


def names_by_kind() -> dict[str, Names]:
    """Every entity by its kind in lower case. One query, or two after the catalog was written."""
    return _names.get()


def forget() -> None:
    """Read everything again when it is next needed: for tests, whose versions begin anew."""
    _names.value = _all_words.value = None


def nearest_words(words: Sequence[str]) -> dict[str, str]:
    """For each word the nearest one that the catalog has, where there is one near enough.

    One query, or three after the catalog was written.

    Args:
        words: In lower case; shorter than three letters finds nothing.
    """
    asked = [word for word in words if len(word) >= _SHORTEST_WORD]
    if not asked:
        return {}
    known = _all_words.get()
    found = {}
    for word in asked:
        best = process.extractOne(word, known, scorer=fuzz.ratio, score_cutoff=NEAR_WORD)
        if best:
            found[word] = best[0]
    return found
