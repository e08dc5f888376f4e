"""``manage.py pagerduty_webhook``: the subscription that brings PagerDuty's events here."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from pagerduty_card.accounts import (
    DEFAULT_ACCOUNT,
    Account,
    get_account,
)
from pagerduty_card.doctor.webhooks import examine_webhooks
from pagerduty_card.errors import NotConfigured, PagerDutyError
from pagerduty_card.webhooks import subscribing
from pagerduty_card.wire.subscriptions import Subscription
from portal.database import explain
from portal.secret_shapes import mask


class Command(BaseCommand):
    """Makes, shows, switches on and deletes the webhook subscription of an account."""

    help = (
        "Manage the webhook subscription that brings PagerDuty's events to this portal within a "
        "second. Needs a token with webhook_subscriptions.read and .write."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what to do, and for which account."""
        parser.add_argument(
            "action",
            choices=["create", "status", "enable", "delete"],
            help="create: shows the secret, once; enable: also after PagerDuty gave up",
        )
        parser.add_argument("--account", default=DEFAULT_ACCOUNT, help="default: the default one")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say what came of it.

        Raises:
            CommandError: There is no such account or subscription, or PagerDuty refuses.
        """
        del args
        try:
            account = get_account(options["account"])
            getattr(self, f"_{options['action']}")(account)
        except NotConfigured as exc:
            raise CommandError(str(exc)) from exc
        except PagerDutyError as exc:
            raise CommandError(f"PagerDuty did not do it: {exc.detail}") from exc
        except DatabaseError as exc:
            raise CommandError(explain(exc) or str(exc)) from exc

    def _create(self, account: Account) -> None:
        if not subscribing.is_reachable(account):
            raise CommandError(
                f"PagerDuty cannot reach {subscribing.address_of(account)}: set PORTAL_URL to the "
                "address that the portal has on the internet."
            )
        try:
            made = subscribing.create(account)
        except subscribing.AlreadyThere as exc:
            if settings.PAGERDUTY_SANDBOX:
                raise CommandError(
                    "The sandbox makes one at its start, and the portal knows its secret: there is "
                    "nothing to do. Run status to see it, or delete and then create to try this."
                ) from exc
            raise CommandError(
                f"There is one already, {exc.subscription.id}. Its secret cannot be shown again: "
                "if it is lost, delete the subscription and create another."
            ) from exc
        self._tell(account, made)
        if not made.secret:
            raise CommandError("PagerDuty's answer has no secret: delete it and try again.")
        self.stdout.write(f"Secret, shown this once: {made.secret}")
        self.stdout.write(
            f"Put it into {_place(account)}, beside one that is still in use, and restart the "
            "portal. Until then deliveries are refused and incidents come by polling; if PagerDuty "
            "pauses the subscription meanwhile, run pagerduty_webhook enable."
        )

    def _status(self, account: Account) -> None:
        self._tell(account, subscribing.look(account))
        told = ", ".join(mask(one) for one in account.webhook_secrets) or "none"
        self.stdout.write(f"Secrets here: {told} ({_place(account)})")
        for step in examine_webhooks([account], timezone.now())[account.name]:
            when = f" ({naturaltime(step.at)})".replace("\xa0", " ") if step.at else ""
            self.stdout.write(f"{step.what}: {step.text}{when}")
            if step.advice:
                self.stdout.write(f"  -> {step.advice}")

    def _enable(self, account: Account) -> None:
        found = subscribing.enable(account)
        if found is None:
            raise CommandError(
                f"PagerDuty has none for {subscribing.address_of(account)}: create one."
            )
        self._tell(account, found)

    def _delete(self, account: Account) -> None:
        found = subscribing.delete(account)
        if found is None:
            raise CommandError(f"PagerDuty has none for {subscribing.address_of(account)}.")
        self.stdout.write(
            f"Deleted {found.id}. Incidents come by polling. Remove its secret from "
            f"{_place(account)}."
        )

    def _tell(self, account: Account, found: Subscription | None) -> None:
        if found is None:
            self.stdout.write(f"PagerDuty has none for {subscribing.address_of(account)}.")
            return
        self.stdout.write(f"Subscription {found.id}: {subscribing.state_of(found)}")
        self.stdout.write(f"Address: {found.url}")
        if missing := sorted(set(subscribing.EVENTS) - set(found.events)):
            self.stdout.write(f"It lacks these events: {', '.join(missing)}")


def _place(account: Account) -> str:
    """Where its webhook secrets are configured."""
    return f"{account.name_of('webhook_secrets')} or {account.name_of('webhook_secrets_file')}"
