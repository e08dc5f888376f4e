"""What routes of REST v2 are given, and what they give back."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sandbox.pagerduty.answers import Writer
from sandbox.pagerduty.errors import NotFound
from sandbox.pagerduty.query import Query
from sandbox.pagerduty.references import Json
from sandbox.pagerduty.world import World


class Reply(NamedTuple):
    """An answer before it becomes bytes."""

    status: int
    body: Json


class Request(NamedTuple):
    """A request as a read route gets it.

    Attributes:
        now: The instant the answer is for, UTC.
    """

    world: World
    now: datetime
    query: Query

    def writer(self, allowed: Iterable[str] = ()) -> Writer:
        """The writer for this request's ``include[]``."""
        allowed = set(allowed)
        include = self.query.many("include[]", allowed) if allowed else []
        return Writer(self.world, self.now, include)

    def listing(self, name: str, things: Sequence[Any], write: Callable[[Any], Json]) -> Json:
        """One page of a list, with PagerDuty's classic pagination around it."""
        page = self.query.page()
        shown = things[page.offset : page.offset + page.limit]
        return {
            name: [write(thing) for thing in shown],
            "limit": page.limit,
            "offset": page.offset,
            "more": page.offset + page.limit < len(things),
            "total": len(things) if page.has_total else None,
        }

    def named(self, things: Iterable[Any]) -> list[Any]:
        """Things whose name holds ``query``, by name."""
        wanted = self.query.one("query").casefold()
        sort = self.query.direction({"name"}, "name")
        return sorted(
            (thing for thing in things if wanted in thing.name.casefold()),
            key=lambda thing: thing.name.casefold(),
            reverse=sort[0][1],
        )


def find(things: Iterable[Any], id_: str) -> Any:
    """The thing with that id.

    Raises:
        NotFound: There is none.
    """
    for thing in things:
        if thing.id == id_:
            return thing
    raise NotFound
