"""Check catalog files without a catalog: the command."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from catalog.descriptor import DEFAULT_LIMITS, Document, Problem, iter_parse
from catalog.ingestion.allow import Allowance
from catalog.ingestion.sources import Reader, SourceError, is_url, root_of


@dataclass(frozen=True, slots=True)
class _Checked:
    """One document, or a whole file that could not be read or holds none."""

    file: str
    document: Document | None
    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()


class Command(BaseCommand):
    """Says everything that is wrong with files, by the rules of the import."""

    help = (
        "Check files against the format, each on its own: nothing is stored, and what a Location "
        "or a placeholder points to is not read. The exit status is 1 if any document is invalid."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to check and how to say it."""
        parser.add_argument(
            "paths", nargs="+", metavar="PATH", help="file, folder, glob or http(s) address"
        )
        parser.add_argument(
            "--format",
            choices=["text", "json", "github"],
            default="text",
            help="json: one object a line per document; github: workflow annotations",
        )

    def handle(self, **options: Any) -> None:
        """Check every document and say what is wrong."""
        printer = {"text": self._text, "json": self._json, "github": self._github}
        documents = invalid = 0
        for checked in _check(options["paths"]):
            if checked.document is not None and not checked.document.is_empty:
                documents += 1
            invalid += bool(checked.problems)
            printer[options["format"]](checked)
        if options["format"] == "text":
            self.stdout.write(f"{documents:,} documents, {invalid:,} invalid.")
        if invalid:
            raise SystemExit(1)

    def _text(self, checked: _Checked) -> None:
        name = checked.document.ref if checked.document else None
        for problems, sort in ((checked.problems, ""), (checked.warnings, "warning: ")):
            for problem in problems:
                place = checked.file
                if problem.line:
                    place += f":{problem.line}:{problem.column}"
                path = f"{problem.path}: " if problem.path else ""
                style = self.style.WARNING if sort else self.style.ERROR
                self.stdout.write(style(f"{place} {name or '-'} {sort}{path}{problem.message}"))
                if problem.hint:
                    self.stdout.write(f"    {problem.hint}")

    def _json(self, checked: _Checked) -> None:
        document = checked.document
        is_empty = document is None or document.is_empty
        line = {
            "file": checked.file,
            "index": document.index if document else None,
            "valid": None if is_empty and not checked.problems else not checked.problems,
            "ref": str(document.ref) if document and document.ref else None,
            "relations": [
                {"type": relation.type, "target": relation.target}
                for relation in (document.relations if document else ())
            ],
            "errors": [problem.as_json() for problem in checked.problems],
            "warnings": [problem.as_json() for problem in checked.warnings],
        }
        self.stdout.write(json.dumps(line, ensure_ascii=False))

    def _github(self, checked: _Checked) -> None:
        for problems, level in ((checked.problems, "error"), (checked.warnings, "warning")):
            for problem in problems:
                values = {
                    "file": checked.file,
                    "line": problem.line or 1,
                    "col": problem.column or 1,
                    "title": str(checked.document.ref) if checked.document else checked.file,
                }
                where = ",".join(f"{key}={_property(value)}" for key, value in values.items())
                self.stdout.write(f"::{level} {where}::{_message(str(problem))}")


def _check(paths: Sequence[str]) -> Iterator[_Checked]:
    reader = Reader(Allowance.from_settings(), DEFAULT_LIMITS)
    for path in paths:
        root = root_of(path)
        try:
            addresses = reader.addresses(root)
        except SourceError as exc:
            yield _unread(path, exc)
            continue
        for address in addresses:
            file = _shown(address, path)
            try:
                text = reader.read(address, inside=root.folder)
            except SourceError as exc:
                yield _unread(file, exc)
                continue
            is_empty = True
            for document in iter_parse(text):
                is_empty = False
                yield _Checked(file, document, document.problems, document.warnings)
            if is_empty:
                yield _Checked(file, None)


def _shown(address: str, given: str) -> str:
    """The file's path as the caller would write it: relative, if that is how it was given."""
    path, here = Path(address), Path.cwd()
    if is_url(address) or Path(given).is_absolute() or not path.is_relative_to(here):
        return address
    return str(path.relative_to(here))


def _unread(file: str, exc: SourceError) -> _Checked:
    problem = Problem(
        line=exc.line or 0, column=1 if exc.line else 0, path="", message=str(exc), hint=exc.hint
    )
    return _Checked(file, None, [problem])


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: object) -> str:
    return _message(str(value)).replace(":", "%3A").replace(",", "%2C")
