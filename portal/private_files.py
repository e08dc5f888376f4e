"""Files that only the portal's own account may read: they hold keys, names and password hashes."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def private_files() -> list[Path]:
    """Those that exist of SQLite's files, the task queue's and the file of the secret key."""
    named = [
        database["NAME"]
        for database in settings.DATABASES.values()
        if database["ENGINE"] == "django.db.backends.sqlite3"
    ]
    named.append(str(settings.VAR_DIR / "tasks.sqlite3"))
    # SQLite keeps what was written last in files of its own, beside the database.
    files = [Path(f"{name}{suffix}") for name in named if name for suffix in ("", "-wal", "-shm")]
    if path := settings.ENVIRONMENT.file_of("SECRET_KEY"):
        files.append(Path(path))
    return [file for file in files if os.access(file, os.F_OK) and file.is_file()]


def open_to_others() -> list[Path]:
    """The private files that the group or all accounts of the machine may read."""
    return [file for file in private_files() if _is_open(file)]


def close_to_others() -> Iterator[tuple[Path, str]]:
    """Take the rights of group and others from the private files, and from a folder of our own.

    Yields:
        Each file that stays open, with the cause.
    """
    # A folder that an operator names may serve other purposes too; its files are closed singly.
    own_folder = settings.BASE_DIR / "var"
    if own_folder == settings.VAR_DIR and own_folder.is_dir():
        own_folder.chmod(0o700)
    for file in open_to_others():
        try:
            file.chmod(stat.S_IMODE(file.stat().st_mode) & ~_OTHERS)
        except OSError as exc:
            yield file, exc.strerror or type(exc).__name__


def _is_open(file: Path) -> bool:
    """Whether others may read the file, which they also need its folder for."""
    rights, folder = file.stat().st_mode, file.resolve().parent.stat().st_mode
    by_group = rights & stat.S_IRGRP and folder & stat.S_IXGRP
    by_others = rights & stat.S_IROTH and folder & stat.S_IXOTH
    return bool(by_group or by_others)
