"""Check references between the documents of several files, and names declared twice.

Pure: what else is known, for example from a catalog, is passed in.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator

from rapidfuzz import fuzz, process

from catalog.descriptor.documents import Document, Problem
from catalog.refs import EntityRef

_NEAR_ENOUGH = 75


class ReferenceIndex:
    """The references that a set of documents declares.

    Args:
        elsewhere: What these documents' neighbourhood is called in a message.
    """

    def __init__(self, elsewhere: str) -> None:
        self.elsewhere = elsewhere
        self._declared_at: dict[str, str] = {}
        self._names: dict[str, dict[str, str]] = defaultdict(dict)

    def add(self, document: Document, place: str) -> str:
        """Take in what a document declares.

        Args:
            document: One that is refused counts too: its own errors say what is wrong.
            place: Where it stands, for example ``a.yaml:3``.

        Returns:
            Where the same name was declared before; empty if nowhere.
        """
        if document.ref is None:
            return ""
        ref = str(document.ref)
        first = self._declared_at.setdefault(ref, place)
        self._names[document.ref.kind][ref] = document.ref.name
        return "" if first == place else first

    def add_known(self, refs: Collection[str]) -> None:
        """Take in entities that no document here declares."""
        for text in refs:
            ref = EntityRef.parse(text)
            self._declared_at.setdefault(text, "")
            self._names[ref.kind].setdefault(text, ref.name)

    def unresolved(self, document: Document) -> Iterator[Problem]:
        """A warning for each reference of a document that nothing here has."""
        for relation in document.relations:
            if relation.target not in self._declared_at:
                yield document.warn(
                    relation.path,
                    f"{relation.target} is in none of {self.elsewhere}",
                    self._hint(EntityRef.parse(relation.target)),
                )

    def _hint(self, ref: EntityRef) -> str:
        for kind in self._names:
            other = f"{kind}:{ref.namespace}/{ref.name}"
            if other in self._declared_at:
                return f"did you mean {other}?"
        known = self._names.get(ref.kind, {})
        near = process.extractOne(ref.name, known, scorer=fuzz.ratio, score_cutoff=_NEAR_ENOUGH)
        return f"did you mean {near[2]}?" if near else ""
