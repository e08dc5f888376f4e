"""How log lines look: one event a line, with the request's id and the event's own fields."""

import logging
import time
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from portal.secret_shapes import hide_tokens

NO_REQUEST = "-"
# The attribute of a request that holds its id.
REQUEST_ID = "request_id"
current_request_id: ContextVar[str] = ContextVar("current_request_id", default=NO_REQUEST)

_REPEATED_AFTER_S = 60.0
_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "request_id", "request"}


def logging_of(level: str) -> dict[str, Any]:
    """Django's setting ``LOGGING``: all goes to the console, where a container's log is read.

    Args:
        level: Of whatever has none of its own.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "request_id": {"()": RequestIdFilter},
            "once_a_minute": {"()": OnceAMinuteFilter},
            "no_traceback": {"()": NoTracebackFilter},
        },
        "formatters": {"line": {"()": LineFormatter}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "filters": ["request_id"],
                "formatter": "line",
            },
            "queue": {
                "class": "logging.StreamHandler",
                "filters": ["once_a_minute", "request_id"],
                "formatter": "line",
            },
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Django's own handler would mail administrators.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # Whoever sends a made-up Host would choose how much is logged.
            "django.security.DisallowedHost": {"filters": ["no_traceback"]},
            # A right that somebody lacks is no fault of the portal's.
            "django.request": {"filters": ["no_traceback"]},
            # These report every start and end of work that comes round twice a minute.
            "django_tasks": {"level": "WARNING"},
            "django.tasks": {"level": "WARNING"},
            # With a handler of its own, or huey adds a second one.
            "huey": {"handlers": ["queue"], "level": "WARNING", "propagate": False},
        },
    }


class RequestIdFilter(logging.Filter):
    """Adds ``request_id`` to each record: of the request that it names, else of the current one.

    ``-`` outside a request.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Never drops a record."""
        named = getattr(getattr(record, "request", None), REQUEST_ID, "")
        record.request_id = named or current_request_id.get()
        return True


class NoTracebackFilter(logging.Filter):
    """Takes the traceback from a record of a refusal, whose message says all there is to know."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Never drops a record."""
        if getattr(record, "status_code", 0) < HTTPStatus.INTERNAL_SERVER_ERROR:
            record.exc_info = record.exc_text = None
        return True


class OnceAMinuteFilter(logging.Filter):
    """Drops what the same logger said of the same exception within the last minute.

    The task queue says several times a second that Redis is away, each time with a traceback.
    """

    def __init__(self) -> None:
        super().__init__()
        self._until: dict[tuple[str, str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is said for the first time; what has no exception always is."""
        if not record.exc_info:
            return True
        now = time.monotonic()
        known = {key: until for key, until in self._until.copy().items() if until > now}
        key = (record.name, record.getMessage(), repr(record.exc_info[1]))
        self._until = {key: now + _REPEATED_AFTER_S} | known
        return key not in known


class LineFormatter(logging.Formatter):
    """Writes time (UTC), level, logger, request id, message, then ``key=value`` for each extra."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record, extras in alphabetical order, line breaks escaped, tokens masked."""
        extras = sorted((key, value) for key, value in vars(record).items() if key not in _STANDARD)
        text = " ".join([record.getMessage(), *(f"{key}={value!r}" for key, value in extras)])
        line = text.replace("\n", "\\n").replace("\r", "\\r")
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        at = self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")
        identifier = getattr(record, "request_id", "-")
        return f"{at} {record.levelname} {record.name} [{identifier}] {hide_tokens(line)}"
