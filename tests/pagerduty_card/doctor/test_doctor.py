"""The doctor: the command, the administrators' page, and the walk from an entity to its card."""

import json
import time
from io import StringIO

import pytest
import requests
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils.http import http_date

from pagerduty_card.accounts import get_account
from pagerduty_card.doctor.findings import PERMISSION
from pagerduty_card.models import Feed
from pagerduty_card.wire.quota import Quota, QuotaReading
from portal.models import Worker
from sandbox.pagerduty.example_organisation import KEYS
from tests.factories import make_entity, make_user, make_worker
from tests.pagerduty_card.factories import KEY, TOKEN, page_of
from tests.pagerduty_card.mirror import (
    link_service,
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_service,
)
from tests.pages import soup_of

pytestmark = pytest.mark.django_db
US, EU = "https://api.pagerduty.com", "https://api.eu.pagerduty.com"
SECRET = "client-secret-value-4711"
LISTS = ("services", "incidents", "oncalls", "escalation_policies", "change_events")
URL = "/pagerduty/doctor/"


@pytest.fixture(autouse=True)
def _world(settings):
    settings.PAGERDUTY_TOKEN = TOKEN
    make_worker()


def announce(http, base=US, *, refused=(), headers=None):
    for name in LISTS:
        if name in refused:
            http.get(
                f"{base}/{name}",
                status=403,
                json={"error": {"message": "Access Denied", "code": 2010}},
            )
        else:
            http.get(f"{base}/{name}", json=page_of(name), headers=headers or {})


def run(*arguments):
    """Exit code and what was printed."""
    out = StringIO()
    try:
        call_command("pagerduty_doctor", *arguments, stdout=out, stderr=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def steps(*arguments):
    """The steps of all findings as JSON, by (title, what)."""
    code, text = run(*arguments, "--format", "json")
    told = json.loads(text)
    assert (code == 1) is (told["verdict"] == "wrong")
    return {
        (finding["title"], step["what"]): step
        for finding in told["findings"]
        for step in finding["steps"]
    }


def account_steps(*arguments, account="default"):
    title = f"Account {account}"
    return {what: step for (of, what), step in steps(*arguments).items() if of == title}


class TestTheWorker:
    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            (None, "No worker is running."),
            ({"seen_s": 200}, "No worker is running: the last one was seen 3 minutes ago."),
            ({"is_periodic": False}, "Every running worker was started with --no-periodic"),
        ],
    )
    def test_one_that_is_missing_is_named_before_all_else(self, client, fields, said):
        Worker.objects.all().delete()
        if fields:
            make_worker(**fields)
        make_feeds()
        code, text = run("--offline")
        assert code == 1
        first = text.splitlines()[1:3]
        assert said in first[0]
        assert "python manage.py run_huey" in first[1]
        client.force_login(make_user(permissions=(PERMISSION,)))
        assert said in client.get(URL).text

    def test_those_that_run_are_named(self):
        make_worker(host="host-2", pid=7, is_periodic=False, version="")
        (found,) = [one for (_, what), one in steps("--offline").items() if what == "Worker"]
        assert found["verdict"] == "ok"
        assert "process 42 on host-1, version 1.2" in found["text"]
        assert "process 7 on host-2, version unknown, --no-periodic" in found["text"]

    def test_two_that_start_the_same_work_are_named(self):
        make_worker(host="host-2", pid=7)
        (found,) = [one for (_, what), one in steps("--offline").items() if what == "Worker"]
        assert found["verdict"] == "warning"
        assert "process 7 on host-2" in found["text"]
        assert "--no-periodic" in found["advice"]


