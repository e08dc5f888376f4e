"""Which service an entity probably means, and why: scoring by name, team and key. Pure.

Nobody is compared with everybody: an index by whole name, by word and by three letters gives each
name the few it may be near to.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz

_PARTS = re.compile(r"[^\W_]+")
_NUMBERS = re.compile(r"\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# What people add to a name to say what kind of thing it is, or where it runs.
_AFFIXES = frozenset(
    {
        *("api", "app", "application", "backend", "component", "module", "resource", "server"),
        *("service", "services", "svc", "srv", "system", "the", "worker"),
        *("default", "live", "main", "pagerduty", "prd", "prod", "production"),
    }
)
_TEAM_AFFIXES = frozenset({"crew", "group", "guild", "squad", "team", "the", "tribe"})
# A word or three letters that more names than these share tell nothing.
_TOO_COMMON = 150
_RAREST_TRIGRAMS = 6
_COMPARED = 20
_SHORTEST_NEAR = 4

_SAME, _SAME_CORE, _NEAR_AT, _TEAM_BONUS, _TEAM_ALONE, _KEY = 96, 88, 82, 8, 35, 99
_NEAR_FROM, _NEAR_TO, _PART_TO = 70, 84, 60
_ALONE_IN_TEAM = 3


class Sureness(StrEnum):
    """How sure a suggestion is, surest first."""

    SURE = "very likely"
    LIKELY = "likely"
    PERHAPS = "perhaps"

    @property
    def least(self) -> int:
        """The lowest score of it."""
        return {Sureness.SURE: 86, Sureness.LIKELY: 70, Sureness.PERHAPS: 0}[self]

    @property
    def tone(self) -> str:
        """Of its badge."""
        return {Sureness.SURE: "good", Sureness.LIKELY: "info", Sureness.PERHAPS: "faint"}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An entity or a service, as far as it tells who belongs to whom.

    Attributes:
        pk: Primary key.
        names: Its name, and its title where that is another.
        teams: Names of the teams that own it.
        keys: Digests of its integration keys.
        is_mapped: Whether it belongs to another already: then its team alone is no reason.
    """

    pk: int
    names: tuple[str, ...]
    teams: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    is_mapped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One that probably belongs to the other.

    Attributes:
        pk: Of the candidate.
        score: 0 to 100.
        reasons: Why, a few words each, weightiest first.
    """

    pk: int
    score: int
    reasons: tuple[str, ...]

    @property
    def sureness(self) -> Sureness:
        """The score in words."""
        return next(one for one in Sureness if self.score >= one.least)

    @property
    def reason(self) -> str:
        """All reasons in one line."""
        return ", ".join(self.reasons)


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: split at separators and at humps."""
    return tuple(_PARTS.findall(_CAMEL.sub(" ", name).lower()))


class _Forms(NamedTuple):
    """A name as it is compared.

    Attributes:
        whole: All its words as one.
        core: Without affixes.
        words: Of the core.
        numbers: In the core, in order: what differs in one is another thing, not a misspelling.
    """

    whole: str
    core: str
    words: frozenset[str]
    numbers: tuple[str, ...]


@lru_cache(maxsize=65_536)
def _forms(name: str) -> _Forms:
    words = words_of(name)
    kept = tuple(word for word in words if word not in _AFFIXES) or words
    core = "".join(kept)
    return _Forms("".join(words), core, frozenset(kept), tuple(_NUMBERS.findall(core)))


@lru_cache(maxsize=16_384)
def team_of(name: str) -> str:
    """A team's name as it is compared: ``Team Checkout`` is ``checkout``."""
    words = words_of(name)
    return "".join(word for word in words if word not in _TEAM_AFFIXES) or "".join(words)


