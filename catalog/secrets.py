"""Which values of a descriptor are secret, and what is shown instead. Pure."""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from portal.secret_shapes import MASK, hide_shapes, mask

__all__ = ["forms_of", "hide", "is_mask", "is_secret", "is_secret_field", "mask", "masks_of"]

_SECRET_WORDS = ("key", "token", "secret", "password", "passwd", "credential")
# Short words are parts of others: an author is not "auth", nor a path "pat".
_SECRET_PARTS = {"pwd", "pw", "pass", "pat", "dsn", "auth", "bearer", "cookie", "webhook"}
# "Key" is also what other systems call the short name of a project, for example
# sonarqube.org/project-key and jira/project-key: it stands on every page of theirs.
_PUBLIC = re.compile(r"(?:project|space|board|issue|public)[-_.]?key$|key[-_.]?id$")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# Of fields outside of annotations: "key" alone names an entry, and a primary key a column.
_SECRET_FIELD = re.compile(
    r"(?:password|passwd|secret|token|credentials?|(?:api|access|private|routing|integration|"
    r"signing|encryption)[-_ ]?key)$",
    re.IGNORECASE,
)
_SECRET_FIELD_PARTS = {"pwd", "dsn", "bearer", "cookie"}
_SHORTEST_TO_SEARCH = 5
# Words of small letters are names: looking for copies of one would blank out titles and types.
_NAME = re.compile(r"[a-z]+(?:[-_. ][a-z]+)*")


def is_secret(annotation: str) -> bool:
    """Whether the annotation's value is shown masked, whatever it looks like."""
    lowered = annotation.lower()
    if any(word in lowered for word in _SECRET_WORDS):
        return not _PUBLIC.search(lowered)
    return not _SECRET_PARTS.isdisjoint(_parts(annotation))


def is_secret_field(name: str) -> bool:
    """Whether the text of a field outside of annotations is shown masked."""
    return bool(_SECRET_FIELD.search(name)) or not _SECRET_FIELD_PARTS.isdisjoint(_parts(name))


def _parts(name: str) -> set[str]:
    return {part.lower() for part in _PARTS.findall(name)}


def is_mask(text: str) -> bool:
    """Whether the text looks like a shown secret rather than one."""
    return text.startswith(MASK)


def masks_of(*annotations: Mapping[str, Any]) -> dict[str, str]:
    """What to show instead of each secret of these annotations, longest secret first.

    The secrets are in lower case, since copies are found in any case, and those in Base64 follow
    as they are.
    """
    secrets = {
        value
        for own in annotations
        for key, value in own.items()
        if is_secret(str(key)) and isinstance(value, str) and _is_searched(value)
    }
    found = {form: mask(secret) for secret in secrets for form in forms_of(secret)}
    return dict(sorted(found.items(), key=lambda pair: len(pair[0]), reverse=True))


def _is_searched(secret: str) -> bool:
    return len(secret) >= _SHORTEST_TO_SEARCH and not _NAME.fullmatch(secret)


def forms_of(secret: str) -> Iterator[str]:
    """How copies of a secret are written, in lower case."""
    yield secret.lower()
    yield base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode().rstrip("=").lower()


def hide(text: str, masks: Mapping[str, str]) -> str:
    """The text with its secrets masked: those that are known, and those known by their form.

    A known one counts from five characters on, in any case and in Base64, unless it is a mere name.
    """
    if masks:
        lowered = text.lower()
        for secret, masked in masks.items():
            if secret in lowered:
                text = re.sub(re.escape(secret), masked.replace("\\", r"\\"), text, flags=re.I)
                lowered = text.lower()
    return hide_shapes(text)
