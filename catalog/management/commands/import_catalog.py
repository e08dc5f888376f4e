"""Import catalog files: the command."""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, Literal

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Exists, OuterRef
from tqdm import tqdm

from catalog.ingestion.importer import configured_sources, run_import
from catalog.ingestion.report import ImportReport, Issue
from catalog.ingestion.sources import root_of
from catalog.locations.dead import dead_locations
from catalog.locations.interrupted import close_interrupted
from catalog.locations.refreshing import adopt_configured
from catalog.models import Entity, ImportIssue, Location, file_and_line

# Printed; a refused document and a conflict always are.
_MAX_UNREAD = 50


class Command(BaseCommand):
    """Brings the catalog to what files, folders, globs and addresses say."""

    help = (
        "Import catalog files. A refused document is listed with its reasons and leaves the "
        "others alone; the exit status is 1 if any was refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Sources and how to read them."""
        parser.add_argument(
            "sources",
            nargs="*",
            metavar="SOURCE",
            help="file, folder, glob or http(s) address; without one, CATALOG_LOCATIONS",
        )
        parser.add_argument("--dry-run", action="store_true", help="report, change nothing")
        parser.add_argument(
            "--prune",
            action="store_true",
            help="remove entities of these sources that no document has any more, instead of what "
            "CATALOG_ORPHANS says",
        )
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, **options: Any) -> None:
        """Run the import and print its report."""
        sources: list[str] = options["sources"] or configured_sources()
        if not sources:
            raise CommandError("name a SOURCE, or set CATALOG_LOCATIONS")
        origin = Location.Origin.COMMAND if options["sources"] else Location.Origin.STATIC
        if not options["dry_run"]:
            close_interrupted()
            if origin == Location.Origin.STATIC:
                adopt_configured()
        is_text = options["format"] == "text"
        disable = None if is_text else True  # None: no bar unless it is a terminal
        with (
            tqdm(desc="reading", unit=" documents", disable=disable, leave=False) as reading,
            tqdm(desc="writing", unit=" documents", disable=disable, leave=False) as writing,
        ):
            bars = {"read": reading, "write": writing}

            def progress(phase: Literal["read", "write"], count: int) -> None:
                bars[phase].update(count)

            report = run_import(
                sources,
                dry_run=options["dry_run"],
                orphans="delete" if options["prune"] else None,
                origin=origin,
                progress=progress,
            )
        if not options["dry_run"] and origin == Location.Origin.COMMAND:
            self._forget_unread(report)
        if is_text:
            self._print(report)
            if not options["dry_run"] and not report.failure:
                self._name_dead(sources)
        else:
            self.stdout.write(json.dumps(report.as_json(), ensure_ascii=False))
        if report.failure:
            raise CommandError(f"{report.failure}; nothing was changed")
        if not report.is_ok:
            raise SystemExit(1)

    def _forget_unread(self, report: ImportReport) -> None:
        """Keep no location of a source that was never read, such as a mistyped path.

        Nothing would read it again: the worker reads those of CATALOG_LOCATIONS and registered.
        """
        Location.objects.filter(
            ~Exists(Entity.objects.filter(location=OuterRef("pk"))),
            target__in=report.incomplete,
            origin=Location.Origin.COMMAND,
            read_at=None,
        ).delete()

    def _name_dead(self, sources: Sequence[str]) -> None:
        """Say which of the sources bring nothing and stay listed."""
        targets = [root_of(source).target for source in sources]
        for location in dead_locations().filter(target__in=targets):
            self.stdout.write(
                f"{location.target} is a dead location now: unregister it on the page Locations, "
                "or all dead ones with manage.py unregister_dead."
            )

    def _print(self, report: ImportReport) -> None:
        unread = left_out = 0
        for issue in report.issues:
            unread += issue.kind == ImportIssue.Kind.UNREADABLE
            if issue.kind == ImportIssue.Kind.UNREADABLE and unread > _MAX_UNREAD:
                left_out += issue.count
            else:
                self._print_issue(issue)
        if left_out:
            self.stdout.write(f"... and {left_out:,} more that could not be read")
        for notice in report.notices:
            place = file_and_line(notice.file, notice.line)
            self.stdout.write(
                self.style.WARNING(
                    f"{place or 'catalog'} {notice.ref or '-'} warning: {notice.message}"
                )
            )
            if notice.hint:
                self.stdout.write(f"    {notice.hint}")
        shown = sum(1 for notice in report.notices if "points to nothing" in notice.message)
        if report.unresolved > shown:
            self.stdout.write(f"... and {report.unresolved - shown} more unresolved references")
        if not report.failure:
            self._print_outcome(report)

    def _print_outcome(self, report: ImportReport) -> None:
        width = 9
        self.stdout.write("")
        for name in ("created", "changed", "unchanged"):
            self.stdout.write(f"  {name:<{width}} {getattr(report, name):>8,}")
        for name in ("orphaned", "removed", "restored"):
            if count := getattr(report, name):
                self.stdout.write(f"  {name:<{width}} {count:>8,}")
        conflicts = len(report.conflicts)
        among = f", {conflicts:,} of them in conflict" if conflicts else ""
        self.stdout.write(f"  {'refused':<{width}} {report.refused:>8,}{among}")
        if not report.has_changes:
            is_nothing = report.incomplete and not report.unchanged
            outcome = "Nothing was imported" if is_nothing else "Nothing changed"
        elif report.is_dry_run:
            outcome = "Dry run: nothing was written"
        else:
            outcome = "Imported"
        self.stdout.write(f"{outcome} ({report.duration_s:.1f} s).")

    def _print_issue(self, issue: Issue) -> None:
        name = issue.ref or (f"document {issue.document + 1}" if issue.document is not None else "")
        for problem in issue.problems:
            place = issue.file
            if problem.line:
                place += f":{problem.line}:{problem.column}"
            reason = f"{problem.path}: {problem.message}" if problem.path else problem.message
            text = f"{place} {name} {reason}" if name else f"{place}: {reason}"
            self.stdout.write(self.style.ERROR(text))
            if problem.hint:
                self.stdout.write(f"    {problem.hint}")
