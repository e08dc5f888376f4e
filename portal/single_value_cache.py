"""A cache of one value in the memory of one process."""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class SingleValueCache(Generic[K, V]):
    """One value, under a key that names all it follows from; another key's value replaces it.

    For what many readers are shown alike and is too large to be read from the cache for each.
    """

    def __init__(self) -> None:
        self._entry: tuple[K, V] | None = None

    def get(self, key: K) -> V | None:
        """The value, if it is this key's; None otherwise."""
        entry = self._entry  # in one step: another thread may be putting its own in the place
        return entry[1] if entry and entry[0] == key else None

    def set(self, key: K, value: V) -> V:
        """Keep the value in place of the one before; the value."""
        self._entry = (key, value)
        return value

    def get_or_set(self, key: K, make: Callable[[], V]) -> V:
        """The key's value; made, and kept, where another one or none was."""
        value = self.get(key)
        return self.set(key, make()) if value is None else value

    def clear(self) -> None:
        """Keep nothing, as a process that was just started."""
        self._entry = None
