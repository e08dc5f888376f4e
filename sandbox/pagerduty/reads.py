"""The read routes of REST v2: a path and its query in, a status and a JSON object out.

Source: https://developer.pagerduty.com/api-reference/ (REST API v2)
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sandbox.pagerduty import analytics, incident_reads, log_entries, shifts
from sandbox.pagerduty.errors import BareError, InvalidInput, NotFound, usual_error
from sandbox.pagerduty.references import Json
from sandbox.pagerduty.routing import Reply, Request, find

FAR_AHEAD = timedelta(days=90)

SERVICE_INCLUDES = {
    "escalation_policies",
    "teams",
    "integrations",
    "auto_pause_notifications_parameters",
}
POLICY_INCLUDES = {"services", "teams", "targets", "escalation_rule_assignment_strategies"}
USER_INCLUDES = {"contact_methods", "notification_rules", "teams", "subdomains"}


def answer(request: Request, path: str) -> Reply:
    """Answer a GET of a path, which comes without its query string.

    Raises:
        RestError: It is refused.
    """
    for pattern, route in ROUTES:
        if match := pattern.fullmatch(path):
            found = route(request, *match.groups())
            return Reply(204, {}) if found is None else Reply(200, found)
    raise NotFound


def _services(request: Request) -> Json:
    serializer, name = request.serializer(SERVICE_INCLUDES), request.query.one("name")
    teams = request.query.many("team_ids[]")
    found = [
        service
        for service in request.named(request.account.services)
        if (not name or service.name == name)
        and (not teams or (service.policy.team and service.policy.team.id in teams))
    ]
    return request.listing("services", found, serializer.service)


def _service(request: Request, id_: str) -> Json:
    serializer = request.serializer(SERVICE_INCLUDES)
    return {"service": serializer.service(find(request.account.services, id_))}


def _integration(request: Request, id_: str, integration_id: str) -> Json:
    serializer = request.serializer({"services", "vendors"})
    service = find(request.account.services, id_)
    integration = find(service.integrations, integration_id)
    return {"integration": serializer.integration(integration, service, full=True)}


def _changes(request: Request, service_id: str = "") -> Json:
    serializer, query = request.serializer(), request.query
    since, until = query.instant("since", utc_only=True), query.instant("until", utc_only=True)
    teams, integrations = query.many("team_ids[]"), query.many("integration_ids[]")
    if service_id:
        find(request.account.services, service_id)
    found = [
        change
        for change in request.account.changes
        if (not service_id or change.service.id == service_id)
        and (not since or change.at >= since)
        and (not until or change.at < until)
        and (not teams or (change.service.policy.team and change.service.policy.team.id in teams))
        and (
            not integrations
            or (change.integration is not None and change.integration.id in integrations)
        )
    ]
    found.sort(key=lambda change: change.at, reverse=True)
    return request.listing("change_events", found, serializer.change_event)


def _on_calls(request: Request) -> Json:
    query, now = request.query, request.now
    serializer = request.serializer({"escalation_policies", "users", "schedules"})
    since = query.instant("since") or now
    until = query.instant("until") or max(since, now)
    if until < since:
        raise InvalidInput("until must not be before since")
    if until > now + FAR_AHEAD:
        raise InvalidInput("until must not be more than 90 days in the future")
    policies = query.many("escalation_policy_ids[]")
    schedules, people = query.many("schedule_ids[]"), query.many("user_ids[]")
    found = [
        on_call
        for policy in request.account.policies
        if not policies or policy.id in policies
        for on_call in shifts.on_calls(policy, since, until)
        if (not people or on_call.person.id in people)
        and (not schedules or (on_call.schedule and on_call.schedule.id in schedules))
    ]
    if query.flag("earliest"):
        first: dict[tuple[str, int, str], shifts.OnCall] = {}
        for on_call in found:
            first.setdefault((on_call.policy.id, on_call.level, on_call.person.id), on_call)
        found = list(first.values())
    return request.listing("oncalls", found, serializer.on_call)


def _policies(request: Request) -> Json:
    serializer, teams = request.serializer(POLICY_INCLUDES), request.query.many("team_ids[]")
    found = [
        policy
        for policy in request.named(request.account.policies)
        if not teams or (policy.team and policy.team.id in teams)
    ]
    return request.listing("escalation_policies", found, serializer.escalation_policy)


def _policy(request: Request, id_: str) -> Json:
    serializer = request.serializer(POLICY_INCLUDES)
    return {"escalation_policy": serializer.escalation_policy(find(request.account.policies, id_))}


def _schedules(request: Request) -> Json:
    include = {"schedule_layers", "overrides_subschedule", "final_schedule"}
    serializer = request.serializer(include)
    since, until = _schedule_period(request)

    def write(schedule: Any) -> Json:
        layers = serializer.layers(schedule, since, until)
        wanted = {name: part for name, part in layers.items() if name in serializer.include}
        return serializer.schedule(schedule) | wanted

    return request.listing("schedules", request.named(request.account.schedules), write)


def _schedule(request: Request, id_: str) -> Json:
    serializer, schedule = request.serializer(), find(request.account.schedules, id_)
    layers = serializer.layers(schedule, *_schedule_period(request))
    return {"schedule": serializer.schedule(schedule) | layers}


def _overrides(request: Request, id_: str) -> Json:
    serializer, schedule = request.serializer(), find(request.account.schedules, id_)
    since, until = request.query.instant("since"), request.query.instant("until")
    if since is None or until is None:
        raise InvalidInput("since and until are required")
    found = [
        override
        for override in schedule.overrides
        if shifts.is_within(override.start_at, override.end_at, since, until)
    ]
    return {"overrides": [serializer.override(override) for override in found]}


def _schedule_period(request: Request) -> tuple[datetime, datetime]:
    since = request.query.instant("since") or request.now
    until = request.query.instant("until") or since + timedelta(days=14)
    if not timedelta(0) <= until - since <= FAR_AHEAD:
        raise InvalidInput("The time range may not be longer than 3 months")
    return since, until


def _users(request: Request) -> Json:
    serializer, wanted = request.serializer(USER_INCLUDES), request.query.one("query").casefold()
    teams = request.query.many("team_ids[]")
    found = [
        person
        for person in sorted(request.account.people, key=lambda person: person.name.casefold())
        if wanted in f"{person.name}\n{person.email}".casefold()
        and (not teams or any(team.id in teams for team in person.teams))
    ]
    return request.listing("users", found, serializer.user)


def _me(request: Request) -> Json:
    if request.person is None:
        raise BareError(400, "An account-level access token is nobody's own")
    return {"user": request.serializer({*USER_INCLUDES, "calendar_urls"}).user(request.person)}


def _user(request: Request, id_: str) -> Json:
    serializer = request.serializer({*USER_INCLUDES, "calendar_urls"})
    return {"user": serializer.user(find(request.account.people, id_))}


def _windows(request: Request) -> Json:
    query, now = request.query, request.now
    serializer = request.serializer({"teams", "services", "users"})
    which = (query.many("filter", {"past", "future", "ongoing", "open", "all"}) or ["all"])[-1]
    services, text = query.many("service_ids[]"), query.one("query").casefold()
    found = []
    for window in request.account.windows:
        time = "past" if window.end_at <= now else "future" if window.start_at > now else "ongoing"
        is_wanted = which in {"all", time} or (which == "open" and time != "past")
        is_of = not services or any(service.id in services for service in window.services)
        if is_wanted and is_of and text in window.description.casefold():
            found.append(window)
    return request.listing("maintenance_windows", found, serializer.maintenance_window)


def _window(request: Request, id_: str) -> Json:
    serializer = request.serializer({"teams", "services", "users"})
    window = find(request.account.windows, id_)
    return {"maintenance_window": serializer.maintenance_window(window)}


def _priorities(request: Request) -> Json:
    return request.listing("priorities", request.account.priorities, request.serializer().priority)


def _abilities(request: Request) -> Json:
    return {"abilities": list(request.account.abilities)}


def _ability(request: Request, name: str) -> None:
    if name not in request.account.abilities:
        raise usual_error(402)


def _teams(request: Request) -> Json:
    return request.listing("teams", request.named(request.account.teams), request.serializer().team)


def _team(request: Request, id_: str) -> Json:
    return {"team": request.serializer({"privileges"}).team(find(request.account.teams, id_))}


_ID = "([A-Za-z0-9]+)"
ROUTES: tuple[tuple[re.Pattern[str], Callable[..., Json | None]], ...] = tuple(
    (re.compile(pattern), route)
    for pattern, route in (
        ("/services", _services),
        (f"/services/{_ID}", _service),
        (f"/services/{_ID}/change_events", _changes),
        (f"/services/{_ID}/integrations/{_ID}", _integration),
        ("/incidents", incident_reads.incidents),
        (f"/incidents/{_ID}", incident_reads.incident),
        (f"/incidents/{_ID}/log_entries", log_entries.of_incident),
        (f"/incidents/{_ID}/notes", incident_reads.notes),
        (f"/incidents/{_ID}/alerts", incident_reads.alerts),
        (f"/incidents/{_ID}/alerts/{_ID}", incident_reads.alert),
        ("/oncalls", _on_calls),
        ("/escalation_policies", _policies),
        (f"/escalation_policies/{_ID}", _policy),
        ("/schedules", _schedules),
        (f"/schedules/{_ID}", _schedule),
        (f"/schedules/{_ID}/overrides", _overrides),
        ("/users", _users),
        ("/users/me", _me),
        (f"/users/{_ID}", _user),
        ("/change_events", _changes),
        ("/maintenance_windows", _windows),
        (f"/maintenance_windows/{_ID}", _window),
        ("/log_entries", log_entries.of_account),
        ("/standards/scores/technical_services", analytics.standards),
        ("/priorities", _priorities),
        ("/abilities", _abilities),
        ("/abilities/([a-z_]+)", _ability),
        ("/teams", _teams),
        (f"/teams/{_ID}", _team),
    )
)
