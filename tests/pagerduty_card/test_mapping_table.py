"""The table of mappings: true after every change of names, services and keys."""

import itertools
import random
from importlib import import_module
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog.editing import local, removing
from catalog.models import Entity, Overlay
from pagerduty_card.mapping import remapping
from pagerduty_card.mapping.resolving import find_mapped, is_mapped, resolve, targets_of_many
from pagerduty_card.mirror import directory
from pagerduty_card.models import Feed, Integration, Mapping, Service, ServiceLink
from tests.catalog.overlays import set_overlay
from tests.factories import make_entity, make_user
from tests.pagerduty_card.mirror import link_service, make_service

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("token")]

PREFIX = "pagerduty.com/"
ID, KEY, ACCOUNT = (f"{PREFIX}{name}" for name in ("service-id", "integration-key", "account"))
KEYS = [letter * 32 for letter in "abcd"]
IDS = ["PA", "PB", "PC", "PD", "https://x.pagerduty.com/service-directory/PA"]


def rows():
    columns = ("entity__name", "account", "service_pd_id", "service__pd_id", "problem", "origin")
    return list(Mapping.objects.order_by("entity__name", "position").values_list(*columns))


def random_names(chance):
    """Annotations of one entity."""
    ids = ",".join(chance.choices([*IDS, "", " PA "], k=chance.randrange(3)))
    found = {
        ID: chance.choice([None, ids, ids, ","]),
        KEY: chance.choice([None, None, chance.choice(KEYS), f" {chance.choice(KEYS)} ", " "]),
        ACCOUNT: chance.choice([None, None, "eu", "default", " "]),
    }
    return {key: value for key, value in found.items() if value is not None}


def random_world(chance):
    """Two accounts with services that share ids and keys, and entities that name them."""
    for account in ("default", "eu"):
        for pd_id in chance.sample(IDS[:4], chance.randrange(4)):
            service = Service.objects.create(
                account=account, pd_id=pd_id, name=pd_id, status="active"
            )
            for key in chance.sample(KEYS, chance.randrange(3)):
                Integration.objects.create(
                    service=service, pd_id=f"I{key[0]}", name="x", integration_key=key
                )
    for number in range(8):
        entity = make_entity(f"e{number}", annotations=random_names(chance), source="a.yaml")
        if chance.random() < 0.3:
            for key, value in random_names(chance).items():
                set_overlay(entity, "annotation", key, value, user=None)
        for account, pd_id in itertools.product(["", "eu"], chance.sample(IDS[:4], 2)):
            if chance.random() < 0.3:
                label = chance.choice(["", "x"])
                ServiceLink.objects.create(
                    entity=entity, account=account, service_pd_id=pd_id, label=label
                )
    remapping.remap_all()


def named_by(entity):
    """Account, id and key of each service that annotations and links name, each once."""
    ids, key, account = (entity.annotations.get(one, "").strip() for one in (ID, KEY, ACCOUNT))
    account = account or "default"
    found = [(account, word.strip(), "") for word in ids.split(",") if word.strip()]
    if key and not found:
        found = [(account, "", key)]
    for link in entity.service_links.order_by("label", "pk"):
        found.append((link.account or "default", link.service_pd_id, ""))
    return list(dict.fromkeys(found))


def service_meant(account, pd_id, key):
    """The service of the account with the id, or the first with the key where there is no id."""
    own = Service.objects.filter(account=account).order_by("pk")
    if pd_id:
        return own.filter(pd_id=pd_id).first()
    return own.filter(integrations__integration_key=key).first()


@pytest.mark.parametrize("seed", range(20))
def test_table_card_and_index_name_the_same_services(seed):
    random_world(random.Random(seed))
    entities = {entity.pk: entity for entity in Entity.objects.all()}
    named = {pk: names for pk, one in entities.items() if (names := named_by(one))}
    assert set(find_mapped(Entity.objects.all()).values_list("pk", flat=True)) == set(named)
    for pk, targets in targets_of_many(entities.values()).items():
        names = named.get(pk, [])
        assert is_mapped(entities[pk]) is bool(names)
        assert [(one.account, one.service_pd_id) for one in targets] == [one[:2] for one in names]
        assert [one.service for one in resolve(targets)] == [service_meant(*one) for one in names]


