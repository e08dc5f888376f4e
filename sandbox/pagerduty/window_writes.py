"""The write routes of maintenance windows.

Source: https://developer.pagerduty.com/api-reference/ (Maintenance Windows)
"""

from typing import Any

from sandbox.pagerduty.errors import InvalidInput, RestError
from sandbox.pagerduty.resources import MaintenanceWindow, Service
from sandbox.pagerduty.routing import Reply, find
from sandbox.pagerduty.write_request import Write


def create(write: Write) -> Reply:
    """Make a window; one that began in the past begins now."""
    account, person, given = write.state.account, write.person, write.part("maintenance_window")
    now = write.state.now()
    start = max(write.instant(given.get("start_time"), "Start time"), now)
    end = write.instant(given.get("end_time"), "End time")
    if end <= start:
        raise InvalidInput("End time must be in the future and after the start time")
    services = _services(write, given)
    number = max((window.number for window in account.windows), default=0) + 1
    window = MaintenanceWindow(
        id=f"PMW{number:04d}",
        number=number,
        description=str(given.get("description") or ""),
        start_at=start,
        end_at=end,
        services=services,
        created_by=person,
    )
    account.windows.append(window)
    return Reply(201, {"maintenance_window": write.serializer().maintenance_window(window)})


def update(write: Write, id_: str) -> Reply:
    """Change a window that is not over; of one that has begun, the start stays."""
    window: MaintenanceWindow = find(write.state.account.windows, id_)
    given, now = write.part("maintenance_window"), write.state.now()
    if window.end_at <= now:
        raise InvalidInput("A maintenance window that has ended cannot be changed")
    start, end = window.start_at, window.end_at
    if "start_time" in given and start > now:
        start = max(write.instant(given["start_time"], "Start time"), now)
    if "end_time" in given:
        end = write.instant(given["end_time"], "End time")
    if end <= max(start, now):
        raise InvalidInput("End time must be in the future and after the start time")
    services = _services(write, given) if "services" in given else window.services
    window.start_at, window.end_at, window.services = start, end, services
    window.description = str(given.get("description", window.description) or "")
    return Reply(200, {"maintenance_window": write.serializer().maintenance_window(window)})


def delete(write: Write, id_: str) -> Reply:
    """End a window now, or take it away where it has not begun."""
    windows, now = write.state.account.windows, write.state.now()
    window: MaintenanceWindow = find(windows, id_)
    if window.end_at <= now:
        raise RestError(405, 2001, "The maintenance window has already ended")
    if window.start_at < now:
        window.end_at = now
    else:
        windows.remove(window)
    return Reply(204, {})


def _services(write: Write, given: dict[str, Any]) -> tuple[Service, ...]:
    wanted = given.get("services")
    ids = [one.get("id") for one in wanted if isinstance(one, dict)] if wanted else []
    found = tuple(one for one in write.state.account.services if one.id in ids)
    if not found or len(found) != len(set(ids)):
        raise InvalidInput("Services must be those of the account, at least one")
    return found
