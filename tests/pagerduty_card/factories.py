"""PagerDuty's JSON as its contract describes it: plain functions, every field by keyword."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import responses
from responses import matchers

from pagerduty_card.accounts import Account

API = "https://api.pagerduty.com"
EVENTS = "https://events.pagerduty.com/v2"
TOKEN = "u+secrettoken0123456789"
KEY = "0123456789abcdef0123456789ab4711"
APP = "https://meridian.pagerduty.com"


def make_account(**fields: Any) -> Account:
    return Account(
        **{
            "name": "default",
            "token": TOKEN,
            "api_base_url": API,
            "events_base_url": EVENTS,
            **fields,
        }
    )


def reference_json(id_: str, type_: str, summary: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "type": f"{type_}_reference",
        "summary": summary,
        "self": f"{API}/{type_}s/{id_}",
        "html_url": f"{APP}/{type_}s/{id_}",
        **fields,
    }


def integration_json(key: str = KEY, id_: str = "PINT001", **fields: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "type": "events_api_v2_inbound_integration",
        "summary": "Events API v2",
        "self": f"{API}/services/PCHKOUT/integrations/{id_}",
        "html_url": f"{APP}/services/PCHKOUT/integrations/{id_}",
        "name": "Events API v2",
        "integration_key": key,
        **fields,
    }


def policy_json(id_: str = "PPOLCHK", levels: int = 2, **fields: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "type": "escalation_policy",
        "summary": "Checkout escalation",
        "self": f"{API}/escalation_policies/{id_}",
        "html_url": f"{APP}/escalation_policies/{id_}",
        "name": "Checkout escalation",
        "num_loops": 2,
        "escalation_rules": [
            {
                "id": f"PRULE{level}",
                "escalation_delay_in_minutes": 15,
                "targets": [reference_json(f"PSCHED{level}", "schedule", f"Level {level}")],
            }
            for level in range(1, levels + 1)
        ],
        "services": [],
        "teams": [],
        **fields,
    }


def service_json(id_: str = "PCHKOUT", name: str = "checkout-api", **fields: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "type": "service",
        "summary": name,
        "self": f"{API}/services/{id_}",
        "html_url": f"{APP}/service-directory/{id_}",
        "name": name,
        "description": None,
        "created_at": "2026-01-01T00:00:00Z",
        "status": "active",
        "last_incident_timestamp": None,
        "teams": [],
        "escalation_policy": policy_json(),
        "integrations": [integration_json()],
        **fields,
    }


def opened_now(number: int = 4711, **fields: Any) -> dict[str, Any]:
    """An incident that PagerDuty has just created."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return incident_json(number, **{"created_at": at, "updated_at": at, **fields})


def alert_json(key: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"A{key.upper()}",
        "type": "alert",
        "alert_key": key,
        "status": "triggered",
        "suppressed": False,
        "created_at": "2026-11-01T08:00:00Z",
        **fields,
    }


def incident_json(number: int = 4711, **fields: Any) -> dict[str, Any]:
    id_ = f"PINC{number}"
    return {
        "id": id_,
        "type": "incident",
        "summary": f"[#{number}] Payments time out",
        "self": f"{API}/incidents/{id_}",
        "html_url": f"{APP}/incidents/{id_}",
        "incident_number": number,
        "title": "Payments time out",
        "created_at": "2026-11-01T08:00:00Z",
        "updated_at": "2026-11-01T08:00:00Z",
        "status": "triggered",
        "incident_key": None,
        "service": reference_json("PCHKOUT", "service", "checkout-api"),
        "assignments": [
            {"at": "2026-11-01T08:00:00Z", "assignee": reference_json("PANA", "user", "Ana Lima")}
        ],
        "acknowledgements": [],
        "pending_actions": [{"type": "escalate", "at": "2026-11-01T08:30:00Z"}],
        "priority": {"id": "PP1", "type": "priority", "summary": "P1", "name": "P1"},
        "urgency": "high",
        **fields,
    }


def user_json(id_: str = "PANA", name: str = "Ana Lima", **fields: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "type": "user",
        "summary": name,
        "self": f"{API}/users/{id_}",
        "html_url": f"{APP}/users/{id_}",
        "name": name,
        "email": f"{name.split()[0].lower()}@meridian.example",
        "time_zone": "Europe/Lisbon",
        "avatar_url": f"https://secure.gravatar.com/avatar/{id_}.png",
        **fields,
    }


def on_call_json(level: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "escalation_policy": reference_json("PPOLCHK", "escalation_policy", "Checkout escalation"),
        "escalation_level": level,
        "schedule": reference_json("PSCHED1", "schedule", "Checkout primary"),
        "user": user_json(),
        "start": "2026-11-01T08:00:00Z",
        "end": "2026-11-01T16:00:00Z",
        **fields,
    }


def change_json(id_: str = "01CHANGE", **fields: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "type": "change_event",
        "summary": "Deploy 8f3c1",
        "self": f"{API}/change_events/{id_}",
        "html_url": f"{APP}/change_events/{id_}",
        "timestamp": "2026-11-01T07:42:00Z",
        "source": "ci.meridian.example",
        "services": [reference_json("PCHKOUT", "service", "checkout-api")],
        "integration": reference_json(
            "PINT001", "events_api_v2_inbound_integration", "Events API v2"
        ),
        "links": [{"href": "https://ci.meridian.example/8f3c1", "text": "Build"}],
        "images": [],
        "custom_details": {},
        **fields,
    }


