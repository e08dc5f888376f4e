"""Alert grouping: which open incident a new alert joins. Pure: no clock, no HTTP.

Source: https://support.pagerduty.com/main/docs/alert-grouping
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sandbox.pagerduty.errors import InvalidInput
from sandbox.pagerduty.references import Json, stamp
from sandbox.pagerduty.resources import Alert, Grouping, Incident

KINDS = {"time": "basic", "intelligent": "advanced", "content_based": "rules"}
# What PagerDuty computes from a service's alerts, the sandbox fixes.
RECOMMENDED_S = 300
LONGEST = timedelta(hours=24)


def parse(given: Any) -> Grouping | None:
    """Read ``alert_grouping_parameters``; None turns grouping off.

    Raises:
        InvalidInput: They cannot be understood.
    """
    kind = given.get("type") if isinstance(given, dict) else ""
    if kind is None:
        return None
    if kind not in KINDS:
        raise InvalidInput(f"Alert grouping type must be null or one of {', '.join(KINDS)}")
    config = given.get("config") or {}
    span = config.get("timeout" if kind == "time" else "time_window", 0)
    if not isinstance(span, int) or span < 0:
        raise InvalidInput("The time of alert grouping must be a whole number")
    if kind == "content_based" and (
        config.get("aggregate") not in {"all", "any"} or not _are_names(config.get("fields"))
    ):
        raise InvalidInput("Content based grouping needs aggregate (all or any) and fields")
    return Grouping(kind=kind, config=config)


def as_json(grouping: Grouping | None) -> Json:
    """As a service shows it."""
    if grouping is None:
        return {"type": None, "config": None}
    return {"type": grouping.kind, "config": dict(grouping.config)}


def incident_to_join(incidents: Iterable[Incident], alert: Alert) -> Incident | None:
    """The latest of a service's open incidents that the alert is grouped into, if any."""
    fitting = [
        incident
        for incident in incidents
        if incident.alerts and _is_within(incident, alert.created_at) and _fits(incident, alert)
    ]
    return fitting[-1] if fitting else None


def state_of(incident: Incident, now: datetime) -> Json | None:
    """The ``alert_grouping`` of an incident; null where its service does not group."""
    grouping = incident.service.grouping
    if grouping is None or not incident.alerts:
        return None
    end = _end(incident, grouping)
    return {
        "grouping_type": KINDS[grouping.kind],
        "started_at": stamp(incident.created_at),
        "ended_at": stamp(end),
        "alert_grouping_active": incident.is_open and (end is None or now <= end),
    }


def _is_within(incident: Incident, at: datetime) -> bool:
    grouping = incident.service.grouping
    if grouping is None:
        return False
    end = _end(incident, grouping)
    return end is None or at <= end


def _end(incident: Incident, grouping: Grouping) -> datetime | None:
    """When the incident takes no more alerts; None means when it is resolved.

    Grouping by time counts minutes from the first alert, the others seconds from the latest.
    """
    if grouping.kind == "time":
        minutes = grouping.config.get("timeout", 0)
        return incident.created_at + timedelta(minutes=minutes) if minutes else None
    window = timedelta(seconds=grouping.config.get("time_window") or RECOMMENDED_S)
    latest = max(alert.created_at for alert in incident.alerts)
    return min(latest + window, incident.created_at + LONGEST)


def _fits(incident: Incident, alert: Alert) -> bool:
    grouping = incident.service.grouping
    if grouping is None or grouping.kind == "time":
        return True
    if grouping.kind == "intelligent":
        return any(_are_alike(one.summary, alert.summary) for one in incident.alerts)
    is_enough = all if grouping.config["aggregate"] == "all" else any
    return any(
        is_enough(_are_equal(one, alert, name) for name in grouping.config["fields"])
        for one in incident.alerts
    )


def _are_alike(one: str, other: str) -> bool:
    """Whether half of the words are the same: a rule for PagerDuty's learning."""
    words, others = (set(re.findall(r"[^\W\d]+", text.casefold())) for text in (one, other))
    return bool(words & others) and 2 * len(words & others) >= len(words | others)


def _are_equal(one: Alert, other: Alert, name: str) -> bool:
    value = _value(one, name)
    return value is not None and value == _value(other, name)


def _value(alert: Alert, name: str) -> object:
    """A field of the payload; a dot leads into an object, as in ``custom_details.host``."""
    value: object = alert.payload
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _are_names(given: object) -> bool:
    return isinstance(given, list) and bool(given) and all(isinstance(one, str) for one in given)
