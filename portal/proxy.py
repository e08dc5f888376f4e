"""Names mistakes between a proxy in front and the settings, instead of redirecting for ever."""

import logging

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.logging import current_request_id
from portal.middleware import GetResponse

logger = logging.getLogger(__name__)

_MISTRUSTED = (
    "a proxy reports that the browser used https, but is not trusted, so every page would redirect "
    "to itself: set PORTAL_BEHIND_PROXY=true if the proxy sets X-Forwarded-Proto itself"
)
_SILENT = (
    "PORTAL_BEHIND_PROXY is on, but the proxy sends no X-Forwarded-Proto, so every request is "
    "redirected to https: have the proxy set that header"
)


def trust(get_response: GetResponse) -> GetResponse:
    """Answer 503 and log once where the redirect to https would lead to itself.

    A proxy that ends TLS forwards http, and says in ``X-Forwarded-Proto`` that it was https. Where
    that is not trusted, the redirect comes back as the same request. Goes before Django's
    SecurityMiddleware, which redirects.

    Raises:
        MiddlewareNotUsed: Nothing redirects to https.
    """
    if not settings.SECURE_SSL_REDIRECT:
        raise MiddlewareNotUsed
    is_trusted = bool(settings.SECURE_PROXY_SSL_HEADER)
    logged: set[str] = set()

    def log_once(text: str, request: HttpRequest) -> None:
        if text not in logged:
            logged.add(text)
            logger.error(text, extra={"proxy": request.META.get("REMOTE_ADDR", "")})

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.is_secure() or request.path_info.startswith("/healthz/"):
            return get_response(request)
        if is_trusted:
            is_forwarded = {"X-Forwarded-For", "X-Real-Ip", "Via", "Forwarded"} & {*request.headers}
            if is_forwarded and "X-Forwarded-Proto" not in request.headers:
                log_once(_SILENT, request)
        elif _was_https(request):
            log_once(_MISTRUSTED, request)
            context = {"request_id": current_request_id.get()}
            return render(None, "503_proxy.html", context, status=503)
        return get_response(request)

    return middleware


def log_origin(request: HttpRequest) -> None:
    """Log which addresses did not agree where a form of another address is refused."""
    logger.warning(
        "a form was refused, because its Origin is neither PORTAL_URL nor the Host that the proxy "
        "passed on: set PORTAL_URL to the address that people type, and have the proxy keep Host",
        extra={
            "origin": request.headers.get("Origin") or _origin(request.headers.get("Referer", "")),
            "host_header": request.get_host(),
            "portal_url": settings.PORTAL_URL,
        },
    )


def _origin(address: str) -> str:
    """Scheme and host of an address; the rest may be secret."""
    return "/".join(address.split("/", 3)[:3])


def _was_https(request: HttpRequest) -> bool:
    """Whether a proxy says so, in one of the ways that proxies have."""
    first = request.headers.get("X-Forwarded-Proto", "").split(",", 1)[0].strip().lower()
    return (
        first == "https"
        or request.headers.get("X-Forwarded-Ssl", "").lower() == "on"
        or "proto=https" in request.headers.get("Forwarded", "").lower()
    )
