"""Whether a text is an absolute address, by the rules a browser goes by. Pure.

Source: https://url.spec.whatwg.org/#url-parsing
"""

import ipaddress
import re
from urllib.parse import unquote

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_SPECIAL = frozenset(("http", "https", "ws", "wss", "ftp"))
_STRIPPED = "".join(map(chr, range(0x21)))
_REMOVED = str.maketrans("", "", "\t\n\r")
_FORBIDDEN_HOST = re.compile(r"[\x00\t\n\r #/:<>?@\[\\\]^|]")
_FORBIDDEN_DOMAIN = re.compile(r"[\x00-\x20#%/:<>?@\[\\\]^|\x7f]")
_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)")
_MAX_PORT = 65535
_IPV4_PARTS = 4


def is_absolute(text: str) -> bool:
    """Whether the text is an absolute URL of any scheme (``x:y`` is one)."""
    text = text.strip(_STRIPPED).translate(_REMOVED)
    match = _SCHEME.match(text)
    if match is None:
        return False
    scheme, rest = match[1].lower(), text[match.end() :]
    if scheme in _SPECIAL:
        rest = rest.lstrip("/\\")
        return _has_valid_authority(re.split(r"[/\\?#]", rest, maxsplit=1)[0], special=True)
    if not rest.startswith("//"):
        return True
    if scheme == "file":
        host = re.split(r"[/\\?#]", rest[2:], maxsplit=1)[0]
        return _FORBIDDEN_DOMAIN.search(unquote(host)) is None or host[1:] in (":", "|")
    return _has_valid_authority(re.split(r"[/?#]", rest[2:], maxsplit=1)[0], special=False)


def _has_valid_authority(authority: str, *, special: bool) -> bool:
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        inner, bracket, port = host[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            return False
        try:
            ipaddress.IPv6Address(inner)
        except ValueError:
            return False
        return _is_port(port[1:])
    host, _, port = host.partition(":")
    if not _is_port(port):
        return False
    if not special:
        return _FORBIDDEN_HOST.search(host) is None and bool(host or (not port and not authority))
    host = unquote(host)
    if not host or _FORBIDDEN_DOMAIN.search(host):
        return False
    return _is_domain_or_ipv4(host)


def _is_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and int(text) <= _MAX_PORT)


def _is_domain_or_ipv4(host: str) -> bool:
    parts = host.split(".")
    if parts[-1] == "" and len(parts) > 1:
        parts.pop()
    if not _NUMBER.fullmatch(parts[-1]):
        return True
    # A last part that is a number makes the whole host an IPv4 address.
    if len(parts) > _IPV4_PARTS or not all(_NUMBER.fullmatch(part) for part in parts):
        return False
    try:
        numbers = [
            int(p, 16) if p[:2].lower() == "0x" and p[2:] else int(p, 8 if p[0] == "0" else 10)
            for p in (part if part.lower() != "0x" else "0" for part in parts)
        ]
    except ValueError:
        return False
    return all(n <= 255 for n in numbers[:-1]) and numbers[-1] < 256 ** (5 - len(parts))
