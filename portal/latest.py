"""What a process made last, kept for as long as what it follows from is the same."""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Latest(Generic[K, V]):
    """One value, by a key that tells all it follows from.

    For what many readers are shown alike and is too large to be read from the cache for each.
    """

    def __init__(self) -> None:
        self._kept: tuple[K, V] | None = None

    def get(self, key: K) -> V | None:
        """The value, if it is this key's; None otherwise."""
        kept = self._kept  # in one step: another thread may be putting its own in the place
        return kept[1] if kept and kept[0] == key else None

    def put(self, key: K, value: V) -> V:
        """Keep the value in place of the one before; the value."""
        self._kept = (key, value)
        return value

    def of(self, key: K, make: Callable[[], V]) -> V:
        """The key's value; made, and kept, where another one or none was."""
        kept = self.get(key)
        return self.put(key, make()) if kept is None else kept

    def forget(self) -> None:
        """Keep nothing, as a process that was just started."""
        self._kept = None
