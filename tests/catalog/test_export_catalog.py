"""The command that writes the catalog back as YAML."""

import pytest
import yaml

from catalog.editing.local import save_descriptor
from catalog.models import Entity
from tests.catalog.overlays import set_overlay
from tests.catalog.sources import component, group, location, run, run_json, write
from tests.factories import make_entity

pytestmark = pytest.mark.django_db
KEY = "0123456789abcdef0123456789abcdef"


def exported(*arguments):
    status, out = run("export_catalog", *arguments)
    assert status == 0
    return list(yaml.safe_load_all(out))


def names(documents):
    return [document["metadata"]["name"] for document in documents]


def test_local_entities_alone_are_exported_by_the_rules_of_the_import():
    make_entity("of-a-file", source="/srv/a.yaml")
    for text in (component("own", metadata={"annotations": {"a/key": KEY}}), group("web")):
        save_descriptor(text, entity=None, user=None)
    found = exported("--local")
    assert names(found) == ["own", "web"]
    assert found[0]["metadata"]["annotations"]["a/key"] == KEY
    assert names(exported("--local", "--kind", "Group")) == ["web"]
    assert names(exported()) == ["of-a-file", "own", "web"]


def test_what_lies_over_a_file_is_exported_with_it():
    entity = make_entity("shop", owner="web", source="/srv/a.yaml")
    set_overlay(entity, "owner", "", "ops", user=None)
    (found,) = exported()
    assert found["spec"]["owner"] == "ops"


def test_what_is_exported_imports_elsewhere_without_an_issue(tmp_path):
    root = write(tmp_path / "here" / "all.yaml", location("./a.yaml"), group())
    write(tmp_path / "here" / "a.yaml", component("a"))
    run("import_catalog", root)
    _status, out = run("export_catalog")
    Entity.objects.all().delete()
    status, report = run_json(write(tmp_path / "elsewhere" / "a.yaml", out))
    assert (status, report["created"], report["issues"]) == (0, 3, [])
