"""The web server while clients send half of a request, or do not read their answer."""

import http.client
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
THREADS = 2
APP = """
def app(environ, start_response):
    body = environ["wsgi.input"].read() or environ["SCRIPT_NAME"].encode()
    start_response("200 OK", [("Content-Length", str(len(body) or 3_000_000))])
    return [body] if body else [b"x" * 1_000_000] * 3
"""
# The product's configuration with a deadline that a test can wait for.
CONFIG = """
from portal import web_worker
web_worker.DEADLINE_S = 1.5
from portal.gunicorn import *
"""
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\n"
NOT_READ = {
    "an answer that is not read": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a connection that is not closed": b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n",
}
HALF_SENT = {
    "nothing": b"",
    "half a header": b"GET / HTTP/1.1\r\nHost: localhost\r\n",
    "half a body": POST + b"a",
    "half a body, its length in twenty digits": POST.replace(b"6", b"6".zfill(20)) + b"a",
    "a whole request and half of the next": POST + b"abcdef" + POST + b"a",
}


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    (folder / "echo.py").write_text(APP)
    (folder / "config.py").write_text(CONFIG)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["-m", "gunicorn", "--config", str(folder / "config.py")]
    server = subprocess.Popen(
        [sys.executable, *command, "--pythonpath", f"{ROOT},{folder}", "echo:app"],
        cwd=ROOT,
        env={**os.environ, "PORT": str(port), "WEB_WORKERS": "1", "WEB_THREADS": str(THREADS)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while "Booting worker" not in server.stderr.readline():
        assert server.poll() is None
    yield port
    server.terminate()
    server.communicate(timeout=30)


def connect(port, data):
    connection = socket.socket()
    # The kernel takes little for a client that does not read.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", port))
    connection.sendall(data)
    return connection


def answer(port, body=b""):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with closing(connection):
        connection.request("POST" if body else "GET", "/", body)
        response = connection.getresponse()
        return response.status, response.read()


def read_to_end(connection):
    found = b""
    while data := connection.recv(65536):
        found += data
    return found


def is_closed(connection):
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False


def test_others_are_answered_while_requests_are_half_sent(port):
    with ExitStack() as held:
        kinds = {**HALF_SENT, **NOT_READ}
        idle = {
            kind: [held.enter_context(connect(port, data)) for _ in range(10 * THREADS)]
            for kind, data in kinds.items()
        }
        dripping = held.enter_context(connect(port, HALF_SENT["half a header"] + b"X-Slow: "))

        assert answer(port)[0] == 200
        assert answer(port, b"a body") == (200, b"a body")

        # A byte now and then does not move the deadline.
        dripping.settimeout(0.05)
        with suppress(ConnectionError):
            while not is_closed(dripping):
                dripping.sendall(b"a")
        for kind in HALF_SENT:
            for one in idle[kind]:
                assert read_to_end(one).count(b"200 OK") == kind.startswith("a whole")


def test_who_reads_slowly_gets_the_whole_answer_and_others_theirs_meanwhile(port):
    slow = [connect(port, NOT_READ["a connection that is not closed"]) for _ in range(THREADS)]
    with ExitStack() as held:
        for connection in map(held.enter_context, slow):
            assert b"200 OK" in connection.recv(50)
        assert answer(port, b"a body") == (200, b"a body")
        with ThreadPoolExecutor() as pool:
            bodies = [found.partition(b"\r\n\r\n")[2] for found in pool.map(read_to_end, slow)]
    assert bodies == [b"x" * 3_000_000] * THREADS


def test_a_request_arrives_in_any_pieces(port):
    with connect(port, b"") as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(len(POST)):
            connection.sendall(POST[number : number + 1])
        connection.sendall(b"abc")
        connection.sendall(b"def" + POST + b"second")
        connection.shutdown(socket.SHUT_WR)
        found = read_to_end(connection)
    assert found.count(b"200 OK") == 2
    assert found.endswith(b"second")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"Transfer-Encoding: chunked", b"411"),
        (b"Content-Length: 9000000", b"413"),
        (b"Content-Length: " + b"9" * 20, b"413"),
        (b"X-Long: " + b"a" * 70_000, b"431"),
        (b"Content-Length: 2\r\nContent-Length: 3", b"400"),
        (b"Content-Length: +2", b"400"),
    ],
)
def test_a_request_that_is_too_large_or_has_no_length_is_refused(port, line, status):
    data = b"POST / HTTP/1.1\r\nHost: localhost\r\n" + line + b"\r\n\r\nabc"
    with connect(port, data) as connection:
        assert read_to_end(connection).startswith(b"HTTP/1.1 " + status)


def test_a_client_does_not_say_under_which_path_the_site_lies(port):
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    with connect(port, head + b"SCRIPT_NAME: /\r\n\r\n") as connection:
        assert read_to_end(connection).endswith(b"x" * 300_000)


def test_a_client_that_waits_for_leave_to_send_gets_it(port):
    head = POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
    with connect(port, head) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"abcdef")
        assert read_to_end(connection).endswith(b"abcdef")
