"""What is read over HTTP, and from where it never is."""

import gzip
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
from responses import matchers

from catalog.ingestion.allow import Allowance
from catalog.ingestion.answers import FetchError
from catalog.ingestion.fetch import fetch

URL = "https://git.example.com/all.yaml"
ANY = Allowance()


def read(url=URL, allow=ANY, max_bytes=1000):
    return fetch(url, allow=allow, max_bytes=max_bytes).data


def refusal(url=URL, allow=ANY, max_bytes=1000):
    with pytest.raises(FetchError) as caught:
        read(url, allow, max_bytes)
    return str(caught.value)


def test_reads_a_body(http):
    http.get(URL, body="a: ü".encode())
    assert read() == "a: ü".encode()


def test_stops_at_the_size_limit_even_when_compressed(http):
    http.get(URL, body=gzip.compress(b"x" * 100_000), headers={"Content-Encoding": "gzip"})
    assert "larger than 1,000 bytes" in refusal()


PAGE = {"content_type": "text/html; charset=utf-8"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 404}, "nothing here (HTTP 404)"),
        ({"status": 410}, "nothing here (HTTP 410)"),
        ({"status": 401}, "asks for a sign-in (HTTP 401)"),
        ({"status": 403}, "forbids reading it (HTTP 403)"),
        ({"status": 429}, "busy (HTTP 429)"),
        ({"status": 403, "headers": {"X-RateLimit-Remaining": "0"}}, "busy (HTTP 403)"),
        ({"status": 503, "headers": {"Retry-After": "7"}}, "busy (HTTP 503)"),
        ({"status": 500}, "HTTP 500"),
        ({"status": 204}, "HTTP 204"),
        ({"body": "<html>", **PAGE}, "a web page, not a file"),
        ({"body": "<!DOCTYPE html><p>", "content_type": "text/plain"}, "a web page, not a file"),
        ({"body": "<html><title>Sign in · x</title>", **PAGE}, "a sign-in page"),
        ({"body": "<html><input type='password'>", "status": 203}, "a sign-in page"),
        ({"status": 302, "headers": {"Location": "/users/sign_in"}}, "a sign-in page"),
        ({"status": 302, "headers": {"Location": "https://id.x.io/login?to=x"}}, "a sign-in page"),
        ({"body": requests.Timeout()}, "no answer"),
        ({"body": requests.ConnectionError("secret detail")}, "no connection"),
    ],
)
def test_says_why_an_address_cannot_be_read(http, answer, words):
    http.get(URL, **answer)
    said = refusal()
    assert words in said
    assert "secret detail" not in said


@pytest.mark.parametrize("status", [401, 403])
def test_says_that_the_token_does_not_let_it_read(http, status):
    http.get(URL, status=status)
    said = refusal(allow=Allowance.of([], tokens=["git.example.com=hunter2"]))
    assert f"the token in CATALOG_HOST_TOKENS read it (HTTP {status})" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "url",
    [
        *(
            "ftp://a.example.com/x",
            "file:///etc/passwd",
            "https:///x",
            "https://[::1",
            "http://a:b",
        ),
        *("https://user:token@git.example.com/x", "gopher://x"),
    ],
)
def test_refuses_what_is_no_plain_address(url):
    assert "token" not in refusal(url)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *(
            "[::1]",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "224.0.0.1",
            *("[::7f00:1]", "[::ffff:0:7f00:1]", "[64:ff9b:1::1]", "[fec0::1]", "168.63.129.16"),
            *("192.0.0.192", "192.0.0.1", "[::ffff:192.0.0.192]", "100.100.100.200"),
            *("[2002:7f00:1::]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]"),
            *("[2620:0:1::5efe:127.0.0.1]", "[2620:0:1::200:5efe:10.0.0.1]", "[::ffff:a83f:8110]"),
        ),
    ],
)
def test_refuses_private_addresses(host):
    said = refusal(f"http://{host}/x")
    assert "is not a public host" in said


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1/x", "http://[::1]/", "http://169.254.169.254/"]
)
def test_refuses_a_redirect_to_a_private_address(http, target):
    http.get("http://git.example.com/", status=302, headers={"Location": target})
    assert "redirects to another host" in refusal("http://git.example.com/")


def test_refuses_a_redirect_from_https_to_http(http):
    http.get(URL, status=301, headers={"Location": "http://git.example.com/all.yaml"})
    assert "less safe" in refusal()


