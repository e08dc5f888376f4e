"""The on-call ladder: every level of the policy, who holds it until when, and who is next. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pagerduty_card.characters import isolated
from pagerduty_card.models import EscalationPolicy, OnCall, Responder
from pagerduty_card.presenters.freshness import Answer, Moment
from pagerduty_card.presenters.rota_gaps import held_until
from pagerduty_card.presenters.upcoming_shifts import (
    Rota,
    UpcomingShifts,
    one_phone,
    present_upcoming_shifts,
    rota_of,
)
from portal.zones import zone_name


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalLink:
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
    schedules: tuple[ExternalLink, ...]
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
    targets: tuple[ExternalLink, ...]
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
        upcoming: What is known of the coming shifts; None where nobody asked about them.
    """

    answer: Answer
    policy: ExternalLink
    levels: tuple[Level, ...]
    is_nobody: bool
    paged_first: tuple[PersonOnCall, ...]
    paged_level: int
    rota: Rota = field(default_factory=dict)
    caution: str = ""
    repeats: str = ""
    upcoming: UpcomingShifts | None = None

    @classmethod
    def unknown(cls, answer: Answer, policy: ExternalLink | None = None) -> "OnCallView":
        """Nothing may be said of who is on call."""
        return cls(
            answer=answer,
            policy=policy or ExternalLink(text="", url=""),
            levels=(),
            is_nobody=False,
            paged_first=(),
            paged_level=0,
        )

    @property
    def next_up(self) -> tuple[NextOnCall, ...]:
        """Who takes over which level, level 1 first."""
        return tuple(level.next for level in self.levels if level.next)

    @property
    def is_paging_unknown(self) -> bool:
        """Whether it cannot be said who would be paged."""
        return not self.paged_first and not self.is_nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hold:
    """Who holds one level now, or why it is not known whether anybody does."""

    people: tuple[PersonOnCall, ...]
    unknown: str

    @property
    def is_empty(self) -> bool:
        """Whether PagerDuty said that nobody does."""
        return not self.people and not self.unknown


def present_on_call(
    policy: EscalationPolicy | None,
    rows: Sequence[OnCall],
    answer: Answer,
    *,
    subject: str,
    moment: Moment,
    shifts: Answer | None = None,
    shifts_until: datetime | None = None,
) -> OnCallView:
    """Build the ladder of one policy.

    Args:
        policy: None when PagerDuty named none.
        rows: The policy's rows, now and next, with their responders loaded.
        answer: How far the rows may be believed.
        subject: Subject of e-mails to those on call.
        moment: When it is read, and in which zone.
        shifts: How far the rows of coming shifts may be believed; None: it is not to be told.
        shifts_until: How far ahead coming shifts were asked for (UTC).
    """
    shown_policy = ExternalLink(
        text=policy.name if policy else "", url=policy.url if policy else ""
    )
    if answer.is_unknown or policy is None:
        return OnCallView.unknown(answer, shown_policy)
    holds = _holds(policy, rows, subject, moment)
    rota = rota_of(rows, list(holds))
    unsure = [number for number, hold in holds.items() if hold.unknown]
    first = next((number for number, hold in holds.items() if not hold.is_empty), 0)
    paged = holds[first].people if first else ()
    upcoming = None
    if shifts:
        until = shifts_until or moment.now
        upcoming = present_upcoming_shifts(rota, shifts, now=moment.now, until=until, unsure=unsure)
    return OnCallView(
        answer=answer,
        policy=shown_policy,
        # Turns of before the policy changed may be of another level.
        levels=_levels(policy, rows, holds, moment, names_next=not (shifts and shifts.is_unknown)),
        is_nobody=first == 0,
        paged_first=paged,
        paged_level=first if paged else 0,
        rota=rota,
        caution="" if unsure else _caution(rota, moment.now, shifts),
        repeats=_repeats(policy),
        upcoming=upcoming,
    )


def _holds(
    policy: EscalationPolicy, rows: Sequence[OnCall], subject: str, moment: Moment
) -> dict[int, _Hold]:
    """Who holds each level, level 1 first."""
    holds = {}
    for number in sorted({*range(1, len(policy.levels) + 1), *(row.level for row in rows)}):
        people = _held(rows, number, subject, moment)
        unknown = "" if people else _lapsed(rows, number, moment.now)
        holds[number] = _Hold(people=people, unknown=unknown)
    return holds


