"""PagerDuty's answers, judged: data of the expected shape, or the error that says how to react."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pagerduty_card.accounts import SCOPES
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


def error_of(answer: Reply, *, secrets: Sequence[str], needs: str = "") -> PagerDutyError:
    """The error for an answer that is not the good one, by what it asks of us.

    Args:
        answer: Any answer but the good one and 429.
        secrets: What must not show in the error.
        needs: The permission (OAuth scope) that the endpoint needs; empty for the Events API.
    """
    status, request_id = answer.status, answer.request_id
    words = [hide(one, secrets) for one in _words_of(answer.body)]
    said = " ".join(words) or f"PagerDuty answered {status}."
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
        # Its words for this, where there are any, tell no more.
        trouble = f"PagerDuty could not answer ({status})."
        is_refusal = status in _NOT_TAKEN
        return Unreachable(trouble, request_id=request_id, maybe_taken=not is_refusal)
    if 400 <= status < 500:
        logger.error(
            "pagerduty rejected a request",
            extra={"status": status, "answer": said[:500], "pagerduty_request_id": request_id},
        )
        return Rejected(said, errors=tuple(words), request_id=request_id)
    return broken(f"PagerDuty answered {status}, which the contract does not know.", request_id)


def broken(what: str, request_id: str) -> Unreadable:
    """Note loudly that the contract was broken; the caller raises the result."""
    logger.error(
        "pagerduty's answer does not follow the contract",
        extra={"what": what, "pagerduty_request_id": request_id},
    )
    return Unreadable(what, request_id=request_id)


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


def _words_of(body: Any) -> list[str]:
    """PagerDuty's sentences in an error answer of either API; none in an unknown shape."""
    if not isinstance(body, dict):
        return []
    inner = body.get("error")
    error = inner if isinstance(inner, dict) else body
    errors = error.get("errors")
    found = [error.get("message"), *(errors if isinstance(errors, list) else [])]
    return [one.strip() for one in found if isinstance(one, str) and one.strip()]
