"""What was read of the catalog, kept in the cache as long as the catalog is not written.

A cache that is empty or broken costs the reading, nothing else.
"""

import hashlib
import logging
from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache

T = TypeVar("T")
_KEPT_S = 3600
logger = logging.getLogger(__name__)


def of_version(name: str, parts: object, version: int, read: Callable[[], T]) -> T:
    """What was kept under these parts at this version; else read, and keep it.

    Args:
        name: What it is, for the cache's key.
        parts: What else it depends on; its ``repr`` says so.
        version: The catalog's, read before the reading: what is written meanwhile is read by
            whoever comes next.
        read: Reads it; the result must be picklable.
    """
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()
    key = f"catalog:{name}:{version}:{digest}"
    try:
        found: tuple[T] | None = cache.get(key)
    except Exception:  # noqa: BLE001 -- what another release kept may not unpickle, in any way
        logger.warning("The cache did not answer")
        return read()
    if found is not None:
        return found[0]
    made = read()
    try:
        cache.set(key, (made,), _KEPT_S)
    except Exception:  # noqa: BLE001 -- each cache fails in its own way; none may fail the page
        logger.warning("The cache kept nothing")
    return made
