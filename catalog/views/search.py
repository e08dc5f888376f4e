"""The quick search: what appears below the search box while somebody types."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from catalog import versions
from catalog.filters import Filters, Reader
from catalog.graph import nodes_of
from catalog.presenters import index as index_presenters
from catalog.presenters import rows as presenters
from catalog.search import clean
from catalog.views.index import match_of
from catalog.views.lists import entities_of, maskers

QUICK_ROWS = 8


@require_safe
def quick_search(request: HttpRequest) -> HttpResponse:
    """Show the best eight matches; as a page of its own this is the index."""
    filters = Filters(q=clean(request.GET.get("q", "")))
    address = reverse("catalog:index") + filters.query_string
    if not getattr(request, "htmx", False):
        return redirect(address)
    match = match_of(filters, versions.current())
    found = filters.find(match, Reader()) if match.words else None
    keys = list(found.values_list("pk", flat=True)[:QUICK_ROWS]) if found is not None else []
    entities = entities_of(keys)
    owners = nodes_of({entity.owner_ref for entity in entities} - {""})
    total = len(match.keys) if match.keys is not None else None
    if total is None and found is not None:
        total = found.order_by().count()
    return render(
        request,
        "catalog/search.html",
        {
            "q": filters.q,
            "match": index_presenters.correction(filters, match),
            "rows": presenters.rows(entities, owners, {}, maskers=maskers(entities)),
            "total": total,
            "address": address,
        },
    )
