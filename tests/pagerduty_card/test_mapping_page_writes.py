"""Writing mappings: preview, application, taking back, and the YAML patch."""

import threading

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.descriptor.yaml import read
from catalog.ingestion.importer import run_import
from catalog.models import Entity, Overlay
from pagerduty_card.mapping.resolving import ACCOUNT, SERVICE_ID
from pagerduty_card.models import MappingChange, ServiceLink
from pagerduty_card.overview.snapshot import Snapshot
from tests.catalog.overlays import set_overlay
from tests.factories import make_entity
from tests.pagerduty_card.factories import KEY, TOKEN
from tests.pagerduty_card.mapping_page import (
    URL,
    apply,
    mapper,
    names_in,
    preview,
    row_of,
    token_of,
    write,
)
from tests.pagerduty_card.mirror import make_feeds, make_mapped_entity, make_policy, make_service
from tests.pages import soup_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _token(settings):
    settings.PAGERDUTY_TOKEN = TOKEN
    settings.PAGERDUTY_ACCOUNTS = "[{name: emea, token: u+eutoken0123456789, region: eu}]"


@pytest.fixture
def two_services():
    make_feeds()
    make_feeds(account="emea")
    policy = make_policy()
    make_service("PONE", name="orders", key="", policy=policy)
    make_service("PTWO", name="orders-eu", key="", policy=policy)
    make_service("PEU", name="orders in Europe", key="", policy=policy, account="emea")


def annotations(name):
    return Entity.objects.get(name=name).annotations


def undo(client, change):
    return client.post(f"{URL}changes/{change.pk}/undo/", follow=True)


def test_a_preview_writes_nothing_and_says_exactly_what_would_be_written(two_services):
    make_entity("orders")
    client = mapper()
    shown = preview(client, ("component:default/orders", "PONE"), way="overlay")
    assert shown.status_code == 200
    assert f"{SERVICE_ID}: PONE" in row_of(shown, "orders")
    assert "nothing" in row_of(shown, "orders")
    assert not Overlay.objects.exists()
    assert not ServiceLink.objects.exists()
    assert not MappingChange.objects.exists()


def test_ticked_suggestions_and_typed_services_become_links_with_labels(two_services):
    for name in ("orders", "basket", "other"):
        make_entity(name)
    client = mapper()
    listed = client.get(URL)
    box = soup_of(listed).select_one(
        'input[name=pick][value="component:default/orders|default:PONE"]'
    )
    shown = client.post(
        f"{URL}preview/",
        {"pick": box["value"], "service:component:default/basket": "orders-EU", "way": "link"},
    )
    assert names_in(shown) == ["basket", "orders"]
    answer = apply(client, token_of(shown), **{"label-0": " eu "})
    assert answer.status_code == 303
    links = ServiceLink.objects.order_by("service_pd_id")
    assert [(link.entity.name, link.service_pd_id, link.label) for link in links] == [
        ("orders", "PONE", ""),
        ("basket", "PTWO", "eu"),
    ]
    assert names_in(client.get(URL)) == ["other"]
    assert 'id="pagerduty-card"' in client.get(links[0].entity.get_absolute_url()).text
    assert "2 links" in client.get(answer["Location"]).text


def test_what_is_typed_is_meant_instead_of_what_is_ticked(two_services):
    make_entity("orders")
    shown = mapper().post(
        f"{URL}preview/",
        {
            "pick": "component:default/orders|default:PONE",
            "service:component:default/orders": "PTWO",
        },
    )
    assert "PTWO" in row_of(shown, "orders")
    assert "PONE" not in row_of(shown, "orders")


def test_a_service_takes_an_entity_by_name_from_its_own_list(two_services):
    make_entity("basket")
    shown = mapper().post(f"{URL}preview/", {"entity:emea:PEU": "Basket"})
    assert "PEU of account emea" in row_of(shown, "basket")


def test_overlays_are_annotations_in_force_and_stay_through_an_import(two_services, tmp_path):
    path = tmp_path / "catalog-info.yaml"
    text = (
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: orders}\n"
        "spec: {type: service, lifecycle: production, owner: guests}\n"
    )
    path.write_text(text)
    run_import([str(path)])
    write(mapper(), ("orders", "emea:PEU"), way="overlay")
    assert annotations("orders") == {SERVICE_ID: "PEU", ACCOUNT: "emea"}
    path.write_text(text.replace("production", "experimental"))
    run_import([str(path)])
    assert Entity.objects.get(name="orders").lifecycle == "experimental"
    assert annotations("orders") == {SERVICE_ID: "PEU", ACCOUNT: "emea"}
    assert path.read_text() == text.replace("production", "experimental")


