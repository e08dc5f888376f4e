"""Several PagerDuty accounts at once: each with its own hosts, budget, feeds and failures."""

import datetime as dt
import re
import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone

from pagerduty_card import tasks
from pagerduty_card.accounts import get_account
from pagerduty_card.mapping import resolving
from pagerduty_card.models import Feed, Incident, Service, TriggeredIncident
from pagerduty_card.reconciling import reconcile
from pagerduty_card.syncing.accounts import Lane, due_kinds
from pagerduty_card.syncing.pages import refresh_for_page
from pagerduty_card.wire.client import PagerDutyClient
from portal.tasks import run_once
from tests.factories import make_user
from tests.pagerduty_card.factories import (
    TOKEN,
    announce_figures,
    incident_json,
    page_of,
    service_json,
)
from tests.pagerduty_card.mirror import (
    link_service,
    make_attempt,
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_service,
    name_services,
)

US, EU = "https://api.pagerduty.com", "https://api.eu.pagerduty.com"
EU_TOKEN, EU_KEY = "token-of-the-eu-account-4712", "e1e2e3e4e5e6e7e8e9e0a1a2a3a44712"
NAME = f"{tasks.__name__}.sync_accounts"
INCIDENTS = f"{tasks.__name__}.sync_incidents"


@pytest.fixture(autouse=True)
def _accounts(settings):
    settings.PAGERDUTY_TOKEN = TOKEN
    settings.PAGERDUTY_ACCOUNTS = f"[{{name: eu, region: eu, token: {EU_TOKEN}}}]"


def announce_all(http, base, *, services=(), incidents=()):
    for path, key, rows in (
        ("/services", "services", services),
        ("/maintenance_windows", "maintenance_windows", ()),
        ("/incidents", "incidents", incidents),
        ("/oncalls", "oncalls", ()),
        ("/change_events", "change_events", ()),
        ("/log_entries", "log_entries", ()),
    ):
        http.get(f"{base}{path}", json=page_of(key, *rows))
    announce_figures(http, base)


def feed_of(account, kind=Feed.Kind.INCIDENTS):
    return Feed.objects.get(account=account, kind=kind, service_pd_id="")


