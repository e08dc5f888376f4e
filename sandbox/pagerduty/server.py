"""The sandbox on a port of 127.0.0.1: real HTTP, and faults down to the socket."""

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.pagerduty import api, control, fault_responses
from sandbox.pagerduty.account import Account
from sandbox.pagerduty.api import Host, HttpRequest, HttpResponse
from sandbox.pagerduty.example_account import example_account
from sandbox.pagerduty.faults import Fault, Kind
from sandbox.pagerduty.state import REST_PER_MINUTE, State, utc_now

HOST = "127.0.0.1"
_NAMES = {HOST, "localhost", ""}  # of a request; the last one of HTTP/1.0
IDLE_S = 120
WEBHOOKS_EVERY_S = 0.1
# What is larger is not even read. A body up to this size is, and refused where it is too large.
MAX_READ = 8 * 1024 * 1024


class SandboxServer(ThreadingHTTPServer):
    """Listens, one thread for each connection; all of them end with ``stop``.

    Attributes:
        state: The account behind it.
        stopping: Set once it is being stopped, so that no fault outlives it.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    # A port that was just released can be bound again; one that is in use cannot.
    allow_reuse_address = True

    def __init__(self, port: int, state: State, host: Host = Host.BOTH) -> None:
        self.state = state
        self.host = host
        # Where Events v2 has a host of its own.
        self.events: SandboxServer | None = None
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        """The base of REST v2; Events v2 is ``/v2/enqueue`` below it."""
        return f"http://{HOST}:{self.server_address[1]}"

    @property
    def events_url(self) -> str:
        """The base of Events v2, up to and including ``/v2``."""
        return f"{(self.events or self).url}/v2"

    def start(self) -> None:
        """Serve in a thread of its own until ``stop``."""
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        if self.host != Host.EVENTS:
            threading.Thread(target=self._send_webhooks, daemon=True).start()

    def stop(self) -> None:
        """Stop listening and cut every open connection."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _send_webhooks(self) -> None:
        """Send webhooks about everything that happens, until ``stop``."""
        while not self.stopping.wait(WEBHOOKS_EVERY_S):
            self.state.queue_webhooks()
            self.state.webhooks.send_due(self.stopping)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, to be able to cut it."""
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection: in good order, or with a reset if that was asked for."""
        with self._connections_lock:
            self._connections.discard(request)
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == _RESET:
            request.close()
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing about broken connections: faults break them on purpose."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


# With this SO_LINGER, closing sends RST and no FIN.
_RESET = struct.pack("ii", 1, 0)


class _Handler(BaseHTTPRequestHandler):
    server: SandboxServer
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    # Headers and body leave in one piece; without this a small answer could wait for an ACK.
    disable_nagle_algorithm = True

    def handle_request(self) -> None:
        """Read one request and answer it, with a fault where one is set."""
        # A page elsewhere whose name leads here sends that name: its script must reach nothing.
        if self.headers.get("Host", "").lower().partition(":")[0] not in _NAMES:
            self.close_connection = True
            self._send(api.json_response(421, {"error": {"message": "Unknown host", "code": 2001}}))
            return
        length = self.headers.get("Content-Length", "0")
        is_chunked = "Transfer-Encoding" in self.headers
        if is_chunked or not length.isdecimal() or int(length) > MAX_READ:
            self.close_connection = True
            self._send(api.json_response(413, {"error": {"message": "Too large", "code": 2001}}))
            return
        request = HttpRequest(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
            host=self.server.host,
        )
        state = self.server.state
        if control.is_control(request.path) and request.host != Host.EVENTS:
            self._send(control.respond(state, request))
            return
        fault = state.faults.take(request.target)
        state.requests.add(
            method=request.method,
            path=request.path,
            query=request.target.partition("?")[2],
            headers=request.headers,
            body=request.body,
            fault=fault.kind if fault else "",
        )
        if fault:
            self._misbehave(fault, request)
        else:
            self._send(api.respond(state, request))

    def _misbehave(self, fault: Fault, request: HttpRequest) -> None:
        if fault.kind == Kind.RESET:
            self._reset()
            return
        if fault.kind in {Kind.LATENCY, Kind.HANG}:
            self.server.stopping.wait(fault.delay_s)
        if fault.kind == Kind.HANG or self.server.stopping.is_set():
            self.close_connection = True
            return
        response = fault_responses.replacement(fault, request)
        if response is None:
            request = fault_responses.altered_request(fault, request)
            response = fault_responses.altered_response(
                fault, api.respond(self.server.state, request)
            )
        if fault.kind == Kind.LOST_ANSWER:
            self._reset()
        elif fault.kind == Kind.HANG_IN_BODY:
            self._send_some(response, len(response.body) // 2)
            self.server.stopping.wait(fault.delay_s)
            self.close_connection = True
        elif fault.kind == Kind.DRIP:
            self._drip(response, fault.delay_s)
        else:
            self._send(response)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close_connection = True

    def _send(self, response: HttpResponse) -> None:
        self._send_some(response, len(response.body))

    def _send_some(self, response: HttpResponse, count: int) -> None:
        """Announce the whole body and send the first ``count`` bytes of it."""
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body[:count])

    def _drip(self, response: HttpResponse, delay_s: float) -> None:
        self._send_some(response, 0)
        for index in range(len(response.body)):
            if self.server.stopping.wait(delay_s):
                self.close_connection = True
                return
            self.wfile.write(response.body[index : index + 1])

    def version_string(self) -> str:
        """Name no software."""
        return "sandbox"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as inherited
        """Stay silent: ``/sandbox/requests`` has it all, without secrets."""


# BaseHTTPRequestHandler looks for one method for each verb.
for _verb in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
    setattr(_Handler, f"do_{_verb}", _Handler.handle_request)


@contextlib.contextmanager
def serve(
    port: int = 0,
    *,
    make_account: Callable[[datetime], Account] = example_account,
    now: Callable[[], datetime] = utc_now,
    incident_delay_s: float = 1.0,
    requests_per_minute: int = REST_PER_MINUTE,
    webhook_url: str = "",
    events_port: int | None = None,
) -> Iterator[SandboxServer]:
    """Run a sandbox for the length of a ``with`` block.

    Args:
        port: 0 takes any free one; see ``url``.
        make_account: Makes the account, for example
            ``lambda now: generated_account(services=500, now=now)``.
        now: The clock, aware UTC.
        incident_delay_s: Seconds between an accepted event and its incident.
        requests_per_minute: Quota of REST v2.
        webhook_url: Where events are sent from the start; empty for nowhere.
        events_port: Of a host of its own for Events v2, as PagerDuty has it; 0 takes any free one.
            Without it one port stands for both hosts.

    Raises:
        OSError: A port is taken.
    """
    state = State(
        make_account,
        now=now,
        incident_delay_s=incident_delay_s,
        requests_per_minute=requests_per_minute,
        webhook_url=webhook_url,
    )
    with contextlib.ExitStack() as running:
        server = SandboxServer(port, state, Host.BOTH if events_port is None else Host.REST)
        running.callback(server.stop)
        server.start()
        if events_port is not None:
            server.events = SandboxServer(events_port, state, Host.EVENTS)
            running.callback(server.events.stop)
            server.events.start()
        yield server
