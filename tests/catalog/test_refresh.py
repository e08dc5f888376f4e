"""When locations are read again: by the schedule, by a person, by a webhook."""

import datetime as dt
import hashlib
import hmac
import json
from functools import partial
from unittest.mock import Mock

import pytest
import time_machine
from django.db import OperationalError, connection
from django.urls import reverse
from django.utils import timezone

from catalog import tasks
from catalog.ingestion.importer import run_import
from catalog.locations import refreshing
from catalog.models import Entity, ImportRun, Location
from portal.leases import lease
from portal.tasks import HUEY
from tests.catalog.pages import texts
from tests.catalog.queue import work
from tests.catalog.sources import component, run, write
from tests.factories import make_entity, make_user, make_worker

pytestmark = pytest.mark.django_db

START = dt.datetime(2026, 11, 1, 9, 0, tzinfo=dt.UTC)
TOKEN = "a-long-token-of-a-webhook-0123456789"
HOOK = "/catalog/hooks/refresh/"
RIGHTS = ("catalog.view_location", "catalog.refresh_location")


def make_location(target, **fields):
    kind = "url" if "://" in str(target) else "file"
    return Location.objects.create(type=kind, target=str(target), **fields)


def at(seconds):
    return time_machine.travel(START + dt.timedelta(seconds=seconds), tick=False)


class TestSchedule:
    """What the worker reads when."""

    def test_reads_what_is_due_and_plans_the_next_reading(self, tmp_path):
        found = make_location(write(tmp_path / "a.yaml", component("one")))
        with at(0):
            assert refreshing.refresh_due().created == 1
            assert refreshing.refresh_due() is None
        found.refresh_from_db()
        wait_s = (found.next_refresh_at - START).total_seconds()
        assert 96 <= wait_s <= 144
        with at(wait_s - 1):
            assert refreshing.refresh_due() is None
        with at(wait_s + 1):
            assert refreshing.refresh_due().unchanged == 1
        assert [run.trigger for run in ImportRun.objects.all()] == ["schedule", "schedule"]
        assert found.last_run_id == ImportRun.objects.earliest("pk").pk

    def test_waits_longer_after_each_failure_up_to_an_hour(self, tmp_path):
        file = tmp_path / "a.yaml"
        found = make_location(file)
        waits = []
        with at(0) as clock:
            for _attempt in range(8):
                refreshing.refresh_due()
                found.refresh_from_db()
                now = dt.datetime.now(dt.UTC)
                waits.append((found.next_refresh_at - now).total_seconds())
                clock.move_to(found.next_refresh_at)
            assert found.failures == 8
            for wait_s, least_s in zip(waits, (192, 384, 768, 1536, 2880), strict=False):
                assert least_s <= wait_s <= least_s * 1.5
            assert max(waits) <= 3600 * 1.2
            write(file, component("one"))
            refreshing.refresh_due()
        found.refresh_from_db()
        assert found.failures == 0
        assert Entity.objects.exists()

    def test_leaves_to_people_what_the_command_named(self, tmp_path):
        run("import_catalog", write(tmp_path / "a.yaml", component("one")))
        assert Location.objects.get().origin == "command"
        assert refreshing.refresh_due() is None

    def test_reads_nothing_by_itself_at_zero_seconds(self, settings, tmp_path):
        settings.CATALOG_REFRESH_S = 0
        found = make_location(write(tmp_path / "a.yaml", component("one")))
        assert refreshing.refresh_due() is None
        refreshing.refresh([found], trigger=ImportRun.Trigger.PERSON)
        found.refresh_from_db()
        assert found.next_refresh_at is None

    def test_what_one_worker_is_at_is_taken_by_no_other(self, tmp_path, monkeypatch):
        make_location(write(tmp_path / "a.yaml", component("one")), next_refresh_at=START)
        meanwhile = []

        def read(*args, **options):
            meanwhile.append(refreshing.refresh_due())
            return run_import(*args, **options)

        monkeypatch.setattr(refreshing, "run_import", read)
        with at(1):
            assert refreshing.refresh_due().created == 1
        assert meanwhile == [None]

    def test_what_is_asked_for_while_it_is_read_is_read_once_more(self, tmp_path, monkeypatch):
        found = make_location(write(tmp_path / "a.yaml", component("one")), next_refresh_at=START)

        def read(*args, **options):
            report = run_import(*args, **options)
            refreshing.make_due([found.pk])
            return report

        with at(1), monkeypatch.context() as patch:
            patch.setattr(refreshing, "run_import", read)
            refreshing.refresh_due()
        with at(2):
            assert refreshing.refresh_due().unchanged == 1
            assert refreshing.refresh_due() is None

    def test_an_import_that_breaks_counts_as_a_failure(self, tmp_path, monkeypatch):
        found = make_location(write(tmp_path / "a.yaml", component("one")))

        def breaks(*_args, **_options):
            raise RuntimeError("out of memory")

        monkeypatch.setattr(refreshing, "run_import", breaks)
        with pytest.raises(RuntimeError, match="memory"):
            refreshing.refresh_due()
        found.refresh_from_db()
        assert found.failures == 1
        assert refreshing.refresh_due() is None


