"""The shared cache: what a portal with Redis does while Redis is away, and when it is back."""

import pathlib
import pickle
import re
import runpy
import socket
import socketserver
import threading

import pytest
import redis
from django.conf import settings as django_settings
from django.core.cache import cache, caches
from django.core.checks import run_checks
from django.test import override_settings
from django.urls import reverse
from huey import RedisHuey
from huey.contrib.djhuey import HUEY

from pagerduty_card import tasks  # noqa: F401 -- puts its work on the schedule
from pagerduty_card.models import TriggeredIncident
from portal import cache as portal_cache
from portal import redis_cache
from portal.tasks import run_once
from tests.factories import make_user
from tests.pagerduty_card.mirror import make_feeds, make_incident, make_mapped_entity, make_service

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENQUEUE = "https://events.pagerduty.com/v2/enqueue"


def cache_at(port, **options):
    at_port = {
        "BACKEND": "portal.redis_cache.RedisCache",
        "LOCATION": f"redis://:hunter2secret@127.0.0.1:{port}/0",
        "OPTIONS": options,
    }
    return {**django_settings.CACHES, "default": at_port}


@pytest.fixture
def refused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def away(refused_port):
    """Redis is configured, and nobody listens where it should be."""
    redis_cache._outages.clear()
    with override_settings(CACHES=cache_at(refused_port)):
        yield caches["default"]
    redis_cache._outages.clear()


def test_with_redis_url_this_is_the_backend():
    if django_settings.REDIS_URL:
        assert issubclass(type(caches["default"]), redis_cache.RedisCache)
    else:
        assert django_settings.CACHES["default"]["BACKEND"].endswith("LocalCache")


def test_an_outage_is_an_empty_cache(away):
    away.set("key", "value", 30)
    assert away.get("key") is None
    assert away.get("key", "default") == "default"
    assert away.get_many(["key", "other"]) == {}
    assert away.set_many({"key": 1}) == []
    assert away.add("lock", 1, 30) is True
    assert away.incr("count") == 1
    assert away.touch("key") is False
    assert away.has_key("key") is False
    assert "key" not in away
    assert away.delete("key") is False
    assert away.delete_many(["key"]) is None
    assert away.get_or_set("key", lambda: "made", 30) == "made"
    assert away.clear() is True


def test_an_outage_is_logged_once_a_minute_without_the_password(away, caplog, monkeypatch):
    monkeypatch.setattr(redis_cache, "PAUSE_S", 0.0)
    for _ in range(20):
        away.get("key")
    (line,) = [one for one in caplog.records if "redis" in one.message]
    assert "hunter2secret" not in str(vars(line))
    monkeypatch.setattr(redis_cache, "LOG_EVERY_S", 0.0)
    redis_cache._outages.clear()
    for _ in range(3):
        caches["default"].__class__(away._servers[0], {}).get("key")
    assert len([one for one in caplog.records if "redis" in one.message]) == 4


@pytest.mark.real_http
def test_a_redis_that_hangs_is_waited_for_once_not_for_each_look_up():
    """A listener that accepts and says nothing."""
    redis_cache._outages.clear()
    accepted = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept():
            while True:
                try:
                    accepted.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        with override_settings(CACHES=cache_at(server.getsockname()[1], socket_timeout=0.1)):
            for number in range(50):
                assert caches["default"].get(f"key-{number}") is None
    assert len(accepted) == 1
    for one in accepted:
        one.close()
    redis_cache._outages.clear()


@pytest.fixture
def silent_port():
    """A listener that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def refusing_port():
    """A listener that answers each command as a Redis without the database that it names."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            while self.connection.recv(4096):
                self.wfile.write(b"-ERR DB index is out of range\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.real_http
def test_a_queue_that_hangs_holds_nobody_who_wakes_the_worker(silent_port, monkeypatch):
    for query in ("", "?protocol=2"):
        monkeypatch.setenv("REDIS_URL", f"redis://:pw@127.0.0.1:{silent_port}/0{query}")
        url = runpy.run_path(str(ROOT / "portal/settings.py"))["HUEY"]["connection"]["url"]
        assert "socket_timeout=3" in url
        queue = RedisHuey("test", url=url.replace("socket_timeout=3", "socket_timeout=0.1"))
        with pytest.raises(redis.TimeoutError):
            queue.storage.enqueue(b"a task")


@pytest.mark.real_http
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("port", "said"),
    [
        ("refused_port", "does not answer: "),
        ("silent_port", "does not answer: "),
        ("refusing_port", "refuses the address: DB index is out of range."),
    ],
)
def test_a_redis_that_cannot_be_used_is_named_before_a_deployment(port, said, request, settings):
    asked = {"tags": ["database"], "databases": ["default"]}
    settings.REDIS_URL = f"redis://:hunter2secret@127.0.0.1:{request.getfixturevalue(port)}/0"
    (found,) = [one for one in run_checks(**asked) if one.id == "portal.W021"]
    assert f"The Redis of REDIS_URL {said}" in found.msg
    assert "Correct REDIS_URL" in found.hint
    assert "hunter2" not in str(found)
    settings.REDIS_URL = ""
    assert "portal.W021" not in {one.id for one in run_checks(**asked)}


@pytest.mark.real_http
def test_redis_is_asked_again_when_it_is_back(refused_port, monkeypatch):
    redis_cache._outages.clear()
    monkeypatch.setattr(redis_cache, "PAUSE_S", 0.0)
    with override_settings(CACHES=cache_at(refused_port, protocol=2)):
        cache = caches["default"]
        assert cache.get("key") is None
        with socket.create_server(("127.0.0.1", refused_port)) as server:
            threading.Thread(target=_be_redis, args=(server,), daemon=True).start()
            assert cache.get("key") == 42
    redis_cache._outages.clear()


