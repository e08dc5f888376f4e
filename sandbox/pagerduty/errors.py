"""The refusals of REST v2, as PagerDuty writes them.

Source: https://developer.pagerduty.com/docs/errors
"""

from typing import Any


class RestError(Exception):
    """A request is refused.

    Attributes:
        status: Of the answer.
        body: Of the answer, a JSON object.
    """

    def __init__(self, status: int, code: int, message: str, *errors: str) -> None:
        super().__init__(status, code, message, *errors)
        self.status = status
        error: dict[str, Any] = {"message": message, "code": code}
        if errors:
            error["errors"] = list(errors)
        self.body = {"error": error}


class InvalidInput(RestError):
    """The request cannot be understood; the sentences say why."""

    def __init__(self, *errors: str) -> None:
        super().__init__(400, 2001, "Invalid Input Provided", *errors)


class NotFound(RestError):
    """There is no such object, or no such route."""

    def __init__(self) -> None:
        super().__init__(404, 2100, "Not Found")
