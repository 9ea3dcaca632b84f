"""How long a device will work on a job."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import ExecutionMode
from qgm_observe.records import Attempt, Job, Work
from qgm_observe.spend.foresight import History


def test_without_history_the_guide_s_formula_is_the_estimate():
    """IBM's guide says 2 + 0.00035 s an execution; there is no interval."""
    told = History().predict("ibm", "ibm_fez", 10_000)

    assert told.value == pytest.approx(5.5)
    assert (told.low, told.high, told.n) == (None, None, 0)


def test_unknown_shots_are_the_sampler_s_default():
    """Where nobody said how many shots, 4,096 are assumed."""
    assert History().predict("ibm", "ibm_fez", None).value == pytest.approx(2 + 0.00035 * 4096)


def test_what_ran_scales_the_formula():
    """Jobs that took half of the formula's time halve it, for other shots as well."""
    history = History()
    for _ in range(3):
        history.add("ibm", "ibm_fez", 10_000, 2.75)

    assert history.predict("ibm", "ibm_fez", 20_000).value == pytest.approx(4.5)
    assert history.predict("ibm", "ibm_brisbane", 10_000).value == pytest.approx(5.5)


def test_records_of_jobs_are_a_history():
    """Billed time goes before the time of execution; jobs without either tell nothing."""

    def job(**attempt) -> Job:
        attempts = (Attempt(number=1, **attempt),)
        device = {"provider": "ibm", "device": "d", "execution_mode": ExecutionMode.JOB}
        return Job(id="1", work=Work(), started_at=0.0, shots=10_000, attempts=attempts, **device)

    history = History([job(device_seconds=11.0, execute_seconds=1.0), job()])

    assert history.predict("ibm", "d", 10_000).value == pytest.approx(11.0)


@pytest.mark.parametrize("number", [20, 60, 200])
def test_the_interval_covers_the_next_job(number):
    """Of 2,000 jobs from a skewed distribution the interval holds its level, within noise."""
    chance = random.Random(number)
    hits, level = 0, 0.0
    for _ in range(2_000):
        history = History()
        for _ in range(number):
            history.add("ibm", "d", 1_000, chance.lognormvariate(0.7, 0.5))
        told = history.predict("ibm", "d", 1_000)
        hits += told.low <= chance.lognormvariate(0.7, 0.5) <= told.high
        level = told.level

    assert level >= 0.9
    assert abs(hits / 2_000 - level) < 0.03


@given(st.lists(st.floats(0.1, 1e4), min_size=1, max_size=60), st.integers(1, 10**7))
def test_an_estimate_lies_in_its_interval(seconds, executions):
    """Whatever was seen, the estimate is positive and within its own interval, if it has one."""
    history = History()
    for each in seconds:
        history.add("ibm", "d", 1_000, each)
    told = history.predict("ibm", "d", executions)

    assert told.value > 0
    assert told.low is None or told.low <= told.value <= told.high
