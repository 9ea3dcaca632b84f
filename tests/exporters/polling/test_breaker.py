"""The circuit breaker."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.exporters.polling.breaker import LONGEST_PAUSE, Breaker, CircuitState


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(random.Random(3))


def test_three_failures_open_it_and_an_answer_closes_it(breaker):
    """It opens at the third failure, lets one call through after the pause, and then closes."""
    for _ in range(2):
        breaker.failed(0.0)
    assert breaker.state is CircuitState.CLOSED
    breaker.failed(0.0)
    assert (breaker.state, breaker.allows(29.9)) == (CircuitState.OPEN, False)

    assert breaker.allows(33.0)
    assert breaker.state is CircuitState.HALF_OPEN
    breaker.succeeded()
    assert (breaker.state, breaker.retry_at) == (CircuitState.CLOSED, None)


def test_each_failed_trial_doubles_the_pause_up_to_a_quarter_of_an_hour(breaker):
    """Pauses are 30 s, 60 s, ... up to 900 s, each up to a tenth longer."""
    now, pauses = 0.0, []
    for _ in range(2):
        breaker.failed(now)
    for _ in range(8):
        breaker.failed(now)
        pauses.append(breaker.retry_at - now)
        now = breaker.retry_at
        assert breaker.allows(now)

    expected = [30, 60, 120, 240, 480, 900, 900, 900]
    ratios = [told / wanted for told, wanted in zip(pauses, expected, strict=True)]
    assert all(1 <= ratio <= 1.1 for ratio in ratios)


def test_what_the_provider_told_to_wait_is_kept_at_the_first_failure(breaker):
    """With Retry-After the circuit opens at once and for no shorter time."""
    breaker.failed(10.0, 77.0)

    assert (breaker.retry_at, breaker.allows(86.9), breaker.allows(87.0)) == (87.0, False, True)


def test_a_pause_of_its_own_never_shortens_what_was_told(breaker):
    """A later failure without Retry-After leaves the longer wait in force."""
    breaker.failed(0.0, 500.0)
    breaker.failed(1.0)
    breaker.failed(2.0)

    assert breaker.retry_at == 500.0


@given(st.lists(st.tuples(st.floats(0, 1e4), st.booleans()), max_size=40))
def test_it_never_holds_back_longer_than_its_longest_pause(steps):
    """Whatever happens, without Retry-After a call may be made again within 990 s."""
    breaker, now = Breaker(random.Random(1)), 0.0
    for rest, works in steps:
        now += rest
        if breaker.allows(now):
            breaker.succeeded() if works else breaker.failed(now)
        assert breaker.retry_at is None or breaker.retry_at <= now + 1.1 * LONGEST_PAUSE
