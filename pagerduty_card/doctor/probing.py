"""Asking PagerDuty whether the portal may read what it needs; the doctor's only requests."""

import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from pagerduty_card.accounts import SCOPES, Account
from pagerduty_card.errors import PagerDutyError, Refused
from pagerduty_card.wire.client import PagerDutyClient

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
class Probe:
    """What came of asking one account.

    Attributes:
        account: Its name.
        at: When it ended (Unix time).
        took_s: How long the first answer took; None without one.
        reason, detail: Why the account as a whole gave no answer, see ``errors.PagerDutyError``;
            empty when it did.
        refused: By scope, why a list of it may not be read; only those that may not.
    """

    account: str
    at: float
    took_s: float | None = None
    reason: str = ""
    detail: str = ""
    refused: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For the session; free of secrets."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """What ``to_json`` made."""
        return cls(**raw)


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
                    return _lost(account, exc, refused)
                refused[scope] = exc.detail
            except PagerDutyError as exc:
                return _lost(account, exc, refused)
            if took_s is None:
                took_s = time.time() - begun
    return Probe(account=account.name, at=time.time(), took_s=took_s, refused=refused)


def probe_all(accounts: Iterable[Account]) -> dict[str, Probe]:
    """Probe several accounts side by side; takes no longer than the slowest."""
    found: dict[str, Probe] = {}

    def run(account: Account) -> None:
        found[account.name] = probe(account)

    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in accounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BUDGET_S + 2)
    return dict(found)


def _lost(account: Account, exc: PagerDutyError, refused: dict[str, str]) -> Probe:
    return Probe(
        account=account.name,
        at=time.time(),
        reason=exc.reason,
        detail=exc.detail,
        refused=refused,
    )