def _levels(
    policy: EscalationPolicy,
    rows: Sequence[OnCall],
    holds: Mapping[int, _Hold],
    moment: Moment,
    *,
    names_next: bool,
) -> tuple[Level, ...]:
    after_min = _waits_min(policy, holds)
    return tuple(
        Level(
            number=number,
            targets=_targets(policy, number, hold.people),
            names_schedules=len(_named(policy, number)) != 1,
            people=hold.people,
            next=_next(rows, number, moment.now) if names_next else None,
            warning=_instead(number, holds) if hold.is_empty else "",
            unknown=hold.unknown,
            after_min=after_min[number],
        )
        for number, hold in holds.items()
    )


def _caution(rota: Rota, now: datetime, shifts: Answer | None) -> str:
    return one_phone(rota, now, is_all_known=bool(shifts and shifts.is_known))


def mailto(email: str, subject: str) -> str:
    """A ``mailto:`` address with a subject; empty for what is no e-mail address."""
    if "@" not in email:
        return ""
    return f"mailto:{quote(email, safe='@+')}?subject={quote(subject, safe='')}"


def _is_now(row: OnCall, now: datetime) -> bool:
    return (row.start is None or row.start <= now) and (row.end is None or row.end > now)


def _held(
    rows: Sequence[OnCall], number: int, subject: str, moment: Moment
) -> tuple[PersonOnCall, ...]:
    of_level = [row for row in rows if row.level == number]
    by_person: dict[int, list[OnCall]] = {}
    for row in of_level:
        if _is_now(row, moment.now):
            by_person.setdefault(row.responder_id, []).append(row)
    return tuple(_person(shifts, of_level, subject, moment) for shifts in by_person.values())


def _person(
    shifts: Sequence[OnCall], of_level: Sequence[OnCall], subject: str, moment: Moment
) -> PersonOnCall:
    who = shifts[0].responder
    turns = rota_of(of_level, [shifts[0].level])[shifts[0].level]
    mine = [turn for turn in turns if turn.who.pk == shifts[0].responder_id]
    until = held_until(mine, mine[0].who, moment.now)
    schedules = {
        row.schedule_name: ExternalLink(text=row.schedule_name, url=row.schedule_url)
        for row in shifts
        if row.schedule_name
    }
    return PersonOnCall(
        name=who.name,
        email=who.email,
        mailto=mailto(who.email, subject),
        url=who.url,
        avatar_url=who.avatar_url,
        schedules=tuple(schedules.values()),
        until=until,
        until_there=_there(who, until, moment) if until else "",
    )


def _there(who: Responder, until: datetime, moment: Moment) -> str:
    try:
        theirs = ZoneInfo(who.time_zone) if who.time_zone else None
    except (ValueError, OSError, ZoneInfoNotFoundError):
        theirs = None
    if theirs is None:
        return ""
    there = until.astimezone(theirs)
    if there.utcoffset() == until.astimezone(moment.zone).utcoffset():
        return ""
    day = "" if there.date() == moment.now.astimezone(theirs).date() else f"{there:%a} "
    return f"{day}{there:%H:%M} {zone_name(there)}"


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


def _instead(number: int, holds: Mapping[int, _Hold]) -> str:
    """Who is paged in the place of a level that has nobody."""
    for other, hold in holds.items():
        if other > number and hold.unknown:
            return f"PagerDuty goes on to level {other}, which is not known."
        if other > number and hold.people:
            names = " and ".join(isolated(person.name) for person in hold.people)
            return f"PagerDuty pages level {other} instead: {names}."
    return "There is nobody on a later level either."


def _named(policy: EscalationPolicy, number: int) -> Sequence[Mapping[str, object]]:
    if number > len(policy.levels):
        return ()
    named = policy.levels[number - 1].get("targets")
    return [one for one in named if isinstance(one, dict)] if isinstance(named, list) else ()


def _targets(
    policy: EscalationPolicy, number: int, held: Sequence[PersonOnCall]
) -> tuple[ExternalLink, ...]:
    links = (
        ExternalLink(
            text=str(one.get("name") or one.get("id") or ""), url=str(one.get("url") or "")
        )
        for one in _named(policy, number)
    )
    people = {person.url for person in held if person.url}
    return tuple(link for link in links if link.text and link.url not in people)


def _delay_s(policy: EscalationPolicy, number: int) -> int | None:
    delay_s = policy.levels[number - 1].get("delay_s") if number <= len(policy.levels) else None
    return delay_s if isinstance(delay_s, int) else None


def _waits_min(policy: EscalationPolicy, holds: Mapping[int, _Hold]) -> dict[int, int | None]:
    """Minutes until each level is paged; PagerDuty does not wait on a level that has nobody."""
    waits: dict[int, int | None] = {}
    total_s: int | None = 0
    for number, hold in holds.items():
        waits[number] = round(total_s / 60) if hold.people and total_s is not None else None
        if hold.unknown:
            total_s = None
        elif hold.people and total_s is not None:
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
