"""HTTP to PagerDuty: bounded in time and size, no redirects, no credentials but the token.

A GET is repeated once where the connection broke or a gateway failed; never where the time ran
out, for the answer would be no quicker.

The only module of the app that imports requests.
"""

import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool
from urllib3.exceptions import DecodeError, IncompleteRead, ProtocolError
from urllib3.exceptions import HTTPError as TransportError

from pagerduty_card.errors import Unreachable, Unreadable
from portal.secret_shapes import mask

logger = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 20 * 1024 * 1024
CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 10.0

# A gateway says these for a server that may be back at once; 429 is no such thing.
_PASSING = frozenset({502, 503, 504})
_PAUSE_S = 0.2


def _product_version() -> str:
    try:
        return version("switchboard")
    except PackageNotFoundError:
        return "0"


USER_AGENT = f"Switchboard/{_product_version()} (developer portal)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """The JSON; None when it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None

    @property
    def request_id(self) -> str:
        """PagerDuty's own id of the request."""
        return _request_id(self.headers)

    def number(self, name: str) -> float | None:
        """The header as a number that is not negative; None without one."""
        try:
            value = float(self.headers[name])
        except (KeyError, ValueError):
            return None
        return value if 0 <= value < 1e9 else None

    @property
    def dated_at(self) -> datetime | None:
        """The clock of who answered (UTC), by its ``Date``; None when it does not tell."""
        try:
            at = parsedate_to_datetime(self.headers["Date"])
        except (KeyError, ValueError):
            return None
        return at if at.tzinfo else None


def _request_id(headers: Mapping[str, str]) -> str:
    """As much of it as can be stored and logged."""
    return "".join(one for one in headers.get("X-Request-Id", "") if one.isprintable())[:64]


class _Auth(AuthBase):
    """Sets the token itself, or nothing, so that no ``.netrc`` of the machine sets another."""

    def __init__(self, token: str, *, is_bearer: bool) -> None:
        self._token = token
        self._is_bearer = is_bearer

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            scheme = "Bearer " if self._is_bearer else "Token token="
            request.headers["Authorization"] = f"{scheme}{self._token}"
        return request


class _Wire:
    """The connection of the request under way, to be able to cut it when its time is up.

    Time-outs of sockets start again with every byte: headers that drip would outlast them all.
    """

    def __init__(self) -> None:
        self.connection: HTTPConnection | None = None

    @contextlib.contextmanager
    def cut_at(self, until: float) -> Iterator[None]:
        """Cut the connection at a monotonic time, should the block still be running then."""
        timer = threading.Timer(max(0.0, until - time.monotonic()), self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self.connection = None

    def _cut(self) -> None:
        open_socket = self.connection.sock if self.connection else None
        if open_socket is not None:
            with contextlib.suppress(OSError):
                # Below TLS, whose own farewell would wait for the other side.
                socket.socket.shutdown(open_socket, socket.SHUT_RDWR)


class _Adapter(HTTPAdapter):
    """Connections that tell the wire when they are used."""

    def __init__(self, wire: _Wire) -> None:
        class Plain(HTTPConnection):
            def request(self, *args: Any, **kwargs: Any) -> None:
                wire.connection = self
                super().request(*args, **kwargs)

        class Secure(HTTPSConnection):
            def request(self, *args: Any, **kwargs: Any) -> None:
                wire.connection = self
                super().request(*args, **kwargs)

        self._kinds: dict[Any, Any] = {HTTPConnection: Plain, HTTPSConnection: Secure}
        super().__init__()  # repeats nothing

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> ConnectionPool:
        """Use our own connections, except through a SOCKS proxy, which has its own."""
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        if isinstance(pool, HTTPConnectionPool):
            pool.ConnectionCls = self._kinds.get(pool.ConnectionCls, pool.ConnectionCls)
        return pool


class Transport:
    """A session whose every request is bounded.

    Attributes:
        requests_sent: How many requests were sent so far, repetitions too.
    """

    def __init__(self) -> None:
        self.requests_sent = 0
        self._wire = _Wire()
        self._session = requests.Session()
        self._session.mount("https://", _Adapter(self._wire))
        self._session.mount("http://", _Adapter(self._wire))
        self._session.headers["User-Agent"] = USER_AGENT

    def close(self) -> None:
        """Give back the connections."""
        self._session.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        until: float,
        headers: Mapping[str, str],
        token: str = "",
        is_bearer: bool = False,
        secrets: Sequence[str] = (),
        data: bytes | None = None,
    ) -> Reply:
        """Send one request and read its answer within the time and the size allowed.

        Args:
            method: For example ``GET``; only GET is repeated, once.
            url: The whole address.
            until: Monotonic time at which it must be over.
            headers: Beside the token's.
            token: REST API token; empty sends no credentials at all.
            is_bearer: Whether it is one of OAuth.
            secrets: What must not show in a log.
            data: The body.

        Raises:
            Unreachable: No answer in time.
            Unreadable: The answer was cut off, is too large or is not what its headers say.
        """
        request = requests.Request(
            method, url, headers=dict(headers), data=data, auth=_Auth(token, is_bearer=is_bearer)
        )
        if method == "GET":
            with contextlib.suppress(_Broken):
                answer = self._send_once(request, until, secrets)
                if answer.status not in _PASSING or time.monotonic() + _PAUSE_S >= until:
                    return answer
            time.sleep(max(0.0, min(_PAUSE_S, until - time.monotonic())))
        return self._send_once(request, until, secrets)

    def _send_once(self, request: requests.Request, until: float, secrets: Sequence[str]) -> Reply:
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise Unreachable(_TOO_LATE)
        self.requests_sent += 1
        prepared = self._session.prepare_request(request)
        # Proxies and certificates of the environment, as ``Session.request`` takes them.
        around = self._session.merge_environment_settings(
            prepared.url or "", {}, stream=True, verify=None, cert=None
        )
        try:
            with (
                self._wire.cut_at(until),
                self._session.send(
                    prepared,
                    timeout=(min(CONNECT_TIMEOUT_S, left_s), min(READ_TIMEOUT_S, left_s)),
                    allow_redirects=False,
                    **around,
                ) as response,
            ):
                return Reply(
                    status=response.status_code,
                    headers=response.headers,
                    content=_read(response, until),
                )
        except requests.ConnectTimeout as exc:
            raise _unreachable(exc, until, secrets, maybe_taken=False) from None
        except (requests.RequestException, TransportError, OSError) as exc:
            maybe_taken = not _never_connected(exc)
            raise _unreachable(exc, until, secrets, maybe_taken=maybe_taken) from None


