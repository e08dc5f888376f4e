"""Folders of whole repositories: what is no descriptor is summed up in one line."""

import pytest

from catalog.models import Entity, ImportIssue
from tests.catalog.pages import texts
from tests.catalog.sources import component, location, run, run_json, write
from tests.factories import make_user

pytestmark = pytest.mark.django_db

DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n"
OTHERS = {
    "k8s/deploy.yaml": DEPLOYMENT,
    "k8s/kustomize.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n",
    ".github/workflows/build.yml": "name: build\non: [push]\n",
    "openapi.yaml": "openapi: 3.0.0\n",
    "list.yaml": "- a\n- b\n",
    "helm/x.yaml": "a: {{ .Values.x }}\n{{- if }}\n",
}
SKELETONS = {
    "skeleton/catalog-info.yaml": component("${{ values.name }}"),
    "jinja/catalog-info.yaml": "{% if values.name %}\n" + component("x") + "{% endif %}\n",
}


@pytest.fixture
def repository(tmp_path):
    for name, text in {**OTHERS, **SKELETONS}.items():
        write(tmp_path / name, text)
    write(tmp_path / "catalog-info.yaml", component("shop"))
    return tmp_path


def test_a_folder_of_a_whole_repository_goes_in_with_one_line_said(repository):
    for _time in range(2):
        status, report = run_json(repository)
        assert (status, report["issues"]) == (0, [])
        said = report["warnings"][0]["message"]
        assert said.startswith("passed over: 6 documents are no descriptors, in k8s (2)")
        assert "; 2 documents are templates' skeletons, in " in said
        assert "skeleton (1)" in said
    assert Entity.objects.get().name == "shop"
    assert not ImportIssue.objects.exists()
    _status, out = run("import_catalog", repository)
    assert len([line for line in out.splitlines() if "passed over" in line]) == 1
    assert run("validate_catalog", repository)[0] == 0


@pytest.mark.parametrize("text", [*OTHERS.values(), *SKELETONS.values()])
def test_a_file_that_somebody_names_must_be_a_descriptor(tmp_path, text):
    file = write(tmp_path / "in" / "x.yaml", text)
    root = write(tmp_path / "all.yaml", location("./in/*.yaml"))
    for source in (file, root):
        status, report = run_json(source)
        assert (status, len(report["issues"])) == (1, 1)


@pytest.mark.parametrize("text", [*OTHERS.values(), SKELETONS["jinja/catalog-info.yaml"]])
def test_what_was_a_descriptor_keeps_its_entity(repository, text):
    run("import_catalog", repository)
    write(repository / "catalog-info.yaml", text)
    for _time in range(2):
        status, report = run_json(repository, prune=True)
        assert (status, len(report["issues"])) == (1, 1)
        assert Entity.objects.filter(name="shop", orphaned_at=None).exists()


def test_what_stands_beside_a_descriptor_is_refused(tmp_path):
    write(tmp_path / "a.yaml", DEPLOYMENT, component("a"), "x: [")
    status, report = run_json(tmp_path)
    assert (status, report["created"], len(report["issues"])) == (1, 1, 2)


@pytest.mark.parametrize(
    "text",
    [
        "root:$6$salt$HASH:19000:0:99999:7::\ndaemon:*:HASH:0:99999:7::\n",
        '{"HASH": {"auths": {}}, "kind": "HASH"}',
        "apiVersion: v1\nkind: HASH\nmetadata: {name: HASH}\n",
        "HASH secret: a\nHASH secret: b\n",
        "kind: Component\nHASH secret$value: a\n",
        "kind: Component\nHASH secret$value: a\nHASH secret$value: b\n",
    ],
)
def test_an_error_says_nothing_of_what_is_in_a_file(client, tmp_path, text):
    _status, report = run_json(write(tmp_path / "x.yaml", text))
    assert report["issues"]
    assert "HASH" not in str(report)
    client.force_login(make_user(is_superuser=True))
    page = client.get("/catalog/issues/")
    assert texts(page, "main")
    assert "HASH" not in page.text


def test_few_of_many_unknown_fields_are_named(tmp_path):
    text = component("x") + "".join(f"field{number}: 1\n" for number in range(500))
    _status, report = run_json(write(tmp_path / "x.yaml", text))
    messages = [error["message"] for error in report["issues"][0]["errors"]]
    assert len(messages) == 21
    assert "480 more unknown fields" in messages
