"""The rules of the format, loaded: JSON Schemas of envelope, kinds and some types. Pure.

Source: https://backstage.io/docs/features/software-catalog/descriptor-format
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol, cast

import jsonschema_rs

from catalog.descriptor.yaml import Path


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
class Schema:
    """One JSON Schema: what checks a document by it, and the schema itself."""

    validator: _Validator
    source: dict[str, Any]


def _load(name: str) -> Schema:
    text = files("catalog.descriptor").joinpath("schemas", f"{name}.json").read_text("utf-8")
    source = cast("dict[str, Any]", json.loads(text))
    return Schema(cast("_Validator", jsonschema_rs.Draft202012Validator(source)), source)


ENVELOPE = _load("envelope")
KIND_SCHEMAS: Mapping[str, Schema] = {
    schema.source["title"]: schema
    for schema in map(
        _load,
        (
            *("component", "api", "resource", "system", "domain", "group", "user", "location"),
            *("template", "airesource"),
        ),
    )
}
KINDS = tuple(KIND_SCHEMAS)
# Kinds whose other fields follow from their type. An API of this type without a definition says
# where it is reached. Source: the module @backstage/plugin-catalog-backend-module-ai-model,
# https://backstage.io/docs/next/ai/ai-in-the-catalog
TYPE_SCHEMAS: Mapping[tuple[str, str], Schema] = {
    ("API", "mcp-server"): _load("mcp-server"),
    ("AiResource", "skill"): _load("ai-skill"),
    ("AiResource", "rule"): _load("ai-rule"),
}
GROUP = "backstage.io"


def _says(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        if "says" in node:
            yield node["pattern"], node["says"]
        for inner in node.values():
            yield from _says(inner)


PATTERNS = dict(_says(ENVELOPE.source))
