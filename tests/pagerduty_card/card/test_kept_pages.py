"""A page that was kept is the page as it would be drawn now, whoever wrote whatever meanwhile."""

import datetime as dt
import random
import re
from collections import Counter

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog import stars
from catalog.editing.overlays import replace_overlays
from catalog.editing.removing import remove
from catalog.ingestion.importer import run_import
from catalog.models import Entity, Location, Overlay
from pagerduty_card import domain
from pagerduty_card.card.inputs import load_inputs
from pagerduty_card.errors import PagerDutyError
from pagerduty_card.mapping.remapping import remap
from pagerduty_card.mirror import directory, rota
from pagerduty_card.mirror.incidents import (
    forget_incidents,
    store_changes,
    store_incidents,
    store_maintenance,
)
from pagerduty_card.models import (
    EscalationPolicy,
    Feed,
    Incident,
    Mapping,
    Service,
    ServiceLink,
    TriggeredIncident,
)
from pagerduty_card.syncing.past import store_ended
from portal.cache import kept
from tests.catalog.overlays import set_overlay
from tests.catalog.sources import component, group, write
from tests.factories import make_user
from tests.pagerduty_card.deliveries import SECRET, event_json, post
from tests.pagerduty_card.factories import (
    change_json,
    incident_json,
    integration_json,
    on_call_json,
    policy_json,
    service_json,
    user_json,
)
from tests.pagerduty_card.mirror import (
    link_service,
    make_attempt,
    make_change,
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_on_call,
    make_past_incident,
    make_service,
)

pytestmark = pytest.mark.django_db
BEGIN = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)
PAGE = "/catalog/default/component/checkout-api/"
STEPS = 12
KEEPERS = ("catalog.versions", "pagerduty_card.card.drawing")


def at(dice, hours):
    """An instant up to so many hours from now, either way, as PagerDuty writes it."""
    moved = timezone.now() + dt.timedelta(seconds=dice.randint(-hours * 3600, hours * 3600))
    return moved.strftime("%Y-%m-%dT%H:%M:%SZ")


