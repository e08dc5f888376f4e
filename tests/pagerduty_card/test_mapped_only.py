"""Only what some entity names is kept of PagerDuty; the rest is a directory."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import versions
from pagerduty_card.models import (
    ChangeEvent,
    EscalationPolicy,
    Feed,
    Incident,
    Insight,
    OnCall,
    PastIncident,
    Responder,
    Service,
)
from pagerduty_card.syncing import accounts, mapped_services, pages, services
from pagerduty_card.wire.client import PagerDutyClient
from tests.factories import make_entity
from tests.pagerduty_card.factories import (
    KEY,
    announce,
    announce_account,
    announce_service,
    change_json,
    incident_json,
    integration_json,
    make_account,
    on_call_json,
    page_of,
    paths_asked,
    policy_json,
    reference_json,
    service_json,
)
from tests.pagerduty_card.mirror import (
    link_service,
    make_change,
    make_feeds,
    make_incident,
    make_on_call,
    make_policy,
    make_service,
    name_services,
)

pytestmark = pytest.mark.django_db

START = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)
OTHER_KEY = "fedcba9876543210fedcba9876540815"
TEAM = reference_json("PTEAM", "team", "Payments")
HAPPENINGS = (Incident, ChangeEvent, OnCall, EscalationPolicy, Responder)


def after(**delta):
    return time_machine.travel(START + dt.timedelta(**delta), tick=False)


def whole():
    with PagerDutyClient(make_account()) as client:
        return accounts.sync_account(make_account(), client)


def a_turn():
    """What the worker does every half minute."""
    return accounts.sync_due(make_account(), [accounts.Lane.REST])


def announce_company(http):
    announce_account(
        http,
        services=(
            service_json(teams=[TEAM]),
            service_json("PB", "b", integrations=[integration_json(OTHER_KEY, "PI2")]),
        ),
        incidents=(incident_json(), incident_json(5, service=reference_json("PB", "service", "b"))),
        on_calls=(on_call_json(),),
        changes=(change_json(),),
    )


def freshness(pd_id="PCHKOUT"):
    service = Service.objects.select_related("policy").get(pd_id=pd_id)
    return Feed.objects.freshness([service])[service.pk]


def catalog_changes():
    versions.bump()


class TestWhatIsKept:
    def test_of_a_service_nobody_names_only_its_row_teams_and_integrations(self, http):
        announce_company(http)
        # Nobody is needed, so nobody is asked about but whether PagerDuty would answer.
        whole()
        service = Service.objects.get(pd_id="PCHKOUT")
        assert (service.name, service.status) == ("checkout-api", "active")
        assert service.teams == [{"id": "PTEAM", "name": "Payments"}]
        assert service.integrations.get().integration_key == KEY
        assert not service.is_mapped
        assert service.policy is None
        for model in HAPPENINGS:
            assert not model.objects.exists()

    @pytest.mark.parametrize(
        "annotations",
        [
            {"service-id": "PCHKOUT"},
            {"service-id": " PX, PCHKOUT ,"},
            {"service-id": ",".join(["PNOBODYKNOWS"] * 60 + ["PCHKOUT"])},
            {"integration-key": KEY},
            {"service-id": "PCHKOUT", "account": "default"},
        ],
    )
    def test_what_an_annotation_names_is_kept_whole(self, http, annotations):
        make_entity(annotations={f"pagerduty.com/{key}": text for key, text in annotations.items()})
        announce_company(http)
        whole()
        assert [one.pd_id for one in Service.objects.mapped()] == ["PCHKOUT"]
        assert Incident.objects.get().number == 4711
        for model in HAPPENINGS:
            assert model.objects.exists()

    @pytest.mark.parametrize(
        "annotations",
        [
            {"service-id": "PCHKOUT", "account": "eu"},
            {"service-id": "PX", "integration-key": KEY},  # the id alone says which
            {"service-id": " , "},
        ],
    )
    def test_what_is_named_otherwise_is_not(self, http, annotations):
        make_entity(annotations={f"pagerduty.com/{key}": text for key, text in annotations.items()})
        announce_company(http)
        whole()
        assert not Service.objects.mapped().exists()

    def test_what_a_link_names_is_kept(self, http):
        entity = make_entity()
        link_service(entity, "PB", account="")
        link_service(entity, "PCHKOUT", account="eu")
        announce_company(http)
        whole()
        assert [one.pd_id for one in Service.objects.mapped()] == ["PB"]

    def test_nothing_is_known_of_what_happens_to_a_service_nobody_names(self, http):
        announce_company(http)
        whole()
        found = freshness()
        assert found.pop(Feed.Kind.SERVICES).is_known
        assert [kind for kind, one in found.items() if one.is_known] == []

    def test_an_answer_of_its_own_says_nothing_either_once_nobody_names_it(self):
        make_service(is_mapped=False)
        make_feeds(service_pd_id="PCHKOUT")
        assert not freshness()[Feed.Kind.INCIDENTS].is_known


class TestAServiceThatBecomesNamed:
    @pytest.fixture
    def unnamed(self, http):
        announce_company(http)
        with after():
            whole()
            a_turn()
        http.reset()

    def test_is_asked_for_in_the_next_turn_with_its_policy_and_who_is_on_call(self, http, unnamed):
        name_services("PCHKOUT")
        catalog_changes()
        announce(http, "/services/PCHKOUT", {"service": service_json()})
        announce(http, "/oncalls", page_of("oncalls", on_call_json()))
        announce(http, "/services/PCHKOUT/change_events", page_of("change_events", change_json()))
        announce(http, "/change_events", page_of("change_events"))
        announce(http, "/maintenance_windows", page_of("maintenance_windows"))
        with after(seconds=50):
            a_turn()
            found = freshness()
            assert Service.objects.get(pd_id="PCHKOUT").mirrored_at == START + dt.timedelta(
                seconds=50
            )
            assert paths_asked(http)[0] == "/services/PCHKOUT"
            assert len(Service.objects.get(pd_id="PCHKOUT").policy.levels) == 2
            # The account's answers of before say nothing about it; the new ones do.
            for kind in (Feed.Kind.ON_CALL, Feed.Kind.SHIFTS, Feed.Kind.CHANGES):
                assert found[kind].is_known
            # The services were not listed again; this one was asked for.
            assert found[Feed.Kind.SERVICES].succeeded_at == START + dt.timedelta(seconds=50)
            assert not found[Feed.Kind.INCIDENTS].is_known
            assert ChangeEvent.objects.get().summary == "Deploy 8f3c1"
        announce(http, "/incidents", page_of("incidents", incident_json()))
        with after(seconds=55):
            accounts.sync_due(make_account(), [accounts.Lane.INCIDENTS])
            assert Incident.objects.get().number == 4711

    def test_stays_unknown_while_pagerduty_does_not_answer_about_it(self, http, unnamed):
        name_services("PCHKOUT")
        catalog_changes()
        announce(http, "/services/PCHKOUT", status=500)
        with after(seconds=10):
            a_turn()
        assert not Service.objects.mapped().exists()
        http.reset()
        announce(http, "/services/PCHKOUT", {"service": service_json()})
        announce(http, "/oncalls", page_of("oncalls", on_call_json()))
        with after(seconds=40):
            a_turn()
            assert Service.objects.mapped().exists()

    def test_many_of_them_are_listed_at_once(self, http, unnamed):
        for number in range(30):
            make_service(f"P{number}", key="", is_mapped=False, policy=None)
        name_services(*[f"P{number}" for number in range(30)])
        catalog_changes()
        listed = [service_json(f"P{number}", integrations=[]) for number in range(30)]
        announce(
            http, "/services", page_of("services", *listed, service_json(), service_json("PB"))
        )
        with after(seconds=10):
            a_turn()
        assert Service.objects.mapped().count() == 30
        assert len([path for path in paths_asked(http) if path.startswith("/services")]) == 1

    def test_a_page_that_is_looked_at_makes_it_kept(self, http, unnamed, token):
        entity = name_services("PCHKOUT")
        announce_service(http, incidents=(incident_json(),), on_calls=(on_call_json(),))
        with after(seconds=30):
            pages.refresh_for_page(entity)
            assert Service.objects.get(pd_id="PCHKOUT").is_mapped
            assert Incident.objects.get().number == 4711
            for kind in (*Feed.OF_PAGE, Feed.Kind.SHIFTS):
                assert freshness()[kind].is_known

    def test_a_page_without_an_answer_about_the_service_claims_nothing(self, http, unnamed):
        announce(http, "/services/PCHKOUT", status=500)
        with after(seconds=30), PagerDutyClient(make_account()) as client:
            services.sync_service(make_account(), client, "PCHKOUT")
            assert len(http.calls) == 1
            assert not freshness()[Feed.Kind.ON_CALL].is_known


class TestAServiceThatNobodyNamesAnyMore:
    @pytest.fixture
    def named(self):
        """Two services of one policy and a third of its own, all named; then two are let go."""
        shared, own = make_policy(), make_policy()
        for pd_id, policy in (("PA", shared), ("PB", shared), ("PC", own)):
            service = make_service(pd_id, key="", policy=policy)
            make_incident(service)
            make_change(service)
            PastIncident.objects.create(service=service, pd_id=f"Q{pd_id}")
            Insight.objects.create(service=service, kind=Feed.Kind.ANALYTICS)
            make_feeds(service_pd_id=pd_id)
        make_on_call(shared, "Ana Lima")
        make_on_call(own, "Bo Chen")
        make_feeds()
        name_services("PA")
        catalog_changes()

    def follow(self):
        with PagerDutyClient(make_account()) as client:
            return mapped_services.follow_catalog(make_account(), client)

    def test_loses_what_was_kept_of_it_and_no_other_does(self, named):
        assert not self.follow()
        assert [one.pd_id for one in Service.objects.mapped()] == ["PA"]
        for model in (Incident, ChangeEvent, PastIncident, Insight):
            assert model.objects.get().service.pd_id == "PA"
        of_services = Feed.objects.exclude(service_pd_id="").values_list("service_pd_id", flat=True)
        assert set(of_services) == {"PA"}
        gone = Service.objects.get(pd_id="PC")
        assert (gone.policy, gone.name, gone.history_since) == (None, "checkout-api", None)

    def test_a_policy_that_another_needs_stays_with_its_people(self, named):
        self.follow()
        assert EscalationPolicy.objects.get().services.get().pd_id == "PA"
        assert [one.name for one in Responder.objects.all()] == ["Ana Lima"]

    def test_services_of_other_accounts_are_left(self, named):
        make_service("PA", account="eu", key="")
        make_service("PZ", account="eu", key="")
        self.follow()
        assert Service.objects.filter(account="eu").mapped().count() == 2


class TestTheCost:
    def follow(self):
        with PagerDutyClient(make_account()) as client, CaptureQueriesContext(connection) as found:
            mapped_services.follow_catalog(make_account(), client)
        return [query["sql"] for query in found.captured_queries]

    def test_nothing_is_read_again_while_nothing_changed(self):
        make_service()
        name_services("PCHKOUT")
        self.follow()
        again = self.follow()
        assert not [sql for sql in again if "pagerduty_card_mapping" in sql]
        assert len(again) == 2

    @pytest.mark.parametrize("change", ["catalog", "link", "service"])
    def test_each_change_is_noticed(self, change):
        make_service()
        entity = name_services("PCHKOUT")
        self.follow()
        if change == "catalog":
            catalog_changes()
        elif change == "link":
            link_service(entity, "PB")
        else:
            make_service("PB", key="")
        assert [sql for sql in self.follow() if "pagerduty_card_mapping" in sql]

    def test_the_number_of_entities_costs_no_query(self):
        make_service()
        name_services("PCHKOUT")
        few = self.follow()
        for _ in range(50):
            name_services("PCHKOUT")
        catalog_changes()
        assert len(self.follow()) == len(few)


def test_a_policy_of_services_nobody_names_is_not_kept_beside_a_named_one(http):
    name_services("PCHKOUT")
    other = service_json("PB", "b", escalation_policy=policy_json("PPOLB"), integrations=[])
    announce_account(http, services=(service_json(), other))
    whole()
    assert [one.pd_id for one in EscalationPolicy.objects.all()] == ["PPOLCHK"]
