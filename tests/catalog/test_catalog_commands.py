"""Export of the catalog."""

import pytest

from catalog.models import Entity
from tests.catalog.sources import component, group, location, run, run_json, write


@pytest.mark.django_db
def test_an_export_imports_unchanged(tmp_path):
    write(
        tmp_path / "in" / "a.yaml",
        component(
            "a",
            metadata={
                "description": "Two lines:\nno, 014 and = # all text\n",
                "annotations": {"x": "", "y": "2024-01-01", "z": "  lead\n\ttab"},
                "labels": {"n": "014", "b": "yes"},
                "own": {"numbers": [1, -2.5, 1e30], "nothing": None, "truth": True, "<<": "="},
            },
            dependsOn=["resource:db"],
        ),
        group("team"),
        location("./missing.yaml", presence="optional"),
    )
    run("import_catalog", tmp_path / "in")
    before = dict(Entity.objects.values_list("ref", "digest"))
    status, text = run("export_catalog")
    assert status == 0
    assert text.count("---\n") == 3
    Entity.objects.all().delete()
    status, report = run_json(write(tmp_path / "out.yaml", text))
    assert (status, report["created"]) == (0, 3)
    assert dict(Entity.objects.values_list("ref", "digest")) == before


@pytest.mark.django_db
def test_exports_only_the_kinds_asked_for(tmp_path):
    run("import_catalog", write(tmp_path / "a.yaml", component("a"), group("team")))
    _status, text = run("export_catalog", "--kind", "Group")
    assert "kind: Group" in text
    assert "kind: Component" not in text
