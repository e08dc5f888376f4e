"""The query string of a REST request, read as strictly as PagerDuty's documentation allows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.pagerduty.errors import InvalidInput

PAGE = 25
MAX_PAGE = 100
MAX_DEPTH = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    limit: int
    offset: int
    has_total: bool


class Query:
    """The parameters of one request.

    Args:
        values: Every value of every name, as ``urllib.parse.parse_qs`` gives them.
    """

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    def one(self, name: str) -> str:
        """The last value of a name; empty when it was not given."""
        return self._values.get(name, [""])[-1]

    def many(self, name: str, allowed: Collection[str] = ()) -> list[str]:
        """Every value of a name that repeats, such as ``statuses[]``.

        Raises:
            InvalidInput: A value is not among ``allowed``, unless that is empty.
        """
        found = self._values.get(name, [])
        for value in found:
            if allowed and value not in allowed:
                raise InvalidInput(f"{name} {value!r} is not one of {', '.join(sorted(allowed))}")
        return found

    def flag(self, name: str) -> bool:
        """Whether a name is ``true``."""
        return self.one(name).lower() == "true"

    def instant(self, name: str, *, utc_only: bool = False) -> datetime | None:
        """An instant in ISO 8601; a time without a zone is UTC.

        Raises:
            InvalidInput: It cannot be read, or ``utc_only`` and it does not end in ``Z``.
        """
        text = self.one(name)
        if not text:
            return None
        if utc_only and not text.endswith("Z"):
            raise InvalidInput(f"{name} must be in UTC and end in Z")
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise InvalidInput(f"{name} is not a valid ISO 8601 time") from None
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)

    def page(self) -> Page:
        """The part of a list that is wanted: 25 records by default.

        Raises:
            InvalidInput: ``limit`` is not 1..100, ``offset`` is negative, or they pass 10 000.
        """
        limit, offset = self._number("limit", PAGE), self._number("offset", 0)
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"Limit must be between 1 and {MAX_PAGE}")
        if offset < 0:
            raise InvalidInput("Offset must not be negative")
        if limit + offset > MAX_DEPTH:
            raise InvalidInput(f"Offset must be less than {MAX_DEPTH} minus limit")
        return Page(limit=limit, offset=offset, has_total=self.flag("total"))

    def sort_order(self, allowed: Collection[str], default: str) -> list[tuple[str, bool]]:
        """``sort_by`` as field and "descending", at most two; ascending by default.

        Raises:
            InvalidInput: A field or a direction is unknown, or there are more than two.
        """
        found = []
        for part in (self.one("sort_by") or default).split(","):
            name, _, way = part.partition(":")
            if name not in allowed or way not in {"", "asc", "desc"}:
                raise InvalidInput(f"sort_by {part!r} is not allowed")
            found.append((name, way == "desc"))
        if len(found) > 2:
            raise InvalidInput("sort_by takes at most two fields")
        return found

    def _number(self, name: str, default: int) -> int:
        text = self.one(name)
        try:
            return int(text) if text else default
        except ValueError:
            raise InvalidInput(f"{name} must be a number") from None
