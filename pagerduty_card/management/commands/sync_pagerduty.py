"""``manage.py sync_pagerduty``: mirror PagerDuty now, once or again and again."""

import logging
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections

from pagerduty_card.accounts import DEFAULT_ACCOUNT, Account, all_accounts, get_account
from pagerduty_card.errors import NotConfigured, Throttled
from pagerduty_card.models import Feed
from pagerduty_card.reporting import Report
from pagerduty_card.syncing.accounts import Lane, sync_account, sync_due, turn_of, unfinished
from pagerduty_card.wire.client import PagerDutyClient
from portal.database import explain
from portal.leases import lease

logger = logging.getLogger(__name__)

PERIODS_S = {Lane.INCIDENTS: 20, Lane.REST: 30}


class Command(BaseCommand):
    """Mirrors PagerDuty's services, incidents, on-call and changes.

    Attributes:
        stopping: Set, it ends after the turns that are under way.
    """

    help = (
        "Mirror PagerDuty: once completely with --once, else what is due until stopped, open "
        "incidents every 20 seconds. A portal whose worker runs does this by itself."
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.stopping = threading.Event()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--once", action="store_true", help="everything once, then end")
        parser.add_argument("--account", default="", help="only this account (all)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run; exit 1 when an account has no token or PagerDuty did not give everything."""
        del args
        try:
            Feed.objects.exists()
        except DatabaseError as exc:
            raise CommandError(explain(exc) or str(exc)) from exc
        accounts = self._accounts(options["account"])
        if options["once"]:
            fine = [self._whole(account) for account in accounts]
            if not all(fine):
                raise CommandError("PagerDuty was not mirrored completely.")
            return
        connections.close_all()  # each turn has one of its own, and this thread only waits
        turns = [
            threading.Thread(target=self._keep, args=(account, lane), daemon=True)
            for account in accounts
            for lane in Lane
        ]
        for turn in turns:
            turn.start()
        for turn in turns:
            turn.join()

    def _keep(self, account: Account, lane: Lane) -> None:
        """Mirror one account in one lane until stopped, whatever the others do."""
        while True:
            try:
                with lease(turn_of(account, lane)) as is_held:
                    if is_held:
                        self._print(sync_due(account, [lane]))
            except Exception:
                logger.exception("account not mirrored", extra={"account": account.name})
            connections.close_all()
            if self.stopping.wait(PERIODS_S[lane]):
                return

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
        """Mirror everything, in as many pieces as it takes; wait where PagerDuty's limit says so.

        As background work: it may take most of a minute's requests, and leaves people theirs.
        """
        kinds: list[str] | None = None
        while True:
            with PagerDutyClient(account, background=True) as client:
                report = sync_account(account, client, kinds=kinds)
            self._print(report)
            held = [exc for exc in report.failed.values() if isinstance(exc, Throttled)]
            if len(held) < len(report.failed):
                return False
            kinds = [*report.failed, *unfinished(account, report.done)]
            if not kinds or not (held or report.requests):
                return True
            if held:
                wait_s = max(exc.retry_after_s for exc in held)
                self.stdout.write(f"{account.name}: waiting {wait_s:.0f} s for PagerDuty's limit")
                time.sleep(wait_s)

    def _print(self, report: Report) -> None:
        done = ", ".join(Feed.Kind(kind).label for kind in report.done) or "nothing due"
        self.stdout.write(f"{report.account}: {done} ({report.requests} requests)")
        for kind, error in report.failed.items():
            self.stderr.write(
                f"{report.account}: {Feed.Kind(kind).label}: {error.reason}: {error.detail}"
            )
