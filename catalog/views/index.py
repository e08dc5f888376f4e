"""The index: a page of the entities that pass the filters in the address, and its export."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog import facets, kept, search, versions
from catalog.filters import Filters
from catalog.ownership import reader_of
from catalog.presenters import index as presenters
from catalog.views.lists import CountedPaginator, entities_of, list_rows, page_number


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show a page of the entities that pass the filters in the address."""
    version = versions.current()
    filters = Filters.from_query(request.GET)
    reader = reader_of(request.user, version=version)
    match = match_of(filters, version)
    counts = facets.count(filters, match, reader, version=version)
    keys = filters.find(match, reader).values_list("pk", flat=True)
    page = CountedPaginator(keys, filters.limit, total=counts.total).get_page(page_number(request))
    shown = list_rows(entities_of(list(page.object_list)), request.user)
    rows = list(shown["rows"].values())
    columns = presenters.columns(filters, has_badges=any(row.badges for row in rows))
    return render(
        request,
        "catalog/index.html",
        {
            "filters": filters,
            "match": presenters.correction(filters, match),
            "page": page,
            "rows": rows,
            "failed_cards": shown["failed_cards"],
            "kinds": presenters.kind_choices(filters, counts.kinds),
            "facets": presenters.facet_lists(filters, counts.facets, request.GET.get("more", "")),
            "marks": presenters.mark_choices(filters, counts.marks),
            "columns": columns,
            "shows": {column.key for column in columns},
            "orders": presenters.orders(filters),
            "nothing_text": presenters.nothing_found(filters),
            "chips": presenters.chips(filters),
            "exports": presenters.exports(filters) if rows else [],
        },
    )


def match_of(filters: Filters, version: int) -> search.Match:
    """What the text of the filters was found in; kept as long as the catalog is not written."""
    if not filters.q:
        return search.Match()
    return kept.of_version(
        "match",
        (search.words_of(filters.q), filters.exact),
        version,
        lambda: search.match(filters.q, exact=filters.exact),
    )
