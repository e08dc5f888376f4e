"""Why open incidents are unknown or out of date, and of which services and entities."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from catalog.links import EntityLink
from pagerduty_card.accounts import Account, all_accounts
from pagerduty_card.freshness import Freshness
from pagerduty_card.mapping.mistakes import ProblemKind
from pagerduty_card.overview.entities import NamedEntity, named_entities
from pagerduty_card.presenters.freshness import Explanation, Moment, explain, present_answer

SHOWN = 5
_PLACE = "each entity's page says in which line it is written"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataIssue:
    """One reason, and everything that it concerns.

    Attributes:
        account: Name of the account.
        problem: A ``ProblemKind`` of the entities that name the service; empty for a feed's.
        kind: The ``Feed.Kind`` whose freshness is the reason.
        freshness: Of the service with the oldest answer.
        services: Primary keys of the services whose incidents are old or unknown.
        entities: Primary keys of those that name them, or name what is not stored.
    """

    account: str
    problem: str
    kind: str
    freshness: Freshness
    services: tuple[int, ...]
    entities: tuple[int, ...]


class DataIssues:
    """Collects data issues, one for each reason."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], tuple[Freshness, dict[int, None], dict[int, None]]] = {}

    def add(
        self,
        account: str,
        problem: str,
        kind: str,
        fresh: Freshness,
        *,
        services: Iterable[int] = (),
        entities: Iterable[int] = (),
    ) -> None:
        """Note services and entities that a reason concerns; the arguments are of ``DataIssue``."""
        age = "old" if fresh.is_known else "unknown"
        key = (account, problem, kind, age, fresh.reason, fresh.detail)
        oldest, all_services, all_entities = self._found.setdefault(key, (fresh, {}, {}))
        if fresh.succeeded_at and oldest.succeeded_at and fresh.succeeded_at < oldest.succeeded_at:
            self._found[key] = (fresh, all_services, all_entities)
        all_services.update(dict.fromkeys(services))
        all_entities.update(dict.fromkeys(entities))

    def all(self) -> tuple[DataIssue, ...]:
        """One for each reason, the widest first."""
        made = [
            DataIssue(
                account=account,
                problem=problem,
                kind=kind,
                freshness=fresh,
                services=tuple(services),
                entities=tuple(entities),
            )
            for (account, problem, kind, *_), (fresh, services, entities) in self._found.items()
        ]
        return tuple(sorted(made, key=lambda one: -len(one.entities)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DataIssueLine:
    """One reason in words, above the rows of a board.

    Attributes:
        title: How many services or entities it concerns.
        at: When the last good answer came (UTC); None if none did.
        entities: The first few of them.
        more: How many further ones.
    """

    title: str
    why: str
    advice: str
    at: datetime | None
    entities: tuple[EntityLink, ...]
    more: int


def present_issues(
    issues: Collection[DataIssue], moment: Moment, *, sentence: str
) -> tuple[DataIssueLine, ...]:
    """Put data issues into words; two queries.

    Args:
        issues: Of the overview.
        moment: Who reads, and when.
        sentence: What is not known, with a gap for whose and one for how far it is known.
    """
    accounts = all_accounts()
    names = named_entities(pk for issue in issues for pk in issue.entities[:SHOWN])
    return tuple(_line(issue, names, accounts, sentence, moment) for issue in issues)


def _line(
    issue: DataIssue,
    names: Mapping[int, NamedEntity],
    accounts: Mapping[str, Account],
    sentence: str,
    moment: Moment,
) -> DataIssueLine:
    words = _explain(issue, accounts, moment)
    shown = [names[pk].link for pk in issue.entities[:SHOWN] if pk in names]
    count = len(issue.services) or len(issue.entities)
    one, many = ("service", "services") if issue.services else ("entity", "entities")
    whose = f"{count:,} {one if count == 1 else many}"
    is_old = bool(issue.services) and issue.freshness.is_known and words.reason != "not_found"
    return DataIssueLine(
        title=sentence.format(whose, "old" if is_old else "not known"),
        why=words.why,
        advice=words.advice,
        at=issue.freshness.succeeded_at if is_old else None,
        entities=tuple(shown),
        more=len(issue.entities) - len(shown),
    )


def _explain(issue: DataIssue, accounts: Mapping[str, Account], moment: Moment) -> Explanation:
    # Another account may well have it.
    whose = "PagerDuty" if len(accounts) == 1 else f"The account {issue.account}"
    match issue.problem:
        case "":
            answer = present_answer(issue.kind, issue.freshness, moment)
            return answer.explanation or explain("not_asked", reader=moment.reader)
        case ProblemKind.NOT_CONFIGURED:
            account = accounts.get(issue.account)
            detail = account.problem if account else ""
            return explain("not_configured", detail, reader=moment.reader)
        case ProblemKind.UNKNOWN_ACCOUNT:
            why = f"No PagerDuty account is called {issue.account!r}, which is named."
            advice = f"Correct the name, or have the account configured: {_PLACE}."
        case ProblemKind.ODD_SERVICE_ID:
            why = "What is named is no id of a service."
            advice = f"Write an id such as PABC123: {_PLACE}."
        case ProblemKind.OTHER_ACCOUNT:
            why = f"The service that is named is not of the account {issue.account}."
            advice = f"Name the account that it is of: {_PLACE}, and which account that is."
        case ProblemKind.NO_SUCH_KEY:
            why = f"{whose} has no service with the integration key that is named."
            advice = f"Correct the key, or name the service by its id: {_PLACE}."
        case _:
            why = f"{whose} has no service of the id that is named."
            advice = f"Correct the service id: {_PLACE}."
    return Explanation(reason=issue.problem, why=why, advice=advice)
