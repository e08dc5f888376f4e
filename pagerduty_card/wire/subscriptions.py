"""PagerDuty's endpoints for webhook subscriptions: one method for each, typed and bounded.

Source: https://developer.pagerduty.com/api-reference/ (Webhooks)
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

from pagerduty_card.accounts import Account
from pagerduty_card.fields import as_object, id_of, text
from pagerduty_card.wire.answers import broken, parsed
from pagerduty_card.wire.rest import Rest

READ, WRITE = "webhook_subscriptions.read", "webhook_subscriptions.write"
BUDGET_S = 15.0
_PATH = "/webhook_subscriptions"
_PAGE_SIZE = 100
_MAX_PAGES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Where PagerDuty sends which events.

    Attributes:
        is_active: Whether it is switched on.
        is_suspended: Whether PagerDuty gave up on it for a while, after refused deliveries.
        secret: What deliveries are signed with; only the answer to its creation has it.
    """

    id: str
    url: str
    events: tuple[str, ...]
    is_active: bool
    is_suspended: bool
    secret: str = field(default="", repr=False)

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse a subscription."""
        raw = as_object(raw, "webhook subscription")
        method = as_object(raw.get("delivery_method"), "delivery method")
        events = raw.get("events")
        return cls(
            id=id_of(raw),
            url=text(method, "url"),
            events=tuple(one for one in events if isinstance(one, str))
            if isinstance(events, list)
            else (),
            is_active=raw.get("active") is not False,
            is_suspended=method.get("temporarily_disabled") is True,
            secret=text(method, "secret"),
        )


class SubscriptionClient:
    """Requests about the webhook subscriptions of one account.

    Every method raises what ``PagerDutyClient.services`` does.
    """

    def __init__(self, account: Account, *, budget_s: float = BUDGET_S) -> None:
        """Prepare; nothing is sent. All calls together take ``budget_s`` seconds at most."""
        self._rest = Rest(account, background=False)
        self._until = time.monotonic() + budget_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self._rest.transport.close()

    def subscriptions(self) -> list[Subscription]:
        """List all of the account's."""
        found: list[Subscription] = []
        for page in range(_MAX_PAGES):
            paging = [("limit", str(_PAGE_SIZE)), ("offset", str(page * _PAGE_SIZE))]
            body, answer = self._rest.get(_PATH, paging, self._until, needs=READ)
            rows = body.get("webhook_subscriptions")
            if not isinstance(rows, list):
                raise broken("the answer has no webhook_subscriptions", answer.request_id)
            found += [parsed(Subscription.from_api, row, answer.request_id) for row in rows]
            if body.get("more") is not True or not rows:
                break
        return found

    def create(self, *, url: str, events: Sequence[str], description: str) -> Subscription:
        """Have events of the whole account sent to an address; the answer has the secret."""
        content = {
            "webhook_subscription": {
                "type": "webhook_subscription",
                "delivery_method": {"type": "http_delivery_method", "url": url},
                "events": list(events),
                "filter": {"type": "account_reference"},
                "description": description,
                "active": True,
            }
        }
        return self._write("POST", _PATH, content)

    def enable(self, subscription_id: str) -> Subscription:
        """Have PagerDuty try again where it gave up for a while."""
        return self._write("POST", f"{_path_of(subscription_id)}/enable", None)

    def activate(self, subscription_id: str) -> Subscription:
        """Switch on one that somebody switched off."""
        content = {"webhook_subscription": {"active": True}}
        return self._write("PUT", _path_of(subscription_id), content)

    def delete(self, subscription_id: str) -> None:
        """Have nothing sent any more."""
        self._rest.write("DELETE", _path_of(subscription_id), None, self._until, needs=WRITE)

    def _write(self, method: str, path: str, content: dict[str, Any] | None) -> Subscription:
        body, answer = self._rest.write(method, path, content, self._until, needs=WRITE)
        return parsed(Subscription.from_api, body.get("webhook_subscription"), answer.request_id)


def _path_of(subscription_id: str) -> str:
    return f"{_PATH}/{quote(subscription_id, safe='')}"
