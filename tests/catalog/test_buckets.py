"""Buckets: how far a quantile that Prometheus reads from them may be off."""

import math
from itertools import pairwise
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import STAGES
from qgm_observe.catalog.buckets import DURATION, between

DAY = 86400.0
CASES = [
    ("compile", 0.010),
    ("compile", 300.0),
    ("submit", 0.010),
    ("queue", 1.0),
    ("queue", 3600.0),
    ("queue", 2.9 * DAY),
    ("execute", 0.050),
    ("execute", 4 * 3600.0),
    ("decode", 0.001),
    ("evaluate", 0.005),
    ("optimize", 0.001),
    ("prepare", 0.1),
    ("register", 1.0),
    ("encode", 0.001),
]


def quantile_from_buckets(q: float, bounds: tuple[float, ...], values: list[float]) -> float:
    """PromQL's histogram_quantile: linear inside the bucket that holds the rank."""
    rank = q * len(values)
    below, low = 0, 0.0
    for bound in bounds:
        covered = sum(value <= bound for value in values)
        if covered >= rank:
            return low + (bound - low) * (rank - below) / (covered - below)
        below, low = covered, bound
    return bounds[-1]


def spread(median: float, sigma: float, count: int = 400) -> list[float]:
    """Log-normal durations at evenly spaced ranks, so that nothing is random."""
    normal = NormalDist(math.log(median), sigma)
    return [math.exp(normal.inv_cdf((rank + 0.5) / count)) for rank in range(count)]


@pytest.mark.parametrize(("stage", "p95"), CASES)
@pytest.mark.parametrize("sigma", [0.05, 0.5, 1.5])
def test_the_p95_of_a_stage_is_within_a_factor_of_2(stage, p95, sigma):
    """From 10 ms compiles to 3-day queues a p95 read from the buckets is at most twice off."""
    values = spread(p95 / math.exp(1.645 * sigma), sigma)
    true = sorted(values)[int(0.95 * len(values)) - 1]
    read = quantile_from_buckets(0.95, STAGES[stage].buckets, values)

    assert 0.5 <= read / true <= 2


@given(st.sampled_from([*STAGES]), st.floats(0, 1), st.floats(0, 1), st.floats(0.5, 0.99))
def test_any_quantile_inside_the_bounds_is_within_a_factor_of_2(stage, place, rank, q):
    """Two clusters of durations anywhere between the bounds: no quantile is off by over 2."""
    bounds = STAGES[stage].buckets
    low, high = math.log(bounds[0] * 1.001), math.log(bounds[-1])
    values = sorted(
        [math.exp(low + (high - low) * place)] * 30 + [math.exp(low + (high - low) * rank)] * 70
    )
    true = values[math.ceil(q * len(values)) - 1]
    read = quantile_from_buckets(q, bounds, values)

    assert 0.5 <= read / true <= 2


@pytest.mark.parametrize("bounds", [DURATION, *(stage.buckets for stage in STAGES.values())])
def test_neighbors_are_close_and_few(bounds):
    """Neighboring bounds differ by a factor of at most 2, with fewer than 40 of them."""
    factors = [high / low for low, high in pairwise(bounds)]

    assert min(factors) > 1
    assert max(factors) <= 2
    assert len(bounds) < 40


def test_compile_and_queue_cover_what_the_design_asks_for():
    """Compile reaches from 10 ms to 10 minutes, queue from a second to three days."""
    compile_bounds, queue_bounds = STAGES["compile"].buckets, STAGES["queue"].buckets

    assert compile_bounds[0] <= 0.01 / 2
    assert compile_bounds[-1] == 600
    assert queue_bounds[0] <= 1 / 2
    assert queue_bounds[-1] == 3 * DAY


def test_bounds_are_what_people_name():
    """Seconds, minutes, hours and days that somebody would promise, both ends included."""
    minutes = {60.0 * number for number in (1, 2, 5, 10, 30, 60, 120, 360)}

    assert {0.5, 1, 2, 5, 10, 30, *minutes, DAY, 3 * DAY} <= set(DURATION)
    assert between(0.2, 3.0) == (0.2, 0.3, 0.5, 1.0, 2.0, 3.0)