def test_several_services_of_one_entity_are_joined_and_of_two_accounts_refused(two_services):
    make_entity("orders")
    client = mapper()
    shown = preview(
        client, ("orders", "PONE"), ("orders", "PTWO"), ("orders", "emea:PEU"), way="overlay"
    )
    assert "services of one account only" in shown.text
    apply(client, token_of(shown))
    assert annotations("orders") == {SERVICE_ID: "PONE,PTWO"}


def test_a_service_is_added_to_what_a_key_names_and_not_put_in_its_place(two_services):
    make_service("PKEY", name="by key", account="default")
    make_mapped_entity("orders", integration_key=KEY)
    write(mapper(), ("orders", "PTWO"), way="overlay")
    assert annotations("orders")[SERVICE_ID] == "PKEY,PTWO"


def test_an_overlay_puts_a_service_that_is_not_there_out_of_force(two_services):
    make_mapped_entity("orders", service_id="PGONE", account="nowhere")
    client = mapper()
    shown = preview(client, ("orders", "PONE"), way="overlay")
    assert "PGONE of account nowhere is put out of force" in row_of(shown, "orders")
    apply(client, token_of(shown))
    assert annotations("orders") == {SERVICE_ID: "PONE", ACCOUNT: "default"}


def test_an_overlay_over_a_key_of_no_known_service_says_so(two_services):
    make_feeds(age_s=3600)
    make_mapped_entity("orders", integration_key="f" * 32)
    client = mapper()
    shown = preview(client, ("orders", "PONE"), way="overlay")
    assert "integration key ****ffff is put out of force" in row_of(shown, "orders")
    assert "not there" not in row_of(preview(client, ("orders", "PONE")), "orders")


def test_what_cannot_be_written_is_told_with_its_reason_and_can_be_corrected(two_services):
    make_mapped_entity("done", service_id="PONE")
    make_entity("orders")
    shown = preview(
        mapper(), ("done", "PONE"), ("nobody", "PONE"), ("orders", "PNONE"), ("orders", "")
    )
    assert shown.status_code == 422
    for told in (
        "It maps to this service already.",
        "The catalog has no entity &#x27;nobody&#x27;.",
        "No PagerDuty service is called &#x27;PNONE&#x27;.",
        "No service is named.",
        'value="PNONE"',
    ):
        assert told in shown.text


def test_an_id_that_two_accounts_have_must_be_told_apart(two_services):
    make_service("PONE", name="another", key="", account="emea")
    make_entity("orders")
    client = mapper()
    shown = preview(client, ("orders", "PONE"))
    assert "Several services are called so: emea:PONE, default:PONE" in shown.text
    write(client, ("orders", "emea:PONE"))
    assert ServiceLink.objects.get().account == "emea"


def test_the_same_preview_sent_twice_is_applied_once(two_services):
    make_entity("orders")
    client = mapper()
    token = token_of(preview(client, ("orders", "PONE")))
    first, second = apply(client, token), apply(client, token)
    assert first["Location"] == second["Location"]
    assert "nothing was written twice" in client.get(second["Location"]).text
    assert ServiceLink.objects.count() == MappingChange.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_preview_sent_at_the_same_time_is_applied_once(two_services):
    make_entity("orders")
    client = mapper()
    token = token_of(preview(client, ("orders", "PONE"), ("orders", "PTWO"), way="overlay"))
    answers = []

    def send():
        try:
            answers.append(apply(client, token))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer["Location"] for answer in answers}) == 1
    assert len(MappingChange.objects.get().lines) == 2
    assert annotations("orders")[SERVICE_ID] == "PONE,PTWO"


def test_of_two_administrators_the_second_writes_only_what_still_is_as_previewed(two_services):
    make_entity("orders")
    make_entity("basket")
    mia, noa = mapper("mia"), mapper("noa")
    late = token_of(preview(noa, ("orders", "PTWO"), ("basket", "PTWO")))
    write(mia, ("orders", "PONE"))
    answer = noa.get(apply(noa, late)["Location"])
    assert "changed since the preview" in answer.text
    assert {link.entity.name: link.service_pd_id for link in ServiceLink.objects.all()} == {
        "orders": "PONE",
        "basket": "PTWO",
    }


