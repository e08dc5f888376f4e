"""Reads descriptors over HTTP, from hosts that may be asked: the catalog's only HTTP.

The address a name resolves to is checked where the connection is made, and that very address is
connected to: a name that answers differently the second time gains nothing. Proxies of the
environment are not used, because behind one the address could not be checked.
"""

import ipaddress
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ReadTimeoutError

from catalog.ingestion.addresses import is_of_this_machine, is_public
from catalog.ingestion.allow import USUAL_PORTS, Allowance
from catalog.ingestion.answers import (
    SIGN_IN_HINT,
    SIGN_IN_PAGE,
    FetchError,
    check_answer,
    check_is_file,
)

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 10
BUDGET_S = 30
MAX_REDIRECTS = 5
_CHUNK_BYTES = 64 * 1024
_MAX_ETAG, _MAX_DATE = 500, 100
_SIGN_IN = re.compile(r"(?i)(?:^|/)(?:users/)?(?:sign[-_]?in|log[-_]?in|oauth2?|saml2?|sso)(?:/|$)")
_NO_ADDRESS = "redirects to something that is not an address"
_TOO_SLOW = f"is not read to its end within {BUDGET_S} seconds"


class Fetched(NamedTuple):
    """An answer.

    Attributes:
        data: The body; None where the host says that it is as it was.
        etag: The host's mark of this version; may be empty.
        last_modified: The host's date of this version, as sent; may be empty.
    """

    data: bytes | None
    etag: str = ""
    last_modified: str = ""


def fetch(
    url: str,
    *,
    allow: Allowance,
    max_bytes: int,
    etag: str = "",
    last_modified: str = "",
    budget_s: float | None = None,
) -> Fetched:
    """Read one address, following at most five redirects, each checked like the first.

    A redirect stays on its host, unless the other host is named in ``CATALOG_READING_ALLOW``.

    Args:
        url: http or https, without user name.
        allow: Which hosts may be asked.
        max_bytes: Most bytes to take, after decompression.
        etag: Of the version that is known; with it or the date, only another one is sent.
        last_modified: Of the version that is known.
        budget_s: Seconds that it may take; None for the most.

    Returns:
        The body with its marks.

    Raises:
        FetchError: The host may not be asked, does not answer in 30 seconds, or answers with
            anything but the file.
    """
    budget_s = BUDGET_S if budget_s is None else budget_s
    deadline = time.monotonic() + budget_s
    headers = {"Accept": "application/yaml, text/plain;q=0.9, */*;q=0.5"}
    if etag:
        headers["If-None-Match"] = etag
    if last_modified:
        headers["If-Modified-Since"] = last_modified
    with requests.Session() as session, _ended_in_time(budget_s) as sockets:
        session.trust_env = False
        session.mount("http://", _VettingAdapter(allow, sockets))
        session.mount("https://", _VettingAdapter(allow, sockets))
        for _hop in range(MAX_REDIRECTS + 1):
            _check_address(url, allow)
            try:
                with session.get(
                    url,
                    stream=True,
                    allow_redirects=False,
                    timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                    headers={**headers, **allow.sign_in(url)},
                ) as response:
                    if response.is_redirect:
                        url = _next_hop(url, response.headers["Location"], allow)
                        continue
                    if response.status_code == requests.codes.not_modified and (
                        etag or last_modified
                    ):
                        return Fetched(None, etag, last_modified)
                    has_token = bool(allow.sign_in(url))
                    check_answer(response.status_code, response.headers, has_token=has_token)
                    body = _body(response, max_bytes, deadline)
                    check_is_file(response.status_code, response.headers, body)
                    return Fetched(
                        body,
                        _mark(response, "ETag", _MAX_ETAG),
                        _mark(response, "Last-Modified", _MAX_DATE),
                    )
            except (requests.Timeout, ReadTimeoutError) as exc:
                raise FetchError(
                    f"no answer within {READ_TIMEOUT_S} seconds", is_slow=True
                ) from exc
            except (requests.RequestException, HTTPError) as exc:
                if time.monotonic() > deadline:
                    raise FetchError(_TOO_SLOW, is_slow=True) from exc
                is_slow = isinstance(exc, requests.ConnectionError)
                raise FetchError(f"cannot be read: {_reason(exc)}", is_slow=is_slow) from exc
            except ValueError as exc:  # requests looks at where a redirect leads
                raise FetchError(_NO_ADDRESS) from exc
    raise FetchError(f"redirects more than {MAX_REDIRECTS} times")


