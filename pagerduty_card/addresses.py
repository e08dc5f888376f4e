"""The addresses of PagerDuty's APIs as somebody wrote them: understood, or refused with a hint.

No HTTP. That an address must be https is a check of its own.

Source: https://support.pagerduty.com/main/docs/service-regions
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

_SHOWN = 100
_VERSION = "/v2"
# What documentation shows behind the version, copied with it.
_ENDPOINT = re.compile(r"(/change)?/enqueue$", re.IGNORECASE)


class Api(StrEnum):
    """Which API an address is of; the value is the field's name."""

    REST = "api_base_url"
    EVENTS = "events_base_url"
    IDENTITY = "identity_base_url"


# The hosts that PagerDuty has for each, without and with the EU region.
_HOSTS = {
    Api.REST: ("api.pagerduty.com", "api.eu.pagerduty.com"),
    Api.EVENTS: ("events.pagerduty.com", "events.eu.pagerduty.com"),
    Api.IDENTITY: ("identity.pagerduty.com", "identity.pagerduty.com"),
}
_NAMES = {
    Api.REST: "the REST API",
    Api.EVENTS: "the Events API",
    Api.IDENTITY: "OAuth",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address, read.

    Attributes:
        url: Without a trailing slash, that of the Events API with ``/v2``; empty with a mistake.
        mistake: What is wrong, as the end of a sentence that begins with the setting's name.
        right: What to write instead; empty where that cannot be told.
    """

    url: str = ""
    mistake: str = ""
    right: str = ""


def read_address(api: Api, written: str) -> Address:
    """Read what was written as the address of an API; an empty text is an empty address."""
    text = written.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        host = ""
    if not host:
        return Address(url=text)  # a matter of the check for https
    if "@" in parts.netloc:
        return Address(mistake="has a user name or a password in it")
    if re.search(r"\s", text):
        return Address(mistake="has a blank or a line break in it")
    try:
        _ = parts.port  # raises for one that is no number, or above 65535
    except ValueError:
        mistake = f"is {text[:_SHOWN]!r}, whose port is not a number from 1 to 65535"
        return Address(mistake=mistake, right=f"{parts.scheme}://{host}")
    root = f"{parts.scheme}://{parts.netloc}"
    path = re.sub(r"/+", "/", parts.path).rstrip("/")
    if parts.query or parts.fragment:
        return Address(mistake="has more than a host and a path", right=f"{root}{path}")
    if api is Api.EVENTS:
        path = re.sub(r"/v2$", _VERSION, _ENDPOINT.sub("", path), flags=re.IGNORECASE) or _VERSION
    if host == "pagerduty.com" or host.endswith(".pagerduty.com"):
        return _of_pagerduty(api, host, f"{root}{path}", shown=text)
    if api is Api.EVENTS and not path.endswith(_VERSION):
        mistake = f"is {f'{root}{path}'[:_SHOWN]!r}, which does not end in {_VERSION}"
        right = re.sub(r"/v\d+$", "", path, flags=re.IGNORECASE)
        return Address(mistake=mistake, right=f"{root}{right}{_VERSION}")
    return Address(url=f"{root}{path}")


def _of_pagerduty(api: Api, host: str, url: str, *, shown: str) -> Address:
    """An address of PagerDuty's own, which has one for each API and region."""
    us, eu = _HOSTS[api]
    right = f"https://{eu if '.eu.' in host else us}{_VERSION if api is Api.EVENTS else ''}"
    if url.lower() in {right, right.replace("https:", "http:")}:
        return Address(url=url)  # http is a matter of the check for https
    return Address(
        mistake=f"is {shown[:_SHOWN]!r}, which is not the address of {_NAMES[api]}", right=right
    )
