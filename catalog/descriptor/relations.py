"""Which fields of a descriptor are relations, and what the other end calls them. Pure.

Source: https://backstage.io/docs/features/software-catalog/well-known-relations
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.refs import EntityRef, InvalidRefError

_PAIRS = (
    ("ownedBy", "ownerOf"),
    ("partOf", "hasPart"),
    ("providesApi", "apiProvidedBy"),
    ("consumesApi", "apiConsumedBy"),
    ("dependsOn", "dependencyOf"),
    ("childOf", "parentOf"),
    ("hasMember", "memberOf"),
)
INVERSE: dict[str, str] = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of ``spec`` that points to other entities.

    Attributes:
        name: Key in ``spec``.
        type: Relation type from the declarer's side.
        default_kind: Kind of a reference that names none; empty means that one is required.
    """

    name: str
    type: str
    default_kind: str = ""


_OWNER = Field("owner", "ownedBy", "Group")
_SYSTEM = Field("system", "partOf", "System")
_DEPENDS = (Field("dependsOn", "dependsOn"), Field("dependencyOf", "dependencyOf"))
FIELDS: Mapping[str, tuple[Field, ...]] = {
    "Component": (
        _OWNER,
        _SYSTEM,
        Field("subcomponentOf", "partOf", "Component"),
        Field("providesApis", "providesApi", "API"),
        Field("consumesApis", "consumesApi", "API"),
        *_DEPENDS,
    ),
    "API": (_OWNER, _SYSTEM),
    "Resource": (_OWNER, _SYSTEM, *_DEPENDS),
    "System": (_OWNER, Field("domain", "partOf", "Domain")),
    "Domain": (_OWNER, Field("subdomainOf", "partOf", "Domain")),
    "Group": (
        Field("parent", "childOf", "Group"),
        Field("children", "parentOf", "Group"),
        Field("members", "hasMember", "User"),
    ),
    "User": (Field("memberOf", "memberOf", "Group"),),
    "Location": (),
    "Template": (_OWNER,),
    # Of types other than skill, the format knows no dependsOn: it is read alike.
    "AiResource": (_OWNER, _SYSTEM, *_DEPENDS),
}
MAX_REF_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Declared:
    """One relation as a descriptor declares it.

    Attributes:
        type: From the declarer's side, for example ``ownedBy``.
        target: Canonical reference of the other end.
        path: Where it is written, for example ``("spec", "dependsOn", 0)``.
    """

    type: str
    target: str
    path: tuple[str | int, ...]

    @property
    def key(self) -> str:
        """What the relation is known by among those of its descriptor."""
        return key_of(self.type, self.target)


def key_of(type_: str, target: str) -> str:
    """What a relation is known by among those of its descriptor: no two are alike."""
    return f"{type_} {target}"


@dataclass(frozen=True, slots=True)
class BadRef:
    """A value that should be a reference and is none.

    Attributes:
        path: Where it is written.
        message: What is wrong with it.
        hint: What to write instead; may be empty.
    """

    path: tuple[str | int, ...]
    message: str
    hint: str


def declared(
    kind: str, namespace: str, spec: Mapping[str, Any]
) -> tuple[list[Declared], list[BadRef]]:
    """Read every relation of one descriptor, each (type, target) once, in the order written.

    Args:
        kind: One of the format's kinds, as spelt in the descriptor.
        namespace: The declaring entity's namespace, the default of every reference.
        spec: The descriptor's ``spec``.

    Returns:
        The relations, and the values that are no references.
    """
    found: dict[tuple[str, str], Declared] = {}
    bad: list[BadRef] = []
    for field in FIELDS.get(kind, ()):
        for path, value in _values(field.name, spec.get(field.name)):
            try:
                target = str(_ref(value, field, namespace))
            except InvalidRefError as exc:
                bad.append(BadRef(path, str(exc), _hint(value, field)))
                continue
            if len(target) > MAX_REF_LENGTH:
                bad.append(BadRef(path, f"longer than {MAX_REF_LENGTH} characters", ""))
                continue
            found.setdefault((field.type, target), Declared(field.type, target, path))
    return list(found.values()), bad


def _values(name: str, value: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield ("spec", name, number), item
    elif value or isinstance(value, dict):
        yield ("spec", name), value


def _ref(value: Any, field: Field, namespace: str) -> EntityRef:
    if isinstance(value, str):
        return EntityRef.parse(value, default_kind=field.default_kind, default_namespace=namespace)
    if isinstance(value, dict):
        # A field that no schema types (dependencyOf) may also hold the parts one by one.
        kind = value.get("kind", field.default_kind)
        own = value.get("namespace", namespace)
        name = value.get("name")
        if all(isinstance(part, str) and part for part in (kind, own, name)):
            return EntityRef.of(kind, own, str(name))
    raise InvalidRefError(f"{value!r} is not a reference")


def _hint(value: Any, field: Field) -> str:
    if not isinstance(value, str) or not value:
        return "write [kind:][namespace/]name"
    if not field.default_kind and ":" not in value:
        return f"write component:{value} or resource:{value}"
    return "write [kind:][namespace/]name, with something before and after ':' and '/'"
