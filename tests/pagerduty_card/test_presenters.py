"""The three answers and what follows from them, as pure functions."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from pagerduty_card.card.escalation import name_the_next_level
from pagerduty_card.freshness import Certainty
from pagerduty_card.models import (
    ChangeEvent,
    EscalationPolicy,
    Incident,
    OnCall,
    Responder,
    Service,
)
from pagerduty_card.presenters.freshness import Answer, Explanation, Moment
from pagerduty_card.presenters.incidents import present_changes, present_incidents
from pagerduty_card.presenters.on_call import mailto, present_on_call

NOW = dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.UTC)
KNOWN = Answer(certainty=Certainty.KNOWN, at=NOW, asked_at=NOW, explanation=None, is_due=False)
OLD = Answer(
    certainty=Certainty.OLD,
    at=NOW - dt.timedelta(minutes=9),
    asked_at=NOW - dt.timedelta(minutes=9),
    explanation=Explanation(reason="unreachable", why="No answer.", advice=""),
    is_due=True,
)
UNKNOWN = Answer.unknown(Explanation(reason="token", why="Refused.", advice=""))


def ago(**kwargs):
    return NOW - dt.timedelta(**kwargs)


def service(status="active", **fields):
    return Service(account="default", pd_id="P1", name="api", status=status, **fields)


def incident(number=1, status="triggered", **fields):
    return Incident(
        number=number,
        title="T",
        status=status,
        urgency=fields.pop("urgency", "high"),
        created_at=fields.pop("created_at", NOW),
        **fields,
    )


def test_rows_are_not_shown_while_their_section_is_unknown():
    assert present_incidents([incident()], UNKNOWN).lines == ()


def test_a_status_and_an_urgency_of_tomorrow_are_shown_as_they_are_and_marked_unknown():
    line = present_incidents([incident(status="snoozed", urgency="extreme")], KNOWN).lines[0]
    assert (line.mark.word, line.mark.tone) == ("snoozed", "unknown")
    assert (line.urgency.word, line.urgency.tone) == ("extreme", "unknown")


def test_odd_times_and_people_of_an_incident_do_no_harm():
    row = incident(
        assignees=[{}],
        acknowledgements=[{"name": "Bo", "at": "yesterday"}, {"at": None}],
        pending_actions=[{"type": "explode", "at": "2026-11-23T10:05:00Z"}],
    )
    line = present_incidents([row], KNOWN).lines[0]
    assert line.assignees[0].text == "somebody"
    assert [ack.at for ack in line.acknowledgements] == [None, None]
    assert line.next_step.text == "explode"
    assert line.next_step.at == NOW + dt.timedelta(minutes=5)


@pytest.mark.parametrize(
    ("gap", "before"),
    [
        (dt.timedelta(0), "just before #7"),
        (dt.timedelta(minutes=60), "60 min before #7"),
        (dt.timedelta(minutes=60, seconds=1), ""),
        (-dt.timedelta(seconds=1), ""),
    ],
)
def test_a_change_is_marked_within_the_hour_before_an_incident(gap, before):
    shown = present_incidents([incident(7)], KNOWN)
    change = ChangeEvent(summary="x", at=NOW - gap)
    assert present_changes([change], shown, KNOWN, covers_since=None).lines[0].before == before


def on_call(rows, *, levels=2, answer=KNOWN, zone=dt.UTC, shifts=None):
    policy = EscalationPolicy(name="Policy", levels=[{"delay_s": 600}] * levels)
    until = NOW + dt.timedelta(days=14)
    return present_on_call(
        policy,
        rows,
        answer,
        subject="api",
        moment=Moment(now=NOW, zone=zone),
        shifts=shifts,
        shifts_until=until,
    )


def person(pk=1, name="Ana Lima", time_zone=""):
    return Responder(pk=pk, name=name, email="ana@example.com", time_zone=time_zone)


def shift(who=None, level=1, start=None, end=None):
    return OnCall(level=level, responder=who or person(), start=start, end=end)


def test_a_shift_that_the_same_persons_next_one_continues_ends_with_the_next_one():
    end = NOW + dt.timedelta(hours=2)
    rows = [
        shift(start=ago(hours=1), end=end),
        shift(start=end, end=end + dt.timedelta(hours=8)),
        shift(person(2, "Bo Chen"), start=end + dt.timedelta(hours=8)),
    ]
    level = on_call(rows).levels[0]
    assert level.people[0].until == end + dt.timedelta(hours=8)
    assert (level.next.name, level.next.at) == ("Bo Chen", end + dt.timedelta(hours=8))


def test_the_next_shift_takes_over_by_the_clock_without_a_new_answer():
    rows = [
        shift(start=ago(hours=9), end=ago(hours=1)),
        shift(person(2, "Bo Chen"), start=ago(hours=1), end=NOW + dt.timedelta(hours=7)),
    ]
    assert [one.name for one in on_call(rows).levels[0].people] == ["Bo Chen"]


def test_who_is_next_is_not_told_while_coming_shifts_are_unknown():
    rows = [shift(), shift(person(2, "Bo Chen"), start=NOW + dt.timedelta(hours=2))]
    assert [one.name for one in on_call(rows, shifts=KNOWN).next_up] == ["Bo Chen"]
    assert on_call(rows, shifts=UNKNOWN).next_up == ()


def test_a_shift_ends_on_the_persons_own_clock_too_if_it_differs_from_the_readers():
    end = dt.datetime(2026, 11, 23, 18, 0, tzinfo=dt.UTC)
    rows = [shift(person(time_zone="Asia/Tokyo"), start=ago(hours=1), end=end)]
    assert on_call(rows).levels[0].people[0].until_there == "Tue 03:00 JST"
    assert on_call(rows, zone=ZoneInfo("Asia/Tokyo")).levels[0].people[0].until_there == ""
    odd = [shift(person(time_zone="Mars/Base"), start=ago(hours=1), end=end)]
    assert on_call(odd).levels[0].people[0].until_there == ""


def test_nobody_and_unknown_are_different_answers():
    nobody = on_call([])
    assert nobody.is_nobody
    assert not nobody.is_paging_unknown
    unknown = on_call([], answer=UNKNOWN)
    assert not unknown.is_nobody
    assert unknown.is_paging_unknown
    assert unknown.levels == ()


def test_who_is_paged_is_unknown_while_an_earlier_level_is():
    rows = [
        shift(start=ago(hours=9), end=ago(minutes=1)),
        shift(person(2, "Bo Chen"), level=2),
    ]
    view = on_call(rows, answer=OLD)
    assert view.levels[0].unknown
    assert view.paged_first == ()
    assert view.is_paging_unknown


@pytest.mark.parametrize("email", ["", "nobody", "a b"])
def test_what_is_no_address_gets_no_mail_link(email):
    assert mailto(email, "x") == ""


def test_a_mail_link_cannot_be_talked_into_more_fields():
    link = mailto("ana@example.com?cc=eve@example.com", "a&bcc=eve@example.com\r\nx")
    assert link.count("?") == 1
    assert "&" not in link
    assert "\n" not in link


ANA, BO, CY = (f"https://meridian.example/users/{name}" for name in ("ana", "bo", "cy"))


def escalating(
    *urls,
    incidents=KNOWN,
    rows=None,
    levels=3,
    answer=KNOWN,
    step="escalate",
    shifts=UNKNOWN,
    opened=NOW,
):
    """What the incident, assigned to those profiles, says it does by itself in five minutes."""
    row = incident(
        assignees=[{"name": "Somebody", "url": url} for url in urls],
        pending_actions=[{"type": step, "at": "2026-11-23T10:05:00Z"}],
        created_at=opened,
    )
    known = on_call(LADDER if rows is None else rows, levels=levels, answer=answer, shifts=shifts)
    return name_the_next_level(present_incidents([row], incidents), known).lines[0].next_step.text


def holder(pk, name, url, **fields):
    return shift(Responder(pk=pk, name=name, url=url), **fields)


LADDER = [
    holder(1, "Ana Lima", ANA, level=1, end=NOW + dt.timedelta(hours=1)),
    holder(2, "Bo Chen", BO, level=2, end=NOW + dt.timedelta(hours=1)),
    holder(3, "Cy Diaz", CY, level=3),
]


@pytest.mark.parametrize(("assigned", "to"), [(ANA, "Bo Chen"), (BO, "Cy Diaz"), (CY, "Ana Lima")])
def test_an_escalation_names_those_on_the_level_after_the_one_assigned_and_after_the_last_level_1(
    assigned, to
):
    assert escalating(assigned) == f"escalates to {to}"


def test_an_escalation_names_everybody_of_the_next_level():
    rows = [*LADDER, holder(4, "Dee Okafor", "https://meridian.example/users/dee", level=2)]
    assert escalating(ANA, rows=rows) == "escalates to Bo Chen and Dee Okafor"


@pytest.mark.parametrize(
    "unsure",
    [
        {"urls": ()},
        {"urls": ("",)},
        {"urls": ("https://meridian.example/users/elsewhere",)},
        {"urls": (ANA, BO)},
        {"urls": (ANA,), "answer": OLD},
        {"urls": (ANA,), "incidents": OLD},
        {"urls": (ANA,), "rows": LADDER[:1]},
        {"urls": (ANA,), "rows": [*LADDER, holder(1, "Ana Lima", ANA, level=3)]},
        {
            "urls": (ANA,),
            "rows": [LADDER[0], holder(2, "Bo", BO, level=2, end=NOW + dt.timedelta(minutes=5))],
        },
        {
            "urls": (BO,),
            "opened": ago(hours=1),
            "rows": [LADDER[0], holder(2, "Bo", BO, level=2, start=ago(minutes=5)), LADDER[2]],
        },
    ],
    ids=[
        "assigned to nobody",
        "an assignee without a profile",
        "an assignee who is not on call",
        "assignees of two levels",
        "an old answer about on-call",
        "an old answer about incidents",
        "an empty next level",
        "an assignee on two levels",
        "a shift that ends before",
        "an assignee whose turn began after the incident",
    ],
)
def test_an_escalation_names_nobody_where_it_is_not_known_whom_it_pages(unsure):
    assert escalating(*unsure.pop("urls"), **unsure) == "escalates"


def test_an_acknowledgement_that_times_out_pages_those_it_is_assigned_to_again():
    assert escalating(ANA, step="unacknowledge") == "back to triggered, pages Somebody again"
    assert escalating(step="unacknowledge") == "back to triggered"


@pytest.mark.parametrize("step", ["resolve", "urgency_change", "explode"])
def test_a_step_that_pages_nobody_names_nobody(step):
    assert "Bo" not in escalating(ANA, step=step)
    assert "Somebody" not in escalating(ANA, step=step)


def test_an_escalation_after_a_handover_names_the_successor_where_coming_shifts_are_known():
    rows = [
        LADDER[0],
        holder(2, "Bo", BO, level=2, end=NOW + dt.timedelta(minutes=5)),
        holder(3, "Cy", CY, level=2, start=NOW + dt.timedelta(minutes=5)),
    ]
    assert escalating(ANA, rows=rows, levels=2) == "escalates"
    assert escalating(ANA, rows=rows, levels=2, shifts=KNOWN) == "escalates to Cy"
    assert escalating(ANA, rows=rows, levels=2, shifts=OLD) == "escalates"


def test_an_escalation_passes_a_level_that_nobody_will_hold():
    rows = [LADDER[0], LADDER[2]]
    assert escalating(ANA, rows=rows, shifts=KNOWN) == "escalates to Cy Diaz"
    assert escalating(ANA, rows=rows) == "escalates"


def policy_of(*levels, **fields):
    """A policy whose levels name these targets and wait fifteen minutes each."""
    return EscalationPolicy(
        name="Policy",
        levels=[{"delay_s": 900, "targets": list(targets)} for targets in levels],
        **fields,
    )


def ladder(policy, rows, **fields):
    return present_on_call(policy, rows, KNOWN, subject="", moment=Moment(now=NOW), **fields)


PRIMARY = {
    "type": "schedule_reference",
    "id": "PS1",
    "name": "Primary",
    "url": "https://meridian.example/schedules/PS1",
}
LEA = {
    "type": "user_reference",
    "id": "PL",
    "name": "Lea Moreau",
    "url": "https://meridian.example/users/lea",
}


def test_a_level_names_its_targets_also_when_nobody_holds_them():
    levels = ladder(policy_of([PRIMARY], [LEA]), [holder(9, "Lea Moreau", LEA["url"], level=2)])
    assert [[link.text for link in level.targets] for level in levels.levels] == [["Primary"], []]
    assert levels.levels[0].targets[0].url == PRIMARY["url"]


def test_each_level_says_when_it_is_paged_and_an_empty_one_is_not_waited_for():
    rows = [holder(1, "Ana", ANA, level=1), holder(3, "Cy", CY, level=3)]
    waits = [level.after_min for level in ladder(policy_of([], [], []), rows).levels]
    assert waits == [0, None, 15]


@pytest.mark.parametrize(
    ("loops", "said"),
    [
        (0, "After level 2 nobody else is paged."),
        (1, "15 min after level 2 it starts again at level 1, once; then nobody else is paged."),
        (3, "15 min after level 2 it starts again at level 1, 3 times; then nobody else is paged."),
    ],
)
def test_the_ladder_says_what_happens_after_the_last_level(loops, said):
    assert ladder(policy_of([], [], num_loops=loops), []).repeats == said


def test_one_person_on_every_level_is_one_phone_to_miss():
    end = NOW + dt.timedelta(hours=1)
    both = [holder(1, "Ana", ANA, level=1, end=end), holder(1, "Ana", ANA, level=2, end=end)]
    assert "one phone to miss" in ladder(policy_of([], []), both).caution
    assert ladder(policy_of([]), both[:1]).caution == ""
    also = [*both, holder(2, "Bo", BO, level=2)]
    assert ladder(policy_of([], []), also).caution == ""


def test_nobody_is_said_to_hold_every_level_where_one_is_not_known():
    rows = [
        holder(2, "Bo", BO, level=1, end=ago(minutes=1)),
        holder(1, "Ana", ANA, level=2),
        holder(1, "Ana", ANA, level=3),
    ]
    view = present_on_call(
        policy_of([], [], []), rows, OLD, subject="", moment=Moment(now=NOW), shifts=KNOWN
    )
    assert view.levels[0].unknown
    assert view.caution == ""


def test_a_single_person_for_ever_has_nobody_to_relieve_them():
    always = [holder(1, "Ana", ANA, level=1), holder(1, "Ana", ANA, level=2)]
    assert "alone" in ladder(policy_of([]), always[:1]).caution
    assert "alone" in ladder(policy_of([], []), always).caution
    relieved = [*always, holder(2, "Bo", BO, level=1, start=NOW + dt.timedelta(days=1))]
    assert "alone" not in ladder(policy_of([], []), relieved).caution


def upcoming_shifts_of(rows, *, levels=2, shifts=KNOWN, days=14):
    until = NOW + dt.timedelta(days=days)
    policy = policy_of(*([] for _ in range(levels)))
    return ladder(policy, rows, shifts=shifts, shifts_until=until).upcoming


def hours(number):
    return NOW + dt.timedelta(hours=number)


def test_a_gap_to_come_says_who_is_paged_instead_and_how_many_more_there_are():
    rows = [
        holder(1, "Ana", ANA, level=1, end=hours(8)),
        holder(1, "Ana", ANA, level=1, start=hours(24), end=hours(30)),
        holder(1, "Ana", ANA, level=1, start=hours(48)),
        holder(2, "Bo", BO, level=2, end=hours(12)),
        holder(3, "Cy", CY, level=2, start=hours(12)),
    ]
    gap = upcoming_shifts_of(rows).gaps[0]
    assert (gap.level, gap.start, gap.end, gap.more) == (1, hours(8), hours(24), 1)
    assert gap.instead == "PagerDuty pages level 2 instead: Bo and Cy."
    assert gap.tone == "warning"


def test_a_gap_in_which_no_level_has_anybody_is_critical():
    rows = [
        holder(1, "Ana", ANA, level=1, end=hours(8)),
        holder(2, "Bo", BO, level=2, end=hours(9)),
    ]
    gaps = upcoming_shifts_of(rows).gaps
    assert [(one.level, one.end, one.tone) for one in gaps] == [
        (1, None, "critical"),
        (2, None, "critical"),
    ]
    assert "page nobody" in gaps[0].instead


def test_a_level_that_is_empty_now_says_until_when_at_least():
    rows = [
        holder(1, "Ana", ANA, level=1, start=hours(2), end=hours(4)),
        holder(2, "Bo", BO, level=2),
    ]
    gap = upcoming_shifts_of(rows).gaps[0]
    assert (gap.level, gap.is_now, gap.end, gap.more) == (1, True, hours(2), 1)
    gap = upcoming_shifts_of([rows[1]]).gaps[0]
    assert (gap.level, gap.is_now, gap.end, gap.more) == (1, True, None, 0)


def test_a_level_that_is_not_known_now_is_not_called_empty():
    rows = [
        holder(1, "Ana", ANA, level=1, end=ago(minutes=1)),
        holder(1, "Ana", ANA, level=1, start=hours(1), end=hours(2)),
        holder(2, "Bo", BO, level=2),
    ]
    view = present_on_call(
        policy_of([], []),
        rows,
        OLD,
        subject="",
        moment=Moment(now=NOW),
        shifts=KNOWN,
        shifts_until=hours(300),
    )
    assert view.levels[0].unknown
    assert [(one.level, one.start) for one in view.upcoming.gaps] == [(1, hours(2))]


def test_a_single_person_beside_an_empty_level_is_alone_only_if_coming_shifts_say_so():
    rows = [holder(2, "Bo", BO, level=2)]
    assert ladder(policy_of([], []), rows).caution == ""
    known = ladder(policy_of([], []), rows, shifts=KNOWN, shifts_until=hours(300))
    assert "alone" in known.caution


def test_gaps_are_claimed_only_where_coming_shifts_are_known_and_no_further():
    rows = [holder(1, "Ana", ANA, level=1, end=hours(30)), holder(2, "Bo", BO, level=2)]
    assert upcoming_shifts_of(rows, shifts=UNKNOWN).gaps == ()
    assert upcoming_shifts_of(rows, days=1).gaps == ()
    assert len(upcoming_shifts_of(rows, shifts=OLD).gaps) == 1