class TestTheWorker:
    """It gives each account a thread, so these tests commit what they write."""

    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture(autouse=True)
    def _named(self):
        for account in ("default", "eu"):
            name_services("PCHKOUT", account=account)

    def run(self):
        """A turn of each lane, after which the incidents are those of the services."""
        return run_once(NAME) and run_once(INCIDENTS)

    def test_every_account_is_mirrored_with_its_own_token_and_host(self, http):
        announce_all(http, US, services=[service_json()], incidents=[incident_json(1)])
        announce_all(http, EU, services=[service_json()], incidents=[incident_json(2)])
        assert self.run()
        sent = {
            (call.request.url.split("/services")[0], call.request.headers["Authorization"])
            for call in http.calls
            if "/services?" in call.request.url
        }
        assert sent == {(US, f"Token token={TOKEN}"), (EU, f"Token token={EU_TOKEN}")}
        # The same id in two accounts is two services.
        assert {one.account for one in Service.objects.filter(pd_id="PCHKOUT")} == {"default", "eu"}
        assert Incident.objects.get(service__account="eu").number == 2

    @pytest.mark.parametrize(
        ("failure", "reason"),
        [
            ({"status": 401, "json": {"error": {"message": "No", "code": 2006}}}, "token"),
            ({"status": 429, "headers": {"ratelimit-reset": "30"}}, "throttled"),
            ({"status": 500}, "unreachable"),
            ({"body": ConnectionError("reset")}, "unreachable"),
            ({"body": "<html>"}, "unreadable"),
        ],
    )
    def test_one_account_that_fails_leaves_the_others(self, http, failure, reason):
        http.assert_all_requests_are_fired = False
        for path in ("/services", "/incidents", "/oncalls", "/change_events"):
            http.get(f"{US}{path}", **failure)
        announce_all(http, EU, services=[service_json()], incidents=[incident_json(2)])
        assert self.run()
        assert feed_of("default").reason == reason
        assert feed_of("default").succeeded_at is None
        assert feed_of("eu").reason == ""
        assert feed_of("eu").succeeded_at is not None
        assert Incident.objects.get().service.account == "eu"

    def test_a_turn_that_the_database_ends_leaves_the_other_accounts(self, http, caplog):
        http.assert_all_requests_are_fired = False
        http.get(f"{US}/services", body=OperationalError("database is locked"))
        announce_all(http, EU, services=[service_json()])
        assert run_once(NAME)
        assert "account not mirrored" in caplog.text
        assert feed_of("eu", Feed.Kind.SERVICES).succeeded_at is not None

    def test_one_account_that_hangs_holds_up_no_other(self, http, monkeypatch):
        http.assert_all_requests_are_fired = False
        monkeypatch.setattr(tasks, "_WAIT_S", 0.5)
        release = threading.Event()
        asked = []

        def hang(request):
            asked.append(request.url)
            release.wait(30)
            return 500, {}, ""

        http.add_callback("GET", re.compile(f"{US}/.*"), callback=hang)
        announce_all(http, EU, services=[service_json()])
        try:
            assert run_once(NAME)
            assert feed_of("eu", Feed.Kind.SERVICES).succeeded_at is not None
            # Its turn is still under way: the next beat starts none beside it.
            assert run_once(NAME)
            assert len(asked) == 1
        finally:
            release.set()
            for thread in threading.enumerate():
                if thread is not threading.current_thread() and "_take_turn" in thread.name:
                    thread.join(30)

    def test_a_429_cools_down_one_account_only(self, http):
        http.assert_all_requests_are_fired = False
        http.get(f"{US}/services", status=429)
        announce_all(http, EU, services=[service_json()])
        run_once(NAME)
        before = len([call for call in http.calls if call.request.url.startswith(US)])
        run_once(NAME)
        assert before == 1
        assert len([call for call in http.calls if call.request.url.startswith(US)]) == 1