def test_follows_a_redirect_and_gives_up_on_a_circle(http):
    http.get(URL, status=302, headers={"Location": "/b.yaml"})
    http.get("https://git.example.com/b.yaml", body="a: 1")
    assert read() == b"a: 1"
    http.replace("GET", "https://git.example.com/b.yaml", status=302, headers={"Location": URL})
    assert "more than 5 times" in refusal()


@pytest.mark.parametrize(
    ("entries", "url", "allowed"),
    [
        (["git.example.com"], "https://git.example.com/", True),
        (["*.example.com"], "https://GIT.example.com/", True),
        (["*.example.com"], "https://example.com/", False),
        (["*.example.com"], "https://git.example.com.evil.net/", False),
        (["other.example.com"], "https://git.example.com/", False),
        (["/srv/catalog"], "https://git.example.com/", False),
    ],
)
def test_reads_only_hosts_that_are_listed_once_any_is(http, entries, url, allowed):
    allow = Allowance.of(entries)
    if allowed:
        http.get(url, body="x")
        assert read(url, allow) == b"x"
    else:
        assert "may not be read" in refusal(url, allow)


def test_a_redirect_to_a_host_that_is_not_listed_is_refused(http):
    http.get(URL, status=302, headers={"Location": "https://elsewhere.example.org/"})
    assert "redirects to another host, elsewhere.example.org" in refusal(
        allow=Allowance.of(["git.example.com"])
    )


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example.org/all.yaml", "https://git.example.com:8443/all.yaml"]
)
def test_a_redirect_stays_on_its_host_unless_the_other_is_named(http, target):
    http.get(URL, status=302, headers={"Location": target})
    assert "redirects to another host" in refusal()
    http.get(target, body="a: 1")
    listed = ["*.example.com", "git.example.com:8443", "elsewhere.example.org"]
    assert read(allow=Allowance.of(listed)) == b"a: 1"


def test_asks_only_for_a_version_that_it_does_not_know(http):
    http.get(URL, body="a: 1", headers={"ETag": '"v1"', "Last-Modified": "Mon, 23 Nov 2026"})
    found = fetch(URL, allow=ANY, max_bytes=1000)
    assert found == (b"a: 1", '"v1"', "Mon, 23 Nov 2026")
    asked = matchers.header_matcher(
        {"If-None-Match": '"v1"', "If-Modified-Since": "Mon, 23 Nov 2026"}
    )
    http.replace("GET", URL, status=304, match=[asked])
    again = fetch(URL, allow=ANY, max_bytes=1000, etag=found.etag, last_modified=found[2])
    assert again == (None, '"v1"', "Mon, 23 Nov 2026")


def test_a_host_may_not_say_unchanged_of_what_nobody_knows(http):
    http.get(URL, status=304)
    assert "HTTP 304" in refusal()


@contextmanager
def server(answer):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self)

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield httpd.server_port
        finally:
            httpd.shutdown()
            thread.join()


def refused_by(port):
    return refusal(f"http://127.0.0.1:{port}/", Allowance.of([f"127.0.0.1:{port}"]))


def hello(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "5")
    handler.end_headers()
    handler.wfile.write(b"hello")


@pytest.mark.real_http
def test_a_name_that_resolves_to_a_private_address_is_refused_when_it_connects():
    for host in ("localhost", "2130706433", "0x7f000001"):
        assert "is not a public host" in refusal(f"http://{host}/")


@pytest.mark.real_http
def test_a_listed_host_may_be_private():
    with server(hello) as port:
        for host in ("localhost", "127.0.0.1"):
            url = f"http://{host}:{port}/"
            assert read(url, Allowance.of([f"{host}:{port}"])) == b"hello"
            assert f"port {port} of host" in refusal(url, Allowance.of([host]))


@pytest.mark.real_http
@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "169.254.169.254", "::1", "168.63.129.16", "192.0.0.192", "100.100.100.200"],
)
def test_a_listed_name_does_not_lead_to_the_machine_itself(monkeypatch, address):
    def resolve(host, port, *args, **kwargs):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    said = refusal("http://git.example.com/", Allowance.of(["*.example.com"]))
    assert "leads to this machine" in said
    assert address not in said


