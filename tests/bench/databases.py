"""Databases to measure on: SQLite files, and PostgreSQL's where one answers.

They last as long as one run of the benchmark. With ``BENCH_KEEP=folder`` the filled ones stay, so
that pages can be measured again without importing again: SQLite's in the folder, PostgreSQL's
under names that begin with ``bench_keep_``.
"""

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.bench.stage import ROOT

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
SERVER = os.environ.get("TEST_DATABASE_URL", "postgres://root@127.0.0.1:5432/test")
# The big catalog; the others are a tenth and a hundredth of it. In a catalog of fewer than a
# hundred entities not every kind occurs.
ENTITIES = max(10_000, int(os.environ.get("BENCH_ENTITIES", "100000")))
SIZES = (ENTITIES // 100, ENTITIES // 10, ENTITIES)


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where databases and generated catalogs are kept while they are measured.

    Attributes:
        folder: Everything that is a file.
        engines: SQLite, and PostgreSQL if it answers.
        prefix: How the names of its PostgreSQL databases begin.
    """

    folder: Path
    engines: tuple[str, ...]
    prefix: str
    _created: list[str] = field(default_factory=list)

    def url(self, engine: str, name: str) -> str:
        """Address of a database, whether it exists or not."""
        if engine == SQLITE:
            return f"sqlite:///{self.folder / name}.sqlite3"
        return urlsplit(SERVER)._replace(path=f"/{self.prefix}_{name}").geturl()

    def create(self, engine: str, name: str) -> str:
        """Make an empty database with the product's tables; what was there under the name goes.

        Returns:
            Its address.
        """
        self.drop(engine, name)
        if engine == POSTGRESQL:
            _on_server(f'CREATE DATABASE "{self.prefix}_{name}"')
            self._created.append(name)
        url = self.url(engine, name)
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"],
            cwd=ROOT,
            env=self.environment(url),
            check=True,
        )
        return url

    def drop(self, engine: str, name: str) -> None:
        """Remove a database, if it is there."""
        self._stamp(engine, name).unlink(missing_ok=True)
        if engine == POSTGRESQL:
            _on_server(f'DROP DATABASE IF EXISTS "{self.prefix}_{name}" WITH (FORCE)')
            return
        for suffix in ("", "-wal", "-shm"):
            (self.folder / f"{name}.sqlite3{suffix}").unlink(missing_ok=True)

    def is_filled(self, engine: str, name: str) -> bool:
        """Whether an earlier import filled it, with the tables and the generator of today."""
        stamp = self._stamp(engine, name)
        return stamp.is_file() and stamp.read_text() == _version()

    def mark_filled(self, engine: str, name: str) -> None:
        """Remember that it holds a whole catalog.

        PostgreSQL's own housekeeping would come by within a minute: it is done at once, and done
        too where it is switched off.
        """
        if engine == POSTGRESQL:
            with psycopg.connect(self.url(engine, name), autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
        self._stamp(engine, name).write_text(_version())

    def environment(self, url: str) -> dict[str, str]:
        """For commands and pages against the database."""
        environment = {
            **{key: value for key, value in os.environ.items() if "PAGERDUTY" not in key},
            "DATABASE_URL": url,
            "SECRET_KEY": "only-for-a-benchmark-" + "x" * 40,
            "PORTAL_VAR_DIR": str(self.folder / "var"),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "LOG_LEVEL": "WARNING",
            "CATALOG_LOCATIONS": "",
            "PAGERDUTY_TOKEN": "only-for-a-benchmark",  # pages and imports send nothing
        }
        environment.pop("REDIS_URL", None)
        return environment

    def close(self) -> None:
        """Remove the databases that no folder keeps."""
        for name in self._created:
            self.drop(POSTGRESQL, name)

    def _stamp(self, engine: str, name: str) -> Path:
        return self.folder / f"{engine}-{name}.filled"


@contextlib.contextmanager
def workshop() -> Iterator[Workshop]:
    """Open the place where everything is measured, and clear it away unless it is to be kept."""
    kept = os.environ.get("BENCH_KEEP", "")
    engines = (SQLITE, POSTGRESQL) if _answers() else (SQLITE,)
    if kept:
        folder = Path(kept).expanduser().absolute()
        folder.mkdir(parents=True, exist_ok=True)
        known_by = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
        yield Workshop(folder, engines, f"bench_keep_{known_by}")
        return
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as temporary:
        opened = Workshop(Path(temporary), engines, f"bench_{os.getpid()}")
        try:
            yield opened
        finally:
            opened.close()


def _on_server(statement: str) -> None:
    with psycopg.connect(SERVER, autocommit=True, connect_timeout=3) as connection:
        connection.execute(statement)  # type: ignore[arg-type] -- names are made here


def _answers() -> bool:
    try:
        _on_server("SELECT 1")
    except psycopg.Error:
        return False
    return True


def _version() -> str:
    """What a filled database follows from: tables, what is lifted into them, the generator."""
    files = [
        *sorted(ROOT.glob("catalog/migrations/*.py")),
        ROOT / "catalog/columns.py",
        ROOT / "tests/bench/generate_catalog.py",
    ]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
