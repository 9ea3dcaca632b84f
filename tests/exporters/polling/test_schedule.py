"""Timers and the budget of calls."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from qgm_observe.exporters.polling.schedule import Budget, Timer


@given(st.floats(1, 1e5), st.integers())
def test_an_interval_is_at_most_a_tenth_longer_and_never_shorter(interval, seed):
    """The next poll is due between one interval and 1.1 intervals after this one."""
    timer = Timer(interval, 0.0)
    timer.next(50.0, random.Random(seed))

    assert interval <= timer.due_at - 50.0 + 1e-9
    assert timer.due_at - 50.0 <= 1.1 * interval + 1e-9


@settings(max_examples=50)
@given(st.integers(5, 60), st.lists(st.floats(0, 600), max_size=60))
def test_no_hour_has_more_calls_than_allowed(calls_per_hour, rests):
    """Whenever calls are tried, any window of 3600 s holds at most the budget."""
    budget, now, made = Budget(calls_per_hour, 0.0), 0.0, []
    for rest in rests:
        now += rest
        while budget.take(now):
            made.append(now)
    for place, first in enumerate(made[:-calls_per_hour]):
        assert made[place + calls_per_hour] >= first + 3600 - 1e-6


def test_a_fifth_may_be_called_at_once_and_the_wait_tells_when_the_next():
    """Of 50 calls an hour 10 go at once; after the wait that is told one more does."""
    budget = Budget(50, 0.0)
    made = [budget.take(0.0) for _ in range(11)]
    wait = budget.wait(0.0)

    assert made == [True] * 10 + [False]
    assert abs(wait - 90.0) < 1e-6
    assert not budget.take(wait - 1)
    assert budget.take(wait + 1e-6)


def test_a_clock_that_stands_still_gives_nothing():
    """Without time passing a spent budget stays spent."""
    budget = Budget(5, 10.0)

    assert [budget.take(10.0) for _ in range(3)] == [True, False, False]
