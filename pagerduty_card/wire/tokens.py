"""Tokens for client credentials: asked for, kept in this process, renewed before they expire.

An account with a token of its own needs nothing of this. No token leaves the process: what is
shared through the cache is which scopes were granted, never the token.

Source: https://developer.pagerduty.com/docs/obtaining-an-app-oauth-token
"""

import logging
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.core.cache import caches

from pagerduty_card.accounts import SCOPES, Account, OAuthClient
from pagerduty_card.credentials import credential_mistake
from pagerduty_card.errors import PagerDutyError, Refused, Throttled, Unreachable
from pagerduty_card.wire.answers import broken
from pagerduty_card.wire.transport import Reply, Transport, hide

logger = logging.getLogger(__name__)

# PagerDuty's tokens live for a day; an answer that does not say so is believed for an hour.
DEFAULT_LIFETIME_S = 3_600.0
# Renewed so long before the end, or at nine tenths of a short life.
RENEW_BEFORE_S = 600.0
# A token refused this soon after it was given would be refused again.
_TOO_YOUNG_TO_RENEW_S = 30.0
# After a failure the identity host is left alone for so long, or until its limit ends.
_PAUSE_S = 15.0
_MAX_PAUSE_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What was granted, without the token; shared by all processes.

    Attributes:
        scopes: Really granted, ``as_account-...`` aside: unknown ones are dropped in silence.
        given_at, expires_at: Unix time.
    """

    scopes: frozenset[str]
    given_at: float
    expires_at: float

    @property
    def missing(self) -> list[str]:
        """What the portal needs and was not given."""
        return sorted(set(SCOPES) - self.scopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    token: str = field(repr=False)
    grant: Grant

    @property
    def renew_at(self) -> float:
        life_s = self.grant.expires_at - self.grant.given_at
        return self.grant.expires_at - min(RENEW_BEFORE_S, life_s / 10)


class _Place:
    """The token of one account in this process, and the lock of who asks for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.kept: _Kept | None = None
        self.failure: PagerDutyError | None = None
        self.failed_until = 0.0


_places: dict[str, _Place] = {}


def token_of(account: Account, transport: Transport, *, until: float) -> str:
    """The token to send for an account: its own, or one of OAuth that is still good.

    Many threads cause one request. Where renewing early fails, the old token serves to its end.

    Args:
        account: Whose.
        transport: Sends, if it must be asked for.
        until: Monotonic time at which it must be over.

    Raises:
        Refused: The client credentials are not accepted.
        Throttled: Too many tokens were asked for.
        Unreachable: No answer in time, 408 or 5xx.
        Unreadable: The answer does not follow the contract.
    """
    if account.oauth is None:
        return account.token
    place = _place_of(account)
    if (kept := place.kept) and time.time() < kept.renew_at:
        return kept.token
    with _Turn(place, until):
        kept, now = place.kept, time.time()
        if kept and now < kept.renew_at:
            return kept.token
        try:
            return _obtain(account, account.oauth, place, transport, until).token
        except PagerDutyError:
            if kept and now < kept.grant.expires_at:
                return kept.token
            raise


def renewed(account: Account, transport: Transport, refused: str, *, until: float) -> str:
    """Another token in place of one that was answered with 401; empty: there is no other.

    Args:
        account: Whose.
        transport: Sends.
        refused: The token that was refused.
        until: Monotonic time at which it must be over.

    Raises:
        The same as ``token_of``.
    """
    if account.oauth is None:
        return ""
    place = _place_of(account)
    with _Turn(place, until):
        kept = place.kept
        if kept and kept.token != refused:
            return kept.token  # another thread was quicker
        if kept and time.time() - kept.grant.given_at < _TOO_YOUNG_TO_RENEW_S:
            return ""
        place.kept = None
        return _obtain(account, account.oauth, place, transport, until).token


def last_grant(account: Account) -> Grant | None:
    """What any process was granted last; None if none was, or it is not known any more."""
    found: Grant | None = caches["shared"].get(_grant_key(account))
    return found


def forget_all() -> None:
    """Drop every token of this process."""
    _places.clear()