class Company:
    """Everything that writes what an entity's page shows, each a method; ``dice`` decide how."""

    def __init__(self, dice, folder, client, clock):
        self.dice, self.folder, self.client, self.clock = dice, folder, client, clock
        self.person = make_user("ana")
        client.force_login(self.person)

    @property
    def entity(self):
        return Entity.objects.filter(ref="component:default/checkout-api").first()

    def time_passes(self):
        self.clock.shift(self.dice.choice([1, 7, 40, 61, 300, 1_000, 5_000, 40_000]))

    def import_files(self):
        pick = self.dice.choice
        metadata = {
            "title": pick(["Checkout", "<b>Checkout</b>", ""]) or "checkout-api",
            "description": pick(["Takes *payments*", "Takes <!--[token]--> payments"]),
            "annotations": {"pagerduty.com/service-id": pick(["PCHKOUT", "PCHKOUT,PCART"])},
        }
        documents = [
            component(
                "checkout-api", metadata=metadata, dependsOn=[pick(["api:a", "component:b"])]
            ),
            component("b", metadata={"title": pick(["B", "Other B"])}),
        ]
        if pick([True, True, False]):
            documents.append(group())
        if pick([True, False]):
            documents.append("kind: [")
        run_import([str(write(self.folder / "all.yaml", *documents))])

    def import_again(self):
        run_import([str(self.folder / "all.yaml")])

    def lay_overlay(self):
        owner = self.dice.choice(["user:default/ana", "group:default/team"])
        set_overlay(self.entity, "owner", "", owner, user=None)

    def take_overlays_away(self):
        if Overlay.objects.exists():
            replace_overlays(self.entity, [], user=None)

    def remove_neighbour(self):
        remove(Entity.objects.filter(name="b"), user=None)

    def link(self):
        if not ServiceLink.objects.filter(service_pd_id="PCART").exists():
            link_service(self.entity, "PCART", label=self.dice.choice(["", "Cart"]))

    def unlink(self):
        ServiceLink.objects.all().delete()
        remap([self.entity.pk])

    def store_services(self):
        pick = self.dice.choice
        services = [
            service_json(
                name=pick(["checkout-api", "Checkout"]),
                status=pick(["active", "disabled", "maintenance"]),
                integrations=[integration_json()] if pick([True, False]) else [],
            ),
            service_json("PCART", pick(["cart", "Cart"])),
        ]
        parsed = [domain.ApiService.from_api(one) for one in services[: pick([1, 2])]]
        directory.store_services("default", parsed, asked_at=timezone.now())

    def store_policies(self):
        policy = domain.ApiEscalationPolicy.from_api(
            policy_json(levels=self.dice.choice([1, 2, 3]))
        )
        directory.store_policies("default", [policy])

    def forget_services(self):
        directory.forget_services(Service.objects.filter(pd_id="PCART"))

    def store_on_calls(self):
        policy = EscalationPolicy.objects.first()
        rows = [
            on_call_json(
                level,
                user=user_json(id_, self.dice.choice([name, f"{name}-Silva"])),
                start=at(self.dice, 3),
                end=at(self.dice, 6),
            )
            for level, id_, name in ((1, "PANA", "Ana Lima"), (2, "PBEN", "Ben Cole"))
            if self.dice.random() < 0.8
        ]
        if policy:
            rota.store_on_calls(
                "default",
                [
                    domain.ApiOnCall.from_api(row | {"escalation_policy": {"id": policy.pd_id}})
                    for row in rows
                ],
                asked_at=timezone.now(),
                policy_pd_ids=[policy.pd_id],
                with_next=True,
            )

    def incidents(self, count, **fields):
        return [
            domain.ApiIncident.from_api(incident_json(4711 + number, **fields))
            for number in range(count)
        ]

    def store_incidents(self):
        status = self.dice.choice(["triggered", "acknowledged"])
        found = self.incidents(self.dice.randint(0, 2), status=status, created_at=at(self.dice, 1))
        store_incidents("default", found, asked_at=timezone.now())

    def forget_incident(self):
        forget_incidents(Incident.objects.filter(number=4711))

    def deliver_webhook(self):
        kinds = ["incident.triggered", "incident.acknowledged", "incident.resolved"]
        assert post(self.client, event_json(self.dice.choice(kinds))).status_code == 202

    def store_changes(self):
        change = change_json(timestamp=at(self.dice, 1), summary=f"Deploy {self.dice.random()}")
        store_changes("default", [domain.ApiChangeEvent.from_api(change)])

    def store_maintenance(self):
        Service.objects.filter(pd_id="PCHKOUT").update(
            maintenance_until=timezone.now() + dt.timedelta(minutes=self.dice.randint(-5, 50))
        )
        if self.dice.random() < 0.3:
            store_maintenance("default", [])

    def store_past(self):
        begun = at(self.dice, 30)
        ended = self.incidents(2, status="resolved", created_at=begun, resolved_at=at(self.dice, 1))
        store_ended("default", ended)
        since = timezone.now() - dt.timedelta(days=self.dice.randint(1, 40))
        Service.objects.update(history_since=since)

    def answer(self):
        make_feeds(age_s=self.dice.randint(0, 400))

    def fail(self):
        kind = self.dice.choice(Feed.Kind.values)
        error = PagerDutyError("PagerDuty answered 500")
        Feed.objects.mark_failed("default", kind, error, self.dice.choice(["", "PCHKOUT"]))

    def page(self):
        state = self.dice.choice(TriggeredIncident.State.values)
        until = timezone.now() + dt.timedelta(minutes=self.dice.randint(-2, 15))
        make_attempt(self.entity, age_s=self.dice.randint(0, 100), state=state, retry_until=until)

    def find_page(self):
        TriggeredIncident.objects.update(state="created", incident_number=4711)

    def change_rights(self):
        name = self.dice.choice(["trigger_incident", "refresh_location", "view_location"])
        change = self.dice.choice(
            [self.person.user_permissions.add, self.person.user_permissions.remove]
        )
        change(Permission.objects.get(codename=name))
        self.person.is_staff = self.dice.choice([True, False])
        self.person.save()

    def put_star(self):
        stars.put(self.person, self.entity, is_starred=self.dice.choice([True, False]))

    def travel(self):
        self.client.cookies["tz"] = self.dice.choice(["UTC", "Asia/Tokyo", "America/New_York"])

    def touch_location(self):
        Location.objects.update(last_read_at=timezone.now())


