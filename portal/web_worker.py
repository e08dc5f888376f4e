"""gunicorn's threaded worker, whose threads wait for no client.

gunicorn gives each connection a thread from its first byte on, and has no deadline for the rest: as
many half-sent requests as there are threads stop the site. Here one loop receives the bytes of all
connections, within a deadline and bounds; a thread gets a request that has arrived to its end. What
a client does not take of its answer at once is sent by the loop too, and a connection that is
answered is drained there, so that its last answer is not lost.

It overrides what gunicorn does at three points: a connection wants a thread (``enqueue_req``), its
thread is done (``finish_request``), and each round of the loop (``murder_pending``).
``docs/adr/0013`` has the reasons.
"""

import re
import selectors
import socket
import time
from contextlib import suppress
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from gunicorn.workers.gthread import TConn, ThreadWorker

if TYPE_CHECKING:
    from concurrent.futures import Future

# From the first to the last byte of a request, from one part of its answer that a client takes to
# the next, and from the last of it to the client's closing.
DEADLINE_S = 15.0
MAX_HEADER_BYTES = 64 * 1024
# No form of the site is larger: Django refuses more than 2.5 MB.
MAX_BODY_BYTES = 4 * 1024 * 1024
# What is left of an answer: a thread waits for who takes a longer one, an export, too slowly.
MAX_UNSENT_BYTES = 4 * 1024 * 1024
# Of all connections: past either, the one that has waited longest is closed, so that new ones are
# always accepted.
MAX_WAITING = 500
MAX_WAITING_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_LENGTH = re.compile(rb"(?i)\r\nContent-Length:[ \t]*([0-9]+)[ \t]*(?=\r\n|$)")
# As many digits of a length tell that it is too large.
_DIGITS = 18
_CHUNKED = re.compile(rb"(?i)\r\nTransfer-Encoding[ \t]*:")
_EXPECTS = re.compile(rb"(?i)\r\nExpect:[ \t]*100-continue")


class RequestRefused(Exception):
    """A request that is not received: it is too large, or has no length."""


