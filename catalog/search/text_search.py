"""Find entities by text, best first; a typo is corrected.

The text is looked for in ``SearchText``, which is lower-case already: non-ASCII letters are found
in either case on SQLite too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.db.models.functions import StrIndex

from catalog.models import EntityQuerySet, SearchText
from catalog.search import spelling
from catalog.search.expressions import Among

MAX_TEXT = 200
MAX_WORDS = 8
# So many matches are handed to the queries that follow; more are looked for again by each.
KEYS_LIMIT = 20_000
DEFAULT_SORT = "name"
# Lists show the title where there is one; ``sort_name`` is what they show.
SORTS: dict[str, tuple[str, ...]] = {
    "name": ("sort_name", "id"),
    "kind": ("kind", "sort_name", "id"),
    "type": ("type", "sort_name", "id"),
    "owner": ("owner_ref", "sort_name", "id"),
    "lifecycle": ("lifecycle", "sort_name", "id"),
    "changed": ("-changed_at", "-id"),
    "state": ("sort_name", "id"),  # among equals: which state is worse, a card tells
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The result of a text search.

    Attributes:
        words: What was looked for, in lower case; without any, everything matches.
        corrected: Words that nothing contains, each with the word looked for instead.
        keys: Primary keys of the entities that contain every word, in no order; None when they
            are more than twenty thousand, or when there are no words.
    """

    words: tuple[str, ...] = ()
    corrected: tuple[tuple[str, str], ...] = ()
    keys: tuple[int, ...] | None = None

    @property
    def phrase(self) -> str:
        """The words as one text."""
        return " ".join(self.words)

    def narrow(self, entities: EntityQuerySet, *, is_first: bool = True) -> EntityQuerySet:
        """Those of the entities that match, in no order.

        Args:
            entities: Where to look.
            is_first: Whether a query may begin with the matches, not with the entities given.
        """
        if not self.words:
            return entities
        if self.keys is not None:
            return entities.filter(Among("pk", self.keys, is_first=is_first))
        return entities.filter(pk__in=_containing(self.words).values("pk"))

    def rank(self, entities: EntityQuerySet) -> EntityQuerySet:
        """The entities, which match, best first.

        The whole name or title comes first, then the beginning of the name, a part of it, of the
        title, and the rest; equals by the name shown.
        """
        if not self.words:
            return entities.order_by(*SORTS[DEFAULT_SORT])
        phrase = Value(self.phrase)
        return (
            entities.alias(
                in_name=StrIndex("search_text__name", phrase),
                in_title=StrIndex("search_text__title", phrase),
            )
            .alias(
                rank=Case(
                    When(search_text__name=self.phrase, then=Value(0)),
                    When(search_text__title=self.phrase, then=Value(0)),
                    When(in_name=1, then=Value(1)),
                    When(in_name__gt=1, then=Value(2)),
                    When(in_title__gt=0, then=Value(3)),
                    default=Value(4),
                    output_field=IntegerField(),
                )
            )
            .order_by("rank", *SORTS[DEFAULT_SORT])
        )


def match(text: str, *, exact: bool = False) -> Match:
    """Look for a text; one query when something is found.

    When nothing contains every word, a word that nothing contains is replaced by the nearest one
    of the catalog's vocabulary, and the words are looked for once more.

    Args:
        text: What a person typed; beyond 200 characters and eight words it is not read.
        exact: Look for the words as they are typed.
    """
    words = words_of(text)
    keys = _keys(words)
    if not words or exact or keys is None or keys:
        return Match(words=words, keys=keys if words else None)
    unknown = [word for word in words if not _containing([word]).exists()]
    instead = spelling.nearest_words(unknown)
    if not unknown or not all(word in instead for word in unknown):
        return Match(words=words, keys=())
    tried = tuple(dict.fromkeys(instead.get(word, word) for word in words))
    keys = _keys(tried)
    if keys == ():
        return Match(words=words, keys=())
    return Match(words=tried, corrected=tuple(instead.items()), keys=keys)


def words_of(text: str) -> tuple[str, ...]:
    """The words the search looks for, in lower case, each once."""
    return tuple(dict.fromkeys(clean(text).lower().split()[:MAX_WORDS]))


def clean(text: str) -> str:
    """The text without what no database stores (NUL), cut to 200 characters."""
    return text.replace("\x00", "").strip()[:MAX_TEXT]


def _keys(words: Sequence[str]) -> tuple[int, ...] | None:
    if not words:
        return None
    found = tuple(_containing(words).values_list("pk", flat=True)[: KEYS_LIMIT + 1])
    return found if len(found) <= KEYS_LIMIT else None


def _containing(words: Sequence[str]) -> QuerySet[SearchText]:
    """The texts that contain every word; ``%`` and ``_`` are ordinary characters."""
    found = SearchText.objects.all()
    for number, word in enumerate(words):
        at = f"at_{number}"
        found = found.alias(**{at: StrIndex("text", Value(word))}).filter(**{f"{at}__gt": 0})
    return found