class TestTheCommand:
    def test_where_all_is_well_it_says_so_and_exits_0(self, http):
        announce(
            http,
            headers={
                "Date": http_date(),
                "ratelimit-limit": "960",
                "ratelimit-remaining": "955",
                "ratelimit-reset": "30",
            },
        )
        make_feeds(requests=5)
        make_service()
        code, text = run()
        assert code == 0
        assert "REST API key of a user, ****6789 (PAGERDUTY_TOKEN)" in text
        assert "https://api.pagerduty.com, https://events.pagerduty.com/v2" in text
        assert "PagerDuty answered within" in text
        assert "955 of 960 requests a minute were left" in text
        assert "s from PagerDuty's clock" in text
        assert "1 service mirrored. It took 5 requests; the next is due in 9 minutes." in text
        assert "Last good answer." in text
        assert "wrong" not in text

    def test_each_list_is_asked_for_one_record(self, http):
        announce(http)
        run()
        assert sorted(call.request.url for call in http.calls) == sorted(
            f"{US}/{name}?limit=1" for name in LISTS
        )

    def test_offline_asks_nothing(self, http):
        assert account_steps("--offline")["Answers"]["verdict"] == "unknown"
        assert len(http.calls) == 0

    def test_a_refused_token_says_where_it_is_configured(self, http):
        for region in (US, EU):
            http.get(f"{region}/services", status=401, json={"error": {"message": "No"}})
        step = account_steps()["Answers"]
        assert step["verdict"] == "wrong"
        assert "does not accept the token" in step["text"]
        assert "PAGERDUTY_TOKEN" in step["advice"]
        assert len(http.calls) == 2

    @pytest.mark.parametrize("account", ["default", "more"])
    @pytest.mark.parametrize(("region", "here", "there"), [("us", US, EU), ("eu", EU, US)])
    def test_a_token_of_the_other_region_is_named_as_that(
        self, http, settings, region, here, there, account
    ):
        settings.PAGERDUTY_REGION = region
        settings.PAGERDUTY_ACCOUNTS = f"[{{name: more, region: {region}, token: {TOKEN}}}]"
        http.get(f"{here}/services", status=401, json={"error": {"message": "No", "code": 2006}})
        http.get(f"{there}/services", json=page_of("services"))
        step = account_steps("--account", account, account=account)["Answers"]
        other = "eu" if region == "us" else "us"
        assert f"{here} refuses the token, but the region {other} accepts it" in step["text"]
        named = "PAGERDUTY_REGION" if account == "default" else "region of account 'more'"
        assert f"Set {named} to {other}" in step["advice"]
        assert TOKEN not in json.dumps(step)

    def test_a_missing_permission_is_named_with_what_it_is_for(self, http):
        announce(http, refused=("oncalls",))
        step = account_steps()["Permissions"]
        assert step["verdict"] == "wrong"
        assert "who is on call (oncalls.read)" in step["text"]
        assert "services.read" not in step["text"]

    @pytest.mark.parametrize(
        ("ahead_s", "verdict", "said"),
        [
            (0, "ok", "s from PagerDuty's clock"),
            (90, "warning", "s behind PagerDuty's"),
            (-90, "warning", "s ahead of PagerDuty's"),
            (4000, "wrong", "s behind PagerDuty's"),
        ],
    )
    def test_a_clock_that_goes_wrong_is_noticed(self, http, ahead_s, verdict, said):
        announce(http, headers={"Date": http_date(time.time() + ahead_s)})
        step = account_steps()["Clock"]
        assert step["verdict"] == verdict
        assert said in step["text"]

    def test_a_budget_nearly_used_up_is_a_warning(self, http):
        announce(http, headers={"ratelimit-limit": "960", "ratelimit-remaining": "100"})
        assert account_steps()["Budget"]["verdict"] == "warning"

    def test_a_cool_down_is_told_with_its_end(self, http):
        http.get(f"{US}/services", status=429, headers={"ratelimit-reset": "41"})
        found = account_steps()
        assert found["Answers"]["verdict"] == "wrong"
        assert "nothing is asked for another 41 s" in found["Budget"]["text"]

    @pytest.mark.parametrize(
        ("feed", "said"),
        [
            ({"failed_s": 5, "reason": "permission", "detail": "No."}, "may not read this"),
            ({"age_s": 90_000}, "Not asked since"),
            ({"is_good": False, "failed_s": 5, "reason": "unreadable"}, "No good answer yet"),
        ],
    )
    def test_a_feed_that_is_not_fresh_says_why(self, http, feed, said):
        announce(http)
        make_feeds(requests=1)
        make_feeds(Feed.Kind.CHANGES, **feed)
        found = account_steps()
        assert found["Recent changes"]["verdict"] == "wrong"
        assert said in found["Recent changes"]["text"]
        assert found["Open incidents"]["verdict"] == "ok"

    def test_what_was_never_asked_for_is_not_called_fine(self, http):
        announce(http)
        make_feeds(requests=1)
        make_feeds(Feed.Kind.HISTORY, requests=0)
        found = account_steps()
        assert found["On call"]["verdict"] == "ok"
        assert found["Resolved incidents"]["verdict"] == "unknown"
        assert "Nothing was asked for" in found["Resolved incidents"]["text"]

    def test_feeds_that_never_came_point_to_the_worker(self, http):
        announce(http)
        step = account_steps()["On call"]
        assert "Never asked for" in step["text"]
        assert "run_huey" in step["advice"]

    def test_an_account_that_does_not_answer_leaves_the_others(self, http, settings):
        settings.PAGERDUTY_ACCOUNTS = "[{name: eu, region: eu, token: token-of-eu-4712}]"
        announce(http)
        http.get(f"{EU}/services", body=ConnectionError("away"))
        found = steps()
        assert found["Account default", "Answers"]["verdict"] == "ok"
        assert found["Account eu", "Answers"]["verdict"] == "wrong"

    def test_one_account_alone(self, http, settings):
        settings.PAGERDUTY_ACCOUNTS = "[{name: eu, region: eu, token: token-of-eu-4712}]"
        announce(http, EU)
        found = steps("--account", "eu")
        assert ("Account eu", "Answers") in found
        assert ("Account default", "Answers") not in found
        with pytest.raises(CommandError, match="'mars'; configured: default, eu"):
            run("--account", "mars")

    def test_a_default_account_nobody_configured_is_not_missed_where_there_are_others(
        self, http, settings
    ):
        settings.PAGERDUTY_TOKEN = ""
        settings.PAGERDUTY_ACCOUNTS = "[{name: eu, region: eu, token: token-of-eu-4712}]"
        announce(http, EU)
        assert not any(title == "Account default" for title, _ in steps())

    def test_without_any_token_it_says_what_to_set(self, settings):
        settings.PAGERDUTY_TOKEN = ""
        assert "set PAGERDUTY_TOKEN" in account_steps()["Credentials"]["text"]

    def test_mistakes_in_the_setting_are_told_where_they_are(self, http, settings):
        announce(http)
        settings.PAGERDUTY_ACCOUNTS = "[{name: eu, token_file: /nowhere/token}, {}]"
        found = steps()
        assert "/nowhere/token" in found["Account eu", "Credentials"]["text"]
        assert "Item 2" in found["This portal", "Setting"]["text"]

    def test_scopes_granted_and_missing_are_told(self, http, settings):
        settings.PAGERDUTY_ACCOUNTS = (
            f"[{{name: apps, client_id: client-4713, client_secret: {SECRET}, "
            "subdomain: meridian, region: eu}]"
        )
        http.post(
            "https://identity.pagerduty.com/oauth/token",
            json={
                "access_token": "pdus+_very-secret-token",
                "scope": "as_account-eu.meridian services.read incidents.read",
                "token_type": "bearer",
                "expires_in": 86_400,
            },
        )
        announce(http, EU, refused=("oncalls", "escalation_policies", "change_events"))
        code, text = run("--account", "apps")
        assert code == 1
        assert "oncalls.read (for who is on call)" in text
        assert "Granted: incidents.read, services.read" in text
        assert "as_account-eu.meridian" in text
        assert SECRET not in text
        assert "pdus+" not in text

    def test_a_cache_that_keeps_nothing_is_wrong(self, settings):
        nothing = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
        settings.CACHES = {"default": nothing, "shared": nothing}
        found = steps("--offline")
        assert found["This portal", "Cache"]["verdict"] == "wrong"


