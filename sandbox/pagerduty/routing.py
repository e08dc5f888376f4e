"""The request that a route of REST v2 gets, and the reply that it returns."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sandbox.pagerduty.account import Account
from sandbox.pagerduty.errors import NotFound
from sandbox.pagerduty.query import Query
from sandbox.pagerduty.references import Json
from sandbox.pagerduty.resources import Person
from sandbox.pagerduty.serializer import Serializer


class Reply(NamedTuple):
    """A reply before it becomes bytes."""

    status: int
    body: Json | list[Json]


class Request(NamedTuple):
    """A request as a read route gets it.

    Attributes:
        now: The instant the answer is for, UTC.
        person: Whose token it came with; None with one of the account.
    """

    account: Account
    now: datetime
    query: Query
    person: Person | None = None

    def serializer(self, allowed: Iterable[str] = ()) -> Serializer:
        """The serializer for this request's ``include[]``."""
        allowed = set(allowed)
        include = self.query.many("include[]", allowed) if allowed else []
        return Serializer(self.account, self.now, include)

    def listing(self, name: str, resources: Sequence[Any], write: Callable[[Any], Json]) -> Json:
        """One page of a list, with PagerDuty's classic pagination around it."""
        page = self.query.page()
        shown = resources[page.offset : page.offset + page.limit]
        return {
            name: [write(resource) for resource in shown],
            "limit": page.limit,
            "offset": page.offset,
            "more": page.offset + page.limit < len(resources),
            "total": len(resources) if page.has_total else None,
        }

    def named(self, resources: Iterable[Any]) -> list[Any]:
        """The resources whose name contains ``query``, by name."""
        wanted = self.query.one("query").casefold()
        sort = self.query.sort_order({"name"}, "name")
        return sorted(
            (resource for resource in resources if wanted in resource.name.casefold()),
            key=lambda resource: resource.name.casefold(),
            reverse=sort[0][1],
        )


def find(resources: Iterable[Any], id_: str) -> Any:
    """The resource with that id.

    Raises:
        NotFound: There is none.
    """
    for resource in resources:
        if resource.id == id_:
            return resource
    raise NotFound
