"""The addresses for machines."""

import datetime as dt
import os
import threading

import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from huey.contrib.djhuey.management.commands import run_huey

from portal import workers
from portal.models import Worker
from tests.factories import make_entity, make_user, make_worker
from tests.pagerduty_card.mirror import make_attempt, make_feeds


def test_live_answers_without_database_and_without_signing_in(client):
    response = client.get(reverse("live"))
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_names_each_part(client):
    response = client.get(reverse("ready"))
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "database": "ok",
        "migrations": "ok",
        "static": "ok",
        "cache": "ok",
    }
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_ready_says_when_migrations_are_missing(client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'catalog'")
    response = client.get(reverse("ready"))
    assert response.status_code == 503
    assert "manage.py migrate" in response.json()["migrations"]


@pytest.mark.django_db
def test_ready_says_when_the_cache_forgets_and_goes_on_serving(client, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    response = client.get(reverse("ready"))
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["cache"] == "does not keep what it is given"
    assert response.json()["database"] == "ok"


@pytest.mark.django_db
def test_ready_names_a_database_that_newer_code_has_migrated_and_goes_on_serving(client):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) "
            "VALUES ('catalog', '9999_of_next_year', '2027-01-01'), ('gone', '0001', '2020-01-01')"
        )
    response = client.get(reverse("ready"))
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert "newer code" in response.json()["migrations"]


@pytest.mark.django_db
def test_ready_says_when_static_files_are_not_collected(client, settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    backend = "whitenoise.storage.CompressedManifestStaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}
    response = client.get(reverse("ready"))
    assert response.status_code == 503
    assert response.json()["static"] == (
        "not all collected: run manage.py prepare, then restart this process"
    )


@pytest.mark.django_db
class TestWork:
    @pytest.fixture(autouse=True)
    def _world(self, settings):
        settings.PAGERDUTY_TOKEN = "test-token-0123456789"

    def test_is_done_while_a_worker_is_seen_and_incidents_are_new(self, client):
        make_worker()
        make_feeds()
        response = client.get("/healthz/work")
        assert response.status_code == 200
        assert set(response.json().values()) == {"ok"}
        assert "no-store" in response["Cache-Control"]

    @pytest.mark.parametrize(
        ("part", "said", "late"),
        [
            ("worker", "No worker is running. Start one: ", {"worker": None}),
            ("worker", "the last one was seen 3 minutes ago. Start", {"worker": {"seen_s": 200}}),
            ("worker", "started with --no-periodic", {"worker": {"is_periodic": False}}),
            ("open incidents", "(account default)", {"feeds": {"age_s": 100}}),
            ("open incidents", "never synced", {"feeds": {"is_good": False}}),
            (
                "open incidents",
                "PagerDuty does not accept the token",
                {"feeds": {"age_s": 100, "failed_s": 5, "reason": "token"}},
            ),
            ("pages", "1 page waits to be sent again", {"page_s": 130}),
        ],
    )
    def test_says_what_is_late_and_whose_turn_it_is(self, client, part, said, late):
        worker = late.get("worker", {})
        if worker is not None:
            make_worker(**worker)
        make_feeds(**late.get("feeds", {}))
        entity = make_entity()
        for age_s in (10, late.get("page_s", 10)):
            make_attempt(
                entity,
                state="retrying",
                answered_at=timezone.now() - dt.timedelta(seconds=age_s),
                retry_until=timezone.now() + dt.timedelta(minutes=5),
            )
        response = client.get("/healthz/work")
        assert response.status_code == 503
        assert said in response.json()[part]
        assert "test-token" not in response.text
        wrong = {name for name, found in response.json().items() if found != "ok"}
        assert wrong == {"status", part}

    @pytest.mark.parametrize(("is_staff", "is_shown"), [(True, True), (False, False)])
    def test_administrators_see_on_every_page_that_no_worker_is_running(
        self, client, is_staff, is_shown
    ):
        client.force_login(make_user(is_staff=is_staff))
        for page in ("/", "/no-such-page"):
            assert ("No worker is running" in client.get(page).text) is is_shown

    @pytest.mark.parametrize(("seen_s", "is_shown"), [((-3600,), True), ((-3600, 5), False)])
    def test_a_worker_that_died_before_the_clock_was_put_back_counts_for_none(
        self, client, seen_s, is_shown
    ):
        for one in seen_s:
            make_worker(seen_s=one)
        client.force_login(make_user(is_staff=True))
        assert ("No worker is running" in client.get("/").text) is is_shown

    def test_nobody_is_bothered_while_one_runs(self, client):
        make_worker()
        client.force_login(make_user(is_staff=True))
        assert "No worker is running" not in client.get("/").text


@pytest.mark.django_db(transaction=True)
class TestTheHeartbeat:
    def test_a_worker_is_seen_while_it_runs_and_gone_after_it(self, monkeypatch):
        monkeypatch.setattr(workers, "BEAT_S", 0.01)
        make_worker(seen_s=100_000)
        seen = threading.Event()
        renew = workers.renew

        def note(worker):
            renew(worker)
            seen.set()

        monkeypatch.setattr(workers, "renew", note)
        with workers.heartbeat(is_periodic=True):
            (worker,) = Worker.objects.all()
            assert (worker.pid, worker.version) == (os.getpid(), "0.1.0")
            assert seen.wait(10)
            assert workers.problem(timezone.now()) == ""
        assert not Worker.objects.exists()

    @pytest.mark.parametrize(("options", "is_periodic"), [({}, True), ({"periodic": False}, False)])
    def test_the_workers_command_has_one(self, monkeypatch, options, is_periodic):
        seen = []
        monkeypatch.setattr(
            run_huey.Command,
            "handle",
            lambda *_, **__: seen.extend(Worker.objects.values_list("is_periodic", flat=True)),
        )
        call_command("run_huey", **options)
        assert seen == [is_periodic]

    def test_a_row_that_was_deleted_meanwhile_is_written_again(self):
        worker = make_worker()
        Worker.objects.all().delete()
        workers.renew(worker)
        assert Worker.objects.get().seen_at == worker.seen_at


@pytest.mark.parametrize("name", ["live", "ready", "work"])
@pytest.mark.django_db
def test_machines_may_only_read(client, name):
    assert client.post(reverse(name)).status_code == 405
    assert client.generic("TRACE", reverse(name)).status_code == 405
