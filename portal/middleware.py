"""Middleware: an id for each request, what every page forbids, and the reader's time zone."""

import re
import uuid
import zoneinfo
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import unquote

from csp.constants import UNSAFE_INLINE
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from portal.logging import REQUEST_ID, current_request_id

# A page needs none of these, so no script that gets into one may use them.
_PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
)
GetResponse = Callable[[HttpRequest], HttpResponse]
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


def request_id(get_response: GetResponse) -> GetResponse:
    """Give each request an id, the proxy's if it sent one, in the logs and in ``X-Request-ID``."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        identifier = given if _ACCEPTABLE_ID.fullmatch(given) else uuid.uuid4().hex
        # Django logs an answer that a view returned once the middleware is through with it.
        setattr(request, REQUEST_ID, identifier)
        token = current_request_id.set(identifier)
        try:
            response = get_response(request)
        finally:
            current_request_id.reset(token)
        response["X-Request-ID"] = identifier
        return response

    return middleware


def page_headers(get_response: GetResponse) -> GetResponse:
    """Keep every answer that says nothing else out of caches, and let the admin have its style.

    A page is one person's, and true for seconds: a proxy must not hand it to the next person, nor
    a browser show it again after signing out. No other site may embed it, and no page needs the
    reader's devices. Django's change list has the one inline style.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.setdefault("Cache-Control", "private, no-store")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("Permissions-Policy", _PERMISSIONS)
        if settings.DEBUG and response.status_code == HTTPStatus.BAD_REQUEST:
            # Django's debug page has an inline style; django-csp spares those of 404 and 500.
            setattr(response, "_csp_exempt", True)  # noqa: B010
        if request.path_info.startswith(reverse("admin:index")):
            # Where django-csp's own decorator, which is for single views, leaves its wish.
            setattr(response, "_csp_update", {"style-src": [UNSAFE_INLINE]})  # noqa: B010
        return response

    return middleware


def viewer_time_zone(get_response: GetResponse) -> GetResponse:
    """Activate the zone of the ``tz`` cookie that local-time.js sets, else the site's.

    A part that a page asks for comes in the zone of the page, which it names in a header: the first
    page of a browser is older than its cookie.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        name = request.headers.get("X-Zone") or unquote(request.COOKIES.get("tz", ""))
        try:
            zone = zoneinfo.ZoneInfo(name) if name else None
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            zone = None
        with timezone.override(zone):
            return get_response(request)

    return middleware
