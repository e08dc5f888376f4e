"""The write routes of REST v2 that the sandbox knows.

Source: https://developer.pagerduty.com/api-reference/ (REST API v2)
"""

import re
from collections.abc import Callable

from sandbox.pagerduty import incident_writes, override_writes, service_writes, window_writes
from sandbox.pagerduty.errors import NotFound
from sandbox.pagerduty.routing import Reply
from sandbox.pagerduty.write_request import Write


def is_write(method: str, path: str) -> bool:
    """Whether the sandbox has such a write route."""
    return any(method == its and pattern.fullmatch(path) for its, pattern, _ in ROUTES)


def answer(write: Write, method: str, path: str) -> Reply:
    """Answer a write.

    Raises:
        RestError: It is refused; nothing has changed then.
    """
    for its_method, pattern, route in ROUTES:
        match = pattern.fullmatch(path)
        if method == its_method and match:
            return route(write, *match.groups())
    raise NotFound


_ID = "([A-Za-z0-9]+)"
ROUTES: tuple[tuple[str, re.Pattern[str], Callable[..., Reply]], ...] = tuple(
    (method, re.compile(pattern), route)
    for method, pattern, route in (
        ("POST", "/incidents", incident_writes.create),
        ("PUT", "/incidents", incident_writes.update_several),
        ("PUT", f"/incidents/{_ID}", incident_writes.update),
        ("PUT", f"/incidents/{_ID}/merge", incident_writes.merge),
        ("POST", f"/incidents/{_ID}/notes", incident_writes.annotate),
        ("POST", f"/incidents/{_ID}/snooze", incident_writes.snooze),
        ("PUT", f"/services/{_ID}", service_writes.update),
        ("POST", "/maintenance_windows", window_writes.create),
        ("PUT", f"/maintenance_windows/{_ID}", window_writes.update),
        ("DELETE", f"/maintenance_windows/{_ID}", window_writes.delete),
        ("POST", f"/schedules/{_ID}/overrides", override_writes.create),
        ("DELETE", f"/schedules/{_ID}/overrides/{_ID}", override_writes.delete),
    )
)
