"""What a host answered in place of a file, and what to do about it. No HTTP."""

import email.utils
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus

# Of a body, to tell a page from a file.
_LOOKED_AT_BYTES = 64 * 1024
MAX_BUSY_S = 3600.0
_BUSY_S = 60.0
_ASKS_FOR_PASSWORD = re.compile(
    rb"(?i)<title>[^<]*(?:sign[ -]?in|log[ -]?in)|type=[\"']?password|/(?:sign|log)[-_]?in[\"'?/]"
)
_HTML = re.compile(rb"(?i)^\s*(?:<!--.*?-->\s*)?<(?:!doctype html|html)[\s>]", re.DOTALL)
SIGN_IN_PAGE = "the host answers with a sign-in page, not the file"
SIGN_IN_HINT = (
    "name a token for the host in CATALOG_HOST_TOKENS, or read a checkout of the files on disk"
)


class FetchError(Exception):
    """The address cannot be read.

    Attributes:
        hint: What to do about it; may be empty.
        is_missing: Whether the host says that there is nothing.
        is_slow: Whether the host used up its time, or could not be reached.
        retry_at: When a busy host may be asked again (seconds of Unix); 0 for other errors.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        is_missing: bool = False,
        is_slow: bool = False,
        retry_at: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.retry_at = retry_at
        self.hint = hint
        self.is_missing = is_missing
        self.is_slow = is_slow


def check_answer(status: int, headers: Mapping[str, str], *, has_token: bool) -> None:
    """Refuse an answer that brings no file.

    Args:
        status: Of HTTP.
        headers: Found in any case of their names.
        has_token: Whether a token was sent along.

    Raises:
        FetchError: What the host says instead, and what to do.
    """
    if status in (404, 410):
        hint = "correct the address, or take it out"
        if status == HTTPStatus.NOT_FOUND and not has_token:
            hint += "; hosts say this of private files too: CATALOG_HOST_TOKENS names tokens"
        raise FetchError(f"there is nothing here (HTTP {status})", hint, is_missing=True)
    if retry_at := _retry_at(status, headers):
        raise busy(retry_at, status)
    if status in (401, 403) and has_token:
        raise FetchError(
            f"the host does not let the token in CATALOG_HOST_TOKENS read it (HTTP {status})",
            "see that the token is valid and may read this repository",
        )
    if status == HTTPStatus.UNAUTHORIZED:
        raise FetchError(f"the host asks for a sign-in (HTTP {status})", SIGN_IN_HINT)
    if status == HTTPStatus.FORBIDDEN:
        raise FetchError(f"the host forbids reading it (HTTP {status})", SIGN_IN_HINT)
    # Azure answers 203 with a page to sign in.
    if status not in (HTTPStatus.OK, HTTPStatus.NON_AUTHORITATIVE_INFORMATION):
        raise FetchError(f"the host answers HTTP {status}", "it may be down: it is asked again")


def _retry_at(status: int, headers: Mapping[str, str]) -> float:
    """When a host that has had enough may be asked again (seconds of Unix); 0: it is not that."""
    after = headers.get("Retry-After", "").strip()
    is_empty = headers.get("X-RateLimit-Remaining", headers.get("RateLimit-Remaining")) == "0"
    is_busy = status in (403, 503) and bool(after or (is_empty and status == 403))
    if status != HTTPStatus.TOO_MANY_REQUESTS and not is_busy:
        return 0.0
    now = time.time()
    reset = headers.get("X-RateLimit-Reset") or headers.get("RateLimit-Reset") or ""
    until = now + _BUSY_S
    if after.isdecimal():
        until = now + float(after[:9])
    elif after:
        with suppress(TypeError, ValueError):
            until = email.utils.parsedate_to_datetime(after).timestamp()
    elif reset.isdecimal():
        # Some count seconds from now, others from 1970.
        until = float(reset[:12]) + (now if len(reset) < 9 else 0)
    return min(max(until, now + 1), now + MAX_BUSY_S)


def busy(until: float, status: int | None = None) -> FetchError:
    """Say that a host is asked again at a time (seconds of Unix)."""
    answer = f" (HTTP {status})" if status else ""
    return FetchError(
        f"the host is busy{answer}, and is asked again at "
        f"{datetime.fromtimestamp(until, UTC):%H:%M:%S} UTC",
        "a token for it in CATALOG_HOST_TOKENS may let it answer more often",
        retry_at=until,
    )


def check_is_file(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Refuse a page where a file is wanted, whatever the host calls it.

    Raises:
        FetchError: It is a page, for example one to sign in.
    """
    is_page = headers.get("Content-Type", "").lower().startswith("text/html")
    if is_page or _HTML.match(body[:_LOOKED_AT_BYTES]):
        if _ASKS_FOR_PASSWORD.search(body[:_LOOKED_AT_BYTES]):
            raise FetchError(SIGN_IN_PAGE, SIGN_IN_HINT)
        raise FetchError(
            "the host answers with a web page, not a file",
            "use the address of the raw file; CATALOG_GIT_HOSTS names hosts whose pages are "
            "understood",
        )
    if status != HTTPStatus.OK:
        raise FetchError(f"the host answers HTTP {status}")
