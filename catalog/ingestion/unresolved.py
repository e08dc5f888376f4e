"""List unresolved references, each with its field and a suggestion."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from catalog.descriptor import DEFAULT_LIMITS, Document, parse
from catalog.descriptor.relations import declared
from catalog.descriptor.yaml import Path
from catalog.ingestion.allow import Allowance
from catalog.ingestion.report import ReportNotice
from catalog.ingestion.sources import SourceError, SourceReader, is_url
from catalog.models import Entity, Relation
from catalog.refs import EntityRef
from catalog.search.suggestions import suggested_refs

MAX_SHOWN = 20


def find_unresolved(locations: Sequence[int]) -> tuple[list[ReportNotice], int]:
    """The unresolved references that entities of these locations declare; at most four queries.

    Args:
        locations: Primary keys.

    Returns:
        The first twenty, by file and line, and how many there are in all.
    """
    rows = Relation.objects.filter(source__location_id__in=locations).unresolved()
    total = rows.count()
    if not total:
        return [], 0
    shown = list(
        rows.select_related("source").order_by("source__source", "source__source_line", "pk")[
            :MAX_SHOWN
        ]
    )
    near = suggested_refs([EntityRef.parse(one.target_ref) for one in shown], is_fresh=True)
    # Read once for each entity: the relations of one may be thousands.
    sources = {one.source_id: one.source for one in shown}
    fields = {pk: _fields(source) for pk, source in sources.items()}
    return [_notice(one, fields[one.source_id], near) for one in shown], total


def _notice(
    relation: Relation, fields: Mapping[tuple[str, str], Path], near: Mapping[str, str]
) -> ReportNotice:
    source, target = relation.source, relation.target_ref
    path = fields.get((relation.type, target), ())
    root, name, *item = path or ("", "")
    field = f"{root}.{name}{''.join(f'[{number}]' for number in item)}: " if path else ""
    return ReportNotice(
        file=source.source,
        line=source.source_line,
        ref=source.ref,
        message=f"{field}{relation.type} {target} points to nothing in the catalog",
        hint=f"did you mean {near[target]}?" if target in near else "",
        path=path,
    )


def at_their_lines(notices: Iterable[ReportNotice]) -> list[ReportNotice]:
    """The same, each at the line of its field; parses every file on disk that they name once.

    What is at an address, cannot be read or has changed keeps the line of its document.
    """
    reader = SourceReader(Allowance.from_settings(), DEFAULT_LIMITS)
    documents: dict[str, dict[str, Document]] = {}
    found = []
    for notice in notices:
        if notice.path and notice.file and not is_url(notice.file):
            if notice.file not in documents:
                documents[notice.file] = _documents(reader, notice.file)
            if document := documents[notice.file].get(notice.ref):
                (place,) = document.places([notice.path])
                found.append(replace(notice, line=place.line))
                continue
        found.append(notice)
    return found


def _documents(reader: SourceReader, file: str) -> dict[str, Document]:
    try:
        text = reader.read(file, inside=None)
    except SourceError:
        return {}
    return {str(one.ref): one for one in parse(text) if one.is_valid}


def _fields(source: Entity) -> dict[tuple[str, str], Path]:
    """Where each relation is written, by type and target."""
    spec: Any = source.descriptor.get("spec")
    found, _bad = declared(source.kind, source.namespace, spec if isinstance(spec, dict) else {})
    return {(relation.type, relation.target): relation.path for relation in found}
