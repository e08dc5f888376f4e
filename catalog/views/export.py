"""The export of what the index shows."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from catalog import versions
from catalog.finding import exporting
from catalog.finding.filters import Filters
from catalog.finding.selection import Selection
from catalog.ownership import reader_of
from catalog.views.index import match_of


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
    filters = Filters.from_query(request.GET)
    selection = Selection(
        filters=filters,
        match=match_of(filters, version),
        reader=reader_of(request.user, version=version),
    )
    return StreamingHttpResponse(
        chosen.write(exporting.entities_in_order(selection.in_order())),
        content_type=chosen.content_type,
        headers=headers,
    )