def test_every_change_of_an_entity_is_followed():
    service = make_service("PA")
    entity = make_entity("api", annotations={ID: "PA"}, source="a.yaml", source_line=3)
    assert rows() == [("api", "default", "PA", "PA", "", "annotation")]
    set_overlay(entity, "annotation", ID, "PB", user=None)
    assert rows() == [("api", "default", "PB", None, "no_such_service", "overlay")]
    Overlay.objects.get()
    entity.refresh_from_db()
    entity.orphaned_at = entity.changed_at
    entity.save()
    local.adopt(entity, user=None)
    assert Mapping.objects.get().place == "the admin"
    removing.remove(Entity.objects.all(), user=None)
    assert rows() == []
    assert Service.objects.get() == service


def test_moving_a_document_moves_the_place(tmp_path):
    text = (
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: api\n"
        "  annotations:\n    pagerduty.com/service-id: PA\n"
        "spec: {type: service, lifecycle: production, owner: me}\n"
    )
    file = tmp_path / "catalog-info.yaml"
    for comment, line in (("", 6), ("# moved\n", 7)):
        file.write_text(comment + text)
        call_command("import_catalog", str(file), stdout=StringIO())
        assert Mapping.objects.get().place == f"{file}:{line}"


def test_deleted_services_and_moved_keys_are_followed():
    make_service("PA", key=KEYS[0])
    make_entity("by-id", annotations={ID: "PA"})
    make_entity("by-key", annotations={KEY: KEYS[0]})
    directory.forget_services(Service.objects.filter(pd_id="PA"))
    assert [row[3:5] for row in rows()] == [(None, "no_such_service"), (None, "no_such_key")]


def test_an_import_of_nothing_named_costs_one_query():
    pks = [make_entity().pk for _ in range(5)]
    with CaptureQueriesContext(connection) as queries:
        remapping.remap(pks)
    written = [one["sql"] for one in queries if "SAVEPOINT" not in one["sql"]]
    assert len([sql for sql in written if "advisory" not in sql]) == 1


def test_commas_alone_are_no_card_and_not_in_the_index(client):
    client.force_login(make_user())
    odd = make_entity("odd", annotations={ID: ","})
    make_entity("shop", annotations={ID: "PA"})
    assert client.get(reverse("pagerduty_card:card", kwargs=odd.url_kwargs)).status_code == 404
    assert 'id="pagerduty-card"' not in client.get(odd.get_absolute_url()).text
    assert client.get("/catalog/?has=pagerduty").context["page"].paginator.count == 1


def test_the_key_itself_is_not_in_the_table():
    make_entity("api", annotations={KEY: KEYS[0]})
    assert KEYS[0] not in repr(list(Mapping.objects.values()))


def test_a_key_of_two_services_means_the_first_and_says_so():
    make_service("PA", key=KEYS[0])
    make_service("PB", key=KEYS[0])
    entity = make_entity("api", annotations={KEY: KEYS[0]})
    assert rows() == [("api", "default", "", "PA", "key_of_several", "annotation")]
    Feed.objects.mark_good("default", Feed.Kind.SERVICES, asked_at=timezone.now())
    (mapped,) = resolve(targets_of_many([entity])[entity.pk])
    assert mapped.problem.text == (
        "Several services have the integration key ****aaaa: checkout-api (PA) is shown, "
        "checkout-api (PB) has it too."
    )


def test_a_migrated_installation_has_its_mappings_at_once():
    make_service("PA")
    make_entity("api", annotations={ID: "PA"})
    link_service(make_entity("linked"), "PA")
    before = rows()
    Mapping.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert rows() == before


def test_places_of_mappings_from_before_name_the_admin():
    link_service(make_entity("linked"), "PA")
    columns = ("place", "key_place", "account_place", "repeated_at")
    before = ("a link in the administration", "a.yaml:1", "the administration")
    before += ("an overlay in the administration",)
    Mapping.objects.update(**dict(zip(columns, before, strict=True)))
    import_module("pagerduty_card.migrations.0014_admin_in_places").rename_places(apps, None)
    after = ("a link in the admin", "a.yaml:1", "the admin", "an overlay in the admin")
    assert Mapping.objects.values_list(*columns).get() == after
