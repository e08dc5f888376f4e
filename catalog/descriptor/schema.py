"""The rules of the format: JSON Schemas of each kind, and every breach said in plain words. Pure.

A document is checked whole: all its errors are found at once, each with the path it stands at.

Source: https://backstage.io/docs/features/software-catalog/descriptor-format
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from itertools import islice
from typing import Any, Protocol, cast

import jsonschema_rs

from catalog.descriptor.urls import is_absolute
from catalog.descriptor.yaml import Path
from catalog.secrets import is_secret


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken rule.

    Attributes:
        path: Where, from the root of the document.
        message: What was found and what is allowed.
        hint: What to write instead; may be empty.
    """

    path: Path
    message: str
    hint: str = ""


class _Validator(Protocol):
    def iter_errors(self, instance: Any) -> Iterator[Any]: ...


@dataclass(frozen=True, slots=True)
class _Schema:
    validator: _Validator
    source: dict[str, Any]


def _load(name: str) -> _Schema:
    text = files("catalog.descriptor").joinpath("schemas", f"{name}.json").read_text("utf-8")
    source = cast("dict[str, Any]", json.loads(text))
    return _Schema(cast("_Validator", jsonschema_rs.Draft202012Validator(source)), source)


_ENVELOPE = _load("envelope")
_KINDS: Mapping[str, _Schema] = {
    schema.source["title"]: schema
    for schema in map(
        _load,
        (
            "component api resource system domain group user location template airesource".split()  # noqa: SIM905 - reads as the list it is
        ),
    )
}
KINDS = tuple(_KINDS)
# Kinds whose other fields follow from their type. An API of this type without a definition says
# where it is reached. Source: the module @backstage/plugin-catalog-backend-module-ai-model,
# https://backstage.io/docs/next/ai/ai-in-the-catalog
_TYPES: Mapping[tuple[str, str], _Schema] = {
    ("API", "mcp-server"): _load("mcp-server"),
    ("AiResource", "skill"): _load("ai-skill"),
    ("AiResource", "rule"): _load("ai-rule"),
}
GROUP = "backstage.io"
_LOWERED_KINDS = frozenset(kind.lower() for kind in KINDS)
_GROUPS = tuple(
    {v.rpartition("/")[0] for one in _KINDS.values() for v in one.source["apiVersions"]}
)
_SHOWN = 60
_MAX_UNKNOWN = 20
_MAX_ERRORS = 200
_MAX_KEYS, _MAX_ITEMS = 500, 10_000
# What is no word may be a line of a file that is no descriptor: it is not repeated.
_WORD = re.compile(r"[A-Za-z0-9_.\-]{1,40}")
_MAX_NAME = 63


def _says(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        if "says" in node:
            yield node["pattern"], node["says"]
        for inner in node.values():
            yield from _says(inner)


_PATTERNS = dict(_says(_ENVELOPE.source))


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
            f"the document is {_name(data)}; a descriptor is a block of 'key: value' lines",
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
    found = [b for error in _errors(_ENVELOPE, data) for b in _explain(error, data)]
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
            for breach in _explain(error, data, schema)
        ]
    return list({(b.path, b.message): b for b in found}.values())


def _schema_of_type(data: Mapping[str, Any]) -> _Schema | None:
    """The schema of what the document's kind and type say together; None without one."""
    kind, spec = data.get("kind"), data.get("spec")
    if not isinstance(spec, dict) or (kind == "API" and "definition" in spec):
        return None
    of_type = spec.get("type")
    if not isinstance(kind, str) or not isinstance(of_type, str):
        return None
    return _TYPES.get((kind, of_type))


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


def _errors(schema: _Schema, data: Any) -> Iterator[Any]:
    """The first errors of a document: each is explained with all that stands beside it."""
    return islice(schema.validator.iter_errors(data), _MAX_ERRORS)


def misspelt(data: Mapping[str, Any]) -> Iterator[Breach]:
    """Keys of ``spec`` and ``metadata`` that are allowed but look like a misspelt known one.

    A key that is written in place of a required one is left out: that error names it already.
    """
    kind, spec, metadata = data.get("kind"), data.get("spec"), data.get("metadata")
    known: dict[str, Any] = {}
    required: Sequence[str] = ()
    if isinstance(kind, str) and kind in _KINDS:
        schema = _schema_of_type(data) or _KINDS[kind]
        rules = schema.source["properties"]["spec"]
        known, required = rules["properties"], rules.get("required", ())
    meta = _ENVELOPE.source["properties"]["metadata"]["properties"]
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


