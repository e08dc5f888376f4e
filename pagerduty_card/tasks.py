"""What the worker does for PagerDuty while nobody looks."""

from pagerduty_card import sync
from pagerduty_card.accounts import all_accounts
from portal.tasks import every


@every(seconds=30)
def sync_accounts() -> None:
    """Mirror what is due of every account that has a token."""
    for account in all_accounts().values():
        if account.token:
            sync.sync_due(account)
