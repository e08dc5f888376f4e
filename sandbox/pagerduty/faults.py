"""The ways the sandbox can be told to misbehave, and which of them meets a request."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from urllib.parse import unquote

from sandbox.pagerduty.errors import SHAPES


class Kind(StrEnum):
    """A misbehaviour.

    ``STATUS`` and ``BARE_STATUS`` need a status; the others have none.
    """

    LATENCY = "latency"
    STATUS = "status"
    BARE_STATUS = "bare-status"
    CUT_JSON = "cut-json"
    HTML = "html"
    EMPTY_OBJECT = "empty-object"
    WRONG_TYPES = "wrong-types"
    NULLS = "nulls"
    UNKNOWN_VALUES = "unknown-values"
    HANG = "hang"
    HANG_IN_BODY = "hang-in-body"
    RESET = "reset"
    LOST_ANSWER = "lost-answer"
    SUPPRESSED = "suppressed"
    DRIP = "drip"
    ENDLESS_MORE = "endless-more"
    HUGE_BODY = "huge-body"


WORDS = {
    Kind.LATENCY: "waits delay_s, then answers as usual",
    Kind.STATUS: "answers with status and PagerDuty's error body, in another shape "
    "(object, list, string, top) if asked; short: kind 503",
    Kind.BARE_STATUS: "answers with status, without rate-limit headers and without a body",
    Kind.CUT_JSON: "sends half of the JSON and calls it whole",
    Kind.HTML: "answers 200 with an HTML page",
    Kind.EMPTY_OBJECT: "answers 200 with {}",
    Kind.WRONG_TYPES: "turns every text into a number and every list into a text",
    Kind.NULLS: "turns every value of every record into null",
    Kind.UNKNOWN_VALUES: "uses statuses, urgencies and types nobody has heard of",
    Kind.HANG: "takes the request and says nothing for delay_s (60), then hangs up",
    Kind.HANG_IN_BODY: "sends half of the body, then says nothing for delay_s (60)",
    Kind.RESET: "resets the connection before doing anything",
    Kind.LOST_ANSWER: "does what was asked, then resets the connection",
    Kind.SUPPRESSED: "accepts an alert event and makes no incident, as a rule that suppresses it",
    Kind.DRIP: "sends one byte every delay_s (0.1)",
    Kind.ENDLESS_MORE: "says that there is more after every page, for ever",
    Kind.HUGE_BODY: "answers 200 with 10 MB of JSON",
}
DEFAULT_DELAYS_S = {Kind.LATENCY: 2.0, Kind.HANG: 60.0, Kind.HANG_IN_BODY: 60.0, Kind.DRIP: 0.1}


class BadFault(ValueError):
    """A fault cannot be understood; the message says why."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One misbehaviour, waiting for requests.

    Attributes:
        path: Regular expression matched from the start of path and query, such as ``/incidents``.
        times: How many requests it still meets; None means all.
        status: Of ``STATUS`` and ``BARE_STATUS``.
        delay_s: Seconds, for the kinds that wait.
        shape: Of the error body of ``STATUS``, one of ``errors.SHAPES``; empty for the usual one.
    """

    path: re.Pattern[str]
    kind: Kind
    times: int | None = None
    status: int = 0
    delay_s: float = 0.0
    shape: str = ""

    def as_json(self) -> dict[str, object]:
        """The form in which it can be set again."""
        found: dict[str, object] = {"path": self.path.pattern, "kind": self.kind.value}
        if self.times is not None:
            found["times"] = self.times
        if self.status:
            found["status"] = self.status
        if self.delay_s:
            found["delay_s"] = self.delay_s
        if self.shape:
            found["shape"] = self.shape
        return found


def parse(given: object) -> Fault:
    """Read one fault from its JSON form.

    Args:
        given: ``{"path": regex, "kind": name or status, "times"?, "status"?, "delay_s"?,
            "shape"?}``.

    Raises:
        BadFault: It is not of that form.
    """
    if not isinstance(given, Mapping):
        raise BadFault("A fault is an object with path and kind.")
    if unknown := set(given) - {"path", "kind", "times", "status", "delay_s", "shape"}:
        raise BadFault(f"Unknown field: {', '.join(sorted(map(str, unknown)))}.")
    kind, status = _kind(given.get("kind"), given.get("status"))
    times, delay_s = given.get("times"), given.get("delay_s", DEFAULT_DELAYS_S.get(kind, 0.0))
    if times is not None and (not isinstance(times, int) or times < 1):
        raise BadFault("times is a whole number from 1.")
    if not isinstance(delay_s, int | float) or not 0 <= delay_s <= 600:
        raise BadFault("delay_s is a number of seconds from 0 to 600.")
    try:
        path = re.compile(str(given.get("path", "/")))
    except re.error as broken:
        raise BadFault(f"path is not a regular expression: {broken}.") from None
    shape = given.get("shape", "")
    if shape and (kind != Kind.STATUS or shape not in SHAPES):
        raise BadFault(f"shape is one of {', '.join(SHAPES)}, and goes with a status.")
    return Fault(
        path=path, kind=kind, times=times, status=status, delay_s=float(delay_s), shape=shape
    )


def _kind(given: object, status: object) -> tuple[Kind, int]:
    if re.fullmatch(r"[1-5]\d\d", str(given)):
        given, status = Kind.STATUS, int(str(given))
    try:
        kind = Kind(str(given))
    except ValueError:
        raise BadFault(f"kind is a status or one of: {', '.join(Kind)}.") from None
    if kind not in {Kind.STATUS, Kind.BARE_STATUS}:
        return kind, 0
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise BadFault(f"{kind} needs a status from 200 to 599.")
    return kind, status


class Faults:
    """The faults that are set now; the first that matches a request meets it."""

    def __init__(self) -> None:
        self._set: list[Fault] = []
        self._lock = Lock()

    def add(
        self,
        path: str,
        kind: Kind | str | int,
        *,
        times: int | None = None,
        status: int | None = None,
        delay_s: float | None = None,
        shape: str | None = None,
    ) -> None:
        """Set one more fault, after those that are set.

        Raises:
            BadFault: See ``parse``.
        """
        given = {
            "path": path,
            "kind": kind,
            "times": times,
            "status": status,
            "delay_s": delay_s,
            "shape": shape,
        }
        fault = parse({name: value for name, value in given.items() if value is not None})
        with self._lock:
            self._set.append(fault)

    def replace(self, given: object) -> None:
        """Set exactly the faults of a JSON list.

        Raises:
            BadFault: It is no list, or see ``parse``; then nothing has changed.
        """
        if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
            raise BadFault("Faults are a list.")
        faults = [parse(one) for one in given]
        with self._lock:
            self._set = faults

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._set = []

    def take(self, target: str) -> Fault | None:
        """The fault that meets a request for ``target`` (path and query), used up once."""
        target = unquote(target)
        with self._lock:
            for fault in self._set:
                if not fault.path.match(target):
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if not fault.times:
                        self._set.remove(fault)
                return fault
        return None

    def as_json(self) -> list[dict[str, object]]:
        """The faults that are set, in the form in which they can be set again."""
        with self._lock:
            return [fault.as_json() for fault in self._set]
