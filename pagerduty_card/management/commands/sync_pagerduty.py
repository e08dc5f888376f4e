"""``manage.py sync_pagerduty``: mirror PagerDuty now, once or again and again."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from pagerduty_card.accounts import DEFAULT_ACCOUNT, Account, all_accounts, get_account
from pagerduty_card.client import PagerDutyClient
from pagerduty_card.errors import NotConfigured
from pagerduty_card.models import Feed
from pagerduty_card.reporting import Report
from pagerduty_card.syncing.accounts import sync_account, sync_due

PERIOD_S = 30


class Command(BaseCommand):
    """Mirrors PagerDuty's services, incidents, on-call and changes."""

    help = (
        "Mirror PagerDuty: once completely with --once, else what is due every 30 seconds until "
        "stopped. A portal whose worker runs does this by itself."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--once", action="store_true", help="everything once, then end")
        parser.add_argument("--account", default="", help="only this account (all)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run; exit 1 when an account has no token or PagerDuty did not give everything."""
        del args
        accounts = self._accounts(options["account"])
        if options["once"]:
            fine = [self._whole(account) for account in accounts]
            if not all(fine):
                raise CommandError("PagerDuty was not mirrored completely.")
            return
        while True:
            for account in accounts:
                self._print(sync_due(account))
            time.sleep(PERIOD_S)

    def _accounts(self, name: str) -> list[Account]:
        try:
            return [get_account(name)] if name else self._all()
        except NotConfigured as exc:
            raise CommandError(exc.detail) from exc

    def _all(self) -> list[Account]:
        """Every account with credentials; what is wrong with the others is said and no more."""
        accounts = all_accounts()
        found = [accounts[name] for name in sorted(accounts) if accounts[name].is_configured]
        if not found:
            get_account()  # raises: it says what to set
        for account in accounts.values():
            if account.problem and account.name != DEFAULT_ACCOUNT:
                self.stderr.write(f"{account.name}: {account.problem}")
        return found

    def _whole(self, account: Account) -> bool:
        with PagerDutyClient(account) as client:
            report = sync_account(account, client)
        self._print(report)
        return not report.failed

    def _print(self, report: Report) -> None:
        done = ", ".join(Feed.Kind(kind).label for kind in report.done) or "nothing due"
        self.stdout.write(f"{report.account}: {done} ({report.requests} requests)")
        for kind, error in report.failed.items():
            self.stderr.write(
                f"{report.account}: {Feed.Kind(kind).label}: {error.reason}: {error.detail}"
            )
