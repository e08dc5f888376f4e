"""PagerDuty's JSON as values: strict where it matters, tolerant everywhere else."""

import datetime as dt

import pytest

from pagerduty_card.domain import (
    ApiChangeEvent,
    ApiEscalationPolicy,
    ApiIncident,
    ApiOnCall,
    ApiService,
    IncidentStatus,
    MaintenanceWindow,
    ServiceStatus,
)
from pagerduty_card.errors import Unreadable
from pagerduty_card.fields import web_url
from pagerduty_card.integrations import ApiIntegration
from tests.pagerduty_card.factories import (
    KEY,
    change_json,
    incident_json,
    integration_json,
    maintenance_json,
    on_call_json,
    policy_json,
    reference_json,
    service_json,
)

BUILDERS = [
    (ApiService, service_json, {"id", "status"}),
    (ApiIncident, incident_json, {"id", "status", "incident_number", "created_at", "service"}),
    (ApiOnCall, on_call_json, {"escalation_policy", "escalation_level", "user"}),
    (ApiChangeEvent, change_json, {"id", "timestamp"}),
    (ApiEscalationPolicy, policy_json, {"id"}),
    (MaintenanceWindow, maintenance_json, {"id", "end_time"}),
    (ApiIntegration, integration_json, {"id"}),
]


@pytest.mark.parametrize(("parsed", "build", "required"), BUILDERS)
def test_any_field_that_is_not_required_may_be_null_or_missing(parsed, build, required):
    for key in set(build()) - required:
        parsed.from_api(build() | {key: None})
        parsed.from_api({k: v for k, v in build().items() if k != key})


@pytest.mark.parametrize(("parsed", "build", "required"), BUILDERS)
def test_a_required_field_that_is_missing_or_mistyped_is_refused(parsed, build, required):
    for key in required:
        for wrong in (None, True, ["x"], ""):
            with pytest.raises(Unreadable):
                parsed.from_api(build() | {key: wrong})
        with pytest.raises(Unreadable):
            parsed.from_api({k: v for k, v in build().items() if k != key})


@pytest.mark.parametrize("raw", [None, [], "x", 7])
@pytest.mark.parametrize(("parsed", "build", "required"), BUILDERS)
def test_what_is_no_object_is_refused(parsed, build, required, raw):
    with pytest.raises(Unreadable):
        parsed.from_api(raw)


@pytest.mark.parametrize("kind", [ServiceStatus, IncidentStatus])
@pytest.mark.parametrize("raw", ["tomorrow", "", "ACTIVE"])
def test_a_value_added_tomorrow_reads_as_unknown(kind, raw):
    assert kind(raw) is kind.UNKNOWN


def test_keeps_a_status_as_pagerduty_wrote_it():
    assert ApiService.from_api(service_json(status="tomorrow")).status == "tomorrow"
    assert ApiIncident.from_api(incident_json(urgency="tomorrow")).urgency == "tomorrow"


def test_times_are_utc_and_must_name_their_zone():
    incident = ApiIncident.from_api(incident_json(created_at="2026-11-01T10:00:00+02:00"))
    assert incident.created_at == dt.datetime(2026, 11, 1, 8, tzinfo=dt.UTC)
    assert incident.created_at.tzinfo is dt.UTC
    for wrong in ("2026-11-01T10:00:00", "yesterday", 7):
        with pytest.raises(Unreadable):
            ApiIncident.from_api(incident_json(created_at=wrong))


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example/",
        "https://",
        "https://a b.example/",
        "https://[broken",
        "mailto:ana@example.com",
        "https://a.example/" + "x" * 500,
        "https://a.example/\nx",
        7,
        None,
    ],
)
def test_addresses_that_a_link_may_not_carry_are_dropped(url):
    assert web_url(url) == ""
    assert ApiIncident.from_api(incident_json(html_url=url)).url == ""
    links = [{"href": url, "text": "x"}, {"href": "https://a.example/", "text": None}]
    (link,) = ApiChangeEvent.from_api(change_json(links=links)).links
    assert (link.href, link.text) == ("https://a.example/", "https://a.example/")


def test_an_incident_with_everything():
    raw = incident_json(
        status="acknowledged",
        priority=None,
        acknowledgements=[
            {"at": "2026-11-01T08:10:00Z", "acknowledger": reference_json("PBO", "user", "Bo Chen")}
        ],
        pending_actions=[
            {"type": "resolve", "at": "2026-11-01T12:00:00Z"},
            {"type": "unacknowledge", "at": "2026-11-01T08:40:00Z"},
        ],
    )
    incident = ApiIncident.from_api(raw)
    assert incident.priority == ""
    assert [ack.name for ack in incident.acknowledgements] == ["Bo Chen"]
    assert [action.type for action in incident.pending_actions] == ["unacknowledge", "resolve"]


def test_a_service_names_the_teams_of_its_policy():
    service = ApiService.from_api(service_json(teams=[reference_json("PT1", "team", "Checkout")]))
    assert [(team.id, team.name) for team in service.teams] == [("PT1", "Checkout")]


def test_a_resolved_incident_tells_its_end():
    incident = ApiIncident.from_api(incident_json(resolved_at="2026-11-01T09:30:00+01:00"))
    assert incident.resolved_at == dt.datetime(2026, 11, 1, 8, 30, tzinfo=dt.UTC)
    assert ApiIncident.from_api(incident_json()).resolved_at is None


def test_a_person_named_directly_is_always_on_call():
    always = ApiOnCall.from_api(on_call_json(schedule=None, start=None, end=None))
    assert (always.schedule, always.start, always.end) == (None, None, None)


def test_a_reference_to_a_policy_tells_no_levels():
    bare = ApiEscalationPolicy.from_api(reference_json("PPOL", "escalation_policy", "Checkout"))
    assert (bare.name, bare.levels) == ("Checkout", None)
    assert ApiEscalationPolicy.from_api(policy_json(levels=0)).levels == ()


def test_an_integration_key_is_not_in_the_repr():
    assert KEY not in repr(ApiIntegration.from_api(integration_json()))
    assert KEY not in repr(ApiService.from_api(service_json()))