class Index:
    """Candidates, found by what they share with another.

    Args:
        candidates: Those to suggest; each ``pk`` once.
    """

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self._by_pk = {one.pk: one for one in candidates}
        self._by_core: dict[str, list[int]] = defaultdict(list)
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._by_trigram: dict[str, list[int]] = defaultdict(list)
        self._by_team: dict[str, list[int]] = defaultdict(list)
        self._by_key: dict[str, list[int]] = defaultdict(list)
        for pk, one in self._by_pk.items():
            forms = [_forms(name) for name in one.names]
            for core in {form.core for form in forms}:
                self._by_core[core].append(pk)
            for trigram in {part for form in forms for part in _trigrams(form.core)}:
                self._by_trigram[trigram].append(pk)
            for word in {word for form in forms for word in form.words}:
                self._by_word[word].append(pk)
            for team in {team_of(name) for name in one.teams}:
                self._by_team[team].append(pk)
            for key in one.keys:
                self._by_key[key].append(pk)

    def suggest(self, asked: Candidate, *, limit: int = 3) -> list[Suggestion]:
        """The likeliest for one, surest first.

        Costs the same however many there are: at most a few dozen names are compared.
        """
        found = self._scored(asked, self._alike(asked))
        # A surer one than these is not to be had: the near names are for further suggestions.
        if len(found) < limit:
            known = {one.pk for one in found}
            found += self._scored(asked, [pk for pk in self._near(asked) if pk not in known])
        found = found or list(self._alone_in_team(asked))
        found.sort(key=lambda one: (-one.score, self._by_pk[one.pk].names))
        return found[:limit]

    def with_same_core(self, asked: Candidate) -> list[int]:
        """Those whose name is the same but for affixes, as this one's is."""
        cores = {_forms(name).core for name in asked.names}
        return list(dict.fromkeys(pk for core in cores for pk in self._by_core.get(core, ())))

    def _scored(self, asked: Candidate, chosen: Iterable[int]) -> list[Suggestion]:
        return [one for pk in chosen if (one := _score(asked, self._by_pk[pk])).score]

    def _alike(self, asked: Candidate) -> list[int]:
        """Those with the same key, or the same name but for affixes."""
        keyed = [pk for key in asked.keys for pk in self._by_key.get(key, ())]
        return list(dict.fromkeys([*keyed, *self.with_same_core(asked)]))[:_COMPARED]

    def _near(self, asked: Candidate) -> list[int]:
        """Those that share the most words and rare threes of letters."""
        shared: Counter[int] = Counter()
        for form in map(_forms, asked.names):
            for word in form.words:
                shared.update(_unless_common(self._by_word.get(word, ())))
            lists = (self._by_trigram.get(trigram, ()) for trigram in _trigrams(form.core))
            for some in sorted((some for some in lists if some), key=len)[:_RAREST_TRIGRAMS]:
                shared.update(_unless_common(some))
        return [pk for pk, _ in shared.most_common(_COMPARED)]

    def _alone_in_team(self, asked: Candidate) -> Iterable[Suggestion]:
        """The few of the same team that are still free, for one whose name is near to nobody's."""
        for team in {team_of(name): name for name in reversed(asked.teams)}.values():
            theirs = self._by_team.get(team_of(team), ())
            free = [pk for pk in theirs if not self._by_pk[pk].is_mapped]
            if len(free) <= _ALONE_IN_TEAM:
                for pk in free:
                    yield Suggestion(pk=pk, score=_TEAM_ALONE, reasons=(_team_text(team),))


def _trigrams(text: str) -> set[str]:
    return {text[at : at + 3] for at in range(len(text) - 2)}


def _unless_common(found: Sequence[int]) -> Sequence[int]:
    return found if len(found) <= _TOO_COMMON else ()


def _score(asked: Candidate, other: Candidate) -> Suggestion:
    score, reasons = _of_names(asked, other)
    if set(asked.keys) & set(other.keys):
        score, reasons = _KEY, ["its integration key", *reasons]
    theirs = {team_of(name) for name in other.teams}
    shared = next((name for name in asked.teams if team_of(name) in theirs), "")
    if score and shared:
        score = min(score + _TEAM_BONUS, 100)
        reasons.append(_team_text(shared))
    return Suggestion(pk=other.pk, score=score, reasons=tuple(reasons))


def _of_names(asked: Candidate, other: Candidate) -> tuple[int, list[str]]:
    """The best of all pairs of names."""
    best, reason = 0, ""
    for one in asked.names:
        form = _forms(one)
        for another in other.names:
            other_form = _forms(another)
            if form.whole == other_form.whole:
                return _SAME, ["the same name"]
            if form.core == other_form.core:
                best, reason = _SAME_CORE, f"the same name but for {_rest(one, another)}"
                continue
            score, text = _nearness(form, other_form)
            if score > best:
                best, reason = score, text
    return best, [reason] if reason else []


def _nearness(one: _Forms, other: _Forms) -> tuple[int, str]:
    if one.numbers != other.numbers or min(len(one.core), len(other.core)) < _SHORTEST_NEAR:
        return 0, ""
    if one.words == other.words:
        return _NEAR_TO, "the same words in another order"
    if ratio := fuzz.ratio(one.core, other.core, score_cutoff=_NEAR_AT):
        span = (ratio - _NEAR_AT) / (100 - _NEAR_AT)
        return round(_NEAR_FROM + span * (_NEAR_TO - _NEAR_FROM)), "a near name"
    if not (one.words < other.words or other.words < one.words):
        return 0, ""
    shorter, longer = sorted(sum(map(len, form.words)) for form in (one, other))
    if shorter < _SHORTEST_NEAR:
        return 0, ""
    return round(_PART_TO * (0.5 + shorter / longer / 2)), "a part of the name"


def _rest(one: str, another: str) -> str:
    left = [word for word in (*words_of(one), *words_of(another)) if word in _AFFIXES]
    common = set(words_of(one)) & set(words_of(another))
    return ", ".join(dict.fromkeys(word for word in left if word not in common)) or "its order"


def _team_text(team: str) -> str:
    return f"the same team, {team}"
