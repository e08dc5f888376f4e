"""A database that does not work is named in a sentence, by every command."""

import os
import socketserver
import sqlite3
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, OperationalError, ProgrammingError, connection

from portal.database import explain, lock_wait

ROOT = Path(__file__).resolve().parents[2]


# Commands one after another; the number that each ends with. To start Python costs a second.
EACH = """
import sys
from django.core.management import execute_from_command_line
for command in sys.argv[1:]:
    try:
        execute_from_command_line(["manage.py", *command.split()])
    except SystemExit as ended:
        print(ended.code)
        print(command, file=sys.stderr)
"""


def python(*arguments, var_dir, **variables):
    """Run Python in a process of its own, with these variables alone."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PORTAL_VAR_DIR": str(var_dir),
            "SECRET_KEY": "x" * 50,
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def unmigrated(db):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'catalog'")


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OperationalError("no such table: catalog_entity"), "manage.py prepare"),
        (OperationalError("no such column: x"), "manage.py prepare"),
        (ProgrammingError('relation "catalog_entity" does not exist'), "manage.py prepare"),
        (OperationalError("database or disk is full"), "free some space"),
        (OperationalError("could not extend file: No space left on device"), "free some space"),
        (OSError(28, "No space left on device"), "free some space"),
        (FileNotFoundError(2, "No usable temporary directory found in [...]"), "free some space"),
        (sqlite3.OperationalError("database or disk is full"), "free some space"),
        (sqlite3.OperationalError("unable to open database file"), "tasks.sqlite3"),
        (OperationalError("unable to open database file"), "PORTAL_VAR_DIR"),
        (OperationalError("attempt to write a readonly database"), "PORTAL_VAR_DIR"),
        (DatabaseError("file is not a database"), "restore a backup"),
        (OperationalError("database is locked"), "Another process"),
        (OperationalError('FATAL: password authentication failed for user "u"'), "DATABASE_URL"),
        (OperationalError('FATAL: database "n" does not exist'), "create it"),
        (OperationalError("failed to resolve host 'h'"), "host"),
        (OperationalError("connection failed: Connection refused"), "start it"),
        (OperationalError("the connection is lost"), "start it"),
        (ProgrammingError('invalid connection option "sslmod"'), "option"),
    ],
)
def test_an_error_is_explained_with_its_remedy(error, remedy):
    assert remedy in explain(error)


@pytest.mark.parametrize(
    "error", [IntegrityError("column x does not exist"), OSError(2, "No such file"), ValueError()]
)
def test_an_error_of_another_cause_keeps_its_traceback(error):
    assert explain(error) == ""


def test_the_password_is_not_shown(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "hunter2")
    assert "hunter2" not in explain(OperationalError("failed with hunter2"))


@pytest.mark.parametrize("command", ["prepare", "pagerduty_doctor"])
def test_a_database_that_does_not_answer_ends_a_command_with_one_line(tmp_path, command):
    address = "postgres://user:hunter2@127.0.0.1:1/name"
    done = python(
        *("manage.py", command),
        var_dir=tmp_path,
        DATABASE_URL=address,
        PAGERDUTY_TOKEN="u+secrettoken0123456789",
    )
    assert done.returncode == 1
    assert "name at 127.0.0.1:1 cannot be reached: start it, or correct DATABASE" in done.stderr
    assert "prepare" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "hunter2" not in done.stderr


class NoSuchDatabase(socketserver.StreamRequestHandler):
    """A PostgreSQL without encryption that has no database of the name that it is asked for."""

    def handle(self):
        text = b'database "absent" does not exist'
        error = b"".join((b"SFATAL\0VFATAL\0C3D000\0M", text, b"\0\0"))
        while head := self.rfile.read(4):
            message = self.rfile.read(struct.unpack("!I", head)[0] - 4)
            if message[:4] == struct.pack("!HH", 3, 0):
                self.wfile.write(b"E" + struct.pack("!I", len(error) + 4) + error)
                return
            self.wfile.write(b"N")


def test_a_database_that_is_not_there_is_named_with_its_server(tmp_path):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), NoSuchDatabase) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"127.0.0.1:{server.server_address[1]}"
        done = python(
            *("manage.py", "prepare"),
            var_dir=tmp_path,
            DATABASE_URL=f"postgres://user:pw@{place}/absent",
        )
        server.shutdown()
    assert done.returncode == 1
    said = f"There is no database absent at {place}: create it, or correct DATABASE_URL."
    assert said in done.stderr


def test_a_database_url_that_cannot_be_read_is_named_by_every_command(tmp_path):
    commands = ["check --deploy", "pagerduty_doctor", "import_catalog x"]
    done = python(
        *("-c", EACH, *commands),
        var_dir=tmp_path,
        DJANGO_SETTINGS_MODULE="portal.settings",
        DATABASE_URL="postgress://user:hunter2@127.0.0.1/name",
    )
    assert done.stdout.split() == ["1", "1", "1"]
    rest = done.stderr
    for command in commands:
        said, _, rest = rest.partition(f"{command}\n")
        assert "portal.E004) DATABASE_URL" in said, command
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.usefixtures("unmigrated")
def test_the_worker_does_not_start_on_a_database_that_is_not_migrated():
    with pytest.raises(CommandError, match=r"does not start\. .* run manage\.py prepare"):
        call_command("run_huey")


@pytest.mark.usefixtures("unmigrated")
def test_the_check_names_a_database_that_is_not_migrated(capsys, settings):
    settings.SILENCED_SYSTEM_CHECKS = ["async.E001"]  # what the browser's tests need is no finding
    for options in ({"deploy": True}, {"databases": ["default"]}):
        call_command("check", **options)
        said = capsys.readouterr()
        assert "portal.W005" in said.out + said.err, options
        assert "Run manage.py prepare." in said.out + said.err, options
    call_command("check")
    assert "portal.W005" not in capsys.readouterr().err


@pytest.mark.django_db
def test_a_lock_is_awaited_for_a_shorter_time_and_then_as_long_as_before():
    is_sqlite = connection.vendor == "sqlite"

    def wait():
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout" if is_sqlite else "SHOW lock_timeout")
            return cursor.fetchone()[0]

    before = wait()
    with lock_wait(3):
        assert wait() == (3000 if is_sqlite else "3s")
    assert wait() == before
