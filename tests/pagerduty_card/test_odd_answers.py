"""Answers that are HTTP, or nearly, and that nobody would write down: bytes on a real socket."""

import contextlib
import gzip
import json
import socket
import threading
import time

import pytest

from pagerduty_card.errors import PagerDutyError, Throttled, Unreachable, Unreadable
from pagerduty_card.models import Feed, Incident
from pagerduty_card.syncing import sections
from pagerduty_card.wire.client import PagerDutyClient
from pagerduty_card.wire.quota import DEFAULT_COOL_DOWN_S, MAX_COOL_DOWN_S
from tests.pagerduty_card.factories import incident_json, make_account, page_of
from tests.pagerduty_card.mirror import make_service

pytestmark = [pytest.mark.real_http, pytest.mark.django_db]


class Wire:
    """A port that answers every request with the same bytes, some at a time."""

    def __init__(self, family=socket.AF_INET):
        self.parts, self.pause_s, self.asked = [b""], 0.0, []
        host = "127.0.0.1" if family == socket.AF_INET else "::1"
        self._listener = socket.create_server((host, 0), family=family)
        self._is_over = threading.Event()
        name = host if family == socket.AF_INET else f"[{host}]"
        self.url = f"http://{name}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def says(self, body=b"", *, status="200 OK", headers=(), length=True):
        """Give this answer from now on."""
        sized = [f"Content-Length: {len(body)}"] if length else []
        head = "\r\n".join([f"HTTP/1.1 {status}", *headers, *sized, "", ""])
        self.parts = [head.encode("latin-1") + body]

    def drips(self, data, pause_s):
        """Send one byte, wait, send the next."""
        self.parts, self.pause_s = [data[n : n + 1] for n in range(len(data))], pause_s

    def stop(self):
        self._is_over.set()
        self._listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection, contextlib.suppress(OSError):
            self.asked.append(connection.recv(65_536).split(b"\r\n", 1)[0].decode("latin-1"))
            for part in self.parts:
                connection.sendall(part)
                if self._is_over.wait(self.pause_s):
                    return


@pytest.fixture
def wire():
    made = Wire()
    yield made
    made.stop()


def read(wire, total_budget_s=20):
    account = make_account(api_base_url=wire.url)
    with PagerDutyClient(account, total_budget_s=total_budget_s) as client:
        return client.open_incidents()


def page(*rows, **fields):
    return json.dumps(page_of("incidents", *rows) | fields).encode()


GOOD = page(incident_json())


def test_a_small_answer_that_unpacks_to_a_huge_one_is_given_up(wire):
    bomb = gzip.compress(b'{"incidents": [], "filler": "' + b"x" * (64 * 1024 * 1024) + b'"}')
    assert len(bomb) < 100_000
    wire.says(bomb, headers=["Content-Encoding: gzip"])
    with pytest.raises(Unreadable, match="too large"):
        read(wire)


def test_what_is_not_packed_as_it_says_cannot_be_read(wire):
    wire.says(GOOD, headers=["Content-Encoding: gzip"])
    with pytest.raises(Unreadable, match="not encoded as it says"):
        read(wire)


def test_a_login_page_elsewhere_is_not_followed(wire):
    wire.says(status="302 Found", headers=["Location: https://login.example/"])
    with pytest.raises(Unreadable, match="302"):
        read(wire)
    assert len(wire.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[]", id="a-list"),
        pytest.param(b'"no"', id="a-text"),
        pytest.param('{"incidents": ["é"]}'.encode("latin-1"), id="another-charset"),
        pytest.param(b"[" * 200_000, id="deep"),
        pytest.param(b'{"incidents": ' + b"[" * 200_000, id="deep-inside"),
        pytest.param(b"\xef\xbb\xbf\x00", id="bytes"),
        pytest.param(page(more="yes"), id="more-is-a-word"),
        pytest.param(page(incident_json(incident_number=10**30)), id="a-number-too-large"),
        pytest.param(
            page(incident_json(created_at="0001-01-01T00:00:00+14:00")), id="before-all-time"
        ),
        pytest.param(
            page(incident_json(created_at="9999-12-31T23:59:59-12:00")), id="after-all-time"
        ),
    ],
)
def test_what_is_no_answer_to_the_question_cannot_be_read(wire, body):
    wire.says(body)
    with pytest.raises(Unreadable):
        read(wire)


def test_a_charset_that_is_told_wrong_harms_nothing(wire):
    wire.says(
        page(incident_json(title="Zürich")), headers=["Content-Type: application/json;charset=x"]
    )
    assert read(wire)[0].title == "Zürich"


def test_more_is_promised_than_is_sent(wire):
    wire.parts = [b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + GOOD]
    with pytest.raises(Unreadable, match="cut off"):
        read(wire)


