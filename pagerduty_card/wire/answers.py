"""PagerDuty's answers, judged: data of the expected shape, or the error that says how to react."""

import html
import itertools
import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from pagerduty_card.accounts import SCOPES
from pagerduty_card.characters import without_invisible
from pagerduty_card.errors import (
    Oversized,
    PagerDutyError,
    Refused,
    Rejected,
    Unreachable,
    Unreadable,
)
from pagerduty_card.wire.transport import Reply, hide

logger = logging.getLogger(__name__)
_T = TypeVar("_T")
# Who answers so has not begun: the request did not come whole, or nobody is there to take it.
_NOT_TAKEN = (408, 503)
# How many of PagerDuty's texts are shown, and how many characters of each are read and shown.
_MAX_TEXTS = 3
_MAX_READ = 10_000
_MAX_TEXT = 150
_TITLE = re.compile(r"<title[^>]*>([^<]*)<", re.IGNORECASE)


def error_of(answer: Reply, *, secrets: Sequence[str], needs: str = "") -> PagerDutyError:
    """The error for an answer that is not the good one, by what it asks of us.

    Args:
        answer: Any answer but the good one and 429.
        secrets: What must not show in the error.
        needs: The permission (OAuth scope) that the endpoint needs; empty for none.
    """
    status, request_id = answer.status, answer.request_id
    said = _words_of(answer, secrets) or f"PagerDuty answered {status}."
    if status in {402, 403}:
        said = said if said.endswith(".") or not needs else f"{said}."
        if status == 402:
            named = f" The portal needs it for {SCOPES.get(needs, 'this')} ({needs})."
        else:
            named = f" It needs the permission {needs}."
        reason = "ability" if status == 402 else "permission"
        return Refused(f"{said}{named if needs else ''}", reason=reason, request_id=request_id)
    if status == 401:
        return Refused("PagerDuty does not accept the token.", request_id=request_id)
    if status == 404:
        return Refused(said, reason="not_found", request_id=request_id)
    if status == 408 or status >= 500:
        words = _words_of(answer, secrets).rstrip(".")
        trouble = f"PagerDuty could not answer ({status}){f': {words}' if words else ''}."
        is_refusal = status in _NOT_TAKEN
        return Unreachable(trouble, request_id=request_id, maybe_taken=not is_refusal)
    if 400 <= status < 500:
        logger.error(
            "pagerduty rejected a request",
            extra={"status": status, "answer": said[:500], "pagerduty_request_id": request_id},
        )
        return Rejected(said, request_id=request_id)
    return broken(f"PagerDuty answered {status}, which the contract does not know.", request_id)


def event_error_of(answer: Reply, *, host: str, secrets: Sequence[str]) -> PagerDutyError:
    """The error for an answer of the Events API, which knows keys and no tokens.

    Args:
        answer: Any answer but the good one and 429.
        host: Whom the event was sent to, for a sentence.
        secrets: What must not show in the error.

    Source:
        https://developer.pagerduty.com/docs/events-api-v2-overview (response codes)
    """
    status, request_id = answer.status, answer.request_id
    if status in {401, 402, 403}:
        said = _words_of(answer, secrets) or "no reason was given"
        return Refused(
            f"The Events API at {host} refused the event ({status}): {said}",
            reason="permission",
            request_id=request_id,
        )
    if status in {404, 405} or 300 <= status < 400:
        return Refused(
            f"There is no Events API at {host} ({status}). An administrator must correct the "
            "address for events.",
            reason="wrong_address",
            request_id=request_id,
        )
    return error_of(answer, secrets=secrets)


def broken(what: str, request_id: str) -> Unreadable:
    """Note loudly that the contract was broken; the caller raises the result."""
    logger.error(
        "pagerduty's answer does not follow the contract",
        extra={"what": what, "pagerduty_request_id": request_id},
    )
    return Unreadable(what, request_id=request_id)


def broken_by(what: str, answer: Reply, *, secrets: Sequence[str]) -> Unreadable:
    """As ``broken``, of an answer that is well by its status alone; with its own words.

    Args:
        what: How the contract was broken, as a sentence without its full stop.
        answer: That did it.
        secrets: What must not show in the error.
    """
    body = answer.body
    is_data = isinstance(body, list) and not all(isinstance(one, str) for one in body)
    words = "" if is_data else _words_of(answer, secrets)
    return broken(f"{what}{f': {words}' if words else ''}", answer.request_id)


def parsed(parse: Callable[[Any], _T], raw: Any, request_id: str) -> _T:
    """Parse one object; a broken contract is noted with the request's id."""
    try:
        return parse(raw)
    except Unreadable as exc:
        raise broken(exc.detail, request_id) from None


def all_parsed(parse: Callable[[Any], _T], rows: Sequence[Any], request_id: str) -> list[_T]:
    """Parse the records of a list; one that cannot be kept is noted and left out."""
    found = []
    for row in rows:
        try:
            found.append(parse(row))
        except Oversized as exc:
            broken(f"one record was left out: {exc.detail}", request_id)
        except Unreadable as exc:
            raise broken(exc.detail, request_id) from None
    return found


def _words_of(answer: Reply, secrets: Sequence[str]) -> str:
    """PagerDuty's own words in an error answer, in one sentence; empty where there are none.

    Documented is an object with ``message`` and ``errors``, within ``error`` (REST) or not
    (Events). Seen have been a text, a list, an object by field, and a page of HTML.
    """
    # Before anything is cut: a part of a secret would not be recognised.
    text = hide(answer.content.decode(errors="replace"), secrets)
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        title = _TITLE.search(text[:_MAX_READ])
        # JSON that was cut off is data, which may hold a key of somebody else.
        is_data = "<" in text or text.lstrip()[:1] in {"{", "["}
        return _shortened(html.unescape(title[1] if title else "" if is_data else text))
    error = body["error"] if isinstance(body, dict) and body.get("error") else body
    texts = list(itertools.islice(_texts(error), _MAX_TEXTS + 1))
    # One that only repeats another, as "Invalid event" and "invalid event.", is no news.
    by_words: dict[str, str] = {}
    for text in texts[:_MAX_TEXTS]:
        by_words.setdefault(text.casefold().rstrip(" .:"), text)
    first, *others = by_words.values() or ("",)
    if not others:
        return first
    more = " \u2026" if len(texts) > _MAX_TEXTS else ""
    return f"{first.rstrip(' .:')}: {'; '.join(others)}{more}"


def _texts(error: Any, depth: int = 4) -> Iterator[str]:
    """The texts in an error, the message first; codes are numbers and are left out."""
    if isinstance(error, str):
        if text := _shortened(error):
            yield text
    elif isinstance(error, list) and depth:
        for one in error:
            yield from _texts(one, depth - 1)
    elif isinstance(error, dict) and depth:
        yield from _texts(error.get("message"), 0)
        if "errors" in error:
            yield from _texts(error["errors"], depth - 1)
        elif "message" not in error:
            for name, one in error.items():
                yield from (f"{_shortened(str(name))}: {text}" for text in _texts(one, depth - 1))


def _shortened(text: str) -> str:
    """A text in one line, of a bounded length, without characters that nobody sees."""
    line = without_invisible(" ".join(text[:_MAX_READ].split()))
    return line if len(line) <= _MAX_TEXT else f"{line[:_MAX_TEXT]}\u2026"
