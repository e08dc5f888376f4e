"""Where a request comes from, as far as it can be believed."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

_IPV6_NETWORK = 64


def client_address(request: HttpRequest) -> str:
    """The client's IP address; empty if it is not known, as on a Unix socket.

    Behind a proxy (``PORTAL_BEHIND_PROXY``) it is the last one of ``X-Forwarded-For``, the only
    one that the proxy itself has written.
    """
    last = request.headers.get("X-Forwarded-For", "").rpartition(",")[2]
    forwarded = _parsed(last) if settings.PORTAL_BEHIND_PROXY else None
    address = forwarded or _parsed(request.META.get("REMOTE_ADDR", ""))
    return str(address or "")


def network_of(address: str) -> str:
    """What one person has at least: an IPv4 address, or the /64 network of an IPv6 address."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))
    return str(parsed or "")


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
