"""A run that is killed or overtaken: the catalog is as it was, and the next one works."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import OperationalError

from catalog.ingestion.importer import run_import
from catalog.ingestion.writing import CatalogWriter
from catalog.models import Entity, ImportRun, Location
from tests.catalog.sources import component, imported, location, write

_IMPORT = """
import sys, time
import django; django.setup()
from catalog.ingestion.importer import run_import
def wait(phase, count):
    if phase == sys.argv[2]:
        print("there", flush=True)
        time.sleep(60)
report = run_import([sys.argv[1]], progress=wait if sys.argv[2:] else lambda *_: None)
print(report.created, report.changed, report.unchanged, report.failure, flush=True)
"""


class TestKilledProcess:
    """A real process on a database of its own, ended by the kernel."""

    @pytest.fixture
    def start(self, tmp_path, migrated_file):
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{tmp_path}/own.sqlite3",
            "PORTAL_VAR_DIR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "SECRET_KEY": "only-for-a-test-" + "x" * 50,
            "LOG_LEVEL": "ERROR",
        }

        def start(*command):
            return subprocess.Popen(
                [sys.executable, *command],
                cwd=Path(__file__).parents[2],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )

        if migrated_file is not None and migrated_file.exists():
            shutil.copy(migrated_file, tmp_path / "own.sqlite3")
        else:
            start("manage.py", "migrate", "--verbosity=0").communicate(timeout=120)
        return start

    def test_leaves_the_catalog_as_it_was(self, start, tmp_path):
        folder = tmp_path / "catalog"
        for number in range(3):
            write(folder / f"{number}.yaml", component(f"c{number}"))

        def run(*arguments):
            return start("-c", _IMPORT, str(folder), *arguments).communicate(timeout=120)[0]

        assert run() == "3 0 0 \n"
        write(folder / "0.yaml", component("c0", owner="others"))
        write(folder / "1.yaml", component("new"))
        killed = start("-c", _IMPORT, str(folder), "write")
        assert killed.stdout.readline() == "there\n"
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=60)
        with sqlite3.connect(tmp_path / "own.sqlite3") as database:
            rows = database.execute(
                "SELECT name, owner_ref, orphaned_at FROM catalog_entity ORDER BY name"
            ).fetchall()
        database.close()
        assert rows == [(f"c{number}", "group:default/team", None) for number in range(3)]
        assert run() == "1 1 1 \n"
        assert run() == "0 0 3 \n"


@pytest.mark.django_db
class TestTwoAtOnce:
    """Another run, or a person, between a run's reading and its writing."""

    @staticmethod
    def during_reading(act):
        """A progress hook that acts once, when the first document was read."""
        done = []

        def hook(phase, _count):
            if phase == "read" and not done:
                done.append(phase)
                act()

        return hook

    def test_an_overtaken_run_reads_again_instead_of_writing_older_content(self, tmp_path):
        file = write(tmp_path / "a.yaml", component("a"))
        run_import([str(file)])
        write(file, component("a", owner="older"))

        def overtake():
            write(file, component("a", owner="newer"))
            assert run_import([str(file)]).changed == 1

        report = run_import([str(file)], progress=self.during_reading(overtake))
        assert (report.changed, report.unchanged) == (0, 1)
        assert Entity.objects.get().owner_ref == "group:default/newer"

    def test_two_first_readings_of_one_location_take_turns(self, tmp_path):
        file = write(tmp_path / "a.yaml", component("a"))
        report = run_import(
            [str(file)], progress=self.during_reading(lambda: run_import([str(file)]))
        )
        assert (report.created, report.unchanged) == (0, 1)
        assert Location.objects.get().generation == 2

    def test_a_location_that_was_unregistered_meanwhile_does_not_come_back(self, tmp_path):
        gone = write(tmp_path / "a.yaml", component("a"))
        stays = write(tmp_path / "b.yaml", component("b"))
        run_import([str(gone), str(stays)])
        write(gone, component("a", owner="others"))
        write(stays, component("b", owner="others"))
        act = Location.objects.filter(target=str(gone)).delete
        report = run_import([str(gone), str(stays)], progress=self.during_reading(act))
        assert report.changed == 1
        assert [row.target for row in Location.objects.all()] == [str(stays)]
        assert Entity.objects.get(name="a").owner_ref == "group:default/team"

    def test_kinds_that_were_narrowed_meanwhile_hold_at_once(self, tmp_path):
        file = write(tmp_path / "a.yaml", component("a"))
        run_import([str(file)])
        write(file, component("a"), component("b"))

        def narrow():
            Location.objects.update(allowed_kinds=["API"])

        report = run_import([str(file)], progress=self.during_reading(narrow))
        assert (report.created, report.refused) == (0, 2)

    def test_a_run_that_is_overtaken_again_and_again_gives_up(self, tmp_path):
        file = write(tmp_path / "a.yaml", component("a"))
        run_import([str(file)])
        before = ImportRun.objects.count()

        def always(phase, _count):
            if phase == "read":
                row = Location.objects.get()
                row.generation += 1
                row.save()

        report = run_import([str(file)], progress=always)
        assert "other runs kept writing" in report.failure
        assert ImportRun.objects.count() == before + 1
        assert ImportRun.objects.first().state == ImportRun.State.FAILED

    def test_a_run_that_finds_sqlite_locked_waits_its_turn(self, tmp_path, monkeypatch):
        file = write(tmp_path / "a.yaml", component("a"))

        def locked(place, name, times):
            real, left = getattr(place, name), [OperationalError("database is locked")] * times

            def refuse(*args, **kwargs):
                if left:
                    raise left.pop()
                return real(*args, **kwargs)

            return monkeypatch.setattr(place, name, refuse)

        locked(ImportRun.objects, "create", 2)
        assert run_import([str(file)]).created == 1
        locked(CatalogWriter, "write", 2)
        write(file, component("a", owner="newer"))
        report = run_import([str(file)], dry_run=True)
        assert (report.failure, report.changed) == ("", 1)
        locked(CatalogWriter, "write", 2)
        report = run_import([str(file)])
        assert (report.failure, report.changed) == ("", 1)
        locked(CatalogWriter, "write", 9)
        write(file, component("a", owner="newest"))
        assert "other runs kept writing" in run_import([str(file)]).failure
        assert Entity.objects.get().owner_ref == "group:default/newer"

    def test_a_run_over_two_roots_reads_what_they_share_once(self, tmp_path):
        write(tmp_path / "a.yaml", component("a"))
        one = write(tmp_path / "1.yaml", location("./a.yaml", name="one"))
        two = write(tmp_path / "2.yaml", location("./a.yaml", name="two"))
        report, parsed = imported(one, two)
        assert (report.created, report.refused, parsed) == (3, 0, 3)
