"""Hosts as settings name them: a name or an address, maybe with a port. Pure."""

import re
from typing import NamedTuple

_ENTRY = re.compile(
    r"(?:(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\.?|\[(?P<ipv6>[0-9A-Fa-f:.]+)\])"
    r"(?::(?P<port>[1-9]\d{0,4}))?"
)
_BARE_IPV6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*")
_MAX_PORT = 65535


class HostEntry(NamedTuple):
    """A host of a setting.

    Attributes:
        host: In lower case, without brackets; a wildcard stays in front of it.
        port: 0 where none is named.
    """

    host: str
    port: int

    @property
    def netloc(self) -> str:
        """The host as an address has it: IPv6 in brackets, and the port where one is named."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host


def read_host(text: str, *, wildcard: str = "") -> HostEntry | None:
    """Read one host; None for what is none, such as an address that begins with ``https://``.

    Args:
        text: A name, an IPv4 address, an IPv6 address (in brackets where a port follows).
        wildcard: What may stand in front of a name for all that end in it: ``*.`` or ``.``.
    """
    begins = wildcard if wildcard and text.startswith(wildcard) else ""
    rest = text.removeprefix(begins)
    if not begins and _BARE_IPV6.fullmatch(rest):
        return HostEntry(rest.lower(), 0)
    found = _ENTRY.fullmatch(rest)
    port = int(found["port"] or 0) if found else 0
    if found is None or port > _MAX_PORT or (begins and found["ipv6"]):
        return None
    return HostEntry(begins + (found["name"] or found["ipv6"]).lower(), port)
