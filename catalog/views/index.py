"""The index: a page of the entities that pass the filters in the address."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog.filters import FILTER_KEYS, Filters
from catalog.presenters import index as presenters
from catalog.views.lists import PAGE_SIZE, list_rows, page_number


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show a page of the entities that pass the filters in the address."""
    filters = Filters.from_query(request.GET)
    page = Paginator(filters.find().for_list(), PAGE_SIZE).get_page(page_number(request))
    shown = list_rows(page.object_list)
    facets = [filters.facet(key) for key in FILTER_KEYS if key != "kind"]
    choices = [presenters.facet_choice(filters, facet) for facet in facets if facet.choices]
    has_badges = any(row.badges for row in shown["rows"].values())
    return render(
        request,
        "catalog/index.html",
        {
            "filters": filters,
            "page": page,
            "rows": list(shown["rows"].values()),
            "failed_cards": shown["failed_cards"],
            "has_badges": has_badges,
            "kinds": presenters.kind_choices(filters, filters.kind_counts()),
            "facets": choices,
            "columns": presenters.columns(filters, has_badges=has_badges),
            "orders": presenters.orders(filters),
            "nothing_text": presenters.nothing_found(filters),
            "without_text": filters.without("q").query_string,
            "chips": presenters.chips(filters),
        },
    )
