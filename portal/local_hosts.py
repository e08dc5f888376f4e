"""Which host names and requests are this machine's own."""

import ipaddress
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port

from portal.client_address import client_address

_NAMES = {"localhost", "testserver"}  # the second is what Django's test client calls itself


def is_local_host(host: str) -> bool:
    """Whether a host name, without a port, means this machine. IPv6 may be in brackets."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host in _NAMES or host.endswith(".localhost")


def public_hosts() -> list[str]:
    """The hosts under which others may reach the portal: of ALLOWED_HOSTS and PORTAL_URL."""
    hosts = [*settings.ALLOWED_HOSTS, urlsplit(settings.PORTAL_URL).hostname or ""]
    return sorted({host for host in hosts if host and not is_local_host(host)})


def is_from_this_machine(request: HttpRequest) -> bool:
    """Whether a browser of this machine sent it, as far as that can be known.

    A proxy on this machine is no such browser: it names its client, or the portal by a name.
    """
    if not settings.PORTAL_BEHIND_PROXY and "X-Forwarded-For" in request.headers:
        return False
    host = split_domain_port(request.get_host())[0]
    return is_local_host(host) and is_local_host(client_address(request))
