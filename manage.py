#!/usr/bin/env python
"""Run one of Switchboard's management commands."""

import os
import sys

from django.core.management import execute_from_command_line

from portal.database import FAILURES, NOT_MIGRATED, explain

# What they themselves find missing is a defect of a migration, to be reported with its traceback.
_MIGRATING = {"migrate", "prepare"}


def main(arguments: list[str]) -> None:
    """Run a command; a database that does not work ends it with a sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        execute_from_command_line(arguments)
    except FAILURES as error:
        text = explain(error)
        is_defect = text == NOT_MIGRATED and _MIGRATING.intersection(arguments[1:2])
        if not text or is_defect or "--traceback" in arguments:
            raise
        sys.exit(text)


if __name__ == "__main__":
    main(sys.argv)
