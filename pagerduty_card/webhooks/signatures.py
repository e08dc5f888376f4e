"""Whether a webhook comes from PagerDuty. Pure."""

import hashlib
import hmac
from collections.abc import Iterable

HEADER = "X-PagerDuty-Signature"
_VERSION = "v1="
# PagerDuty sends two while a secret is replaced; more only cost time.
_MOST_SHOWN = 10


def sign(secret: str, body: bytes) -> str:
    """What the header says for a body signed with one secret."""
    return f"{_VERSION}{hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def is_signed(body: bytes, header: str, secrets: Iterable[str]) -> bool:
    """Whether one of the signatures shown was made with one of the secrets.

    Takes the same time wherever a wrong signature differs.

    Args:
        body: The bytes as they came, before anybody read them.
        header: ``v1=<hex>``, several separated by commas while a secret is replaced.
        secrets: Those of the account.

    Source: https://developer.pagerduty.com/docs/verifying-webhook-signatures
    """
    shown = [one.strip().encode() for one in header.split(",")[:_MOST_SHOWN]]
    is_right = False
    for secret in secrets:
        right = sign(secret, body).encode()
        for one in shown:
            is_right |= hmac.compare_digest(one, right)
    return is_right
