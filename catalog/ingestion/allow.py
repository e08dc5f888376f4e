"""What the importer may read: the hosts and folders of ``CATALOG_READING_ALLOW``."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Allowance:
    """Hosts and folders that may be read; with neither, every file and every public host.

    Attributes:
        hosts: Names or patterns in lower case, ``example.com`` or ``*.example.com``; a host that
            is named may also have a private address.
        folders: Absolute, with symbolic links followed.
    """

    hosts: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """Sort the entries of the setting: what starts with ``/`` is a folder, else a host."""
        cleaned = [entry.strip() for entry in entries if entry.strip()]
        return cls(
            hosts=tuple(entry.lower().rstrip(".") for entry in cleaned if entry[0] != "/"),
            folders=tuple(Path(entry).resolve() for entry in cleaned if entry[0] == "/"),
        )

    @classmethod
    def from_settings(cls) -> Self:
        """The allowance of this deployment."""
        return cls.of(settings.CATALOG_READING_ALLOW)

    @property
    def is_open(self) -> bool:
        """Whether nothing is listed."""
        return not self.hosts and not self.folders

    def names_host(self, host: str) -> bool:
        """Whether the host is listed, which allows it a private address too."""
        host = host.lower().rstrip(".")
        return any(fnmatchcase(host, pattern) for pattern in self.hosts)

    def permits_host(self, host: str) -> bool:
        """Whether the host may be asked at all; its addresses are checked apart."""
        return self.is_open or self.names_host(host)

    def permits_file(self, resolved: Path) -> bool:
        """Whether the file may be read.

        Args:
            resolved: Absolute path with symbolic links followed.
        """
        return self.is_open or any(resolved.is_relative_to(folder) for folder in self.folders)
