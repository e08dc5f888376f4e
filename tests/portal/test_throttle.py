"""So many actions in so much time."""

import time_machine

from portal.throttle import Throttle

TWO_A_MINUTE = Throttle("test", limit=2, period_s=60)


def test_actions_fit_until_the_limit_and_again_when_the_oldest_leaves_the_window():
    with time_machine.travel("2026-11-01 09:00:00+00:00", tick=False) as clock:
        assert TWO_A_MINUTE.take("ana") == 0
        clock.shift(20)
        assert TWO_A_MINUTE.take("ana") == 0
        clock.shift(10)
        assert TWO_A_MINUTE.take("ana") == 30
        clock.shift(31)
        assert TWO_A_MINUTE.take("ana") == 0


def test_a_clock_that_is_put_back_keeps_nobody_waiting():
    with time_machine.travel("2026-11-01 09:00:00+00:00", tick=False) as clock:
        for _ in range(3):
            TWO_A_MINUTE.take("ana")
        clock.shift(-3600)
        assert TWO_A_MINUTE.take("ana") == 0


def test_one_persons_actions_do_not_count_for_another():
    for _ in range(3):
        TWO_A_MINUTE.take("ana")
    assert TWO_A_MINUTE.take("bo") == 0
