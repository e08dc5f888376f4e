"""From what an operator names to texts: files, folders, globs and addresses."""

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from catalog.descriptor import Limits, YamlError, decode
from catalog.ingestion.allow import Allowance
from catalog.ingestion.fetch import FetchError, fetch

_SUFFIXES = (".yaml", ".yml")


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


@dataclass(frozen=True, slots=True)
class Root:
    """One thing an operator named.

    Attributes:
        type: ``file`` or ``url``.
        target: Absolute path or glob, or the address.
    """

    type: str
    target: str

    @property
    def folder(self) -> Path | None:
        """The folder that a folder or glob stands for; None for a single file or an address."""
        if self.type == "url":
            return None
        path = Path(self.target)
        if path.is_dir():
            return path
        if glob.has_magic(self.target) and not path.exists():
            return Path(*_fixed_parts(path))
        return None


def _fixed_parts(path: Path) -> Iterator[str]:
    for part in path.parts[:-1]:
        if glob.has_magic(part):
            return
        yield part


def root_of(source: str) -> Root:
    """Read what an operator wrote: an http(s) address, or a path relative to the working folder."""
    if is_url(source):
        return Root("url", without_user(source))
    return Root("file", str(Path(source.removeprefix("file:")).expanduser().absolute()))


def is_url(text: str) -> bool:
    """Whether the text is an http or https address."""
    return urlsplit(text).scheme in ("http", "https") if ":" in text else False


def without_user(url: str) -> str:
    """The address with its user name and password hidden, for it is stored and shown."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    return f"{scheme}://***@{host}{slash}{path}" if at or user else url


def _is_hidden(relative: Path) -> bool:
    # Kubernetes keeps the real files of a mounted ConfigMap in folders whose names start with "..".
    return any(part == ".git" or part.startswith("..") for part in relative.parts)


class Reader:
    """Reads texts within what is allowed.

    Args:
        allow: What may be read.
        limits: What one file may cost.
    """

    def __init__(self, allow: Allowance, limits: Limits) -> None:
        self.allow = allow
        self.limits = limits

    def addresses(self, root: Root) -> list[str]:
        """Every file of a root in a fixed order: a folder's ``*.yaml`` and ``*.yml``, recursively.

        Raises:
            SourceError: There is no such file or folder, or no file in it.
        """
        if root.type == "url":
            return [root.target]
        path = Path(root.target)
        if path.is_dir():
            found = sorted(
                str(file)
                for file in path.rglob("*")
                if file.suffix.lower() in _SUFFIXES
                and not _is_hidden(file.relative_to(path))
                and (file.is_symlink() or file.is_file())
            )
            if not found:
                raise SourceError("the folder holds no *.yaml or *.yml file")
            return found
        if not path.exists() and glob.has_magic(root.target):
            pattern = path.relative_to(path.anchor)
            found = sorted(str(m) for m in Path(path.anchor).glob(str(pattern)) if m.is_file())
            if not found:
                raise SourceError("the pattern matches no file", is_missing=True)
            return found
        return [root.target]

    def read(self, address: str, *, inside: Path | None = None) -> str:
        """Read one file or address as text.

        Args:
            address: Path or http(s) address.
            inside: Folder that the file, links followed, must lie in, unless its own folder is
                allowed by name.

        Raises:
            SourceError: It is missing, unreadable, too large, not UTF-8 or may not be read.
        """
        try:
            if is_url(address):
                data = fetch(address, allow=self.allow, max_bytes=self.limits.max_bytes)
            else:
                data = self._read_file(Path(address), inside)
            return decode(data)
        except FetchError as exc:
            raise SourceError(str(exc), exc.hint, is_missing=exc.is_missing) from exc
        except YamlError as exc:
            raise SourceError(exc.message, exc.hint, line=exc.line) from exc

    def _read_file(self, path: Path, inside: Path | None) -> bytes:
        try:
            resolved = path.resolve(strict=True)
        except (FileNotFoundError, NotADirectoryError) as exc:
            raise SourceError("there is no such file", is_missing=True) from exc
        except (OSError, RuntimeError, ValueError) as exc:
            raise SourceError("the path cannot be followed") from exc
        self.check_file(resolved, inside)
        if not resolved.is_file():
            raise SourceError("is not a file")
        limit = self.limits.max_bytes
        try:
            with resolved.open("rb") as file:
                data = file.read(limit + 1)
        except OSError as exc:
            raise SourceError(f"cannot be read: {exc.strerror}") from exc
        if len(data) > limit:
            raise SourceError(f"is larger than {limit:,} bytes", "split it into several files")
        return data

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