class TestButton:
    """A person asks for a reading."""

    def test_answers_with_what_the_reading_did(self, client, tmp_path):
        user = make_user(permissions=RIGHTS)
        client.force_login(user)
        file = write(tmp_path / "a.yaml", component("one"), component("two"))
        found = make_location(file)
        address = reverse("catalog:location-refresh", kwargs={"pk": found.pk})
        response = client.post(address)
        assert response.status_code == 303
        (message,) = texts(client.get(response["Location"]), "#messages p")
        assert "2 created, 0 changed, 0 unchanged, 0 gone, 0 refused" in message
        write(file, component("one", type="website"), component("a b"))
        (message,) = texts(client.get(client.post(address)["Location"]), "#messages p")
        assert "0 created, 1 changed" in message
        assert "1 refused" in message
        assert ImportRun.objects.latest("pk").started_by == user

    def test_says_in_words_why_it_could_not_be_read(self, client, tmp_path):
        client.force_login(make_user(permissions=RIGHTS))
        found = make_location(tmp_path / "gone.yaml")
        response = client.post(reverse("catalog:location-refresh", kwargs={"pk": found.pk}))
        (message,) = texts(client.get(response["Location"]), "#messages p")
        assert "Some files couldn't be read: there is no such file" in message

    def test_says_when_the_import_broke_before_it_began(self, client, tmp_path, monkeypatch):
        client.force_login(make_user(permissions=RIGHTS))
        found = make_location(write(tmp_path / "a.yaml", component("one")))
        monkeypatch.setattr(refreshing, "run_import", Mock(side_effect=RuntimeError("no memory")))
        response = client.post(reverse("catalog:location-refresh", kwargs={"pk": found.pk}))
        (message,) = texts(client.get(response["Location"]), "#messages p")
        assert message == "The import failed before it began. The worker's log has the reason."

    def test_on_an_entity_reads_its_location(self, client, tmp_path):
        client.force_login(make_user(permissions=RIGHTS))
        file = write(tmp_path / "a.yaml", component("one"))
        run("import_catalog", file)
        write(file, component("one", type="website"))
        entity = Entity.objects.get()
        response = client.post(reverse("catalog:refresh", kwargs=entity.url_kwargs))
        assert response["Location"] == entity.get_absolute_url()
        assert "1 changed" in texts(client.get(response["Location"]), "#messages p")[0]
        entity.refresh_from_db()
        assert entity.type == "website"

    def test_gives_a_fragment_to_htmx(self, client, tmp_path):
        client.force_login(make_user(permissions=RIGHTS))
        found = make_location(write(tmp_path / "a.yaml", component("one")))
        address = reverse("catalog:location-refresh", kwargs={"pk": found.pk})
        response = client.post(address, headers={"HX-Request": "true"})
        assert "1 created" in texts(response, "[role=status] p")[0]
        assert "<html" not in response.text

    def test_says_when_there_is_nothing_to_read(self, client):
        client.force_login(make_user(permissions=RIGHTS))
        entity = make_entity("local")
        response = client.post(reverse("catalog:refresh", kwargs=entity.url_kwargs))
        assert "nothing to refresh" in texts(client.get(response["Location"]), "#messages p")[0]

    def test_needs_the_right_and_a_form(self, client):
        entity = make_entity("one")
        address = reverse("catalog:refresh", kwargs=entity.url_kwargs)
        client.force_login(make_user())
        assert client.post(address).status_code == 403
        client.force_login(make_user(permissions=RIGHTS))
        assert client.get(address).status_code == 405


