"""The admin of links, and the audit and the mirror to read there."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from pagerduty_card.models import Integration, ServiceLink
from tests.factories import make_entity, make_user
from tests.pagerduty_card.mirror import (
    link_service,
    make_attempt,
    make_feeds,
    make_mapped_entity,
    make_service,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client):
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    return client


def link(client, entity, **fields):
    return client.post(
        reverse("admin:pagerduty_card_servicelink_add"),
        {"entity": entity.pk, "account": "", "service_pd_id": "PCHKOUT", "label": "", **fields},
    )


def test_a_link_gives_an_entity_without_annotations_the_card(boss, settings):
    settings.PAGERDUTY_TOKEN = "test-token-0123456789"
    entity = make_entity("bare")
    make_feeds()
    make_service()
    assert "pagerduty-card" not in boss.get(entity.get_absolute_url()).text
    assert link(boss, entity, service_pd_id=" PCHKOUT ", label="eu").status_code == 302
    assert 'id="pagerduty-card"' in boss.get(entity.get_absolute_url()).text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"account": "emea"}, "No PagerDuty account is called"),
        ({"service_pd_id": "https://x.pagerduty.com/services/PABC"}, "Only the id"),
        ({"label": "x" * 65}, "Write at most 64 characters; this has 65."),
    ],
)
def test_a_link_to_what_cannot_be_is_refused_with_the_reason(boss, fields, said):
    answer = link(boss, make_entity("bare"), **fields)
    assert answer.status_code == 200
    assert said in answer.text
    assert not ServiceLink.objects.exists()


def test_the_default_account_named_or_not_is_one_link(boss):
    entity = make_entity("bare")
    link(boss, entity, account="default")
    answer = link(boss, entity)
    assert "The entity is linked to this service already." in answer.text
    assert ServiceLink.objects.count() == 1


def test_the_list_of_links_names_the_service_and_is_found_by_it(boss):
    make_service("PONE", name="orders", key="")
    make_service("PONE", name="orders of emea", key="", account="emea")
    link_service(make_entity("one"), "PONE", label="eu")
    link_service(make_entity("two"), "PONE", account="emea")
    link_service(make_entity("three"), "PGONE")
    changelist = reverse("admin:pagerduty_card_servicelink_changelist")
    page = boss.get(changelist).text
    assert "orders of emea" in page
    assert "not known" in page
    found = boss.get(changelist, {"q": "of emea"}).text
    assert "component:default/two" in found
    assert "component:default/one" not in found


@pytest.mark.parametrize("model", ["triggeredincident", "service", "escalationpolicy", "feed"])
def test_audit_and_mirror_can_be_read_and_not_written(boss, model):
    entity = make_mapped_entity()
    make_feeds()
    service = make_service()
    attempt = make_attempt(entity)
    row = {
        "triggeredincident": attempt,
        "service": service,
        "escalationpolicy": service.policy,
        "feed": apps.get_model("pagerduty_card", "feed").objects.first(),
    }[model]
    changelist = reverse(f"admin:pagerduty_card_{model}_changelist")
    change = reverse(f"admin:pagerduty_card_{model}_change", args=[row.pk])
    delete = reverse(f"admin:pagerduty_card_{model}_delete", args=[row.pk])
    assert boss.get(changelist).status_code == 200
    assert boss.get(changelist, {"q": "checkout"}).status_code == 200
    page = boss.get(change)
    assert page.status_code == 200
    assert 'name="_save"' not in page.text
    assert boss.post(change, {}).status_code == 403
    assert boss.post(delete, {"post": "yes"}).status_code == 403
    assert boss.get(reverse(f"admin:pagerduty_card_{model}_add")).status_code == 403


def test_the_audit_says_who_paged_whom_when_and_what_became_of_it(boss):
    attempt = make_attempt(
        make_mapped_entity(),
        state="created",
        incident_number=4712,
        incident_url="https://meridian.pagerduty.com/incidents/Q4712",
    )
    page = boss.get(reverse("admin:pagerduty_card_triggeredincident_changelist")).text
    for shown in ("Dee Okafor", attempt.entity_ref, "checkout-api", "incident created", "#4712"):
        assert shown in page
    assert 'href="https://meridian.pagerduty.com/incidents/Q4712"' in page


def test_integrations_with_their_keys_are_not_in_the_admin():
    assert not admin.site.is_registered(Integration)
