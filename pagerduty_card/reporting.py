"""What a synchronisation did, in the feeds and in the log."""

import logging
from dataclasses import dataclass, field
from datetime import datetime

from pagerduty_card.errors import PagerDutyError
from pagerduty_card.models import Feed

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Report:
    """What a synchronisation did.

    Attributes:
        account: Name of the account.
        done: Sections that were answered and stored.
        failed: Why the others were not, by section.
        requests: How many requests were sent.
    """

    account: str
    done: list[str] = field(default_factory=list)
    failed: dict[str, PagerDutyError] = field(default_factory=dict)
    requests: int = 0

    def note_good(
        self,
        kind: str,
        asked_at: datetime,
        service_pd_id: str = "",
        covers_since: datetime | None = None,
    ) -> None:
        """Mark a section fresh: of a service, or of the account for an empty id."""
        Feed.objects.mark_good(
            self.account, kind, service_pd_id, asked_at=asked_at, covers_since=covers_since
        )
        self.done.append(str(kind))

    def note_failed(self, kind: str, error: PagerDutyError, service_pd_id: str = "") -> None:
        """Mark a section not refreshed and say why; its rows stay as they are."""
        Feed.objects.mark_failed(self.account, kind, error, service_pd_id)
        self.failed[str(kind)] = error
        log_failure(self.account, str(kind), error, service_pd_id)


def log_failure(account: str, section: str, error: PagerDutyError, service_pd_id: str = "") -> None:
    """Log one line about a section that was not refreshed."""
    logger.warning(
        "pagerduty section not refreshed",
        extra={
            "account": account,
            "section": section,
            "service": service_pd_id,
            "reason": error.reason,
            "detail": error.detail,
            "pagerduty_request_id": error.request_id,
        },
    )
