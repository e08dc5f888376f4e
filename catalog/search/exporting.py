"""Write a selection of the catalog as CSV, JSON or YAML, piece by piece, with secrets masked.

Whatever the selection's size, a few hundred entities are in memory, and the primary keys of all.
"""

import csv
import json
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from catalog.descriptor.writing import dump, portable
from catalog.masking import Masker
from catalog.models import Entity, EntityQuerySet

COLUMNS = (
    *("ref", "kind", "namespace", "name", "title", "type", "lifecycle", "owner", "system"),
    *("tags", "description", "source", "changed"),
)
_AT_ONCE = 250
# What a spreadsheet takes for a formula, also after blanks and in the full width of East Asia.
_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class Format:
    """A format of the export.

    Attributes:
        write: From the entities to pieces of text.
        has_tags: Whether it asks each entity for its tags.
    """

    suffix: str
    content_type: str
    write: Callable[[Iterable[Entity]], Iterator[str]]
    has_tags: bool = False


def entities_in_order(found: EntityQuerySet, *, has_tags: bool) -> Iterator[Entity]:
    """The whole rows of a queryset in its order; one query and one or two for each 250 entities.

    Entities that go away meanwhile are left out.

    Args:
        found: Which entities.
        has_tags: Whether their tags are at hand; a list for each of them costs as much as the row.
    """
    keys = array("q", found.values_list("pk", flat=True).iterator(chunk_size=5_000))
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE].tolist()
        rows = Entity.objects.filter(pk__in=some)
        if has_tags:
            rows = rows.prefetch_related("tag_rows")
        by_key = {entity.pk: entity for entity in rows}
        yield from (by_key[key] for key in some if key in by_key)


def write_csv(entities: Iterable[Entity]) -> Iterator[str]:
    """A line of columns, then a line for each entity."""
    lines: list[str] = []
    writer = csv.writer(_Lines(lines))
    writer.writerow(COLUMNS)
    for entity in entities:
        writer.writerow([_harmless(value) for value in _columns(entity)])
        yield from lines
        lines.clear()
    yield from lines


def write_json(entities: Iterable[Entity]) -> Iterator[str]:
    """One array of descriptors, each on a line."""
    before = "[\n"
    for entity in entities:
        yield before + json.dumps(_descriptor(entity), ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def write_yaml(entities: Iterable[Entity]) -> Iterator[str]:
    """The descriptors as documents of one file, which an import reads again."""
    for entity in entities:
        yield f"---\n{dump(portable(_descriptor(entity)))}"


FORMATS = {
    "csv": Format("csv", "text/csv; charset=utf-8", write_csv, has_tags=True),
    "json": Format("json", "application/json", write_json),
    "yaml": Format("yaml", "application/yaml; charset=utf-8", write_yaml),
}


class _Lines:
    """A file for the csv module that collects its lines."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


def _descriptor(entity: Entity) -> dict[str, Any]:
    return Masker.of(entity).descriptor(entity)


def _columns(entity: Entity) -> list[str]:
    masker = Masker.of(entity)
    return [
        entity.ref,
        entity.kind,
        entity.namespace,
        entity.name,
        masker.text(entity.title),
        masker.text(entity.type),
        masker.text(entity.lifecycle),
        masker.ref(entity.owner_ref),
        masker.ref(entity.system_ref),
        " ".join(tag.name for tag in entity.tag_rows.all()),
        masker.text(entity.description),
        entity.source,
        entity.changed_at.isoformat(timespec="seconds"),
    ]


def _harmless(value: str) -> str:
    first = unicodedata.normalize("NFKC", value.lstrip()[:1])
    is_formula = first in _FORMULA or value.startswith(("\t", "\r", "\n"))
    return f"'{value}" if is_formula else value
