"""The state of a service: every kind of case with what is expected of it, and its words."""

import datetime as dt
import itertools

import pytest

from pagerduty_card.freshness import NOT_FOUND, Certainty, Judgement
from pagerduty_card.overview.presenting import STATES
from pagerduty_card.presenters.states import present_state
from pagerduty_card.states import NOTHING_KNOWN, IncidentCounts, State, service_state

NOW = dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.UTC)


def ago(minutes):
    return NOW - dt.timedelta(minutes=minutes)


def judged(certainty, minutes=None, reason=""):
    at = None if minutes is None else ago(minutes)
    return Judgement(
        certainty=Certainty(certainty), at=at, asked_at=at, reason=reason, is_due=False
    )


INCIDENTS = {"known": judged("known", 3), "old": judged("old", 9), "unknown": judged("unknown")}
# "newer": its row is newer than the list of incidents. "gone": PagerDuty denies the service.
SERVICE = {
    "known": judged("known", 10),
    "newer": judged("known", 1),
    "old": judged("old", 30),
    "unknown": judged("unknown"),
    "gone": judged("old", 2, NOT_FOUND),
    "denied": judged("unknown", reason=NOT_FOUND),
}
STATUSES = ("active", "warning", "critical", "maintenance", "disabled", "tomorrow")
WINDOWS = {"none": None, "over": ago(0.5), "ongoing": NOW + dt.timedelta(hours=1)}
CODES = {
    "A": State.ALARM,
    "U": State.UNKNOWN,
    "W": State.WARNING,
    "M": State.MAINTENANCE,
    "D": State.DISABLED,
    "O": State.OK,
    "o": State.OK,  # an old one
}

# While nothing is open, or it is not known what is: the main state first.
NOTHING_OPEN = """
window    incidents  service   active  warning  critical  maintenance  disabled  tomorrow
none      known      known     O       O        O         M            D         U
none      known      newer     O       W        A         M            D         U
none      known      old       o       o        o         M            D         U
none      known      unknown   U       U        U         U            U         U
none      known      gone      U       U        U         UM           UD        U
none      known      denied    U       U        U         U            U         U
none      old        known     o       o        o         M            D         U
none      old        newer     o       W        A         M            D         U
none      old        old       o       o        o         M            D         U
none      old        unknown   U       U        U         U            U         U
none      old        gone      U       U        U         UM           UD        U
none      old        denied    U       U        U         U            U         U
none      unknown    known     U       W        A         MU           DU        U
none      unknown    newer     U       W        A         MU           DU        U
none      unknown    old       U       W        A         MU           DU        U
none      unknown    unknown   U       U        U         U            U         U
none      unknown    gone      U       U        U         MU           DU        U
none      unknown    denied    U       U        U         U            U         U
over      known      known     O       O        O         O            D         U
over      known      newer     O       W        A         O            D         U
over      known      old       o       o        o         U            D         U
over      known      unknown   U       U        U         U            U         U
over      known      gone      U       U        U         U            UD        U
over      known      denied    U       U        U         U            U         U
over      old        known     o       o        o         U            D         U
over      old        newer     o       W        A         U            D         U
over      old        old       o       o        o         U            D         U
over      old        unknown   U       U        U         U            U         U
over      old        gone      U       U        U         U            UD        U
over      old        denied    U       U        U         U            U         U
over      unknown    known     U       W        A         U            DU        U
over      unknown    newer     U       W        A         U            DU        U
over      unknown    old       U       W        A         U            DU        U
over      unknown    unknown   U       U        U         U            U         U
over      unknown    gone      U       U        U         U            DU        U
over      unknown    denied    U       U        U         U            U         U
ongoing   known      known     M       M        M         M            MD        UM
ongoing   known      newer     M       WM       AM        M            MD        UM
ongoing   known      old       M       M        M         M            MD        UM
ongoing   known      unknown   UM      UM       UM        UM           UM        UM
ongoing   known      gone      UM      UM       UM        UM           UMD       UM
ongoing   known      denied    UM      UM       UM        UM           UM        UM
ongoing   old        known     M       M        M         M            MD        UM
ongoing   old        newer     M       WM       AM        M            MD        UM
ongoing   old        old       M       M        M         M            MD        UM
ongoing   old        unknown   UM      UM       UM        UM           UM        UM
ongoing   old        gone      UM      UM       UM        UM           UMD       UM
ongoing   old        denied    UM      UM       UM        UM           UM        UM
ongoing   unknown    known     MU      MW       MA        MU           DMU       MU
ongoing   unknown    newer     MU      MW       MA        MU           DMU       MU
ongoing   unknown    old       MU      MW       MA        MU           DMU       MU
ongoing   unknown    unknown   MU      MU       MU        MU           MU        MU
ongoing   unknown    gone      MU      MU       MU        MU           DMU       MU
ongoing   unknown    denied    MU      MU       MU        MU           MU        MU
"""
# While something is open, it decides, and this stands behind it.
BESIDE_INCIDENTS = """
window    service   active  warning  critical  maintenance  disabled  tomorrow
none      known     -       -        -         M            D         -
none      newer     -       -        -         M            D         -
none      old       -       -        -         M            D         -
none      unknown   -       -        -         -            -         -
none      gone      -       -        -         M            D         -
none      denied    -       -        -         -            -         -
over      known     -       -        -         -            D         -
over      newer     -       -        -         -            D         -
over      old       -       -        -         -            D         -
over      unknown   -       -        -         -            -         -
over      gone      -       -        -         -            D         -
over      denied    -       -        -         -            -         -
ongoing   known     M       M        M         M            MD        M
ongoing   newer     M       M        M         M            MD        M
ongoing   old       M       M        M         M            MD        M
ongoing   unknown   M       M        M         M            M         M
ongoing   gone      M       M        M         M            MD        M
ongoing   denied    M       M        M         M            M         M
"""
OPEN = {
    ("acknowledged",): "W",
    ("triggered",): "A",
    ("tomorrow",): "U",
    ("acknowledged", "triggered"): "A",
    ("acknowledged", "tomorrow"): "U",
    ("tomorrow", "triggered"): "A",
    ("", "acknowledged", "acknowledged", "triggered"): "A",
}


