"""What the importer may read: hosts and folders, and what it must know of the hosts."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings

from catalog.ingestion.repositories import FIRST_NAMES, named, software_of
from portal.host_names import HostEntry, read_host

USUAL_PORTS = {"http": 80, "https": 443}


def by_host(entries: Iterable[str]) -> dict[str, str]:
    """Entries of the form ``host=value`` as a map; others are left out."""
    pairs = (entry.strip().partition("=") for entry in entries)
    return {host.strip().lower(): value.strip() for host, _, value in pairs if host and value}


@dataclass(frozen=True, slots=True)
class Allowance:
    """Hosts and folders that may be read; with neither, every file and every public host.

    Attributes:
        hosts: Names or patterns in lower case, ``example.com`` or ``*.example.com``; a host that
            is named may also have a private address.
        ports: Those of ``hosts`` that are named with a port, as pattern and port.
        folders: Absolute, with symbolic links followed.
        software: By host, with or without a port: what its pages are made by, see
            ``repositories.SOFTWARE``.
        tokens: Likewise what it is shown, so that it lets private files be read.
    """

    hosts: tuple[str, ...] = ()
    ports: tuple[tuple[str, int], ...] = ()
    folders: tuple[Path, ...] = ()
    software: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls, entries: Iterable[str], software: Iterable[str] = (), tokens: Iterable[str] = ()
    ) -> Self:
        """Sort the entries of the settings: what starts with ``/`` is a folder, else a host."""
        cleaned = [entry.strip() for entry in entries if entry.strip()]
        # What is no host is kept, so that the list is not taken for an empty one, which allows all.
        hosts = [
            read_host(entry, wildcard="*.") or HostEntry(entry.lower(), 0)
            for entry in cleaned
            if entry[0] != "/"
        ]
        return cls(
            hosts=tuple(host for host, _ in hosts),
            ports=tuple((host, port) for host, port in hosts if port),
            folders=tuple(Path(entry).resolve() for entry in cleaned if entry[0] == "/"),
            software=by_host(software),
            tokens=by_host(tokens),
        )

    @classmethod
    def from_settings(cls) -> Self:
        """The allowance of this deployment."""
        return cls.of(
            settings.CATALOG_READING_ALLOW,
            settings.CATALOG_GIT_HOSTS,
            settings.CATALOG_HOST_TOKENS,
        )

    @property
    def is_open(self) -> bool:
        """Whether nothing is listed."""
        return not self.hosts and not self.folders

    def names_host(self, host: str) -> bool:
        """Whether the host is listed, which allows it a private address too."""
        host = host.lower().rstrip(".")
        return any(fnmatchcase(host, pattern) for pattern in self.hosts)

    def permits_port(self, host: str, port: int) -> bool:
        """Whether the port may be asked: that of http or https, or one that is listed with it."""
        host = host.lower().rstrip(".")
        return port in USUAL_PORTS.values() or any(
            port == own and fnmatchcase(host, pattern) for pattern, own in self.ports
        )

    def permits_host(self, host: str) -> bool:
        """Whether the host may be asked at all; its addresses are checked apart."""
        return self.is_open or self.names_host(host)

    def sign_in(self, url: str) -> dict[str, str]:
        """The header that lets a private file be read; empty where no token is named for its host.

        A token goes over https, or to a host that the operator lists. One that is named for a host
        without a port goes to every port that may be asked, see :meth:`permits_port`.
        """
        parts = urlsplit(url)
        host = FIRST_NAMES.get(parts.netloc.lower(), parts.netloc.lower())
        token = named(self.tokens, parts.netloc.lower()) or named(self.tokens, host)
        if not token or not (parts.scheme == "https" or self.names_host(parts.hostname or "")):
            return {}
        match software_of(url, self.software):
            case "gitlab":
                return {"PRIVATE-TOKEN": token}
            case "azure":
                return {"Authorization": f"Basic {b64encode(f':{token}'.encode()).decode()}"}
        return {"Authorization": f"Bearer {token}"}

    def permits_file(self, resolved: Path) -> bool:
        """Whether the file may be read.

        Args:
            resolved: Absolute path with symbolic links followed.
        """
        return self.is_open or any(resolved.is_relative_to(folder) for folder in self.folders)
