"""The refusals of REST v2, as PagerDuty writes them.

Source: https://developer.pagerduty.com/docs/errors
"""

from collections.abc import Callable
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
        self.body: dict[str, Any] = {"error": error}


class BareError(RestError):
    """A refusal that is a sentence alone, as some endpoints answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, 0, message)
        self.body = {"error": message}


# By status, a code and a message.
_USUAL = {
    400: (2001, "Invalid Input Provided"),
    401: (2006, "Authentication failed"),
    402: (2014, "Account does not have the ability to perform the requested operation"),
    403: (2010, "Access Denied"),
    404: (2100, "Not Found"),
    408: (2016, "The request took too long to process"),
    429: (2020, "Rate Limit Exceeded"),
}


def usual_error(status: int) -> RestError:
    """The error that PagerDuty answers with a status in most cases."""
    return RestError(status, *_USUAL.get(status, (2000, "Internal Server Error")))


# The shapes in which refusals have been seen beside the documented one, by name.
SHAPES: dict[str, Callable[[RestError], dict[str, Any]]] = {
    "object": lambda error: error.body,
    "list": lambda error: {"error": [error.body["error"]["message"]]},
    "string": lambda error: {"error": error.body["error"]["message"]},
    "top": lambda error: error.body["error"],
}


class InvalidInput(RestError):
    """The request cannot be understood; the sentences say why."""

    def __init__(self, *errors: str) -> None:
        super().__init__(400, *_USUAL[400], *errors)


class NotFound(RestError):
    """There is no such object, or no such route."""

    def __init__(self) -> None:
        super().__init__(404, *_USUAL[404])