def lines_of(table):
    heading, *lines = (line.split() for line in table.strip().splitlines())
    return [dict(zip(heading, line, strict=True)) for line in lines]


def cases_of(table):
    """Each line with each status, and what is expected of it."""
    for line, status in itertools.product(lines_of(table), STATUSES):
        yield line, status, line[status].replace("-", "")


def state_of(case, status="active", statuses=()):
    return state_with(
        status=status,
        maintenance_until=WINDOWS[case.get("window", "none")],
        counts=IncidentCounts.of(statuses),
        service=SERVICE[case.get("service", "known")],
        incidents=INCIDENTS[case.get("incidents", "known")],
    )


def state_with(**fields):
    """Of an active service of which all is known, but for these fields."""
    return service_state(
        **{
            "status": "active",
            "maintenance_until": None,
            "counts": IncidentCounts(),
            "service": SERVICE["known"],
            "incidents": INCIDENTS["known"],
            "now": NOW,
            **fields,
        }
    )


def expected_of(codes):
    return tuple(CODES[code] for code in codes)


class TestTheRule:
    def test_the_tables_have_every_case(self):
        for table, *dimensions in (
            (NOTHING_OPEN, WINDOWS, INCIDENTS, SERVICE),
            (BESIDE_INCIDENTS, WINDOWS, SERVICE),
        ):
            lines = [tuple(line.values())[: len(dimensions)] for line in lines_of(table)]
            assert lines == list(itertools.product(*dimensions))

    def test_while_nothing_is_open_the_service_decides(self):
        for case, status, codes in cases_of(NOTHING_OPEN):
            found = state_of(case, status)
            assert found.states == expected_of(codes), (case, status)
            if "O" in codes or "o" in codes:
                assert found.is_old == ("o" in codes), (case, status)

    def test_what_is_open_decides_where_it_is_known(self):
        for case, status, codes in cases_of(BESIDE_INCIDENTS):
            for incidents, (statuses, main) in itertools.product(("known", "old"), OPEN.items()):
                found = state_of({**case, "incidents": incidents}, status, statuses)
                assert found.states == expected_of(main + codes), (case, status, statuses)
                assert found.is_old == (incidents == "old")
                assert found.counts.total == len(statuses)

    def test_what_was_open_says_nothing_where_it_is_not_known(self):
        for case, status, codes in cases_of(NOTHING_OPEN):
            if case["incidents"] == "unknown":
                found = state_of(case, status, ["triggered"])
                assert found.states == expected_of(codes), (case, status)
                assert (found.counts.total, found.as_of, found.is_old) == (0, None, False)

    def test_only_an_ongoing_window_has_an_end(self):
        for case, status, _ in cases_of(NOTHING_OPEN):
            until = state_of(case, status).until
            assert until == (WINDOWS["ongoing"] if case["window"] == "ongoing" else None)

    @pytest.mark.parametrize(
        ("incidents", "service", "as_of"),
        [
            ("known", "known", 3),
            ("known", "old", 30),  # an OK is as old as what says that the service is on
            ("old", "newer", 9),
            ("old", "old", 30),
            ("old", "unknown", 9),
        ],
    )
    def test_it_is_as_old_as_the_answers_it_rests_on(self, incidents, service, as_of):
        found = state_of({"incidents": incidents, "service": service})
        assert found.as_of == ago(as_of)

    def test_a_status_as_old_as_the_incidents_raises_no_alarm(self):
        same = judged("known", 3)
        assert state_with(status="critical", service=same).states == (State.OK,)

    def test_a_window_that_ends_now_is_over(self):
        found = state_with(maintenance_until=NOW)
        assert (found.states, found.until) == ((State.OK,), None)

    @pytest.mark.parametrize(("ended", "state"), [(9, State.OK), (11, State.MAINTENANCE)])
    def test_a_status_holds_that_was_told_after_the_window_ended(self, ended, state):
        asked = judged("known", 10)
        found = state_with(status="maintenance", maintenance_until=ago(ended), service=asked)
        assert (found.states, found.until) == ((state,), None)

    def test_a_service_is_ranked_by_the_worst_of_its_states(self):
        in_maintenance = state_of({"window": "ongoing", "incidents": "unknown"}, "critical")
        assert in_maintenance.main is State.MAINTENANCE
        assert in_maintenance.rank == State.ALARM.rank == 0
        assert [state.rank for state in State] == [0, 1, 2, 3, 4, 5]


