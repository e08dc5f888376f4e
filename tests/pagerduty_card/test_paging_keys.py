"""Which integration's key pages a service, and what the card and the doctor say about it."""

import pytest
from django.utils import timezone

from pagerduty_card.accounts import get_account
from pagerduty_card.doctor.entities import examine_entity
from pagerduty_card.doctor.findings import Verdict
from pagerduty_card.mapping.resolving import resolve, targets_of
from pagerduty_card.models import Integration
from pagerduty_card.syncing.accounts import sync_account
from pagerduty_card.wire.client import PagerDutyClient
from sandbox.pagerduty.example_organisation import KEYS
from tests.factories import make_user
from tests.pagerduty_card.mirror import make_feeds, make_mapped_entity, make_service
from tests.pages import parse, words

pytestmark = pytest.mark.django_db

V1 = "generic_events_api_inbound_integration"
V2 = "events_api_v2_inbound_integration"
CLOUDWATCH = "aws_cloudwatch_inbound_integration"
BACKSTAGE = "PRO19CT"


def with_integrations(*rows):
    """A service with integrations of a name, a type and a vendor; keys repeat the first letter."""
    service = make_service(key="")
    for name, type_, vendor in rows:
        Integration.objects.create(
            service=service,
            pd_id=f"PI{name}",
            name=name,
            type=type_,
            vendor_pd_id=vendor,
            integration_key=name[0].lower() * 32,
        )


def card(client, entity):
    client.force_login(make_user(permissions=("pagerduty_card.trigger_incident",)))
    make_feeds()
    page = client.get(f"{entity.get_absolute_url()}pagerduty/").text
    return words(parse(page))


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    ("integrations", "named", "key", "said"),
    [
        (
            [("API", V1, ""), ("CloudWatch", CLOUDWATCH, ""), ("Zed", V2, "")],
            "",
            "z",
            ["through the integration Zed (Events API v2, key ****zzzz)."],
        ),
        (
            [("Alpha", V2, ""), ("Backstage", V2, BACKSTAGE), ("Datadog", V2, "PAM4FGS")],
            "",
            "b",
            ["integration Backstage", "The service has 2 more such integrations"],
        ),
        ([("Datadog", V2, "PAM4FGS"), ("Own", V2, "")], "", "o", ["integration Own"]),
        ([("Alpha", V2, ""), ("Beta", V2, "")], "b", "b", ["Beta", "whose key the entity names."]),
        (
            [("API", V1, ""), ("Nagios", "nagios_inbound_integration", "")],
            "",
            "",
            ["no Events API v2 integration", f"API ({V1}), Nagios", "Add an integration"],
        ),
        ([], "", "", ["no Events API v2 integration"]),
        (
            [("API", V1, ""), ("Zed", V2, "")],
            "a",
            "z",
            [f"****aaaa is that of API, an integration of the type {V1}", "integration Zed"],
        ),
        ([("Old", "", "")], "", "o", ["of a type that is not known"]),
        (
            [("Zed", V2, "")],
            "u+Tokentokentokento1",
            "z",
            ["****nto1, which looks like a REST API token", "Revoke the token"],
        ),
        ([("Zed", V2, "")], "abc", "z", ["is ****, which is no integration key"]),
    ],
)
def test_a_service_is_paged_by_the_key_of_an_events_integration(
    client, integrations, named, key, said
):
    with_integrations(*integrations)
    annotations = {"integration_key": named * 32 if len(named) == 1 else named} if named else {}
    entity = make_mapped_entity(service_id="PCHKOUT", **annotations)
    (mapped,) = resolve(targets_of(entity))
    assert mapped.routing_key == key * 32
    page = card(client, entity)
    (*_, finding) = examine_entity(entity.ref, timezone.now())
    told = " ".join(step.text + step.advice for step in finding.steps)
    for sentence in said:
        assert sentence in page
        assert sentence in told
    assert not [one for one in Integration.objects.all() if one.integration_key in page + told]


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("h" * 31, "is no integration key: those have 32 letters and digits"),
        ("h" * 33, "is no integration key"),
        ("h" * 16 + " " + "h" * 15, "is no integration key"),
        ("u+Tokentokentokento1", "looks like a REST API token, not like an integration key"),
    ],
)
def test_an_integration_whose_key_is_none_pages_nobody_and_is_named(client, key, said):
    service = make_service(key="")
    Integration.objects.create(
        service=service, pd_id="PIX", name="Odd", type=V2, integration_key=key
    )
    entity = make_mapped_entity(service_id="PCHKOUT")
    assert not resolve(targets_of(entity))[0].can_page
    page = card(client, entity)
    assert f"Odd (its key ****{key[-4:]} {said}" in page
    assert key not in page


