"""Checks a document by the rules of the format. Pure.

A document is checked whole: all its errors are found at once, each with the path it stands at.

Source: https://backstage.io/docs/features/software-catalog/descriptor-format
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

from catalog.descriptor.explanations import explain, name_of, show
from catalog.descriptor.rules import (
    ENVELOPE,
    GROUP,
    KIND_SCHEMAS,
    KINDS,
    TYPE_SCHEMAS,
    Breach,
    Schema,
)
from catalog.descriptor.urls import is_absolute

_LOWERED_KINDS = frozenset(kind.lower() for kind in KINDS)
_GROUPS = tuple(
    {v.rpartition("/")[0] for one in KIND_SCHEMAS.values() for v in one.source["apiVersions"]}
)
_MAX_ERRORS = 200
_MAX_KEYS, _MAX_ITEMS = 500, 10_000


def is_template(text: str) -> bool:
    """Whether the text is one that a template fills in."""
    return any(mark in text for mark in ("{{", "${", "{%", "<%"))


def is_meant_as_descriptor(data: Any) -> bool:
    """Whether a document is one of the catalog's, however wrong, and not of another system."""
    if not isinstance(data, dict):
        return False
    version, kind = data.get("apiVersion"), data.get("kind")
    group = version.rpartition("/")[0] if isinstance(version, str) else ""
    if group and not get_close_matches(group.lower(), _GROUPS, 1, 0.7):
        return False
    return bool(group) or (isinstance(kind, str) and kind.lower() in _LOWERED_KINDS)


def foreign(data: Any) -> Breach:
    """The one problem of a document of another system, without a word of what is in it."""
    if not isinstance(data, dict):
        return Breach(
            (),
            f"The document is {name_of(data)}; a descriptor is a block of 'key: value' lines",
            "start with apiVersion, kind, metadata and spec",
        )
    return Breach(
        (),
        "is no descriptor: neither its apiVersion nor its kind is one of the catalog's",
        f"start with 'apiVersion: {GROUP}/v1alpha1' and one of the kinds {', '.join(KINDS)}",
    )


def breaches(data: Any) -> list[Breach]:
    """Every rule of the format that the document breaks; relations are not looked at.

    Args:
        data: The document as JSON values.

    Returns:
        The breaches; empty for a valid document.
    """
    if not isinstance(data, dict):
        return [foreign(data)]
    if large := list(_too_large(data)):
        return large
    found = [b for error in _errors(ENVELOPE, data) for b in explain(error, data)]
    found += _bad_links(data)
    schema, problems = _schema_for(data)
    found += problems
    schema = _schema_of_type(data) or schema
    if schema is not None:
        # A spec that is no object is already reported by the envelope.
        found += [
            breach
            for error in _errors(schema, data)
            if list(error.instance_path) != ["spec"] or error.kind.name != "type"
            for breach in explain(error, data, schema)
        ]
    return list({(b.path, b.message): b for b in found}.values())


def _schema_of_type(data: Mapping[str, Any]) -> Schema | None:
    """The schema of what the document's kind and type say together; None without one."""
    kind, spec = data.get("kind"), data.get("spec")
    if not isinstance(spec, dict) or (kind == "API" and "definition" in spec):
        return None
    of_type = spec.get("type")
    if not isinstance(kind, str) or not isinstance(of_type, str):
        return None
    return TYPE_SCHEMAS.get((kind, of_type))


def _too_large(data: Mapping[str, Any]) -> Iterator[Breach]:
    """Blocks and lists whose checking would take the square of their size."""
    metadata, spec = data.get("metadata"), data.get("spec")
    for parent, block in (("metadata", metadata), ("spec", spec)):
        for key, value in block.items() if isinstance(block, dict) else ():
            most = _MAX_KEYS if isinstance(value, dict) else _MAX_ITEMS
            if isinstance(value, dict | list) and len(value) > most:
                yield Breach(
                    (parent, key),
                    f"holds {len(value):,} entries; at most {most:,} are read",
                    "an entity needs no such number: make several entities of it",
                )


def _errors(schema: Schema, data: Any) -> Iterator[Any]:
    """The first errors of a document: each is explained with all that stands beside it."""
    return islice(schema.validator.iter_errors(data), _MAX_ERRORS)


def misspelt(data: Mapping[str, Any]) -> Iterator[Breach]:
    """Keys of ``spec`` and ``metadata`` that are allowed but look like a misspelt known one.

    A key that is written in place of a required one is left out: that error names it already.
    """
    kind, spec, metadata = data.get("kind"), data.get("spec"), data.get("metadata")
    known: dict[str, Any] = {}
    required: Sequence[str] = ()
    if isinstance(kind, str) and kind in KIND_SCHEMAS:
        schema = _schema_of_type(data) or KIND_SCHEMAS[kind]
        rules = schema.source["properties"]["spec"]
        known, required = rules["properties"], rules.get("required", ())
    meta = ENVELOPE.source["properties"]["metadata"]["properties"]
    for parent, block, names in (("spec", spec, known), ("metadata", metadata, meta)):
        if not isinstance(block, dict):
            continue
        wanted = required if parent == "spec" else ("name",)
        lowered = {name.lower(): name for name in names if name not in block}
        for key in block:
            if key in names or key == "dependencyOf":
                continue
            near = get_close_matches(key.lower(), lowered, 1, 0.85)
            if near and lowered[near[0]] not in wanted:
                message = "is no field of the format and is not read"
                yield Breach((parent, key), message, f"did you mean {lowered[near[0]]}?")


def _schema_for(data: dict[str, Any]) -> tuple[Schema | None, list[Breach]]:
    kind, version = data.get("kind"), data.get("apiVersion")
    if not isinstance(kind, str) or not kind:
        return None, []
    schema = KIND_SCHEMAS.get(kind)
    if schema is None:
        lowered = {known.lower(): known for known in KINDS}
        # What is meant is plain then, and its other errors are said with it.
        schema = KIND_SCHEMAS.get(lowered.get(kind.lower(), ""))
        near = get_close_matches(kind.lower(), lowered, 1, 0.7)
        if near:
            hint = f"did you mean {lowered[near[0]]}?"
            if near[0] == kind.lower():
                hint += " Upper and lower case count"
        else:
            hint = "use one of these kinds; spec.type can tell sorts of one kind apart"
        return schema, [
            Breach(("kind",), f"unknown kind {show(kind)}; allowed are {', '.join(KINDS)}", hint)
        ]
    versions: list[str] = schema.source["apiVersions"]
    if isinstance(version, str) and version and version not in versions:
        message = f"{kind} has no apiVersion {show(version)}; allowed is {' or '.join(versions)}"
        return schema, [Breach(("apiVersion",), message, f"write apiVersion: {versions[0]}")]
    return schema, []


def _bad_links(data: dict[str, Any]) -> Iterator[Breach]:
    metadata = data.get("metadata")
    links = metadata.get("links") if isinstance(metadata, dict) else None
    for number, link in enumerate(links if isinstance(links, list) else ()):
        url = link.get("url") if isinstance(link, dict) else None
        if isinstance(url, str) and url and not is_absolute(url):
            yield Breach(
                ("metadata", "links", number, "url"),
                f"{show(url)} is not a complete address",
                "start with https://",
            )
