"""Catalog files for tests of the import: builders and a caller, every field by keyword."""

import io
import json

from django.core.management import call_command

from catalog.descriptor.writing import dump
from catalog.ingestion.importer import run_import


def component(name="thing", *, namespace=None, metadata=None, **spec):
    """A component's YAML document."""
    head = {"name": name, **({"namespace": namespace} if namespace else {}), **(metadata or {})}
    return dump(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": head,
            "spec": {"type": "service", "lifecycle": "production", "owner": "team", **spec},
        }
    )


def group(name="team"):
    """A team's YAML document."""
    return dump(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Group",
            "metadata": {"name": name},
            "spec": {"type": "team", "children": []},
        }
    )


def api(definition, name="api"):
    """An API's YAML document; the definition may be a placeholder."""
    return dump(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "API",
            "metadata": {"name": name},
            "spec": {
                "type": "openapi",
                "lifecycle": "production",
                "owner": "team",
                "definition": definition,
            },
        }
    )


def location(*targets, name="all", **spec):
    """A Location's YAML document."""
    return dump(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Location",
            "metadata": {"name": name},
            "spec": {"targets": list(targets), **spec},
        }
    )


def write(path, *documents):
    """Write documents to a file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("---\n".join(documents), "utf-8")
    return path


def run(command, *arguments, **options):
    """Call a command: (exit status, what it printed)."""
    out = io.StringIO()
    status = 0
    try:
        call_command(command, *map(str, arguments), stdout=out, no_color=True, **options)
    except SystemExit as exc:
        status = exc.code
    return status, out.getvalue()


def run_json(*arguments, **options):
    """Import with ``--format json``: (exit status, the report)."""
    status, out = run("import_catalog", *arguments, format="json", **options)
    return status, json.loads(out)


def imported(*sources, **options):
    """Import: (the report, how many good documents were parsed for it)."""
    parsed = []

    def progress(phase, count):
        if phase == "write":
            parsed.append(count)

    report = run_import([*map(str, sources)], progress=progress, **options)
    return report, sum(parsed)