class ClientSocket:
    """A client's socket that keeps what the client does not take at once, for the loop to send.

    Attributes:
        unsent: The rest of an answer.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.unsent = bytearray()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        """Send what the client takes at once; wait only while too much is left.

        Raises:
            TimeoutError: The client took nothing for ``DEADLINE_S``.
        """
        self.unsent += data
        self._sock.settimeout(0)
        with suppress(BlockingIOError):
            while self.unsent:
                self.send_part()
        self._sock.settimeout(DEADLINE_S)
        while len(self.unsent) > MAX_UNSENT_BYTES:
            self.send_part()

    def send_part(self) -> int:
        """Send some of what is left; return how many bytes the client took."""
        taken = self._sock.send(self.unsent[:_CHUNK_BYTES])
        del self.unsent[:taken]
        return taken


class BufferingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Receives requests in its event loop, and answers them in its threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In the order of their deadlines, with what was received or is to be sent; None: the
        # connection is only drained.
        self._waiting: dict[TConn, bytearray | None] = {}
        self._waiting_bytes = 0

    def enqueue_req(self, conn: TConn) -> None:
        """Receive a request of a new or a kept connection before a thread takes it."""
        if not isinstance(conn.sock, ClientSocket):
            conn.sock = ClientSocket(conn.sock)
        begun = conn.parser.unreader.take_buffered() if conn.parser else b""
        self._receive_from(conn, bytearray())
        if begun:
            self._take(conn, begun)

    def _receive_from(self, conn: TConn, received: bytearray | None) -> None:
        self._wait_for(conn, received, selectors.EVENT_READ, partial(self._receive, conn))

    def _wait_for(self, conn: TConn, held: bytearray | None, event: int, then: Any) -> None:
        conn.sock.settimeout(0)
        conn.timeout = time.monotonic() + DEADLINE_S
        self._waiting[conn] = held
        self._waiting_bytes += len(held or b"")
        self.poller.register(conn.sock, event, then)
        while len(self._waiting) > MAX_WAITING or self._waiting_bytes > MAX_WAITING_BYTES:
            self._drop(next(iter(self._waiting)))

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
        received = self._waiting[conn]
        if received is None:
            return
        # An end of the header may lie across the old and the new bytes.
        seen = max(len(received) - 3, 0)
        received += data
        self._waiting_bytes += len(data)
        try:
            if self._is_whole(conn, received, seen):
                self._pass_on(conn)
        except RequestRefused as refusal:
            self._forget(conn)
            self._answer(conn, f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close")
            self._drain(conn)
        while self._waiting_bytes > MAX_WAITING_BYTES:
            self._drop(next(iter(self._waiting)))

    def _is_whole(self, conn: TConn, received: bytearray, seen: int) -> bool:
        if (wanted := getattr(conn, "wanted", None)) is None:
            end = received.find(b"\r\n\r\n", seen)
            if end > MAX_HEADER_BYTES or (end < 0 and len(received) > MAX_HEADER_BYTES):
                raise RequestRefused("431 Request Header Fields Too Large")
            if end < 0:
                return False
            header = bytes(received[:end])
            if _CHUNKED.search(header):
                raise RequestRefused("411 Length Required")
            # gunicorn judges the header; of several lengths it takes none.
            lengths = [one[1].lstrip(b"0")[:_DIGITS] for one in _LENGTH.finditer(header)]
            length = max((int(one or b"0") for one in lengths), default=0)
            if length > MAX_BODY_BYTES:
                raise RequestRefused("413 Content Too Large")
            wanted = conn.wanted = end + 4 + length
            if len(received) < wanted and _EXPECTS.search(header):
                self._answer(conn, "HTTP/1.1 100 Continue")
        return len(received) >= wanted

    def _pass_on(self, conn: TConn) -> None:
        received = self._forget(conn)
        conn.init()
        conn.parser.unreader.unread(bytes(received))
        super().enqueue_req(conn)

    def _answer(self, conn: TConn, lines: str) -> None:
        with suppress(OSError):  # a client that is gone is found closed when it is read
            conn.sock.send(f"{lines}\r\n\r\n".encode())

    def finish_request(self, conn: TConn, future: "Future[Any]") -> None:
        """Keep a connection for its next request, or drain it; gunicorn drains in this loop."""
        if future.cancelled() or future.exception():
            super().finish_request(conn, future)
        elif conn.sock.unsent:
            then = partial(self._send, conn, future)
            self._wait_for(conn, conn.sock.unsent, selectors.EVENT_WRITE, then)
        elif future.result():
            super().finish_request(conn, future)
        else:
            self._drain(conn)

    def _send(self, conn: TConn, future: "Future[Any]", sock: ClientSocket) -> None:
        """Send more of an answer; whoever takes it slowly gets all of it."""
        try:
            self._waiting_bytes -= sock.send_part()
        except BlockingIOError:
            return
        except OSError:
            self._drop(conn)
            return
        if sock.unsent:
            conn.timeout = time.monotonic() + DEADLINE_S
            self._waiting[conn] = self._waiting.pop(conn)
        else:
            self._forget(conn)
            self.finish_request(conn, future)

    def _drain(self, conn: TConn) -> None:
        """Read what a client still sends, until it has closed its side."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
        else:
            self._receive_from(conn, None)

    def murder_pending(self) -> None:
        """Close the connections whose deadline is over."""
        now = time.monotonic()
        for conn in list(takewhile(lambda one: one.timeout <= now, self._waiting)):
            self._drop(conn)

    def _forget(self, conn: TConn) -> bytearray:
        """No longer wait for the connection; return what it held."""
        self.poller.unregister(conn.sock)
        held = self._waiting.pop(conn) or bytearray()
        self._waiting_bytes -= len(held)
        conn.wanted = None
        return held

    def _drop(self, conn: TConn) -> None:
        self._forget(conn)
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()
