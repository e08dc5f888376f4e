"""Check catalog files without a catalog: the command."""

import json
import os
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from catalog.descriptor import (
    DEFAULT_LIMITS,
    Document,
    PassedOver,
    Problem,
    descriptors_of,
    iter_parse,
)
from catalog.descriptor.references import ReferenceIndex
from catalog.ingestion.allow import Allowance
from catalog.ingestion.placeholders import Inclusions
from catalog.ingestion.sources import Root, SourceError, SourceReader, is_url, root_of
from catalog.ingestion.spellings import without_user
from catalog.ingestion.targets import address_of, targets_of
from catalog.masking import DEFAULT_MASKER
from catalog.models import Entity
from catalog.secrets import hide
from portal.batches import in_batches
from portal.pipes import reader_may_stop


@dataclass(frozen=True, slots=True)
class _Checked:
    """One document, or a whole file that could not be read or holds none."""

    file: str
    document: Document | None
    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()

    @property
    def is_empty(self) -> bool:
        return not self.problems and (self.document is None or self.document.is_empty)

    def masked(self, mask: Callable[[str], str]) -> "_Checked":
        return replace(
            self,
            problems=[problem.masked(mask) for problem in self.problems],
            warnings=[warning.masked(mask) for warning in self.warnings],
        )


