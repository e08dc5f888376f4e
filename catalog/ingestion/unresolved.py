"""List unresolved references, each with its field and a suggestion."""

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.descriptor.relations import declared
from catalog.descriptor.yaml import Path
from catalog.ingestion.report import ReportNotice
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
        line=source.line_of(relation),
        ref=source.ref,
        message=f"{field}{relation.type} {target} points to nothing in the catalog",
        hint=f"did you mean {near[target]}?" if target in near else "",
    )


def _fields(source: Entity) -> dict[tuple[str, str], Path]:
    """Where each relation is written, by type and target."""
    spec: Any = source.descriptor.get("spec")
    found, _bad = declared(source.kind, source.namespace, spec if isinstance(spec, dict) else {})
    return {(relation.type, relation.target): relation.path for relation in found}