CHANGED = {
    "DateTimeField": BEGIN,
    "JSONField": ["other"],
    "PositiveIntegerField": 77,
    "PositiveSmallIntegerField": 77,
}
# Which rows are read.
DECIDE_WHICH = {"id", "account", "kind", "service_pd_id", "entity_ref"}
WRITERS = [name for name in vars(Company) if name[0] != "_" and name not in {"entity", "incidents"}]


def shown(client):
    response = client.get(PAGE)
    assert response.status_code == 200
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", response.text)


def test_a_kept_page_is_what_would_be_drawn_now(client, settings, monkeypatch, tmp_path):
    settings.PAGERDUTY_TOKEN = "test-token-0123456789"
    settings.PAGERDUTY_WEBHOOK_SECRETS = [SECRET]
    dice = random.Random(12)
    found = Counter()

    def counted(key):
        value = kept(key)
        found[key.partition(":")[0], value is not None] += 1
        return value

    with time_machine.travel(BEGIN, tick=False) as clock:
        company = Company(dice, tmp_path, client, clock)
        company.import_files()
        company.store_services()
        for name in dice.sample(WRITERS, len(WRITERS)) + dice.choices(WRITERS, k=STEPS):
            getattr(company, name)()
            for module in KEEPERS:
                monkeypatch.setattr(f"{module}.kept", counted)
            shown(client)
            clock.shift(dice.choice([1, 7, 40, 61, 300, 550]))
            page = shown(client)
            for module in KEEPERS:
                monkeypatch.setattr(f"{module}.kept", lambda _: None)
            assert page == shown(client), name
    # It was drawn anew and not, both parts of it.
    assert (
        min(found[part, is_kept] for part in ("catalog", "pagerduty-card") for is_kept in (0, 1))
        > 5
    )


def test_nothing_of_one_reader_is_in_what_another_one_is_shown(client, tmp_path):
    run_import([str(write(tmp_path / "all.yaml", component("checkout-api"), group()))])
    ana = make_user("ana", permissions=("catalog.refresh_location",))
    ben = make_user("ben", permissions=("catalog.refresh_location",))
    stars.put(ana, Entity.objects.get(name="checkout-api"), is_starred=True)
    pages, tokens = [], []
    for person in (ana, ben, ana):
        client.force_login(person)
        pages.append(client.get(PAGE))
        tokens.append(
            set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]*)"', pages[-1].text))
        )
    assert ['aria-pressed="true"' in page.text for page in pages] == [True, False, True]
    assert ["Your menu, ana" in page.text for page in pages] == [True, False, True]
    assert not any("<!--[" in page.text for page in pages)
    assert all(tokens)
    assert not tokens[0] & tokens[1]


def test_whatever_changes_in_a_row_that_the_card_reads_makes_it_another_card(client, settings):
    settings.PAGERDUTY_TOKEN = "test-token-0123456789"
    client.force_login(make_user("ana"))
    service = make_service(history_since=timezone.now() - dt.timedelta(days=50))
    entity = make_mapped_entity()
    make_feeds()
    make_incident(service)
    make_change(service)
    make_past_incident(service, ack_min=5)
    make_on_call(service.policy)
    make_attempt(entity)
    with CaptureQueriesContext(connection) as captured:
        client.get(reverse("pagerduty_card:card", kwargs=entity.url_kwargs))
    tables = set(re.findall(r'"(pagerduty_card_\w+)"', " ".join(q["sql"] for q in captured)))
    read = [model for model in apps.get_models() if model._meta.db_table in tables]
    assert len(read) == 11
    digest = load_inputs(entity).digest
    for model in read:
        for field in model._meta.concrete_fields:
            if model is Mapping or field.is_relation or field.name in DECIDE_WHICH:
                continue
            pk, before = model.objects.order_by("pk").values_list("pk", field.name)[0]
            other = (
                (not before) if isinstance(before, bool) else CHANGED.get(type(field).__name__, "x")
            )
            if field.name == "triggered_at":
                other = timezone.now()
            model.objects.filter(pk=pk).update(**{field.name: other})
            assert load_inputs(entity).digest != digest, (model, field)
            model.objects.filter(pk=pk).update(**{field.name: before})
            assert load_inputs(entity).digest == digest, (model, field)
