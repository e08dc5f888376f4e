"""Analytics of services, and their scores by PagerDuty's standards.

Source: https://developer.pagerduty.com/api-reference/ (Analytics, Standards)
"""

from collections.abc import Sequence
from datetime import datetime
from statistics import mean
from typing import Any

from sandbox.pagerduty.account import Account
from sandbox.pagerduty.errors import InvalidInput
from sandbox.pagerduty.references import Json
from sandbox.pagerduty.resources import Incident, Service
from sandbox.pagerduty.routing import Request

METRICS = "/analytics/metrics/incidents/services"
MAX_IDS = 100


def standards(request: Request) -> Json:
    """Answer the scores of the services that were asked for."""
    wanted = request.query.many("ids")
    if not 1 <= len(wanted) <= MAX_IDS:
        raise InvalidInput(f"ids must be 1 to {MAX_IDS}")
    services = {service.id: service for service in request.account.services}
    return {"resources": [_score(services[one]) for one in wanted if one in services]}


def _score(service: Service) -> Json:
    checks = (
        ("has_technical_service_description", "Service has a description", service.description),
        (
            "minimum_escalation_rule_depth",
            "Escalation policy has at least two levels",
            len(service.policy.levels) > 1,
        ),
        ("has_acknowledgement_timeout", "Acknowledgements run out", _runs_out(service)),
    )
    passing = [bool(check) for *_, check in checks]
    return {
        "resource_id": service.id,
        "resource_type": "technical_service",
        "score": {"passing": sum(passing), "total": len(passing)},
        "standards": [
            {
                "id": f"01SANDBOXSTANDARD{number:09d}",
                "type": kind,
                "name": name,
                "description": f"{name}, so that whoever is paged can help.",
                "active": True,
                "pass": is_passing,
            }
            for number, ((kind, name, _), is_passing) in enumerate(
                zip(checks, passing, strict=True), start=1
            )
        ],
    }


def _runs_out(service: Service) -> bool:
    return service.acknowledgement_timeout_s is not None


def metrics(account: Account, body: Json | None) -> Json:
    """Answer the metrics of services over the whole period.

    Raises:
        InvalidInput: The filters cannot be read.
    """
    filters = (body or {}).get("filters") or {}
    try:
        start = datetime.fromisoformat(str(filters["created_at_start"]))
        end = datetime.fromisoformat(str(filters["created_at_end"]))
    except (KeyError, ValueError, TypeError):
        raise InvalidInput("created_at_start and created_at_end are ISO 8601 times") from None
    wanted = filters.get("service_ids") or []
    by_service: dict[str, list[Incident]] = {}
    for incident in account.incidents:
        if start <= incident.created_at < end and (not wanted or incident.service.id in wanted):
            by_service.setdefault(incident.service.id, []).append(incident)
    return {
        **(body or {}),
        "data": [_metrics(incidents) for incidents in by_service.values()],
    }


def _metrics(incidents: Sequence[Incident]) -> Json:
    service = incidents[0].service
    acked = [
        (entry.at - incident.created_at).total_seconds()
        for incident in incidents
        for entry in [one for one in incident.log_entries if one.kind == "acknowledge"][:1]
    ]
    ended = [
        (incident.resolved_at - incident.created_at).total_seconds()
        for incident in incidents
        if incident.resolved_at
    ]
    at_night = sum(not 8 <= incident.created_at.hour < 18 for incident in incidents)
    return {
        "service_id": service.id,
        "service_name": service.name,
        "mean_seconds_to_first_ack": _mean(acked),
        "mean_seconds_to_resolve": _mean(ended),
        "total_incident_count": len(incidents),
        "total_incidents_acknowledged": len(acked),
        "total_interruptions": sum(incident.urgency == "high" for incident in incidents),
        "total_off_hour_interruptions": at_night,
        "up_time_pct": 99.9,
    }


def _mean(values: Sequence[float]) -> Any:
    return round(mean(values)) if values else None