def _schema_for(data: dict[str, Any]) -> tuple[_Schema | None, list[Breach]]:
    kind, version = data.get("kind"), data.get("apiVersion")
    if not isinstance(kind, str) or not kind:
        return None, []
    schema = _KINDS.get(kind)
    if schema is None:
        lowered = {known.lower(): known for known in KINDS}
        # What is meant is plain then, and its other errors are said with it.
        schema = _KINDS.get(lowered.get(kind.lower(), ""))
        near = get_close_matches(kind.lower(), lowered, 1, 0.7)
        if near:
            hint = f"did you mean {lowered[near[0]]}?"
            if near[0] == kind.lower():
                hint += " Upper and lower case count"
        else:
            hint = "use one of these kinds; spec.type can tell sorts of one kind apart"
        return schema, [
            Breach(("kind",), f"unknown kind {_show(kind)}; allowed are {', '.join(KINDS)}", hint)
        ]
    versions: list[str] = schema.source["apiVersions"]
    if isinstance(version, str) and version and version not in versions:
        message = f"{kind} has no apiVersion {_show(version)}; allowed is {' or '.join(versions)}"
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
                f"{_show(url)} is not a complete address",
                "start with https://",
            )


def _explain(error: Any, data: dict[str, Any], schema: _Schema | None = None) -> Iterator[Breach]:
    path: Path = tuple(error.instance_path)
    kind, instance = error.kind, error.instance
    match kind.name:
        case "required":
            yield _missing(path, kind.property, instance, schema)
        case "type":
            yield Breach(path, *_wrong_type(path, kind.types, instance))
        case "pattern":
            yield Breach(path, *_wrong_form(path, instance, _PATTERNS[kind.pattern]))
        case "propertyNames":
            key = kind.error.instance
            says = _PATTERNS[kind.error.kind.pattern]
            message = f"{_show(key)} is not a valid key; allowed is {says}"
            yield Breach((*path, key), message, _key_hint(key, kind.error.kind.pattern))
        case "minLength":
            yield Breach(path, "is empty; text is required", "fill it in or delete the line")
        case "enum":
            options = ", ".join(map(str, kind.options))
            yield Breach(path, f"{_show(instance)} is not allowed; allowed is {options}")
        case "additionalProperties":
            yield from _unknown(kind.unexpected, data)
        case _:
            yield Breach(path, str(error.message))


def _missing(path: Path, name: str, instance: Any, schema: _Schema | None) -> Breach:
    near = get_close_matches(name, instance, 1, 0.75) if isinstance(instance, dict) else []
    kind = schema.source["title"] if schema else ""
    if near:
        hint = f"did you mean {name} where {near[0]} is written?"
    elif (kind, name) == ("Group", "children"):
        hint = "write 'children: []' if the group has none"
    elif (kind, name) == ("User", "memberOf"):
        hint = "write 'memberOf: []' if the user belongs to no group"
    elif name == "apiVersion":
        hint = "start with 'apiVersion: backstage.io/v1alpha1'"
    elif path and isinstance(path[-1], int):
        hint = f"add '{name}:' to this item of {path[-2]}"
    else:
        hint = f"add '{name}:'" + (f" below {path[-1]}" if path else "")
    message = "is missing" + (f"; {kind} requires it" if kind else "")
    return Breach((*path, name), message, hint)


_TYPE_NAMES = {
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a block of keys",
    "null": "nothing",
}


