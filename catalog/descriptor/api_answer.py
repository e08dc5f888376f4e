"""The answer of a catalog's API as documents: its entities, without what it computed. Pure.

Source: https://backstage.io/docs/features/software-catalog/software-catalog-api (``GET /entities``
answers a list, ``GET /entities/by-query`` an object with ``items``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from catalog.descriptor.writing import portable
from catalog.descriptor.yaml import Path, Positions, RawDocument

_COMPUTED = ("relations", "status")
_COMPUTED_METADATA = ("uid", "etag", "generation")
_COMPUTED_ANNOTATIONS = (
    "backstage.io/managed-by-location",
    "backstage.io/managed-by-origin-location",
    "backstage.io/orphan",
)


def entities_of(value: Any) -> list[dict[str, Any]] | None:
    """The entities of an answer; None for anything else."""
    if isinstance(value, dict) and "kind" not in value and "apiVersion" not in value:
        value = value.get("items")
    if not isinstance(value, list) or not value:
        return None
    is_answer = all(
        isinstance(one, dict) and "kind" in one and "apiVersion" in one for one in value
    )
    return value if is_answer else None


def documents_of(raw: RawDocument, entities: Sequence[Mapping[str, Any]]) -> Iterator[RawDocument]:
    """Each entity as a document of its own, at its place in the answer."""
    base: Path = () if isinstance(raw.value, list) else ("items",)
    found: dict[int, Positions] = {}
    for path, place in raw.positions().items():
        if len(path) > len(base) and path[: len(base)] == base:
            number = path[len(base)]
            if isinstance(number, int):
                found.setdefault(number, {})[path[len(base) + 1 :]] = place
    for number, entity in enumerate(entities):
        places = found.get(number, {})
        annotations = ("metadata", "annotations")
        yield replace(
            raw,
            line=places.get((), (raw.line, 1))[0],
            value=_written(entity),
            annotation_lines={
                str(path[2]): line
                for path, (line, _) in places.items()
                if len(path) == 3 and path[:2] == annotations
            },
            places=places,
        )


def note_of(count: int) -> str:
    """Say what was left out."""
    computed = ", ".join(_COMPUTED_METADATA + _COMPUTED)
    entities = "1 entity" if count == 1 else f"{count:,} entities"
    return (
        f"the answer of a catalog's API with {entities}: left out were {computed}, the annotations "
        "of where that catalog read them, and targets of Locations"
    )


def _written(entity: Mapping[str, Any]) -> dict[str, Any]:
    """An entity without what the catalog computed."""
    kept = {key: value for key, value in entity.items() if key not in _COMPUTED}
    metadata = kept.get("metadata")
    if isinstance(metadata, dict):
        metadata = {key: some for key, some in metadata.items() if key not in _COMPUTED_METADATA}
        annotations = metadata.get("annotations")
        if isinstance(annotations, dict):
            metadata["annotations"] = {
                key: text for key, text in annotations.items() if key not in _COMPUTED_ANNOTATIONS
            }
        kept["metadata"] = metadata
    return portable(kept)