def test_what_is_gone_since_the_preview_is_left_out(two_services):
    client = mapper()
    orders = make_entity("orders")
    token = token_of(preview(client, ("orders", "PONE")))
    orders.delete()
    answer = client.get(apply(client, token)["Location"])
    assert "Nothing was written" in answer.text
    assert "no longer in the catalog" in answer.text
    assert not MappingChange.objects.exists()


def test_a_preview_of_somebody_else_or_a_changed_one_writes_nothing(two_services):
    make_entity("orders")
    token = token_of(preview(mapper("mia"), ("orders", "PONE")))
    noa = mapper("noa")
    for forged in (token, token[:-2], ""):
        assert "Nothing was written" in noa.get(apply(noa, forged)["Location"]).text
    assert not ServiceLink.objects.exists()


def test_taking_back_restores_what_lay_there_before(two_services):
    orders, basket = make_entity("orders"), make_entity("basket")
    set_overlay(orders, "annotation", SERVICE_ID, "PONE", user=None)
    client = mapper()
    write(client, ("orders", "PTWO"), ("basket", "PONE"), ("basket", "PTWO"), way="overlay")
    assert annotations("orders")[SERVICE_ID] == "PONE,PTWO"
    answer = undo(client, MappingChange.objects.get())
    assert "undone" in answer.text
    assert annotations("orders")[SERVICE_ID] == "PONE"
    assert annotations("basket") == {}
    assert Overlay.objects.filter(entity_id=basket.ref).count() == 0


def test_taking_back_leaves_what_somebody_changed_since_and_says_why(two_services):
    for name in ("same", "labelled", "unlinked", "gone"):
        make_entity(name)
    client = mapper()
    write(client, *[(name, "PONE") for name in ("same", "labelled", "unlinked", "gone")])
    ServiceLink.objects.filter(entity__name="labelled").update(label="eu")
    ServiceLink.objects.filter(entity__name="unlinked").delete()
    Entity.objects.filter(name="gone").delete()
    answer = undo(client, MappingChange.objects.get())
    assert "1 taken back, 3 left as they are" in answer.text
    assert "changed the link&#x27;s label" in answer.text or "changed the link" in row_of(
        answer, "labelled"
    )
    assert "took the link away already" in row_of(answer, "unlinked")
    assert "no longer in the catalog" in row_of(answer, "gone")
    assert row_of(answer, "same").endswith("yes")
    assert [link.entity.name for link in ServiceLink.objects.all()] == ["labelled"]


def test_taking_back_leaves_an_overlay_that_was_changed_since(two_services):
    make_entity("orders")
    make_entity("basket")
    client = mapper()
    write(client, ("orders", "PONE"), ("basket", "PONE"), way="overlay")
    set_overlay(Entity.objects.get(name="orders"), "annotation", SERVICE_ID, "PTWO", user=None)
    answer = undo(client, MappingChange.objects.get())
    assert "Somebody changed the overlay since" in row_of(answer, "orders")
    assert annotations("orders")[SERVICE_ID] == "PTWO"
    assert annotations("basket") == {}


def test_an_overlay_taken_back_of_an_entity_that_is_gone_is_not_there_when_it_comes_back(
    two_services,
):
    orders = make_entity("orders")
    make_entity("basket")
    set_overlay(orders, "annotation", SERVICE_ID, "PONE", user=None)
    client = mapper()
    write(client, ("orders", "PTWO"), ("basket", "PONE"), way="overlay")
    Entity.objects.all().delete()
    undo(client, MappingChange.objects.get())
    left = Overlay.objects.values_list("entity_id", "key", "value")
    assert list(left) == [(orders.ref, SERVICE_ID, "PONE")]


def test_what_is_taken_back_is_off_the_boards_at_once(two_services):
    orders = make_entity("orders")
    client = mapper()
    write(client, ("orders", "PONE"))
    assert orders.pk in Snapshot(timezone.now()).overview.entities
    undo(client, MappingChange.objects.get())
    assert orders.pk not in Snapshot(timezone.now()).overview.entities


def test_taken_back_twice_is_taken_back_once(two_services):
    make_entity("orders")
    client = mapper()
    write(client, ("orders", "PONE"))
    change = MappingChange.objects.get()
    undo(client, change)
    write(client, ("orders", "PONE"))
    undo(client, change)
    assert ServiceLink.objects.count() == 1


