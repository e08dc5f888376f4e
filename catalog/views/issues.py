"""The issues page: import issues, and unresolved references."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog import versions
from catalog.masking import Masker
from catalog.models import Entity, ImportIssue, Location, Relation, RelationQuerySet
from catalog.presenters import issue_rows as presenters
from catalog.refs import EntityRef
from catalog.search.suggestions import suggested_refs
from catalog.views.lists import PAGE_SIZE, page_number
from portal.numbers import whole_number

MAX_LOCATIONS = 200
_FORMER_KIND = "dangling"  # in addresses that were saved before it was called "unresolved"


@login_required
@permission_required("catalog.view_importissue", raise_exception=True)
@require_safe
def issues(request: HttpRequest) -> HttpResponse:
    """List import issues and unresolved references, or those of one ``kind``."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    where = request.GET.get("location", "")
    kind = request.GET.get("kind", "")
    if kind == _FORMER_KIND:
        kind = presenters.UNRESOLVED
    issues_found = _issues(text, where)
    unresolved = _unresolved(text, where)
    by_kind = dict(issues_found.order_by().values_list("kind").annotate(n=Count("pk")))
    unresolved_total = _count(unresolved, is_whole=not text and not where)
    context = {
        "text": text,
        "kind": kind,
        "where": where,
        "tabs": presenters.issue_tabs(by_kind, unresolved_total, kind),
        "locations": Location.objects.order_by("target")[:MAX_LOCATIONS],
        "is_filtered": bool(text or where),
    }
    rows = issues_found.select_related("location")
    wide = unresolved.select_related("source").defer(
        "source__descriptor", "source__written", "source__reference_lines"
    )
    if kind == presenters.UNRESOLVED:
        parts = _Parts((wide, unresolved_total))
    elif kind in ImportIssue.Kind.values:
        parts = _Parts((rows.filter(kind=kind), by_kind.get(kind, 0)))
    else:
        parts = _Parts((rows, sum(by_kind.values())), (wide, unresolved_total))
    page = Paginator(parts, PAGE_SIZE).get_page(page_number(request))
    found = list(page.object_list)
    shown = [one for one in found if isinstance(one, ImportIssue)]
    context |= {
        "page": page,
        "issues": presenters.issue_rows(shown, maskers_of(shown)),
        "unresolved": _unresolved_rows([one for one in found if isinstance(one, Relation)]),
        "unchecked": None if found else _unchecked(),
    }
    return render(request, "catalog/issues.html", context)


class _Parts(Sequence[Any]):
    """Several query sets one after the other, each with its count, to be paged as one list."""

    def __init__(self, *parts: "tuple[QuerySet[Any], int]") -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(count for _, count in self._parts)

    def __getitem__(self, wanted: Any) -> list[Any]:
        found: list[Any] = []
        start, stop = wanted.start, wanted.stop
        for rows, count in self._parts:
            if start < count and stop > 0:
                found += rows[max(start, 0) : min(stop, count)]
            start, stop = start - count, stop - count
        return found


def _unchecked() -> dict[str, int]:
    """How many locations there are, and how many of them were not read to the end."""
    rows = Location.objects.aggregate(
        locations=Count("pk"), unread=Count("pk", filter=Q(read_at=None) | Q(failures__gt=0))
    )
    return {**rows, "entities": int(Entity.objects.exists())}


def _issues(text: str, where: str) -> "QuerySet[ImportIssue]":
    rows = ImportIssue.objects.order_by("file", "document", "pk")
    if (location := whole_number(where)) is not None:
        rows = rows.filter(location_id=location)
    if text:
        rows = rows.annotate(said=Cast("messages", TextField())).filter(
            Q(file__icontains=text) | Q(ref__icontains=text) | Q(said__icontains=text)
        )
    return rows


def _unresolved(text: str, where: str) -> RelationQuerySet:
    rows = Relation.objects.unresolved()
    if (location := whole_number(where)) is not None:
        rows = rows.filter(source__location_id=location)
    if text:
        rows = rows.filter(Q(target_ref__icontains=text) | Q(source__ref__icontains=text))
    return rows.order_by("target_ref", "source__ref", "type")


def _count(unresolved: RelationQuerySet, *, is_whole: bool) -> int:
    """How many there are; of the whole catalog they are counted once for each of its versions."""
    if not is_whole:
        return unresolved.count()
    return versions.cached("unresolved", (), versions.current(), unresolved.count)


def _unresolved_rows(shown: list[Relation]) -> list[presenters.UnresolvedRow]:
    # Read once for each entity: the relations of one may be thousands.
    sources = Entity.objects.filter(pk__in={one.source_id for one in shown})
    lines = dict(sources.values_list("pk", "reference_lines"))
    for one in shown:
        one.source.reference_lines = lines.get(one.source_id, {})
    wanted = {str(ref): ref for ref in map(_ref, [one.target_ref for one in shown]) if ref}
    return presenters.unresolved_rows(shown, suggested_refs(list(wanted.values())))


def _ref(text: str) -> EntityRef | None:
    try:
        return EntityRef.parse(text)
    except ValueError:
        return None


def maskers_of(shown: list[ImportIssue]) -> dict[str, Masker]:
    """Who masks the texts about each entity that the catalog has."""
    refs = {issue.ref for issue in shown if issue.ref}
    rows = Entity.objects.filter(ref__in=refs).only("ref", "descriptor", "written")
    return {entity.ref: Masker.of(entity) for entity in rows}
