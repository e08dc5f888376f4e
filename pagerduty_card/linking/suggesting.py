"""Which service an entity probably means, and why: scoring by name, team and key. Pure.

Nobody is compared with everybody: an index by whole name, by word and by three letters gives each
name the few it may be near to.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rapidfuzz import fuzz

_PARTS = re.compile(r"[^\W_]+")
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
_TOO_COMMON = 200
_RAREST_TRIGRAMS = 10
_COMPARED = 30
_SHORTEST_NEAR = 4

_SAME, _SAME_CORE, _NEAR_AT, _TEAM_BONUS, _TEAM_ALONE, _KEY = 96, 88, 82, 8, 35, 99
_NEAR_FROM, _NEAR_TO = 60, 84
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
    """

    pk: int
    names: tuple[str, ...]
    teams: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


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


@lru_cache(maxsize=65_536)
def _forms(name: str) -> tuple[str, str, tuple[str, ...]]:
    """The whole name, its core without affixes, and the words of the core."""
    words = words_of(name)
    core = tuple(word for word in words if word not in _AFFIXES) or words
    return "".join(words), "".join(core), core


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
            cores = {_forms(name)[1:] for name in one.names}
            for core in {core for core, _ in cores}:
                self._by_core[core].append(pk)
                for trigram in _trigrams(core):
                    self._by_trigram[trigram].append(pk)
            for word in {word for _, words in cores for word in words}:
                self._by_word[word].append(pk)
            for team in {team_of(name) for name in one.teams}:
                self._by_team[team].append(pk)
            for key in one.keys:
                self._by_key[key].append(pk)

    def suggest(self, asked: Candidate, *, limit: int = 3) -> list[Suggestion]:
        """The likeliest for one, surest first.

        Costs the same however many there are: at most thirty names are compared.
        """
        found = [
            suggestion
            for pk in self._near(asked)
            if (suggestion := _score(asked, self._by_pk[pk])).score
        ]
        found += self._alone_in_team(asked, {one.pk for one in found})
        found.sort(key=lambda one: (-one.score, self._by_pk[one.pk].names))
        return found[:limit]

    def with_same_core(self, asked: Candidate) -> list[int]:
        """Those whose name is the same but for affixes, as this one's is."""
        cores = {_forms(name)[1] for name in asked.names}
        return list(dict.fromkeys(pk for core in cores for pk in self._by_core.get(core, ())))

    def _near(self, asked: Candidate) -> Collection[int]:
        keyed = [pk for key in asked.keys for pk in self._by_key.get(key, ())]
        chosen = dict.fromkeys([*keyed, *self.with_same_core(asked)][:_COMPARED])
        shared: Counter[int] = Counter()
        for core, words in {_forms(name)[1:] for name in asked.names}:
            for word in words:
                shared.update(_unless_common(self._by_word.get(word, ())))
            lists = (self._by_trigram.get(trigram, ()) for trigram in _trigrams(core))
            rarest = sorted((some for some in lists if some), key=len)[:_RAREST_TRIGRAMS]
            for some in rarest:
                shared.update(_unless_common(some))
        chosen.update(dict.fromkeys(pk for pk, _ in shared.most_common(_COMPARED)))
        return chosen

    def _alone_in_team(self, asked: Candidate, known: Collection[int]) -> Iterable[Suggestion]:
        for team in asked.teams:
            theirs = self._by_team.get(team_of(team), ())
            if len(theirs) <= _ALONE_IN_TEAM:
                for pk in theirs:
                    if pk not in known:
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
        whole, core, words = _forms(one)
        for another in other.names:
            other_whole, other_core, other_words = _forms(another)
            if whole == other_whole:
                return _SAME, ["the same name"]
            if core == other_core:
                best, reason = _SAME_CORE, f"the same name but for {_rest(one, another)}"
                continue
            score, text = _nearness(core, other_core, words, other_words)
            if score > best:
                best, reason = score, text
    return best, [reason] if reason else []


def _nearness(
    core: str, other_core: str, words: tuple[str, ...], other_words: tuple[str, ...]
) -> tuple[int, str]:
    if min(len(core), len(other_core)) < _SHORTEST_NEAR:
        return 0, ""
    if sorted(words) == sorted(other_words):
        return _NEAR_TO, "the same words in another order"
    # What is told apart by a number alone is another one, not a misspelling.
    if _numbers(core) != _numbers(other_core):
        return 0, ""
    ratio = fuzz.ratio(core, other_core, score_cutoff=_NEAR_AT)
    if ratio:
        span = (ratio - _NEAR_AT) / (100 - _NEAR_AT)
        return round(_NEAR_FROM + 10 + span * (_NEAR_TO - _NEAR_FROM - 10)), "a near name"
    shorter, longer = sorted((set(words), set(other_words)), key=len)
    if shorter < longer and sum(map(len, shorter)) >= _SHORTEST_NEAR:
        share = sum(map(len, shorter)) / sum(map(len, longer))
        return round(_NEAR_FROM * (0.5 + share / 2)), "a part of the name"
    return 0, ""


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d+", text)


def _rest(one: str, another: str) -> str:
    left = [word for word in (*words_of(one), *words_of(another)) if word in _AFFIXES]
    common = set(words_of(one)) & set(words_of(another))
    return ", ".join(dict.fromkeys(word for word in left if word not in common)) or "its order"


def _team_text(team: str) -> str:
    return f"the same team, {team}"
