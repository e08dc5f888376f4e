"""From what an operator names to texts: files, folders, globs and addresses."""

import glob
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from catalog.descriptor import Limits, YamlError, decode
from catalog.ingestion.allow import Allowance
from catalog.ingestion.answers import FetchError
from catalog.ingestion.fetch import Fetched
from catalog.ingestion.listing import files_below, matching
from catalog.ingestion.remote import RUN_BUDGET_S, RemoteFiles
from catalog.ingestion.repositories import raw_address
from catalog.ingestion.spellings import hint_of_missing, refusal, understood, without_user

_CHUNK_BYTES = 64 * 1024


class SourceError(Exception):
    """A file or address cannot be read.

    Attributes:
        line: 1-based line in it, None when nothing of it could be read.
        hint: What to do about it; may be empty.
        is_missing: Whether it is not there, as opposed to there and unreadable.
    """

    def __init__(
        self, message: str, hint: str = "", *, line: int | None = None, is_missing: bool = False
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.line = line
        self.is_missing = is_missing


@dataclass(frozen=True)
class Root:
    """One thing an operator named.

    Attributes:
        type: ``file`` or ``url``.
        target: Absolute path or glob, or the address.
    """

    type: str
    target: str

    @cached_property
    def folder(self) -> Path | None:
        """The folder that a folder or glob stands for; None for a single file or an address."""
        if self.type == "url":
            return None
        path = Path(self.target)
        if is_folder(path):
            return path
        if glob.has_magic(self.target) and not is_there(path):
            return Path(*_fixed_parts(path))
        return None

    @cached_property
    def room(self) -> Path | None:
        """The folder that placeholders are confined to: a single file's is the one it lies in."""
        if self.type == "url":
            return None
        return self.folder or Path(self.target).parent


def _fixed_parts(path: Path) -> Iterator[str]:
    for part in path.parts[:-1]:
        if glob.has_magic(part):
            return
        yield part


# Path's own raise an error for a path that is too long or may not be looked at; these say no.
def is_there(path: Path) -> bool:
    """Whether there is anything at a path, as far as one may look."""
    return os.path.exists(path)  # noqa: PTH110


def is_folder(path: Path) -> bool:
    """Whether there is a folder at a path, as far as one may look."""
    return os.path.isdir(path)  # noqa: PTH112


def root_of(source: str) -> Root:
    """Read what an operator wrote: an http(s) address, or a path relative to the working folder.

    What nothing can be read from is kept as it is, for :meth:`SourceReader.addresses` to refuse.
    """
    source = understood(source)
    if refusal(source):
        return Root("file", without_user(source))
    if is_url(source):
        return Root("url", without_user(source))
    return Root("file", str(Path(source).expanduser().absolute()))


def is_url(text: str) -> bool:
    """Whether the text is an http or https address."""
    return text.lstrip().lower().startswith(("http://", "https://"))


class SourceReader:
    """Reads texts within what is allowed.

    Args:
        allow: What may be read.
        limits: What one file may cost.
        remote_budget_s: Seconds that reading from hosts may take.
        has_database: Whether busy hosts are known to other runs.
    """

    def __init__(
        self,
        allow: Allowance,
        limits: Limits,
        remote_budget_s: float = RUN_BUDGET_S,
        *,
        has_database: bool = True,
    ) -> None:
        self.allow = allow
        self.limits = limits
        self._folders: dict[str, str] = {}
        self.remote = RemoteFiles(
            allow, limits.max_bytes, remote_budget_s, has_database=has_database
        )
        self._followed: tuple[str, str, os.stat_result] | None = None
        self._permitted: set[tuple[str, Path | None]] = set()

    def addresses(self, root: Root) -> list[str]:
        """Every file of a root in a fixed order: a folder's ``*.yaml`` and ``*.yml``, recursively.

        Raises:
            SourceError: There is no such file or folder, or no file in it.
        """
        if why := refusal(root.target):
            raise SourceError(*why)
        if root.type == "url":
            return [raw_address(root.target, self.allow.software)]
        try:
            return self._files_of(root)
        except OSError as exc:
            raise SourceError(f"cannot be listed: {exc.strerror}") from exc

    def _files_of(self, root: Root) -> list[str]:
        path = Path(root.target)
        if is_folder(path):
            found = sorted(files_below(root.target, self.limits.watch))
            if not found:
                message = "the folder holds no *.yaml or *.yml file"
                raise SourceError(message, is_missing=True)
            return found
        if not is_there(path) and glob.has_magic(root.target):
            found = sorted(set(matching(path.anchor, path.parts[1:], self.limits.watch)))
            if not found:
                raise SourceError("the pattern matches no file", is_missing=True)
            return found
        return [root.target]

    @staticmethod
    def is_certain(address: str, leading: str) -> bool:
        """Whether a file, folder or pattern that was not found is certainly gone.

        A folder that is not there or empty may be one that is not mounted just now: only one that
        holds something says that a file is not in it. For a file below that of the file that led
        to it, any folder between the two says so.

        Args:
            address: What was not found.
            leading: The file that led to it; empty for what an operator named.
        """
        if is_url(address):
            return True
        folder = Root("file", address).folder or Path(address).parent
        own = Path(leading).parent if leading and not is_url(leading) else folder
        while not (found := _holds_anything(folder)) and folder != own:
            if found is None or not folder.is_relative_to(own):
                break
            folder = folder.parent
        return bool(found)

    def check_target(self, address: str, root: Root) -> None:
        """Refuse a target on disk that leads out of the room of its root, there or not.

        Raises:
            SourceError: It leads out, to where nothing is allowed by name.
        """
        try:
            resolved = Path(os.path.realpath(Root("file", address).folder or address))
        except (OSError, ValueError) as exc:
            raise SourceError("the path cannot be followed") from exc
        self.check_file(resolved, root.room)

    def key(self, address: str) -> str:
        """What two names of one file have in common: its path with links followed."""
        if is_url(address):
            return address
        try:
            return self._follow(address)[0]
        except (OSError, ValueError):
            return os.path.realpath(address) if "\0" not in address else address

    def read(self, address: str, *, inside: Path | None = None) -> str:
        """Read one file or address as text.

        Args:
            address: Path or http(s) address.
            inside: Folder that the file, links followed, must lie in, unless its own folder is
                allowed by name.

        Raises:
            SourceError: It is missing, unreadable, too large, not UTF-8 or may not be read.
        """
        return text_of(self.load(address, inside=inside).data or b"")

    def load(
        self, address: str, *, inside: Path | None = None, etag: str = "", last_modified: str = ""
    ) -> Fetched:
        """Read the bytes of one file or address.

        Args:
            address: Path or http(s) address.
            inside: As for :meth:`read`.
            etag: Of the version that is known; with it or the date, a host need not send it again.
            last_modified: Of the version that is known.

        Raises:
            SourceError: It is missing, unreadable, too large or may not be read.
        """
        self.limits.watch()
        if not is_url(address):
            return Fetched(self._read_file(address, inside))
        try:
            return self.remote.load(address, etag, last_modified)
        except FetchError as exc:
            raise SourceError(str(exc), exc.hint, is_missing=exc.is_missing) from exc

    def _follow(self, address: str) -> tuple[str, os.stat_result]:
        """The path with links followed, and what it is; a folder's are followed once a run."""
        if self._followed is None or self._followed[0] != address:
            self._followed = (address, *self._really_follow(address))
        return self._followed[1:]

    def _really_follow(self, address: str) -> tuple[str, os.stat_result]:
        folder, name = os.path.split(address)
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = os.path.realpath(folder, strict=True)
        if name not in ("", ".", ".."):
            path = f"{real.rstrip('/')}/{name}"
            found = os.lstat(path)
            if not stat.S_ISLNK(found.st_mode):
                return path, found
        path = os.path.realpath(address, strict=True)
        return path, os.lstat(path)

    def _read_file(self, address: str, inside: Path | None) -> bytes:
        try:
            resolved, found = self._follow(address)
        except (FileNotFoundError, NotADirectoryError) as exc:
            hint = hint_of_missing(address)
            raise SourceError("there is no such file", hint, is_missing=True) from exc
        except (OSError, RuntimeError, ValueError) as exc:
            raise SourceError("the path cannot be followed") from exc
        self._check_folder(resolved, inside)
        if stat.S_ISDIR(found.st_mode):
            raise SourceError("is a folder, or one that cannot be listed")
        if not stat.S_ISREG(found.st_mode):
            raise SourceError("is not a file")
        limit = self.limits.max_bytes
        try:
            data = _bytes_of(resolved, found.st_size, limit)
        except OSError as exc:
            raise SourceError(f"cannot be read: {exc.strerror}") from exc
        if len(data) > limit:
            raise SourceError(f"is larger than {limit:,} bytes", "split it into several files")
        return data

    def _check_folder(self, resolved: str, inside: Path | None) -> None:
        """Check a file by its folder: what lies in a permitted one is permitted."""
        folder = resolved.rpartition("/")[0] or "/"
        if (folder, inside) in self._permitted:
            return
        self.check_file(Path(resolved), inside)
        # The folder may be refused where one file of it is listed by name.
        try:
            self.check_file(Path(folder), inside)
        except SourceError:
            return
        self._permitted.add((folder, inside))

    def check_file(self, resolved: Path, inside: Path | None) -> None:
        """Refuse a file outside of what is allowed.

        Raises:
            SourceError: The file may not be read.
        """
        if not self.allow.permits_file(resolved):
            raise SourceError(
                "lies outside the folders that may be read",
                "add its folder to CATALOG_READING_ALLOW if it should be read",
            )
        named = any(resolved.is_relative_to(folder) for folder in self.allow.folders)
        if inside is not None and not named and not resolved.is_relative_to(inside.resolve()):
            raise SourceError(
                f"leads out of the folder {inside}",
                "add the folder it leads to to CATALOG_READING_ALLOW if it should be read",
            )


def _holds_anything(folder: Path) -> bool | None:
    """Whether there is anything in a folder; None where one may not look."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return None


def _bytes_of(path: str, size: int, limit: int) -> bytes:
    """At most one byte more than the limit; asking for what is there spares a large buffer."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 -- a Path for each takes longer
        data: bytes = file.read(min(size, limit) + 1)
        while len(data) <= limit and (more := file.read(_CHUNK_BYTES)):
            data += more
    return data


def text_of(data: bytes) -> str:
    """The bytes as text.

    Raises:
        SourceError: They are not UTF-8, or hold what no descriptor may.
    """
    try:
        return decode(data)
    except YamlError as exc:
        raise SourceError(exc.message, exc.hint, line=exc.line) from exc
