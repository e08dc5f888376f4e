"""Which services an entity means, and what is wrong when none is found."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from catalog.models import Entity
from pagerduty_card.errors import Refused, Unreachable
from pagerduty_card.mapping.remapping import remap_all
from pagerduty_card.mapping.resolving import (
    ProblemKind,
    Target,
    each_once,
    find_mapped,
    is_mapped,
    resolve,
    targets_of,
    targets_of_many,
)
from pagerduty_card.models import Feed, Integration, Service, ServiceLink
from tests.catalog.overlays import set_overlay
from tests.factories import make_entity, make_user
from tests.pagerduty_card.factories import KEY, TOKEN
from tests.pagerduty_card.mirror import link_service

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("token")]

OTHER_KEY = "fedcba9876543210fedcba9876540815"


def entity(**annotations):
    return make_entity(
        annotations={f"pagerduty.com/{k.replace('_', '-')}": v for k, v in annotations.items()},
        source="teams/checkout.yaml",
        source_line=12,
    )


def mirrored(pd_id="PCHKOUT", *keys, **fields):
    service = Service.objects.create(
        **{
            "account": "default",
            "pd_id": pd_id,
            "name": pd_id.lower(),
            "status": "active",
            **fields,
        }
    )
    for number, key in enumerate(keys):
        Integration.objects.create(
            service=service, pd_id=f"PI{number}", name="Events", integration_key=key
        )
    remap_all()
    return service


def listed(**delta):
    """PagerDuty listed its services so long ago."""
    with time_machine.travel(timezone.now() - dt.timedelta(**delta), tick=False):
        Feed.objects.mark_good("default", Feed.Kind.SERVICES, asked_at=timezone.now())


def only(given):
    (mapped,) = resolve(targets_of(given))
    return mapped


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({"service_id": "PA"}, [("default", "PA", "")]),
        ({"service_id": " PA , PB,,PA "}, [("default", "PA", ""), ("default", "PB", "")]),
        ({"integration_key": f" {KEY} "}, [("default", "", KEY)]),
        ({"service_id": "PA", "integration_key": KEY}, [("default", "PA", KEY)]),
        ({"service_id": "PA", "account": " eu "}, [("eu", "PA", "")]),
        ({"service_id": " , ", "integration_key": ""}, []),
        ({"account": "eu"}, []),
        ({}, []),
    ],
)
def test_reads_the_annotations(annotations, expected):
    found = targets_of(entity(**annotations))
    assert [(one.account, one.service_pd_id, one.integration_key) for one in found] == expected
    assert {one.place for one in found} <= {"teams/checkout.yaml:12"}
    assert is_mapped(entity(**annotations)) is bool(expected)


def test_a_link_made_in_the_admin_counts_too_and_once():
    given = entity(service_id="PA")
    link_service(given, "PB", label="eu")
    link_service(given, "PA")
    assert [(one.service_pd_id, one.label, one.place) for one in targets_of(given)] == [
        ("PA", "", "teams/checkout.yaml:12"),
        ("PB", "eu", "a link in the admin"),
    ]
    plain = make_entity()
    assert not is_mapped(plain)
    link_service(plain, "PB")
    plain.refresh_from_db()
    assert is_mapped(plain)


def test_two_entities_may_share_one_service():
    mirrored("PA")
    assert only(entity(service_id="PA")).service == only(entity(service_id="PA")).service


def test_finds_a_service_by_its_id_and_pages_through_its_own_integration():
    service = mirrored("PCHKOUT", KEY)
    mapped = only(entity(service_id="PCHKOUT"))
    assert (mapped.service, mapped.problem, mapped.routing_key) == (service, None, KEY)
    assert mapped.can_page


def test_finds_a_service_by_exactly_its_key():
    mirrored("PLONG", KEY + "x")
    service = mirrored("PCHKOUT", OTHER_KEY, KEY)
    mapped = only(entity(integration_key=KEY))
    assert (mapped.service, mapped.routing_key) == (service, KEY)


def test_the_same_id_in_another_account_is_another_service():
    mirrored("PCHKOUT", account="eu")
    assert only(entity(service_id="PCHKOUT")).service is None


def test_a_service_without_an_integration_can_be_looked_at_but_not_paged():
    mirrored("PCHKOUT")
    mapped = only(entity(service_id="PCHKOUT"))
    assert mapped.service
    assert not mapped.can_page


def test_an_unknown_account_names_the_annotation_and_the_accounts_there_are():
    mapped = only(entity(service_id="PCHKOUT", account="eu"))
    assert mapped.problem.kind == ProblemKind.UNKNOWN_ACCOUNT
    assert mapped.problem.text == (
        "pagerduty.com/account names 'eu', but no PagerDuty account is called so; "
        "configured: default."
    )
    assert mapped.problem.place == "teams/checkout.yaml:12"


def test_a_missing_token_is_said(settings):
    settings.PAGERDUTY_TOKEN = ""
    mapped = only(entity(service_id="PCHKOUT"))
    assert mapped.problem.kind == ProblemKind.NOT_CONFIGURED
    assert "PAGERDUTY_TOKEN" in mapped.problem.text


@pytest.mark.parametrize("annotations", [{"service_id": "PWRONG1"}, {"integration_key": KEY}])
class TestAServiceThatIsNotMirrored:
    def test_is_unknown_before_pagerduty_answered(self, annotations):
        mapped = only(entity(**annotations))
        assert (mapped.service, mapped.problem) == (None, None)
        assert not mapped.freshness[Feed.Kind.SERVICES].is_known
        assert not mapped.freshness[Feed.Kind.INCIDENTS].is_known

    def test_is_unknown_when_the_last_list_is_old(self, annotations):
        listed(hours=1)
        assert only(entity(**annotations)).problem is None

    def test_is_unknown_when_the_last_attempt_failed(self, annotations):
        listed(minutes=5)
        Feed.objects.mark_failed("default", Feed.Kind.SERVICES, Unreachable("slow"))
        mapped = only(entity(**annotations))
        assert mapped.problem is None
        assert mapped.freshness[Feed.Kind.SERVICES].reason == "unreachable"

    def test_does_not_exist_when_a_fresh_list_has_no_such_service(self, annotations):
        listed(minutes=5)
        mapped = only(entity(**annotations))
        assert mapped.problem.kind in {ProblemKind.NO_SUCH_SERVICE, ProblemKind.NO_SUCH_KEY}
        assert mapped.problem.place == "teams/checkout.yaml:12"


def test_a_wrong_id_is_named_and_a_wrong_key_masked():
    listed(minutes=5)
    by_id, by_key = only(entity(service_id="PWRONG1")), only(entity(integration_key=KEY))
    assert by_id.problem.text == "PagerDuty has no service PWRONG1."
    assert by_key.problem.text == "No PagerDuty service has this integration key (****4711)."


def test_a_404_on_the_service_itself_says_that_there_is_none():
    gone = Refused("Not Found", reason="not_found")
    Feed.objects.mark_failed("default", Feed.Kind.SERVICES, gone, "PWRONG1")
    assert only(entity(service_id="PWRONG1")).problem.kind == ProblemKind.NO_SUCH_SERVICE
    assert only(entity(service_id="PB")).problem is None


class TestAKeyBesideAnId:
    def test_is_fine_when_it_is_the_services(self):
        mirrored("PCHKOUT", OTHER_KEY, KEY)
        listed(minutes=1)
        mapped = only(entity(service_id="PCHKOUT", integration_key=KEY))
        assert (mapped.problem, mapped.routing_key) == (None, KEY)

    def test_of_another_service_is_a_problem_and_is_not_paged_with(self):
        mirrored("PCHKOUT", OTHER_KEY)
        mirrored("PB", KEY)
        listed(minutes=1)
        mapped = only(entity(service_id="PCHKOUT", integration_key=KEY))
        assert mapped.service.pd_id == "PCHKOUT"
        assert mapped.problem.kind == ProblemKind.KEY_OF_OTHER_SERVICE
        assert mapped.problem.text == (
            "The integration key ****4711 is not one of the service pchkout (PCHKOUT) "
            "but of pb (PB)."
        )
        assert mapped.routing_key == OTHER_KEY

    def test_is_no_problem_while_the_list_is_old(self):
        mirrored("PCHKOUT", OTHER_KEY)
        assert only(entity(service_id="PCHKOUT", integration_key=KEY)).problem is None

    def test_is_of_one_of_several_services(self):
        mirrored("PA", OTHER_KEY)
        mirrored("PB", KEY)
        listed(minutes=1)
        first, second = resolve(targets_of(entity(service_id="PA,PB", integration_key=KEY)))
        assert (first.problem, first.routing_key) == (None, OTHER_KEY)
        assert (second.problem, second.routing_key) == (None, KEY)

    def test_beside_several_unknown_ids_pages_for_none_of_them(self):
        both = resolve(targets_of(entity(service_id="PA,PB", integration_key=KEY)))
        assert [one.can_page for one in both] == [False, False]

    def test_that_is_known_to_be_anothers_does_not_page_for_an_unknown_id(self):
        mirrored("PB", KEY)
        assert not only(entity(service_id="PCHKOUT", integration_key=KEY)).can_page


def test_a_key_alone_can_page_before_anything_is_mirrored():
    assert only(entity(integration_key=KEY)).routing_key == KEY


class TestThePlaceOfAMistake:
    """The line of the annotation itself, or in words where there is no file."""

    LINES = {
        "pagerduty.com/service-id": 21,
        "pagerduty.com/integration-key": 22,
        "pagerduty.com/account": 23,
    }

    def placed(self, **annotations):
        given = entity(**annotations)
        Entity.objects.filter(pk=given.pk).update(annotation_lines=self.LINES)
        remap_all()
        return Entity.objects.get(pk=given.pk)

    def test_a_wrong_id_is_at_the_line_of_the_id(self):
        listed(minutes=5)
        mapped = only(self.placed(service_id="PWRONG1"))
        assert mapped.problem.place == "teams/checkout.yaml:21"

    def test_a_wrong_account_is_at_the_line_of_the_account(self):
        mapped = only(self.placed(service_id="PCHKOUT", account="eu"))
        assert mapped.problem.place == "teams/checkout.yaml:23"

    def test_a_foreign_key_is_at_the_line_of_the_key(self):
        mirrored("PCHKOUT", OTHER_KEY)
        listed(minutes=1)
        mapped = only(self.placed(service_id="PCHKOUT", integration_key=KEY))
        assert mapped.problem.place == "teams/checkout.yaml:22"

    def test_a_lone_key_of_nobody_is_at_the_line_of_the_key(self):
        listed(minutes=5)
        assert only(self.placed(integration_key=KEY)).problem.place == "teams/checkout.yaml:22"

    def test_an_overlay_and_a_link_are_named_in_words(self):
        listed(minutes=5)
        given = self.placed(service_id="PCHKOUT")
        set_overlay(given, "annotation", "pagerduty.com/service-id", "PWRONG1", user=None)
        link_service(given, "PWRONG2")
        laid, linked = resolve(targets_of(Entity.objects.get()))
        assert laid.problem.place == "an overlay in the admin"
        assert linked.problem.place == "a link in the admin"
        assert "PWRONG1" in laid.problem.text
        assert "link" not in laid.problem.advice

    def test_an_overlay_over_something_else_leaves_the_line(self):
        listed(minutes=5)
        given = self.placed(service_id="PWRONG1")
        set_overlay(given, "annotation", "pagerduty.com/account", "default", user=None)
        mapped = only(Entity.objects.get())
        assert mapped.problem.place == "teams/checkout.yaml:21"

    def test_a_local_entity_has_no_file(self):
        listed(minutes=5)
        given = make_entity(annotations={"pagerduty.com/service-id": "PWRONG1"})
        assert only(given).problem.place == "the admin"

    def test_the_card_says_it_without_a_query_more(self, client, django_assert_max_num_queries):
        listed(minutes=5)
        given = self.placed(service_id="PWRONG1")
        client.force_login(make_user())
        with django_assert_max_num_queries(12):
            text = client.get(given.get_absolute_url()).text
        assert "PagerDuty has no service PWRONG1." in text
        assert "<code>teams/checkout.yaml:21</code>" in text


@pytest.fixture
def _eu(settings):
    settings.PAGERDUTY_TOKEN = TOKEN
    settings.PAGERDUTY_ACCOUNTS = "[{name: eu, region: eu, token: token-of-the-eu-account-4712}]"


@pytest.mark.usefixtures("_eu")
class TestAServiceOfAnotherAccount:
    def test_by_its_id_is_told_with_the_annotation_to_add(self):
        mirrored("PCHKOUT", account="eu")
        listed(minutes=5)
        problem = only(entity(service_id="PCHKOUT")).problem
        assert problem.kind == ProblemKind.OTHER_ACCOUNT
        assert problem.text == "PCHKOUT is a service of the account eu, not of default."
        assert problem.advice == "Write pagerduty.com/account: eu beside it."

    def test_by_its_key_is_told_masked_and_never_paged_through_this_account(self):
        mirrored("PCHKOUT", KEY, account="eu")
        listed(minutes=5)
        mapped = only(entity(integration_key=KEY))
        assert mapped.problem.kind == ProblemKind.OTHER_ACCOUNT
        assert mapped.problem.text == (
            "The integration key ****4711 is of the service pchkout (PCHKOUT) of the account eu, "
            "not of default."
        )
        assert not mapped.can_page

    def test_is_not_claimed_before_this_account_has_denied_it(self):
        mirrored("PCHKOUT", account="eu")
        assert only(entity(service_id="PCHKOUT")).problem is None

    def test_is_told_at_once_where_there_is_no_default_account(self, settings):
        settings.PAGERDUTY_TOKEN = ""
        mirrored("PCHKOUT", account="eu")
        assert only(entity(service_id="PCHKOUT")).problem.kind == ProblemKind.OTHER_ACCOUNT

    def test_under_a_misspelt_account_is_told_with_the_right_one(self):
        mirrored("PCHKOUT", account="eu")
        problem = only(entity(service_id="PCHKOUT", account="europe")).problem
        assert problem.kind == ProblemKind.UNKNOWN_ACCOUNT
        assert "configured: default, eu" in problem.text
        assert problem.advice.endswith("Write pagerduty.com/account: eu.")

    def test_of_a_link_is_corrected_in_the_link(self):
        mirrored("PCHKOUT", account="eu")
        listed(minutes=5)
        given = make_entity()
        link_service(given, "PCHKOUT")
        assert only(given).problem.advice == "Set the account of the link to eu."

    def test_that_a_key_beside_an_id_belongs_to_is_named(self):
        mirrored("PCHKOUT", OTHER_KEY)
        mirrored("PB", KEY, account="eu")
        listed(minutes=1)
        problem = only(entity(service_id="PCHKOUT", integration_key=KEY)).problem
        assert problem.text.endswith("but of pb (PB) of the account eu.")


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("https://meridian.pagerduty.com/service-directory/PCHKOUT", "Write PCHKOUT alone."),
        ("https://meridian.pagerduty.com/services/PCHKOUT/activity", "Write PCHKOUT alone."),
        ("PA;PB", "A service id has letters and digits only"),
        ("PA PB", "A service id has letters and digits only"),
        ("checkout-api", "A service id has letters and digits only"),
    ],
)
def test_what_cannot_be_an_id_is_said_before_pagerduty_is_asked(written, advice):
    problem = only(entity(service_id=written)).problem
    assert problem.kind == ProblemKind.ODD_SERVICE_ID
    assert repr(written) in problem.text
    assert problem.advice.startswith(advice)


def test_a_key_in_the_place_of_an_id_is_told_masked():
    problem = only(entity(service_id=KEY)).problem
    assert problem.kind == ProblemKind.ODD_SERVICE_ID
    assert "looks like an integration key" in problem.advice
    assert KEY not in problem.text


class TestTheSameServiceTwice:
    def test_in_one_annotation_is_told_and_shown_once(self):
        mirrored("PA")
        mirrored("PB")
        first, second = resolve(targets_of(entity(service_id="PA, PB, PA")))
        assert first.problem.kind == ProblemKind.NAMED_TWICE
        assert first.problem.text == (
            "PA is named twice in pagerduty.com/service-id. It is shown once."
        )
        assert second.problem is None

    def test_by_a_link_without_a_label_is_told(self):
        mirrored("PA")
        given = entity(service_id="PA")
        link_service(given, "PA")
        assert "also by a link in the admin" in only(given).problem.text

    def test_by_a_link_with_a_label_is_how_it_gets_its_label(self):
        mirrored("PA")
        given = entity(service_id="PA")
        link_service(given, "PA", label="prod")
        assert (only(given).problem, only(given).target.label) == (None, "prod")

    def test_by_its_key_and_by_a_link_is_shown_once(self):
        mirrored("PA", KEY)
        given = entity(integration_key=KEY)
        link_service(given, "PA", label="prod")
        (mapped,) = each_once(resolve(targets_of(given)))
        assert mapped.target.label == "prod"
        assert mapped.problem.kind == ProblemKind.NAMED_TWICE
        assert KEY not in mapped.problem.text

    def test_by_two_entities_is_no_mistake(self):
        mirrored("PA")
        both = targets_of_many([entity(service_id="PA"), entity(service_id="PA")])
        found = resolve([target for some in both.values() for target in some])
        assert [one.problem for one in found] == [None, None]


def test_the_number_of_queries_does_not_grow(django_assert_num_queries):
    given = []
    for number in range(20):
        mirrored(f"P{number}", f"{number:032}")
        given.append(entity(service_id=f"P{number}"))
    with django_assert_num_queries(1):
        targets = targets_of_many(given)
    with django_assert_num_queries(2):
        assert all(one.service for one in resolve(targets[given[0].pk]))
    everything = [target for some in targets.values() for target in some]
    with django_assert_num_queries(2):
        assert len(resolve(everything)) == 20


def test_a_key_is_in_no_repr():
    mirrored("PCHKOUT", KEY)
    mapped = only(entity(service_id="PCHKOUT", integration_key=KEY))
    assert KEY not in repr(mapped)
    assert KEY not in repr(Target(account="default", integration_key=KEY))


def test_finds_in_the_database_whom_the_card_applies_to():
    make_entity("by-id", annotations={"pagerduty.com/service-id": "PABC123"})
    make_entity("by-key", annotations={"pagerduty.com/integration-key": "R0UT1NGKEY00"})
    linked = make_entity("by-link")
    link_service(linked, "PXYZ789")
    make_entity("emptied", annotations={"pagerduty.com/service-id": ""})
    make_entity("other", annotations={"pagerduty.com/account": "eu"})
    found = find_mapped(Entity.objects.order_by("name"))
    assert [entity.name for entity in found] == ["by-id", "by-key", "by-link"]
    assert all(is_mapped(entity) for entity in found)


def test_the_index_counts_a_link_at_once(client):
    client.force_login(make_user(is_staff=True, is_superuser=True))
    shop = make_entity("shop")
    links = "/admin/pagerduty_card/servicelink/"
    form = {"entity": shop.pk, "account": "default", "service_pd_id": "PXYZ789", "label": ""}

    def total():
        return client.get("/catalog/?has=pagerduty").context["page"].paginator.count

    assert total() == 0
    for take_away in (
        lambda link: client.post(f"{links}{link.pk}/delete/", {"post": "yes"}),
        lambda link: client.post(
            links, {"action": "delete_selected", "_selected_action": link.pk, "post": "yes"}
        ),
    ):
        assert client.post(f"{links}add/", form).status_code == 302
        assert total() == 1
        assert take_away(ServiceLink.objects.get()).status_code == 302
        assert total() == 0
