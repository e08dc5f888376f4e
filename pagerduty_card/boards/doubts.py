"""What a board does not know, said above its rows: of what, why, and whose turn it is. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from catalog.links import EntityLink
from pagerduty_card.accounts import Account
from pagerduty_card.boards.naming import Named
from pagerduty_card.mapping.resolving import ProblemKind
from pagerduty_card.presenters.freshness import (
    Explanation,
    Moment,
    Reader,
    explain,
    present_answer,
)
from pagerduty_card.survey import Doubt

SHOWN = 5
_PLACE = "each entity's page says in which line it is written"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtLine:
    """One reason.

    Attributes:
        title: Of how many services or entities something is not known.
        at: When the last good answer came (UTC); None if none did.
        entities: The first few that are meant.
        more: How many further ones.
    """

    title: str
    why: str
    advice: str
    at: datetime | None
    entities: tuple[EntityLink, ...]
    more: int


def shown_of(doubts: Iterable[Doubt]) -> set[int]:
    """The entities that will be named."""
    return {pk for doubt in doubts for pk in doubt.entities[:SHOWN]}


def present_doubts(
    doubts: Iterable[Doubt],
    names: Mapping[int, Named],
    accounts: Mapping[str, Account],
    *,
    sentence: str,
    reader: Reader,
    now: datetime,
) -> tuple[DoubtLine, ...]:
    """Word the doubts.

    Args:
        doubts: Of the estate.
        names: At least the entities of ``shown_of``.
        accounts: All that are configured, by name.
        sentence: Of what they are, with a gap for whose and one for how far it is known.
        reader: Who reads.
        now: The instant of reading (UTC).
    """
    return tuple(_line(doubt, names, accounts, sentence, reader, now) for doubt in doubts)


def _line(
    doubt: Doubt,
    names: Mapping[int, Named],
    accounts: Mapping[str, Account],
    sentence: str,
    reader: Reader,
    now: datetime,
) -> DoubtLine:
    words = _explain(doubt, accounts, reader, now)
    shown = [names[pk].link for pk in doubt.entities[:SHOWN] if pk in names]
    count, noun = len(doubt.services) or len(doubt.entities), "service"
    if not doubt.services:
        noun = "entity" if count == 1 else "entitie"
    whose = f"{count:,} {noun}{'' if count == 1 else 's'}"
    is_old = bool(doubt.services) and doubt.freshness.is_known
    is_old = is_old and words.reason != "not_found"
    return DoubtLine(
        title=sentence.format(whose, "old" if is_old else "not known"),
        why=words.why,
        advice=words.advice,
        at=doubt.freshness.succeeded_at if is_old else None,
        entities=tuple(shown),
        more=len(doubt.entities) - len(shown),
    )


def _explain(
    doubt: Doubt, accounts: Mapping[str, Account], reader: Reader, now: datetime
) -> Explanation:
    # Another account may well have it.
    whose = "PagerDuty" if len(accounts) == 1 else f"The account {doubt.account}"
    match doubt.problem:
        case "":
            answer = present_answer(doubt.kind, doubt.freshness, Moment(reader=reader, now=now))
            return answer.explanation or explain("not_asked", reader=reader)
        case ProblemKind.NOT_CONFIGURED:
            account = accounts.get(doubt.account)
            return explain("not_configured", account.problem if account else "", reader=reader)
        case ProblemKind.UNKNOWN_ACCOUNT:
            why = f"No PagerDuty account is called {doubt.account!r}, which is named."
            advice = f"Correct the name, or have the account configured: {_PLACE}."
        case ProblemKind.NO_SUCH_KEY:
            why = f"{whose} has no service with the integration key that is named."
            advice = f"Correct the key, or name the service by its id: {_PLACE}."
        case _:
            why = f"{whose} has no service of the id that is named."
            advice = f"Correct the service id: {_PLACE}."
    return Explanation(reason=doubt.problem, why=why, advice=advice)
