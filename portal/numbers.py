"""Numbers that a request names."""

import re

# No column and no clock of a database holds one of more digits; SQLite's driver raises for it.
_NUMBER = re.compile(r"[0-9]{1,18}")


def whole_number(text: str) -> int | None:
    """The number that the text is, in digits alone; None for anything else."""
    return int(text) if _NUMBER.fullmatch(text) else None
