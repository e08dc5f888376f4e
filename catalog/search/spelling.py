"""Correct typos: the names and words of the catalog in memory, and the nearest to a word.

Each process reads them when they are first needed, and again after the catalog was written, once a
minute at most: whoever shows a suggestion asks the database whether it is there. Nothing is read
where nothing is misspelt.
"""

import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rapidfuzz import fuzz, process

from catalog import versions
from catalog.models import Entity, SearchText, Tag

T = TypeVar("T")
NEAR_WORD = 75
_SHORTEST_WORD = 3
_AT_ONCE = 5_000
_FRESH_S = 60.0
_WORD = re.compile(r"[^\W\d_][\w+#]*(?:[-.][\w+#]+)*")
_PARTS = re.compile(r"[-._\n]")


@dataclass(frozen=True, slots=True)
class _Snapshot(Generic[T]):
    """A value read from the whole catalog, its version, and when that was last checked."""

    value: T
    version: int
    at_s: float


@dataclass(slots=True)
class _CachedSnapshot(Generic[T]):
    """The last snapshot; threads that read at the same time each store a whole one."""

    read: Callable[[], T]
    last: _Snapshot[T] | None = None

    def get(self) -> T:
        last, now = self.last, time.monotonic()
        if last and now - last.at_s < _FRESH_S:
            return last.value
        version = versions.current()
        value = last.value if last and last.version == version else self.read()
        self.last = _Snapshot(value, version, now)
        return value


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
    texts = SearchText.objects.values_list("name", "title").iterator(chunk_size=_AT_ONCE)
    for name, title in texts:
        words.update(_WORD.findall(f"{name}\n{title}"))
    tags = Tag.objects.order_by().values_list("name", flat=True).distinct()
    words.update(_WORD.findall("\n".join(tags)))
    compounds = "\n".join(word for word in words if not word.isalnum())
    parts = set(_PARTS.split(compounds))
    words.update(part for part in parts if len(part) >= _SHORTEST_WORD and not part.isdigit())
    return sorted(words)


_names = _CachedSnapshot(_read_names)
_all_words = _CachedSnapshot(_read_words)


def names_by_kind(*, is_fresh: bool = False) -> dict[str, Names]:
    """Every entity by its kind in lower case. No query, or two once a minute.

    Args:
        is_fresh: Read them now, for this once: within a transaction that may be taken back.
    """
    return _read_names() if is_fresh else _names.get()


def clear() -> None:
    """Read everything again when it is next needed: for tests, whose catalogs begin anew."""
    _names.last = _all_words.last = None


def nearest_words(words: Sequence[str]) -> dict[str, str]:
    """For each word the nearest one that the catalog has, where there is one near enough.

    No query, or three once a minute. A word may have gone within that minute.

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
