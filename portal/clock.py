"""An instant that notes from when on what was decided by it would be decided otherwise.

What is rendered at one instant is true at a later one as long as every comparison with the clock
has the same result. So a rendering that is to be kept reads the clock through :func:`watched`: the
instant that it is given answers as any ``datetime`` does, and notes when a comparison will turn
out differently. Whatever is done with it that is no comparison, such as printing it, is only true
now: nothing is kept then.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.utils import timezone

_NOTHING = dt.timedelta(0)


class Watch:
    """From when to when what is decided meanwhile is true.

    Attributes:
        since: The instant of reading (UTC).
        until: The first instant (UTC) at which something may be decided otherwise.
    """

    def __init__(self, since: dt.datetime) -> None:
        """Begin at an instant; nothing is decided yet."""
        self.since = since
        self.until = dt.datetime.max.replace(tzinfo=dt.UTC)

    def note(self, ahead: dt.timedelta) -> None:
        """Something is decided otherwise so long after ``since``; what is past stays."""
        if ahead >= _NOTHING and ahead < self.until - self.since:
            self.until = self.since + ahead


_current: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watched(since: dt.datetime) -> Iterator[Watch]:
    """Watch what is decided by :func:`now`, and by ``watch_now`` of the result.

    Args:
        since: The instant of reading (UTC).
    """
    watch = Watch(since)
    token = _current.set(watch)
    try:
        yield watch
    finally:
        _current.reset(token)


def now() -> dt.datetime:
    """The instant of reading (UTC); within :func:`watched` it is that one's."""
    watch = _current.get()
    return WatchedInstant.of(watch.since, watch) if watch else timezone.now()


def expire() -> None:
    """Keep nothing of what is being rendered: it is not what it should be."""
    if watch := _current.get():
        watch.note(_NOTHING)


class WatchedAge(dt.timedelta):
    """How long before the watched instant something was: it grows with the clock.

    Only comparisons with a length are decided for a while.
    """

    _watch: Watch
    _plain: dt.timedelta

    @classmethod
    def of(cls, age: dt.timedelta, watch: Watch) -> "WatchedAge":
        """The same length, watched."""
        made = cls(age.days, age.seconds, age.microseconds)
        made._watch, made._plain = watch, age
        return made

    def _limit(self, other: Any) -> Any:
        """What it is compared with; a plain limit will be reached."""
        limit = getattr(other, "_plain", other)
        if limit is other and isinstance(limit, dt.timedelta):
            # Of two ages, which grow alike, the longer one stays so.
            self._watch.note(limit - self._plain)
        return limit

    def __lt__(self, other: dt.timedelta) -> bool:
        return bool(self._plain < self._limit(other))

    def __le__(self, other: dt.timedelta) -> bool:
        return bool(self._plain <= self._limit(other))

    def __gt__(self, other: dt.timedelta) -> bool:
        return bool(self._plain > self._limit(other))

    def __ge__(self, other: dt.timedelta) -> bool:
        return bool(self._plain >= self._limit(other))

    def __eq__(self, other: object) -> bool:
        return bool(self._plain == self._limit(other))

    def __abs__(self) -> "WatchedAge":
        if self._plain < _NOTHING:
            self._watch.note(_NOTHING)
        return WatchedAge.of(abs(self._plain), self._watch)

    # A length that grows is no key.
    __hash__ = None  # type: ignore[assignment]


class WatchedInstant(dt.datetime):
    """The watched instant, in any zone, or one a fixed length from it."""

    _watch: Watch
    _plain: dt.datetime

    @classmethod
    def of(cls, at: dt.datetime, watch: Watch) -> "WatchedInstant":
        """The same instant, watched."""
        made = cls.combine(at.date(), at.timetz())
        made._watch, made._plain = watch, at
        return made

    def _note(self, other: object) -> None:
        if isinstance(other, dt.datetime) and not isinstance(other, WatchedInstant):
            self._watch.note(other - self._plain)

    def __lt__(self, other: Any) -> bool:
        self._note(other)
        return bool(self._plain < _plain(other))

    def __le__(self, other: Any) -> bool:
        self._note(other)
        return bool(self._plain <= _plain(other))

    def __gt__(self, other: Any) -> bool:
        self._note(other)
        return bool(self._plain > _plain(other))

    def __ge__(self, other: Any) -> bool:
        self._note(other)
        return bool(self._plain >= _plain(other))

    def __eq__(self, other: object) -> bool:
        self._note(other)
        return isinstance(other, dt.datetime) and self._plain == _plain(other)

    # An instant that moves is no key.
    __hash__ = None  # type: ignore[assignment]

    def __add__(self, length: dt.timedelta) -> "WatchedInstant":
        return WatchedInstant.of(self._plain + length, self._watch)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, dt.timedelta):
            return WatchedInstant.of(self._plain - other, self._watch)
        if isinstance(other, WatchedInstant):
            return self._plain - other._plain
        return WatchedAge.of(self._plain - other, self._watch)

    def __rsub__(self, other: dt.datetime) -> dt.timedelta:
        self._watch.note(_NOTHING)  # how long until then
        return other - self._plain

    def astimezone(self, tz: dt.tzinfo | None = None) -> "WatchedInstant":
        """The same instant in another zone."""
        return WatchedInstant.of(self._plain.astimezone(tz), self._watch)

    def date(self) -> dt.date:
        """The day, which ends at the zone's next midnight."""
        day = self._plain.date()
        midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), self._plain.tzinfo)
        # Two instants of one zone are compared by its clock on the wall; UTC counts seconds.
        self._watch.note(midnight.astimezone(dt.UTC) - self._plain.astimezone(dt.UTC))
        return day

    def __reduce_ex__(self, protocol: Any) -> Any:
        self._watch.note(_NOTHING)
        return self._plain.__reduce_ex__(protocol)


def _plain(at: Any) -> Any:
    return at._plain if isinstance(at, WatchedInstant) else at


# What is printed or counted from them is true for the moment only.
_OF_INSTANTS = (
    *("year", "month", "day", "hour", "minute", "second", "microsecond"),
    *("time", "timetz", "timestamp", "timetuple", "utctimetuple", "isoformat", "ctime", "strftime"),
    *("replace", "weekday", "isoweekday", "isocalendar", "toordinal"),
    *("__str__", "__repr__", "__format__"),
)
_OF_AGES = (
    *("days", "seconds", "microseconds", "total_seconds", "__bool__", "__str__", "__repr__"),
    *("__add__", "__radd__", "__sub__", "__rsub__", "__neg__", "__mul__", "__rmul__"),
    *("__truediv__", "__floordiv__", "__mod__", "__divmod__", "__format__", "__reduce_ex__"),
)


def _true_only_now(name: str, *, is_value: bool) -> Any:
    def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._watch.note(_NOTHING)
        found = getattr(self._plain, name)
        return found if is_value else found(*args, **kwargs)

    return property(read) if is_value else read


for _class, _names in ((WatchedInstant, _OF_INSTANTS), (WatchedAge, _OF_AGES)):
    for _name in _names:
        _is_value = not callable(getattr(_class.__base__, _name))
        setattr(_class, _name, _true_only_now(_name, is_value=_is_value))
