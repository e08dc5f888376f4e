"""The write routes of a schedule's overrides.

Source: https://developer.pagerduty.com/api-reference/ (Schedules)
"""

from typing import Any

from sandbox.pagerduty.errors import InvalidInput
from sandbox.pagerduty.references import Json
from sandbox.pagerduty.resources import Override, Schedule
from sandbox.pagerduty.routing import Reply, find
from sandbox.pagerduty.write_request import Write


def create(write: Write, id_: str) -> Reply:
    """Make several overrides; each is made or refused by itself."""
    schedule: Schedule = find(write.state.account.schedules, id_)
    return Reply(201, [_create(write, schedule, given) for given in write.parts("overrides")])


def _create(write: Write, schedule: Schedule, given: dict[str, Any]) -> Json:
    try:
        made = _parse(write, given)
    except InvalidInput as refused:
        return {"status": 400, "errors": refused.body["error"]["errors"], "override": given}
    schedule.overrides.append(made)
    return {"status": 201, "override": write.serializer().override(made)}


def _parse(write: Write, given: dict[str, Any]) -> Override:
    account, now = write.state.account, write.state.now()
    start = write.instant(given.get("start"), "Start")
    end = write.instant(given.get("end"), "End")
    user = given.get("user")
    id_ = user.get("id") if isinstance(user, dict) else None
    person = next((one for one in account.people if one.id == id_), None)
    if person is None:
        raise InvalidInput("User not found")
    if end <= start:
        raise InvalidInput("Override must end after its start")
    if end <= now:
        raise InvalidInput("Override must end in the future")
    account.override_count += 1
    return Override(
        id=f"QO{account.override_count:011d}", person=person, start_at=max(start, now), end_at=end
    )


def delete(write: Write, id_: str, override_id: str) -> Reply:
    """End an override now, or take it away where it has not begun."""
    schedule: Schedule = find(write.state.account.schedules, id_)
    override: Override = find(schedule.overrides, override_id)
    now = write.state.now()
    if override.end_at <= now:
        raise InvalidInput("A past override cannot be removed")
    if override.start_at < now:
        override.end_at = now
        return Reply(200, {})
    schedule.overrides.remove(override)
    return Reply(204, {})
