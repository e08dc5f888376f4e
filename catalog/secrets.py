"""Which annotations are secret, and what is shown instead of their values. Pure."""

_SECRET_WORDS = ("key", "token", "secret", "password")
_MASK = "****"


def is_secret(annotation: str) -> bool:
    """Whether the annotation's value is shown masked."""
    return any(word in annotation.lower() for word in _SECRET_WORDS)


def mask(secret: str) -> str:
    """The secret's last four characters behind asterisks; nothing of it when it is short."""
    return f"{_MASK}{secret[-4:]}" if len(secret) > 8 else _MASK


def is_mask(text: str) -> bool:
    """Whether the text looks like a shown secret rather than one."""
    return text.startswith(_MASK)