@pytest.mark.usefixtures("token")
def test_a_token_in_place_of_a_key_alone_pages_nobody(client):
    entity = make_mapped_entity(integration_key="y_NbAkKc66ryYTWUXYEu")
    (mapped,) = resolve(targets_of(entity))
    assert not mapped.can_page
    page = card(client, entity)
    assert "pagerduty.com/integration-key is ****XYEu, which looks like a REST API token" in page


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(("ids", "key"), [("PNEW", "k" * 32), ("PNEW,PB", "")])
def test_a_key_beside_an_id_that_is_not_mirrored_pages_unless_several_ids_share_it(ids, key):
    entity = make_mapped_entity(service_id=ids, integration_key="k" * 32)
    assert {one.routing_key for one in resolve(targets_of(entity))} == {key}


@pytest.mark.parametrize(
    ("named", "changed", "said"),
    [
        ("", {"PAGERDUTY_EVENTS_BASE_URL": "https://relay.example/x"}, "does not end in /v2."),
        ("", {"PAGERDUTY_EVENTS_BASE_URL": "https://api.pagerduty.com"}, "of the Events API."),
        ("mars", {}, "no PagerDuty account is called 'mars'."),
        ("eu", {"PAGERDUTY_ACCOUNTS": "[{name: eu, token: abc, region: moon}]"}, "is no region."),
    ],
)
def test_where_no_page_can_be_sent_there_is_no_button_and_each_page_says_why(
    client, settings, token, named, changed, said
):
    for name, value in changed.items():
        setattr(settings, name, value)
    make_service(**({"account": named} if named else {}))
    entity = make_mapped_entity(service_id="PCHKOUT", **({"account": named} if named else {}))
    page = card(client, entity)
    assert said in page
    assert "Page on-call" not in client.get(entity.get_absolute_url()).text
    form = client.get(f"{entity.get_absolute_url()}pagerduty/trigger/")
    assert "Nobody can be paged from here" in form.text
    assert said in words(parse(form.text))
    answer = client.post(f"{entity.get_absolute_url()}pagerduty/trigger/", {"description": "Down"})
    assert answer.status_code == 409
    assert "Nobody has been paged" in answer.text
    (*_, finding) = examine_entity(entity.ref, timezone.now())
    verdicts = {step.verdict for step in finding.steps if step.what in {"Account", "Paging"}}
    assert verdicts & {Verdict.WRONG, Verdict.WARNING}


@pytest.mark.real_http
def test_every_service_of_the_sandbox_is_paged_by_a_key_that_it_accepts(sandbox):
    services = sandbox.state.account.services
    entities = [make_mapped_entity(f"e-{one.id.lower()}", service_id=one.id) for one in services]
    with PagerDutyClient(get_account()) as client:
        sync_account(get_account(), client)
    mapped = [one for entity in entities for one in resolve(targets_of(entity))]
    found = [sandbox.state.find_key(one.routing_key) for one in mapped]
    assert [service.id for service, _ in found] == list(KEYS)
    assert {integration.type for _, integration in found} == {V2}
    assert len({integration.vendor for _, integration in found}) > 1