class TestWaiting:
    """The worker does not answer a person at once."""

    @pytest.fixture(autouse=True)
    def _asks(self, client, queue, monkeypatch):
        client.force_login(make_user(permissions=RIGHTS))
        monkeypatch.setattr(tasks, "WAIT_S", 0)

    @pytest.fixture
    def location(self, tmp_path):
        return make_location(
            write(tmp_path / "a.yaml", component("one")),
            origin="command",
            read_at=timezone.now(),
            last_read_at=timezone.now(),
        )

    def ask(self, client, location):
        """What the answer to the button says."""
        address = reverse("catalog:location-refresh", kwargs={"pk": location.pk})
        (message,) = texts(client.post(address, follow=True), "#messages p")
        return message

    def pages(self, client, location):
        """What the list, the location's page and an entity's page say of the refresh."""
        entity = Entity.objects.filter(location=location).first() or make_entity(
            "one", location=location, source=location.target
        )
        return (
            texts(client.get(reverse("catalog:locations")), "td[data-label=Next]")[0],
            texts(client.get(location.get_absolute_url()), "#reading")[0],
            texts(client.get(entity.get_absolute_url()), "#about")[0],
        )

    def test_without_a_worker_the_answer_says_so_and_every_page_that_it_waits(
        self, client, location
    ):
        for _press in range(2):
            message = self.ask(client, location)
            assert message.startswith("Waiting for import since ")
            assert "No worker is running. Start one: python manage.py run_huey." in message
        assert not ImportRun.objects.exists()
        for page in self.pages(client, location):
            assert "waiting for import, due " in page
        assert "No worker is running." in self.pages(client, location)[1]
        work()
        run = ImportRun.objects.get()
        assert (run.trigger, run.changed) == ("person", 1)
        for page in self.pages(client, location):
            assert "waiting" not in page

    def test_with_a_worker_that_is_busy_the_answer_says_where_the_outcome_will_be(
        self, client, location
    ):
        make_worker()
        message = self.ask(client, location)
        assert "Reload the location's page to see the outcome." in message
        assert "worker" not in message

    @pytest.mark.parametrize("trigger", ["person", "schedule"])
    def test_what_is_being_read_is_read_once_more_however_often_it_is_asked_for(
        self, client, location, trigger
    ):
        make_worker()
        location.last_run = ImportRun.objects.create(trigger=trigger)
        location.save()
        for _press in range(2):
            assert self.ask(client, location).startswith("Importing since ")
        assert "going on" in texts(client.get(location.get_absolute_url()), "#run")[0]
        work()
        assert ImportRun.objects.count() == 2

    def test_every_page_says_that_it_is_being_read(self, client, location, monkeypatch):
        seen = []

        def look(phase, _count):
            if phase == "read":
                seen.extend(self.pages(client, location))

        monkeypatch.setattr(refreshing, "run_import", partial(run_import, progress=look))
        refreshing.refresh([location], trigger=ImportRun.Trigger.SCHEDULE)
        assert ["importing, started " in page for page in seen] == [True] * 3

    def test_what_a_killed_worker_was_at_is_not_called_being_read(self, client, location):
        location.last_run = ImportRun.objects.create(trigger="person")
        location.save()
        began_at = timezone.now() - dt.timedelta(seconds=61)
        ImportRun.objects.update(started_at=began_at)
        for page in self.pages(client, location):
            assert "importing" not in page
        last = texts(client.get(location.get_absolute_url()), "#run")[0]
        assert "its process was stopped" in last
        assert self.ask(client, location).startswith("Waiting for import since ")
        work()
        assert ImportRun.objects.count() == 2

    @pytest.mark.parametrize("asked_by", ["a person", "a webhook"])
    def test_while_another_import_writes_the_worker_makes_it_due_later(
        self, client, location, settings, asked_by
    ):
        make_worker()
        settings.CATALOG_REFRESH_TOKEN = TOKEN
        webhook = {"data": json.dumps({"target": location.target}), "content_type": "text/json"}

        def locked(execute, sql, *args):
            if sql.startswith('UPDATE "catalog_location"'):
                raise OperationalError("database is locked")
            return execute(sql, *args)

        with connection.execute_wrapper(locked):
            if asked_by == "a person":
                message = self.ask(client, location)
                assert message.startswith("Another import is writing; yours comes after it. Reload")
            else:
                response = client.post(HOOK, **webhook, headers={"X-Gitlab-Token": TOKEN})
                assert response.status_code == 202
            work()
        assert not ImportRun.objects.exists()
        work()
        assert ImportRun.objects.count() == 1

    def test_slow_hosts_hold_one_thread_of_the_worker(self, client, location, queue):
        self.ask(client, location)
        with lease("catalog:refresh-named"):
            work()
        assert not ImportRun.objects.exists()
        assert [task.eta is not None for task in queue.pending()] == [True]
        work()
        assert ImportRun.objects.get().trigger == "person"


