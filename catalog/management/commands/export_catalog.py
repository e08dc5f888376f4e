"""Export the catalog as YAML: the command."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from catalog.descriptor.writing import dump, portable
from catalog.kinds import Kind
from catalog.models import Entity
from portal.pipes import reader_may_stop


class Command(BaseCommand):
    """Writes the catalog as a multi-document YAML file that imports unchanged."""

    help = (
        "Write every entity as YAML, one document each, with its overlays over it, to be imported "
        "anywhere: a Location is written without its targets, since what they lead to is here "
        "itself. A backup: keys in annotations are in it in full, so keep it like a password."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which entities."""
        parser.add_argument(
            "--kind",
            action="append",
            choices=Kind.values,
            help="only entities of this kind; may be given several times",
        )
        parser.add_argument(
            "--local",
            action="store_true",
            help="only entities made in the admin, which are in no file yet",
        )

    def handle(self, **options: Any) -> None:
        """Print the documents, by kind, namespace and name."""
        entities = Entity.objects.order_by("ref")
        if options["kind"]:
            entities = entities.filter(kind__in=options["kind"])
        if options["local"]:
            entities = entities.filter(source="")
        descriptors = entities.values_list("descriptor", flat=True)
        with reader_may_stop():
            for descriptor in descriptors.iterator(chunk_size=500):
                self.stdout.write("---\n" + dump(portable(descriptor)), ending="")
