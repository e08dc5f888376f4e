"""Text to documents: each with its data, reference, relations and all its problems. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import itemgetter
from typing import Any

from catalog.descriptor import api_answer, schema
from catalog.descriptor.filling import Resolve, fill
from catalog.descriptor.relations import Declared, declared
from catalog.descriptor.rules import GROUP, Breach
from catalog.descriptor.yaml import DEFAULT_LIMITS, Limits, Path, Positions, RawDocument, YamlError
from catalog.descriptor.yaml import read as read_yaml
from catalog.refs import EntityRef
from catalog.secrets import hide, masks_of


class Sort(StrEnum):
    """What a document is.

    ``FOREIGN`` is one of another system, as those of Kubernetes or of a build; ``SKELETON`` one
    that a template makes a descriptor of.
    """

    DESCRIPTOR = "descriptor"
    SKELETON = "skeleton"
    FOREIGN = "foreign"


MAX_PROBLEMS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a document, and where.

    Attributes:
        line: 1-based.
        column: 1-based.
        path: Field, for example ``spec.dependsOn[0]``; empty for the whole document.
        message: What was found and what is allowed.
        hint: What to write instead; may be empty.
    """

    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}" if self.path else self.message
        return f"{text} ({self.hint})" if self.hint else text

    def masked(self, mask: Callable[[str], str]) -> "Problem":
        """The problem with the secrets masked in its message and its hint."""
        return replace(self, message=mask(self.message), hint=mask(self.hint))

    def as_json(self) -> dict[str, Any]:
        """The problem as it is stored and printed."""
        return {
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "message": self.message,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a file.

    Attributes:
        index: 0-based number in the file.
        line: 1-based line of its first content.
        data: The descriptor as JSON values; None for an empty or unreadable document. Placeholders
            that could not be read are left as written.
        problems: Everything wrong with it, in file order; a document with any is refused.
        warnings: What is allowed and looks like a mistake.
        ref: Canonical reference; None if the document is too broken to have one.
        relations: What it declares; empty for a refused document.
        raw: The document as text, to tell later where a field stands.
        sort: What it is, as far as its text tells.
        note: What to say of its file, once; may be empty.
    """

    index: int
    line: int
    data: Any
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    ref: EntityRef | None = None
    relations: tuple[Declared, ...] = ()
    raw: RawDocument | None = field(default=None, repr=False, compare=False)
    sort: Sort = Sort.DESCRIPTOR
    note: str = ""

    @property
    def annotation_lines(self) -> dict[str, int]:
        """Line of each annotation (1-based), of those that the document itself writes."""
        return self.raw.annotation_lines if self.raw else {}

    @property
    def reference_lines(self) -> dict[str, int]:
        """Line of each relation (1-based) by its key; of a placeholder where that brings it."""
        places = self.raw.reference_places if self.raw else {}
        return {one.key: _place(one.path, places, self.line)[0] for one in self.relations}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it; such a document is passed over."""
        return self.data is None and not self.problems

    @property
    def is_valid(self) -> bool:
        """Whether it is a descriptor that the catalog takes."""
        return self.data is not None and not self.problems

    def warn(self, path: Path, message: str, hint: str = "") -> Problem:
        """A warning about one field, at its place; finding it reads the document once more."""
        positions = self.raw.positions() if self.raw else {}
        return _problems([Breach(path, message, hint)], positions, self.line)[0]

    def places(self, paths: Sequence[Path]) -> list[Problem]:
        """Where fields stand, as problems without words; reads the document once more."""
        positions = self.raw.positions() if self.raw and paths else {}
        found = (_problems([Breach(path, "")], positions, self.line) for path in paths)
        return [problem for (problem,) in found]


@dataclass(slots=True)
class PassedOver:
    """How many documents of one file are no descriptors and were passed over.

    Attributes:
        foreign: Of other systems.
        skeletons: Of templates.
    """

    foreign: int = 0
    skeletons: int = 0


def descriptors_of(
    documents: Iterator[Document], passed_over: PassedOver | None
) -> Iterator[Document]:
    """The documents of one file without those that are no descriptors.

    They are passed over only in a file that has no descriptor at all: beside one they are
    mistakes.

    Args:
        documents: All of the file.
        passed_over: Counts them; None where every document must be a descriptor.
    """
    others: list[Document] = []
    is_ours = passed_over is None
    for document in documents:
        if is_ours or document.is_empty:
            yield document
        elif document.sort == Sort.DESCRIPTOR:
            is_ours = True
            yield from others
            yield document
        else:
            others.append(document)
    if not is_ours and passed_over is not None:
        passed_over.foreign = sum(1 for one in others if one.sort == Sort.FOREIGN)
        passed_over.skeletons = len(others) - passed_over.foreign


def parse(
    text: str, *, limits: Limits = DEFAULT_LIMITS, resolve: Resolve | None = None
) -> list[Document]:
    """Read every document of a text; nothing is raised for what is in it.

    A stream over a limit yields what was read before, and one more document with the problem.

    Args:
        text: YAML 1.2 or JSON, any number of documents. An answer of a catalog's API counts as
            the documents of its entities.
        limits: What it may cost.
        resolve: Reads the targets of placeholders; without it ``$text`` stands for some text.
    """
    return list(iter_parse(text, limits=limits, resolve=resolve))


def iter_parse(
    text: str, *, limits: Limits = DEFAULT_LIMITS, resolve: Resolve | None = None
) -> Iterator[Document]:
    """Like :func:`parse`, one document at a time."""
    index = -1
    try:
        for raw in read_yaml(text, limits=limits):
            answer = api_answer.answer_of(raw.value)
            if answer is None:
                index += 1
                yield _check(replace(raw, index=index), resolve)
                continue
            note = answer.note
            for one in api_answer.documents_of(raw, answer):
                index += 1
                yield replace(_check(replace(one, index=index), resolve), note=note)
                note = ""
    except YamlError as exc:
        yield Document(index=index + 1, line=exc.line, data=None, problems=(_of_error(exc),))


def _of_error(exc: YamlError) -> Problem:
    return Problem(line=exc.line, column=exc.column, path="", message=exc.message, hint=exc.hint)


def _check(raw: RawDocument, resolve: Resolve | None) -> Document:
    sort = _sort_of(raw)
    if raw.error is not None:
        problems = (_of_error(raw.error),)
        return Document(index=raw.index, line=raw.line, data=None, problems=problems, sort=sort)
    if raw.value is None:
        return Document(index=raw.index, line=raw.line, data=None)
    if sort == Sort.FOREIGN:
        return Document(
            index=raw.index,
            line=raw.line,
            data=raw.value,
            problems=_problems(
                [api_answer.explain(raw.value) or schema.foreign(raw.value)], {}, raw.line
            ),
            warnings=tuple(_undecoded(raw)),
            ref=_ref(raw.value),
            sort=sort,
        )
    found = list(_unstorable(raw.value, ()))
    filled = fill(raw.value, resolve)
    data, checked = filled.kept, filled.checked
    found += filled.refused
    found += [_of_placeholder(one, filled.brought) for one in schema.breaches(checked)]
    ref = _ref(checked)
    relations: Sequence[Declared] = ()
    # An entity whose definition cannot be read is still owned and paged: it is kept.
    warnings = list(filled.unread)
    if ref is not None and isinstance(checked.get("spec"), dict):
        namespace = checked["metadata"].get("namespace", "default")
        relations, bad = declared(checked["kind"], namespace, checked["spec"])
        paths = {b.path[:n] for b in found for n in range(2, len(b.path) + 1)}
        found += [Breach(b.path, b.message, b.hint) for b in bad if b.path not in paths]
    if isinstance(checked, dict):
        warnings += schema.misspelt(checked)
    positions = raw.positions() if found or warnings else {}
    masks = _masks(checked) if found or warnings else {}
    return Document(
        index=raw.index,
        line=raw.line,
        data=data,
        problems=_problems(found, positions, raw.line, masks),
        warnings=(*_undecoded(raw), *_problems(warnings, positions, raw.line, masks)),
        ref=ref,
        relations=() if found else tuple(relations),
        raw=raw,
        sort=sort,
    )


def _of_placeholder(breach: Breach, brought: Mapping[Path, str]) -> Breach:
    """The same, with the placeholder that brought the value; what to write is in its file."""
    placeholder = brought.get(breach.path)
    if placeholder is None:
        return breach
    is_for_text = "text is required" in breach.message
    hint = f"write $text: {placeholder.partition(' ')[2]}" if is_for_text else "correct that file"
    return Breach(breach.path, f"{placeholder} {breach.message}", hint)


def _sort_of(raw: RawDocument) -> Sort:
    if raw.error is not None:
        if not raw.says(GROUP):
            return Sort.FOREIGN
        return Sort.SKELETON if raw.has_template_marks else Sort.DESCRIPTOR
    if not schema.is_meant_as_descriptor(raw.value):
        return Sort.FOREIGN
    metadata = raw.value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    is_filled_in = isinstance(name, dict) or (isinstance(name, str) and schema.is_template(name))
    return Sort.SKELETON if is_filled_in and raw.has_template_marks else Sort.DESCRIPTOR


def _undecoded(raw: RawDocument) -> Iterator[Problem]:
    place = raw.undecoded
    if place is not None:
        line, column = place
        yield Problem(
            line=line,
            column=column,
            path="",
            message="A character here is not UTF-8 and was lost",
            hint="save the file as UTF-8",
        )


def _ref(data: Any) -> EntityRef | None:
    metadata = data.get("metadata") if isinstance(data, dict) else None
    if not isinstance(metadata, dict):
        return None
    namespace = metadata.get("namespace", "default")
    parts = (data.get("apiVersion"), data.get("kind"), namespace, metadata.get("name"))
    if not all(isinstance(part, str) and part for part in parts):
        return None
    return EntityRef.of(data["kind"], namespace, metadata["name"])


def _masks(data: Any) -> dict[str, str]:
    """What hides the document's own secrets in what is said of it."""
    metadata = data.get("metadata") if isinstance(data, dict) else None
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return masks_of(annotations) if isinstance(annotations, dict) else {}


def _unstorable(value: Any, path: Path) -> Iterator[Breach]:
    """What no database column or address could hold apart."""
    if isinstance(value, str):
        if "\0" in value:
            yield Breach(path, "holds the character NUL", "delete it")
    elif isinstance(value, dict):
        lowered: dict[str, str] = {}
        for key, inner in value.items():
            other = lowered.setdefault(key.lower(), key)
            if other != key:
                yield Breach(
                    (*path, key),
                    f"the keys {other!r} and {key!r} differ only in case",
                    "keep one of them",
                )
            if "\0" in key:
                yield Breach(path, "a key holds the character NUL", "delete it")
            yield from _unstorable(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _unstorable(inner, (*path, number))


def _problems(
    found: Sequence[Breach],
    positions: Positions,
    line: int,
    masks: Mapping[str, str] | None = None,
) -> tuple[Problem, ...]:
    # Many problems with many secrets to hide in each would take the square of their number.
    kept = sorted(
        ((_place(breach.path, positions, line), breach) for breach in found), key=itemgetter(0)
    )
    return tuple(
        Problem(
            line=at[0],
            column=at[1],
            path=_dotted(breach.path),
            message=hide(breach.message, masks or {}),
            hint=hide(breach.hint, masks or {}),
        )
        for at, breach in kept[:MAX_PROBLEMS]
    )


def _place(path: Path, positions: Positions, line: int) -> tuple[int, int]:
    """Line and column of a field, else of what holds it, else of the document's first line."""
    while path and path not in positions:
        path = path[:-1]
    return positions.get(path, (line, 1)) if path else (line, 1)


def _dotted(path: Path) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif "." in part or "/" in part:
            text += f'["{part}"]'
        else:
            text += f".{part}" if text else part
    return text
