"""What `make run` does before its processes start."""

import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from catalog.models import Entity

pytestmark = pytest.mark.django_db

# Without compressed static files, which take longer than all the rest.
PREPARE = """
from django.core.management import execute_from_command_line
from portal import settings
plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
settings.STORAGES["staticfiles"]["BACKEND"] = plain
execute_from_command_line(["manage.py", "prepare"])
"""
ROOT = Path(__file__).resolve().parents[2]
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
    assert "imported with the problems listed above. Correct the files" in said.err
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


@pytest.fixture
def empty_database(tmp_path):
    """The setting of a database without tables, of the kind that the suite runs on."""
    if connection.vendor == "sqlite":
        yield {}  # the product's own
        return
    server = connection.settings_dict
    name = f"{server['NAME']}_prepare"
    url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}".format(**server)
    with psycopg.connect(f"{url}/{server['NAME']}", autocommit=True) as own:
        own.execute(f'DROP DATABASE IF EXISTS "{name}"')
        own.execute(f'CREATE DATABASE "{name}"')
        yield {"DATABASE_URL": f"{url}/{name}"}
        own.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def slow_source():
    """A descriptor's address that answers when it may; knows when it was asked."""
    asked, may_answer = threading.Event(), threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.set()
            may_answer.wait(60)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(DESCRIPTOR.encode())

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        server.address = f"http://127.0.0.1:{server.server_port}/catalog-info.yaml"
        server.asked, server.may_answer = asked, may_answer
        yield server
        may_answer.set()
        server.shutdown()


def test_of_two_at_once_on_an_empty_database_one_waits(tmp_path, empty_database, slow_source):
    """Files with secrets are for the own account alone, also those of an older installation."""
    var = tmp_path / "var"
    var.mkdir(mode=0o755)
    for name in ("switchboard.sqlite3", "tasks.sqlite3"):
        (var / name).touch(mode=0o644)
    of_the_machine = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY_FILE")
    environment = {
        **{name: value for name, value in os.environ.items() if name not in of_the_machine},
        **empty_database,
        "PORTAL_VAR_DIR": str(var),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SECRET_KEY": "only-for-a-test-" + "x" * 50,
        "CATALOG_LOCATIONS": slow_source.address,
        "CATALOG_READING_ALLOW": slow_source.address.removeprefix("http://").partition("/")[0],
        "PYTHONUNBUFFERED": "1",
    }
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", PREPARE],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    first_lines = [run.stdout.readline() for run in runs]
    assert slow_source.asked.wait(60)
    slow_source.may_answer.set()
    rest, errors = zip(*(run.communicate(timeout=120) for run in runs), strict=True)
    assert [run.returncode for run in runs] == [0, 0], errors
    assert sorted(line.split()[0] for line in first_lines) == ["Another", "Migrating"]
    assert "created          1" in "".join(rest)
    assert "unchanged        1" in "".join(rest)
    modes = {one.name: one.stat().st_mode & 0o077 for one in var.iterdir()}
    # PostgreSQL has a lock of its own.
    lock = set() if empty_database else {"prepare.lock"}
    assert set(modes) >= {"switchboard.sqlite3", "tasks.sqlite3"} | lock
    assert set(modes.values()) == {0}
