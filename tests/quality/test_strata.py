"""Differences within strata."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t, ttest_ind

from qgm_observe.quality.strata import Fit, fitted, weights


def sample(seed: int, first: int, second: int, strata: int = 1):
    """Values of two arms, spread over strata of equal size."""
    random = np.random.default_rng(seed)
    arm = np.repeat([False, True], [first, second])
    values = random.normal(0, np.where(arm, 3.0, 1.0)) + 0.5 * arm
    return values, arm, np.arange(first + second) % strata


@given(st.integers(0, 50), st.integers(2, 30), st.integers(2, 30))
def test_one_stratum_is_welchs_test(seed, first, second):
    """Difference, error and degrees of freedom are those of an independent implementation."""
    values, arm, stratum = sample(seed, first, second)
    found = fitted(values, arm, stratum)
    theirs = ttest_ind(values[arm], values[~arm], equal_var=False)

    assert found.value / found.error == pytest.approx(theirs.statistic)
    assert found.freedom == pytest.approx(theirs.df)


@given(st.integers(0, 50), st.lists(st.floats(-100, 100), min_size=4, max_size=4))
def test_what_a_stratum_does_to_both_cancels(seed, shifts):
    """Any constant added to a stratum leaves the difference and its error as they are."""
    values, arm, stratum = sample(seed, 40, 12, strata=4)
    plain = fitted(values, arm, stratum)
    moved = fitted(values + np.array(shifts)[stratum], arm, stratum)

    assert moved.value == pytest.approx(plain.value, abs=1e-9)
    assert moved.error == pytest.approx(plain.error, abs=1e-9)


def test_a_growing_share_is_no_effect():
    """A bad day on which the candidate had most of the traffic does not count against it."""
    stratum = np.array([0] * 10 + [1] * 10)
    arm = np.array(([False] * 8 + [True] * 2) + ([False] * 2 + [True] * 8))
    values = np.where(stratum == 1, 0.2, 0.8)

    assert fitted(values, arm, stratum).value == pytest.approx(0)


def test_the_error_is_that_of_many_samples():
    """Over 2,000 samples with few of one arm in each stratum, 95 % intervals hold in 93 to 97 %."""
    held = 0
    for seed in range(2000):
        values, arm, stratum = sample(seed, 40, 10, strata=5)
        found = fitted(values, arm, stratum)
        held += abs(found.score(0.5)) < norm.isf(0.025)

    assert 0.93 < held / 2000 < 0.97


def test_arms_that_never_meet_are_not_compared():
    """Without a stratum that has both arms there is nothing."""
    arm = np.array([False, True])

    assert fitted(np.zeros(2), arm, np.array([0, 1])) is None
    assert weights(arm, np.array([0, 1])).tolist() == [0.0, 0.0]
    assert weights(np.array([False, False, True]), np.zeros(3, np.int64)).tolist() == [2 / 3]


def test_shares_without_any_failure_are_not_certain():
    """Ten successes of ten and ninety of ninety leave an error of at least three points."""
    arm = np.repeat([False, True], [90, 10])
    found = fitted(np.ones(100), arm, np.zeros(100, np.int64), is_share=True)

    assert found.value == pytest.approx(0)
    assert found.error > 0.03
    assert fitted(np.ones(100), arm, np.zeros(100, np.int64)).error == 0


def test_scores_and_bounds_are_students():
    """A score is the normal quantile of Student's tail, and a bound lies at that of the score."""
    fit = Fit(1.0, 0.5, 7.0)

    assert norm.sf(fit.score(0.0)) == pytest.approx(t.sf(2.0, 7))
    assert fit.score(fit.value - fit.reach(1.7)) == pytest.approx(1.7)
    assert fit.reach(math.inf) == math.inf
    assert Fit(1.0, 0.0, 1.0).score() == math.inf
    assert Fit(0.0, 0.0, 1.0).score() == 0
