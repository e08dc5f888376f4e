"""The export of what the index shows."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from catalog import versions
from catalog.search import exporting
from catalog.search.filters import IndexFilters, name_of
from catalog.views.index import selection_of


@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """Send every entity that passes the filters, in the order of the index, as a file."""
    asked = request.GET.get("format", "csv")
    if asked not in exporting.FORMATS:
        known = ", ".join(exporting.FORMATS)
        return HttpResponseBadRequest(f"format must be one of {known}.", content_type="text/plain")
    chosen = exporting.FORMATS[asked]
    name = f"catalog-{timezone.localtime():%Y-%m-%d}.{chosen.suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if request.method == "HEAD":
        return HttpResponse(content_type=chosen.content_type, headers=headers)
    version = versions.current()
    filters = IndexFilters.from_query(request.GET)
    selection = selection_of(request, filters, version)
    if selection.is_state_unknown:
        name = name_of("state")
        return HttpResponse(
            f"Nothing is exported: the state by which to choose ({name}) is not known right now. "
            "Leave the filter state out, or try again later.\n",
            content_type="text/plain; charset=utf-8",
            status=503,
        )
    return StreamingHttpResponse(
        chosen.write(exporting.entities_in_order(selection.in_order(), has_tags=chosen.has_tags)),
        content_type=chosen.content_type,
        headers=headers,
    )
