"""The example company: whole, free of mistakes but the two on purpose, and known to the sandbox."""

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import call_command

from catalog.descriptor import parse
from catalog.groups import below
from catalog.models import Entity, Relation
from sandbox.pagerduty.example_account import example_account
from sandbox.pagerduty.example_organisation import KEYS

EXAMPLES = Path(__file__).parents[2] / "examples" / "catalog"
ANNOTATION = "pagerduty.com/"


@pytest.fixture(scope="module")
def documents():
    return [d for path in sorted(EXAMPLES.rglob("*.yaml")) for d in parse(path.read_text())]


@pytest.fixture(scope="module")
def annotations(documents):
    return {
        document.data["metadata"]["name"]: {
            name.removeprefix(ANNOTATION): value
            for name, value in document.data["metadata"].get("annotations", {}).items()
            if name.startswith(ANNOTATION)
        }
        for document in documents
        if document.data["kind"] == "Component"
    }


def test_every_document_is_valid_and_the_company_is_whole(documents):
    assert [(d.line, d.problems) for d in documents if d.problems] == []
    assert Counter(document.data["kind"] for document in documents) == {
        "Location": 1,
        "Domain": 2,
        "System": 5,
        "Component": 14,
        "API": 5,
        "Resource": 5,
        "Group": 9,
        "User": 12,
    }


def test_everything_tells_what_it_is(documents):
    silent = [
        document.data["metadata"]["name"]
        for document in documents
        if not document.data["metadata"].get("description")
    ]
    assert silent == []
    unlinked = [
        document.data["metadata"]["name"]
        for document in documents
        if document.data["kind"] == "Component" and len(document.data["metadata"]["links"]) < 3
    ]
    assert unlinked == []


@pytest.mark.django_db
def test_one_location_brings_in_everything_with_one_typing_mistake():
    call_command("import_catalog", str(EXAMPLES / "all.yaml"), verbosity=0)

    assert Entity.objects.count() == 53
    known = {f"{e.kind}:{e.namespace}/{e.name}".lower() for e in Entity.objects.all()}
    unresolved = {
        relation.target_ref
        for relation in Relation.objects.all()
        if relation.target_ref.lower() not in known
    }
    assert unresolved == {"component:default/order-ruoter"}


def test_the_sandbox_knows_every_id_and_key_but_the_wrong_one(annotations):
    services = {s.id: s for s in example_account(dt.datetime(2026, 11, 23, tzinfo=dt.UTC)).services}
    written = {
        id_
        for found in annotations.values()
        for id_ in found.get("service-id", "").split(",")
        if id_
    }
    assert written - set(services) == {"PWRONG1"}
    keys = {
        found["integration-key"] for found in annotations.values() if "integration-key" in found
    }
    assert keys <= set(KEYS.values())
    for id_, service in services.items():
        assert KEYS[id_] in [one.key for one in service.integrations if one.takes_events]
        assert len(KEYS[id_]) == 32


def test_components_are_linked_in_every_way_there_is(annotations):
    ways = {name: set(found) for name, found in annotations.items()}
    assert ways["checkout-api"] == {"service-id", "integration-key"}
    assert ways["payment-gateway"] == {"service-id"}
    assert ways["fraud-check"] == ways["web-shop"] == {"integration-key"}
    assert annotations["fraud-check"]["integration-key"] == KEYS["PFRAUDC"]
    assert annotations["pricing-service"]["integration-key"] == KEYS["PPRICIN"]
    assert annotations["warehouse-sync"]["service-id"] == "PWAREHS,PWAREUS"
    assert annotations["delivery-tracker"]["service-id"] == "PWRONG1"
    assert ways["invoice-worker"] == ways["product-feed"] == set()


@pytest.mark.django_db
def test_teams_are_nested_and_definitions_lie_in_files_of_their_own():
    call_command("import_catalog", str(EXAMPLES / "all.yaml"), verbosity=0)

    assert set(below(["group:default/meridian"])) == {
        f"group:default/{name}"
        for name in (
            *("meridian", "shop", "operations", "payments-squad", "checkout-team"),
            *("storefront-team", "catalog-team", "fulfilment-team", "platform-team"),
        )
    }
    definition = Entity.objects.get(name="payments-grpc").spec["definition"]
    assert definition.startswith('syntax = "proto3";')
    assert "| scheme |" in Entity.objects.get(name="payment-gateway").description


def test_the_check_finds_the_one_mistake(capsys):
    call_command("validate_catalog", str(EXAMPLES))
    out = capsys.readouterr().out
    assert "did you mean component:default/order-router?" in out
    assert out.endswith("53 documents in 8 files: 0 invalid, 1 warning.\n")
