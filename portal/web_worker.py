"""gunicorn's threaded worker, with requests received whole before a thread takes them.

gunicorn gives each connection a thread from its first byte on, and has no deadline for the rest: as
many half-sent requests as there are threads stop the site. Here one loop receives the bytes of all
connections, within a deadline and bounds; a thread gets a request that has arrived to its end, and
never waits for a client.
"""

import re
import selectors
import socket
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from gunicorn.workers.gthread import TConn, ThreadWorker

if TYPE_CHECKING:
    from concurrent.futures import Future

# From the first to the last byte of a request.
RECEIVE_S = 15.0
# A connection that is answered is drained for so long, so that the answer is not lost.
LINGER_S = 2.0
# What an answer may wait for a client that does not read: see ``pre_request`` of ``gunicorn.py``.
SEND_S = 15.0
MAX_HEADER_BYTES = 64 * 1024
# No form of the site is larger: Django refuses more than 2.5 MB.
MAX_BODY_BYTES = 4 * 1024 * 1024
# Of all connections: past either, the one that has waited longest is closed, so that new ones are
# always accepted.
MAX_WAITING = 500
MAX_WAITING_BYTES = 64 * 1024 * 1024
# A usual page fits into the kernel's buffer, so that a client that does not read holds no thread.
_SEND_BUFFER_BYTES = 512 * 1024
_CHUNK_BYTES = 64 * 1024
_LENGTH = re.compile(rb"(?i)\r\nContent-Length:[ \t]*([0-9]+)[ \t]*(?=\r\n|$)")
# As many digits of a length tell that it is too large.
_DIGITS = 18
_CHUNKED = re.compile(rb"(?i)\r\nTransfer-Encoding[ \t]*:")
_EXPECTS = re.compile(rb"(?i)\r\nExpect:[ \t]*100-continue")


class Refused(Exception):
    """A request that is not received: it is too large, or has no length."""


class BufferingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Receives requests in its event loop, and answers them in its threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._received: dict[TConn, bytearray] = {}
        self._lingering: dict[TConn, None] = {}
        self._waiting_bytes = 0

    def enqueue_req(self, conn: TConn) -> None:
        """Receive a request of a new or a kept connection before a thread takes it."""
        begun = conn.parser.unreader.take_buffered() if conn.parser else b""
        conn.sock.settimeout(0)
        conn.timeout = time.monotonic() + RECEIVE_S
        self._received[conn] = bytearray()
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._receive, conn))
        if len(self._received) > MAX_WAITING:
            self._drop(next(iter(self._received)))
        if conn in self._received and begun:
            self._take(conn, begun)

    def _receive(self, conn: TConn, sock: socket.socket) -> None:
        try:
            data = sock.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._take(conn, data)
        else:
            self._drop(conn)

    def _take(self, conn: TConn, data: bytes) -> None:
        """Add bytes to a request; pass it on when it is whole."""
        received = self._received[conn]
        # An end of the header may lie across the old and the new bytes.
        seen = max(len(received) - 3, 0)
        received += data
        self._waiting_bytes += len(data)
        try:
            if self._is_whole(conn, received, seen):
                self._pass_on(conn)
        except Refused as refusal:
            self._forget(conn)
            self._answer(conn, f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n")
            self._linger(conn)
        while self._waiting_bytes > MAX_WAITING_BYTES:
            self._drop(next(iter(self._received)))

    def _is_whole(self, conn: TConn, received: bytearray, seen: int) -> bool:
        if (wanted := getattr(conn, "wanted", None)) is None:
            end = received.find(b"\r\n\r\n", seen)
            if end > MAX_HEADER_BYTES or (end < 0 and len(received) > MAX_HEADER_BYTES):
                raise Refused("431 Request Header Fields Too Large")
            if end < 0:
                return False
            header = bytes(received[:end])
            if _CHUNKED.search(header):
                raise Refused("411 Length Required")
            # gunicorn judges the header; of several lengths it takes none.
            lengths = [one[1].lstrip(b"0")[:_DIGITS] for one in _LENGTH.finditer(header)]
            length = max((int(one or b"0") for one in lengths), default=0)
            if length > MAX_BODY_BYTES:
                raise Refused("413 Content Too Large")
            wanted = conn.wanted = end + 4 + length
            if len(received) < wanted and _EXPECTS.search(header):
                self._answer(conn, "HTTP/1.1 100 Continue\r\n", is_last=False)
        return len(received) >= wanted

    def _pass_on(self, conn: TConn) -> None:
        received = self._forget(conn)
        conn.init()
        conn.parser.unreader.unread(bytes(received))
        super().enqueue_req(conn)

    def _answer(self, conn: TConn, lines: str, *, is_last: bool = True) -> None:
        closing = "Connection: close\r\n" if is_last else ""
        try:
            conn.sock.send(f"{lines}{closing}\r\n".encode())
        except OSError:
            conn.timeout = 0.0  # the next round closes it

    def finish_request(self, conn: TConn, future: "Future[Any]") -> None:
        """Keep a connection for its next request, or drain it; gunicorn drains in this loop."""
        if future.cancelled() or future.exception() or future.result():
            super().finish_request(conn, future)
        else:
            self._linger(conn)

    def _linger(self, conn: TConn) -> None:
        conn.sock.settimeout(0)
        conn.timeout = time.monotonic() + LINGER_S
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        self._lingering[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._drain, conn))

    def _drain(self, conn: TConn, sock: socket.socket) -> None:
        try:
            is_open = bool(sock.recv(_CHUNK_BYTES))
        except BlockingIOError:
            return
        except OSError:
            is_open = False
        if not is_open:
            self._drop(conn)

    def murder_pending(self) -> None:
        """Close the connections whose deadline is over."""
        now = time.monotonic()
        for conn in list(self._overdue(now)):
            self._drop(conn)

    def _overdue(self, now: float) -> Iterator[TConn]:
        # Each is in the order of its deadlines.
        for waiting in (self._received, self._lingering):
            for conn in waiting:
                if conn.timeout > now:
                    break
                yield conn

    def _forget(self, conn: TConn) -> bytearray:
        """No longer wait for the connection; return what was received."""
        self.poller.unregister(conn.sock)
        self._lingering.pop(conn, None)
        received = self._received.pop(conn, bytearray())
        self._waiting_bytes -= len(received)
        conn.wanted = None
        return received

    def _drop(self, conn: TConn) -> None:
        self._forget(conn)
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()


def bound_sending(sock: socket.socket) -> None:
    """Have no thread wait for a client that does not read its answer."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    sock.settimeout(SEND_S)
