"""Asking PagerDuty whether the portal may read what it needs, and whether pages would arrive.

The doctor's only requests. They page nobody.
"""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self
from uuid import uuid4

from pagerduty_card.accounts import REGIONS, SCOPES, Account, region_of
from pagerduty_card.doctor.paging_keys import KnownKey
from pagerduty_card.errors import PagerDutyError, Refused, Unreachable
from pagerduty_card.wire.client import PagerDutyClient
from portal.secret_shapes import mask

# One list for each permission: the cheapest read that shows it.
LISTS = {
    "services.read": "/services",
    "incidents.read": "/incidents",
    "oncalls.read": "/oncalls",
    "escalation_policies.read": "/escalation_policies",
    "change_events.read": "/change_events",
}
BUDGET_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyProbe:
    """What the Events API answered to one key.

    Attributes:
        service: Whose key it is.
        key: Masked.
        took_s: How long the answer took; None without one.
        reason, detail: Why it was not accepted; empty when it was.
        cause: Why there was no connection, where that is known.
    """

    service: str
    key: str
    took_s: float | None = None
    reason: str = ""
    detail: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What came of asking one account.

    Attributes:
        account: Its name.
        at: When it ended (Unix time).
        took_s: How long the first answer took; None without one.
        reason, detail: Why the account as a whole gave no answer, see ``errors.PagerDutyError``;
            empty when it did.
        refused: By scope, why a list of it may not be read; only those that may not.
        region: The other region, if PagerDuty accepts there the token that it refuses here.
        keys: What the Events API answered; None: it was not asked.
    """

    account: str
    at: float
    took_s: float | None = None
    reason: str = ""
    detail: str = ""
    refused: dict[str, str] = field(default_factory=dict)
    region: str = ""
    keys: tuple[KeyProbe, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """For the session; free of secrets."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """What ``to_json`` made."""
        keys = raw.get("keys")
        kept = None if keys is None else tuple(KeyProbe(**one) for one in keys)
        return cls(**{**raw, "keys": kept})


def probe(account: Account) -> Probe:
    """Read one record of each list the portal needs, within ``BUDGET_S``; never raises."""
    begun = time.time()
    took_s: float | None = None
    refused: dict[str, str] = {}
    with PagerDutyClient(account, total_budget_s=BUDGET_S) as client:
        for scope in SCOPES:
            try:
                client.probe(LISTS[scope], needs=scope)
            except Refused as exc:
                if exc.reason == "token":
                    lost = _lost(account, exc, refused)
                    return replace(lost, region=_region_that_accepts(account))
                refused[scope] = exc.detail
            except PagerDutyError as exc:
                return _lost(account, exc, refused)
            if took_s is None:
                took_s = time.time() - begun
    return Probe(account=account.name, at=time.time(), took_s=took_s, refused=refused)


def _region_that_accepts(account: Account) -> str:
    """The other region of PagerDuty's, if it accepts the token that this one refused."""
    here = region_of(account.api_base_url)
    if not here or account.oauth:
        return ""
    name, there = next((name, one) for name, one in REGIONS.items() if name != here)
    elsewhere = replace(account, region=name, api_base_url=there.api_base_url)
    with PagerDutyClient(elsewhere, total_budget_s=BUDGET_S / 2) as client:
        try:
            client.probe(LISTS["services.read"], needs="services.read")
        except Refused as exc:
            return name if exc.reason in {"permission", "ability"} else ""
        except PagerDutyError:
            return ""
    return name


def probe_keys(account: Account, keys: Sequence[KnownKey]) -> tuple[KeyProbe, ...]:
    """Try the way that pages take with each key, within ``BUDGET_S``; pages nobody, never raises.

    Ends where there is no connection, or no Events API: with another key it would be the same.
    """
    found: list[KeyProbe] = []
    with PagerDutyClient(account, total_budget_s=BUDGET_S) as client:
        for one in keys:
            begun = time.monotonic()
            tried = KeyProbe(service=one.service, key=mask(one.key))
            try:
                client.try_key(one.key, f"switchboard-doctor-{uuid4().hex}")
            except Unreachable as exc:
                found.append(replace(tried, reason=exc.reason, detail=exc.detail, cause=exc.cause))
                break
            except PagerDutyError as exc:
                found.append(replace(tried, reason=exc.reason, detail=exc.detail))
                if exc.reason == "wrong_address":
                    break
            else:
                found.append(replace(tried, took_s=time.monotonic() - begun))
    return tuple(found)


def probe_all(
    accounts: Iterable[Account], keys: Mapping[str, Sequence[KnownKey]]
) -> dict[str, Probe]:
    """Probe several accounts side by side; takes no longer than the slowest.

    Args:
        accounts: Which.
        keys: Those to try, by account.
    """
    given = list(accounts)
    found: dict[str, Probe] = {}
    of_keys: dict[str, tuple[KeyProbe, ...]] = {}

    def ask(account: Account) -> None:
        found[account.name] = probe(account)

    def try_keys(account: Account) -> None:
        of_keys[account.name] = probe_keys(account, keys[account.name])

    threads = [threading.Thread(target=ask, args=(one,), daemon=True) for one in given]
    threads += [
        threading.Thread(target=try_keys, args=(one,), daemon=True)
        for one in given
        if keys.get(one.name) and one.events_base_url
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + BUDGET_S + 2
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return {name: replace(one, keys=of_keys.get(name)) for name, one in dict(found).items()}


def _lost(account: Account, exc: PagerDutyError, refused: dict[str, str]) -> Probe:
    return Probe(
        account=account.name,
        at=time.time(),
        reason=exc.reason,
        detail=exc.detail,
        refused=refused,
    )
