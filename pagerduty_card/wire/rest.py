"""One request of the REST API: token, budget, and the answer's judgement. No endpoint, no page.

Source: https://developer.pagerduty.com/docs/rest-api-overview
"""

import json
import time
from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from pagerduty_card.accounts import Account, is_bearer
from pagerduty_card.errors import Refused, Throttled
from pagerduty_card.wire import tokens
from pagerduty_card.wire.answers import broken_by, error_of
from pagerduty_card.wire.quota import Quota, QuotaReading
from pagerduty_card.wire.transport import Reply, Transport

Params = list[tuple[str, str]]


class Rest:
    """The REST API of one account.

    Attributes:
        transport: Sends; its connections are given back by whoever made this.
        skew_s: How far PagerDuty's clock was ahead of ours at the last answer; None where it did
            not say.
    """

    def __init__(self, account: Account, *, background: bool) -> None:
        """Prepare; nothing is sent.

        Args:
            account: Whom to ask.
            background: Whether nobody is waiting; background work leaves a fifth of the quota.
        """
        self.transport = Transport()
        self.skew_s: float | None = None
        self._account = account
        self._quota = Quota(account)
        self._background = background

    def get(
        self, path: str, params: Params, until: float, *, needs: str, is_of_one: bool = False
    ) -> tuple[dict[str, Any], Reply]:
        """Read one page.

        Args:
            path: Below the account's base.
            params: Of the query, in order.
            until: Monotonic time at which it must be over.
            needs: The permission (OAuth scope) that the endpoint needs.
            is_of_one: Whether the path names one thing: a 404 then says that there is none. A list
                is always there: with a 404 it is the address that is wrong.

        Returns:
            The JSON object and the answer it came in.

        Raises:
            PagerDutyError: See ``PagerDutyClient.services``.
        """
        target = f"{path}?{urlencode(params)}"
        return self._judged("GET", target, None, until, needs=needs, is_of_one=is_of_one)

    def write(
        self,
        method: str,
        path: str,
        content: dict[str, Any] | None,
        until: float,
        *,
        needs: str,
        is_of_one: bool = True,
    ) -> tuple[dict[str, Any], Reply]:
        """Change something, once: a write is never repeated by itself.

        Args:
            method: ``POST``, ``PUT`` or ``DELETE``.
            path: Below the account's base.
            content: The JSON to send; None for no body.
            until: Monotonic time at which it must be over.
            needs: The permission (OAuth scope) that the endpoint needs.
            is_of_one: See ``get``; questions that are posted are of none.

        Returns:
            The JSON object, empty for 204, and the answer it came in.

        Raises:
            PagerDutyError: See ``PagerDutyClient.services``.
        """
        data = None if content is None else json.dumps(content).encode()
        return self._judged(
            method, path, data, until, needs=needs, is_of_one=is_of_one, good=(200, 201, 204)
        )

    def _judged(
        self,
        method: str,
        target: str,
        data: bytes | None,
        until: float,
        *,
        needs: str,
        is_of_one: bool,
        good: Collection[int] = (200,),
    ) -> tuple[dict[str, Any], Reply]:
        """Ask within the budget, with another token if the first is refused; only good answers."""
        wait_s = self._quota.wait_s(background=self._background)
        if wait_s:
            raise Throttled("The account cools down.", retry_after_s=wait_s)
        token = tokens.token_of(self._account, self.transport, until=until)
        answer = self._send(method, target, data, token, until)
        if answer.status == 401 and (
            # Taken back, or expired early: another one serves, where there is one to be had.
            other := tokens.renewed(self._account, self.transport, token, until=until)
        ):
            token = other
            answer = self._send(method, target, data, token, until)
        if answer.status == 429:
            reset_s = answer.number("ratelimit-reset") or answer.number("retry-after")
            raise Throttled(
                "PagerDuty's request limit is used up.",
                retry_after_s=self._quota.exhausted(reset_s),
                request_id=answer.request_id,
            )
        if answer.status == 401 and not self._account.is_own:
            raise Refused(
                f"PagerDuty does not accept the token of {self._account.setting}.",
                request_id=answer.request_id,
            )
        if answer.status == 404 and not is_of_one:
            raise Refused(
                f"PagerDuty has nothing at {target.partition('?')[0]}.",
                reason="wrong_address",
                request_id=answer.request_id,
            )
        if answer.status not in good:
            raise error_of(answer, secrets=(token,), needs=needs)
        body = {} if answer.status == 204 else answer.body
        path = target.partition("?")[0]
        if not isinstance(body, dict):
            what = f"{path} did not answer with a JSON object"
            raise broken_by(what, answer, secrets=(token,))
        if body.keys() & {"error", "errors"}:
            what = f"{path} answered {answer.status} with an error"
            raise broken_by(what, answer, secrets=(token,))
        return body, answer

    def _send(
        self, method: str, target: str, data: bytes | None, token: str, until: float
    ) -> Reply:
        """Ask once, and take in what the answer tells beside its data."""
        answer = self.transport.send(
            method,
            f"{self._account.api_base_url}{target}",
            until=until,
            data=data,
            token=token,
            is_bearer=self._account.oauth is not None or is_bearer(token),
            headers={
                "Accept": "application/vnd.pagerduty+json;version=2",
                "Content-Type": "application/json",  # demanded of GETs too, without a charset
            },
            secrets=(token,),
        )
        now = time.time()
        dated_at = answer.dated_at
        self.skew_s = dated_at.timestamp() - now if dated_at else None
        self._quota.note(
            QuotaReading(
                at=now,
                limit=answer.number("ratelimit-limit"),
                remaining=answer.number("ratelimit-remaining"),
                reset_s=answer.number("ratelimit-reset"),
                skew_s=self.skew_s,
            )
        )
        return answer
