"""The on-call ladder: every level of the policy, who holds it until when, and who is next. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pagerduty_card.fields import web_url
from pagerduty_card.models import EscalationPolicy, OnCall, Responder
from pagerduty_card.presenters.coverage import held_until
from pagerduty_card.presenters.freshness import Answer
from pagerduty_card.presenters.prospect import Prospect, Rota, one_phone, present_prospect, rota_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A word and where it leads; ``url`` may be empty."""

    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonOnCall:
    """Somebody who holds a level now.

    Attributes:
        mailto: Address with a subject that names entity and incident; empty without e-mail.
        schedules: The schedules that put the person here; empty for one named in the policy.
        until: End of the shift (UTC); None for somebody who is always on call.
        until_there: The end on the person's own clock, if it differs from the reader's.
    """

    name: str
    email: str
    mailto: str
    url: str
    avatar_url: str
    schedules: tuple[Link, ...]
    until: datetime | None
    until_there: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NextOnCall:
    """Who takes a level when a shift ends."""

    name: str
    level: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One rung.

    Attributes:
        targets: Whom the policy names, as PagerDuty calls them; without those who hold it anyway.
        names_schedules: Whether people's schedules tell more than the targets do.
        warning: Nobody holds it, and who is paged instead; empty otherwise.
        unknown: Why it is not known who holds it; empty otherwise.
        after_min: Minutes without an acknowledgement until it is paged, 0 for at once; None where
            nobody holds it, or where that is not known.
    """

    number: int
    targets: tuple[Link, ...]
    names_schedules: bool
    people: tuple[PersonOnCall, ...]
    next: NextOnCall | None
    warning: str
    unknown: str
    after_min: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCallView:
    """The section.

    Attributes:
        is_nobody: PagerDuty said that no level has anybody: an incident pages nobody.
        levels: Level 1 first; empty when unknown.
        paged_first: Names of those an incident pages at once; empty if nobody or unknown.
        paged_level: Their level; 0 if there is none.
        rota: Everybody's turns by level, as far as they are known.
        caution: Everything rests on one person; empty otherwise.
        repeats: What happens after the last level; empty if that is not known.
        prospect: What is known of the coming shifts; None where nobody asked about them.
    """

    answer: Answer
    policy: Link
    levels: tuple[Level, ...]
    is_nobody: bool
    paged_first: tuple[PersonOnCall, ...]
    paged_level: int
    rota: Rota = field(default_factory=dict)
    caution: str = ""
    repeats: str = ""
    prospect: Prospect | None = None

    @property
    def next_up(self) -> tuple[NextOnCall, ...]:
        """Who takes over which level, level 1 first."""
        return tuple(level.next for level in self.levels if level.next)

    @property
    def is_paging_unknown(self) -> bool:
        """Whether it cannot be said who would be paged."""
        return not self.paged_first and not self.is_nobody


def present_on_call(
    policy: EscalationPolicy | None,
    rows: Sequence[OnCall],
    answer: Answer,
    *,
    subject: str,
    now: datetime,
    zone: tzinfo,
    shifts: Answer | None = None,
    shifts_until: datetime | None = None,
) -> OnCallView:
    """Build the ladder of one policy.

    Args:
        policy: None when PagerDuty named none.
        rows: The policy's rows, now and next, with their responders loaded.
        answer: How far the rows may be believed.
        subject: Subject of e-mails to those on call.
        now: The instant of reading (UTC).
        zone: The reader's time zone.
        shifts: How far the rows of coming shifts may be believed; None: it is not to be told.
        shifts_until: How far ahead coming shifts were asked for (UTC).
    """
    shown_policy = Link(text=policy.name if policy else "", url=policy.url if policy else "")
    if answer.is_unknown or policy is None:
        return OnCallView(
            answer=answer,
            policy=shown_policy,
            levels=(),
            is_nobody=False,
            paged_first=(),
            paged_level=0,
        )
    numbers = sorted({*range(1, len(policy.levels) + 1), *(row.level for row in rows)})
    rota = rota_of(rows, numbers)
    held = {number: _held(rows, number, now, subject, zone) for number in numbers}
    unknown = {number: "" if held[number] else _lapsed(rows, number, now) for number in numbers}
    after_min = _waits_min(policy, numbers, held, unknown)
    levels = tuple(
        Level(
            number=number,
            targets=_targets(policy, number, held[number]),
            names_schedules=len(_named(policy, number)) != 1,
            people=held[number],
            # Turns of before the policy changed may be of another level.
            next=None if shifts and shifts.is_unknown else _next(rows, number, now),
            warning=(
                "" if held[number] or unknown[number] else _instead(number, numbers, held, unknown)
            ),
            unknown=unknown[number],
            after_min=after_min[number],
        )
        for number in numbers
    )
    prospect = None
    if shifts:
        unsure = [number for number in numbers if unknown[number]]
        prospect = present_prospect(rota, shifts, now=now, until=shifts_until or now, unsure=unsure)
    is_all_known = bool(shifts and shifts.is_known)
    first = next((number for number in numbers if held[number] or unknown[number]), 0)
    paged = held[first] if first else ()
    return OnCallView(
        answer=answer,
        policy=shown_policy,
        levels=levels,
        is_nobody=not any(held.values()) and not any(unknown.values()),
        paged_first=paged,
        paged_level=first if paged else 0,
        rota=rota,
        caution=("" if any(unknown.values()) else one_phone(rota, now, is_all_known=is_all_known)),
        repeats=_repeats(policy),
        prospect=prospect,
    )


def mailto(email: str, subject: str) -> str:
    """A ``mailto:`` address with a subject; empty for what is no e-mail address."""
    if "@" not in email:
        return ""
    return f"mailto:{quote(email, safe='@+')}?subject={quote(subject, safe='')}"


def _is_now(row: OnCall, now: datetime) -> bool:
    return (row.start is None or row.start <= now) and (row.end is None or row.end > now)


def _held(
    rows: Sequence[OnCall], number: int, now: datetime, subject: str, zone: tzinfo
) -> tuple[PersonOnCall, ...]:
    of_level = [row for row in rows if row.level == number]
    by_person: dict[int, list[OnCall]] = {}
    for row in of_level:
        if _is_now(row, now):
            by_person.setdefault(row.responder_id, []).append(row)
    return tuple(
        _person(shifts, of_level, subject=subject, now=now, zone=zone)
        for shifts in by_person.values()
    )


def _person(
    shifts: Sequence[OnCall],
    of_level: Sequence[OnCall],
    *,
    subject: str,
    now: datetime,
    zone: tzinfo,
) -> PersonOnCall:
    who = shifts[0].responder
    turns = rota_of(of_level, [shifts[0].level])[shifts[0].level]
    mine = [turn for turn in turns if turn.who.pk == shifts[0].responder_id]
    until = held_until(mine, mine[0].who, now)
    schedules = {
        row.schedule_name: Link(text=row.schedule_name, url=row.schedule_url)
        for row in shifts
        if row.schedule_name
    }
    return PersonOnCall(
        name=who.name,
        email=who.email,
        mailto=mailto(who.email, subject),
        url=web_url(who.url),
        avatar_url=who.avatar_url,
        schedules=tuple(schedules.values()),
        until=until,
        until_there=_there(who, until, now, zone) if until else "",
    )


def _there(who: Responder, until: datetime, now: datetime, zone: tzinfo) -> str:
    try:
        theirs = ZoneInfo(who.time_zone) if who.time_zone else None
    except (ValueError, OSError, ZoneInfoNotFoundError):
        theirs = None
    if theirs is None:
        return ""
    there = until.astimezone(theirs)
    if there.utcoffset() == until.astimezone(zone).utcoffset():
        return ""
    day = "" if there.date() == now.astimezone(theirs).date() else f"{there:%a} "
    return f"{day}{there:%H:%M} {there.tzname()}"


def _next(rows: Sequence[OnCall], number: int, now: datetime) -> NextOnCall | None:
    of_level = [row for row in rows if row.level == number]
    holders = {row.responder_id for row in of_level if _is_now(row, now)}
    later = sorted(
        (row.start, row.responder.name)
        for row in of_level
        if row.start and row.start > now and row.responder_id not in holders
    )
    return NextOnCall(name=later[0][1], level=number, at=later[0][0]) if later else None


def _lapsed(rows: Sequence[OnCall], number: int, now: datetime) -> str:
    """Why an empty level is not known to be empty: PagerDuty last named a shift that is over.

    It may have ended since, or before PagerDuty was asked, by a clock of ours that is ahead.
    """
    lapsed = [
        row.responder.name for row in rows if row.level == number and row.end and row.end <= now
    ]
    if not lapsed:
        return ""
    return f"The shift of {lapsed[-1]} has ended, and PagerDuty has not said who follows."


def _instead(
    number: int,
    numbers: Sequence[int],
    held: dict[int, tuple[PersonOnCall, ...]],
    unknown: dict[int, str],
) -> str:
    for other in (n for n in numbers if n > number):
        if unknown[other]:
            return f"PagerDuty goes on to level {other}, which is not known."
        if held[other]:
            names = " and ".join(person.name for person in held[other])
            return f"PagerDuty pages level {other} instead: {names}."
    return "There is nobody on a later level either."


def _named(policy: EscalationPolicy, number: int) -> Sequence[Mapping[str, object]]:
    if number > len(policy.levels):
        return ()
    named = policy.levels[number - 1].get("targets")
    return [one for one in named if isinstance(one, dict)] if isinstance(named, list) else ()


def _targets(
    policy: EscalationPolicy, number: int, held: Sequence[PersonOnCall]
) -> tuple[Link, ...]:
    links = (
        Link(text=str(one.get("name") or one.get("id") or ""), url=web_url(one.get("url")))
        for one in _named(policy, number)
    )
    people = {person.url for person in held if person.url}
    return tuple(link for link in links if link.text and link.url not in people)


def _delay_s(policy: EscalationPolicy, number: int) -> int | None:
    delay_s = policy.levels[number - 1].get("delay_s") if number <= len(policy.levels) else None
    return delay_s if isinstance(delay_s, int) else None


def _waits_min(
    policy: EscalationPolicy,
    numbers: Sequence[int],
    held: Mapping[int, Sequence[PersonOnCall]],
    unknown: Mapping[int, str],
) -> dict[int, int | None]:
    """Minutes until each level is paged; PagerDuty does not wait on a level that has nobody."""
    waits: dict[int, int | None] = {}
    total_s: int | None = 0
    for number in numbers:
        is_told = bool(held[number]) and total_s is not None
        waits[number] = round(total_s / 60) if is_told and total_s is not None else None
        if unknown[number]:
            total_s = None
        elif held[number] and total_s is not None:
            delay_s = _delay_s(policy, number)
            total_s = None if delay_s is None else total_s + delay_s
    return waits


def _repeats(policy: EscalationPolicy) -> str:
    """What PagerDuty does when nobody took it on the last level either."""
    last = len(policy.levels)
    delay_s = _delay_s(policy, last) if last else None
    if delay_s is None:
        return ""
    if not policy.num_loops:
        return f"After level {last} nobody else is paged."
    times = {1: "once", 2: "twice"}.get(policy.num_loops, f"{policy.num_loops} times")
    return (
        f"{round(delay_s / 60)} min after level {last} it starts again at level 1, {times}; "
        "then nobody else is paged."
    )
