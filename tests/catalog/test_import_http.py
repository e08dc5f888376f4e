"""Addresses: only news is asked for, and an unchanged answer is as good as an unchanged file."""

import contextlib
import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import time_machine
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from responses import matchers

from catalog.ingestion import remote
from catalog.models import Entity, Location, SourceFile
from tests.catalog.sources import api, component, imported, location, write

pytestmark = pytest.mark.django_db

ROOT = "https://git.example.com/main/all.yaml"
PART = "https://git.example.com/main/api.txt"


def conditional(tag):
    return [matchers.header_matcher({"If-None-Match": tag})]


def unconditional(request):
    return "If-None-Match" not in request.headers, "asks for news only"


API = api({"$text": "./api.txt"})


def test_an_address_that_says_unchanged_is_not_parsed(http):
    http.get(ROOT, body=component("a"), headers={"ETag": '"v1"'}, match=[unconditional])
    imported(ROOT)
    http.get(ROOT, status=304, match=conditional('"v1"'))
    report, parsed = imported(ROOT)
    assert (report.unchanged, parsed) == (1, 0)
    http.remove("GET", ROOT)
    http.get(ROOT, body=component("b"), headers={"ETag": '"v2"'}, match=conditional('"v1"'))
    report, _parsed = imported(ROOT)
    assert (report.created, report.orphaned) == (1, 1)
    assert SourceFile.objects.get().etag == '"v2"'


def test_the_same_bytes_without_marks_are_not_parsed_either(http):
    http.get(ROOT, body=component("a"))
    imported(ROOT)
    assert imported(ROOT)[1] == 0


@pytest.mark.parametrize("change", ["row", "rule"])
def test_what_must_be_parsed_is_asked_for_whole(http, change):
    http.get(ROOT, body=component("a"), headers={"ETag": '"v1"'}, match=[unconditional])
    imported(ROOT)
    if change == "row":
        Entity.objects.all().delete()
    else:
        Location.objects.update(allowed_kinds=["Component"])
    report, parsed = imported(ROOT)
    assert parsed == 1
    assert report.created == (change == "row")


def test_a_target_of_an_unchanged_address_is_asked_for_news(http):
    http.get(ROOT, body=location("./a.yaml"), headers={"ETag": '"r"'}, match=[unconditional])
    target = "https://git.example.com/main/a.yaml"
    http.get(target, body=component("a"))
    imported(ROOT)
    http.get(ROOT, status=304, match=conditional('"r"'))
    http.replace("GET", target, body=component("a", owner="others"))
    report, parsed = imported(ROOT)
    assert (report.changed, parsed) == (1, 1)


def test_what_a_placeholder_stands_for_is_asked_for_news_too(http):
    http.get(ROOT, body=API, headers={"ETag": '"r"'}, match=[unconditional])
    http.get(PART, body="one", headers={"ETag": '"p1"'}, match=[unconditional])
    imported(ROOT)
    http.get(ROOT, status=304, match=conditional('"r"'))
    news = http.get(PART, status=304, match=conditional('"p1"'))
    assert imported(ROOT)[1] == 0
    http.remove(news)
    http.get(PART, body="two", headers={"ETag": '"p2"'}, match=conditional('"p1"'))
    report, parsed = imported(ROOT)
    assert (report.changed, parsed) == (1, 1)
    assert Entity.objects.get().spec["definition"] == "two"


def test_a_host_in_trouble_takes_nothing_away(http):
    http.get(ROOT, body=API)
    http.get(PART, body="one")
    imported(ROOT)
    http.replace("GET", PART, status=503)
    report, parsed = imported(ROOT)
    assert (report.unchanged, parsed) == (1, 0)
    http.replace("GET", ROOT, status=503)
    http.remove("GET", PART)
    report, _parsed = imported(ROOT)
    assert report.incomplete == [ROOT]
    assert report.gone == 0
    assert Entity.objects.get().spec["definition"] == "one"


def test_a_pattern_in_an_address_is_said_not_to_be_read(http):
    http.get(ROOT, body=location("./teams/*.yaml"))
    report, _parsed = imported(ROOT)
    assert "expanded on disk only" in report.issues[0].problems[0].message


def test_a_file_that_leads_to_an_address_keeps_its_own_place(http, tmp_path):
    http.get(ROOT, body=component("far"))
    root = write(tmp_path / "all.yaml", location(ROOT), component("near"))
    imported(root)
    http.replace("GET", ROOT, status=404)
    report, parsed = imported(root)
    assert (report.issues[0].file, report.issues[0].line, parsed) == (str(root), 7, 0)
    assert report.orphaned == 1


