"""What was asked of the sandbox, free of secrets, so that a test can count and read it."""

import json
import re
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

KEEP = 5_000
SECRET_HEADERS = {"authorization", "cookie", "x-api-key"}


def mask(secret: str) -> str:
    """The secret with all but its last four characters hidden; wholly hidden when it is short."""
    return f"****{secret[-4:]}" if len(secret) > 8 else "****"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest:
    """One request.

    Attributes:
        query: As sent, percent-encoded, without the question mark.
        headers: By lower-case name; the values of secret ones are masked.
        body: The JSON body with its routing key masked; None when there was no JSON.
        fault: The kind of misbehaviour that met it; empty when none did.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any
    fault: str


class RequestLog:
    """The last 5 000 requests, and a count of all of them by method and path."""

    def __init__(self) -> None:
        self._kept: deque[LoggedRequest] = deque(maxlen=KEEP)
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = Lock()

    def add(
        self,
        *,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        fault: str,
    ) -> None:
        """Keep one request; its secrets are masked here and nowhere else."""
        logged = LoggedRequest(
            method=method,
            path=path,
            query=query,
            headers={
                name.lower(): mask(value) if name.lower() in SECRET_HEADERS else value
                for name, value in headers.items()
            },
            body=_readable(body),
            fault=fault,
        )
        with self._lock:
            self._kept.append(logged)
            self._counts[method, path] += 1

    def all(self, path: str = "", method: str = "") -> list[LoggedRequest]:
        """The kept requests, oldest first.

        Args:
            path: Regular expression for the start of the path; empty matches every path.
            method: For example ``GET``; empty matches every method.
        """
        with self._lock:
            kept = list(self._kept)
        pattern = re.compile(path)
        return [
            logged
            for logged in kept
            if pattern.match(logged.path) and (not method or logged.method == method)
        ]

    def count(self, path: str = "", method: str = "") -> int:
        """How many requests there were, also of those no longer kept."""
        pattern = re.compile(path)
        with self._lock:
            return sum(
                count
                for (its_method, its_path), count in self._counts.items()
                if pattern.match(its_path) and (not method or its_method == method)
            )

    def counts(self) -> dict[str, int]:
        """The number of requests by method and path, most frequent first."""
        with self._lock:
            return {f"{method} {path}": n for (method, path), n in self._counts.most_common()}

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._counts.clear()


def _readable(body: bytes) -> Any:
    try:
        found = json.loads(body) if body else None
    except ValueError:
        return None
    if isinstance(found, dict) and "routing_key" in found:
        found["routing_key"] = mask(str(found["routing_key"]))
    return found
