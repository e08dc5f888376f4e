"""What a person changes about an incident: the fields of a request, checked first, then applied.

Source: https://developer.pagerduty.com/api-reference/ (Update an Incident)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.pagerduty import incidents, shifts
from sandbox.pagerduty.account import Account
from sandbox.pagerduty.errors import InvalidInput, RestError
from sandbox.pagerduty.resources import Acknowledgement, Incident, Person, Policy, Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """The fields that are to change; None and empty mean that one stays as it is.

    Attributes:
        clears_priority: Whether the priority is taken away.
        note: The resolution that was given.
    """

    title: str = ""
    urgency: str = ""
    status: str = ""
    note: str = ""
    priority: Priority | None = None
    clears_priority: bool = False
    assignees: tuple[Person, ...] = ()
    policy: Policy | None = None
    level: int = 0


def parse(account: Account, given: dict[str, Any]) -> Update:
    """Read the fields of an incident in a request.

    Raises:
        RestError: One of them makes no sense.
    """
    if given.get("assignments") is not None and given.get("escalation_policy") is not None:
        raise InvalidInput("Assignments and escalation policy exclude each other")
    level = given.get("escalation_level", 0)
    if not isinstance(level, int) or level < 0:
        raise InvalidInput("Escalation level must be a number")
    return Update(
        title=_word(given, "title"),
        urgency=_word(given, "urgency", "high", "low"),
        status=_word(given, "status", "triggered", "acknowledged", "resolved"),
        note=_word(given, "resolution"),
        priority=_priority(account, given.get("priority")),
        clears_priority="priority" in given and given["priority"] is None,
        assignees=_assignees(account, given.get("assignments")),
        policy=_named(account.policies, given.get("escalation_policy"), "Escalation policy"),
        level=level,
    )


def check(incident: Incident, update: Update, now: datetime) -> None:
    """Raise where the incident cannot change that way.

    Raises:
        RestError: It is resolved already, or nobody is on call on the level.
    """
    moves = bool(update.assignees or update.policy or update.level)
    is_reopened = update.status in {"triggered", "acknowledged"}
    if not incident.is_open and (update.status == "resolved" or (moves and not is_reopened)):
        raise RestError(400, 1001, "Incident Already Resolved")
    levels = (update.policy or incident.policy).levels
    if update.level > len(levels):
        raise InvalidInput(f"Escalation level must be 1 to {len(levels)}")
    if update.level and not shifts.people_on_level(levels[update.level - 1], now):
        raise RestError(400, 1015, "Nobody is on call on this escalation level")


def apply(incident: Incident, update: Update, by: Person, now: datetime) -> None:
    """Update an incident; assigning it anew triggers it anew."""
    incident.title = update.title or incident.title
    if update.priority or update.clears_priority:
        incident.priority = update.priority
    if update.urgency and update.urgency != incident.urgency:
        incident.urgency = update.urgency
        incidents.log(incident, "urgency_change", by, now)
    if update.status and not incident.is_open:
        _reopen(incident, by, now)
    if update.assignees or update.policy or update.level:
        _move(incident, update, by, now)
    if update.status == "acknowledged":
        acknowledge(incident, by, now)
    elif update.status == "triggered" and incident.status == "acknowledged":
        incidents.unacknowledge(incident, by, now)
    elif update.status == "resolved":
        incidents.resolve(incident, by, now, update.note)
    incident.updated_at = now


def acknowledge(incident: Incident, by: Person, now: datetime) -> None:
    """Acknowledge an open incident."""
    incident.acknowledgements.append(Acknowledgement(by=by, at=now))
    incidents.change_status(incident, "acknowledged", by, now)


def _reopen(incident: Incident, by: Person, now: datetime) -> None:
    incident.resolved_at = incident.merged_into = None
    incident.loop, incident.is_direct = 0, False
    incidents.assign_level(incident, 1, now)
    incidents.change_status(incident, "triggered", by, now)


def _move(incident: Incident, update: Update, by: Person, now: datetime) -> None:
    """Assign an incident to people, or to a level of its policy or of another one."""
    if incident.status == "acknowledged":
        incidents.unacknowledge(incident, by, now)
    incident.is_direct, incident.level_since = bool(update.assignees), now
    if update.assignees:
        incident.assignees = list(update.assignees)
    else:
        incident.policy, incident.loop = update.policy or incident.policy, 0
        incidents.assign_level(incident, update.level or 1, now)
    incidents.log(incident, "escalate" if update.level else "assign", by, now)


def _word(given: dict[str, Any], name: str, *allowed: str) -> str:
    value = given.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not value.strip() or (allowed and value not in allowed):
        raise InvalidInput(f"{name.capitalize()} is invalid")
    return value


def _named(resources: Iterable[Any], reference: object, name: str) -> Any:
    """The resource that a reference names; None without a reference."""
    if reference is None:
        return None
    id_ = reference.get("id") if isinstance(reference, dict) else None
    for resource in resources:
        if resource.id == id_:
            return resource
    raise InvalidInput(f"{name} not found")


def _priority(account: Account, given: object) -> Priority | None:
    if isinstance(given, str):
        given = {"id": next((one.id for one in account.priorities if one.name == given), "")}
    if given is not None and not isinstance(given, dict):
        raise InvalidInput("Priority is invalid")
    try:
        found: Priority | None = _named(account.priorities, given, "Priority")
    except InvalidInput:
        raise RestError(400, 1020, "Priority not found") from None
    return found


def _assignees(account: Account, given: object) -> tuple[Person, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or not given:
        raise InvalidInput("Assignments must be a list of at least one assignee")
    references = [one.get("assignee") if isinstance(one, dict) else None for one in given]
    return tuple(_named(account.people, one or {}, "Assignee") for one in references)