class _Turn:
    """The lock of one account, waited for no longer than there is time."""

    def __init__(self, place: _Place, until: float) -> None:
        self._lock = place.lock
        self._until = until

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=max(0.0, self._until - time.monotonic())):
            raise Unreachable("PagerDuty took too long to give a token.")

    def __exit__(self, *args: object) -> None:
        self._lock.release()


def _place_of(account: Account) -> _Place:
    oauth = account.oauth
    # A changed secret or other scopes make another token.
    told = f"{account.digest} {hash((oauth.client_secret, oauth.scopes)) if oauth else ''}"
    return _places.setdefault(told, _Place())


def _grant_key(account: Account) -> str:
    return f"pagerduty:grant:{account.digest}"


def _obtain(
    account: Account, oauth: OAuthClient, place: _Place, transport: Transport, until: float
) -> _Kept:
    if place.failure and time.time() < place.failed_until:
        raise place.failure.with_traceback(None)
    try:
        kept = _ask(account, oauth, transport, until)
    except PagerDutyError as exc:
        pause_s = exc.retry_after_s if isinstance(exc, Throttled) else _PAUSE_S
        place.failure, place.failed_until = exc, time.time() + min(pause_s, _MAX_PAUSE_S)
        raise
    place.kept, place.failure = kept, None
    left_s = max(1, kept.grant.expires_at - time.time())
    caches["shared"].set(_grant_key(account), kept.grant, left_s)
    if kept.grant.missing:
        logger.warning(
            "pagerduty granted fewer scopes than the portal needs",
            extra={"account": account.name, "missing": kept.grant.missing},
        )
    return kept


def _ask(account: Account, oauth: OAuthClient, transport: Transport, until: float) -> _Kept:
    whom = f"as_account-{account.region}.{oauth.subdomain}"
    secrets = (oauth.client_secret,)
    answer = transport.send(
        "POST",
        f"{oauth.identity_base_url}/oauth/token",
        until=until,
        headers={
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        data=urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": oauth.client_id,
                "client_secret": oauth.client_secret,
                "scope": " ".join((whom, *oauth.scopes)),
            }
        ).encode(),
        secrets=secrets,
    )
    if answer.status != 200:
        raise _error_of(account, answer, secrets)
    body = answer.body
    token = body.get("access_token") if isinstance(body, dict) else None
    if not isinstance(token, str) or credential_mistake(token):
        raise broken("the answer of /oauth/token has no access_token", answer.request_id)
    kind = body.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise broken("the token of /oauth/token is no bearer token", answer.request_id)
    scope = body.get("scope")
    # An answer without scopes grants those that were asked for (RFC 6749, section 5.1).
    scopes = scope.split() if isinstance(scope, str) else oauth.scopes
    now = time.time()
    life_s = body.get("expires_in")
    if isinstance(life_s, bool) or not isinstance(life_s, (int, float)) or not 0 < life_s < 1e9:
        life_s = DEFAULT_LIFETIME_S
    grant = Grant(
        scopes=frozenset(one for one in scopes if not one.startswith("as_account-")),
        given_at=now,
        expires_at=now + life_s,
    )
    return _Kept(token=token, grant=grant)


def _error_of(account: Account, answer: Reply, secrets: tuple[str, ...]) -> PagerDutyError:
    status, request_id = answer.status, answer.request_id
    if status == 429:
        return Throttled(
            "PagerDuty gives no more tokens at the moment.",
            retry_after_s=answer.number("ratelimit-reset") or answer.number("retry-after") or 60.0,
            request_id=request_id,
        )
    if status == 408 or status >= 500:
        return Unreachable(f"PagerDuty's identity host answered {status}.", request_id=request_id)
    body = answer.body if isinstance(answer.body, dict) else {}
    words = [
        hide(one, secrets)
        for key in ("error", "error_description")
        if isinstance(one := body.get(key), str) and one
    ]
    said = ": ".join(words) or f"status {status}"
    if 400 <= status < 500:
        return Refused(
            f"PagerDuty does not give a token for the client credentials of {account.setting} "
            f"({said[:300]}).",
            reason="token",
            request_id=request_id,
        )
    return broken(f"/oauth/token answered {status}", request_id)