@pytest.mark.real_http
def test_connects_to_the_address_it_checked(monkeypatch):
    asked = []
    real = socket.getaddrinfo

    def rebinding(host, port, *args, **kwargs):
        if host == "rebind.example.com":
            asked.append(host)
            host = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return real(host, port, *args, **kwargs)

    connected = []

    def refuse(address, **kwargs):
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert "no connection" in refusal("http://rebind.example.com/")
    assert connected == ["93.184.216.34"]
    assert asked == ["rebind.example.com"]


@pytest.mark.real_http
def test_the_proxy_of_the_environment_is_not_used(monkeypatch):
    with server(hello) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setattr(
            socket, "create_connection", lambda *a, **k: (_ for _ in ()).throw(OSError())
        )
        assert "no connection" in refusal("http://93.184.216.34/")


def answering(head, body=b""):
    """A handler that sends these very bytes and hangs up."""

    def answer(handler):
        handler.wfile.write(b"HTTP/1.1 " + head + b"\r\n\r\n" + body)
        handler.close_connection = True

    return answer


@pytest.mark.real_http
@pytest.mark.parametrize(
    ("head", "body", "words"),
    [
        (b"200 OK\r\nContent-Length: 100", b"kind: Comp", "broke off"),
        (b"200 OK\r\nTransfer-Encoding: chunked", b"5\r\nkin", "broke off"),
        (b"200 OK\r\nTransfer-Encoding: chunked", b"ZZ\r\nkin", "broke off"),
        (b"200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4", b"kind", "broke off"),
        (b"302 Found\r\nLocation: http://[::1/\r\nContent-Length: 0", b"", "not an address"),
    ],
)
def test_an_answer_that_breaks_off_is_refused_and_breaks_nothing(head, body, words):
    with server(answering(head, body)) as port:
        assert words in refused_by(port)


@pytest.mark.real_http
def test_a_host_that_says_no_more_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("catalog.ingestion.fetch.READ_TIMEOUT_S", 0.2)
    over = threading.Event()

    def stall(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nkind")
        handler.wfile.flush()
        over.wait(20)

    with server(stall) as port:
        try:
            assert "no answer" in refusal(
                f"http://127.0.0.1:{port}/", Allowance.of([f"127.0.0.1:{port}"])
            )
        finally:
            over.set()


@pytest.mark.real_http
def test_a_host_that_drips_its_header_is_cut_off(monkeypatch):
    monkeypatch.setattr("catalog.ingestion.fetch.BUDGET_S", 0.3)
    sent = []

    def drip(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        for _time in range(400):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return
            sent.append(1)
            threading.Event().wait(0.05)

    with server(drip) as port:
        assert "to its end" in refusal(
            f"http://127.0.0.1:{port}/", Allowance.of([f"127.0.0.1:{port}"])
        )
    assert len(sent) < 400


@pytest.mark.parametrize(
    ("entry", "url", "header"),
    [
        ("github.com=tok", "https://raw.githubusercontent.com/a/b/main/c.yaml", "Bearer tok"),
        ("git.x.io=tok", "https://git.x.io/c.yaml", "Bearer tok"),
        ("dev.azure.com=tok", "https://dev.azure.com/a/_apis/git/x", "Basic OnRvaw=="),
        ("git.x.io=tok", "http://git.x.io/c.yaml", None),
        ("git.x.io=tok", "https://x.io/c.yaml", None),
        ("git.x.io=tok", "https://git.x.io:8443/c.yaml", "Bearer tok"),
        ("git.x.io:8443=tok", "https://git.x.io:8443/c.yaml", "Bearer tok"),
        ("git.x.io:8443=tok", "https://git.x.io/c.yaml", None),
    ],
)
def test_shows_a_token_to_its_host_alone(http, entry, url, header):
    http.get(url, body="a: 1")
    allowed = ["git.x.io:8443"] if ":8443" in url else []
    read(url, Allowance.of(allowed, tokens=[entry]))
    assert http.calls[0].request.headers.get("Authorization") == header


def test_shows_gitlab_its_own_header_and_no_token_after_a_redirect(http):
    url, other = "https://git.x.io/g/p/-/raw/main/c.yaml", "https://cdn.x.io/c.yaml"
    http.get(url, status=302, headers={"Location": other})
    http.get(other, body="a: 1")
    read(url, Allowance.of(["*.x.io"], tokens=["git.x.io=tok"]))
    sent = [call.request.headers.get("PRIVATE-TOKEN") for call in http.calls]
    assert sent == ["tok", None]