class TestTheWayOfAPage:
    """It is tried with the end of an alert that never was: nobody is paged."""

    ENQUEUE = "https://events.pagerduty.com/v2/enqueue"

    def paging(self, *arguments):
        return account_steps(*arguments)["Paging"]

    def test_a_few_keys_are_tried_and_those_of_the_entity_first(self, http, monkeypatch):
        announce(http)
        http.post(self.ENQUEUE, status=202, json={"status": "success"})
        for number in range(5):
            make_service(f"PA{number}", key=str(number) * 32, name=f"service-{number}")
            make_mapped_entity(f"entity-{number}", service_id=f"PA{number}")
        monkeypatch.setenv("HTTPS_PROXY", "http://me:proxy-secret@proxy.example:3128")
        found = self.paging("--entity", "entity-4")
        assert found["verdict"] == "ok"
        assert (
            "****4444 of service-4, ****0000 of service-0, ****1111 of service-1" in found["text"]
        )
        assert (
            "https://events.pagerduty.com/v2 through the proxy proxy.example:3128" in found["text"]
        )
        assert "Nobody was paged" in found["text"]
        assert "secret" not in str(found)
        sent = [json.loads(one.request.body) for one in http.calls if one.request.method == "POST"]
        assert {one["event_action"] for one in sent} == {"resolve"}
        assert len({one["dedup_key"] for one in sent}) == len(sent) == 3

    @pytest.mark.parametrize(
        ("answer", "verdict", "said"),
        [
            (
                {"status": 400, "json": {"message": "Event object is invalid",
                                         "errors": [f"Invalid routing key {KEY}"]}},
                "wrong",
                "****4711 of checkout-api: Event object is invalid: Invalid routing key ****4711",
            ),
            ({"status": 404, "body": "404 page not found"}, "wrong", "There is no Events API at"),
            ({"status": 429}, "warning", "takes no more alerts"),
            ({"status": 503}, "wrong", "PagerDuty could not answer (503)"),
            (
                {"body": requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED")},
                "wrong",
                "its TLS certificate is not trusted here",
            ),
            (
                {"body": requests.ConnectionError("NameResolutionError")},
                "wrong",
                "No connection to PagerDuty (its name is not known)",
            ),
            (
                {"body": requests.exceptions.ProxyError("NewConnectionError")},
                "wrong",
                "the proxy does not let it through",
            ),
        ],
    )  # fmt: skip
    def test_what_keeps_pages_from_arriving_is_named(self, http, answer, verdict, said):
        announce(http, refused=("services",))
        http.post(self.ENQUEUE, **answer)
        make_service()
        make_mapped_entity()
        found = self.paging()
        assert found["verdict"] == verdict
        assert said in found["text"]
        assert found["advice"]
        assert KEY not in str(found)

    def test_without_a_key_and_without_asking_it_is_not_known(self, http):
        announce(http)
        assert "no entity of this account" in self.paging()["text"]
        assert "not tried yet" in self.paging("--offline")["text"]

    @pytest.mark.real_http
    def test_the_sandbox_takes_it_and_opens_nothing(self, sandbox, settings):
        settings.PAGERDUTY_TOKEN = ""
        before = len(sandbox.state.account.incidents)
        make_mapped_entity(integration_key=KEYS["PFRAUDC"])
        assert self.paging()["verdict"] == "ok"
        sandbox.state.advance()
        assert len(sandbox.state.account.incidents) == before
        settings.PAGERDUTY_EVENTS_BASE_URL = f"{sandbox.url}/other/v2"
        assert "There is no Events API at" in self.paging()["text"]


class TestWhyIsThisCardEmpty:
    def walk(self, ref, title=""):
        found = steps("--offline", "--entity", ref)
        return {
            what: step
            for (of, what), step in found.items()
            if not of.startswith(("Account", "This portal"))
        }

    def test_from_annotation_to_age(self):
        make_mapped_entity(service_id="PCHKOUT", integration_key=KEY)
        make_incident(make_service())
        make_feeds()
        found = self.walk("checkout-api")
        assert {step["verdict"] for step in found.values()} == {"ok"}
        assert "examples/catalog/checkout.yaml:12" in found["Entity"]["text"]
        assert "pagerduty.com/service-id: PCHKOUT" in found["Annotation"]["text"]
        assert "1 open, as PagerDuty says" in found["Open incidents"]["text"]
        assert "****4711" in found["Paging"]["text"]
        assert KEY not in str(found)

    def test_nothing_open_is_what_pagerduty_says(self):
        make_mapped_entity()
        make_service()
        make_feeds()
        assert "says that none is open" in self.walk("checkout-api")["Open incidents"]["text"]

    @pytest.mark.parametrize("ref", ["nobody", "component:default/nobody"])
    def test_no_such_entity(self, ref):
        assert self.walk(ref)["Entity"]["verdict"] == "wrong"

    def test_an_entity_of_that_name_of_another_kind_is_named(self):
        make_entity("checkout", kind="System", type="")
        assert "system:default/checkout" in self.walk("checkout")["Entity"]["text"]

    @pytest.mark.parametrize("ref", ["a:", ":", "\x00"])
    def test_what_is_no_reference(self, ref):
        (step,) = self.walk(ref).values()
        assert step["verdict"] == "wrong"

    def test_a_file_whose_line_is_not_known_is_named_without(self):
        make_entity("plain", source="all.yaml", source_line=None)
        assert self.walk("plain")["Entity"]["text"].endswith("written in all.yaml.")

    def test_an_entity_without_annotation(self):
        make_entity("plain")
        step = self.walk("plain")["Annotation"]
        assert step["verdict"] == "wrong"
        assert "pagerduty.com/service-id" in step["advice"]

    def test_an_unknown_account_with_its_place(self):
        make_mapped_entity(service_id="PCHKOUT", account="mars")
        step = self.walk("checkout-api")["Account"]
        assert "configured: default" in step["text"]
        assert "checkout.yaml:12" in step["text"]

    def test_an_account_without_token(self, settings):
        settings.PAGERDUTY_TOKEN = ""
        make_mapped_entity()
        assert "set PAGERDUTY_TOKEN" in self.walk("checkout-api")["Account"]["text"]

    def test_a_service_that_pagerduty_has_not(self):
        make_mapped_entity(service_id="PWRONG1")
        make_feeds()
        assert "has no service PWRONG1" in self.walk("checkout-api")["Service"]["text"]

    def test_a_service_that_is_not_mirrored_yet(self):
        make_mapped_entity()
        step = self.walk("checkout-api")["Service"]
        assert "has not been asked yet" in step["text"]
        assert "run_huey" in step["advice"]

    def test_a_service_that_is_not_mirrored_because_the_token_is_refused(self):
        make_mapped_entity()
        make_feeds(is_good=False, failed_s=5, reason="token")
        assert "does not accept the token" in self.walk("checkout-api")["Service"]["text"]

    def test_a_key_that_is_nobodys_is_masked(self):
        make_mapped_entity(integration_key=KEY)
        make_feeds()
        found = self.walk("checkout-api")
        assert (
            "No PagerDuty service has this integration key (****4711)" in found["Service"]["text"]
        )
        assert KEY not in str(found)

    def test_one_section_that_failed(self):
        make_mapped_entity()
        make_service(key="")
        make_feeds()
        make_feeds(Feed.Kind.ON_CALL, is_good=False, failed_s=5, reason="permission", detail="No.")
        found = self.walk("checkout-api")
        assert found["On call"]["verdict"] == "wrong"
        assert found["Open incidents"]["verdict"] == "ok"
        assert found["Paging"]["verdict"] == "warning"

    def test_a_section_nobody_asked_for_wants_the_worker(self):
        make_mapped_entity()
        make_service()
        make_feeds(Feed.Kind.SERVICES)
        step = self.walk("checkout-api")["Open incidents"]
        assert "has not been asked yet" in step["text"]
        assert "run_huey" in step["advice"]

    def test_every_service_of_several(self, settings):
        settings.PAGERDUTY_ACCOUNTS = "[{name: eu, region: eu, token: token-of-eu-4712}]"
        entity = make_mapped_entity(service_id="PCHKOUT, PWRONG1")
        link_service(entity, "PEU", account="eu")
        make_service()
        make_feeds()
        titles = {title for title, _ in steps("--offline", "--entity", "checkout-api")}
        assert {
            "PCHKOUT of account default",
            "PWRONG1 of account default",
            "PEU of account eu",
        } <= titles


class TestThePage:
    @pytest.fixture
    def admin(self, client):
        user = make_user(permissions=(PERMISSION,))
        client.force_login(user)
        return user

    def words(self, answer):
        return " ".join(soup_of(answer).main.get_text(" ").split())

    def test_only_who_may_sees_it_and_its_entry_in_the_navigation(self, client):
        assert client.get(URL).status_code == 302
        client.force_login(make_user())
        assert client.get(URL).status_code == 403
        assert client.post(URL).status_code == 403
        assert URL not in client.get(reverse("catalog:index")).text
        client.force_login(make_user(permissions=(PERMISSION,)))
        assert client.get(URL).status_code == 200
        assert f'href="{URL}"' in client.get(reverse("catalog:index")).text

    def test_it_is_closed_also_where_pages_are_open(self, client, settings):
        settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "LoginRequired" not in one]
        assert client.get(URL).status_code == 302

    def test_it_asks_pagerduty_nothing_by_itself(self, client, admin, http):
        make_mapped_entity()
        make_service()
        make_feeds()
        answer = client.get(URL, {"entity": "checkout-api"})
        assert answer.status_code == 200
        text = self.words(answer)
        assert "Account default" in text
        assert "PCHKOUT of account default" in text
        assert len(http.calls) == 0

    def test_check_now_asks_and_shows_the_answer(self, client, admin, http):
        announce(http, refused=("incidents",))
        make_feeds()
        answer = client.post(f"{URL}?entity=nobody")
        assert answer.status_code == 303
        assert answer["Location"] == f"{URL}?entity=nobody"
        text = self.words(client.get(answer["Location"]))
        assert "PagerDuty answered within" in text
        assert "open incidents (incidents.read): Access Denied." in text
        assert "The catalog has no component:default/nobody" in text
        assert "1 thing to put right" in text

    def test_a_form_without_the_token_against_forgery_is_refused(self, admin):
        client = Client(enforce_csrf_checks=True)
        client.force_login(admin)
        assert client.post(URL).status_code == 403

    def test_it_shows_what_any_process_learned(self, client, admin):
        Quota(get_account()).note(
            QuotaReading(at=time.time() - 40, limit=960, remaining=955, reset_s=20, skew_s=1)
        )
        text = self.words(client.get(URL))
        assert "955 of 960 requests a minute were left. 40 seconds ago" in text.replace("\xa0", " ")
        assert "1 s from PagerDuty's clock" in text

    def test_no_secret_is_on_it(self, client, admin, settings):
        settings.PAGERDUTY_ACCOUNTS = (
            f"[{{name: apps, client_id: client-id-long-4713, client_secret: {SECRET}, "
            "subdomain: meridian}, {name: eu, token: token-of-the-eu-account}]"
        )
        make_mapped_entity(integration_key=KEY)
        text = client.get(URL, {"entity": "checkout-api"}).text
        for secret in (TOKEN, SECRET, KEY, "client-id-long-4713", "token-of-the-eu-account"):
            assert secret not in text

    def test_what_is_typed_is_escaped_and_kept(self, client, admin):
        answer = client.get(URL, {"entity": '"><script>alert(1)</script>'})
        assert "<script>alert" not in answer.text
        assert answer.status_code == 200

    def test_it_costs_the_same_with_many_accounts_and_feeds(
        self, client, admin, settings, django_assert_max_num_queries
    ):
        with django_assert_max_num_queries(30) as few:
            client.get(URL)
        names = [f"a{number}" for number in range(10)]
        settings.PAGERDUTY_ACCOUNTS = (
            "[" + ", ".join(f"{{name: {name}, token: token-of-{name}}}" for name in names) + "]"
        )
        for name in names:
            make_feeds(account=name)
        with django_assert_max_num_queries(30) as many:
            client.get(URL)
        assert len(many.captured_queries) <= len(few.captured_queries) + 1

    def test_it_works_without_a_cache(self, client, admin, settings, http):
        announce(http)
        nothing = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
        settings.CACHES = {"default": nothing, "shared": nothing}
        client.post(URL)
        text = self.words(client.get(URL))
        assert "PagerDuty answered within" in text
        assert "The cache keeps nothing" in text

    @pytest.mark.parametrize("redis", ["", "redis://127.0.0.1:1/0"])
    def test_it_says_that_the_worker_needs_its_redis(self, client, admin, settings, redis):
        nothing = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
        settings.CACHES = {"default": nothing, "shared": nothing}
        settings.REDIS_URL = redis
        text = self.words(client.get(URL))
        assert ("The Redis of REDIS_URL does not answer" in text) == bool(redis)
        assert ("the worker does nothing" in text) == bool(redis)
