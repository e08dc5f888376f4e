"""Which annotations are secret, and what is shown instead of their values. Pure."""

from collections.abc import Mapping
from typing import Any

_SECRET_WORDS = ("key", "token", "secret", "password")
_MASK = "****"
_SHORTEST_TO_SEARCH = 5


def is_secret(annotation: str) -> bool:
    """Whether the annotation's value is shown masked."""
    return any(word in annotation.lower() for word in _SECRET_WORDS)


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
    """The text with every secret of five characters or more masked."""
    for secret, masked in masks.items():
        if len(secret) >= _SHORTEST_TO_SEARCH:
            text = text.replace(secret, masked)
    return text
