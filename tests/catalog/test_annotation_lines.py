"""Where each annotation stands: told by its own line, not by that of its document."""

import pytest

from catalog.descriptor import parse
from catalog.editing.local import adopt, save_descriptor
from catalog.models import Entity
from tests.catalog.overlays import set_overlay
from tests.catalog.sources import component, imported, write

SPEC = "spec: {type: service, lifecycle: production, owner: team}\n"
HEAD = "apiVersion: backstage.io/v1alpha1\nkind: Component\n"


def lines(text, number=0):
    document = parse(text)[number]
    assert document.problems == ()
    return document.annotation_lines


def test_each_annotation_has_the_line_of_its_key():
    text = (
        f"{HEAD}metadata:\n  name: a\n  annotations:\n    # a comment\n    x/id: P1\n\n"
        f"    x/key: |-\n      long\n      text\n    x/last: z\n{SPEC}"
    )
    assert lines(text) == {"x/id": 7, "x/key": 9, "x/last": 12}


def test_windows_line_breaks_and_a_byte_order_mark_count_as_an_editor_counts():
    text = f"\ufeff{HEAD}metadata:\n  name: a\n  annotations:\n    x/id: P1\n{SPEC}"
    assert lines(text.replace("\n", "\r\n")) == {"x/id": 6}


def test_a_separator_that_is_no_line_break_for_an_editor_counts_as_none():
    text = f"{HEAD}metadata:\n  name: a\n  title: a\u2028b\n  annotations:\n    x/id: P1\n{SPEC}"
    assert lines(text) == {"x/id": 7}


def test_flow_style_has_the_line_of_each_key():
    text = f"{HEAD}metadata: {{name: a, annotations: {{x/id: P1,\n  x/key: K}}}}\n{SPEC}"
    assert lines(text) == {"x/id": 3, "x/key": 4}


def test_json_has_the_line_of_each_key():
    text = (
        '{"apiVersion": "backstage.io/v1alpha1", "kind": "Component",\n'
        '"metadata": {"name": "a", "annotations": {\n"x/id": "P1"}},\n'
        '"spec": {"type": "service", "lifecycle": "production", "owner": "team"}}'
    )
    assert lines(text) == {"x/id": 3}


def test_every_document_of_a_file_counts_from_the_top_of_the_file():
    document = f"{HEAD}metadata:\n  name: a\n  annotations:\n    x/id: P1\n{SPEC}"
    text = f"# first\n---\n{document}---\n{document.replace('name: a', 'name: b')}"
    assert (lines(text), lines(text, 1)) == ({"x/id": 8}, {"x/id": 16})


def test_an_alias_leads_to_where_the_annotations_are_written():
    text = (
        f"{HEAD}metadata:\n  name: a\n  labels: &shared\n    x/id: P1\n"
        f"  annotations: *shared\n{SPEC}"
    )
    assert lines(text) == {"x/id": 6}


def test_an_anchor_on_the_annotations_or_on_a_value_changes_nothing():
    text = (
        f"{HEAD}metadata:\n  name: a\n  annotations: &all\n    x/id: &id P1\n    x/other: *id\n"
        f"  labels: *all\n{SPEC}"
    )
    assert lines(text) == {"x/id": 6, "x/other": 7}


def test_keys_of_the_same_name_elsewhere_are_not_taken_for_annotations():
    text = (
        f"{HEAD}metadata:\n  name: a\n  labels:\n    x/id: no\n"
        "  annotations:\n    x/id: P1\n  extra:\n    annotations:\n      x/id: no\n"
        "spec:\n  type: service\n  lifecycle: production\n  owner: team\n"
        "  metadata:\n    annotations:\n      x/id: no\n"
    )
    assert lines(text) == {"x/id": 8}


def test_a_text_that_had_to_be_repaired_keeps_its_lines():
    text = f"{HEAD}metadata:\n  name: a\t# tab\n  annotations:\n    x/id:\tP1\n{SPEC}"
    assert lines(text) == {"x/id": 6}


def test_annotations_from_another_file_have_no_line_here():
    text = f"{HEAD}metadata:\n  name: a\n  annotations:\n    $yaml: ./shared.yaml\n{SPEC}"
    (document,) = parse(text, resolve=lambda _key, _target: {"x/id": "P1"})
    assert document.data["metadata"]["annotations"] == {"x/id": "P1"}
    assert "x/id" not in document.annotation_lines


@pytest.mark.django_db
class TestStored:
    """The lines as the catalog keeps them."""

    def kept(self):
        return Entity.objects.get().annotation_lines

    def file(self, tmp_path, before=""):
        text = f"{HEAD}metadata:\n  name: a\n  annotations:\n{before}    x/id: P1\n{SPEC}"
        return write(tmp_path / "a.yaml", text)

    def test_an_import_keeps_them(self, tmp_path):
        imported(self.file(tmp_path))
        assert self.kept() == {"x/id": 6}

    def test_a_line_that_moved_is_kept_anew_though_the_descriptor_is_the_same(self, tmp_path):
        imported(self.file(tmp_path))
        report, _parsed = imported(self.file(tmp_path, before="    # who is paged\n"))
        assert not report.has_changes
        assert self.kept() == {"x/id": 7}

    def test_rows_of_an_older_version_are_filled_when_their_file_is_read(self, tmp_path):
        file = self.file(tmp_path)
        imported(file)
        Entity.objects.update(annotation_lines={})
        assert imported(file)[1] == 0
        assert self.kept() == {}
        imported(self.file(tmp_path, before="\n"))
        assert self.kept() == {"x/id": 7}

    def test_an_overlay_leaves_the_files_lines_alone(self, tmp_path):
        imported(self.file(tmp_path))
        set_overlay(Entity.objects.get(), "annotation", "x/other", "1", user=None)
        assert self.kept() == {"x/id": 6}

    def test_what_is_made_in_the_admin_has_none(self):
        save_descriptor(
            component("a", metadata={"annotations": {"x/id": "P1"}}), entity=None, user=None
        )
        assert self.kept() == {}

    def test_what_is_adopted_has_none_any_more(self, tmp_path):
        imported(self.file(tmp_path))
        entity = Entity.objects.get()
        entity.location = None
        entity.save()
        adopt(entity, user=None)
        assert self.kept() == {}
