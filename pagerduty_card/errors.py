"""What can go wrong with PagerDuty: one class for each reaction, nothing else."""


class PagerDutyError(Exception):
    """PagerDuty gave no usable answer.

    Attributes:
        reason: Machine word kept with the feed: ``unreachable``, ``throttled``, ``token``,
            ``permission``, ``ability``, ``not_found``, ``wrong_address``, ``rejected``,
            ``unreadable``, ``not_configured``, ``clock``.
        detail: PagerDuty's own words where it gave any, free of secrets, at most 500 characters.
        request_id: PagerDuty's ``X-Request-Id``, empty when there was no answer.
    """

    reason = "unreachable"

    def __init__(self, detail: str = "", *, reason: str = "", request_id: str = "") -> None:
        super().__init__(detail)
        self.reason = reason or type(self).reason
        self.detail = detail[:500]
        self.request_id = request_id


class Unreachable(PagerDutyError):
    """No answer in time, or 408 or 5xx: show the last good answer, try later.

    Attributes:
        maybe_taken: Whether the request may have reached PagerDuty and had its effect.
        cause: Why there is no connection, for whoever can mend it; empty where that is not known.
    """

    reason = "unreachable"

    def __init__(
        self,
        detail: str = "",
        *,
        maybe_taken: bool = False,
        request_id: str = "",
        cause: str = "",
    ) -> None:
        super().__init__(detail, request_id=request_id)
        self.maybe_taken = maybe_taken
        self.cause = cause


class Throttled(PagerDutyError):
    """429: the account cools down.

    Attributes:
        retry_after_s: Seconds until the quota is whole again.
    """

    reason = "throttled"

    def __init__(self, detail: str = "", *, retry_after_s: float, request_id: str = "") -> None:
        super().__init__(detail, request_id=request_id)
        self.retry_after_s = retry_after_s


class Refused(PagerDutyError):
    """401, 402, 403, 404: somebody has to change a setting, a permission or an annotation.

    ``reason`` is ``token``, ``ability``, ``permission``, ``not_found`` where PagerDuty denies the
    one thing that was asked for, or ``wrong_address`` where it has nothing of the kind at all.
    """

    reason = "token"


class NotConfigured(Refused):
    """There is no token, or no such account: nothing was asked."""

    reason = "not_configured"


class Rejected(PagerDutyError):
    """400: PagerDuty understood the request and does not want it; its words are the ``detail``."""

    reason = "rejected"


class Unreadable(PagerDutyError):
    """The answer does not follow the contract: log loudly, show the last good answer."""

    reason = "unreadable"


class Oversized(Unreadable):
    """One record of an answer cannot be kept: it is left out, and the others are taken."""


class TooMany(Unreadable):
    """More records than PagerDuty gives out for one question: ask about fewer at once."""


class WrongClock(PagerDutyError):
    """The portal's clock is too far from PagerDuty's to tell whose shift it is."""

    reason = "clock"
