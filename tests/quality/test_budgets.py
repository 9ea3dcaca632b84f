"""Comparison of shot budgets by job."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from qgm_observe.errors import UsageError
from qgm_observe.quality.budgets import between_job_sd, compare_budgets

arms = st.lists(st.floats(0, 1), min_size=2, max_size=15).filter(lambda arm: np.ptp(arm) > 1e-6)


@given(arms, arms)
def test_the_comparison_is_welchs_test(first, second):
    """Interval and p equal those of an independent implementation."""
    oracle = ttest_ind(second, first, equal_var=False)
    interval = oracle.confidence_interval(0.95)
    told = compare_budgets(first, second)

    assert told.p == pytest.approx(oracle.pvalue, abs=1e-9)
    assert (told.difference.low, told.difference.high) == pytest.approx(
        (interval.low, interval.high), abs=1e-9
    )


def test_jobs_that_differ_raise_no_false_finding():
    """With a between-job deviation of 0.02 at most 9 % of 600 equal pairs are found different."""
    random, shots = np.random.default_rng(1), 4000
    ratios = 0.8 + 0.02 * random.standard_normal((600, 2, 10))
    means = random.binomial(shots, ratios) / shots
    found = [compare_budgets(*pair).p < 0.05 for pair in means]
    pooled = means.mean(axis=2)
    naive = np.abs(pooled[:, 0] - pooled[:, 1]) / math.sqrt(2 * 0.16 / (10 * shots)) > 1.96

    assert np.mean(found) <= 0.09
    assert np.mean(naive) > 0.4  # the test that pools the shots is wrong half of the time


@pytest.mark.parametrize("arm", [[], [0.5]])
def test_single_jobs_cannot_be_compared(arm):
    """Fewer than two jobs in an arm are a reason."""
    told = compare_budgets(arm, [0.1, 0.2])

    assert told.p is None
    assert told.difference.reason == f"insufficient jobs: {len(arm)}, needs 2 in each arm"


@pytest.mark.parametrize(("second", "p"), [([0.5, 0.5], 1.0), ([0.6, 0.6], 0.0)])
def test_jobs_without_scatter_raise_no_warning(second, p):
    """Constant arms are equal or different for certain."""
    assert compare_budgets([0.5, 0.5], second).p == p


@pytest.mark.parametrize("tau", [0.0, 0.02])
def test_the_between_job_deviation_is_covered(tau):
    """The 95 % interval covers the truth in at least 92 % of 600 sets of 20 jobs."""
    random = np.random.default_rng(2)
    spread = math.hypot(tau, 0.7 / math.sqrt(1000))
    told = [between_job_sd(0.8 + spread * row, 1000, 0.7) for row in random.normal(size=(600, 20))]

    assert np.mean([each.low <= tau <= each.high for each in told]) >= 0.92
    assert all(each.low <= each.value <= each.high for each in told)


def test_the_between_job_deviation_needs_jobs():
    """One job has a reason; no shots and no deviation are refused."""
    assert between_job_sd([0.5], 100, 0.5).reason == "insufficient jobs: 1, needs 2"
    for shots, sd in ((0, 0.5), (100, 0.0), (100, float("nan"))):
        with pytest.raises(UsageError):
            between_job_sd([0.5, 0.6], shots, sd)
