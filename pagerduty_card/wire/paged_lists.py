"""The base of the clients: one account, its time budget, lists page by page."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

from pagerduty_card.accounts import Account
from pagerduty_card.errors import TooMany
from pagerduty_card.wire.answers import all_parsed, broken
from pagerduty_card.wire.rest import Params, Rest

PAGE_SIZE = 100  # records a request, PagerDuty's maximum
MAX_RECORDS = 10_000  # PagerDuty refuses offset + limit above this
MAX_PAGES = MAX_RECORDS // PAGE_SIZE
CALL_BUDGET_S = 60.0
MAX_IDS_IN_QUERY = 100  # keeps the address below 8 kB
# Where records go while their list is read, those behind them move forward, past the page that is
# next. So many may go between two pages without further requests.
OVERLAP = 5

_T = TypeVar("_T")


class AccountClient:
    """Requests to one PagerDuty account, one after the other.

    Attributes:
        account: Whom it asks.
        is_background: Whether nobody waits for the answers.
    """

    def __init__(
        self, account: Account, *, background: bool = False, total_budget_s: float | None = None
    ) -> None:
        """Prepare a client; nothing is sent.

        Args:
            account: Whom to ask, with which token.
            background: Whether nobody is waiting; background work leaves a fifth of the quota.
            total_budget_s: Seconds that all calls together may take; None: 60 s for each call.
        """
        self.account = account
        self.is_background = background
        self._rest = Rest(account, background=background)
        self._deadline = None if total_budget_s is None else time.monotonic() + total_budget_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self._rest.transport.close()

    @property
    def requests_sent(self) -> int:
        """How many requests were sent so far, repetitions too."""
        return self._rest.transport.requests_sent

    def _until(self) -> float:
        """The monotonic time at which the call that starts now must be over.

        One call takes half of what is left at most: what hangs leaves time to the others.
        """
        now = time.monotonic()
        if self._deadline is None:
            return now + CALL_BUDGET_S
        return now + (self._deadline - now) / 2

    def _list(
        self,
        path: str,
        key: str,
        parse: Callable[[Any], _T],
        params: Params,
        *,
        needs: str,
        overlap: int = 0,
    ) -> list[_T]:
        records, more = self._pages(path, key, parse, params, needs=needs, overlap=overlap)
        if more:
            raise TooMany(f"{path} has more than {MAX_RECORDS} records, PagerDuty's limit.")
        return records

    def _pages(
        self,
        path: str,
        key: str,
        parse: Callable[[Any], _T],
        params: Params,
        *,
        needs: str,
        max_pages: int = MAX_PAGES,
        is_enough: Callable[[_T], bool] | None = None,
        overlap: int = 0,
    ) -> tuple[list[_T], bool]:
        """Follow ``more`` to the last page, to ``max_pages``, or to a page that ends with enough.

        A page begins with ``overlap`` records of the one before; one that shares none with what
        came before may have passed some over, and is asked for again from further back.

        Returns:
            The records, each once where pages overlap, and whether ``max_pages`` cut them off.
        """
        until = self._until()
        records: list[_T] = []
        before: list[Any] = []
        seen: set[str] = set()
        offset = 0
        for _ in range(max_pages):
            paging = [("limit", str(PAGE_SIZE)), ("offset", str(offset))]
            body, answer = self._rest.get(path, [*params, *paging], until, needs=needs)
            rows = body.get(key)
            more = body.get("more")
            if not isinstance(rows, list):
                raise broken(f"the answer of {path} has no {key}", answer.request_id)
            if not isinstance(more, bool):
                raise broken(f"{path} does not say whether there is more", answer.request_id)
            if rows and rows == before:
                # It would go on like this to the last request of the quota.
                raise broken(f"{path} answers with the same page again", answer.request_id)
            before = rows
            new = [row for row in rows if _name_of(row) not in seen]
            if overlap:
                if offset and len(new) == len(rows):
                    offset = max(0, offset - PAGE_SIZE)
                    continue
                seen.update(_name_of(row) for row in rows)
            records += all_parsed(parse, new, answer.request_id)
            if not more or (is_enough and records and is_enough(records[-1])):
                return records, False
            if not rows:
                raise broken(f"{path} promises more on an empty page", answer.request_id)
            offset += max(1, _size_of(body) - overlap)
        return records, True

    def _rows(
        self, body: dict[str, Any], key: str, parse: Callable[[Any], _T], request_id: str
    ) -> list[_T]:
        """The records of an answer that has all of them at once."""
        rows = body.get(key)
        if not isinstance(rows, list):
            raise broken(f"the answer has no {key}", request_id)
        return all_parsed(parse, rows, request_id)


def _name_of(record: Any) -> str:
    return str(record.get("id")) if isinstance(record, dict) else ""


def _size_of(page: dict[str, Any]) -> int:
    """How many records further the next page begins: PagerDuty may give fewer than asked for."""
    limit = page.get("limit")
    return limit if isinstance(limit, int) and 0 < limit < PAGE_SIZE else PAGE_SIZE


def ids(name: str, values: Sequence[str]) -> Params:
    """A parameter that repeats for each id, as many as an address can carry."""
    if len(values) > MAX_IDS_IN_QUERY:
        raise ValueError(f"{name}: at most {MAX_IDS_IN_QUERY} at once")
    return [(name, value) for value in values]


def iso(at: datetime) -> str:
    """An instant as PagerDuty's filters take it: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
