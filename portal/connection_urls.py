"""What is wrong with the address of a server in the settings; no message shows a secret part.

Each problem continues a sentence that begins with the variable's name; none is an empty text.
"""

import os
import re
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LONGEST_QUOTE = 200
_DATABASES = ("postgres", "postgresql", "sqlite")
_IN_MEMORY = frozenset({"sqlite://:memory:", "sqlite:///:memory:", "sqlite://"})
_REDIS = ("redis", "rediss", "unix")
_SITES = ("http", "https")


def problem_of_site(value: str) -> str:
    """What is wrong with an http or https address."""
    problem = _problem_of_url(value, _SITES)
    return problem or ("" if urlsplit(value).hostname else "does not name a host")


def problem_of_redis(value: str) -> str:
    """What is wrong with the address of a Redis server; nothing is connected."""
    if problem := _problem_of_url(value, _REDIS):
        return problem
    parts = urlsplit(value)
    is_local = parts.scheme == "unix"
    if (not is_local and not parts.hostname) or parts.fragment:
        return "does not name a host"
    if not is_local and not re.fullmatch(r"(?:/[0-9]*)?", parts.path):
        return "does not end in the number of a database"
    if not find_spec("redis"):
        return "needs the package redis, from requirements/scale.txt"
    if not _has_usable_options(value):
        return "ends in an option that Redis's client does not know"
    return ""


def problem_of_database(value: str) -> str:
    """What is wrong with a database's address."""
    if problem := _problem_of_url(value, _DATABASES):
        return problem
    if value in _IN_MEMORY:
        return ""
    parts = urlsplit(value)
    name = unquote(parts.path[1:])
    if parts.scheme == "sqlite":
        if parts.netloc or not name:
            return "does not name a file: write three slashes before a relative path, else four"
        folder = Path(name).parent
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK) or Path(name).is_dir():
            return f"names a file in {folder}, which is not a folder that can be written to"
        return ""
    if not name or parts.fragment or "@" in name or (parts.hostname and "/" in name):
        return "does not end in a host, a slash and the name of a database"
    return "" if find_spec("psycopg") else "needs psycopg, from requirements/scale.txt"


def quoted(value: str) -> str:
    """The value for a message, cut to a length that can be read."""
    return repr(value if len(value) <= _LONGEST_QUOTE else f"{value[:_LONGEST_QUOTE]}…")


def _problem_of_url(value: str, schemes: Collection[str]) -> str:
    """What is wrong with scheme, host and port; quotes the scheme alone, the rest may be secret."""
    scheme, separator, _ = value.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return f"does not begin with {_schemes_of(schemes)}"
    if scheme not in schemes:
        return f"begins with {quoted(scheme)}, not with {_schemes_of(schemes)}"
    if value in _IN_MEMORY:
        return ""
    try:
        _ = urlsplit(value).port  # raises for one that is no number
    except ValueError:
        return "does not have a host and a port that can be read"
    return ""


def _has_usable_options(redis_url: str) -> bool:
    """Whether a connection can be made of the address; nothing is connected."""
    from redis import ConnectionPool, RedisError

    try:
        ConnectionPool.from_url(redis_url).make_connection()
    except (ValueError, TypeError, RedisError):
        return False
    return True


def _schemes_of(schemes: Collection[str]) -> str:
    """The schemes for a sentence."""
    *others, last = (f"{one}://" for one in schemes)
    return f"{', '.join(others)} or {last}"
