"""Fingerprint a file by its bytes and the rules that it is checked by."""

import hashlib
from collections.abc import Collection
from functools import cache
from pathlib import Path

import catalog.descriptor
from catalog.descriptor import Limits

_SALT, _BYTES = 16, 48


@cache
def rules_version() -> str:
    """A digest of the code that judges documents: new rules have every file judged again."""
    digest = hashlib.sha256()
    package = Path(catalog.descriptor.__file__).parent
    files = [file for file in package.rglob("*") if file.suffix in (".py", ".json")]
    here = Path(__file__).parent
    names = ("placeholders", "repositories", "spellings", "targets", "traversal")
    files += [here / f"{name}.py" for name in names]
    files.append(here.parent / "refs.py")
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def salt_of(kinds: Collection[str], limits: Limits) -> str:
    """The first part of a file's fingerprint: all that its verdict follows from but its bytes.

    Args:
        kinds: The kinds that its location may define; none means all.
        limits: What one file may cost.
    """
    facts = f"{rules_version()}\n{sorted(kinds)}\n{limits}"
    return hashlib.sha256(facts.encode()).hexdigest()[:_SALT]


def fingerprint_of(salt: str, data: bytes) -> str:
    """The 64 hex digits that stand for a file: its salt, then 192 bits of its bytes' SHA-256."""
    return salt + hashlib.sha256(data).hexdigest()[:_BYTES]
