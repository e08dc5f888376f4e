"""References that point to nothing, each with the nearest name that exists."""

from collections.abc import Sequence
from difflib import get_close_matches

from django.db.models import Exists, OuterRef

from catalog.ingestion.report import Notice
from catalog.models import Entity, Relation
from catalog.refs import EntityRef

MAX_SHOWN = 20
_MAX_CANDIDATES = 5000


def find_dangling(locations: Sequence[int]) -> tuple[list[Notice], int]:
    """The dangling references that entities of these locations declare.

    Args:
        locations: Primary keys.

    Returns:
        The first twenty, by file and line, and how many there are in all.
    """
    rows = (
        Relation.objects.filter(source__location_id__in=locations)
        .exclude(Exists(Entity.objects.filter(ref=OuterRef("target_ref"))))
        .order_by("source__source", "source__source_line", "pk")
    )
    total = rows.count()
    shown = rows.values_list(
        "source__source", "source__source_line", "source__ref", "type", "target_ref"
    )[:MAX_SHOWN]
    return [
        Notice(
            file=file,
            line=line,
            ref=ref,
            message=f"{kind} {target} points to nothing in the catalog",
            hint=_near(target),
        )
        for file, line, ref, kind, target in shown
    ], total


def _near(target: str) -> str:
    ref = EntityRef.parse(target)
    names = (
        Entity.objects.filter(ref__startswith=f"{ref.kind}:{ref.namespace}/")
        .order_by("pk")
        .values_list("name", flat=True)[:_MAX_CANDIDATES]
    )
    # Names of a very different length cannot be near, and comparing them is what takes time.
    close = [name.lower() for name in names if abs(len(name) - len(ref.name)) <= 2]
    near = get_close_matches(ref.name, close, 1, 0.8)
    return f"did you mean {EntityRef(ref.kind, ref.namespace, near[0])}?" if near else ""