def test_a_host_that_does_not_answer_is_not_asked_for_every_file(http, tmp_path):
    urls = [f"https://dead.example.com/{number}.yaml" for number in range(5)]
    for url in urls[:2]:
        http.get(url, body=requests.Timeout())
    http.get("https://git.example.com/a.yaml", body=component("alive"))
    root = write(tmp_path / "all.yaml", location(*urls, "https://git.example.com/a.yaml"))
    report, _parsed = imported(root)
    said = [issue.problems[0].message for issue in report.issues]
    assert ["did not answer before" in text for text in said] == [False] * 2 + [True] * 3
    assert report.created == 2


def test_a_file_that_names_hundreds_of_dead_hosts_costs_a_bounded_number_of_attempts(
    http, tmp_path
):
    urls = [f"https://dead{number}.example.com/a.yaml" for number in range(300)]
    tried = []

    def dead(request):
        tried.append(request.url)
        raise requests.ConnectionError

    for url in urls:
        http.add_callback("GET", url, dead)
    http.assert_all_requests_are_fired = False
    http.get("https://git.example.com/a.yaml", body=component("alive"))
    bad = write(tmp_path / "bad.yaml", location(*urls), component("near"))
    good = write(tmp_path / "good.yaml", location("https://git.example.com/a.yaml", name="good"))
    report, _parsed = imported(bad, good)
    assert len(tried) < 70  # fifty, and those that were begun beside the last of them
    assert report.created == 4
    said = [issue.problems[0].message for issue in report.issues]
    assert said[-1] == f"{len(urls) - 10} more targets couldn't be read"
    count = len(urls) - len(tried)
    (notice,) = [one for one in report.notices if "asked for" in one.message]
    assert (notice.file, notice.message.partition(":")[0]) == (
        str(bad),
        f"{count} targets were not asked for",
    )


@pytest.mark.parametrize(
    ("headers", "until"),
    [
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "Sun, 01 Nov 2026 09:05:00 GMT"}, 300),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1793524200"}, 600),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "90"}, 90),
        ({"Retry-After": "999999"}, 3600),
        ({"Retry-After": "soon"}, 60),
        ({}, 60),
    ],
)
def test_a_busy_host_is_asked_again_when_it_says_and_not_before(http, headers, until):
    start = dt.datetime(2026, 11, 1, 9, 0, tzinfo=dt.UTC)
    busy = http.get(ROOT, status=429, headers=headers)
    with time_machine.travel(start, tick=False) as traveller:
        for later in (0, until - 1):
            traveller.move_to(start + dt.timedelta(seconds=later))
            cache.clear()  # as in a process that was just started
            report, _parsed = imported(ROOT)
            again = start + dt.timedelta(seconds=until)
            said = report.issues[0].problems[0].message
            assert f"asked again at {again:%H:%M:%S} UTC" in said
            assert busy.call_count == 1
        with pytest.raises(SystemExit):
            call_command("import_catalog", ROOT, "--dry-run")
        assert busy.call_count == 1
        traveller.move_to(start + dt.timedelta(seconds=until + 1))
        imported(ROOT)
        assert busy.call_count == 2


@pytest.mark.django_db(transaction=True)
def test_two_processes_that_find_busy_hosts_at_once_note_both(http, monkeypatch):
    urls = [f"https://{name}.example.com/all.yaml" for name in "ab"]
    answers = [http.get(url, status=429, headers={"Retry-After": "120"}) for url in urls]
    both, read = threading.Barrier(2), remote._load_busy

    def slow_read():
        found = read()
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.5)
        return found

    def import_one(url):
        with contextlib.closing(connection):
            imported(url)

    monkeypatch.setattr(remote, "_load_busy", slow_read)
    with ThreadPoolExecutor() as pool:
        list(pool.map(import_one, urls))
    imported(*urls)
    assert [one.call_count for one in answers] == [1, 1]


@pytest.mark.real_http
def test_a_host_is_asked_for_several_files_at_once_and_never_for_more_than_four(tmp_path, settings):
    at_once, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(4)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            nonlocal at_once, most
            with lock:
                at_once += 1
                most = max(most, at_once)
            if self.path != "/0.yaml":
                together.wait(20)  # four come at once, or none of them is answered
            body = component(f"c{self.path[1:-5]}").encode()
            with lock:
                at_once -= 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        settings.CATALOG_READING_ALLOW = [f"127.0.0.1:{server.server_port}", str(tmp_path)]
        try:
            urls = [f"http://127.0.0.1:{server.server_port}/{number}.yaml" for number in range(13)]
            report, _parsed = imported(write(tmp_path / "all.yaml", location(*urls)))
        finally:
            server.shutdown()
            thread.join()
    assert (report.created, most) == (14, 4)
