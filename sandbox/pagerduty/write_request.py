"""A request that writes, as a write route of REST v2 gets it."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sandbox.pagerduty.errors import InvalidInput, RestError
from sandbox.pagerduty.references import Json
from sandbox.pagerduty.resources import Person
from sandbox.pagerduty.serializer import Serializer
from sandbox.pagerduty.state import State


class Write(NamedTuple):
    """A request that writes.

    Attributes:
        sender: Who acts; None when nobody of the account was named.
        body: The JSON object that was sent; None when there was none.
    """

    state: State
    sender: Person | None
    body: Json | None

    @property
    def person(self) -> Person:
        """Who acts.

        Raises:
            RestError: Nobody of the account was named.
        """
        if self.sender is None:
            raise RestError(400, 1008, "Requester User Not Found")
        return self.sender

    def part(self, name: str) -> Json:
        """The object that the body wraps.

        Raises:
            InvalidInput: There is none.
        """
        found = (self.body or {}).get(name)
        if not isinstance(found, dict):
            raise InvalidInput(f"The body must hold {name}")
        return found

    def parts(self, name: str) -> list[dict[str, Any]]:
        """The objects that the body lists.

        Raises:
            InvalidInput: There is no such list.
        """
        found = (self.body or {}).get(name)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise InvalidInput(f"The body must hold a list of {name}")
        return found

    def instant(self, value: object, name: str) -> datetime:
        """An instant in ISO 8601; a time without a zone is UTC.

        Raises:
            InvalidInput: It cannot be read.
        """
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            raise InvalidInput(f"{name} is not a valid ISO 8601 time") from None
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)

    def serializer(self) -> Serializer:
        """The serializer for the reply."""
        return Serializer(self.state.account, self.state.advance())
