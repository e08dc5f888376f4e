"""The site's own pages: health, the style guide, and the error pages."""

import sys

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal import health, outage
from portal import styleguide as samples
from portal.logging import current_request_id
from portal.redirects import see_other

# What a reader may choose, by cookie: colours other than the device's, and no single-key shortcuts,
# which speech input presses by accident (WCAG 2.1.4).
PREFERENCES = {"theme": {"light", "dark"}, "shortcuts": {"off"}}


@login_not_required
@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the process can answer at all."""
    del request
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when this process can serve pages, else 503, and what is wrong by part.

    Without its cache the portal is slower and still serves: that is ``degraded``, not failing, or
    whoever routes by this answer would take every process away while Redis restarts. So is a
    database that newer code has migrated, while an upgrade replaces one process after the other.
    """
    del request
    parts = health.readiness()
    serves = health.serves(parts)
    is_whole = all(found == health.OK for found in parts.values())
    status = "failing" if not serves else "ok" if is_whole else "degraded"
    return JsonResponse({"status": status, **parts}, status=200 if serves else 503)


@login_not_required
@never_cache
@require_safe
def work(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the worker's work is done in time, else 503, and why not."""
    del request
    parts = health.work(timezone.now())
    is_done = all(found == health.OK for found in parts.values())
    status = "ok" if is_done else "failing"
    return JsonResponse({"status": status, **parts}, status=200 if is_done else 503)


@login_not_required
@require_POST
def preference(request: HttpRequest) -> HttpResponse:
    """Keep a choice of the reader in a cookie for a year, and go back to the page.

    Any value but those of ``PREFERENCES`` takes the choice back.
    """
    page = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(page, None):
        page = "/"
    response = see_other(page)
    for name in PREFERENCES.keys() & request.POST.keys():
        if request.POST[name] in PREFERENCES[name]:
            year_s = 365 * 24 * 3600
            is_secure = request.is_secure()
            response.set_cookie(
                name, request.POST[name], max_age=year_s, samesite="Lax", secure=is_secure
            )
        else:
            response.delete_cookie(name, samesite="Lax")
    return response


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every component in every state."""
    return render(request, "styleguide.html", samples.context(request.GET.get("page", "")))


@login_not_required
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400 without touching the form data: reading it may be what failed."""
    template = "400_host.html" if isinstance(exception, DisallowedHost) else "400.html"
    context = {"request_id": current_request_id.get()}
    return render(None, template, context, status=400) if request else HttpResponse(status=400)


@login_not_required
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403 and say who can help."""
    del exception
    return render(request, "403.html", status=403)


@login_not_required
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404; a page that knows better suggestions renders its own."""
    del exception
    return render(request, "404.html", status=404)


@login_not_required
def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 while the database is away, else 500: from templates that need neither.

    Django calls it while it handles the exception.
    """
    error = sys.exc_info()[1]
    if error and outage.is_outage(error):
        return outage.answer(request, error)
    return render(None, "500.html", {"request_id": current_request_id.get()}, status=500)
