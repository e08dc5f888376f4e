"""The texts of an entity that are shown whole: its descriptor as YAML, an API's definition."""

from dataclasses import dataclass
from typing import Any

from catalog.descriptor.writing import dump
from catalog.masking import Masker
from catalog.models import Entity

YAML_TEXT_LIMIT = 20_000
DEFINITION_LIMIT = 200_000
_EXTENSIONS = {"openapi": "yaml", "asyncapi": "yaml", "graphql": "graphql", "grpc": "proto"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """An API's definition as text.

    Attributes:
        total: Its length in characters.
        text: At most its first 200,000 characters.
    """

    text: str
    total: int
    filename: str

    @property
    def is_cut(self) -> bool:
        """Whether only the beginning is shown."""
        return len(self.text) < self.total


def definition(entity: Entity) -> Definition:
    """An API's definition, with the entity's secrets masked."""
    text = whole_definition(entity)
    extension = _EXTENSIONS.get(entity.type.lower(), "txt")
    if extension == "yaml" and text.lstrip().startswith("{"):
        extension = "json"
    return Definition(
        text=text[:DEFINITION_LIMIT],
        total=len(text),
        filename=f"{entity.entity_ref.name}.{extension}",
    )


def whole_definition(entity: Entity) -> str:
    """All of an API's definition; empty when there is none."""
    text = entity.spec.get("definition")
    return Masker.of(entity).text(text) if isinstance(text, str) else ""


def descriptor_yaml(entity: Entity) -> str:
    """The descriptor as YAML with its secrets masked; very long texts say what is left out."""
    return dump(_shortened(Masker.of(entity).descriptor(entity)))


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > YAML_TEXT_LIMIT:
        left_out = f"{len(value) - YAML_TEXT_LIMIT:,} of {len(value):,}"
        return f"{value[:YAML_TEXT_LIMIT]}\n[{left_out} characters are not shown here]"
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    return value