class TestHook:
    """A repository asks for a reading."""

    @pytest.fixture(autouse=True)
    def _token(self, settings):
        settings.CATALOG_REFRESH_TOKEN = TOKEN
        HUEY.flush()

    def post(self, client, payload=None, **headers):
        headers = headers or {"Authorization": f"Bearer {TOKEN}"}
        body = "" if payload is None else json.dumps(payload)
        return client.post(HOOK, body, content_type="application/json", headers=headers)

    def test_reads_what_it_names(self, client, tmp_path):
        found = make_location(write(tmp_path / "a.yaml", component("one")), origin="command")
        make_location(tmp_path / "b.yaml")
        response = self.post(client, {"target": found.target})
        assert response.status_code == 202
        assert response.json() == {"locations": [found.target]}
        assert ImportRun.objects.get().trigger == "webhook"
        assert Entity.objects.get().location == found

    def test_while_the_queue_is_away_the_database_remembers_it(self, client, tmp_path, monkeypatch):
        found = make_location(write(tmp_path / "a.yaml", component("one")), origin="command")

        def refuse(*_, **__):
            raise ConnectionError("Redis is away")

        monkeypatch.setattr(HUEY, "enqueue", refuse)
        monkeypatch.setattr(HUEY, "put_result", refuse)
        assert self.post(client, {"target": found.target}).status_code == 202
        assert not Entity.objects.exists()
        assert refreshing.refresh_due().created == 1

    def test_reads_every_location_of_the_schedule_when_it_names_none(self, client, tmp_path):
        make_location(write(tmp_path / "a.yaml", component("one")))
        make_location(tmp_path / "b.yaml", origin="command")
        assert self.post(client).json() == {"locations": [str(tmp_path / "a.yaml")]}

    @pytest.mark.parametrize(
        "payload",
        [
            {"repository": {"html_url": "https://github.com/Acme/Shop", "full_name": "x/y"}},
            {"repository": {"full_name": "acme/shop"}},
        ],
    )
    def test_finds_the_locations_of_a_github_repository(self, client, payload, monkeypatch):
        raw = make_location("https://raw.githubusercontent.com/acme/shop/main/a.yaml")
        make_location("https://raw.githubusercontent.com/acme/shop-two/main/a.yaml")
        assert self.read_of(client, payload, monkeypatch) == [raw.target]

    def test_finds_the_locations_of_a_gitlab_project(self, client, monkeypatch):
        payload = {"project": {"web_url": "https://git.example.com/team/shop"}}
        own = make_location("https://git.example.com/team/shop/-/raw/main/a.yaml")
        make_location("https://git.example.com/team/other/-/raw/main/a.yaml")
        assert self.read_of(client, payload, monkeypatch) == [own.target]

    def test_finds_a_location_that_leads_into_the_repository(self, client, monkeypatch, tmp_path):
        found = make_location(tmp_path / "all.yaml")
        found.files.create(
            address="https://git.example.com/team/shop/-/raw/main/a.yaml", fingerprint="x"
        )
        payload = {"project": {"web_url": "https://git.example.com/team/shop"}}
        assert self.read_of(client, payload, monkeypatch) == [found.target]

    def read_of(self, client, payload, monkeypatch):
        """What it names, without reading it."""
        monkeypatch.setattr(refreshing, "refresh", lambda *_args, **_options: None)
        return self.post(client, payload).json()["locations"]

    def test_takes_a_repository_nobody_reads(self, client):
        response = self.post(client, {"repository": {"full_name": "acme/none"}})
        assert (response.status_code, response.json()) == (202, {"locations": []})

    def test_takes_the_token_in_each_hosts_way(self, client):
        body = b'{"target": "/none"}'
        signature = hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()
        for headers in (
            {"Authorization": f"Bearer {TOKEN}"},
            {"X-Gitlab-Token": TOKEN},
            {"X-Hub-Signature-256": f"sha256={signature}"},
        ):
            response = client.post(HOOK, body, content_type="application/json", headers=headers)
            assert response.status_code == 202, headers

    def test_takes_githubs_form(self, client):
        response = client.post(
            HOOK, {"payload": '{"target": "/none"}'}, headers={"X-Gitlab-Token": TOKEN}
        )
        assert response.status_code == 400  # multipart is nobody's way
        response = client.post(
            HOOK,
            "payload=%7B%22target%22%3A%22%2Fnone%22%7D",
            content_type="application/x-www-form-urlencoded",
            headers={"X-Gitlab-Token": TOKEN},
        )
        assert response.json() == {"locations": []}

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-Other": "x"},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": "Bearer "},
            {"X-Gitlab-Token": "wrong"},
            {"X-Hub-Signature-256": "sha256=" + "0" * 64},
            {"X-Hub-Signature-256": "sha256=é"},
        ],
    )
    def test_refuses_a_missing_or_wrong_token(self, client, headers, caplog, tmp_path):
        make_location(tmp_path)
        response = self.post(client, **headers)
        assert response.status_code == 403
        assert not ImportRun.objects.exists()
        assert TOKEN not in caplog.text + response.text

    def test_signature_covers_the_body(self, client):
        signature = hmac.new(TOKEN.encode(), b"{}", hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={signature}"}
        assert self.post(client, {"target": "/x"}, **headers).status_code == 403

    def test_is_not_there_without_a_token(self, client, settings):
        settings.CATALOG_REFRESH_TOKEN = ""
        assert self.post(client, Authorization="Bearer ").status_code == 404

    @pytest.mark.parametrize("body", ["{", "[]", "\xff", "[" * 100_000])
    def test_says_when_the_body_is_no_json_object(self, client, body):
        response = client.post(
            HOOK, body, content_type="application/json", headers={"X-Gitlab-Token": TOKEN}
        )
        assert response.status_code == 400

    @pytest.mark.parametrize("target", ["\x00", "~nobody", "a\x00b", "https://[", 5])
    def test_takes_strange_targets_for_unknown(self, client, target, monkeypatch):
        assert self.read_of(client, {"target": target}, monkeypatch) == []

    def test_refuses_a_body_that_is_too_large(self, client):
        assert self.post(client, {"x": "x" * 300_000}).status_code == 413

    @pytest.mark.parametrize("length", ["9" * 19, "9" * 30])
    def test_refuses_a_length_that_no_body_has(self, client, length):
        response = client.post(
            HOOK,
            b"{}",
            "application/json",
            headers={"X-Gitlab-Token": TOKEN},
            CONTENT_LENGTH=length,
        )
        assert response.status_code == 413

    def test_refuses_a_body_that_does_not_say_its_length(self, client):
        response = self.post(client, {"target": "/srv"}, **{"Transfer-Encoding": "chunked"})
        assert response.status_code == 411

    def test_only_takes_posts(self, client):
        assert client.get(HOOK).status_code == 405

    def test_a_guesser_is_slowed_down(self, client):
        codes = {self.post(client, Authorization="Bearer no").status_code for _ in range(11)}
        assert codes == {403, 429}
        assert self.post(client).status_code == 202