@pytest.mark.django_db
class TestPages:
    @pytest.fixture
    def person(self, client):
        user = make_user(permissions=("pagerduty_card.trigger_incident",))
        client.force_login(user)
        return user

    def test_one_card_shows_services_of_two_accounts(self, client, person):
        entity = make_mapped_entity(service_id="PCHKOUT")
        link_service(entity, "PCHKOUT", account="eu", label="europe")
        make_service(name="checkout-us")
        make_incident(
            make_service(account="eu", name="checkout-eu", key=EU_KEY), title="Only in Europe"
        )
        make_feeds()
        make_feeds(account="eu", age_s=600, failed_s=5, reason="unreachable")
        text = client.get(entity.get_absolute_url()).text
        assert "checkout-us" in text
        assert "checkout-eu" in text
        assert "Only in Europe" in text
        assert "PagerDuty did not answer" in text
        assert "Nothing is open" in text  # in the account that answered
        assert "europe" in text

    def test_services_of_one_name_are_told_apart_by_their_account(self, client, person):
        entity = make_mapped_entity(service_id="PCHKOUT")
        link_service(entity, "PCHKOUT", account="eu")
        make_service()
        make_service(account="eu", key=EU_KEY)
        url = reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)
        form = client.get(url).context["form"]
        assert [words for _, words in form.fields["service"].choices] == [
            "checkout-api (default)",
            "checkout-api (eu)",
        ]

    def test_an_unknown_account_names_those_there_are(self, client, person):
        entity = make_mapped_entity(service_id="PCHKOUT", account="mars")
        text = client.get(entity.get_absolute_url()).text
        assert "&#x27;mars&#x27;" in text
        assert "configured: default, eu" in text
        assert "examples/catalog/checkout.yaml:12" in text
        assert "Nothing is open" not in text

    def test_paging_goes_to_the_accounts_own_events_host(self, client, person, http):
        entity = make_mapped_entity(service_id="PCHKOUT", account="eu")
        make_service(account="eu", key=EU_KEY)
        make_feeds(account="eu")
        sent = http.post(
            "https://events.eu.pagerduty.com/v2/enqueue",
            status=202,
            json={"status": "success", "message": "Event processed"},
        )
        url = reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)
        form = client.get(url).context["form"]
        answer = client.post(
            url,
            {
                "service": "eu/PCHKOUT",
                "description": "Payments time out",
                "severity": "error",
                "key": form["key"].value(),
            },
        )
        assert answer.status_code == 303, answer.text
        assert sent.call_count == 1
        assert TriggeredIncident.objects.get().account == "eu"
        assert "Authorization" not in sent.calls[0].request.headers

    def test_nobody_is_paged_in_a_region_nobody_knows(self, client, person, settings):
        settings.PAGERDUTY_ACCOUNTS = f"[{{name: eu, region: moon, token: {EU_TOKEN}}}]"
        entity = make_mapped_entity(integration_key=EU_KEY, account="eu")
        url = reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)
        assert "Nobody can be paged from here" in client.get(url).text
        typed = {"service": "eu/", "description": "Payments time out", "severity": "error"}
        answer = client.post(url, typed)
        assert answer.status_code == 409
        assert "Nobody has been paged" in answer.text
        assert "Payments time out" in answer.text
        assert not TriggeredIncident.objects.exists()

    def test_a_refresh_asks_each_account_about_its_own_services(self, http):
        http.assert_all_requests_are_fired = False
        entity = make_mapped_entity(service_id="PCHKOUT")
        link_service(entity, "PEUROPE", account="eu")
        http.get(f"{US}/services/PCHKOUT", status=500)
        http.get(f"{EU}/services/PEUROPE", json={"service": service_json("PEUROPE", "europe")})
        announce_all(http, EU)
        http.get(f"{EU}/services/PEUROPE/change_events", json=page_of("change_events"))
        refresh_for_page(entity)
        assert Service.objects.get().name == "europe"

    def test_the_incident_of_a_page_is_looked_for_in_its_own_account(self, http):
        entity = make_mapped_entity(service_id="PCHKOUT", account="eu")
        attempt = make_attempt(entity, account="eu")
        # An incident of the other account with the same key is another incident.
        make_incident(make_service(), incident_key=attempt.dedup_key, number=1)
        http.get(f"{EU}/incidents", json=page_of("incidents", incident_json(2)))
        with PagerDutyClient(get_account()) as us:
            assert not reconcile(us, TriggeredIncident.objects.all())
        with PagerDutyClient(get_account("eu")) as eu:
            assert reconcile(eu, TriggeredIncident.objects.all())
        assert TriggeredIncident.objects.get().incident_number == 2

    def test_only_an_administrator_is_told_what_is_wrong_with_an_account(
        self, client, person, settings
    ):
        settings.PAGERDUTY_ACCOUNTS = "[{name: eu, token_file: /nowhere/token}]"
        entity = make_mapped_entity(service_id="PCHKOUT", account="eu")
        assert "/nowhere/token" not in client.get(entity.get_absolute_url()).text
        client.force_login(make_user(is_staff=True))
        assert "/nowhere/token" in client.get(entity.get_absolute_url()).text

    def test_a_refused_token_names_its_account_to_an_administrator(self, client):
        entity = make_mapped_entity(service_id="PCHKOUT", account="eu")
        make_service(account="eu")
        make_feeds(
            account="eu",
            is_good=False,
            failed_s=5,
            reason="token",
            detail="PagerDuty does not accept the token of PAGERDUTY_ACCOUNTS, account eu.",
        )
        client.force_login(make_user(is_staff=True))
        assert "PAGERDUTY_ACCOUNTS, account eu" in client.get(entity.get_absolute_url()).text
        client.force_login(make_user())
        assert "PAGERDUTY_ACCOUNTS" not in client.get(entity.get_absolute_url()).text

    @pytest.mark.parametrize(
        ("written", "setting"),
        [("", "in PAGERDUTY_TOKEN"), ("default", "of PAGERDUTY_ACCOUNTS, account default")],
    )
    def test_a_refused_default_token_names_the_setting_it_is_in(
        self, client, http, settings, written, setting
    ):
        if written:
            settings.PAGERDUTY_TOKEN = ""
            settings.PAGERDUTY_ACCOUNTS = f"[{{name: default, token: {EU_TOKEN}}}]"
        http.get(f"{US}/services/PCHKOUT", status=401)
        entity = make_mapped_entity(service_id="PCHKOUT")
        refresh_for_page(entity)
        client.force_login(make_user(is_staff=True))
        text = client.get(entity.get_absolute_url()).text
        assert setting.removeprefix("in ") in text
        assert ("PAGERDUTY_ACCOUNTS" in text) is bool(written)

    def test_of_a_key_in_two_accounts_the_named_account_comes_first(self):
        make_service("PUS", key=EU_KEY)
        make_service("PA", account="eu", key=EU_KEY)
        make_service("PB", account="eu")
        entity = make_mapped_entity(service_id="PA,PB", integration_key=EU_KEY, account="eu")
        assert [one.problem for one in resolving.targets_of(entity)] == ["", ""]

    def test_a_new_service_makes_on_call_due_by_the_feed_of_its_own_account(self):
        for account, age_s in (("default", 5), ("eu", 30)):
            make_service(account=account, mirrored_at=timezone.now() - dt.timedelta(seconds=20))
            make_feeds(account=account, age_s=age_s)
        now = timezone.now()
        assert Feed.Kind.ON_CALL not in due_kinds(get_account(), now, [Lane.REST])
        assert Feed.Kind.ON_CALL in due_kinds(get_account("eu"), now, [Lane.REST])

    def test_accounts_with_one_id_do_not_borrow_each_others_rows(self):
        make_service(account="eu", key=EU_KEY)
        make_feeds()
        entity = make_mapped_entity(service_id="PCHKOUT")
        (mapped,) = resolving.resolve(resolving.targets_of(entity))
        assert mapped.service is None
        assert not mapped.can_page