def maintenance_json(until: str = "2026-11-01T12:00:00Z", **fields: Any) -> dict[str, Any]:
    return {
        "id": "PMAINT1",
        "type": "maintenance_window",
        "summary": "Move the database",
        "self": f"{API}/maintenance_windows/PMAINT1",
        "html_url": f"{APP}/maintenance_windows/PMAINT1",
        "start_time": "2026-11-01T08:00:00Z",
        "end_time": until,
        "description": "Move the database",
        "services": [reference_json("PCHKOUT", "service", "checkout-api")],
        "teams": [],
        **fields,
    }


def log_entry_json(
    kind: str = "acknowledge", incident: str = "PINC4711", **fields: Any
) -> dict[str, Any]:
    return {
        "id": f"R{incident}{kind[:2]}",
        "type": f"{kind}_log_entry",
        "summary": "Acknowledged by Ana Lima",
        "self": f"{API}/log_entries/R{incident}",
        "html_url": f"{APP}/incidents/{incident}/log_entries/R{incident}",
        "created_at": "2026-11-01T08:04:00Z",
        "agent": reference_json("PANA", "user", "Ana Lima"),
        "channel": {"type": "website"},
        "service": reference_json("PCHKOUT", "service", "checkout-api"),
        "incident": reference_json(incident, "incident", "[#4711] Payments time out"),
        "teams": [],
        "contexts": [],
        **fields,
    }


def metrics_json(service_id: str = "PCHKOUT", **fields: Any) -> dict[str, Any]:
    return {
        "service_id": service_id,
        "service_name": "checkout-api",
        "mean_seconds_to_first_ack": 63,
        "mean_seconds_to_resolve": 3600,
        "total_incident_count": 12,
        "total_interruptions": 9,
        "total_off_hour_interruptions": 4,
        **fields,
    }


def score_json(service_id: str = "PCHKOUT", **fields: Any) -> dict[str, Any]:
    return {
        "resource_id": service_id,
        "resource_type": "technical_service",
        "score": {"passing": 1, "total": 2},
        "standards": [
            {
                "id": "01STANDARD1",
                "type": "has_technical_service_description",
                "name": "Service has a description",
                "description": "A description helps whoever is paged.",
                "active": True,
                "pass": True,
            },
            {
                "id": "01STANDARD2",
                "type": "minimum_escalation_rule_depth",
                "name": "Policy has two levels",
                "description": "So that somebody always answers.",
                "active": True,
                "pass": False,
            },
        ],
        **fields,
    }


def page_of(key: str, *rows: Any, more: bool = False, offset: int = 0) -> dict[str, Any]:
    """One page of a list answer."""
    return {key: list(rows), "limit": 100, "offset": offset, "more": more, "total": None}


def announce(
    http: responses.RequestsMock, path: str, body: Any = None, **fields: Any
) -> responses.BaseResponse:
    """Announce one GET of the REST API; it is answered with ``body`` as JSON."""
    if body is not None:
        fields["json"] = body
    return http.get(f"{API}{path}", **fields)


def announce_account(
    http: responses.RequestsMock,
    *,
    services: tuple[Any, ...] = (),
    incidents: tuple[Any, ...] = (),
    on_calls: tuple[Any, ...] = (),
    changes: tuple[Any, ...] = (),
    windows: tuple[Any, ...] = (),
) -> None:
    """Announce what a whole account is asked for."""
    announce(http, "/services", page_of("services", *services))
    announce(http, "/maintenance_windows", page_of("maintenance_windows", *windows))
    announce(http, "/incidents", page_of("incidents", *incidents))
    announce(http, "/oncalls", page_of("oncalls", *on_calls))
    announce(http, "/change_events", page_of("change_events", *changes))
    announce(http, "/log_entries", page_of("log_entries"))
    announce_figures(http)


class MayBeAsked(responses.Response):
    """An announced answer that nobody has to ask for."""

    @property
    def call_count(self) -> int:
        return max(1, len(self.calls))


def announce_figures(http: responses.RequestsMock, api: str = API) -> None:
    """Announce PagerDuty's own figures, which only mapped services are asked for."""
    for method, path, body in (
        ("POST", "/analytics/metrics/incidents/services", {"data": []}),
        ("GET", "/standards/scores/technical_services", {"resources": []}),
    ):
        http.add(MayBeAsked(method, f"{api}{path}", json=body))


def announce_service(
    http: responses.RequestsMock,
    *,
    service: Any = None,
    incidents: tuple[Any, ...] = (),
    on_calls: tuple[Any, ...] = (),
    changes: tuple[Any, ...] = (),
) -> None:
    """Announce what one service is asked for."""
    service = service or service_json()
    announce(http, f"/services/{service['id']}", {"service": service})
    announce(http, "/incidents", page_of("incidents", *incidents))
    announce(http, "/oncalls", page_of("oncalls", *on_calls))
    announce(http, f"/services/{service['id']}/change_events", page_of("change_events", *changes))


def query_of(call: responses.Call) -> list[str]:
    """The query of a sent request as ``name=value`` texts, unescaped."""
    return [f"{name}={value}" for name, value in parse_qsl(urlsplit(call.request.url).query)]


def paths_asked(http: responses.RequestsMock) -> list[str]:
    """The path of each sent request, in order."""
    return [urlsplit(call.request.url).path for call in http.calls]


GET_HEADERS = matchers.header_matcher(
    {
        "Authorization": f"Token token={TOKEN}",
        "Accept": "application/vnd.pagerduty+json;version=2",
        "Content-Type": "application/json",
    }
)