def _check_address(url: str, allow: Allowance) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as exc:
        raise FetchError("is not an address") from exc
    if parts.scheme not in ("http", "https") or not host:
        raise FetchError("only http and https addresses are read")
    if parts.username is not None or parts.password is not None:
        raise FetchError("has a user name in it", "a password in an address is shown to readers")
    if not allow.permits_host(host):
        raise FetchError(
            f"host {host} may not be read", "add it to CATALOG_READING_ALLOW if it should be"
        )
    port = parts.port or USUAL_PORTS[parts.scheme]
    if not allow.permits_port(host, port):
        raise FetchError(
            f"port {port} of host {host} may not be read",
            f"add {host}:{port} to CATALOG_READING_ALLOW if it should be",
        )
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return  # a name: checked when it is resolved
    _check_resolved(host, str(address), allow)


def _check_resolved(host: str, address: str, allow: Allowance) -> None:
    """Refuse what is not public, unless the host is listed.

    A listed name may not lead to this machine or a cloud's own services: who writes names into DNS
    is not who lists them. ``localhost`` and addresses say it themselves.
    """
    # The address is not named: it tells what names mean inside.
    if not allow.names_host(host):
        if not is_public(address):
            raise FetchError(
                f"host {host} is not a public host",
                "add the host to CATALOG_READING_ALLOW if it may be read",
            )
    elif host not in ("localhost", address) and is_of_this_machine(address):
        raise FetchError(
            f"host {host} leads to this machine or its network's own services",
            "add the address itself to CATALOG_READING_ALLOW if it may be read",
        )


def _next_hop(url: str, location: str, allow: Allowance) -> str:
    try:
        target = urljoin(url, location)
        here, there = urlsplit(url), urlsplit(target)
        host = there.hostname or ""
        is_same = host == here.hostname and there.port in (here.port, None)
    except ValueError as exc:
        raise FetchError(_NO_ADDRESS) from exc
    if url.startswith("https:") and not target.startswith("https:"):
        raise FetchError("redirects from https to something less safe")
    if _SIGN_IN.search(there.path) and not _SIGN_IN.search(here.path):
        raise FetchError(SIGN_IN_PAGE, SIGN_IN_HINT)
    if not is_same and not allow.names_host(host):
        raise FetchError(
            f"redirects to another host, {there.netloc.rpartition('@')[2]}",
            "use the address it leads to, or name its host in CATALOG_READING_ALLOW",
        )
    return target


def _mark(response: requests.Response, name: str, longest: int) -> str:
    """A validator to send back next time; one too long to keep is none."""
    value = response.headers.get(name, "")
    return value if len(value) <= longest and value.isprintable() else ""


def _body(response: requests.Response, max_bytes: int, deadline: float) -> bytes:
    body = bytearray()
    # read1 returns what has arrived, so that a host that drips bytes meets the deadline.
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > max_bytes:
            raise FetchError(f"is larger than {max_bytes:,} bytes", "split it into several files")
        if time.monotonic() > deadline:
            raise FetchError(_TOO_SLOW, is_slow=True)
    if time.monotonic() > deadline:
        raise FetchError(_TOO_SLOW, is_slow=True)
    return bytes(body)


@contextmanager
def _ended_in_time(budget_s: float) -> Iterator[list[socket.socket]]:
    """A list for connections, which are cut when the time is over.

    Timeouts of sockets count from one packet to the next: a host that drips its header, which is
    read in one go, would never meet them.
    """
    sockets: list[socket.socket] = []

    def cut() -> None:
        for sock in sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    alarm = threading.Timer(budget_s, cut)
    alarm.daemon = True
    alarm.start()
    try:
        yield sockets
    finally:
        alarm.cancel()
        for sock in sockets:
            sock.close()


def _reason(exc: requests.RequestException | HTTPError) -> str:
    if isinstance(exc, requests.exceptions.SSLError):
        return "the host's certificate is not valid"
    if isinstance(exc, requests.ConnectionError):
        return "no connection to the host"
    if isinstance(exc, HTTPError):
        return "the answer broke off, or is not what its header says"
    return type(exc).__name__


class _VettingAdapter(HTTPAdapter):
    """Connects to checked addresses only, and notes each connection."""

    def __init__(self, allow: Allowance, sockets: list[socket.socket]) -> None:
        self._allow = allow
        self._sockets = sockets
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        allow, sockets = self._allow, self._sockets

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self._dns_host, self.port or 80, allow, sockets)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self._dns_host, self.port or 443, allow, sockets)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def _connect(host: str, port: int, allow: Allowance, sockets: list[socket.socket]) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        _check_resolved(host, address, allow)
    failure: OSError = OSError("no address")
    for address in addresses:
        try:
            sock = socket.create_connection((address, port), timeout=CONNECT_TIMEOUT_S)
        except OSError as exc:
            failure = exc
            continue
        sock.settimeout(READ_TIMEOUT_S)
        sockets.append(sock.dup())  # TLS takes the connection away from the socket itself
        return sock
    raise failure
