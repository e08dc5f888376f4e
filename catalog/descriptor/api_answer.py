"""The answer of a catalog's API as documents: its entities, without what it computed. Pure.

Source: https://backstage.io/docs/features/software-catalog/software-catalog-api (``GET /entities``
answers a list, ``GET /entities/by-query`` and ``POST /entities/by-refs`` an object with ``items``,
``GET /entities/by-name`` the entity itself).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from catalog.descriptor.rules import Breach
from catalog.descriptor.writing import portable
from catalog.descriptor.yaml import Path, Positions, RawDocument

_COMPUTED = ("relations", "status")
_COMPUTED_METADATA = ("uid", "etag", "generation")
_COMPUTED_ANNOTATIONS = (
    "backstage.io/managed-by-location",
    "backstage.io/managed-by-origin-location",
    "backstage.io/orphan",
)


# Under which an answer has its entities, by-refs some of them null; some tools call it the second.
_LISTS = ("items", "entities")


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """The entities of an answer.

    Attributes:
        base: Where the list of them stands; None where the answer is one entity.
        entities: Each by its number in the list.
        total: How many the whole answer has, of which this may be a page.
    """

    base: Path | None
    entities: Mapping[int, Mapping[str, Any]]
    total: int

    @property
    def note(self) -> str:
        """Say what was left out."""
        count = len(self.entities)
        computed = ", ".join(_COMPUTED_METADATA + _COMPUTED)
        entities = "1 entity" if count == 1 else f"{count:,} entities"
        text = (
            f"the answer of a catalog's API with {entities}: left out were {computed}, the "
            "annotations of where that catalog read them, and targets of Locations"
        )
        if self.total > count:
            text += f"; it is one page of {self.total:,}: save the further pages too"
        return text


def answer_of(value: Any) -> ApiAnswer | None:
    """The entities of an answer; None for anything else."""
    base, found = _list_of(value)
    if found is not None:
        entities = {number: one for number, one in enumerate(found) if one is not None}
        if not entities or not all(map(_is_entity, entities.values())):
            return None
        total = value.get("totalItems") if isinstance(value, dict) else None
        return ApiAnswer(base, entities, total if isinstance(total, int) else 0)
    if _is_entity(value) and isinstance(value.get("relations"), list):
        metadata = value.get("metadata")
        if isinstance(metadata, dict) and "uid" in metadata:
            return ApiAnswer(None, {0: value}, 0)
    return None


def explain(value: Any) -> Breach | None:
    """Say of an answer without whole entities what it is; None for anything else."""
    if isinstance(value, dict) and isinstance(value.get("error"), dict) and "response" in value:
        answer = value["response"]
        status = answer.get("statusCode") if isinstance(answer, dict) else None
        said = f" (HTTP {status})" if isinstance(status, int) else ""
        return Breach(
            (),
            f"is an error that a catalog's API answered{said}, not its entities",
            "see that the address and the token are right, and save the answer again",
        )
    _base, found = _list_of(value)
    if found is None or not isinstance(value, dict):
        return None
    if not any(found):
        message = "is the answer of a catalog's API, and has no entity"
        return Breach((), message, "correct the query")
    if all(isinstance(one, dict) and one.keys() & {"kind", "metadata"} for one in found if one):
        return Breach(
            (),
            "is the answer of a catalog's API whose entities lack apiVersion or kind",
            "ask for it without 'fields', so that each entity is whole",
        )
    return None


def documents_of(raw: RawDocument, answer: ApiAnswer) -> Iterator[RawDocument]:
    """Each entity as a document of its own, at its place in the answer."""
    found = _places(raw, answer)
    for number, entity in answer.entities.items():
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
            reference_places=places,
            places=places,
        )


def _places(raw: RawDocument, answer: ApiAnswer) -> dict[int, Positions]:
    """What stands where in each entity."""
    base, places = answer.base, raw.positions()
    if base is None:
        return {0: places}
    found: dict[int, Positions] = {}
    for path, place in places.items():
        if len(path) > len(base) and path[: len(base)] == base:
            number = path[len(base)]
            if isinstance(number, int):
                found.setdefault(number, {})[path[len(base) + 1 :]] = place
    return found


def _list_of(value: Any) -> tuple[Path, Sequence[Any] | None]:
    """Where an answer has its list, and the list; None without one."""
    if isinstance(value, list):
        return (), value
    if isinstance(value, dict) and "kind" not in value and "apiVersion" not in value:
        for name in _LISTS:
            if isinstance(value.get(name), list):
                return (name,), value[name]
    return (), None


def _is_entity(value: Any) -> bool:
    return isinstance(value, dict) and "kind" in value and "apiVersion" in value


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
