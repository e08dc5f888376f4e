"""Which tokens and secrets a header can carry. Pure."""

import re

# Printable, without blanks. Quote marks come along from a file of variables that is not read by a
# shell.
_SENDABLE = re.compile(r"[!#-&(-~]+")


def is_sendable(token: str) -> bool:
    """Whether a token can be sent in a header as it was written: no blank, no quote mark, ASCII."""
    return _SENDABLE.fullmatch(token) is not None