def test_past_changes_say_who_when_and_how_many(two_services):
    make_entity("orders")
    client = mapper("mia")
    assert "Nothing has been mapped" in client.get(f"{URL}changes/").text
    write(client, ("orders", "PONE"), ("orders", "PTWO"))
    page = client.get(f"{URL}changes/")
    row = " ".join(soup_of(page).select_one("tbody tr").get_text(" ").split())
    # Not "in force": whether somebody took a link away since is told when it is taken back.
    assert row == "now mia 2 links written"


def test_a_patch_is_read_by_the_importers_reader_and_holds_annotations_alone(two_services):
    source = "teams/a #1\n- evil: yes.yaml"
    make_entity("orders", kind="API", source=source, source_line=7)
    make_mapped_entity("basket", service_id="PONE", account="emea")
    make_service("PONE", name="eu one", key="", account="emea")  # ids repeat between accounts
    client = mapper()
    write(client, ("api:orders", "default:PONE"), ("api:orders", "PTWO"), ("basket", "emea:PEU"))
    change = MappingChange.objects.get()
    answer = client.get(f"{URL}changes/{change.pk}/patch/")
    assert answer["Content-Type"].startswith("application/yaml")
    assert "attachment" in answer["Content-Disposition"]
    documents = [one for one in read(answer.text) if one.value is not None]
    assert [one.error for one in documents] == [None, None]
    assert [one.value for one in documents] == [
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "API",
            "metadata": {
                "name": "orders",
                "namespace": "default",
                "annotations": {SERVICE_ID: "PONE,PTWO"},
            },
        },
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {
                "name": "basket",
                "namespace": "default",
                "annotations": {SERVICE_ID: "PONE,PEU"},
            },
        },
    ]
    assert "# teams/a #1 - evil: yes.yaml:7" in answer.text


def test_a_patch_of_a_preview_merges_into_the_file_and_maps_the_same(two_services, tmp_path):
    path = tmp_path / "catalog-info.yaml"
    head = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: orders\n"
    tail = "spec: {type: service, lifecycle: production, owner: guests}\n"
    path.write_text(head + tail)
    run_import([str(path)])
    client = mapper()
    token = token_of(preview(client, ("orders", "emea:PEU")))
    answer = client.post(f"{URL}patch/", {"preview": token})
    (patch,) = [one.value for one in read(answer.text) if one.value is not None]
    assert not MappingChange.objects.exists()
    lines = "".join(f"    {k}: {v}\n" for k, v in patch["metadata"]["annotations"].items())
    path.write_text(head + "  annotations:\n" + lines + tail)
    run_import([str(path)])
    assert annotations("orders") == {SERVICE_ID: "PEU", ACCOUNT: "emea"}


def test_a_patch_names_services_of_one_account_and_says_which_it_leaves_out(two_services):
    client = mapper()
    make_entity("orders")
    token = token_of(preview(client, ("orders", "PONE"), ("orders", "emea:PEU")))
    answer = client.post(f"{URL}patch/", {"preview": token})
    (patch,) = [one.value for one in read(answer.text) if one.value is not None]
    assert patch["metadata"]["annotations"] == {SERVICE_ID: "PONE"}
    assert "# Not in it: PEU of account emea;" in answer.text


def test_no_page_and_no_patch_holds_a_key(two_services):
    make_mapped_entity("keyed", integration_key=KEY)
    client = mapper()
    shown = preview(client, ("keyed", "PONE"), way="overlay")
    assert "****4711" in shown.text
    answer = apply(client, token_of(shown))
    change = MappingChange.objects.get()
    patch = client.get(f"{URL}changes/{change.pk}/patch/")
    for page in (shown, client.get(answer["Location"]), patch, client.get(URL, {"view": "mapped"})):
        assert KEY not in page.text
    assert KEY not in str(change.lines)


def test_a_preview_costs_the_same_few_queries_for_one_and_for_fifty(two_services):
    client = mapper()
    for number in range(50):
        make_entity(f"thing-{number}")

    def count(numbers):
        pairs = [(f"component:default/thing-{number}", "PONE") for number in numbers]
        preview(client, *pairs)
        with CaptureQueriesContext(connection) as queries:
            assert preview(client, *pairs, way="overlay").status_code == 200
        return len(queries)

    one = count(range(1))
    assert count(range(50)) == one
    assert one <= 18


def test_more_than_can_be_written_at_once_is_told_not_dropped(two_services):
    for number in range(203):
        make_entity(f"thing-{number}")
    client = mapper()
    pairs = [(f"component:default/thing-{number}", "PONE") for number in range(203)]
    shown = preview(client, *pairs)
    assert "3 more of your choices are left out" in shown.text
    assert len(names_in(shown)) == 200
