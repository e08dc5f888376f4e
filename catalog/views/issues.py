"""The issues page: import issues, and unresolved references."""

from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, TextField
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

MAX_LOCATIONS = 200
UNRESOLVED = "dangling"


@login_required
@permission_required("catalog.view_importissue", raise_exception=True)
@require_safe
def issues(request: HttpRequest) -> HttpResponse:
    """List the import issues, or (``kind=dangling``) the unresolved references."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    where = request.GET.get("location", "")
    kind = request.GET.get("kind", "")
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
    if kind == UNRESOLVED:
        wide = unresolved.select_related("source").defer("source__descriptor", "source__written")
        found = Paginator(wide, PAGE_SIZE).get_page(page_number(request))
        context |= {"page": found, "dangling": _unresolved_rows(list(found.object_list))}
    else:
        rows = issues_found.filter(kind=kind) if kind in ImportIssue.Kind.values else issues_found
        page = Paginator(rows.select_related("location"), PAGE_SIZE).get_page(page_number(request))
        shown = list(page.object_list)
        context |= {"page": page, "issues": presenters.issue_rows(shown, maskers_of(shown))}
    return render(request, "catalog/issues.html", context)


def _issues(text: str, where: str) -> "QuerySet[ImportIssue]":
    rows = ImportIssue.objects.order_by("file", "document", "pk")
    if where.isdecimal():
        rows = rows.filter(location_id=int(where))
    if text:
        rows = rows.annotate(said=Cast("messages", TextField())).filter(
            Q(file__icontains=text) | Q(ref__icontains=text) | Q(said__icontains=text)
        )
    return rows


def _unresolved(text: str, where: str) -> RelationQuerySet:
    rows = Relation.objects.exclude(Exists(Entity.objects.filter(ref=OuterRef("target_ref"))))
    if where.isdecimal():
        rows = rows.filter(source__location_id=int(where))
    if text:
        rows = rows.filter(Q(target_ref__icontains=text) | Q(source__ref__icontains=text))
    return rows.order_by("target_ref", "source__ref", "type")


def _count(unresolved: RelationQuerySet, *, is_whole: bool) -> int:
    """How many there are; of the whole catalog they are counted once for each of its versions."""
    if not is_whole:
        return unresolved.count()
    return versions.cached("unresolved", (), versions.current(), unresolved.count)


def _unresolved_rows(shown: list[Relation]) -> list[presenters.UnresolvedRow]:
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