class _Broken(Unreachable):
    """The connection broke or was never made, before the time was up."""


def hide(text: str, secrets: Sequence[str]) -> str:
    """The text with every secret in it masked."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, mask(secret))
    return text


def _read(response: requests.Response, until: float) -> bytes:
    """Read the body in the pieces that arrive, as far as the size allows."""
    request_id = _request_id(response.headers)
    parts: list[bytes] = []
    size = 0
    try:
        while piece := response.raw.read1(65_536, decode_content=True):
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                raise Unreadable("The answer is too large.", request_id=request_id)
            parts.append(piece)
    except DecodeError:
        raise Unreadable("The answer is not encoded as it says.", request_id=request_id) from None
    except ProtocolError as exc:
        is_cut_off = any(isinstance(arg, IncompleteRead) for arg in exc.args)
        if is_cut_off and time.monotonic() < until:
            raise Unreadable("The answer was cut off.", request_id=request_id) from None
        raise
    if time.monotonic() >= until:
        # Without a length, the end of an answer that was cut looks like any other.
        raise Unreachable(_TOO_LATE, maybe_taken=True)
    return b"".join(parts)


_NEVER_CONNECTED = (
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeout",
    "CERTIFICATE_VERIFY_FAILED",
    # What answers speaks no TLS, or none that both know.
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "UNSUPPORTED_PROTOCOL",
    "HANDSHAKE_FAILURE",
)


def _never_connected(exc: Exception) -> bool:
    """Whether the request surely never left: refused, no route, no such host, bad certificate."""
    if isinstance(exc, requests.exceptions.ProxyError):
        return True
    seen = repr(exc)
    return any(name in seen for name in _NEVER_CONNECTED)


_TOO_LATE = "PagerDuty did not answer in time."


def _unreachable(
    exc: Exception, until: float, secrets: Sequence[str], *, maybe_taken: bool
) -> Unreachable:
    # What urllib3 says first is the whole address, and behind it the cause.
    cause = getattr(exc.args[0] if exc.args else None, "reason", None) or exc
    logger.info("pagerduty not reached", extra={"cause": hide(str(cause), secrets)[:300]})
    named = _cause_of(exc)
    if isinstance(exc, requests.Timeout | socket.timeout) or time.monotonic() >= until:
        return Unreachable(_TOO_LATE, maybe_taken=maybe_taken, cause=named)
    if maybe_taken:
        return _Broken("The connection to PagerDuty broke off.", maybe_taken=True, cause=named)
    return _Broken("No connection to PagerDuty.", cause=named)


# What the libraries write, and what that means; the first that is found. A proxy that fails comes
# first, for its own causes are among the others.
_CAUSES = {
    "ProxyError": "the proxy does not let it through",
    "CERTIFICATE_VERIFY_FAILED": "its TLS certificate is not trusted here",
    "SSLError": "it does not speak TLS as it should",
    "NameResolutionError": "its name is not known",
    "ConnectTimeout": "it does not answer at all, as behind a firewall",
    "NewConnectionError": "it refuses connections",
}


def _cause_of(exc: Exception) -> str:
    seen = f"{type(exc).__name__} {exc!r}"
    return next((cause for name, cause in _CAUSES.items() if name in seen), "")


def proxy_for(url: str) -> str:
    """Host and port of the proxy that the environment sets for an address; empty for none."""
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    # Without its user and password, if it has any.
    return proxy.rpartition("//")[2].rpartition("@")[2] if proxy else ""