def _wrong_type(path: Path, types: list[str], instance: Any) -> tuple[str, str]:
    wanted = [t for t in ("string", "boolean", "array", "object") if t in types]
    allowed = " or ".join(_TYPE_NAMES[t] for t in wanted)
    message = f"is {_name(instance)}; {allowed} is required"
    if isinstance(instance, dict) and len(instance) == 1 and instance.keys() & {"$json", "$yaml"}:
        ((key, target),) = instance.items()
        message = f"{allowed} is required, and {key} {target} could not be read"
        return message, "put the file beside the descriptor, or write what it holds here"
    if instance is None:
        return message, "delete the line, or write something under it"
    if "string" in types and isinstance(instance, bool | int | float):
        written = json.dumps(instance)
        if path[:2] == ("metadata", "annotations") and is_secret(str(path[-1])):
            return message, "write it in quotes"
        return f"is {_name(instance)} ({written}); {allowed} is required", f'write "{written}"'
    if "string" in types and isinstance(instance, list):
        return message, "write one value on the same line as the key"
    if "string" in types and isinstance(instance, dict):
        return message, _for_block(path, instance)
    if "array" in types and isinstance(instance, str):
        return message, f"write the value on a line of its own: '- {_show(instance, quote=False)}'"
    if "array" in types and isinstance(instance, dict):
        return message, "start each item with '- '"
    if "object" in types and isinstance(instance, list):
        return message, "write 'key: value' lines without '- '"
    return message, ""


def _for_block(path: Path, instance: dict[str, Any]) -> str:
    if path[-1:] == ("definition",):
        return "write 'definition: |' and indent the text below it"
    if len(instance) == 1 and isinstance(next(iter(instance.values())), dict | None):
        return "quote the value if it holds braces"
    return "write one value on the same line as the key"


def _wrong_form(path: Path, value: str, says: str) -> tuple[str, str]:
    message = f"{_show(value)} is not allowed; allowed is {says}"
    if not value:
        return "is empty; allowed is " + says, "fill it in or delete the line"
    if "{{" in value or "${" in value or "{%" in value:
        return message, "this looks like a template: it becomes a descriptor once filled in"
    field = next((part for part in reversed(path) if isinstance(part, str)), "")
    if field == "tags":
        return message, _write(re.sub("[^a-z0-9:+#]+", "-", value.lower()))
    if field == "namespace":
        return message, _write(re.sub("[^a-z0-9]+", "-", value.lower()))
    if field == "name":
        hint = _write(re.sub("[^A-Za-z0-9_.-]+", "-", value))
        return message, hint + " and put the other form into title" if " " in value else hint
    if path[:2] == ("metadata", "labels"):
        hint = _write(re.sub("[^A-Za-z0-9_.-]+", "-", value))
        return message, ", or ".join((*filter(None, [hint]), "put it into annotations: any text"))
    return message, ""


def _write(text: str) -> str:
    """A hint to write this, cut to what a name may hold; nothing where no letter is left."""
    text = text.strip("-_.")[:_MAX_NAME].strip("-_.")
    return f"write {text}" if text else ""


def _key_hint(key: str, pattern: str) -> str:
    prefix, slash, name = key.rpartition("/")
    better = re.sub("[^a-z0-9.-]+", "-", prefix.lower()).strip("-.") + slash
    better += re.sub("[^A-Za-z0-9_.-]+", "-", name).strip("-_.")[:_MAX_NAME]
    return f"write {better}" if re.search(pattern, better) else ""


def _unknown(keys: Sequence[str], data: dict[str, Any]) -> Iterator[Breach]:
    known = _ENVELOPE.source["properties"]
    absent = known.keys() - data.keys()
    shown = sorted(keys)[:_MAX_UNKNOWN]
    for key in shown:
        yield _unknown_field(key, absent)
    if len(keys) > len(shown):
        yield Breach((), f"{len(keys) - len(shown):,} more unknown fields", "")


def _unknown_field(key: str, absent: Collection[str]) -> Breach:
    known = _ENVELOPE.source["properties"]
    if not _WORD.fullmatch(key):
        message = f"unknown field; allowed are {', '.join(known)}"
        return Breach((), message, "delete it, or write it as text of another field")
    message = f"unknown field {_show(key)}; allowed are {', '.join(known)}"
    near = get_close_matches(key, absent, 1, 0.75)
    if near:
        hint = f"did you mean {near[0]}?"
    elif key in _ENVELOPE.source["properties"]["metadata"]["properties"]:
        hint = f"indent {key} below metadata"
    elif key in ("relations", "status"):
        hint = "the catalog computes it: delete it"
    else:
        hint = f"indent {key} below spec or metadata, or delete it"
    return Breach((key,), message, hint)


def _name(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a block of keys"


def _show(value: Any, *, quote: bool = True) -> str:
    text = str(value)
    text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return f'"{text}"' if quote else text
