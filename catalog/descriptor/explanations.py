"""Every error of a schema in plain words: what was found, what is allowed, what to write. Pure."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from catalog.descriptor.filling import LITERAL, PLACEHOLDERS
from catalog.descriptor.rules import ENVELOPE, PATTERNS, Breach, Schema
from catalog.descriptor.yaml import Path
from catalog.secrets import is_secret

_SHOWN = 60
_MAX_UNKNOWN = 20
# What is no word may be a line of a file that is no descriptor: it is not repeated.
_WORD = re.compile(r"[A-Za-z0-9_.\-]{1,40}")
_MAX_NAME = 63


def explain(error: Any, data: dict[str, Any], schema: Schema | None = None) -> Iterator[Breach]:
    """The breaches that one error of a schema stands for."""
    path: Path = tuple(error.instance_path)
    kind, instance = error.kind, error.instance
    match kind.name:
        case "required":
            if path in LITERAL and (key := _placeholder_of(instance)):
                yield from _wrong_placeholder(path, ["object"], instance, key)
            else:
                yield _missing(path, kind.property, instance, schema)
        case "type":
            if key := _placeholder_of(instance):
                yield from _wrong_placeholder(path, kind.types, instance, key)
            else:
                yield Breach(path, *_wrong_type(path, kind.types, instance))
        case "pattern":
            yield Breach(path, *_wrong_form(path, instance, PATTERNS[kind.pattern]))
        case "propertyNames":
            key = kind.error.instance
            says = PATTERNS[kind.error.kind.pattern]
            message = f"{show(key)} is not a valid key; allowed is {says}"
            yield Breach((*path, key), message, _key_hint(key, kind.error.kind.pattern))
        case "minLength":
            yield Breach(path, "is empty; text is required", "fill it in or delete the line")
        case "enum":
            options = ", ".join(map(str, kind.options))
            yield Breach(path, f"{show(instance)} is not allowed; allowed is {options}")
        case "additionalProperties":
            yield from _unknown(kind.unexpected, data)
        case _:
            yield Breach(path, str(error.message))


def _missing(path: Path, name: str, instance: Any, schema: Schema | None) -> Breach:
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


def _placeholder_of(value: Any) -> str:
    """The key that makes a block look like a placeholder; empty for any other value."""
    if not isinstance(value, dict):
        return ""
    known = next((key for key in PLACEHOLDERS if key in value), "")
    first = next(iter(value), "")
    return known or (first if len(value) == 1 and first.startswith("$") else "")


def _wrong_placeholder(
    path: Path, types: list[str], instance: dict[str, Any], key: str
) -> Iterator[Breach]:
    """Why a placeholder stands for nothing that is allowed here."""
    target = instance[key]
    allowed = _allowed(types)
    at = (*path, key)
    if path in LITERAL:
        hint = "write the value itself: it is needed before any other file is read"
        yield Breach(at, f"{allowed} is required; a placeholder is not filled in here", hint)
    elif key not in PLACEHOLDERS:
        near = get_close_matches(key.lower(), PLACEHOLDERS, 1, 0.7)
        name = key if _WORD.fullmatch(key[1:]) else "this"
        better = near[0] if near else "$text" if "string" in types else "$yaml"
        place = f": {show(target, quote=False)}" if isinstance(target, str) else ""
        yield Breach(
            at,
            f"{name} is no placeholder that is filled in; those are {', '.join(PLACEHOLDERS)}",
            f"write {better}{place}",
        )
    elif len(instance) > 1:
        yield Breach(at, f"{key} is filled in only where no other key stands beside it")
    elif not isinstance(target, str):
        return  # reported where it should have been filled in
    else:
        message = f"{allowed} is required, and {key} {target} could not be read"
        hint = "put the file beside the descriptor, or write what it holds here"
        yield Breach(path, message, hint)


def _allowed(types: list[str]) -> str:
    wanted = [t for t in ("string", "boolean", "array", "object") if t in types]
    return " or ".join(_TYPE_NAMES[t] for t in wanted)


def _wrong_type(path: Path, types: list[str], instance: Any) -> tuple[str, str]:
    allowed = _allowed(types)
    message = f"is {name_of(instance)}; {allowed} is required"
    if instance is None:
        return message, "delete the line, or write something under it"
    if "string" in types and isinstance(instance, bool | int | float):
        written = json.dumps(instance)
        if path[:2] == ("metadata", "annotations") and is_secret(str(path[-1])):
            return message, "write it in quotes"
        return f"is {name_of(instance)} ({written}); {allowed} is required", f'write "{written}"'
    if "string" in types and isinstance(instance, list):
        return message, "write one value on the same line as the key"
    if "string" in types and isinstance(instance, dict):
        return message, _for_block(path, instance)
    if "array" in types and isinstance(instance, str):
        return message, f"write the value on a line of its own: '- {show(instance, quote=False)}'"
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
    message = f"{show(value)} is not allowed; allowed is {says}"
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
    known = ENVELOPE.source["properties"]
    absent = known.keys() - data.keys()
    shown = sorted(keys)[:_MAX_UNKNOWN]
    for key in shown:
        yield _unknown_field(key, absent)
    if len(keys) > len(shown):
        yield Breach((), f"{len(keys) - len(shown):,} more unknown fields", "")


def _unknown_field(key: str, absent: Collection[str]) -> Breach:
    known = ENVELOPE.source["properties"]
    if not _WORD.fullmatch(key):
        message = f"unknown field; allowed are {', '.join(known)}"
        return Breach((), message, "delete it, or write it as text of another field")
    message = f"unknown field {show(key)}; allowed are {', '.join(known)}"
    near = get_close_matches(key, absent, 1, 0.75)
    if near:
        hint = f"did you mean {near[0]}?"
    elif key in ENVELOPE.source["properties"]["metadata"]["properties"]:
        hint = f"indent {key} below metadata"
    elif key in ("relations", "status"):
        hint = "the catalog computes it: delete it"
    else:
        hint = f"indent {key} below spec or metadata, or delete it"
    return Breach((key,), message, hint)


def name_of(value: Any) -> str:
    """What a value is, for a sentence."""
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


def show(value: Any, *, quote: bool = True) -> str:
    """A value for a sentence, cut to sixty characters."""
    text = str(value)
    text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return f'"{text}"' if quote else text
