"""No page, JSON, log line or audit row carries an integration key or a token."""

import base64
import logging

import pytest
import requests
from django.contrib import admin
from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import Entity, SearchText, Tag
from catalog.signals import entities_written
from pagerduty_card.domain import ApiService
from pagerduty_card.mirror import directory
from pagerduty_card.models import Feed, TriggeredIncident
from tests.catalog.sources import component, run, write
from tests.factories import make_entity, make_issue, make_user
from tests.pagerduty_card.factories import integration_json, service_json
from tests.pagerduty_card.mirror import (
    make_attempt,
    make_change,
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_on_call,
    make_service,
)

pytestmark = pytest.mark.django_db
TOKEN = "secret-token-of-the-account-9876"
OWN_KEY = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
FOREIGN_KEY = "ffeeddccbbaa99887766554433221100"
SECRETS = (TOKEN, OWN_KEY, FOREIGN_KEY)
ENQUEUE = "https://events.pagerduty.com/v2/enqueue"


@pytest.fixture
def world(settings):
    """Entities that name a right key, a wrong key, both, and a key in place of their owner."""
    settings.PAGERDUTY_TOKEN = TOKEN
    make_feeds()
    make_feeds(Feed.Kind.CHANGES, failed_s=1, reason="token", detail="Unauthorized")
    service = make_service(key=OWN_KEY)
    make_incident(service)
    make_change(service)
    make_on_call(service.policy)
    entities = [
        make_mapped_entity("by-key", integration_key=OWN_KEY),
        make_mapped_entity("by-wrong-key", integration_key=FOREIGN_KEY),
        make_mapped_entity("by-both", integration_key=FOREIGN_KEY, service_id="PCHKOUT"),
        make_entity(
            "of-a-key",
            owner=FOREIGN_KEY,
            annotations={"pagerduty.com/service-id": "PCHKOUT"},
            source="examples/catalog/checkout.yaml",
        ),
    ]
    make_attempt(entities[0])
    return entities


def pages_of(entity):
    kwargs = entity.url_kwargs
    return [
        entity.get_absolute_url(),
        reverse("catalog:inspect", kwargs=kwargs),
        reverse("pagerduty_card:card", kwargs=kwargs),
        reverse("pagerduty_card:trigger", kwargs=kwargs),
    ]


def admin_pages():
    for model, options in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        for row in model._default_manager.all()[:20]:
            yield reverse(f"{name}_change", args=[row.pk])
        del options


def hidden(text):
    return not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize("who", ["reader", "pager", "staff"])
def test_no_page_carries_a_key_or_the_token(client, world, settings, who):
    settings.PAGERDUTY_TRIGGER_OWNERS_ONLY = who == "pager"
    client.force_login(
        {
            "reader": lambda: make_user("reader"),
            "pager": lambda: make_user("pager", permissions=("pagerduty_card.trigger_incident",)),
            "staff": lambda: make_user(
                "staff",
                is_staff=True,
                permissions=("pagerduty_card.trigger_incident", "pagerduty_card.map_services"),
            ),
        }[who]()
    )
    names = ("catalog:home", "catalog:index", "pagerduty:mapping")
    addresses = ["/incidents/", "/on-call/", *map(reverse, names)]
    for entity in world:
        addresses += pages_of(entity)
    for address in addresses:
        for headers in ({}, {"HX-Request": "true"}):
            answer = client.get(address, headers=headers)
            assert answer.status_code in {200, 403, 422}, address  # 422: a refusal in a dialog
            assert hidden(answer.text), address
            assert hidden(str(answer.headers)), address


def test_a_mapping_by_key_is_told_by_its_last_four_characters(client, world):
    client.force_login(make_user("reader"))
    page = client.get(reverse("pagerduty_card:card", kwargs=world[1].url_kwargs)).text
    assert "****1100" in page


def test_no_page_of_the_admin_carries_a_key_or_the_token(client, world):
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    shown = 0
    for address in admin_pages():
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert hidden(answer.text), address
        shown += 1
    assert shown > 10


QUOTED = {"status": "invalid", "message": f"no {OWN_KEY}", "errors": [f"{OWN_KEY} is unknown"]}


@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.exceptions.ConnectionError("refused")},
        {"body": requests.exceptions.ReadTimeout()},
        {"status": 400, "json": QUOTED},
        {"status": 500, "body": f"<pre>{OWN_KEY}</pre>"},
        {"status": 202, "json": {"status": "success", "message": OWN_KEY, "dedup_key": "x"}},
    ],
)
def test_neither_logs_nor_the_audit_carry_a_key_or_the_token(
    client, world, http, caplog, monkeypatch, answer
):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    caplog.set_level(logging.DEBUG)
    client.force_login(make_user("pager", permissions=("pagerduty_card.trigger_incident",)))
    http.post(ENQUEUE, **answer)
    kwargs = world[0].url_kwargs
    address = reverse("pagerduty_card:trigger", kwargs=kwargs)
    page = client.get(address).text
    key = page.split('name="key" value="', 1)[1].split('"', 1)[0]
    shown = client.post(
        address,
        {"service": "default/PCHKOUT", "description": "Stuck", "severity": "error", "key": key},
    )
    assert shown.status_code in {303, 422}
    assert hidden(shown.text)
    assert hidden(client.get(world[0].get_absolute_url()).text)
    for record in caplog.records:
        assert hidden(f"{record.getMessage()} {record.__dict__}")
    for row in TriggeredIncident.objects.values():
        assert hidden(str(row))


