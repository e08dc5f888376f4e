"""Names of environment variables that nothing reads, and which of ours was probably meant. Pure."""

import difflib
import re
from collections.abc import Collection
from typing import NamedTuple

# A variable with it is the path of a file that holds the value of the one without.
FILE = "_FILE"
_PREFIXES = (
    *("PORTAL_", "CATALOG_", "PAGERDUTY_", "SANDBOX_", "WEB_", "DATABASE_", "REDIS_"),
    *("ALLOWED_", "SECURE_", "CSRF_", "SESSION_COOKIE_"),
)
# Kubernetes and Docker describe a service called "portal" or "redis" to every container like this.
_OF_SERVICES = re.compile(
    r".+_SERVICE_(?:HOST|PORT(?:_\w+)?)|[A-Z0-9]+_PORT(?:_\d+_(?:TCP|UDP)\w*)?|.+_ENV_.+"
)
# The test suite's own.
_OF_TESTS = frozenset({"CATALOG_CORPUS_DIR", "PAGERDUTY_OPENAPI_DIR"})
# How other installations of Django and gunicorn call what one of ours decides.
_ELSEWHERE = {
    "CSRF_TRUSTED_ORIGINS": "PORTAL_URL",
    "SECURE_PROXY_SSL_HEADER": "PORTAL_BEHIND_PROXY",
    "SESSION_COOKIE_AGE": "PORTAL_SESSION_HOURS",
    "WEB_CONCURRENCY": "WEB_WORKERS",
}
_OF_DJANGO = "DJANGO_"
# How alike two names are that begin like none of ours; 1 is the same name.
_ALIKE = 0.85
# What other programs are set by; too short to be told from a misspelling.
_TOO_SHORT = frozenset({"HOST", "PORT"})


class Misspelling(NamedTuple):
    """A variable that nothing reads, and the one that was probably meant; empty if none is near."""

    name: str
    nearest: str


def misspellings(variables: Collection[str], known: Collection[str]) -> list[Misspelling]:
    """Return the variables that are spelt like ours and that nothing reads, by name.

    Args:
        variables: Names of all that are set.
        known: Names that are read, without those of their files.
    """
    found = []
    names = set(known) - _TOO_SHORT
    for name in sorted(set(variables) - _OF_TESTS):
        suffix = FILE if name.upper().endswith(FILE) else ""
        base = name.removesuffix(suffix)
        if base in known or _OF_SERVICES.fullmatch(name):
            continue
        written = base.upper()
        meant = _ELSEWHERE.get(written)
        if written.startswith(_OF_DJANGO) and written.removeprefix(_OF_DJANGO) in names:
            meant = written.removeprefix(_OF_DJANGO)
        is_ours = written.startswith(_PREFIXES)
        cutoff = 0.6 if is_ours else _ALIKE
        near = [meant] if meant else difflib.get_close_matches(written, names, n=1, cutoff=cutoff)
        if is_ours or near:
            found.append(Misspelling(name, near[0] + suffix if near else ""))
    return found