class Command(BaseCommand):
    """Says everything that is wrong with files, by the rules of the import."""

    help = (
        "Check files against the format, by the rules of the import: nothing is stored, and what a "
        "Location points to must be there, but is not checked itself. The exit status is 1 if any "
        "document is invalid; warnings alone leave it at 0."
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
        parser.add_argument(
            "--references",
            choices=["files", "catalog", "off"],
            default="files",
            help=(
                "where references are looked up: in the files checked (the default, needs no "
                "database), in the catalog too, or not at all"
            ),
        )

    def handle(self, **options: Any) -> None:
        """Check every document and say what is wrong."""
        invalid = 0
        with reader_may_stop():
            invalid = self._check(options)
        if invalid:
            raise SystemExit(1)

    def _check(self, options: dict[str, Any]) -> int:
        """Print what is found; how many documents are invalid."""
        printer = {"text": self._text, "json": self._json, "github": self._github}
        found: Iterator[_Checked] = _check(options["paths"])
        if options["references"] != "off":
            found = _with_reference_warnings(
                list(found), is_catalog_asked=options["references"] == "catalog"
            )
        files, documents, invalid, warnings = set(), 0, 0, 0
        # Which keys are known, the database says.
        mask = (
            DEFAULT_MASKER.text if options["references"] == "catalog" else partial(hide, masks={})
        )
        for checked in (one.masked(mask) for one in found):
            files.add(checked.file)
            documents += not checked.is_empty and checked.document is not None
            invalid += bool(checked.problems)
            warnings += len(checked.warnings)
            printer[options["format"]](checked)
        if options["format"] == "text":
            self.stdout.write(
                f"{_count(documents, 'document')} in {_count(len(files), 'file')}: "
                f"{invalid:,} invalid, {_count(warnings, 'warning')}."
            )
        return invalid

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
        line = {
            "file": checked.file,
            "index": document.index if document else None,
            "valid": None if checked.is_empty else not checked.problems,
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
        title = checked.document.ref if checked.document else None
        for problems, level in ((checked.problems, "error"), (checked.warnings, "warning")):
            for problem in problems:
                values = {
                    "file": checked.file,
                    "line": problem.line or 1,
                    "col": problem.column or 1,
                    "title": title or Path(checked.file).name,
                }
                where = ",".join(f"{key}={_property(value)}" for key, value in values.items())
                self.stdout.write(f"::{level} {where}::{_message(str(problem))}")


def _check(paths: Sequence[str]) -> Iterator[_Checked]:
    reader = SourceReader(Allowance.from_settings(), DEFAULT_LIMITS, has_database=False)
    for path in paths:
        root = root_of(path)
        try:
            addresses = reader.addresses(root)
        except SourceError as exc:
            yield _unread(without_user(path), exc)
            continue
        for address in addresses:
            file = _shown(address, root, path)
            try:
                text = reader.read(address, inside=root.folder)
            except SourceError as exc:
                yield _unread(file, exc)
                continue
            is_empty = True
            inclusions = Inclusions(reader, root, address)
            passed_over = None if root.folder is None else PassedOver()
            documents = iter_parse(text, resolve=inclusions.resolve)
            for document in descriptors_of(documents, passed_over):
                is_empty = False
                missing, unsure = _missing_targets(reader, root, address, document)
                problems = [*document.problems, *missing]
                warnings = [*document.warnings, *unsure]
                if document.note:
                    warnings.append(Problem(line=1, column=1, path="", message=document.note))
                yield _Checked(file, document, problems, warnings)
            if is_empty:
                yield _Checked(file, None)
    reader.remote.close()


def _missing_targets(
    reader: SourceReader, root: Root, file: str, document: Document
) -> tuple[list[Problem], list[Problem]]:
    """What a Location names that is not there, and what could not be read just now."""
    if not document.is_valid or document.data["kind"] != "Location":
        return [], []
    spec = document.data["spec"]
    missing: list[Problem] = []
    unsure: list[Problem] = []
    for target, place in targets_of(document):
        try:
            address = address_of(file, spec.get("type"), target, reader.allow.software)
            if not is_url(address):
                reader.check_target(address, root)
            named = Root("url" if is_url(address) else "file", address)
            for one in reader.addresses(named):
                reader.load(one, inside=root.room)
        except SourceError as exc:
            if exc.is_missing and spec.get("presence") == "optional":
                continue
            said = replace(place, message=f"{without_user(target)}: {exc}", hint=exc.hint)
            is_down = is_url(target) and not exc.is_missing
            (unsure if is_down else missing).append(said)
    return missing, unsure


def _with_reference_warnings(
    found: Sequence[_Checked], *, is_catalog_asked: bool
) -> Iterator[_Checked]:
    """The same documents with warnings of unresolved references and of names given twice."""
    where = "the files checked"
    references = ReferenceIndex(f"{where} nor in the catalog" if is_catalog_asked else where)
    twice = {}
    for number, checked in enumerate(found):
        if checked.document is not None:
            first = references.add(checked.document, f"{checked.file}:{checked.document.line}")
            twice[number] = first
    if is_catalog_asked:
        references.add_known(_in_catalog(found))
    for number, checked in enumerate(found):
        document = checked.document
        if document is None or not document.is_valid:
            yield checked
            continue
        warnings = [*checked.warnings, *references.unresolved(document)]
        if twice[number]:
            warnings.append(
                document.warn(
                    ("metadata", "name"),
                    f"{document.ref} is declared at {twice[number]} already",
                    "the first one is kept: give one of them another name",
                )
            )
        warnings.sort(key=lambda warning: (warning.line, warning.column))
        yield _Checked(checked.file, document, checked.problems, warnings)


def _in_catalog(found: Sequence[_Checked]) -> set[str]:
    wanted = sorted(
        {r.target for checked in found if checked.document for r in checked.document.relations}
    )
    known: set[str] = set()
    for batch in in_batches(wanted):
        rows = Entity.objects.filter(ref__in=batch)
        known.update(rows.values_list("ref", flat=True))
    return known


def _shown(address: str, root: Root, given: str) -> str:
    """The file's path as the caller would write it: as given, or below the folder as given."""
    if is_url(address):
        return address  # without the password that may have been given
    if address == root.target:
        return given
    if Path(root.target).is_dir():
        return os.path.join(given, os.path.relpath(address, root.target))  # noqa: PTH118 - "./" stays
    path, here = Path(address), Path.cwd()
    if Path(given).is_absolute() or not path.is_relative_to(here):
        return address
    return str(path.relative_to(here))


def _unread(file: str, exc: SourceError) -> _Checked:
    problem = Problem(
        line=exc.line or 0, column=1 if exc.line else 0, path="", message=str(exc), hint=exc.hint
    )
    if exc.line:  # it was read, and is no text
        return _Checked(file, Document(index=0, line=1, data=None, problems=(problem,)), [problem])
    return _Checked(file, None, [problem])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: object) -> str:
    return _message(str(value)).replace(":", "%3A").replace(",", "%2C")