def test_less_is_promised_than_is_sent(wire):
    wire.parts = [b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" + GOOD]
    with pytest.raises(Unreadable):
        read(wire)


def test_the_oldest_http_is_read_to_its_end(wire):
    wire.parts = [b"HTTP/1.0 200 OK\r\n\r\n" + GOOD]
    assert len(read(wire)) == 1


def test_ip_version_6_is_spoken():
    wire = Wire(socket.AF_INET6)
    try:
        wire.says(GOOD)
        assert len(read(wire)) == 1
    finally:
        wire.stop()


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 400, b"x" * 400])
def test_headers_that_drip_end_with_the_time(wire, data):
    wire.drips(data, pause_s=0.05)  # twenty seconds in all, and no pause that a time-out would see
    started = time.monotonic()
    with pytest.raises(Unreachable, match="in time"):
        read(wire, total_budget_s=0.3)
    assert time.monotonic() - started < 10


def test_an_answer_without_a_length_that_is_cut_for_its_time_is_not_whole(wire):
    wire.drips(b"HTTP/1.0 200 OK\r\n\r\n" + GOOD, pause_s=0.01)
    with pytest.raises(Unreachable, match="in time"):
        read(wire, total_budget_s=0.3)


@pytest.mark.parametrize("scheme", ["http://no-such-host.invalid", "https://{}"])
def test_a_host_that_cannot_be_spoken_to_took_nothing(wire, scheme):
    wire.url = scheme.format(wire.url.removeprefix("http://"))
    wire.says(GOOD)
    with pytest.raises(Unreachable) as caught:
        read(wire)
    assert not caught.value.maybe_taken
    assert caught.value.detail == "No connection to PagerDuty."


@pytest.mark.parametrize(
    ("headers", "waits_s"),
    [
        ([], DEFAULT_COOL_DOWN_S),
        (["Retry-After: 17"], 17),
        (["Retry-After: Fri, 31 Dec 1999 23:59:59 GMT"], DEFAULT_COOL_DOWN_S),
        (["ratelimit-reset: 9", "Retry-After: 17"], 9),
        (["ratelimit-reset: -5"], DEFAULT_COOL_DOWN_S),
        (["ratelimit-reset: soon"], DEFAULT_COOL_DOWN_S),
        (["ratelimit-reset: nan"], DEFAULT_COOL_DOWN_S),
        (["ratelimit-reset: 86400"], MAX_COOL_DOWN_S),
        (["ratelimit-reset: 999999999999999"], DEFAULT_COOL_DOWN_S),
    ],
)
def test_a_cool_down_is_as_long_as_it_says_within_reason(wire, headers, waits_s):
    wire.says(status="429 Too Many Requests", headers=headers)
    with pytest.raises(Throttled) as caught:
        read(wire)
    assert caught.value.retry_after_s == waits_s


@pytest.mark.parametrize("date", ["garbage", "Mon, 01 Jan 0001 00:00:00 +1400", "7"])
def test_a_clock_that_is_told_wrong_harms_nothing(wire, date):
    wire.says(GOOD, headers=[f"Date: {date}", "ratelimit-limit: x", "ratelimit-remaining: -1"])
    assert len(read(wire)) == 1


def test_of_a_request_id_only_what_can_be_kept_is_kept(wire):
    wire.says(b"{}", headers=["X-Request-Id: a\x01<b>\x85" + "c" * 200])
    with pytest.raises(PagerDutyError) as caught:
        read(wire)
    assert caught.value.request_id == "a<b>" + "c" * 60


def test_text_that_no_database_keeps_is_kept_without_it(wire):
    make_service("PCHKOUT")
    wire.says(page(incident_json(title="half a \ud83d smile \0")))
    account = make_account(api_base_url=wire.url)
    with PagerDutyClient(account) as client:
        sections.sync_incidents(account, client)
    assert Incident.objects.get().title == "half a  smile "
    assert Feed.objects.get(kind=Feed.Kind.INCIDENTS).succeeded_at


def test_the_same_incident_on_two_pages_is_one(wire):
    make_service("PCHKOUT")
    wire.says(page(incident_json(1), incident_json(2), incident_json(1)))
    account = make_account(api_base_url=wire.url)
    with PagerDutyClient(account) as client:
        sections.sync_incidents(account, client)
    assert sorted(Incident.objects.values_list("number", flat=True)) == [1, 2]


def test_pages_that_are_shorter_than_asked_for_lose_nothing(wire):
    wire.says(page(incident_json(1), limit=1, more=True))
    with contextlib.suppress(Unreadable):
        read(wire)
    assert [line.partition("offset=")[2].split()[0] for line in wire.asked] == ["0", "1"]
