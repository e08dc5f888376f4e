"""HTTP to PagerDuty: bounded in time and size, no redirects, no credentials but the token.

The only module of the app that imports requests.
"""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError as TransportError
from urllib3.exceptions import IncompleteRead, ProtocolError
from urllib3.util import Retry

from pagerduty_card.accounts import mask
from pagerduty_card.errors import Unreachable, Unreadable

logger = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 20 * 1024 * 1024
CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 10.0

_RETRY = Retry(
    total=1,
    allowed_methods={"GET"},  # a trigger is repeated by triggering alone, with its dedup_key
    status_forcelist=(502, 503, 504),  # not 429: fail fast and cool down instead
    backoff_factor=0.2,
    respect_retry_after_header=False,  # it may say hours
    raise_on_status=False,
)


def _product_version() -> str:
    try:
        return version("switchboard")
    except PackageNotFoundError:
        return "0"


USER_AGENT = f"Switchboard/{_product_version()} (developer portal)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """The JSON; None when it is none."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    @property
    def request_id(self) -> str:
        """PagerDuty's own id of the request."""
        return self.headers.get("X-Request-Id", "")[:64]

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


class Transport:
    """A session whose every request is bounded.

    Attributes:
        requests_sent: How many requests were sent so far, repetitions by the session aside.
    """

    def __init__(self) -> None:
        self.requests_sent = 0
        self._session = requests.Session()
        self._session.mount("https://", HTTPAdapter(max_retries=_RETRY))
        self._session.mount("http://", HTTPAdapter(max_retries=_RETRY))
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
    ) -> Answer:
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
            Unreadable: The answer was cut off or is too large.
        """
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise Unreachable("PagerDuty took too long.")
        # Half, because a GET may be repeated once by the transport.
        share_s = left_s / 2 if method == "GET" else left_s
        self.requests_sent += 1
        try:
            with self._session.request(
                method,
                url,
                data=data,
                auth=_Auth(token, is_bearer=is_bearer),
                headers=headers,
                timeout=(min(CONNECT_TIMEOUT_S, share_s), min(READ_TIMEOUT_S, share_s)),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = _read(response, until)
                return Answer(
                    status=response.status_code, headers=response.headers, content=content
                )
        except requests.ConnectTimeout as exc:
            raise _unreachable(exc, secrets, maybe_taken=False) from None
        except (requests.RequestException, TransportError, OSError) as exc:
            raise _unreachable(exc, secrets, maybe_taken=not _never_connected(exc)) from None


def hide(text: str, secrets: Sequence[str]) -> str:
    """The text with every secret in it masked."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, mask(secret))
    return text


def _read(response: requests.Response, until: float) -> bytes:
    """Read the body in the pieces that arrive, so that a slow trickle cannot outlast the budget."""
    request_id = response.headers.get("X-Request-Id", "")
    parts: list[bytes] = []
    size = 0
    try:
        while piece := response.raw.read1(65_536, decode_content=True):
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                raise Unreadable("The answer is too large.", request_id=request_id)
            if time.monotonic() > until:
                raise Unreachable("PagerDuty took too long to answer.", maybe_taken=True)
            parts.append(piece)
    except ProtocolError as exc:
        if any(isinstance(arg, IncompleteRead) for arg in exc.args):
            raise Unreadable("The answer was cut off.", request_id=request_id) from None
        raise
    return b"".join(parts)


_NEVER_CONNECTED = (
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeout",
    "CERTIFICATE_VERIFY_FAILED",
)


def _never_connected(exc: Exception) -> bool:
    """Whether the request surely never left: refused, no route, no such host, bad certificate."""
    if isinstance(exc, requests.exceptions.ProxyError):
        return True
    seen = repr(exc)
    return any(name in seen for name in _NEVER_CONNECTED)


def _unreachable(exc: Exception, secrets: Sequence[str], *, maybe_taken: bool) -> Unreachable:
    if isinstance(exc, requests.Timeout):
        words = "PagerDuty did not answer in time."
    elif maybe_taken:
        words = "The connection to PagerDuty broke off."
    else:
        words = "No connection to PagerDuty."
    logger.info("pagerduty not reached", extra={"cause": hide(str(exc), secrets)[:300]})
    return Unreachable(words, maybe_taken=maybe_taken)
