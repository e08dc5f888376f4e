"""The index: a page of the entities that pass the filters in the address, and its export."""

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog import cards, scopes, versions
from catalog.ownership import reader_of
from catalog.presenters import index as presenters
from catalog.search import facets, text_search
from catalog.search.filters import IndexFilters
from catalog.search.selection import Selection
from catalog.views.lists import CountedPaginator, entities_of, list_rows, page_number


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show a page of the entities that pass the filters in the address."""
    version = versions.current()
    filters = IndexFilters.from_query(request.GET)
    selection = selection_of(request, filters, version)
    # By states that are not known, nothing is found and nothing is counted.
    counted = filters.without("state") if selection.is_state_unknown else filters
    counts = facets.count(replace(selection, filters=counted), version=version)
    pages = CountedPaginator(Keys(selection, version), filters.limit, total=counts.total)
    page = pages.get_page(page_number(request))
    shown = list_rows(entities_of(list(page.object_list)), request.user)
    rows = list(shown["rows"].values())
    columns = presenters.columns(filters, has_badges=any(row.badges for row in rows))
    card = cards.card_with_states()
    failed = [card.title] if card and selection.states is None else []
    return render(
        request,
        "catalog/index.html",
        {
            "filters": filters,
            "match": presenters.correction(filters, selection.match),
            "is_untold": selection.is_state_unknown,
            "page": page,
            "rows": rows,
            "failed_cards": list(dict.fromkeys([*failed, *shown["failed_cards"]])),
            "kinds": presenters.kind_choices(filters, counts.kinds),
            "facets": presenters.facet_lists(filters, counts.facets, request.GET.get("more", "")),
            "marks": presenters.flag_choices(filters, counts.flags),
            "columns": columns,
            "shows": {column.key for column in columns},
            "orders": presenters.orders(filters),
            "nothing_text": presenters.nothing_found(filters, selection.match),
            "chips": presenters.chips(filters, counts.facets),
            "exports": presenters.exports(filters) if rows else [],
        },
    )


class Keys:
    """The keys of a selection in its order; a part that was read is kept."""

    def __init__(self, selection: Selection, version: int) -> None:
        """Read nothing yet."""
        self._selection = selection
        self._version = version

    def __getitem__(self, part: slice) -> list[int]:
        """The keys of a page. No query when they were read before."""
        return versions.cached(
            "page",
            (self._selection.order_depends_on, part.start, part.stop),
            self._version,
            lambda: list(self._selection.in_order().values_list("pk", flat=True)[part]),
        )


def selection_of(request: HttpRequest, filters: IndexFilters, version: int) -> Selection:
    """What passes the filters for this reader, at one moment."""
    return Selection(
        filters=filters,
        match=match_of(filters, version),
        reader=reader_of(request.user, version=version),
        states=cards.entity_states(),
        within={ref: scopes.keys_within(ref, version=version) for ref in filters.of("within")},
    )


def match_of(filters: IndexFilters, version: int) -> text_search.Match:
    """What the text of the filters was found in; kept as long as the catalog is not written."""
    if not filters.q:
        return text_search.Match()
    return versions.cached(
        "match",
        (text_search.words_of(filters.q), filters.exact),
        version,
        lambda: text_search.match(filters.q, exact=filters.exact),
    )
