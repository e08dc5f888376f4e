"""What `make run` does before its processes start."""

import os

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from catalog.models import Entity

pytestmark = pytest.mark.django_db

DESCRIPTOR = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: checkout-api}
spec: {type: service, lifecycle: production, owner: team-a}
"""


@pytest.fixture
def prepare(settings, tmp_path, capsys):
    settings.STATIC_ROOT = tmp_path / "static"

    def run():
        call_command("prepare")
        return capsys.readouterr()

    return run


def test_reads_the_catalog_and_names_the_demo_accounts(prepare, settings, tmp_path):
    (tmp_path / "catalog-info.yaml").write_text(DESCRIPTOR)
    settings.CATALOG_LOCATIONS = [str(tmp_path / "catalog-info.yaml")]
    settings.PAGERDUTY_SANDBOX = True
    said = prepare().out
    assert "Sign in as demo / demo: may look and page" in said
    assert Entity.objects.get().name == "checkout-api"
    assert {user.username for user in User.objects.all()} == {"admin", "demo", "viewer"}
    assert not any(user.has_usable_password() for user in User.objects.all())


def test_a_refused_document_does_not_keep_the_portal_from_starting(prepare, settings, tmp_path):
    (tmp_path / "catalog-info.yaml").write_text("kind: Nonsense\n---\n" + DESCRIPTOR)
    settings.CATALOG_LOCATIONS = [str(tmp_path / "catalog-info.yaml")]
    said = prepare()
    assert "createsuperuser" in said.out
    assert "read with problems" in said.err
    assert Entity.objects.count() == 1


def test_without_the_sandbox_it_says_how_to_get_the_first_account(prepare):
    assert "createsuperuser" in prepare().out
    assert not User.objects.exists()
    User.objects.create_user("ana", password="a long and private one")
    assert "createsuperuser" not in prepare().out


def test_static_files_are_collected_again_only_when_one_changed(prepare, settings, tmp_path):
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "own.css").write_text("a {}")
    settings.STATICFILES_DIRS = [sources]
    prepare()
    copy = settings.STATIC_ROOT / "own.css"
    copy.write_text("touched, to see whether it is written again")
    os.utime(copy, (0, 0))
    prepare()
    assert "touched" in copy.read_text()
    (sources / "own.css").write_text("b {color: red}")
    prepare()
    assert copy.read_text() == "b {color: red}"
