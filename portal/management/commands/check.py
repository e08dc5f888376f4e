"""``manage.py check``: Django's own, which with ``--deploy`` looks into the database too."""

from typing import Any

from django.core.management.commands import check


class Command(check.Command):
    """Report settings that are wrong or unsafe, and a database that is not ready."""

    def handle(self, *app_labels: Any, **options: Any) -> None:
        """Check everything that a deployment needs, the database included."""
        if options["deploy"] and not options["databases"]:
            options["databases"] = ["default"]
        super().handle(*app_labels, **options)
