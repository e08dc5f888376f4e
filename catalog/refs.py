"""EntityRef: the name by which one entity speaks of another.

Source: the reference format of Backstage's catalog,
https://backstage.io/docs/features/software-catalog/references
"""

from dataclasses import dataclass
from typing import Self


class InvalidRefError(ValueError):
    """The text is not an entity reference; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class EntityRef:
    """``kind:namespace/name``, compared without regard to case.

    Attributes:
        kind: Lower case, for example ``component``.
        namespace: Lower case, for example ``default``.
        name: Lower case.
    """

    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, kind: str, namespace: str, name: str) -> Self:
        """Build a reference from parts in any case."""
        return cls(kind.lower(), namespace.lower(), name.lower())

    @classmethod
    def parse(
        cls, text: str, *, default_kind: str = "", default_namespace: str = "default"
    ) -> Self:
        """Read ``[kind:][namespace/]name``.

        The first ``:`` ends the kind unless a ``/`` comes before it; the first ``/`` ends the
        namespace; all the rest is the name. Nothing is trimmed.

        Args:
            text: The reference as written.
            default_kind: Kind of a reference that names none; empty means that one is required.
            default_namespace: Namespace of a reference that names none.

        Raises:
            InvalidRefError: A part is empty, or the kind is missing and there is no default.
        """
        rest = text
        kind, namespace = default_kind, default_namespace
        colon, slash = rest.find(":"), rest.find("/")
        if colon != -1 and (slash == -1 or colon < slash):
            kind, rest = rest[:colon], rest[colon + 1 :]
            if not kind:
                raise InvalidRefError(f"{text!r} has nothing before the colon")
            slash = rest.find("/")
        if slash != -1:
            namespace, rest = rest[:slash], rest[slash + 1 :]
            if not namespace:
                raise InvalidRefError(f"{text!r} has nothing before the slash")
        if not rest:
            raise InvalidRefError(f"{text!r} has no name")
        if not kind:
            raise InvalidRefError(f"{text!r} has no kind")
        return cls.of(kind, namespace, rest)

    def __str__(self) -> str:
        return f"{self.kind}:{self.namespace}/{self.name}"

    def short(self, default_kind: str = "") -> str:
        """The reference without the kind, if it is ``default_kind``, and without ``default``."""
        kind = "" if self.kind == default_kind.lower() else f"{self.kind}:"
        namespace = "" if self.namespace == "default" else f"{self.namespace}/"
        return f"{kind}{namespace}{self.name}"
