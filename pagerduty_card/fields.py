"""Reading one field of PagerDuty's JSON: what is required is there, what is odd is empty.

The functions raise ``Unreadable`` where the contract is broken in a way the portal cannot live
with.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit

from pagerduty_card.errors import Oversized, Unreadable

MAX_URL_LENGTH = 500
# What the database keeps. PagerDuty's ids have 14 characters at most.
MAX_NUMBER = 2**31 - 1
MAX_ID_LENGTH = 32


class Tolerant(StrEnum):
    """A value that PagerDuty adds tomorrow reads as UNKNOWN, never as one that is fine."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        del value
        return cls.__members__.get("UNKNOWN")


def web_url(value: object) -> str:
    """The address if it is an http or https one that a link may carry, else an empty string."""
    if not isinstance(value, str) or len(value) > MAX_URL_LENGTH:
        return ""
    if any(char.isspace() or not char.isprintable() for char in value):
        return ""
    try:
        parts = urlsplit(value)
    except ValueError:
        return ""
    return value if parts.scheme in {"http", "https"} and parts.hostname else ""


def as_object(value: Any, what: str) -> dict[str, Any]:
    """The value as a JSON object; ``what`` names it in the refusal."""
    if not isinstance(value, dict):
        raise Unreadable(f"{what} is not an object")
    return value


def as_list(value: Any) -> list[Any]:
    """The value as a list; null and missing are empty."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable("a list is not a list")
    return value


def objects_of(value: Any) -> Iterable[dict[str, Any]]:
    """The objects of a list; null and missing are none."""
    return (as_object(one, "list item") for one in as_list(value))


def required_text(raw: dict[str, Any], key: str) -> str:
    """A text that must be there."""
    value = text(raw, key)
    if not value:
        raise Unreadable(f"{raw.get('type') or 'object'} without {key}")
    return value


def required_number(raw: dict[str, Any], key: str, *, at_least: int) -> int:
    """A whole number that must be there."""
    value = raw.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unreadable(f"{raw.get('type') or 'object'} without {key}")
    if not at_least <= value <= MAX_NUMBER:
        raise Unreadable(f"{raw.get('type') or 'object'} without {key}")
    return value


def id_of(raw: dict[str, Any]) -> str:
    """PagerDuty's id of an object; a longer one than is kept is folded, and is still its own."""
    value = required_text(raw, "id")
    if len(value) <= MAX_ID_LENGTH:
        return value
    return f"{value[:15]}~{hashlib.sha256(value.encode()).hexdigest()[:16]}"


def asked_id_of(raw: dict[str, Any]) -> str:
    """The id of an object that PagerDuty is asked about by it.

    Raises:
        Oversized: It is longer than is kept; folded, PagerDuty would not know it.
    """
    value = required_text(raw, "id")
    if len(value) > MAX_ID_LENGTH:
        raise Oversized(f"an id has {len(value)} characters: {value[:MAX_ID_LENGTH]}\u2026")
    return value


def text(raw: dict[str, Any], key: str) -> str:
    """A text, or an empty one for anything else."""
    value = raw.get(key)
    if not isinstance(value, str):
        return ""
    # PostgreSQL stores no NUL character, and no database half of a surrogate pair.
    return value.replace("\0", "").encode(errors="ignore").decode()


def name_of(raw: dict[str, Any]) -> str:
    """What an object is called: its name, its summary or its id."""
    return text(raw, "name") or text(raw, "summary") or id_of(raw)


def name_if_any(value: Any) -> str:
    """What an object is called that may be missing; empty then."""
    return (text(value, "name") or text(value, "summary")) if isinstance(value, dict) else ""


def url_of(raw: dict[str, Any]) -> str:
    """The object's page in PagerDuty's web application."""
    return web_url(raw.get("html_url"))


def count(raw: dict[str, Any], key: str) -> int:
    """A whole number, 0 for anything else."""
    value = raw.get(key)
    return value if isinstance(value, int) and 0 <= value <= MAX_NUMBER else 0


def instant(raw: dict[str, Any], key: str) -> datetime | None:
    """Read an ISO 8601 instant; null and missing are None, anything unreadable is refused."""
    value = raw.get(key)
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise Unreadable(f"{key} has no time zone")
        return at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise Unreadable(f"{key} is not an instant") from None


def required_instant(raw: dict[str, Any], key: str) -> datetime:
    """An instant (UTC) that must be there."""
    at = instant(raw, key)
    if at is None:
        raise Unreadable(f"{raw.get('type') or 'object'} without {key}")
    return at
