"""``manage.py pagerduty_doctor``: what is wrong between the portal and PagerDuty."""

import json
from argparse import ArgumentParser
from typing import Any

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from pagerduty_card.accounts import all_accounts, names_of
from pagerduty_card.doctor.accounts import examine_accounts, examine_portal
from pagerduty_card.doctor.entities import examine_entity
from pagerduty_card.doctor.findings import Finding, Step, Verdict, worst_of
from pagerduty_card.doctor.paging_keys import known_keys
from pagerduty_card.doctor.probing import probe_all
from pagerduty_card.models import Feed
from portal.checks import ENVIRONMENT
from portal.database import explain

_WIDTH = 24


class Command(BaseCommand):
    """Looks at accounts, tokens, feeds and, with ``--entity``, one entity's card."""

    help = (
        "Say what is wrong between the portal and PagerDuty, and what to do. Asks PagerDuty a few "
        "small questions for each account. Exit 1 when something is wrong."
    )
    # It says itself what is wrong with the accounts.
    requires_system_checks = (ENVIRONMENT,)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--account", default="", help="only this account (all)")
        parser.add_argument(
            "--entity",
            default="",
            metavar="REF",
            help="also say why this entity's card is empty, for example component:checkout-api",
        )
        parser.add_argument("--format", choices=["text", "json"], default="text")
        parser.add_argument(
            "--offline",
            action="store_true",
            help="ask PagerDuty nothing, only look at what is known",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine and print; exit 1 when something is wrong.

        Raises:
            CommandError: There is no such account, or the database is not ready.
        """
        del args
        everyone = all_accounts()
        name = options["account"]
        if name and name not in everyone:
            raise CommandError(
                f"No PagerDuty account is called {name!r}; configured: {names_of(everyone)}."
            )
        accounts = [one for key, one in sorted(everyone.items()) if not name or key == name]
        # A default account nobody configured is not missing where others are.
        if not name and any(one.is_configured for one in accounts):
            accounts = [one for one in accounts if not one.is_unset]
        asked = [] if options["offline"] else [one for one in accounts if one.is_configured]
        try:
            Feed.objects.exists()  # probing needs the database too, in threads of its own
            keys = known_keys([one.name for one in asked], options["entity"])
            probes = probe_all(asked, keys)
            now = timezone.now()
            findings = [examine_portal(now), *examine_accounts(accounts, probes, now)]
            if options["entity"]:
                findings += examine_entity(options["entity"], now)
        except DatabaseError as exc:
            raise CommandError(explain(exc) or str(exc)) from exc
        verdict = worst_of(finding.verdict for finding in findings)
        if options["format"] == "json":
            told = {
                "verdict": verdict.value,
                "findings": [finding.to_json() for finding in findings],
            }
            self.stdout.write(json.dumps(told, indent=2))
        else:
            for finding in findings:
                self._print(finding)
        if verdict is Verdict.WRONG:
            raise SystemExit(1)

    def _print(self, finding: Finding) -> None:
        self.stdout.write(finding.title)
        for step in finding.steps:
            self.stdout.write(
                f"  {step.verdict.value:<8}{step.what:<{_WIDTH}} {step.text}{_when(step)}"
            )
            if step.advice:
                self.stdout.write(f"{'':<{10 + _WIDTH}} -> {step.advice}")
        self.stdout.write("")


def _when(step: Step) -> str:
    return f" ({str(naturaltime(step.at)).replace(chr(0xA0), ' ')})" if step.at else ""
