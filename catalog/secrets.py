"""Which annotations are secret, and what is shown instead of their values. Pure."""

import re
from collections.abc import Mapping
from typing import Any

_SECRET_WORDS = ("key", "token", "secret", "password")
# "Key" is also what other systems call the short name of a project, for example
# sonarqube.org/project-key and jira/project-key: it stands on every page of theirs.
_PUBLIC = re.compile(r"(?:project|space|board|issue|public)[-_.]?key$|key[-_.]?id$")
_MASK = "****"
_SHORTEST_TO_SEARCH = 5
# Words of small letters are names: looking for copies of one would blank out titles and types.
_NAME = re.compile(r"[a-z]+(?:[-_. ][a-z]+)*")


def is_secret(annotation: str) -> bool:
    """Whether the annotation's value is shown masked."""
    lowered = annotation.lower()
    return any(word in lowered for word in _SECRET_WORDS) and not _PUBLIC.search(lowered)


def mask(secret: str) -> str:
    """The secret's last four characters behind asterisks; nothing of it when it is short."""
    return f"{_MASK}{secret[-4:]}" if len(secret) > 8 else _MASK


def is_mask(text: str) -> bool:
    """Whether the text looks like a shown secret rather than one."""
    return text.startswith(_MASK)


def masks_of(*annotations: Mapping[str, Any]) -> dict[str, str]:
    """What to show instead of each secret of these annotations, longest secret first."""
    secrets = {
        value
        for own in annotations
        for key, value in own.items()
        if is_secret(str(key)) and isinstance(value, str) and value
    }
    return {secret: mask(secret) for secret in sorted(secrets, key=len, reverse=True)}


def hide(text: str, masks: Mapping[str, str]) -> str:
    """The text with every secret of five characters or more masked, unless it is a mere name."""
    for secret, masked in masks.items():
        if len(secret) >= _SHORTEST_TO_SEARCH and not _NAME.fullmatch(secret):
            text = text.replace(secret, masked)
    return text
