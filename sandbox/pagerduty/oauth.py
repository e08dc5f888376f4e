"""Tokens for client credentials, as PagerDuty's identity host issues them, and their scopes."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

PATH = "/oauth/token"
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105 - opens nothing but this process
LIFETIME = timedelta(days=1)

_NEEDS = {
    "services": "services",
    "maintenance_windows": "services",
    "incidents": "incidents",
    "oncalls": "oncalls",
    "escalation_policies": "escalation_policies",
    "change_events": "change_events",
    "schedules": "schedules",
    "users": "users",
    "teams": "teams",
    "priorities": "priorities",
    "abilities": "abilities",
    "webhook_subscriptions": "webhook_subscriptions",
    "log_entries": "incidents",
    "analytics": "analytics",
    "standards": "standards",
}
KNOWN = frozenset(f"{what}.{how}" for what in _NEEDS.values() for how in ("read", "write"))
EVERYTHING = frozenset({"everything"})


def allows(scopes: frozenset[str], method: str, path: str) -> bool:
    """Whether credentials with these scopes may send this request."""
    if "everything" in scopes:
        return True
    what = _NEEDS.get(path.strip("/").partition("/")[0])
    return what is None or f"{what}.{'read' if method == 'GET' else 'write'}" in scopes


@dataclass(frozen=True, slots=True)
class _Token:
    scopes: frozenset[str]
    until: datetime


class Grants:
    """The tokens issued so far.

    Attributes:
        available: Scopes the app was registered with; others asked for are dropped in silence.
        lifetime: Of a token.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.available = KNOWN
        self.lifetime = LIFETIME
        self._now = now
        self._tokens: dict[str, _Token] = {}

    def issue(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer a request for a token: status and body."""
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client", "error_description": "Unknown client"}
        asked = form.get("scope", "").split()
        whom = [one for one in asked if one.startswith(("as_account-us.", "as_account-eu."))]
        if len(whom) != 1:
            return 400, {"error": "invalid_scope", "error_description": "No as_account scope"}
        scopes = frozenset(asked) & self.available
        token = f"pdus+_{secrets.token_hex(16)}"
        self._tokens[token] = _Token(scopes, self._now() + self.lifetime)
        return 200, {
            "access_token": token,
            "scope": " ".join([*whom, *sorted(scopes)]),
            "token_type": "bearer",
            "expires_in": int(self.lifetime.total_seconds()),
        }

    def scopes_of(self, token: str) -> frozenset[str] | None:
        """The scopes of a token; None when it was never issued, has expired or was revoked."""
        known = self._tokens.get(token)
        return known.scopes if known and known.until > self._now() else None

    def revoke_all(self) -> None:
        """Revoke every token."""
        self._tokens.clear()
