"""Unregister dead locations: the command."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from catalog.locations.dead import dead_locations, with_entities
from catalog.locations.refreshing import refresh_claimants, unregister_dead
from portal.batches import in_batches


class Command(BaseCommand):
    """Takes locations out of the catalog that bring nothing any more."""

    help = (
        "Unregister every location at whose address there is certainly nothing any more, or of "
        "which other locations hold everything. What only it holds becomes an orphan, or is "
        "deleted, as CATALOG_ORPHANS says. Locations of CATALOG_LOCATIONS are left alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to write."""
        parser.add_argument("--dry-run", action="store_true", help="list them, change nothing")

    def handle(self, **options: Any) -> None:
        """Print a line for each location, and how many they are."""
        count = 0
        for locations in in_batches(list(dead_locations())):
            if options["dry_run"]:
                for dead in with_entities(locations):
                    count += 1
                    held = f"{dead.entities:,} {'entity' if dead.entities == 1 else 'entities'}"
                    self.stdout.write(f"{dead.location.target}: {dead.reason} It holds {held}.")
                continue
            unregistered = unregister_dead([one.pk for one in locations], user=None)
            refresh_claimants(done for _location, done in unregistered)
            for location, done in unregistered:
                count += 1
                left = done.left()
                self.stdout.write(
                    f"{location.target}: unregistered ({done.orphaned + left:,} orphaned, "
                    f"{done.removed:,} removed, {len(done.claimed) - left:,} taken over by other "
                    "locations)"
                )
        word = "location" if count == 1 else "locations"
        end = "would be unregistered; nothing was written" if options["dry_run"] else "unregistered"
        self.stdout.write(f"{count:,} dead {word} {end}.")