class TestTheWords:
    def test_green_is_only_an_ok_that_both_answers_confirm(self):
        for case, status, codes in cases_of(NOTHING_OPEN):
            marks = present_state(state_of(case, status)).marks
            is_green = "good" in {mark.tone for mark in marks}
            assert is_green == (codes == "O"), (case, status)

    def test_a_state_is_said_in_capitals_with_its_counts(self):
        statuses = ["acknowledged", "triggered", "acknowledged", "tomorrow"]
        found = present_state(state_of({"window": "ongoing"}, statuses=statuses))
        assert [mark.word for mark in found.marks] == ["ALARM", "MAINTENANCE"]
        assert found.counts == "1 triggered, 1 of unknown status, 2 acknowledged"
        assert found.words == f"ALARM, MAINTENANCE: {found.counts}"
        by_status = {"triggered": 1, "tomorrow": 1, "acknowledged": 2}
        counts = present_state(state_of({}, statuses=statuses), by_status).counts
        assert counts == "1 triggered, 1 tomorrow, 2 acknowledged"
        assert present_state(NOTHING_KNOWN).words == "UNKNOWN"

    @pytest.mark.parametrize(
        ("case", "status", "held_back"),
        [
            ({}, "active", ""),
            ({}, "maintenance", "in maintenance"),
            ({"window": "ongoing"}, "active", "in maintenance"),
            ({"window": "ongoing"}, "disabled", "in maintenance"),
            ({"window": "ongoing", "incidents": "unknown"}, "disabled", "disabled"),
            ({"service": "unknown"}, "disabled", ""),
        ],
    )
    def test_what_keeps_pagerduty_from_a_new_incident_is_said(self, case, status, held_back):
        assert present_state(state_of(case, status)).held_back == held_back

    def test_the_index_offers_every_state_in_the_order_of_ranks(self):
        slugs = [state.slug for state in STATES]
        assert [slug for slug in slugs if slug != "nobody"] == list(State)
        assert slugs[1] == "nobody"