def test_a_known_key_is_masked_in_every_entity_whatever_it_looks_like(client, settings):
    stored, named = "MirroredKeyThatIsNoHexNumberZ123", "annotatedkeywithoutanydigitsxyzq"
    make_service(key=stored)
    make_mapped_entity("holder", integration_key=named)
    copies = [
        *(form for key in (stored, named) for form in (key, key.lower(), key.upper())),
        base64.b64encode(stored.encode()).decode(),
    ]
    other = make_entity(
        "other",
        description="\n\n".join(copies),
        annotations={"example.com/note": copies[1], "example.com/sha": "f" * 40},
    )
    make_issue(other.ref, f"no such thing: {copies[0]}")
    make_issue("component:default/gone", f"write {copies[1]}")
    client.force_login(make_user(is_superuser=True, is_staff=True))
    pages = [other.get_absolute_url(), reverse("catalog:inspect", kwargs=other.url_kwargs)]
    pages += ["/catalog/", "/catalog/issues/", "/catalog/default/component/gone/"]
    pages += [f"/catalog/export/?format={name}" for name in ("csv", "json", "yaml")]
    for address in pages:
        response = client.get(address)
        text = response.getvalue().decode()
        assert [copy for copy in copies if copy in text] == [], address
    assert "f" * 40 in client.get(pages[1]).text


def test_a_title_that_was_stored_before_its_key_was_known_is_masked_where_it_is_shown(
    client, tmp_path
):
    key = "LaterKeyThatIsNoHexNumberAtAll00"
    file = write(
        tmp_path / "a.yaml",
        component("titled", metadata={"title": f"Pay {key}"}),
        component("near", dependsOn=["component:titled"]),
        component("bad", metadata={"labels": {"a": f"{key} x"}}),
    )
    assert key in run("import_catalog", file)[1]
    entity = make_mapped_entity("holder", integration_key=key)
    entities_written.send(Entity, pks=[entity.pk])
    client.force_login(make_user())
    near = Entity.objects.get(name="near")
    addresses = ["/catalog/", "/search/?q=titled", near.get_absolute_url()]
    addresses.append(reverse("catalog:dependencies", kwargs=near.url_kwargs))
    for address in addresses:
        page = client.get(address, headers={"HX-Request": "true"} if "q=" in address else None)
        assert "Pay ****" in page.text, address
        assert key not in page.text, address
    file.write_text(file.read_text() + "\n")
    for command in (("import_catalog", file), ("validate_catalog", file, "--references=catalog")):
        said = run(*command)[1]
        assert "metadata.labels.a" in said
        assert key not in said


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("learnt_from", ["mirror", "entity"])
def test_a_search_finds_no_key_that_became_known_after_its_text_was_written(client, learnt_from):
    key = "LaterKeyThatIsNoHexNumberAtAll00"
    encoded = base64.b64encode(key.encode()).decode()
    for name, text in (("holds-plain", key), ("holds-coded", encoded)):
        make_entity(name, title=f"Pay {text}", tags=(key.lower(),))
    client.force_login(make_user(is_superuser=True, is_staff=True))
    doors = ("/catalog/?exact=1&q=", "/search/?q=", "/admin/catalog/entity/?q=")
    searches = [f"{door}{text}" for door in doors for text in (key, key[:20], encoded[:20])]

    def found(address):
        headers = {"HX-Request": "true"} if address.startswith("/search/") else None
        page = client.get(address, headers=headers).text
        return [name for name in ("holds-plain", "holds-coded") if name in page]

    assert all(map(found, searches[:2]))
    if learnt_from == "mirror":
        row = service_json(integrations=[integration_json(key)])
        directory.store_services("default", [ApiService.from_api(row)])
    else:
        make_mapped_entity("holder", integration_key=key)
    assert [address for address in searches if found(address)] == []
    assert found("/search/?q=holds-plain") == ["holds-plain"]
    for column in ("title", "sort_name"):
        assert not Entity.objects.filter(**{f"{column}__icontains": key[:20]}).exists()
    assert not Tag.objects.filter(name__icontains=key[:20]).exists()


@pytest.mark.django_db(transaction=True)
def test_a_search_finds_no_key_that_the_writer_of_its_text_did_not_know(monkeypatch):
    """As an import that began before the key was stored, and a process that learns of it later."""
    key = "LaterKeyThatIsNoHexNumberAtAll00"
    row = service_json(integrations=[integration_json(key)])
    directory.store_services("default", [ApiService.from_api(row)])
    cache.clear()  # the other process may have no part in what this one keeps
    with transaction.atomic():
        with monkeypatch.context() as patch:
            patch.setattr("catalog.masking._known", [])
            names = [make_entity(name, title=f"Pay {key}").name for name in ("a", "b")]
        found = SearchText.objects.filter(text__contains=key.lower())
        assert sorted(found.values_list("name", flat=True)) == names
    assert not found.exists()
    assert not Entity.objects.filter(title__contains=key).exists()
    make_entity("c", title="Pay")  # a look into one text, as no other key is known
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        entities_written.send(Entity, pks=Entity.objects.values_list("pk", flat=True))
    read = [one["sql"] for one in captured if "search" in one["sql"] and '"text"' in one["sql"]]
    assert ["entity_id" in sql.partition("WHERE")[2] for sql in read] == [True]


def test_a_new_key_is_known_at_once(client):
    other = make_entity("other", description="See LaterKeyThatIsNoHexNumberAtAll00")
    client.force_login(make_user())
    assert "LaterKeyThatIsNoHexNumberAtAll00" in client.get(other.get_absolute_url()).text
    entity = make_mapped_entity("holder", integration_key="LaterKeyThatIsNoHexNumberAtAll00")
    entities_written.send(Entity, pks=[entity.pk])
    assert "LaterKeyThatIsNoHexNumberAtAll00" not in client.get(other.get_absolute_url()).text
