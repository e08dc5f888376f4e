"""Find mistakes in a token or a secret as it was written, without showing it. Pure."""

import re
from typing import NamedTuple

from portal.header_values import is_sendable
from portal.secret_shapes import INTEGRATION_KEY

_PLACEHOLDER = re.compile(
    r"<.*>|\$\{?\w*\}?|\.{3}|x{3,}|(?:your|my)[-_].*|change[-_]?me|(?:to|re)place.*|secret",
    re.IGNORECASE,
)


class TokenDoubt(NamedTuple):
    """Why a token is probably none: ``problem`` ends a sentence that begins with its name."""

    problem: str
    hint: str


def credential_mistake(value: str) -> str:
    """Say why a token or a secret cannot be sent; empty when it can."""
    if is_sendable(value):
        return ""
    return "has characters that no token has, for example a blank, a line break or a quote mark"


def token_doubt(token: str) -> TokenDoubt | None:
    """Suspect a token of being something else than a REST API token; None if it looks like one."""
    making = "Make a REST API key in PagerDuty under Integrations, API Access Keys."
    if re.fullmatch(INTEGRATION_KEY, token):
        return TokenDoubt(
            "looks like an integration key, which can page but reads nothing",
            f"{making} Integration keys come from PagerDuty, or from an entity's annotation.",
        )
    if "/" in token:
        return TokenDoubt(
            "looks like the path of a file",
            "A path belongs into PAGERDUTY_TOKEN_FILE, or into token_file of the account.",
        )
    if _PLACEHOLDER.fullmatch(token):
        return TokenDoubt("looks like what stands for a token in an example", making)
    return None


def region_of_token(token: str) -> str:
    """The region that a token of OAuth names in front; empty for others, which do not tell."""
    return {"pdus+": "us", "pdeu+": "eu"}.get(token[:5], "")