class RunsCode:
    """Its pickle makes a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


@pytest.mark.real_http
@pytest.mark.parametrize("is_signed_by_others", [False, True])
def test_a_value_that_somebody_else_wrote_is_missing_and_not_run(
    refused_port, tmp_path, caplog, settings, is_signed_by_others
):
    made = tmp_path / "made"
    planted = pickle.dumps(RunsCode(made))
    if is_signed_by_others:
        settings.SECRET_KEY = "another key" * 9
        planted = redis_cache.SignedSerializer().dumps(RunsCode(made))
        settings.SECRET_KEY = "our key" * 9
    redis_cache._outages.clear()
    with (
        override_settings(CACHES=cache_at(refused_port, protocol=2)),
        socket.create_server(("127.0.0.1", refused_port)) as server,
    ):
        threading.Thread(target=_be_redis, args=(server, planted), daemon=True).start()
        assert caches["default"].get("key", "missing") == "missing"
        assert caches["default"].get("key", "missing") == "missing"
    assert not made.exists()
    assert len([one for one in caplog.records if "not signed" in one.message]) == 1
    redis_cache._outages.clear()


def test_a_signed_value_comes_back():
    serializer = redis_cache.SignedSerializer()
    for value in ({"a": [1, 2.5, None]}, "text", True, 42, -1):
        stored = serializer.dumps(value)
        assert serializer.loads(stored if isinstance(stored, bytes) else b"%d" % stored) == value


def test_a_planted_task_is_not_run(tmp_path):
    made = tmp_path / "made"
    HUEY.storage.enqueue(pickle.dumps(RunsCode(made)))
    with pytest.raises(ValueError, match=r"not found|mismatch"):
        HUEY.dequeue()
    assert not made.exists()
    assert HUEY.dequeue() is None


def _be_redis(server, value=b"42"):
    """Answer the value to every GET and OK to everything else."""
    connection, _ = server.accept()
    found = b"$%d\r\n%s\r\n" % (len(value), value)
    with connection:
        while data := connection.recv(65_536):
            for command in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)", data):
                connection.sendall(found if command == b"GET" else b"+OK\r\n")


@pytest.mark.django_db
class TestThePortalWithoutItsCache:
    @pytest.fixture(autouse=True)
    def _world(self, away, settings):
        settings.PAGERDUTY_TOKEN = "test-token-0123456789"
        self.entity = make_mapped_entity()
        self.service = make_service()
        make_feeds()
        make_incident(self.service, title="Payments time out")
        self.user = make_user(permissions=("pagerduty_card.trigger_incident",))

    def test_pages_render_and_the_card_says_its_state(self, client):
        client.force_login(self.user)
        for url in (reverse("catalog:home"), reverse("catalog:index")):
            assert client.get(url).status_code == 200
        text = client.get(self.entity.get_absolute_url()).text
        assert "Payments time out" in text
        assert "ALARM" in text

    def test_one_can_sign_in_and_stays_so(self, client):
        answer = client.post(
            reverse("sign-in"), {"username": self.user.username, "password": "secret"}
        )
        assert answer.status_code == 302
        assert client.get(self.entity.get_absolute_url()).status_code == 200

    def test_the_on_call_can_be_paged(self, client, http):
        sent = http.post(
            ENQUEUE, status=202, json={"status": "success", "message": "Event processed"}
        )
        client.force_login(self.user)
        url = reverse("pagerduty_card:trigger", kwargs=self.entity.url_kwargs)
        form = client.get(url).context["form"]
        answer = client.post(
            url,
            {
                "service": "default/PCHKOUT",
                "description": "Payments time out",
                "severity": "error",
                "details": "",
                "key": form["key"].value(),
            },
        )
        assert answer.status_code == 303, answer.text
        assert sent.call_count == 1
        assert TriggeredIncident.objects.get().state == TriggeredIncident.State.ACCEPTED

    def test_work_that_comes_round_runs(self, settings):
        settings.PAGERDUTY_TOKEN = ""  # nothing is asked
        assert run_once("pagerduty_card.tasks.sync_accounts")

    def test_the_portal_stays_ready_and_says_that_the_cache_keeps_nothing(self, client):
        answer = client.get("/healthz/ready")
        assert answer.status_code == 200
        assert answer.json()["cache"] == "does not keep what it is given"


def test_the_cache_of_a_process_is_bounded_by_its_size_and_forgets_what_is_used_least():
    local = portal_cache.LocalCache("bounded", {"OPTIONS": {"max_bytes": 20_000}})
    local.set("used", b"x" * 1_000)
    for number in range(100):
        local.set(number, b"x" * 1_000)
        assert local.get("used")
        assert local.held_bytes <= 20_000
    assert local.get(99)
    assert local.get(1) is None
    held = local.held_bytes
    local.set(99, b"y" * 1_000)
    assert local.held_bytes == held
    local.set(99, b"x" * 30_000)
    assert local.get(99) is None
    local.delete("used")
    local.clear()
    assert local.held_bytes == 0


def test_what_is_kept_is_compressed_and_what_cannot_be_read_is_nothing(caplog):
    page = "<p>The same again.</p>" * 1_000
    portal_cache.keep("page", page, 60)
    assert portal_cache.kept("page") == page
    key = f"{portal_cache._release()}:page"
    assert len(cache.get(key)) < len(page) / 10
    cache.set(key, b"\x80of another release", 60)
    assert portal_cache.kept("page") is None
    assert "did not answer" in caplog.text
