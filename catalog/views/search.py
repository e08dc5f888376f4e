"""The quick search: what appears below the search box while somebody types."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from catalog import cards, versions
from catalog.graph import nodes_of
from catalog.presenters import index as index_presenters
from catalog.presenters import rows as presenters
from catalog.search.filters import IndexFilters, IndexReader
from catalog.search.selection import Selection
from catalog.search.text_search import clean
from catalog.views.index import Keys, match_of
from catalog.views.lists import entities_of, maskers

QUICK_ROWS = 8


@require_safe
def quick_search(request: HttpRequest) -> HttpResponse:
    """Show the best eight matches; as a page of its own this is the index."""
    filters = IndexFilters(q=clean(request.GET.get("q", "")))
    address = reverse("catalog:index") + filters.query_string
    if not getattr(request, "htmx", False):
        return redirect(address)
    version = versions.current()
    match = match_of(filters, version)
    selection = Selection(filters=filters, match=match, reader=IndexReader())
    entities = entities_of(Keys(selection, version)[:QUICK_ROWS]) if match.words else []
    owners = nodes_of({entity.owner_ref for entity in entities} - {""})
    badges, _ = cards.badges_of(entities) if entities else ({}, [])
    total = len(match.keys) if match.keys is not None else None
    if total is None and match.words:
        total = selection.narrow().count()
    return render(
        request,
        "catalog/search.html",
        {
            "q": filters.q,
            "match": index_presenters.correction(filters, match),
            "rows": presenters.rows(entities, owners, badges, maskers=maskers(entities)),
            "total": total,
            "address": address,
        },
    )