@pytest.mark.django_db
class TestTheCommand:
    def test_all_accounts_with_credentials_are_mirrored(self, http, settings):
        settings.PAGERDUTY_TOKEN = ""
        settings.PAGERDUTY_ACCOUNTS = (
            f"[{{name: eu, region: eu, token: {EU_TOKEN}}}, {{name: bad, token_file: /nowhere}}]"
        )
        announce_all(http, EU, services=[service_json()])
        out, err = StringIO(), StringIO()
        call_command("sync_pagerduty", "--once", stdout=out, stderr=err)
        assert "eu: service" in out.getvalue()
        assert "default" not in out.getvalue() + err.getvalue()
        assert "bad: PAGERDUTY_ACCOUNTS: token_file of account 'bad'" in err.getvalue()

    def test_an_unknown_account_names_those_there_are(self):
        with pytest.raises(CommandError, match="'mars'; configured: default, eu"):
            call_command("sync_pagerduty", "--once", "--account", "mars")

    def test_one_that_fails_leaves_the_others_and_says_so(self, http):
        http.assert_all_requests_are_fired = False
        http.get(f"{US}/services", status=401)
        announce_all(http, EU, services=[service_json()])
        with pytest.raises(CommandError):
            call_command("sync_pagerduty", "--once", stdout=StringIO(), stderr=StringIO())
        assert feed_of("eu").succeeded_at <= timezone.now()
        assert feed_of("default").reason == "token"
